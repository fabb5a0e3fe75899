/* The sentences beside an answer: warnings and the like, and errors, as PowerShell words them. */
#ifndef POLLUX_CMDLET_ANSWER_NOTICE_H
#define POLLUX_CMDLET_ANSWER_NOTICE_H

#include <stdio.h>

#include <jansson.h>

#include "base/error.h"

enum notice { NOTICE_WARNING, NOTICE_VERBOSE, NOTICE_DEBUG, NOTICE_INFORMATION, NOTICES };

/* What it is called in the stream of an answer: "warning", … */
const char *notice_key(enum notice kind);
/* "WARNING: …"; information has nothing in front. */
void notice_show(FILE *to, enum notice kind, const char *text);

/* What happened, behind the command's name; then, indented, what was left unchanged and what to do
 * next. */
void notice_show_error(FILE *to, const char *command, const struct error *e);
/* Reads {"error": kind, "what": …, "kept": …, "next": …}; what is missing or unknown there becomes
 * a FAIL_IO that still says something. Returns the kind, never OK. */
enum failure notice_read_error(const json_t *value, struct error *e);

#endif
