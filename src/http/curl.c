#include "http/curl.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum {
    LARGE_BODY_BYTES = 64 << 10,     /* from here on a large buffer pays … */
    UPLOAD_BUFFER_BYTES = 512 << 10, /* … this one: a third of the system calls, four times the rate
                                        over a Unix socket */
};

static void begin(void)
{
    CURLcode rc = curl_global_init(CURL_GLOBAL_DEFAULT);
    assert(rc == CURLE_OK);
}

void curl_begin(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, begin);
}

void curl_set_manners(CURL *easy, const char *scheme)
{
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, scheme);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
}

static struct curl_slist *with(struct curl_slist *list, const char *header)
{
    list = curl_slist_append(list, header);
    if (!list)
        abort(); /* out of memory, see base/memory.h */
    return list;
}

struct curl_slist *curl_set_request(CURL *easy, const char *method, const char *type,
                                    struct bytes body)
{
    bool head = strcmp(method, "HEAD") == 0;
    bool bare = head || (strcmp(method, "GET") == 0 && body.size == 0);
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    if (head)
        curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    if (!bare) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.size);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body.size ? (const char *)body.at : "");
    }
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
    if (body.size >= LARGE_BODY_BYTES)
        curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BUFFER_BYTES);
    /* An empty Expect: otherwise a large body waits for a leave that nobody has to give. */
    struct curl_slist *headers = with(NULL, "Expect:");
    char *line = type ? xasprintf("Content-Type: %s", type) : xstrdup("Content-Type:");
    headers = with(headers, line);
    free_memory(line);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    return headers;
}

static bool is_v6(const char *address)
{
    return strchr(address, ':') != NULL;
}

struct curl_slist *curl_set_server(CURL *easy, const char *host, const char *address, uint16_t port,
                                   const char *path)
{
    OWNED(free_memory) char *url = xasprintf("https://%s:%u%s", host, port, path);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    if (!address)
        return NULL;
    OWNED(free_memory)
    char *to =
        xasprintf(is_v6(address) ? "%s:%u:[%s]:%u" : "%s:%u:%s:%u", host, port, address, port);
    struct curl_slist *list = with(NULL, to);
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, list);
    return list;
}

static struct curl_blob blob_of(struct bytes v)
{
    return (struct curl_blob){
        .data = (void *)(uintptr_t)v.at, .len = v.size, .flags = CURL_BLOB_COPY};
}

/* As bytes, not as file names: what is believed changes when we reload and not when a file does,
 * and libcurl uses a connection again only for calls with the same bytes. */
void curl_set_identity(CURL *easy, const struct identity *identity)
{
    struct curl_blob certificate = blob_of(identity_certificate(identity));
    struct curl_blob key = blob_of(identity_private_key(identity));
    struct curl_blob authority = blob_of(identity_authority(identity));
    curl_easy_setopt(easy, CURLOPT_SSLVERSION,
                     (long)CURL_SSLVERSION_TLSv1_3 | (long)CURL_SSLVERSION_MAX_TLSv1_3);
    curl_easy_setopt(easy, CURLOPT_SSLCERT_BLOB, &certificate);
    curl_easy_setopt(easy, CURLOPT_SSLKEY_BLOB, &key);
    curl_easy_setopt(easy, CURLOPT_CAINFO_BLOB, &authority);
    curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L); /* a session outlives a reload */
}

void curl_where(const char *host, const char *address, uint16_t port, char text[CURL_WHERE_MAX])
{
    address = address ? address : host;
    snprintf(text, CURL_WHERE_MAX, is_v6(address) ? "%s ([%s]:%u)" : "%s (%s:%u)", host, address,
             port);
}
