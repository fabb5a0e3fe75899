/* What both clients, to other machines and to the local daemon, say to libcurl. */
#ifndef POLLUX_HTTP_CURL_H
#define POLLUX_HTTP_CURL_H

#include <curl/curl.h>

#include "base/bytes.h"

void curl_begin(void); /* once for the process; any thread, any number of times */

/* No signals, no proxy, no redirect, no file of the system's, this scheme only. */
void curl_set_manners(CURL *easy, const char *scheme);

/* Method, path below `url` and body; `body` is lent until the call is over. Returns the list of
 * headers, for the caller to free after the call. */
struct curl_slist *curl_set_request(CURL *easy, const char *method, const char *type,
                                    struct bytes body);

#endif
