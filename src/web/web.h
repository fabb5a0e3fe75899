/* The users' own service of a machine, over HTTPS: signing on, contact lists, presence, settings,
 * conferences. docs/users.md says how a client uses it.
 *
 * Requests arrive on the server's threads and pass the loop, which only hands them on: what a visit
 * needs to know stands in a `standing`, the rest in the store. */
#ifndef POLLUX_WEB_WEB_H
#define POLLUX_WEB_WEB_H

#include "pool/front_end.h"

enum {
    WEB_THREADS_MAX = 8, /* each may hold a view, of which the store has 16 for everybody */
    WEB_LOOK_MS = 1000,  /* so often is looked who serves which home, besides at each change */
    /* About 50 kB each. Clients that are silent for HTTP_IDLE_SECONDS_MAX lose theirs, not their
     * session. One address can't have all of them: the rest is for others. */
    WEB_CONNECTIONS_MAX = 4096,
    WEB_CONNECTIONS_OF_ONE_MAX = 1024,
    WEB_BODY_MAX = 300 << 10, /* a document, and a little more, so that it can be told the limit */
    WEB_ARRIVING_MAX = 64 << 20, /* bodies on their way, before anybody has said who he is */
};

struct web;
struct web *web_start(struct front_end *fe, struct loop *loop, struct error *e);
/* Reads certificate, key and authority anew. */
void web_reload(struct web *web);
/* Before the front end is stopped. Changes under way are still made; their answers find nobody. */
void web_stop(struct web *web);

/* How many users are signed on here; NULL: of all homes. */
size_t web_session_count(const struct web *web, const char *home);

#endif
