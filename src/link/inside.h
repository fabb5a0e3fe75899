/* What the link's own files share: who we are, and the words for where things go. */
#ifndef POLLUX_LINK_INSIDE_H
#define POLLUX_LINK_INSIDE_H

#include <stdatomic.h>

#include "http/client.h"
#include "link/link.h"

#define LINK_PATH_HEARTBEAT "/link/v1/heartbeat"
#define LINK_PATH_QUESTION  "/link/v1/question"
#define LINK_PATH_DEMAND    "/link/v1/demand"
#define LINK_PATH_FLUSH     "/link/v1/flush"
#define LINK_PATH_CREATE    "/link/v1/create"
#define LINK_PATH_OFFER     "/link/v1/offer"
#define LINK_PATH_BATCH     "/link/v1/batch"
#define LINK_PATH_PART      "/link/v1/part"
#define LINK_PATH_WANTED    "/link/v1/wanted"
#define LINK_PATH_STANDING  "/link/v1/standing"
#define LINK_PATH_SALVAGE   "/link/v1/salvage"
#define LINK_PATH_CHUNKS    "/link/v1/chunks"
#define LINK_PATH_RECORDS   "/link/v1/records"
#define LINK_PATH_COMMAND   "/link/v1/command"
#define LINK_TYPE_JSON      "application/json"
#define LINK_TYPE_PACKET    "application/octet-stream"

/* Who this machine is, and whom it believes: the names of three PEM files, owned. */
struct files {
    char *certificate, *private_key, *authority;
};

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

struct link *link_ref(struct link *link);
void link_unref(struct link *link);

#endif
