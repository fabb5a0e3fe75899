/* A look at a text before libconfuse reads it.
 *
 * libconfuse drops some things without a word and counts lines wrongly behind comments. This finds
 * what it would drop, each with its line, and takes the comments out. It knows nothing about
 * options and sections; it knows words, quotes and comments. */
#ifndef POLLUX_CONF_LOOK_H
#define POLLUX_CONF_LOOK_H

#include "base/faults.h"

/* The text without its comments, line by line as it was; or NULL with at least one fault. */
char *conf_look(const char *text, const char *name, struct faults *faults);

#endif
