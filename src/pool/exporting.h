/* One exporter (core/export.h) tied to the store and the link: a module of a home, on its way to
 * another pool. Everything is called on the loop; batches are read and packed beside it. */
#ifndef POLLUX_POOL_EXPORTING_H
#define POLLUX_POOL_EXPORTING_H

#include "base/workers.h"
#include "core/export.h"
#include "pool/front_end.h"

struct exporting;

enum {
    /* A batch may take long where the disk is slow. A machine that says nothing meanwhile either,
     * of three heartbeats, does not work on it. */
    EXPORTING_SILENCE_MS = 3 * HEARTBEAT_MS,
};

struct exporting *exporting_new(struct front_end *fe, struct workers *workers, const char *home,
                                enum module module, const char *target,
                                const struct export_options *options);
/* After the link and the workers are stopped. */
void exporting_free(struct exporting *x);
void exporting_configure(struct exporting *x, const struct export_options *options);

/* The topology has its target no more: it ends what is under way, and sends nothing any more. */
void exporting_retire(struct exporting *x);
bool exporting_is_retired(const struct exporting *x);
/* One that is retired is freed when nothing of it is under way, and nobody waits for it: whoever
 * keeps a pointer to one says so. */
void exporting_hold(struct exporting *x);
void exporting_let_go(struct exporting *x);
bool exporting_is_idle(const struct exporting *x);

/* Follows what the home is here, and whatever time brings. */
void exporting_tick(struct exporting *x);
/* The home's head moved; … */
void exporting_changed(struct exporting *x, uint64_t head);
/* … and what moved it is of this module: nobody holds that back. */
void exporting_own_changed(struct exporting *x);
/* Somebody waits for what there is to be copied. */
void exporting_wanted(struct exporting *x);
/* The same, and for everything to be compared. */
void exporting_wanted_compared(struct exporting *x);
/* The copy's home is in this term now: if it was asked before it knew of it, it is asked again. */
void exporting_heard(struct exporting *x, struct term term);
/* Its copy is at `at` now: a batch of another module took it along. */
void exporting_carried(struct exporting *x, struct version at);
/* Nothing is on its way that could. */
void exporting_alone(struct exporting *x);
/* Somebody waits for where the copy stands. */
void exporting_looked(struct exporting *x);

struct front_end *exporting_front_end(const struct exporting *x);
const char *exporting_home(const struct exporting *x);
const char *exporting_target(const struct exporting *x);
enum module exporting_module(const struct exporting *x);
/* A pool that can't hold the home: it only reads. */
bool exporting_is_to_replica(const struct exporting *x);
const struct exporter *exporting_core(const struct exporting *x);
/* Of content: this pool has no file store, and the home no files. Then it has nothing to do. */
bool exporting_has_nothing(const struct exporting *x);
/* In a word; NotInitialized, if it has nothing to do. */
enum export_word exporting_word(const struct exporting *x);

struct exporting_counts {
    uint64_t items, bytes; /* sent and confirmed since the start */
    uint64_t compared;     /* items that were looked at by comparisons */
};
struct exporting_counts exporting_counts(const struct exporting *x);
/* The last thing that went wrong; `kind` OK: nothing since it went right. */
const struct error *exporting_trouble(const struct exporting *x);
/* What stands in the way of files of conferences, here or there, whatever is copied of their
 * manifests; `kind` OK: nothing that is known. */
struct error exporting_files_trouble(const struct exporting *x);

#endif
