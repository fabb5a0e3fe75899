/* The storage service of one machine: session records wait in a queue of its own
 * (session_queue.h) and go on from there, in the background, into the homes that they belong to: by
 * a transaction where the home is served here, else by the link to the pool that holds it. They
 * keep their ids (protocol, rule 19), so that what goes twice is kept once.
 *
 * On the loop, but for what says otherwise. */
#ifndef POLLUX_POOL_STORAGE_SERVICE_H
#define POLLUX_POOL_STORAGE_SERVICE_H

#include "pool/front_end.h"
#include "pool/session_record.h"

enum {
    /* A record waits so long for others to share its transaction, unless somebody flushes. */
    STORAGE_LINGER_MS = 3000,
    STORAGE_TICK_MS = 250, /* at each, a home gets one batch at most, so that users come between */
    STORAGE_BATCH_MAX = 500, /* records; they fit into a message of the link, too */
    /* A machine that could not open its queue (a full disk) tries again so often. */
    STORAGE_REOPEN_MS = 10000,
};

struct storage_service;

/* Opens the queue. If that fails, the machine runs without, and says so: no session is refused for
 * what can't be noted of it. */
struct storage_service *storage_service_new(struct front_end *fe);
void storage_service_start(struct storage_service *storage);
/* After the link was stopped, while the store is still there. */
void storage_service_stop(struct storage_service *storage); /* NULL does nothing */
void storage_service_free(struct storage_service *storage);

/* Any thread. `home`, `user` … are copied. */
void storage_service_note(struct storage_service *storage, const struct session_note *note);
/* Any thread: `kept` is called when all that was noted before is on the disk, or refused; perhaps
 * at once, else on a thread of the store's. Must not block. */
typedef void storage_kept(void *context);
void storage_service_settle(struct storage_service *storage, storage_kept *kept, void *context);

/* How many records wait here for this home (NULL: any). While there are some, or that is not known
 * (`*usable` false: the queue can't be read), the home's data are not final (protocol, rule 18).
 * Any thread. */
size_t storage_service_queued(struct storage_service *storage, const char *home, bool *usable);

enum storage_flush_kind {
    /* What waited when it began and belongs into homes that are served here, at the pace of the
     * background. */
    STORAGE_FLUSH_STEADY,
    /* All there is, until nothing is left; as fast as the store takes it. */
    STORAGE_FLUSH_FULL,
};

struct storage_flushed {
    size_t written, passed; /* into homes served here; to other pools */
    size_t left;            /* of what was to go */
    struct error why;       /* the last that kept them; kind OK: nothing did */
};

struct storage_flush;
struct storage_flush_options {
    const char *home; /* NULL: all */
    enum storage_flush_kind kind;
    bool here_only; /* nothing is passed to other pools for it */
    uint64_t patience_ms;
    /* Called once, on the loop and not before storage_service_flush() returned: everything went
     * (`e` is NULL), or why not. */
    void (*done)(const struct storage_flushed *flushed, const struct error *e, void *context);
    void *context;
};
/* For whoever hands a home over (-FlushStorageService), and for Invoke-CsStorageServiceFlush. Lent
 * until `done` is called. */
struct storage_flush *storage_service_flush(struct storage_service *storage,
                                            const struct storage_flush_options *options);
/* Nobody wants to know any more: `done` is not called. */
void storage_flush_cancel(struct storage_flush *flush);
void storage_flush_progress(const struct storage_flush *flush, struct storage_flushed *so_far);

/* The home is handed over, or may be at once: its records wait a little (core/rest.h), unless they
 * are flushed. */
void storage_service_rest(struct storage_service *storage, const char *home);

/* Another pool's machine sends what waited there. Answers when it is durable. */
void storage_service_sent(struct storage_service *storage, const struct machine *from,
                          const char *home, struct bytes records, struct link_reply *reply);

#endif
