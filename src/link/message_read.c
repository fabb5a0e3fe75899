/* Reading what machines tell each other: everything that arrives is hostile until it is checked. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "link/message.h"
#include "link/message_inside.h"

static enum failure senseless(struct error *e, const char *what)
{
    return fail(e, FAIL_INVALID, "A message between machines has no sensible \"%s\".", what);
}

static bool read_text(const json_t *object, const char *name, char *text, size_t size)
{
    const char *value = json_string_value(json_object_get(object, name));
    if (!value || !*value || strlen(value) >= size)
        return false;
    memcpy(text, value, strlen(value) + 1);
    return true;
}

static bool read_number(const json_t *object, const char *name, uint64_t *number)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *number = (uint64_t)json_integer_value(value);
    return true;
}

static bool read_hex(const json_t *object, const char *name, uint64_t *number)
{
    const char *value = json_string_value(json_object_get(object, name));
    if (!value || strlen(value) != 16 || strspn(value, "0123456789abcdef") != 16)
        return false;
    *number = strtoull(value, NULL, 16);
    return true;
}

static bool read_named_term(const json_t *object, const char *name, struct term *term)
{
    const json_t *value = json_object_get(object, name);
    /* A number near the end of its range would leave no higher one to open. */
    return read_number(value, "number", &term->number) && term->number <= INT64_MAX / 2 &&
           read_hex(value, "tag", &term->tag) && (term->number == 0) == (term->tag == 0);
}

static bool read_term(const json_t *object, struct term *term)
{
    return read_named_term(object, "term", term);
}

static bool read_seen(const json_t *object, uint64_t *seen)
{
    return read_number(object, "seen", seen) && *seen <= INT64_MAX / 2;
}

static bool read_home(const json_t *object, char home[HOME_NAME_SIZE])
{
    char lower[FQDN_SIZE];
    return read_text(object, "home", home, HOME_NAME_SIZE) &&
           (strcmp(home, HOME_CENTRAL) == 0 ||
            (fqdn_valid(home, lower) && strcmp(home, lower) == 0));
}

static bool read_mode(const json_t *object, enum mode *mode)
{
    const json_t *value = json_object_get(object, "mode");
    for (int i = 0; i < MODES && json_is_string(value); i++) {
        if (strcmp(json_string_value(value), mode_name((enum mode)i)) == 0) {
            *mode = (enum mode)i;
            return true;
        }
    }
    return false;
}

/* The message as JSON, with its sender; owned by the caller. */
static json_t *open_message(struct bytes text, struct sender *sender, struct error *e)
{
    json_error_t why;
    OWNED(json_decref)
    json_t *message = json_loadb((const char *)text.at, text.size, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(message)) {
        fail(e, FAIL_INVALID, "A message between machines is not a JSON object.");
        return NULL;
    }
    uint64_t protocol;
    memset(sender, 0, sizeof *sender);
    if (!read_number(message, "protocol", &protocol) || protocol > UINT32_MAX) {
        senseless(e, "protocol");
        return NULL;
    }
    sender->protocol = (unsigned)protocol;
    if (!read_text(message, "version", sender->version, sizeof sender->version) ||
        !read_text(message, "machine", sender->machine, sizeof sender->machine) ||
        !read_text(message, "pool", sender->pool, sizeof sender->pool)) {
        senseless(e, "version, machine or pool");
        return NULL;
    }
    if (sender->protocol != LINK_PROTOCOL) {
        fail(e, FAIL_NEWER, "%s runs version %s, which speaks protocol %u; this is %s with %u.",
             sender->machine, sender->version, sender->protocol, POLLUX_VERSION, LINK_PROTOCOL);
        if (e)
            error_next(e, "Bring both machines to the same version.");
        return NULL;
    }
    return TAKE(message);
}

static bool read_if_there(const json_t *object, const char *name, uint64_t *number)
{
    return !json_object_get(object, name) || read_number(object, name, number);
}

/* One that is not understood is none: it is only for people. */
static void read_operation(const json_t *object, struct heartbeat_operation *operation)
{
    char kind[OPERATION_NAME_SIZE], step[OPERATION_NAME_SIZE];
    struct heartbeat_operation read = {0};
    if (read_text(object, "kind", kind, sizeof kind) && operation_kind_named(kind, &read.kind) &&
        read_text(object, "step", step, sizeof step) && operation_step_named(step, &read.step) &&
        read_number(object, "began", &read.began_wall_ms) &&
        read_if_there(object, "ended", &read.ended_wall_ms) &&
        read_if_there(object, "left", &read.left)) {
        *operation = read;
        operation->counted = json_object_get(object, "left");
    }
}

static bool read_heartbeat_home(const json_t *entry, struct heartbeat_home *home)
{
    memset(home, 0, sizeof *home);
    home->hears = json_is_true(json_object_get(entry, "hears"));
    home->lacks = json_is_true(json_object_get(entry, "lacks"));
    home->own = json_object_get(entry, "mode") != NULL;
    read_operation(json_object_get(entry, "operation"), &home->operation);
    read_operation(json_object_get(entry, "last"), &home->last);
    return read_home(entry, home->home) && read_term(entry, &home->term) &&
           read_seen(entry, &home->seen) && (!home->own || read_mode(entry, &home->mode));
}

enum failure heartbeat_decode(struct bytes text, struct heartbeat *h, struct error *e)
{
    h->count = 0;
    OWNED(json_decref) json_t *message = open_message(text, &h->sender, e);
    if (!message)
        return e ? e->kind : FAIL_INVALID;
    if (!read_hex(message, "started", &h->started) || !read_number(message, "time", &h->wall_ms) ||
        !read_hex(message, "topology", &h->topology) ||
        !read_text(message, "engine", h->engine, sizeof h->engine))
        return senseless(e, "started, time, topology or engine");
    if (!read_hex(message, "rest", &h->rest) || !read_hex(message, "knows", &h->knows) ||
        !json_is_boolean(json_object_get(message, "whole")))
        return senseless(e, "rest, whole or knows");
    h->whole = json_is_true(json_object_get(message, "whole"));
    const json_t *homes = json_object_get(message, "homes");
    if (!json_is_array(homes) || json_array_size(homes) > HEARD_HOMES_MAX)
        return senseless(e, "homes");
    for (size_t i = 0; i < json_array_size(homes); i++) {
        if (!read_heartbeat_home(json_array_get(homes, i), &h->homes[i]))
            return senseless(e, "homes");
        h->count++;
    }
    return OK;
}

static int figure(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Bytes that travel as text. */
static bool read_bytes(const json_t *object, const char *name, struct buffer *bytes)
{
    const char *text = json_string_value(json_object_get(object, name));
    if (!text)
        return false;
    for (; *text; text += 2) {
        int high = figure(text[0]), low = high < 0 ? -1 : figure(text[1]);
        if (low < 0)
            return false;
        buffer_u8(bytes, (uint8_t)(high << 4 | low));
    }
    return true;
}

static bool read_lineage(const json_t *object, struct lineage *lineage)
{
    OWNED(buffer_free) struct buffer bytes = {0};
    bool good = read_bytes(object, "lineage", &bytes);
    struct cursor in = cursor_over(buffer_view(&bytes));
    lineage_decode(lineage, &in);
    return good && cursor_done(&in);
}

static bool read_bool(const json_t *object, const char *name, bool *value)
{
    const json_t *there = json_object_get(object, name);
    *value = json_is_true(there);
    return json_is_boolean(there);
}

enum failure question_decode(struct bytes text, struct sender *sender, char home[HOME_NAME_SIZE],
                             struct home_question *question, struct error *e)
{
    OWNED(json_decref) json_t *message = open_message(text, sender, e);
    if (!message)
        return e ? e->kind : FAIL_INVALID;
    if (!read_home(message, home) || !read_hex(message, "nonce", &question->nonce) ||
        question->nonce == 0 || !read_term(message, &question->term) ||
        !read_seen(message, &question->seen) || question->seen < question->term.number ||
        !read_number(message, "head", &question->head) ||
        !read_lineage(message, &question->lineage))
        return senseless(e, "question");
    question->to = TERM_NONE;
    if (json_object_get(message, "to") && !read_named_term(message, "to", &question->to))
        return senseless(e, "to");
    return read_bool(message, "parts", &question->parts) ? OK : senseless(e, "parts");
}

static bool read_digest(const json_t *object, struct digest *digest)
{
    OWNED(buffer_free) struct buffer bytes = {0};
    bool good = read_bytes(object, "digest", &bytes);
    struct cursor in = cursor_over(buffer_view(&bytes));
    digest_decode(digest, &in);
    return good && cursor_done(&in);
}

static bool read_point(const json_t *object, struct home_point *point)
{
    const json_t *value = json_object_get(object, "point");
    const json_t *modules = json_object_get(value, "modules");
    bool good = read_number(value, "usn", &point->usn) && json_array_size(modules) == MODULES;
    for (size_t m = 0; good && m < MODULES; m++)
        good = read_digest(json_array_get(modules, m), &point->digests[m]);
    return good;
}

enum failure demand_decode(struct bytes text, struct sender *sender, char home[HOME_NAME_SIZE],
                           struct home_demanded *demanded, struct error *e)
{
    OWNED(json_decref) json_t *message = open_message(text, sender, e);
    if (!message)
        return e ? e->kind : FAIL_INVALID;
    const char *name = json_string_value(json_object_get(message, "demand"));
    if (!read_home(message, home) || !name || !demand_named(name, &demanded->demand) ||
        !read_named_term(message, "to", &demanded->to) || !read_point(message, &demanded->point))
        return senseless(e, "demand");
    return read_bool(message, "whole", &demanded->whole) ? OK : senseless(e, "whole");
}

/* Not known is as good as not said. */
static bool read_outlook(const json_t *object, struct handover_outlook *outlook)
{
    const json_t *value = json_object_get(object, "outlook");
    *outlook = (struct handover_outlook){0};
    return !value || (read_number(value, "uncopied", &outlook->uncopied_bytes) &&
                      read_number(value, "rate", &outlook->bytes_each_s));
}

/* Pools of an earlier version don't say it. */
static bool read_stopped(const json_t *object, bool *stopped)
{
    *stopped = false;
    return !json_object_get(object, "stopped") || read_bool(object, "stopped", stopped);
}

enum failure standing_decode(struct bytes text, struct sender *sender,
                             struct home_standing *standing, struct error *e)
{
    OWNED(json_decref) json_t *message = open_message(text, sender, e);
    if (!message)
        return e ? e->kind : FAIL_INVALID;
    if (!read_mode(message, &standing->mode) || !read_term(message, &standing->term) ||
        !read_named_term(message, "to", &standing->to) || !read_seen(message, &standing->seen) ||
        !read_point(message, &standing->point) || !read_outlook(message, &standing->outlook) ||
        !read_stopped(message, &standing->stopped))
        return senseless(e, "standing");
    return read_bool(message, "durable", &standing->durable) ? OK : senseless(e, "durable");
}

enum failure answer_decode(struct bytes text, struct sender *sender, struct home_answer *answer,
                           struct error *e)
{
    OWNED(json_decref) json_t *message = open_message(text, sender, e);
    if (!message)
        return e ? e->kind : FAIL_INVALID;
    char verdict[16];
    if (!read_hex(message, "nonce", &answer->nonce) ||
        !read_text(message, "verdict", verdict, sizeof verdict) ||
        !read_number(message, "number", &answer->number) || answer->number > INT64_MAX / 2 ||
        !read_term(message, &answer->term))
        return senseless(e, "answer");
    for (int i = 0; i < VERDICTS; i++) {
        if (strcmp(verdict, message_verdicts[i]) == 0) {
            answer->verdict = (enum home_verdict)i;
            bool needs_term = i == VERDICT_SUPERSEDED || i == VERDICT_REFILL;
            return needs_term && term_is_none(answer->term) ? senseless(e, "answer") : OK;
        }
    }
    return senseless(e, "verdict");
}

enum failure create_decode(struct bytes text, struct sender *sender, char home[HOME_NAME_SIZE],
                           struct error *e)
{
    OWNED(json_decref) json_t *message = open_message(text, sender, e);
    if (!message)
        return e ? e->kind : FAIL_INVALID;
    return read_home(message, home) ? OK : senseless(e, "home");
}

enum failure command_decode(struct bytes text, struct sender *sender, char **payload,
                            struct error *e)
{
    OWNED(json_decref) json_t *message = open_message(text, sender, e);
    if (!message)
        return e ? e->kind : FAIL_INVALID;
    json_t *inside = json_object_get(message, "payload");
    if (!json_is_object(inside))
        return senseless(e, "payload");
    *payload = message_finish(json_incref(inside));
    return OK;
}

static bool read_purpose(const json_t *object, struct sync_offer *offer)
{
    const char *text = json_string_value(json_object_get(object, "purpose"));
    if (!text || !read_hex(object, "comparison", &offer->comparison))
        return false;
    for (size_t i = 0; i < MESSAGE_PURPOSES; i++) {
        offer->purpose = (enum offer_purpose)i;
        if (strcmp(text, message_purposes[i]) == 0)
            return (offer->purpose == OFFER_ASK) == (offer->comparison == 0);
    }
    return false;
}

/* A usn, or the number of a term. */
static bool read_count(const json_t *object, const char *name, uint64_t *number)
{
    return read_number(object, name, number) && *number <= INT64_MAX / 2;
}

static bool read_module(const json_t *object, const char *home, enum module *module)
{
    char name[64];
    return read_text(object, "module", name, sizeof name) && module_from_text(name, module) &&
           module_belongs(*module, home);
}

static bool read_usns(const json_t *list, struct items_wanted *wanted)
{
    wanted->count = json_array_size(list);
    if (!json_is_array(list) || wanted->count > ITEMS_WANTED_MAX)
        return false;
    uint64_t last = 0;
    for (size_t i = 0; i < wanted->count; i++) {
        json_int_t usn = json_integer_value(json_array_get(list, i)); /* 0 if it is none */
        if (usn <= 0 || (uint64_t)usn <= last || (uint64_t)usn > ITEMS_WANTED_USN_MAX)
            return false;
        last = wanted->usns[i] = (uint64_t)usn;
    }
    return true;
}

enum failure wanted_decode(struct bytes text, struct sender *sender, struct items_wanted *wanted,
                           struct error *e)
{
    OWNED(json_decref) json_t *message = open_message(text, sender, e);
    if (!message)
        return e ? e->kind : FAIL_INVALID;
    if (!read_home(message, wanted->home) || !read_module(message, wanted->home, &wanted->module) ||
        !read_count(message, "after", &wanted->after) ||
        !read_usns(json_object_get(message, "usns"), wanted))
        return senseless(e, "home, module, after or usns");
    return OK;
}

static uint64_t last_began(const struct lineage *l)
{
    return l->count ? l->entries[l->count - 1].began : 0;
}

enum failure offer_decode(struct bytes text, struct sender *sender, struct sync_offer *offer,
                          struct error *e)
{
    OWNED(json_decref) json_t *message = open_message(text, sender, e);
    if (!message)
        return e ? e->kind : FAIL_INVALID;
    if (!read_home(message, offer->home) || !read_module(message, offer->home, &offer->module) ||
        !read_term(message, &offer->term) || !read_count(message, "head", &offer->head) ||
        !read_count(message, "horizon", &offer->horizon) || !read_purpose(message, offer) ||
        !read_bool(message, "whole", &offer->whole) ||
        !read_count(message, "read", &offer->read_ms) || !read_digest(message, &offer->digest) ||
        !read_lineage(message, &offer->lineage) ||
        lineage_last(&offer->lineage).number > offer->term.number ||
        last_began(&offer->lineage) > INT64_MAX / 2)
        return senseless(e, "offer");
    return OK;
}

/* None: there is nothing left to do. */
static bool read_left(const json_t *message, struct content_left *left)
{
    const json_t *content = json_object_get(message, "content");
    *left = (struct content_left){0};
    if (!content)
        return true;
    left->unsure = json_is_true(json_object_get(content, "unsure"));
    left->broken = json_is_true(json_object_get(content, "broken"));
    return read_count(content, "files", &left->files) && read_count(content, "bytes", &left->bytes);
}

static bool read_position(const json_t *message, struct copy_answer *position)
{
    char verdict[16];
    bool explains = json_object_get(message, "why") != NULL;
    position->tail = json_is_true(json_object_get(message, "tail"));
    position->carried = json_is_true(json_object_get(message, "carried"));
    position->why[0] = 0;
    return read_text(message, "verdict", verdict, sizeof verdict) &&
           copy_verdict_named(verdict, &position->verdict) &&
           read_count(message, "in", &position->at.term) &&
           read_count(message, "at", &position->at.usn) &&
           read_count(message, "taken", &position->taken) && read_term(message, &position->term) &&
           read_left(message, &position->content) &&
           (!explains || read_text(message, "why", position->why, sizeof position->why));
}

enum failure position_decode(struct bytes text, struct sender *sender, struct copy_answer *position,
                             struct error *e)
{
    OWNED(json_decref) json_t *message = open_message(text, sender, e);
    if (!message)
        return e ? e->kind : FAIL_INVALID;
    return read_position(message, position) ? OK : senseless(e, "position");
}

enum failure compared_decode(struct bytes text, struct sender *sender, struct compared *compared,
                             struct error *e)
{
    OWNED(json_decref) json_t *message = open_message(text, sender, e);
    OWNED(buffer_free) struct buffer differs = {0};
    if (!message)
        return e ? e->kind : FAIL_INVALID;
    if (!read_position(message, &compared->position))
        return senseless(e, "position");
    if (!read_bytes(message, "differs", &differs) || differs.size > sizeof compared->differs)
        return senseless(e, "differs");
    compared->size = differs.size;
    if (differs.size)
        memcpy(compared->differs, differs.at, differs.size);
    return OK;
}

enum failure packet_unwrap(struct bytes body, struct sender *sender, struct bytes *packet,
                           struct error *e)
{
    const uint8_t *end = body.size ? memchr(body.at, '\n', body.size) : NULL;
    if (!end)
        return senseless(e, "packet");
    size_t head = (size_t)(end - body.at);
    OWNED(json_decref) json_t *message = open_message(bytes_of(body.at, head), sender, e);
    *packet = bytes_of(end + 1, body.size - head - 1);
    return message ? OK : e ? e->kind : FAIL_INVALID;
}

void records_wrap(const char *home, struct bytes records, struct buffer *packet)
{
    buffer_text(packet, home);
    buffer_raw(packet, records.at, records.size);
}

enum failure records_unwrap(struct bytes packet, char home[HOME_NAME_SIZE], struct bytes *records,
                            struct error *e)
{
    char lower[FQDN_SIZE];
    struct cursor in = cursor_over(packet);
    cursor_text(&in, home, HOME_NAME_SIZE);
    *records = bytes_of(in.at, in.left);
    return !in.bad && fqdn_valid(home, lower) && strcmp(home, lower) == 0 ? OK
                                                                          : senseless(e, "home");
}
