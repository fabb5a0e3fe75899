/* Asking the person at the terminal: yes or no, and for a secret. Goes to the terminal itself, so
 * that it works while input and output are files. */
#ifndef POLLUX_CMDLET_SHELL_PERSON_H
#define POLLUX_CMDLET_SHELL_PERSON_H

#include <stdbool.h>

#include "base/error.h"

enum { SECRET_SIZE = 1024 }; /* bytes of a line that is read as a secret */

/* FAIL_INVALID: there is no terminal to ask at. */
enum failure person_agrees(const char *question, bool *yes, struct error *e);
/* The question of -Confirm, which was typed (`wished`) or is the command's own. A No is an error:
 * whoever typed more behind it wants to know that it was not done. `*yes` is false after Ctrl-C,
 * too. */
enum failure person_confirms(bool wished, bool *yes, struct error *e);
/* Without showing it, twice; both must be the same. Whatever comes of it, the caller wipes it. */
enum failure person_secret(const char *what, char secret[SECRET_SIZE], struct error *e);
/* The first line of an open file. */
enum failure secret_from_descriptor(int fd, char secret[SECRET_SIZE], struct error *e);

#endif
