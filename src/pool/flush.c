#include "pool/flush.h"

#include <stdio.h>
#include <stdlib.h>

#include "pool/storage_service.h"

/* Sooner than whoever asked gives up waiting. */
enum { FLUSH_PATIENCE_MS = LINK_BATCH_DEADLINE_MS - 2000 };

/* --- asking --- */

struct flush {
    size_t asked;
    struct error error;
    flush_done *done;
    void *context;
};

static void one_ended(struct flush *flush)
{
    if (--flush->asked > 0)
        return;
    struct error e = flush->error; /* it may be freed by whoever is told */
    flush->done(e.kind ? &e : NULL, flush->context);
}

static void on_flushed(const char *to, const char *home, const struct error *e, void *context)
{
    struct flush *flush = context;
    if (e && !flush->error.kind) {
        flush->error = *e;
        error_within(&flush->error, "The storage queue of %s for the home %s was not flushed: ", to,
                     home);
    }
    one_ended(flush);
}

struct flush *flush_new(flush_done *done, void *context)
{
    struct flush *flush = xcalloc(1, sizeof *flush);
    flush->done = done;
    flush->context = context;
    return flush;
}

void flush_free(struct flush *flush)
{
    free(flush);
}

void flush_pool(struct flush *flush, struct front_end *fe, const char *name, const char *home)
{
    const struct pool *pool = topology_pool(front_end_config(fe)->topology, name);
    flush->asked = 1; /* so that it ends here, if nobody is to be asked */
    for (size_t i = 0; pool && i < pool->machine_count; i++) {
        flush->asked++;
        link_flush(front_end_link(fe), &pool->machines[i], home, on_flushed, flush);
    }
    one_ended(flush);
}

/* --- being asked --- */

struct asked {
    struct link_reply *reply;
    char home[HOME_NAME_SIZE];
};

static void on_done(const struct storage_flushed *flushed, const struct error *e, void *context)
{
    struct asked *asked = context;
    (void)flushed;
    if (e)
        link_reply_error(asked->reply, e);
    else
        link_reply_created(asked->reply, asked->home);
    free(asked);
}

void flush_asked(struct front_end *fe, const char *home, struct link_reply *reply)
{
    struct asked *asked = xmalloc(sizeof *asked);
    asked->reply = reply;
    snprintf(asked->home, sizeof asked->home, "%s", home);
    const struct storage_flush_options options = {.home = asked->home,
                                                  .kind = STORAGE_FLUSH_FULL,
                                                  .patience_ms = FLUSH_PATIENCE_MS,
                                                  .done = on_done,
                                                  .context = asked};
    storage_service_flush(front_end_storage_service(fe), &options);
}
