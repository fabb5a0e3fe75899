#include "web/document.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "http/server.h"
#include "user/document.h"
#include "web/xcap_path.h"

/* A document while it is asked for, and what there is of it. */
struct wanted {
    struct xcap_path path;
    char key[USER_KEY_SIZE];
    bool exists;
    struct item item; /* lent by the view, until the next question */
};

static enum failure not_yours(struct error *e)
{
    fail(e, FAIL_DENIED, "Everybody reads and writes his own documents only.");
    error_kept(e, "Nothing was done.");
    return error_next(e, "Put your own address into the path.");
}

static enum failure find(struct visit *v, struct wanted *w, struct error *e)
{
    char owner[SIP_ADDRESS_SIZE], kind[80];
    enum failure bad = xcap_path_read(v->rest, &w->path, e);
    if (bad)
        return bad;
    if (sip_address_read(w->path.user, standing_domain(v->standing), owner, e) ||
        strcmp(owner, v->account.address) != 0)
        return not_yours(e);
    snprintf(kind, sizeof kind, USER_DOCUMENT "/%s", w->path.application->auid);
    user_key(v->account.id, kind, w->path.name, w->key);
    bad = visit_item(v, w->key, &w->item, e);
    w->exists = !bad;
    return bad == FAIL_NOT_FOUND ? OK : bad;
}

static const struct version *version_of(const struct wanted *w)
{
    return w->exists ? &w->item.version : NULL;
}

static enum failure not_there(const struct wanted *w, struct error *e)
{
    fail(e, FAIL_NOT_FOUND, "You have no document \"%s\" of the kind %s.", w->path.name,
         w->path.application->auid);
    error_kept(e, "Nothing was changed.");
    return error_next(e, "Write it with PUT.");
}

enum failure document_show(struct visit *v, struct error *e)
{
    struct wanted w;
    char tag[ETAG_SIZE];
    enum failure bad = find(v, &w, e);
    if (bad || !visit_condition(v, version_of(&w)))
        return bad;
    if (!w.exists)
        return not_there(&w, e);
    visit_answer(v, 200, w.path.application->type, w.item.value);
    visit_header(v, "ETag: %s", etag_text(w.item.version, tag));
    return OK;
}

/* --- what may be written --- */

/* RFC 4825, section 11: what is wrong with a document is said in XML. */
static void answer_conflict(struct visit *v, const char *element, const char *phrase)
{
    OWNED(free_memory)
    char *text = xasprintf("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                           "<xcap-error xmlns=\"urn:ietf:params:xml:ns:xcap-error\">"
                           "<%s phrase=\"%s\"/></xcap-error>\n",
                           element, phrase);
    visit_answer(v, 409, "application/xcap-error+xml", bytes_of_text(text));
}

static bool type_fits(const char *given, const char *wanted)
{
    size_t length = strlen(wanted);
    return given && strncasecmp(given, wanted, length) == 0 &&
           strchr("; \t", given[length]); /* which finds the end of the text, too */
}

static void refuse_type(struct visit *v, const struct wanted *w)
{
    struct error e;
    fail(&e, FAIL_INVALID, "Documents of the kind %s have the content type %s.",
         w->path.application->auid, w->path.application->type);
    error_kept(&e, "Nothing was changed.");
    error_next(&e, "Name it: Content-Type: %s", w->path.application->type);
    visit_answer_error(v, 415, &e);
}

static void refuse_size(struct visit *v)
{
    struct error e;
    fail(&e, FAIL_INVALID, "A document can have %d bytes.", DOCUMENT_MAX);
    error_kept(&e, "Nothing was changed.");
    error_next(&e, "Make two of it.");
    visit_answer_error(v, 413, &e);
}

/* If not, the answer says why. */
static bool may_be_kept(struct visit *v, const struct wanted *w, struct bytes body)
{
    char phrase[XML_PHRASE_SIZE];
    if (!type_fits(visit_asked(v, "Content-Type"), w->path.application->type)) {
        refuse_type(v, w);
        return false;
    }
    if (body.size > DOCUMENT_MAX) {
        refuse_size(v);
        return false;
    }
    switch (xml_check(body, phrase)) {
    case XML_GOOD: return true;
    case XML_NOT_WELL_FORMED: answer_conflict(v, "not-well-formed", phrase); break;
    case XML_NOT_UTF8: answer_conflict(v, "not-utf-8", phrase); break;
    }
    return false;
}

/* --- changing --- */

/* What both ways to change have in common: the document is still what was read, and so is what the
 * user has in all. */
static enum failure begin(struct visit *v, const struct wanted *w, const struct usage *before,
                          const struct usage *after, struct error *e)
{
    enum failure bad = usage_check(before, after, e);
    if (bad || !visit_change(v, e))
        return e->kind;
    txn_expect(v->txn, MODULE_PRESENCE_FOCUS, bytes_of_text(w->key),
               w->exists ? w->item.version.usn : 0);
    return OK;
}

enum failure document_put(struct visit *v, struct error *e)
{
    struct wanted w;
    struct usage before;
    struct bytes body = http_request_body(v->request);
    enum failure bad = find(v, &w, e);
    if (bad || !may_be_kept(v, &w, body) || !visit_condition(v, version_of(&w)))
        return bad;
    int64_t replaced = w.exists ? (int64_t)w.item.value.size : 0;
    bad = usage_read(v->view, v->home->name, v->account.id, &before, e);
    struct usage after = before;
    after.documents += !w.exists;
    after.document_bytes += (int64_t)body.size - replaced;
    if (!bad)
        bad = begin(v, &w, &before, &after, e);
    if (bad)
        return bad;
    txn_put(v->txn, MODULE_PRESENCE_FOCUS, bytes_of_text(w.key), body);
    usage_put(v->txn, v->account.id, &before, &after);
    v->answer.tag_of_change = true;
    visit_answer(v, w.exists ? 200 : 201, NULL, BYTES_NONE);
    return OK;
}

enum failure document_delete(struct visit *v, struct error *e)
{
    struct wanted w;
    struct usage before;
    enum failure bad = find(v, &w, e);
    if (bad || !visit_condition(v, version_of(&w)))
        return bad;
    if (!w.exists)
        return not_there(&w, e);
    int64_t size = (int64_t)w.item.value.size;
    bad = usage_read(v->view, v->home->name, v->account.id, &before, e);
    struct usage after = before;
    after.documents--;
    after.document_bytes -= size;
    if (!bad)
        bad = begin(v, &w, &before, &after, e);
    if (bad)
        return bad;
    txn_delete(v->txn, MODULE_PRESENCE_FOCUS, bytes_of_text(w.key));
    usage_put(v->txn, v->account.id, &before, &after);
    visit_answer(v, 204, NULL, BYTES_NONE);
    return OK;
}
