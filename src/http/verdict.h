/* Why a call failed, in the words of whoever has to repair it.
 *
 * Knows libcurl's and OpenSSL's codes, and nothing about how a call is made. */
#ifndef POLLUX_HTTP_VERDICT_H
#define POLLUX_HTTP_VERDICT_H

#include <curl/curl.h>

#include "base/error.h"

/* `where` names the other side: "atl-cs-001.litwareinc.com (192.0.2.7:444)". `detail` is what
 * libcurl wrote into the error buffer. */
enum failure verdict_of(CURL *easy, CURLcode code, const char *host, const char *where,
                        const char *detail, unsigned deadline_ms, struct error *e);

/* The same for the daemon of this machine and its socket. */
enum failure verdict_of_socket(CURL *easy, CURLcode code, const char *socket_path,
                               const char *detail, struct error *e);

#endif
