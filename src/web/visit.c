#include "web/visit.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "content/file_store.h"
#include "http/server.h"
#include "web/refusal.h"
#include "web/route.h"
#include "web/upload.h"

DEFINE_OWNED(json_t *, json_decref)

/* --- answers --- */

static void clear_answer(struct answer *answer)
{
    buffer_free(&answer->body);
    buffer_free(&answer->headers);
    if (answer->is_file)
        close(answer->fd);
    *answer = (struct answer){0};
}

void visit_answer(struct visit *v, unsigned status, const char *type, struct bytes body)
{
    v->answer.status = status;
    v->answer.type = type;
    buffer_clear(&v->answer.body);
    buffer_raw(&v->answer.body, body.at, body.size);
}

void visit_answer_file(struct visit *v, unsigned status, const char *type, int fd, uint64_t from,
                       uint64_t count)
{
    visit_answer(v, status, type, BYTES_NONE);
    v->answer.is_file = true;
    v->answer.fd = fd;
    v->answer.from = from;
    v->answer.count = count;
}

void visit_answer_json(struct visit *v, unsigned status, json_t *object)
{
    OWNED(free_memory) char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    visit_answer(v, status, "application/json", bytes_of_text(text));
}

void visit_answer_error(struct visit *v, unsigned status, const struct error *e)
{
    OWNED(free_memory) char *text = http_error_to_json(e);
    visit_answer(v, status, "application/json", bytes_of_text(text));
    if (status == 503)
        visit_header(v, "Retry-After: %d", VISIT_RETRY_SECONDS);
}

void visit_header(struct visit *v, const char *line, ...)
{
    OWNED(free_memory) char *text = NULL;
    va_list arguments;
    va_start(arguments, line);
    if (vasprintf(&text, line, arguments) < 0)
        abort();
    va_end(arguments);
    buffer_printf(&v->answer.headers, "%s\n", text);
}

/* Whatever failed: nothing that was prepared counts any more. */
static void answer_failure(struct visit *v, const struct error *e)
{
    clear_answer(&v->answer);
    visit_answer_error(v, e->kind == FAIL_REFUSED ? 503 : http_status_of(e->kind), e);
}

void visit_send(struct visit *v)
{
    visit_header(v, "Cache-Control: no-store");
    visit_header(v, "Strict-Transport-Security: max-age=31536000");
    visit_header(v, "X-Content-Type-Options: nosniff");
    OWNED(free_memory) char *headers = buffer_take_text(&v->answer.headers);
    if (v->answer.is_file)
        http_answer_file(v->request, v->answer.status, v->answer.type, v->answer.fd, v->answer.from,
                         v->answer.count, headers);
    else
        http_answer(v->request, v->answer.status, v->answer.type, buffer_view(&v->answer.body),
                    headers);
    v->answer.is_file = false; /* it is the server's now */
    v->request = NULL;
}

/* --- what is asked --- */

const char *visit_asked(const struct visit *v, const char *header)
{
    return http_request_header(v->request, header);
}

const char *visit_token(const struct visit *v)
{
    static const char scheme[] = "Bearer";
    const char *token = visit_asked(v, "Authorization");
    token += strspn(token, " \t") + strlen(scheme);
    return token + strspn(token, " \t");
}

bool visit_reads(const struct visit *v)
{
    return strcmp(v->method, "GET") == 0 || strcmp(v->method, "HEAD") == 0;
}

json_t *visit_object(struct visit *v, struct error *e)
{
    struct bytes body = http_request_body(v->request);
    json_error_t why = {0};
    json_t *object = NULL;
    if (body.size <= USER_JSON_MAX)
        object = json_loadb((const char *)body.at, body.size, JSON_REJECT_DUPLICATES, &why);
    if (json_is_object(object))
        return object;
    if (body.size > USER_JSON_MAX)
        fail(e, FAIL_INVALID, "The body has more than %d bytes.", USER_JSON_MAX);
    else
        fail(e, FAIL_INVALID, "The body is no JSON object: %s.",
             object ? "it is something else" : why.text);
    error_kept(e, "Nothing was changed.");
    error_next(e, "docs/users.md shows what is expected here.");
    json_decref(object);
    return NULL;
}

/* --- the store --- */

enum failure visit_item(struct visit *v, const char *key, struct item *item, struct error *e)
{
    return user_item(v->view, v->home->name, key, item, e);
}

struct txn *visit_change(struct visit *v, struct error *e)
{
    if (!mode_rights(v->home->mode)->changes) {
        refuse_change(v, e);
        return NULL;
    }
    v->txn = txn_new(v->home->name);
    txn_as_holder(v->txn, v->home->term);
    return v->txn;
}

static const char *why_not(struct visit *v, const struct version *version)
{
    if (!version)
        return "There is no such thing any more, or not yet.";
    if (etag_judge(visit_asked(v, "If-Match"), NULL, version, visit_reads(v)) == ETAG_GO_ON)
        return "It is there already, and If-None-Match asks that it is not.";
    return "It has been changed since you read it.";
}

static void answer_unreadable(struct visit *v)
{
    struct error e;
    fail(&e, FAIL_INVALID, "If-Match or If-None-Match is neither * nor a list of ETags.");
    error_kept(&e, "Nothing was changed.");
    error_next(&e, "Write each as it was given, with its quotes.");
    visit_answer_error(v, 400, &e);
}

bool visit_is_conditional(const struct visit *v)
{
    return visit_asked(v, "If-Match") || visit_asked(v, "If-None-Match");
}

bool visit_condition(struct visit *v, const struct version *version)
{
    char tag[ETAG_SIZE];
    struct error e;
    switch (etag_judge(visit_asked(v, "If-Match"), visit_asked(v, "If-None-Match"), version,
                       visit_reads(v))) {
    case ETAG_GO_ON: return true;
    case ETAG_NOT_MODIFIED:
        visit_answer(v, 304, NULL, BYTES_NONE);
        visit_header(v, "ETag: %s", etag_text(*version, tag));
        return false;
    case ETAG_UNREADABLE: answer_unreadable(v); return false;
    case ETAG_FAILED: break;
    }
    fail(&e, FAIL_CONFLICT, "%s", why_not(v, version));
    error_kept(&e, "Nothing was changed.");
    error_next(&e, "Read it anew, and make your change to what is there now.");
    visit_answer_error(v, 412, &e);
    if (version)
        visit_header(v, "ETag: %s", etag_text(*version, tag));
    return false;
}

/* --- files --- */

bool visit_receives(const struct visit *v)
{
    return v->upload && !upload_is_received(v->upload);
}

bool visit_receive(struct visit *v)
{
    struct error e;
    if (!upload_receive(v->upload, v->request, &e))
        return true;
    upload_free(TAKE(v->upload));
    answer_failure(v, &e);
    return false;
}

bool visit_has_files(const struct visit *v)
{
    return v->removal || (v->upload && !visit_receives(v));
}

static void end_removal(struct visit *v, bool durable)
{
    file_removal_end(TAKE(v->removal), durable);
}

void visit_settle_files(struct visit *v, bool durable)
{
    end_removal(v, durable);
    if (v->upload && durable)
        upload_keep(v->upload);
    upload_free(TAKE(v->upload));
}

enum failure visit_wait(struct error *e)
{
    if (e->kind != FAIL_FULL)
        e->kind = FAIL_REFUSED;
    return e->kind;
}

/* --- one try --- */

static void forget_try(struct visit *v)
{
    clear_answer(&v->answer);
    v->remembers = false;
    end_removal(v, false);
    txn_free(TAKE(v->txn));
    view_close(TAKE(v->view));
    standing_release(TAKE(v->standing));
}

void visit_try(struct visit *v, struct standing *standing)
{
    struct error e = {0};
    forget_try(v);
    v->standing = standing;
    v->tries++;
    enum failure bad = route_visit(v, &e);
    view_close(TAKE(v->view)); /* one that stays open keeps the store from tidying up */
    if (bad) {
        txn_free(TAKE(v->txn));
        answer_failure(v, &e);
    }
    if (!v->txn && visit_has_files(v))
        visit_settle_files(v, false);
}

static void never_first(struct visit *v)
{
    struct error e;
    fail(&e, FAIL_BUSY, "Others changed the same thing each time, %d times.", VISIT_TRIES_MAX);
    error_kept(&e, "Nothing was changed.");
    error_next(&e, "Try again shortly.");
    answer_failure(v, &e);
}

bool visit_committed(struct visit *v, const struct store_outcome *outcome)
{
    char tag[ETAG_SIZE];
    if (outcome->error.kind == FAIL_CONFLICT && v->tries < VISIT_TRIES_MAX)
        return false;
    if (outcome->error.kind == FAIL_CONFLICT)
        never_first(v);
    else if (outcome->error.kind)
        answer_failure(v, &outcome->error);
    else if (v->answer.tag_of_change)
        visit_header(
            v, "ETag: %s",
            etag_text((struct version){.term = v->home->term, .usn = outcome->first_usn}, tag));
    return true;
}

void visit_release(struct visit *v)
{
    forget_try(v);
    upload_free(v->upload);
    free(v);
}
