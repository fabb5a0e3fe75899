#include "link/link.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/count.h"
#include "base/log.h"
#include "http/on_loop.h"
#include "link/inside.h"

enum {
    /* A stranger that knocks all day must not fill the log. */
    REFUSALS_LOGGED_EACH_MS = 1000,
    /* What it sends is kept only to tell it what is wrong; a question has a few hundred bytes. */
    STRANGER_BYTES_MAX = 16 << 10,
};

static const char path_people[] = "/admin/"; /* and all below */

static void files_free(struct files *f)
{
    free(f->certificate);
    free(f->private_key);
    free(f->authority);
}

/* --- replies --- */

struct link_reply {
    struct link *link;
    struct http_request *request;
};

struct link *link_ref(struct link *link)
{
    atomic_fetch_add(&link->references, 1);
    return link;
}

void link_unref(struct link *link)
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
    reply_bytes(reply, LINK_TYPE_JSON, bytes_of_text(text));
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

void link_reply_standing(struct link_reply *reply, const struct home_standing *standing)
{
    reply_with(reply, standing_encode(&reply->link->sender, standing));
}

void link_reply_created(struct link_reply *reply, const char *home)
{
    reply_with(reply, create_encode(&reply->link->sender, home));
}

void link_reply_kept(struct link_reply *reply, const char *home)
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

void link_reply_offer(struct link_reply *reply, const struct sync_offer *offer)
{
    reply_with(reply, offer_encode(&reply->link->sender, offer));
}

void link_reply_items(struct link_reply *reply, struct bytes batch)
{
    OWNED(buffer_free) struct buffer body = {0};
    packet_wrap(&reply->link->sender, batch, &body);
    reply_bytes(reply, LINK_TYPE_PACKET, buffer_view(&body));
}

void link_reply_chunks(struct link_reply *reply, struct bytes answer)
{
    link_reply_items(reply, answer);
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
        return error_next(e, people
                                 ? "Administrators of this deployment show a certificate of its "
                                   "own authority: pollux pki administrator NAME"
                                 : "Machines of this deployment show a certificate of its own "
                                   "authority. Where that is, pollux pki renew MACHINE makes a new "
                                   "one; the first one, pollux pki issue MACHINE --pool POOL");
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
        log_event(LOG_EVENT_WARNING, "link-refused", "%s %s refused since the last that was told.",
                  COUNTED(link->refusals_untold, "more call"),
                  count_word(link->refusals_untold, "was", "were"));
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

static enum failure take_demand(struct link *link, struct http_request *request, struct error *e)
{
    struct sender sender;
    struct home_demanded demanded;
    char home[HOME_NAME_SIZE];
    enum failure bad = demand_decode(http_request_body(request), &sender, home, &demanded, e);
    const struct machine *from =
        bad ? NULL : check_sender(link, http_request_peer(request), &sender, e);
    if (!from)
        return e->kind;
    link->handlers.demand(from, home, &demanded, reply_new(link, request), link->handlers.context);
    return OK;
}

static enum failure take_named(struct link *link, struct http_request *request,
                               const struct machine **from, char home[HOME_NAME_SIZE],
                               struct error *e)
{
    struct sender sender;
    enum failure bad = create_decode(http_request_body(request), &sender, home, e);
    *from = bad ? NULL : check_sender(link, http_request_peer(request), &sender, e);
    return *from ? OK : e->kind;
}

static enum failure take_create(struct link *link, struct http_request *request, struct error *e)
{
    const struct machine *from;
    char home[HOME_NAME_SIZE];
    if (take_named(link, request, &from, home, e))
        return e->kind;
    link->handlers.create(from, home, reply_new(link, request), link->handlers.context);
    return OK;
}

static enum failure take_flush(struct link *link, struct http_request *request, struct error *e)
{
    const struct machine *from;
    char home[HOME_NAME_SIZE];
    if (take_named(link, request, &from, home, e))
        return e->kind;
    link->handlers.flush(from, home, reply_new(link, request), link->handlers.context);
    return OK;
}

static enum failure take_standing(struct link *link, struct http_request *request, struct error *e)
{
    const struct machine *from;
    char home[HOME_NAME_SIZE];
    if (take_named(link, request, &from, home, e))
        return e->kind;
    link->handlers.standing(from, home, reply_new(link, request), link->handlers.context);
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

static enum failure take_salvage(struct link *link, struct http_request *request, struct error *e)
{
    const struct machine *from;
    struct bytes packet;
    if (take_packet(link, request, &from, &packet, e))
        return e->kind;
    link->handlers.salvage(from, packet, reply_new(link, request), link->handlers.context);
    return OK;
}

static enum failure take_records(struct link *link, struct http_request *request, struct error *e)
{
    const struct machine *from;
    struct bytes packet, records;
    char home[HOME_NAME_SIZE];
    if (take_packet(link, request, &from, &packet, e) || records_unwrap(packet, home, &records, e))
        return e->kind;
    link->handlers.records(from, home, records, reply_new(link, request), link->handlers.context);
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

static enum failure take_chunks(struct link *link, struct http_request *request, struct error *e)
{
    const struct machine *from;
    struct bytes wanted;
    if (take_packet(link, request, &from, &wanted, e))
        return e->kind;
    link->handlers.chunks(from, wanted, reply_new(link, request), link->handlers.context);
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
    {LINK_PATH_HEARTBEAT, MESSAGE_BYTES_MAX, take_heartbeat},
    {LINK_PATH_QUESTION, MESSAGE_BYTES_MAX, take_question},
    {LINK_PATH_DEMAND, MESSAGE_BYTES_MAX, take_demand},
    {LINK_PATH_FLUSH, MESSAGE_BYTES_MAX, take_flush},
    {LINK_PATH_CREATE, MESSAGE_BYTES_MAX, take_create},
    {LINK_PATH_OFFER, MESSAGE_BYTES_MAX, take_offer},
    {LINK_PATH_BATCH, MESSAGE_BATCH_BYTES_MAX, take_batch},
    {LINK_PATH_PART, MESSAGE_BATCH_BYTES_MAX, take_part},
    {LINK_PATH_SALVAGE, MESSAGE_BATCH_BYTES_MAX, take_salvage},
    {LINK_PATH_WANTED, MESSAGE_BYTES_MAX, take_wanted},
    {LINK_PATH_STANDING, MESSAGE_BYTES_MAX, take_standing},
    {LINK_PATH_CHUNKS, MESSAGE_BATCH_BYTES_MAX, take_chunks},
    {LINK_PATH_RECORDS, MESSAGE_BATCH_BYTES_MAX, take_records},
    {LINK_PATH_COMMAND, MESSAGE_COMMAND_BYTES_MAX, take_command},
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
