#include "cmdlet/shell/evaluate.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/nearest.h"
#include "cmdlet/answer/value.h"
#include "cmdlet/shell/run.h"

DEFINE_OWNED(json_t *, json_decref)

static enum failure nothing_done(struct error *e)
{
    return error_kept(e, "Nothing was done.");
}

enum { PROPERTIES_MAX = 64 }; /* of an object, when the nearest name is looked for */

/* --- variables and properties --- */

static enum failure variable(struct session *s, const struct expression *x, json_t **value,
                             struct error *e)
{
    const json_t *found = session_get(s, x->text);
    if (found) {
        *value = json_deep_copy(found);
        return OK;
    }
    const char *nearest = session_nearest(s, x->text);
    fail(e, FAIL_INVALID, "There is no variable $%.64s.", x->text);
    nothing_done(e);
    return nearest ? error_next(e, "Was $%s meant?", nearest)
                   : error_next(e, "Make it first: $%.64s = …", x->text);
}

enum failure property_lacking(const json_t *object, const char *name, struct error *e)
{
    const char *names[PROPERTIES_MAX], *key;
    json_t *value;
    size_t count = 0;
    EACH_PROPERTY(object, key, value)
    {
        if (count < PROPERTIES_MAX)
            names[count++] = key;
    }
    const char *nearest = nearest_word(name, names, count);
    fail(e, FAIL_INVALID, "%s has no property %.64s.",
         json_is_object(object) ? "The object" : "The value", name);
    nothing_done(e);
    return nearest ? error_next(e, "Was %s meant?", nearest) : e->kind;
}

static bool asks_for_count(const char *name)
{
    return strcasecmp(name, "Count") == 0 || strcasecmp(name, "Length") == 0;
}

/* Of a list: that property of each of its objects. */
static enum failure member(const json_t *object, const char *name, json_t **value, struct error *e)
{
    const json_t *found = property_of(object, name);
    if (found) {
        *value = json_deep_copy(found);
    } else if (asks_for_count(name)) {
        *value = json_integer(json_is_array(object)  ? (json_int_t)json_array_size(object)
                              : json_is_null(object) ? 0
                                                     : 1);
    } else if (json_is_array(object) && json_array_size(object)) {
        OWNED(json_decref) json_t *list = json_array();
        for (size_t i = 0; i < json_array_size(object); i++) {
            json_t *one;
            enum failure bad = member(json_array_get(object, i), name, &one, e);
            if (bad)
                return bad;
            json_array_append_new(list, one);
        }
        *value = TAKE(list);
    } else {
        return property_lacking(object, name, e);
    }
    return OK;
}

static enum failure index_of(const json_t *list, const json_t *index, json_t **value,
                             struct error *e)
{
    OWNED(free_memory) char *text = value_text(index);
    char *end;
    long at = strtol(text, &end, 10);
    long size = json_is_array(list) ? (long)json_array_size(list) : 1;
    if (!*text || *end) {
        fail(e, FAIL_INVALID, "[%.32s] is no number of an entry.", text);
        return nothing_done(e);
    }
    at += at < 0 ? size : 0; /* -1 is the last one */
    if (at < 0 || at >= size) {
        fail(e, FAIL_INVALID, "There is no entry [%.32s]: there are %ld, from [0] on.", text, size);
        return nothing_done(e);
    }
    *value = json_deep_copy(json_is_array(list) ? json_array_get(list, (size_t)at) : list);
    return OK;
}

/* --- what consists of others --- */

static enum failure joined(struct session *s, const struct expression *x, json_t **value,
                           struct error *e)
{
    OWNED(buffer_free) struct buffer all = {0};
    for (size_t i = 0; i < x->count; i++) {
        OWNED(json_decref) json_t *part = NULL;
        enum failure bad = evaluate(s, x->children[i], &part, e);
        if (bad)
            return bad;
        OWNED(free_memory) char *text = value_text(part);
        buffer_raw(&all, text, strlen(text));
    }
    *value = json_stringn((const char *)all.at, all.size);
    return *value ? OK : fail(e, FAIL_INVALID, "A text in quotes is not UTF-8.");
}

/* What a list contributes to a list are its entries. */
static enum failure list(struct session *s, const struct expression *x, json_t **value,
                         struct error *e)
{
    OWNED(json_decref) json_t *all = json_array();
    for (size_t i = 0; i < x->count; i++) {
        OWNED(json_decref) json_t *part = NULL;
        enum failure bad = evaluate(s, x->children[i], &part, e);
        if (bad)
            return bad;
        if (json_is_array(part))
            json_array_extend(all, part);
        else
            json_array_append(all, part);
    }
    *value = TAKE(all);
    return OK;
}

static enum failure table(struct session *s, const struct expression *x, json_t **value,
                          struct error *e)
{
    OWNED(json_decref) json_t *all = json_object();
    for (size_t i = 0; i < x->count; i++) {
        json_t *part;
        if (property_of(all, x->names[i])) {
            fail(e, FAIL_INVALID, "%.64s stands twice in one @{…}.", x->names[i]);
            return nothing_done(e);
        }
        enum failure bad = evaluate(s, x->children[i], &part, e);
        if (bad)
            return bad;
        json_object_set_new(all, x->names[i], part);
    }
    *value = TAKE(all);
    return OK;
}

static enum failure part_of(struct session *s, const struct expression *x, json_t **value,
                            struct error *e)
{
    OWNED(json_decref) json_t *whole = NULL, *which = NULL;
    enum failure bad = evaluate(s, x->children[0], &whole, e);
    if (!bad && x->kind == EXPRESSION_INDEX)
        bad = evaluate(s, x->children[1], &which, e);
    if (bad)
        return bad;
    return x->kind == EXPRESSION_INDEX ? index_of(whole, which, value, e)
                                       : member(whole, x->text, value, e);
}

/* What the statement around it has to end with as well. */
static enum failure failure_of(int status)
{
    switch (status) {
    case STATUS_MISUSED: return FAIL_INVALID;
    case STATUS_NOT_PERMITTED: return FAIL_DENIED;
    case STATUS_INTERRUPTED: return FAIL_STOPPING;
    default: return FAIL_IO;
    }
}

static enum failure in_brackets(struct session *s, const struct expression *x, json_t **value,
                                struct error *e)
{
    OWNED(json_decref) json_t *objects = json_array();
    int status = run_pipeline(s, x->pipeline, objects);
    if (status) {
        fail(e, failure_of(status), "The command in brackets failed, so this one was not given.");
        return e->kind;
    }
    *value = run_result(objects);
    return OK;
}

enum failure evaluate(struct session *s, const struct expression *x, json_t **value,
                      struct error *e)
{
    *value = NULL;
    switch (x->kind) {
    case EXPRESSION_TEXT:
        *value = json_string(x->text);
        return *value ? OK : fail(e, FAIL_INVALID, "A value is not UTF-8.");
    case EXPRESSION_JOINED: return joined(s, x, value, e);
    case EXPRESSION_VARIABLE: return variable(s, x, value, e);
    case EXPRESSION_MEMBER:
    case EXPRESSION_INDEX: return part_of(s, x, value, e);
    case EXPRESSION_LIST: return list(s, x, value, e);
    case EXPRESSION_TABLE: return table(s, x, value, e);
    case EXPRESSION_PIPELINE: return in_brackets(s, x, value, e);
    case EXPRESSIONS: break;
    }
    abort();
}

/* --- words --- */

enum failure evaluate_words(struct session *s, const struct invocation *typed, struct words *words,
                            struct error *e)
{
    *words = (struct words){.list = xcalloc(typed->count ? typed->count : 1, sizeof *words->list)};
    for (size_t i = 0; i < typed->count; i++) {
        const struct element *element = &typed->elements[i];
        json_t *value = NULL;
        enum failure bad = element->value ? evaluate(s, element->value, &value, e) : OK;
        if (bad) {
            words_free(words);
            return bad;
        }
        words->list[words->count++] = (struct word){
            .parameter = element->parameter,
            .colon = element->colon,
            .gap = element->gap,
            .bare =
                element->value && element->value->kind == EXPRESSION_TEXT && element->value->bare,
            .value = value,
        };
    }
    return OK;
}

void words_free(struct words *words)
{
    for (size_t i = 0; i < words->count; i++)
        json_decref((json_t *)(uintptr_t)words->list[i].value);
    free(words->list);
    *words = (struct words){0};
}
