#include "http/on_loop.h"

#include <stdatomic.h>
#include <stdlib.h>

struct on_loop {
    struct loop *loop;
    http_handler *handler;
    void *context;
    bool closed;            /* the loop's thread only */
    atomic_uint references; /* the owner's, and one for each request on its way */
};

struct arrival {
    struct on_loop *gate;
    struct http_request *request;
};

struct on_loop *on_loop_open(struct loop *loop, http_handler *handler, void *context)
{
    struct on_loop *gate = xcalloc(1, sizeof *gate);
    gate->loop = loop;
    gate->handler = handler;
    gate->context = context;
    atomic_init(&gate->references, 1);
    return gate;
}

static void release(struct on_loop *gate)
{
    if (atomic_fetch_sub(&gate->references, 1) == 1)
        free(gate);
}

void on_loop_close(struct on_loop *gate)
{
    if (!gate)
        return;
    gate->closed = true;
    release(gate);
}

static void refuse(struct http_request *request, enum failure kind, const char *what)
{
    struct error e;
    fail(&e, kind, "%s", what);
    error_kept(&e, "Nothing was done.");
    error_next(&e, "Try again shortly.");
    http_answer_error(request, &e);
}

static void arrive(void *context)
{
    struct arrival *a = context;
    if (a->gate->closed)
        refuse(a->request, FAIL_STOPPING, "This process is stopping.");
    else
        a->gate->handler(a->request, a->gate->context);
    release(a->gate);
    free(a);
}

void on_loop_handler(struct http_request *request, void *context)
{
    struct on_loop *gate = context;
    struct arrival *a = xmalloc(sizeof *a);
    *a = (struct arrival){gate, request};
    atomic_fetch_add(&gate->references, 1);
    if (loop_post(gate->loop, arrive, a))
        return;
    refuse(request, FAIL_BUSY, "This process has more to do than it takes.");
    release(gate);
    free(a);
}
