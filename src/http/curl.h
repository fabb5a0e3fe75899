/* What both ways to ask, the many calls of `client.h` and the one question of `ask.h`, say to
 * libcurl. */
#ifndef POLLUX_HTTP_CURL_H
#define POLLUX_HTTP_CURL_H

#include <stdint.h>

#include <curl/curl.h>

#include "base/bytes.h"
#include "http/identity.h"

void curl_begin(void); /* once for the process; any thread, any number of times */

/* No signals, no proxy, no redirect, no file of the system's, this scheme only. */
void curl_set_manners(CURL *easy, const char *scheme);

/* Method, path below `url` and body; `body` is lent until the call is over. Returns the list of
 * headers, for the caller to free after the call. */
struct curl_slist *curl_set_request(CURL *easy, const char *method, const char *type,
                                    struct bytes body);

/* Another machine: the host is the name that its certificate must carry; without an address it is
 * resolved. Returns a list, for the caller to free after the call; it may be NULL. */
struct curl_slist *curl_set_server(CURL *easy, const char *host, const char *address, uint16_t port,
                                   const char *path);
/* TLS 1.3 with this identity, which is lent until the call is over. */
void curl_set_identity(CURL *easy, const struct identity *identity);

enum { CURL_WHERE_MAX = 400 };
/* The same for people: "atl-cs-001.litwareinc.com (192.0.2.7:444)". */
void curl_where(const char *host, const char *address, uint16_t port, char text[CURL_WHERE_MAX]);

#endif
