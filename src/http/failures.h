/* Failures on the wire: the one table of HTTP statuses, and the JSON that carries the sentences.
 *
 * Whoever answers writes them here, whoever called reads them back here, so that an error says the
 * same at both ends. */
#ifndef POLLUX_HTTP_FAILURES_H
#define POLLUX_HTTP_FAILURES_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/error.h"

unsigned http_status_of(enum failure kind);
/* Will the same call work if it is made again a little later? Then the answer says Retry-After. */
bool http_worth_retrying(enum failure kind);

/* {"error": word, "what": …, "kept": …, "next": …}, owned by the caller. Bytes that are not UTF-8
 * become question marks: an error must always be able to travel. */
char *http_error_to_json(const struct error *e);

/* What a status other than 2xx says. An answer that is not our JSON (a proxy, another program on
 * that port) becomes a failure that shows the status and the beginning of the text. Returns
 * `e->kind`, never OK. */
enum failure http_error_from_answer(unsigned status, struct bytes body, struct error *e);

#endif
