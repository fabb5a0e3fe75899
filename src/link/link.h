/* The link: calls between the machines of a deployment, HTTPS with mutual TLS.
 *
 * It knows who may say what: a machine speaks for itself and its own pool, as its certificate says
 * and the topology confirms; whoever can't show that is answered why, and the event log says it
 * too. What the messages mean is for those above. Everything is called on the loop's thread. */
#ifndef POLLUX_LINK_LINK_H
#define POLLUX_LINK_LINK_H

#include "base/loop.h"
#include "link/message.h"
#include "topology/topology.h"

struct link;
struct link_reply; /* whoever is given one must answer it once, at any time */

enum {
    /* How long a call may take. An answer that comes later is thrown away, so this is also how long
     * a grant can be on its way (protocol, rule 8). */
    LINK_DEADLINE_MS = 2000,
};

struct link_handlers {
    void (*heartbeat)(const struct machine *from, const struct heartbeat *theirs,
                      struct link_reply *reply, void *context);
    void (*question)(const struct machine *from, const char *home,
                     const struct home_question *question, struct link_reply *reply, void *context);
    void (*create)(const struct machine *from, const char *home, struct link_reply *reply,
                   void *context);
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
void link_reply_created(struct link_reply *reply, const char *home);
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
void link_create(struct link *link, const struct machine *to, const char *home,
                 link_create_done *done, void *context);

#endif
