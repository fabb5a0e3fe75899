/* Invoke-CsStorageServiceFlush: what waits in the storage service's queue of this machine goes into
 * the homes now. */
#include <stdlib.h>
#include <string.h>

#include "admin/call.h"
#include "admin/show.h"
#include "base/count.h"
#include "base/timespan.h"
#include "pool/storage_service.h"

enum { FLUSH_WAIT_MS = 15000 }; /* unless -WaitTime says something else */

static const struct machine *self_of(const struct call *call)
{
    return front_end_config(call_front_end(call))->self;
}

static bool here_only(const struct call *call)
{
    const char *binding = call_text(call, "Binding");
    return binding && strcmp(binding, "NetNamedPipe") == 0;
}

/* --- what may not be --- */

static enum failure check_came_here(const struct call *call, struct error *e)
{
    const char *self = self_of(call)->fqdn;
    if (!here_only(call) || caller_came_by(call_caller(call), self))
        return OK;
    fail(e, FAIL_INVALID,
         "-Binding NetNamedPipe flushes nothing but the queue of the machine that "
         "the command is given on, and that is not %s.",
         self);
    error_kept(e, "Nothing was flushed.");
    return error_next(e, "Give it on %s, or with -Binding NetTcp.", self);
}

static enum failure check_machine(const struct call *call, struct error *e)
{
    const char *named = call_text(call, "HostNameStorageService");
    const struct pool *pool = self_of(call)->pool;
    const struct machine *machine =
        named ? topology_machine(front_end_config(call_front_end(call))->topology, named) : NULL;
    if (!named || machine == self_of(call))
        return OK;
    if (machine && machine->pool == pool) {
        fail(e, FAIL_UNREACHABLE, "The queue of %s is flushed on that machine alone.", named);
        error_next(e, "Give the command there.");
    } else {
        fail(e, FAIL_NOT_FOUND, "%s is no machine of the pool %s.", named, pool->fqdn);
        error_next(e, "Get-CsComputer -Pool %s lists them.", pool->fqdn);
    }
    return error_kept(e, "Nothing was flushed.");
}

/* Each machine has a queue of its own: nobody shall believe that all of them are empty. */
static void tell_of_others(struct call *call)
{
    const struct pool *pool = self_of(call)->pool;
    for (size_t i = 0; i < pool->machine_count && !call_text(call, "HostNameStorageService"); i++) {
        struct error e;
        if (&pool->machines[i] == self_of(call))
            continue;
        fail(&e, FAIL_UNREACHABLE, "The queue of %s was not flushed: that is done on that machine.",
             pool->machines[i].fqdn);
        error_next(&e, "Give the command there, too.");
        call_error(call, &e);
    }
}

/* --- flushing --- */

static void show(struct call *call, const struct storage_flushed *f)
{
    call_object(call,
                json_pack("{s:s, s:s, s:I, s:I, s:I}", "Identity", self_of(call)->fqdn, "FlushType",
                          call_text(call, "FlushType"), "Written", (json_int_t)f->written,
                          "PassedOn", (json_int_t)f->passed, "Left", (json_int_t)f->left));
}

static void on_flushed(const struct storage_flushed *f, const struct error *e, void *context)
{
    struct call *call = context;
    show(call, f);
    if (e)
        call_error(call, e);
    else if (f->left)
        call_caution(call, "%s %s in the queue: %s %s", COUNTED(f->left, "session record"),
                     count_word(f->left, "stays", "stay"), f->why.what, f->why.next);
    tell_of_others(call);
    call_end(call);
}

static void tell_progress(void *context)
{
    struct call *call = context;
    struct storage_flush *flush = call_kept(call);
    struct storage_flushed f;
    if (call_is_unwanted(call)) {
        storage_flush_cancel(flush);
        call_end(call);
        return;
    }
    storage_flush_progress(flush, &f);
    OWNED(free_memory) char *status = xasprintf("%s left", COUNTED(f.left, "record"));
    call_progress(call, &(struct call_progress){.activity = "Flushing the storage queue",
                                                .status = status,
                                                .done = f.written + f.passed,
                                                .total = f.written + f.passed + f.left});
}

void admin_invoke_storage_service_flush(struct call *call)
{
    const char *wait = call_text(call, "WaitTime");
    struct storage_service *storage = front_end_storage_service(call_front_end(call));
    struct storage_flush_options options = {
        .kind = strcmp(call_text(call, "FlushType"), "FullFlush") == 0 ? STORAGE_FLUSH_FULL
                                                                       : STORAGE_FLUSH_STEADY,
        .here_only = here_only(call),
        .patience_ms = FLUSH_WAIT_MS,
        .done = on_flushed,
        .context = call};
    struct error e = {0};
    if (check_came_here(call, &e) || check_machine(call, &e)) {
        call_fail(call, &e);
        return;
    }
    if (wait)
        time_span_ms(wait, &options.patience_ms);
    call_keep(call, storage_service_flush(storage, &options));
    call_each_tick(call, tell_progress);
}
