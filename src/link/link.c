#include "link/link.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/client.h"
#include "http/on_loop.h"

enum {
    /* A stranger that knocks all day must not fill the log. */
    REFUSALS_LOGGED_EACH_MS = 1000,
    /* What it sends is kept only to tell it what is wrong; a question has a few hundred bytes. */
    STRANGER_BYTES_MAX = 16 << 10,
};

static const char path_heartbeat[] = "/link/v1/heartbeat";
static const char path_question[] = "/link/v1/question";
static const char path_create[] = "/link/v1/create";
static const char path_offer[] = "/link/v1/offer";
static const char path_batch[] = "/link/v1/batch";
static const char path_part[] = "/link/v1/part";
static const char path_wanted[] = "/link/v1/wanted";
static const char path_command[] = "/link/v1/command";
static const char path_people[] = "/admin/"; /* and all below */
static const char json_type[] = "application/json";
static const char packet_type[] = "application/octet-stream";

/* Who this machine is, and whom it believes: the names of three PEM files, owned. */
struct files {
    char *certificate, *private_key, *authority;
};

static struct files files_copy(const struct files *f)
{
    return (struct files){xstrdup(f->certificate), xstrdup(f->private_key), xstrdup(f->authority)};
}

static void files_free(struct files *f)
{
    free(f->certificate);
    free(f->private_key);
    free(f->authority);
}

struct link {
    struct loop *loop;
    const struct topology *topology;
    const struct machine *self;
    struct sender sender;
    struct link_handlers handlers;
    struct on_loop *gate;
    struct http_server *server;
    struct http_client *client;
    struct files files;
    bool stopped;
    atomic_uint references; /* the owner's, and one for each call and reply under way */
    uint64_t refusal_logged_ms;
    uint64_t refusals_untold;
};

/* --- replies --- */

struct link_reply {
    struct link *link;
    struct http_request *request;
};

static struct link *link_ref(struct link *link)
{
    atomic_fetch_add(&link->references, 1);
    return link;
}

static void link_unref(struct link *link)
{
    if (atomic_fetch_sub(&link->references, 1) != 1)
        return;
    files_free(&link->files);
    free(link);
}

static void reply_bytes(struct link_reply *reply, const char *type, struct bytes body)
{
    http_answer(reply->request, 200, type, body, NULL);
    link_unref(reply->link);
    free(reply);
}

static void reply_with(struct link_reply *reply, char *text)
{
    reply_bytes(reply, json_type, bytes_of_text(text));
    free(text);
}

void link_reply_heartbeat(struct link_reply *reply, const struct heartbeat *ours)
{
    reply_with(reply, heartbeat_encode(ours));
}

void link_reply_answer(struct link_reply *reply, const struct home_answer *answer)
{
    reply_with(reply, answer_encode(&reply->link->sender, answer));
}

void link_reply_created(struct link_reply *reply, const char *home)
{
    reply_with(reply, create_encode(&reply->link->sender, home));
}

void link_reply_position(struct link_reply *reply, const struct copy_answer *position)
{
    reply_with(reply, position_encode(&reply->link->sender, position));
}

void link_reply_compared(struct link_reply *reply, const struct compared *compared)
{
    reply_with(reply, compared_encode(&reply->link->sender, compared));
}

void link_reply_items(struct link_reply *reply, struct bytes batch)
{
    OWNED(buffer_free) struct buffer body = {0};
    packet_wrap(&reply->link->sender, batch, &body);
    reply_bytes(reply, packet_type, buffer_view(&body));
}

void link_reply_error(struct link_reply *reply, const struct error *e)
{
    http_answer_error(reply->request, e);
    link_unref(reply->link);
    free(reply);
}

/* --- who may say what --- */

static bool carries(const struct http_peer *peer, const char *name)
{
    for (size_t i = 0; i < HTTP_NAMES_MAX && peer->names[i]; i++) {
        if (strcmp(peer->names[i], name) == 0)
            return true;
    }
    return false;
}

/* People's certificates and machines' come from the same authority: each goes its own way in. */
static enum failure check_certificate(const struct http_peer *peer, bool people, struct error *e)
{
    if (peer->certificate != HTTP_CERTIFICATE_GOOD) {
        fail(e, FAIL_FOREIGN, "%s", peer->explanation);
        return error_next(e, people ? "Administrators of this deployment show a certificate of its "
                                      "own authority: pollux pki administrator NAME"
                                    : "Machines of this deployment show a certificate of its own "
                                      "authority: pollux pki issue, pollux pki renew.");
    }
    if (people && !peer->administrator) {
        fail(e, FAIL_DENIED,
             "The certificate shown names %s, which is not a person: only people "
             "give commands.",
             peer->names[0] ? peer->names[0] : "nobody");
        return error_next(e, "Issue one for a person: pollux pki administrator NAME");
    }
    if (!people && peer->administrator) {
        fail(e, FAIL_FOREIGN, "The certificate shown names %s, a person: here only machines speak.",
             peer->administrator);
        return error_next(e, "Issue one for the machine: pollux pki issue MACHINE --pool POOL");
    }
    return OK;
}

/* The machine that speaks: named in the message, known to the topology, proved by the certificate.
 * NULL: it is none. */
static const struct machine *check_sender(const struct link *link, const struct http_peer *peer,
                                          const struct sender *sender, struct error *e)
{
    const struct machine *machine = topology_machine(link->topology, sender->machine);
    if (!machine || strcmp(machine->pool->fqdn, sender->pool) != 0) {
        fail(e, FAIL_FOREIGN, "The topology of %s knows no machine %s of a pool %s.",
             link->self->fqdn, sender->machine, sender->pool);
        error_next(e, "Use the same topology file on every machine.");
        return NULL;
    }
    if (!carries(peer, machine->fqdn) || !carries(peer, machine->pool->fqdn)) {
        fail(e, FAIL_FOREIGN,
             "The certificate shown names %s, not both %s and its pool %s: a machine speaks only "
             "for itself.",
             peer->names[0] ? peer->names[0] : "nobody", machine->fqdn, machine->pool->fqdn);
        error_next(e, "Issue the right one: pollux pki issue %s --pool %s", machine->fqdn,
                   machine->pool->fqdn);
        return NULL;
    }
    return machine;
}

static void log_refusal(struct link *link, const struct http_peer *peer, const struct error *e)
{
    uint64_t now = clock_ms();
    if (link->refusal_logged_ms && now - link->refusal_logged_ms < REFUSALS_LOGGED_EACH_MS) {
        link->refusals_untold++;
        return;
    }
    log_error(LOG_EVENT_WARNING, "link-refused", e, "A call from %s was refused.", peer->address);
    if (link->refusals_untold)
        log_event(LOG_EVENT_WARNING, "link-refused",
                  "%llu more calls were refused since the last that was told.",
                  (unsigned long long)link->refusals_untold);
    link->refusal_logged_ms = now;
    link->refusals_untold = 0;
}

/* --- requests that arrive --- */

static struct link_reply *reply_new(struct link *link, struct http_request *request)
{
    struct link_reply *reply = xmalloc(sizeof *reply);
    *reply = (struct link_reply){.link = link_ref(link), .request = request};
    return reply;
}

static enum failure take_heartbeat(struct link *link, struct http_request *request, struct error *e)
{
    OWNED(free_memory) struct heartbeat *theirs = xmalloc(sizeof *theirs);
    enum failure bad = heartbeat_decode(http_request_body(request), theirs, e);
    const struct machine *from =
        bad ? NULL : check_sender(link, http_request_peer(request), &theirs->sender, e);
    if (!from)
        return e->kind;
    link->handlers.heartbeat(from, theirs, reply_new(link, request), link->handlers.context);
    return OK;
}

static enum failure take_question(struct link *link, struct http_request *request, struct error *e)
{
    struct sender sender;
    struct home_question question;
    char home[HOME_NAME_SIZE];
    enum failure bad = question_decode(http_request_body(request), &sender, home, &question, e);
    const struct machine *from =
        bad ? NULL : check_sender(link, http_request_peer(request), &sender, e);
    if (!from)
        return e->kind;
    link->handlers.question(from, home, &question, reply_new(link, request),
                            link->handlers.context);
    return OK;
}

static enum failure take_create(struct link *link, struct http_request *request, struct error *e)
{
    struct sender sender;
    char home[HOME_NAME_SIZE];
    enum failure bad = create_decode(http_request_body(request), &sender, home, e);
    const struct machine *from =
        bad ? NULL : check_sender(link, http_request_peer(request), &sender, e);
    if (!from)
        return e->kind;
    link->handlers.create(from, home, reply_new(link, request), link->handlers.context);
    return OK;
}

static enum failure take_offer(struct link *link, struct http_request *request, struct error *e)
{
    struct sender sender;
    OWNED(free_memory) struct sync_offer *offer = xmalloc(sizeof *offer);
    enum failure bad = offer_decode(http_request_body(request), &sender, offer, e);
    const struct machine *from =
        bad ? NULL : check_sender(link, http_request_peer(request), &sender, e);
    if (!from)
        return e->kind;
    link->handlers.offer(from, offer, reply_new(link, request), link->handlers.context);
    return OK;
}

static enum failure take_packet(struct link *link, struct http_request *request,
                                const struct machine **from, struct bytes *packet, struct error *e)
{
    struct sender sender;
    enum failure bad = packet_unwrap(http_request_body(request), &sender, packet, e);
    *from = bad ? NULL : check_sender(link, http_request_peer(request), &sender, e);
    return *from ? OK : e->kind;
}

static enum failure take_batch(struct link *link, struct http_request *request, struct error *e)
{
    const struct machine *from;
    struct bytes batch;
    if (take_packet(link, request, &from, &batch, e))
        return e->kind;
    link->handlers.batch(from, batch, reply_new(link, request), link->handlers.context);
    return OK;
}

static enum failure take_part(struct link *link, struct http_request *request, struct error *e)
{
    const struct machine *from;
    struct bytes part;
    if (take_packet(link, request, &from, &part, e))
        return e->kind;
    link->handlers.part(from, part, reply_new(link, request), link->handlers.context);
    return OK;
}

static enum failure take_wanted(struct link *link, struct http_request *request, struct error *e)
{
    struct sender sender;
    struct items_wanted wanted;
    enum failure bad = wanted_decode(http_request_body(request), &sender, &wanted, e);
    const struct machine *from =
        bad ? NULL : check_sender(link, http_request_peer(request), &sender, e);
    if (!from)
        return e->kind;
    link->handlers.wanted(from, &wanted, reply_new(link, request), link->handlers.context);
    return OK;
}

static enum failure take_command(struct link *link, struct http_request *request, struct error *e)
{
    struct sender sender;
    OWNED(free_memory) char *payload = NULL;
    enum failure bad = command_decode(http_request_body(request), &sender, &payload, e);
    const struct machine *from =
        bad ? NULL : check_sender(link, http_request_peer(request), &sender, e);
    if (!from)
        return e->kind;
    link->handlers.command(from, payload, request, link->handlers.context);
    return OK;
}

static const struct {
    const char *path;
    size_t body_max;
    enum failure (*take)(struct link *link, struct http_request *request, struct error *e);
} routes[] = {
    {path_heartbeat, MESSAGE_BYTES_MAX, take_heartbeat},
    {path_question, MESSAGE_BYTES_MAX, take_question},
    {path_create, MESSAGE_BYTES_MAX, take_create},
    {path_offer, MESSAGE_BYTES_MAX, take_offer},
    {path_batch, MESSAGE_BATCH_BYTES_MAX, take_batch},
    {path_part, MESSAGE_BATCH_BYTES_MAX, take_part},
    {path_wanted, MESSAGE_BYTES_MAX, take_wanted},
    {path_command, MESSAGE_COMMAND_BYTES_MAX, take_command},
};

static enum failure route(struct link *link, struct http_request *request, struct error *e)
{
    const char *path = http_request_path(request);
    bool people = strncmp(path, path_people, strlen(path_people)) == 0;
    enum failure bad = check_certificate(http_request_peer(request), people, e);
    if (bad)
        return bad;
    if (people) {
        link->handlers.person(request, link->handlers.context);
        return OK;
    }
    for (size_t i = 0; i < COUNT_OF(routes); i++) {
        if (strcmp(path, routes[i].path) != 0)
            continue;
        if (strcmp(http_request_method(request), "POST") != 0)
            return fail(e, FAIL_INVALID, "%s takes POST only.", path);
        if (http_request_body(request).size > routes[i].body_max)
            return fail(e, FAIL_INVALID, "%s takes %zu bytes at most.", path, routes[i].body_max);
        return routes[i].take(link, request, e);
    }
    return fail(e, FAIL_NOT_FOUND, "The link has no %s.", path);
}

static void on_request(struct http_request *request, void *context)
{
    struct link *link = context;
    struct error e = {0};
    if (!route(link, request, &e))
        return;
    log_refusal(link, http_request_peer(request), &e);
    http_answer_error(request, &e);
}

/* --- calls that we make --- */

enum call_kind {
    CALL_HEARTBEAT,
    CALL_QUESTION,
    CALL_CREATE,
    CALL_POSITION,
    CALL_COMPARED,
    CALL_WANTED
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
        link_create_done *create;
        link_position_done *position;
        link_compared_done *compared;
        link_items_done *items;
    } done;
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

static void tell_created(struct call *call, struct error *e)
{
    struct sender sender;
    char home[HOME_NAME_SIZE];
    enum failure bad = e->kind;
    if (!bad)
        bad = create_decode(buffer_view(&call->body), &sender, home, e);
    if (!bad)
        bad = check_answerer(call, &sender, e);
    call->done.create(call->to, call->home, bad ? e : NULL, call->context);
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
        case CALL_CREATE: tell_created(call, &e); break;
        case CALL_POSITION: tell_position(call, &e); break;
        case CALL_COMPARED: tell_compared(call, &e); break;
        case CALL_WANTED: tell_items(call, &e); break;
        }
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
    call_send_bytes(call, to, path, json_type, bytes_of_text(text), LINK_DEADLINE_MS);
    free(text);
}

void link_heartbeat(struct link *link, const struct machine *to, const struct heartbeat *ours,
                    link_heartbeat_done *done, void *context)
{
    struct call *call = call_new(link, CALL_HEARTBEAT, to, context);
    call->done.heartbeat = done;
    call_send(call, to, path_heartbeat, heartbeat_encode(ours));
}

void link_question(struct link *link, const struct machine *to, const char *home,
                   const struct home_question *question, link_answer_done *done, void *context)
{
    struct call *call = call_new(link, CALL_QUESTION, to, context);
    call->done.answer = done;
    call->question = *question;
    memcpy(call->home, home, strlen(home) + 1);
    call_send(call, to, path_question, question_encode(&link->sender, home, question));
}

void link_create(struct link *link, const struct machine *to, const char *home,
                 link_create_done *done, void *context)
{
    struct call *call = call_new(link, CALL_CREATE, to, context);
    call->done.create = done;
    memcpy(call->home, home, strlen(home) + 1);
    call_send(call, to, path_create, create_encode(&link->sender, home));
}

/* --- commands that we pass on --- */

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
    question.path = path_command;
    question.body = bytes_of_text(command->body);
    return http_ask(&place, &question, status, e);
}

void link_command_free(struct link_command *command)
{
    if (!command)
        return;
    free(command->host);
    free(command->address);
    files_free(&command->files);
    free(command->body);
    free(command);
}

void link_offer(struct link *link, const struct machine *to, const struct sync_offer *offer,
                link_position_done *done, void *context)
{
    struct call *call = call_new(link, CALL_POSITION, to, context);
    call->done.position = done;
    call_send(call, to, path_offer, offer_encode(&link->sender, offer));
}

static void call_send_packet(struct call *call, const struct machine *to, const char *path,
                             struct bytes packet)
{
    OWNED(buffer_free) struct buffer body = {0};
    packet_wrap(&call->link->sender, packet, &body);
    call_send_bytes(call, to, path, packet_type, buffer_view(&body), LINK_BATCH_DEADLINE_MS);
}

void link_batch(struct link *link, const struct machine *to, struct bytes batch,
                link_position_done *done, void *context)
{
    struct call *call = call_new(link, CALL_POSITION, to, context);
    call->done.position = done;
    call_send_packet(call, to, path_batch, batch);
}

void link_wanted(struct link *link, const struct machine *to, const struct items_wanted *wanted,
                 link_items_done *done, void *context)
{
    struct call *call = call_new(link, CALL_WANTED, to, context);
    call->done.items = done;
    call_send(call, to, path_wanted, wanted_encode(&link->sender, wanted));
}

void link_part(struct link *link, const struct machine *to, struct bytes part,
               link_compared_done *done, void *context)
{
    struct call *call = call_new(link, CALL_COMPARED, to, context);
    call->done.compared = done;
    call_send_packet(call, to, path_part, part);
}

/* --- the link --- */

static void introduce(struct link *link, const struct topology *topology,
                      const struct machine *self)
{
    link->topology = topology;
    link->self = self;
    link->sender = (struct sender){.protocol = LINK_PROTOCOL, .version = POLLUX_VERSION};
    memcpy(link->sender.machine, self->fqdn, strlen(self->fqdn) + 1);
    memcpy(link->sender.pool, self->pool->fqdn, strlen(self->pool->fqdn) + 1);
}

struct link *link_start(const struct link_options *options, struct error *e)
{
    struct link *link = xcalloc(1, sizeof *link);
    atomic_init(&link->references, 1);
    link->loop = options->loop;
    link->handlers = *options->handlers;
    link->files =
        (struct files){xstrdup(options->certificate_file), xstrdup(options->private_key_file),
                       xstrdup(options->authority_file)};
    introduce(link, options->topology, options->self);
    const char *address = options->listen_address ? options->listen_address : link->self->address;
    link->gate = on_loop_open(link->loop, on_request, link);
    struct http_client_options client = {.certificate_file = options->certificate_file,
                                         .private_key_file = options->private_key_file,
                                         .authority_file = options->authority_file};
    struct http_server_options server = {.address = address ? address : "::",
                                         .port = link->self->link_port,
                                         .certificate_file = options->certificate_file,
                                         .private_key_file = options->private_key_file,
                                         .authority_file = options->authority_file,
                                         .body_max = MESSAGE_BATCH_BYTES_MAX,
                                         .stranger_body_max = STRANGER_BYTES_MAX,
                                         .handler = on_loop_handler,
                                         .context = link->gate};
    link->client = http_client_start(&client, e);
    if (link->client)
        link->server = http_server_start(&server, e);
    if (link->server)
        return link;
    http_client_stop(link->client);
    on_loop_close(link->gate);
    link_unref(link);
    return NULL;
}

void link_stop(struct link *link)
{
    if (!link)
        return;
    link->stopped = true;
    http_server_stop(link->server);
    on_loop_close(link->gate);
    http_client_stop(link->client);
    link_unref(link);
}

enum failure link_reload(struct link *link, const struct topology *topology,
                         const struct machine *self, struct error *e)
{
    enum failure bad = http_server_reload(link->server, e);
    if (!bad)
        bad = http_client_reload(link->client, e);
    if (!bad)
        introduce(link, topology, self);
    return bad;
}

uint16_t link_port(const struct link *link)
{
    return http_server_port(link->server);
}

const struct sender *link_sender(const struct link *link)
{
    return &link->sender;
}
