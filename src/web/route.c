#include "web/route.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "http/server.h"
#include "web/attendance.h"
#include "web/conference.h"
#include "web/content.h"
#include "web/document.h"
#include "web/presence.h"
#include "web/remember.h"
#include "web/session.h"
#include "web/settings.h"
#include "web/sign_on.h"

enum method { GET, POST, PUT, DELETE, METHODS };
static const char *const method_names[METHODS] = {
    [GET] = "GET", [POST] = "POST", [PUT] = "PUT", [DELETE] = "DELETE"};

/* Behind it stands the pool whose home is asked for. */
static const char of_pool[] = "/v1/pools/";

/* A path that ends in '/' stands for all that begin so and go on; a '*' for what stands up to the
 * next '/'. Lines of the same beginning: the longest first. */
static const struct route {
    const char *path;
    visit_handler *handlers[METHODS];
} routes[] = {
    {"/v1/session", {[GET] = session_show, [POST] = session_open, [DELETE] = session_end}},
    {"/v1/presence", {[GET] = presence_show, [PUT] = presence_set, [DELETE] = presence_clear}},
    {"/v1/presence/", {[GET] = presence_show_other}},
    {"/v1/settings", {[GET] = settings_show, [PUT] = settings_set}},
    {"/v1/conferences", {[GET] = conference_list, [POST] = conference_create}},
    {"/v1/conferences/*/files", {[GET] = content_list}},
    {"/v1/conferences/*/files/",
     {[GET] = content_show, [PUT] = content_put, [DELETE] = content_delete}},
    {"/v1/conferences/*/attendance", {[PUT] = conference_join, [DELETE] = conference_leave}},
    {"/v1/history", {[GET] = history_show}},
    {"/v1/conferences/",
     {[GET] = conference_show, [PUT] = conference_change, [DELETE] = conference_end}},
    {"/v1/pools/*/conferences/*/files", {[GET] = content_list}},
    {"/v1/pools/*/conferences/*/files/",
     {[GET] = content_show, [PUT] = content_put, [DELETE] = content_delete}},
    {of_pool, {[GET] = conference_show_elsewhere}},
    {"/xcap/", {[GET] = document_show, [PUT] = document_put, [DELETE] = document_delete}},
};

/* Where the path goes on behind the pattern, or at its last '*'; NULL: it does not fit. */
static const char *rest_of(const char *pattern, const char *path)
{
    const char *star = NULL, *at = path;
    for (const char *p = pattern; *p; p++) {
        if (*p == '*') {
            star = at;
            at += strcspn(at, "/");
        } else if (*p != *at++) {
            return NULL;
        }
    }
    bool open = pattern[strlen(pattern) - 1] == '/';
    if ((*at != '\0') != open)
        return NULL;
    return star ? star : at;
}

static const struct route *find_route(struct visit *v)
{
    const char *path = http_request_path(v->request);
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        v->rest = rest_of(routes[i].path, path);
        if (v->rest)
            return &routes[i];
    }
    return NULL;
}

/* "POOL/…": what does not fit is no pool's name, and is refused like any that there is not. */
static void read_pool(struct visit *v)
{
    const char *pool = http_request_path(v->request) + strlen(of_pool);
    size_t size = strcspn(pool, "/");
    bool fits = size > 0 && size < sizeof v->pool_asked;
    snprintf(v->pool_asked, sizeof v->pool_asked, "%.*s", fits ? (int)size : 1, fits ? pool : "?");
    for (char *c = v->pool_asked; *c; c++)
        *c = (char)tolower((unsigned char)*c);
}

static enum failure refuse_path(const struct visit *v, struct error *e)
{
    fail(e, FAIL_NOT_FOUND, "There is no %.200s here.", http_request_path(v->request));
    error_kept(e, "Nothing was done.");
    return error_next(e, "docs/users.md says what there is.");
}

static enum failure refuse_method(struct visit *v, const struct route *route)
{
    OWNED(buffer_free) struct buffer allowed = {0};
    struct error e;
    for (int m = 0; m < METHODS; m++) {
        if (route->handlers[m])
            buffer_printf(&allowed, "%s%s%s", allowed.size ? ", " : "", method_names[m],
                          m == GET ? ", HEAD" : "");
    }
    OWNED(free_memory) char *text = buffer_take_text(&allowed);
    fail(&e, FAIL_INVALID, "%.20s can't be done with this path.", v->method);
    error_kept(&e, "Nothing was done.");
    error_next(&e, "What can be done: %s.", text);
    visit_answer_error(v, 405, &e);
    visit_header(v, "Allow: %s", text);
    return OK;
}

static visit_handler *find_handler(const struct visit *v, const struct route *route)
{
    const char *method = visit_reads(v) ? "GET" : v->method; /* the server leaves the body out */
    for (int m = 0; m < METHODS; m++) {
        if (strcmp(method, method_names[m]) == 0)
            return route->handlers[m];
    }
    return NULL;
}

enum failure route_visit(struct visit *v, struct error *e)
{
    v->method = http_request_method(v->request);
    const struct route *route = find_route(v);
    if (!route)
        return refuse_path(v, e);
    visit_handler *handler = find_handler(v, route);
    if (!handler)
        return refuse_method(v, route);
    if (strncmp(route->path, of_pool, strlen(of_pool)) == 0)
        read_pool(v);
    enum failure bad = sign_on(v, e);
    return bad || v->answer.status ? bad : handler(v, e);
}
