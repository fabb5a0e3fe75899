/* A report for people: the facts of one command (admin/report.h) as a page that stands alone, needs
 * nothing from elsewhere, and can be printed. The facts themselves stand in it as JSON, for
 * programs. Knows nothing of files. */
#ifndef POLLUX_CMDLET_ANSWER_REPORT_H
#define POLLUX_CMDLET_ANSWER_REPORT_H

#include <stdbool.h>

#include <jansson.h>

#include "base/bytes.h"

/* Owned by the caller. What is missing in the facts, or of a kind that makes no sense, is left out.
 */
char *report_page(const json_t *facts);

enum { REPORT_MARK_BYTES = 512 }; /* in so many of its first bytes a page says what it is */
bool report_is_page(struct bytes beginning);

#endif
