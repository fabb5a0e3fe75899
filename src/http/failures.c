#include "http/failures.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/memory.h"

enum { SHOWN_TEXT_MAX = 200 }; /* of an answer that we don't understand */

static const struct {
    unsigned status;
    bool retry;
} answers[FAILURES] = {
    [OK] = {200, false},
    [FAIL_INVALID] = {400, false},
    [FAIL_NOT_FOUND] = {404, false},
    [FAIL_REFUSED] = {409, false},
    [FAIL_CONFLICT] = {412, false},
    [FAIL_DENIED] = {403, false},
    [FAIL_BUSY] = {503, true},
    [FAIL_FULL] = {507, false},
    [FAIL_READ_ONLY] = {503, false},
    [FAIL_DAMAGED] = {500, false},
    [FAIL_FOREIGN] = {403, false},
    [FAIL_NEWER] = {501, false}, /* we don't implement what it asks for */
    [FAIL_UNREACHABLE] = {502, false},
    [FAIL_DEADLINE] = {504, false},
    [FAIL_STOPPING] = {503, true}, /* whoever starts next, here or elsewhere, may do it */
    [FAIL_IO] = {500, false},
};

unsigned http_status_of(enum failure kind)
{
    assert(kind >= OK && kind < FAILURES);
    return answers[kind].status;
}

bool http_worth_retrying(enum failure kind)
{
    assert(kind >= OK && kind < FAILURES);
    return answers[kind].retry;
}

static json_t *text_as_json(const char *text)
{
    json_t *string = json_string(text);
    if (string)
        return string;
    char *plain = xstrdup(text);
    for (char *c = plain; *c; c++) {
        if ((unsigned char)*c >= 0x80)
            *c = '?';
    }
    string = json_string(plain);
    free_memory(plain);
    return string;
}

char *http_error_to_json(const struct error *e)
{
    json_t *object = json_object();
    json_object_set_new(object, "error", json_string(failure_name(e->kind)));
    json_object_set_new(object, "what", text_as_json(e->what));
    json_object_set_new(object, "kept", text_as_json(e->kept));
    json_object_set_new(object, "next", text_as_json(e->next));
    char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    assert(text);
    return text;
}

static void copy_text(char to[ERROR_TEXT_MAX], const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    snprintf(to, ERROR_TEXT_MAX, "%s", text ? text : "");
}

static enum failure not_ours(unsigned status, struct bytes body, struct error *e)
{
    char shown[SHOWN_TEXT_MAX + 1] = "";
    size_t n = body.size < SHOWN_TEXT_MAX ? body.size : SHOWN_TEXT_MAX;
    for (size_t i = 0; i < n; i++)
        shown[i] = body.at[i] < ' ' || body.at[i] > '~' ? ' ' : (char)body.at[i];
    enum failure kind = FAIL_IO;
    for (int k = OK + 1; k < FAILURES; k++) {
        if (answers[k].status == status) {
            kind = (enum failure)k;
            break;
        }
    }
    return fail(e, kind, "The answer is HTTP status %u without a reason that we understand%s%s",
                status, n ? ": " : ".", shown);
}

enum failure http_error_from_answer(unsigned status, struct bytes body, struct error *e)
{
    json_t *object = json_loadb((const char *)body.at, body.size, 0, NULL);
    const char *word = json_string_value(json_object_get(object, "error"));
    enum failure kind = word ? failure_named(word) : OK;
    if (kind != OK) {
        e->kind = kind;
        copy_text(e->what, object, "what");
        copy_text(e->kept, object, "kept");
        copy_text(e->next, object, "next");
    } else {
        kind = not_ours(status, body, e);
    }
    json_decref(object);
    return kind;
}
