#include "pool/commit.h"

#include <stdlib.h>

struct commit {
    struct loop *loop;
    store_done *done;
    void *context;
    struct store_outcome outcome;
};

static void on_loop(void *context)
{
    struct commit *commit = context;
    commit->done(&commit->outcome, commit->context);
    free(commit);
}

/* On the store's thread, or at once where its queue is full. */
static void on_outcome(const struct store_outcome *outcome, void *context)
{
    struct commit *commit = context;
    commit->outcome = *outcome;
    loop_post_surely(commit->loop, on_loop, commit);
}

void commit_on_loop(struct store *store, struct loop *loop, struct txn *txn, store_done *done,
                    void *context)
{
    struct commit *commit = xcalloc(1, sizeof *commit);
    commit->loop = loop;
    commit->done = done;
    commit->context = context;
    store_commit(store, txn, on_outcome, commit);
}
