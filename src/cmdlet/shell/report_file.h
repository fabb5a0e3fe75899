/* The file that -Report names: written by the program that is typed at, with its rights. */
#ifndef POLLUX_CMDLET_SHELL_REPORT_FILE_H
#define POLLUX_CMDLET_SHELL_REPORT_FILE_H

#include <stdint.h>

#include <jansson.h>

#include "cmdlet/bind.h"

/* Where the report of the command's run number `run` (from 1) goes: several of them, for objects
 * from a pipe, do not overwrite each other (x.html, x-2.html, …). NULL: none is wanted. Owned by
 * the caller. */
char *report_file_path(const struct binding *binding, unsigned run);
/* Of a command whose report is kept in any case, and where none was typed: names a file of its own
 * for it, as if that had been typed. False: there is no place, or it is a rehearsal. */
bool report_file_keep(struct binding *binding);
/* Before the command: can it be written, and is what stands there only an older report? */
enum failure report_file_check(const char *path, struct error *e);
/* What is known here of a command whose answer broke off, for its report. Owned by the caller. */
json_t *report_file_broken(const struct binding *binding, uint64_t began_wall_ms,
                           const struct error *e);
/* Whole, or not at all. */
enum failure report_file_write(const char *path, const json_t *facts, struct error *e);

#endif
