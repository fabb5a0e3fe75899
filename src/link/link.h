/* The link: calls between the machines of a deployment, HTTPS with mutual TLS.
 *
 * It knows who may say what: a machine speaks for itself and its own pool, as its certificate says
 * and the topology confirms; whoever can't show that is answered why, and the event log says it
 * too. People come in by the same port, to give commands, and are let through to those above. What
 * the messages mean is for those above, too. Everything is called on the loop's thread, but for
 * what says otherwise. */
#ifndef POLLUX_LINK_LINK_H
#define POLLUX_LINK_LINK_H

#include "base/loop.h"
#include "http/ask.h"
#include "http/server.h"
#include "link/message.h"
#include "topology/topology.h"

struct link;
struct link_reply; /* whoever is given one must answer it once, at any time */

enum {
    /* How long a call may take. An answer that comes later is thrown away, so this is also how long
     * a grant can be on its way (protocol, rule 8). */
    LINK_DEADLINE_MS = 2000,
    /* A batch is large, and is answered when it is durable. Over the slowest link that is reckoned
     * with, its bytes take longer than that, and get that much more. */
    LINK_BATCH_DEADLINE_MS = 30000,
    LINK_SLOWEST_BYTES_EACH_MS = 64,
    /* And where a copy has to add up all that it has, so many items get a millisecond more: four
     * times what was measured. */
    LINK_ADDED_UP_EACH_MS = 30,
    /* Where a copy stands is asked for beside all that travels, which may fill a slow link: a
     * packet or two that get lost there are no reason to say that the partner does not answer. */
    LINK_OFFER_DEADLINE_MS = 5000,
};

struct link_handlers {
    void (*heartbeat)(const struct machine *from, const struct heartbeat *theirs,
                      struct link_reply *reply, void *context);
    void (*question)(const struct machine *from, const char *home,
                     const struct home_question *question, struct link_reply *reply, void *context);
    void (*demand)(const struct machine *from, const char *home,
                   const struct home_demanded *demanded, struct link_reply *reply, void *context);
    void (*create)(const struct machine *from, const char *home, struct link_reply *reply,
                   void *context);
    void (*flush)(const struct machine *from, const char *home, struct link_reply *reply,
                  void *context);
    /* The Backup Service. The bytes of a batch are lent until the reply is given. */
    void (*offer)(const struct machine *from, const struct sync_offer *offer,
                  struct link_reply *reply, void *context);
    void (*batch)(const struct machine *from, struct bytes batch, struct link_reply *reply,
                  void *context);
    void (*part)(const struct machine *from, struct bytes part, struct link_reply *reply,
                 void *context); /* of a comparison, as a batch */
    void (*wanted)(const struct machine *from, const struct items_wanted *wanted,
                   struct link_reply *reply, void *context);
    /* How far is the copy of this home, and on which lineage? */
    void (*standing)(const struct machine *from, const char *home, struct link_reply *reply,
                     void *context);
    /* Some of a tail (core/tail_packet.h), for the holder; as a batch. */
    void (*salvage)(const struct machine *from, struct bytes packet, struct link_reply *reply,
                    void *context);
    /* Chunks of files are asked for; the bytes are lent until the reply is given. */
    void (*chunks)(const struct machine *from, struct bytes request, struct link_reply *reply,
                   void *context);
    /* Session records that waited there; `records` is lent until the reply is given. */
    void (*records)(const struct machine *from, const char *home, struct bytes records,
                    struct link_reply *reply, void *context);
    /* The other two take the request over, and answer it themselves, at any time. A machine passes
     * a command on: `payload`, lent for the call, is what link_command_new() was given there. */
    void (*command)(const struct machine *from, const char *payload, struct http_request *request,
                    void *context);
    /* Whatever a person asks for below /admin/, unread; the peer's `administrator` says who. */
    void (*person)(struct http_request *request, void *context);
    void *context;
};

struct link_options {
    struct loop *loop;
    const struct topology *topology;
    const struct machine *self;
    const char *listen_address; /* NULL: the machine's own */
    const char *certificate_file, *private_key_file, *authority_file;
    const struct link_handlers *handlers;
};

struct link *link_start(const struct link_options *options, struct error *e);
/* No handler and no callback is called afterwards; replies that are still out stay valid. */
void link_stop(struct link *link);
/* New certificates from their files, and a new topology of the same machine. */
enum failure link_reload(struct link *link, const struct topology *topology,
                         const struct machine *self, struct error *e);
uint16_t link_port(const struct link *link);
const struct sender *link_sender(const struct link *link);

void link_reply_heartbeat(struct link_reply *reply, const struct heartbeat *ours);
void link_reply_answer(struct link_reply *reply, const struct home_answer *answer);
void link_reply_standing(struct link_reply *reply, const struct home_standing *standing);
/* It is done: the home was created, or its queue flushed. */
void link_reply_created(struct link_reply *reply, const char *home);
void link_reply_position(struct link_reply *reply, const struct copy_answer *position);
void link_reply_compared(struct link_reply *reply, const struct compared *compared);
void link_reply_offer(struct link_reply *reply, const struct sync_offer *offer);
void link_reply_items(struct link_reply *reply, struct bytes batch);
void link_reply_chunks(struct link_reply *reply, struct bytes answer);
void link_reply_kept(struct link_reply *reply, const char *home);
void link_reply_error(struct link_reply *reply, const struct error *e);

/* Calls. The callback gets the answer, or NULL and why. `to` is the machine's name. */
typedef void link_heartbeat_done(const char *to, const struct heartbeat *theirs,
                                 const struct error *e, void *context);
typedef void link_answer_done(const char *to, const char *home,
                              const struct home_question *question,
                              const struct home_answer *answer, const struct error *e,
                              void *context);
typedef void link_create_done(const char *to, const char *home, const struct error *e,
                              void *context); /* `e` is NULL if it is done */
void link_heartbeat(struct link *link, const struct machine *to, const struct heartbeat *ours,
                    link_heartbeat_done *done, void *context);
void link_question(struct link *link, const struct machine *to, const char *home,
                   const struct home_question *question, link_answer_done *done, void *context);
/* A step of a hand-over, and what the home is there then; NULL and why. */
typedef void link_standing_done(const struct home_standing *standing, const struct error *e,
                                void *context);
/* `dropped` instead, if the link stops before. */
typedef void link_dropped(void *context);
void link_demand(struct link *link, const struct machine *to, const char *home,
                 const struct home_demanded *demanded, link_standing_done *done,
                 link_dropped *dropped, void *context);
void link_create(struct link *link, const struct machine *to, const char *home,
                 link_create_done *done, void *context);
/* Answered when nothing waits there for this home any more, or after LINK_BATCH_DEADLINE_MS. */
void link_flush(struct link *link, const struct machine *to, const char *home,
                link_create_done *done, void *context);

/* Both are answered by where the copy stands; NULL and why, if by nothing. */
typedef void link_position_done(const struct copy_answer *position, const struct error *e,
                                void *context);
void link_offer(struct link *link, const struct machine *to, const struct sync_offer *offer,
                link_position_done *done, void *context);
void link_batch(struct link *link, const struct machine *to, struct bytes batch,
                link_position_done *done, void *context);

/* A part of a comparison; the answer says which of its runs differ, too. */
typedef void link_compared_done(const struct compared *compared, const struct error *e,
                                void *context);
void link_part(struct link *link, const struct machine *to, struct bytes part,
               link_compared_done *done, void *context);

/* Some of a tail, to whoever holds the home. The answer says up to where the term's changes are
 * salvaged, as a position: COPY_GO_ON; or COPY_EARLY: again shortly. */
void link_salvage(struct link *link, const struct machine *to, struct bytes packet,
                  link_position_done *done, void *context);

/* Items that are damaged here. `batch` is valid during the call; NULL and why. */
typedef void link_items_done(const struct bytes *batch, const struct error *e, void *context);
void link_wanted(struct link *link, const struct machine *to, const struct items_wanted *wanted,
                 link_items_done *done, void *context);

/* How far a copy is, as if that were offered: `offer` is valid during the call; NULL and why. */
typedef void link_offer_done(const struct sync_offer *offer, const struct error *e, void *context);
void link_standing(struct link *link, const struct machine *to, const char *home,
                   link_offer_done *done, void *context);

/* Chunks of files, with time for so many bytes besides. The answer is valid during the call; NULL
 * and why. */
typedef void link_chunks_done(const struct bytes *answer, const struct error *e, void *context);
void link_chunks(struct link *link, const struct machine *to, struct bytes request, uint64_t bytes,
                 link_chunks_done *done, void *context);
/* Session records of users of a home, for its holder (protocol, rule 19). `e` is NULL if they are
 * durable there. */
typedef void link_records_done(const char *to, const char *home, const struct error *e,
                               void *context);
void link_records(struct link *link, const struct machine *to, const char *home,
                  struct bytes records, link_records_done *done, void *context);

/* A command that another machine is to carry out. Its answer is a stream that may take long, so it
 * is waited for on a thread of the caller's. The command is that thread's own: neither the link nor
 * the topology is used any more once it is made.
 *
 *     on the loop:    command = link_command_new(link, to, payload);
 *     on the thread:  link_command_ask(command, &how, &status, &e); link_command_free(command);
 */
struct link_command;
/* `payload` is the text of a JSON object; with our name around it, it must fit into
 * MESSAGE_COMMAND_BYTES_MAX, or it is refused there. */
struct link_command *link_command_new(const struct link *link, const struct machine *to,
                                      const char *payload);
/* Any thread. As http_ask(); of `how` method, path and body are filled in. */
enum failure link_command_ask(const struct link_command *command, const struct http_question *how,
                              unsigned *status, struct error *e);
void link_command_free(struct link_command *command); /* any thread; NULL does nothing */

#endif
