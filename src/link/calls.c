/* The calls that a machine makes: what is sent, and what is told to whoever asked when the answer,
 * or none, is there. */
#include <stdlib.h>
#include <string.h>

#include "link/inside.h"

enum call_kind {
    CALL_HEARTBEAT,
    CALL_QUESTION,
    CALL_DEMAND,
    CALL_CREATE,
    CALL_POSITION,
    CALL_COMPARED,
    CALL_WANTED,
    CALL_STANDING,
    CALL_RECORDS
};

struct call {
    struct link *link;
    enum call_kind kind;
    char to[FQDN_SIZE];
    char pool[FQDN_SIZE];
    char home[HOME_NAME_SIZE];
    struct home_question question;
    union {
        link_heartbeat_done *heartbeat;
        link_answer_done *answer;
        link_standing_done *standing;
        link_create_done *create;
        link_position_done *position;
        link_compared_done *compared;
        link_items_done *items;
        link_offer_done *offer;
        link_records_done *records;
    } done;
    link_dropped *dropped; /* or NULL */
    void *context;
    /* What came back. */
    struct error error;
    unsigned status;
    struct buffer body;
};

static enum failure check_answerer(const struct call *call, const struct sender *sender,
                                   struct error *e)
{
    if (strcmp(sender->machine, call->to) == 0 && strcmp(sender->pool, call->pool) == 0)
        return OK;
    return fail(e, FAIL_FOREIGN, "%s answered as %s of pool %s.", call->to, sender->machine,
                sender->pool);
}

static void tell_heartbeat(struct call *call, struct error *e)
{
    OWNED(free_memory) struct heartbeat *theirs = xmalloc(sizeof *theirs);
    enum failure bad = e->kind;
    if (!bad)
        bad = heartbeat_decode(buffer_view(&call->body), theirs, e);
    if (!bad)
        bad = check_answerer(call, &theirs->sender, e);
    call->done.heartbeat(call->to, bad ? NULL : theirs, bad ? e : NULL, call->context);
}

static void tell_answer(struct call *call, struct error *e)
{
    struct sender sender;
    struct home_answer answer;
    enum failure bad = e->kind;
    if (!bad)
        bad = answer_decode(buffer_view(&call->body), &sender, &answer, e);
    if (!bad)
        bad = check_answerer(call, &sender, e);
    call->done.answer(call->to, call->home, &call->question, bad ? NULL : &answer, bad ? e : NULL,
                      call->context);
}

static void tell_standing(struct call *call, struct error *e)
{
    struct sender sender;
    struct home_standing standing;
    enum failure bad = e->kind;
    if (!bad)
        bad = standing_decode(buffer_view(&call->body), &sender, &standing, e);
    if (!bad)
        bad = check_answerer(call, &sender, e);
    call->done.standing(bad ? NULL : &standing, bad ? e : NULL, call->context);
}

/* What is answered by the home's name, if it was done. */
static enum failure check_done(const struct call *call, struct error *e)
{
    struct sender sender;
    char home[HOME_NAME_SIZE];
    enum failure bad = e->kind;
    if (!bad)
        bad = create_decode(buffer_view(&call->body), &sender, home, e);
    return bad ? bad : check_answerer(call, &sender, e);
}

static void tell_created(struct call *call, struct error *e)
{
    enum failure bad = check_done(call, e);
    call->done.create(call->to, call->home, bad ? e : NULL, call->context);
}

static void tell_kept(struct call *call, struct error *e)
{
    enum failure bad = check_done(call, e);
    call->done.records(call->to, call->home, bad ? e : NULL, call->context);
}

static void tell_position(struct call *call, struct error *e)
{
    struct sender sender;
    struct copy_answer position;
    enum failure bad = e->kind;
    if (!bad)
        bad = position_decode(buffer_view(&call->body), &sender, &position, e);
    if (!bad)
        bad = check_answerer(call, &sender, e);
    call->done.position(bad ? NULL : &position, bad ? e : NULL, call->context);
}

static void tell_compared(struct call *call, struct error *e)
{
    struct sender sender;
    struct compared compared;
    enum failure bad = e->kind;
    if (!bad)
        bad = compared_decode(buffer_view(&call->body), &sender, &compared, e);
    if (!bad)
        bad = check_answerer(call, &sender, e);
    call->done.compared(bad ? NULL : &compared, bad ? e : NULL, call->context);
}

static void tell_items(struct call *call, struct error *e)
{
    struct sender sender;
    struct bytes batch;
    enum failure bad = e->kind;
    if (!bad)
        bad = packet_unwrap(buffer_view(&call->body), &sender, &batch, e);
    if (!bad)
        bad = check_answerer(call, &sender, e);
    call->done.items(bad ? NULL : &batch, bad ? e : NULL, call->context);
}

static void tell_offer(struct call *call, struct error *e)
{
    struct sender sender;
    OWNED(free_memory) struct sync_offer *offer = xmalloc(sizeof *offer);
    enum failure bad = e->kind;
    if (!bad)
        bad = offer_decode(buffer_view(&call->body), &sender, offer, e);
    if (!bad)
        bad = check_answerer(call, &sender, e);
    call->done.offer(bad ? NULL : offer, bad ? e : NULL, call->context);
}

static void on_result(void *context)
{
    struct call *call = context;
    struct error e = call->error;
    if (!e.kind && call->status != 200)
        http_error_from_answer(call->status, buffer_view(&call->body), &e);
    if (!call->link->stopped) {
        switch (call->kind) {
        case CALL_HEARTBEAT: tell_heartbeat(call, &e); break;
        case CALL_QUESTION: tell_answer(call, &e); break;
        case CALL_DEMAND: tell_standing(call, &e); break;
        case CALL_CREATE: tell_created(call, &e); break;
        case CALL_POSITION: tell_position(call, &e); break;
        case CALL_COMPARED: tell_compared(call, &e); break;
        case CALL_WANTED: tell_items(call, &e); break;
        case CALL_STANDING: tell_offer(call, &e); break;
        case CALL_RECORDS: tell_kept(call, &e); break;
        }
    } else if (call->dropped) {
        call->dropped(call->context);
    }
    buffer_free(&call->body);
    link_unref(call->link);
    free(call);
}

/* On the client's thread. */
static void on_done(const struct http_result *result, void *context)
{
    struct call *call = context;
    call->error = result->error;
    call->status = result->status;
    if (!result->error.kind)
        buffer_raw(&call->body, result->body.at, result->body.size);
    loop_post_surely(call->link->loop, on_result, call);
}

static struct call *call_new(struct link *link, enum call_kind kind, const struct machine *to,
                             void *context)
{
    struct call *call = xcalloc(1, sizeof *call);
    call->link = link_ref(link);
    call->kind = kind;
    call->context = context;
    memcpy(call->to, to->fqdn, strlen(to->fqdn) + 1);
    memcpy(call->pool, to->pool->fqdn, strlen(to->pool->fqdn) + 1);
    return call;
}

static void call_send_bytes(struct call *call, const struct machine *to, const char *path,
                            const char *type, struct bytes body, uint32_t deadline_ms)
{
    struct http_call http = {.host = to->fqdn,
                             .address = to->address,
                             .port = to->link_port,
                             .method = "POST",
                             .path = path,
                             .type = type,
                             .body = body,
                             .deadline_ms = deadline_ms,
                             .answer_max = call->kind == CALL_WANTED ? MESSAGE_BATCH_BYTES_MAX
                                                                     : MESSAGE_BYTES_MAX,
                             .done = on_done,
                             .context = call};
    if (http_client_call(call->link->client, &http, &call->error))
        loop_post_surely(call->link->loop, on_result, call);
}

static void call_send(struct call *call, const struct machine *to, const char *path, char *text)
{
    call_send_bytes(call, to, path, LINK_TYPE_JSON, bytes_of_text(text), LINK_DEADLINE_MS);
    free(text);
}

void link_heartbeat(struct link *link, const struct machine *to, const struct heartbeat *ours,
                    link_heartbeat_done *done, void *context)
{
    struct call *call = call_new(link, CALL_HEARTBEAT, to, context);
    call->done.heartbeat = done;
    call_send(call, to, LINK_PATH_HEARTBEAT, heartbeat_encode(ours));
}

void link_question(struct link *link, const struct machine *to, const char *home,
                   const struct home_question *question, link_answer_done *done, void *context)
{
    struct call *call = call_new(link, CALL_QUESTION, to, context);
    call->done.answer = done;
    call->question = *question;
    memcpy(call->home, home, strlen(home) + 1);
    call_send(call, to, LINK_PATH_QUESTION, question_encode(&link->sender, home, question));
}

void link_demand(struct link *link, const struct machine *to, const char *home,
                 const struct home_demanded *demanded, link_standing_done *done,
                 link_dropped *dropped, void *context)
{
    struct call *call = call_new(link, CALL_DEMAND, to, context);
    call->done.standing = done;
    call->dropped = dropped;
    call_send(call, to, LINK_PATH_DEMAND, demand_encode(&link->sender, home, demanded));
}

void link_create(struct link *link, const struct machine *to, const char *home,
                 link_create_done *done, void *context)
{
    struct call *call = call_new(link, CALL_CREATE, to, context);
    call->done.create = done;
    memcpy(call->home, home, strlen(home) + 1);
    call_send(call, to, LINK_PATH_CREATE, create_encode(&link->sender, home));
}

void link_flush(struct link *link, const struct machine *to, const char *home,
                link_create_done *done, void *context)
{
    struct call *call = call_new(link, CALL_CREATE, to, context);
    call->done.create = done;
    memcpy(call->home, home, strlen(home) + 1);
    OWNED(free_memory) char *text = create_encode(&link->sender, home);
    call_send_bytes(call, to, LINK_PATH_FLUSH, LINK_TYPE_JSON, bytes_of_text(text),
                    LINK_BATCH_DEADLINE_MS);
}

/* --- commands that we pass on --- */

static struct files files_copy(const struct files *f)
{
    return (struct files){xstrdup(f->certificate), xstrdup(f->private_key), xstrdup(f->authority)};
}

struct link_command {
    char *host, *address;
    uint16_t port;
    struct files files;
    char *body;
};

struct link_command *link_command_new(const struct link *link, const struct machine *to,
                                      const char *payload)
{
    struct link_command *command = xmalloc(sizeof *command);
    *command = (struct link_command){.host = xstrdup(to->fqdn),
                                     .address = to->address ? xstrdup(to->address) : NULL,
                                     .port = to->link_port,
                                     .files = files_copy(&link->files),
                                     .body = command_encode(&link->sender, payload)};
    return command;
}

enum failure link_command_ask(const struct link_command *command, const struct http_question *how,
                              unsigned *status, struct error *e)
{
    const struct http_place place = {.host = command->host,
                                     .address = command->address,
                                     .port = command->port,
                                     .certificate_file = command->files.certificate,
                                     .private_key_file = command->files.private_key,
                                     .authority_file = command->files.authority};
    struct http_question question = *how;
    question.method = "POST";
    question.path = LINK_PATH_COMMAND;
    question.body = bytes_of_text(command->body);
    return http_ask(&place, &question, status, e);
}

void link_command_free(struct link_command *command)
{
    if (!command)
        return;
    free(command->host);
    free(command->address);
    free(command->files.certificate);
    free(command->files.private_key);
    free(command->files.authority);
    free(command->body);
    free(command);
}

static uint32_t adding_up_ms(uint64_t items)
{
    uint64_t most = HTTP_CALL_DEADLINE_MS_MAX - LINK_BATCH_DEADLINE_MS;
    uint64_t more = items / LINK_ADDED_UP_EACH_MS;
    return (uint32_t)(LINK_BATCH_DEADLINE_MS + (more < most ? more : most));
}

void link_offer(struct link *link, const struct machine *to, const struct sync_offer *offer,
                link_position_done *done, void *context)
{
    struct call *call = call_new(link, CALL_POSITION, to, context);
    call->done.position = done;
    /* The end of a comparison may have to add up all that there is. */
    bool ends = offer->purpose == OFFER_COMPARED;
    OWNED(free_memory) char *text = offer_encode(&link->sender, offer);
    call_send_bytes(call, to, LINK_PATH_OFFER, LINK_TYPE_JSON, bytes_of_text(text),
                    ends ? adding_up_ms(offer->digest.items) : LINK_OFFER_DEADLINE_MS);
}

static uint32_t large_deadline_ms(uint64_t bytes)
{
    return (uint32_t)(LINK_BATCH_DEADLINE_MS + bytes / LINK_SLOWEST_BYTES_EACH_MS);
}

/* `answer`: so many bytes more are to come back than anybody would send at once. */
static void call_send_packet(struct call *call, const struct machine *to, const char *path,
                             struct bytes packet, uint64_t answer)
{
    OWNED(buffer_free) struct buffer body = {0};
    packet_wrap(&call->link->sender, packet, &body);
    call_send_bytes(call, to, path, LINK_TYPE_PACKET, buffer_view(&body),
                    large_deadline_ms(body.size + answer));
}

void link_batch(struct link *link, const struct machine *to, struct bytes batch,
                link_position_done *done, void *context)
{
    struct call *call = call_new(link, CALL_POSITION, to, context);
    call->done.position = done;
    call_send_packet(call, to, LINK_PATH_BATCH, batch, 0);
}

void link_salvage(struct link *link, const struct machine *to, struct bytes packet,
                  link_position_done *done, void *context)
{
    struct call *call = call_new(link, CALL_POSITION, to, context);
    call->done.position = done;
    call_send_packet(call, to, LINK_PATH_SALVAGE, packet, 0);
}

void link_records(struct link *link, const struct machine *to, const char *home,
                  struct bytes records, link_records_done *done, void *context)
{
    OWNED(buffer_free) struct buffer packet = {0};
    struct call *call = call_new(link, CALL_RECORDS, to, context);
    call->done.records = done;
    memcpy(call->home, home, strlen(home) + 1);
    records_wrap(home, records, &packet);
    call_send_packet(call, to, LINK_PATH_RECORDS, buffer_view(&packet), 0);
}

void link_wanted(struct link *link, const struct machine *to, const struct items_wanted *wanted,
                 link_items_done *done, void *context)
{
    struct call *call = call_new(link, CALL_WANTED, to, context);
    call->done.items = done;
    call_send(call, to, LINK_PATH_WANTED, wanted_encode(&link->sender, wanted));
}

void link_standing(struct link *link, const struct machine *to, const char *home,
                   link_offer_done *done, void *context)
{
    struct call *call = call_new(link, CALL_STANDING, to, context);
    call->done.offer = done;
    call_send(call, to, LINK_PATH_STANDING, create_encode(&link->sender, home));
}

void link_chunks(struct link *link, const struct machine *to, struct bytes request, uint64_t bytes,
                 link_chunks_done *done, void *context)
{
    struct call *call = call_new(link, CALL_WANTED, to, context);
    call->done.items = done;
    call_send_packet(call, to, LINK_PATH_CHUNKS, request, bytes);
}

void link_part(struct link *link, const struct machine *to, struct bytes part,
               link_compared_done *done, void *context)
{
    struct call *call = call_new(link, CALL_COMPARED, to, context);
    call->done.compared = done;
    call_send_packet(call, to, LINK_PATH_PART, part, 0);
}
