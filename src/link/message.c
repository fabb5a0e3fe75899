/* Writing what machines tell each other. */
#include "link/message.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "link/message_inside.h"

const char *const message_verdicts[VERDICTS] = {
    [VERDICT_WAIT] = "wait",     [VERDICT_GRANTED] = "granted", [VERDICT_SUPERSEDED] = "superseded",
    [VERDICT_REFILL] = "refill", [VERDICT_UNKNOWN] = "unknown", [VERDICT_PARTED] = "parted",
};

/* JSON's numbers end at 2^53 in most hands, so what uses all 64 bits travels as hexadecimal text.
 */
static json_t *hex(uint64_t v)
{
    return json_sprintf("%016" PRIx64, v);
}

static json_t *term_json(struct term t)
{
    return json_pack("{s:I, s:o}", "number", (json_int_t)t.number, "tag", hex(t.tag));
}

static json_t *begin(const struct sender *sender)
{
    return json_pack("{s:i, s:s, s:s, s:s}", "protocol", (int)sender->protocol, "version",
                     sender->version, "machine", sender->machine, "pool", sender->pool);
}

char *message_finish(json_t *message)
{
    char *text = json_dumps(message, JSON_COMPACT);
    json_decref(message);
    if (!text)
        abort(); /* names are checked to be FQDNs, so only memory can lack */
    return text;
}

static void add_operation(json_t *entry, const char *name, const struct heartbeat_operation *o)
{
    if (!o->began_wall_ms)
        return;
    json_t *operation =
        json_pack("{s:s, s:s, s:I}", "kind", operation_kind_name(o->kind), "step",
                  operation_step_name(o->step), "began", (json_int_t)o->began_wall_ms);
    if (o->ended_wall_ms)
        json_object_set_new(operation, "ended", json_integer((json_int_t)o->ended_wall_ms));
    if (o->counted)
        json_object_set_new(operation, "left", json_integer((json_int_t)o->left));
    json_object_set_new(entry, name, operation);
}

char *heartbeat_encode(const struct heartbeat *h)
{
    json_t *message = begin(&h->sender);
    json_t *homes = json_array();
    for (size_t i = 0; i < h->count; i++) {
        const struct heartbeat_home *home = &h->homes[i];
        json_t *entry = json_pack(
            "{s:s, s:o, s:I, s:s*, s:o*, s:o*}", "home", home->home, "term", term_json(home->term),
            "seen", (json_int_t)home->seen, "mode", home->own ? mode_name(home->mode) : NULL,
            "hears", home->hears ? json_true() : NULL, "lacks", home->lacks ? json_true() : NULL);
        add_operation(entry, "operation", &home->operation);
        add_operation(entry, "last", &home->last);
        json_array_append_new(homes, entry);
    }
    json_object_set_new(message, "started", hex(h->started));
    json_object_set_new(message, "time", json_integer((json_int_t)h->wall_ms));
    json_object_set_new(message, "topology", hex(h->topology));
    json_object_set_new(message, "engine", json_string(h->engine));
    json_object_set_new(message, "rest", hex(h->rest));
    json_object_set_new(message, "whole", json_boolean(h->whole));
    json_object_set_new(message, "knows", hex(h->knows));
    json_object_set_new(message, "homes", homes);
    return message_finish(message);
}

static char *hex_of(struct bytes v)
{
    static const char digits[] = "0123456789abcdef";
    char *text = xmalloc(2 * v.size + 1);
    for (size_t i = 0; i < v.size; i++) {
        text[2 * i] = digits[v.at[i] >> 4];
        text[2 * i + 1] = digits[v.at[i] & 15];
    }
    text[2 * v.size] = '\0';
    return text;
}

static json_t *lineage_json(const struct lineage *lineage)
{
    OWNED(buffer_free) struct buffer bytes = {0};
    lineage_encode(lineage, &bytes);
    OWNED(free_memory) char *text = hex_of(buffer_view(&bytes));
    return json_string(text);
}

char *question_encode(const struct sender *sender, const char *home,
                      const struct home_question *question)
{
    json_t *message = begin(sender);
    json_object_set_new(message, "home", json_string(home));
    json_object_set_new(message, "nonce", hex(question->nonce));
    json_object_set_new(message, "term", term_json(question->term));
    json_object_set_new(message, "seen", json_integer((json_int_t)question->seen));
    json_object_set_new(message, "head", json_integer((json_int_t)question->head));
    json_object_set_new(message, "lineage", lineage_json(&question->lineage));
    if (!term_is_none(question->to))
        json_object_set_new(message, "to", term_json(question->to));
    json_object_set_new(message, "parts", json_boolean(question->parts));
    return message_finish(message);
}

static json_t *digest_json(const struct digest *digest)
{
    OWNED(buffer_free) struct buffer bytes = {0};
    digest_encode(digest, &bytes);
    OWNED(free_memory) char *text = hex_of(buffer_view(&bytes));
    return json_string(text);
}

static json_t *point_json(const struct home_point *point)
{
    json_t *modules = json_array();
    for (int m = 0; m < MODULES; m++)
        json_array_append_new(modules,
                              json_pack("{s:o}", "digest", digest_json(&point->digests[m])));
    return json_pack("{s:I, s:o}", "usn", (json_int_t)point->usn, "modules", modules);
}

char *demand_encode(const struct sender *sender, const char *home,
                    const struct home_demanded *demanded)
{
    json_t *message = begin(sender);
    json_object_set_new(message, "home", json_string(home));
    json_object_set_new(message, "demand", json_string(demand_name(demanded->demand)));
    json_object_set_new(message, "to", term_json(demanded->to));
    json_object_set_new(message, "whole", json_boolean(demanded->whole));
    json_object_set_new(message, "point", point_json(&demanded->point));
    return message_finish(message);
}

char *standing_encode(const struct sender *sender, const struct home_standing *standing)
{
    json_t *message = begin(sender);
    json_object_set_new(message, "mode", json_string(mode_name(standing->mode)));
    json_object_set_new(message, "term", term_json(standing->term));
    json_object_set_new(message, "to", term_json(standing->to));
    json_object_set_new(message, "seen", json_integer((json_int_t)standing->seen));
    json_object_set_new(message, "durable", json_boolean(standing->durable));
    json_object_set_new(message, "stopped", json_boolean(standing->stopped));
    json_object_set_new(message, "point", point_json(&standing->point));
    json_object_set_new(message, "outlook",
                        json_pack("{s:I, s:I}", "uncopied",
                                  (json_int_t)standing->outlook.uncopied_bytes, "rate",
                                  (json_int_t)standing->outlook.bytes_each_s));
    return message_finish(message);
}

char *answer_encode(const struct sender *sender, const struct home_answer *answer)
{
    json_t *message = begin(sender);
    json_object_set_new(message, "nonce", hex(answer->nonce));
    json_object_set_new(message, "verdict", json_string(message_verdicts[answer->verdict]));
    json_object_set_new(message, "number", json_integer((json_int_t)answer->number));
    json_object_set_new(message, "term", term_json(answer->term));
    return message_finish(message);
}

char *create_encode(const struct sender *sender, const char *home)
{
    json_t *message = begin(sender);
    json_object_set_new(message, "home", json_string(home));
    return message_finish(message);
}

char *command_encode(const struct sender *sender, const char *payload)
{
    json_t *message = begin(sender), *inside = json_loads(payload, 0, NULL);
    assert(json_is_object(inside));
    json_object_set_new(message, "payload", inside);
    return message_finish(message);
}

const char *const message_purposes[MESSAGE_PURPOSES] = {
    [OFFER_ASK] = "ask", [OFFER_COMPARE] = "compare", [OFFER_COMPARED] = "compared"};

char *offer_encode(const struct sender *sender, const struct sync_offer *offer)
{
    json_t *message = begin(sender);
    json_object_set_new(message, "purpose", json_string(message_purposes[offer->purpose]));
    json_object_set_new(message, "comparison", hex(offer->comparison));
    json_object_set_new(message, "home", json_string(offer->home));
    json_object_set_new(message, "module", json_string(module_name(offer->module)));
    json_object_set_new(message, "term", term_json(offer->term));
    json_object_set_new(message, "head", json_integer((json_int_t)offer->head));
    json_object_set_new(message, "horizon", json_integer((json_int_t)offer->horizon));
    json_object_set_new(message, "whole", json_boolean(offer->whole));
    json_object_set_new(message, "read", json_integer((json_int_t)offer->read_ms));
    json_object_set_new(message, "digest", digest_json(&offer->digest));
    json_object_set_new(message, "lineage", lineage_json(&offer->lineage));
    return message_finish(message);
}

static json_t *position_json(const struct sender *sender, const struct copy_answer *position)
{
    json_t *message = begin(sender);
    json_object_set_new(message, "verdict", json_string(copy_verdict_name(position->verdict)));
    json_object_set_new(message, "in", json_integer((json_int_t)position->at.term));
    json_object_set_new(message, "at", json_integer((json_int_t)position->at.usn));
    json_object_set_new(message, "taken", json_integer((json_int_t)position->taken));
    json_object_set_new(message, "carried", json_boolean(position->carried));
    json_object_set_new(message, "term", term_json(position->term));
    json_object_set_new(message, "tail", json_boolean(position->tail));
    const struct content_left *left = &position->content;
    if (!content_is_settled(left) || left->bytes)
        json_object_set_new(message, "content",
                            json_pack("{s:I, s:I, s:b, s:b}", "files", (json_int_t)left->files,
                                      "bytes", (json_int_t)left->bytes, "unsure", left->unsure,
                                      "broken", left->broken));
    if (position->why[0])
        json_object_set_new(message, "why", json_string(position->why));
    return message;
}

char *position_encode(const struct sender *sender, const struct copy_answer *position)
{
    return message_finish(position_json(sender, position));
}

char *compared_encode(const struct sender *sender, const struct compared *compared)
{
    OWNED(free_memory) char *differs = hex_of(bytes_of(compared->differs, compared->size));
    json_t *message = position_json(sender, &compared->position);
    json_object_set_new(message, "differs", json_string(differs));
    return message_finish(message);
}

char *wanted_encode(const struct sender *sender, const struct items_wanted *wanted)
{
    json_t *message = begin(sender), *usns = json_array();
    for (size_t i = 0; i < wanted->count; i++)
        json_array_append_new(usns, json_integer((json_int_t)wanted->usns[i]));
    json_object_set_new(message, "home", json_string(wanted->home));
    json_object_set_new(message, "module", json_string(module_name(wanted->module)));
    json_object_set_new(message, "usns", usns);
    json_object_set_new(message, "after", json_integer((json_int_t)wanted->after));
    return message_finish(message);
}

void packet_wrap(const struct sender *sender, struct bytes packet, struct buffer *out)
{
    OWNED(free_memory) char *head = message_finish(begin(sender));
    buffer_raw(out, head, strlen(head));
    buffer_u8(out, '\n');
    buffer_raw(out, packet.at, packet.size);
}
