/* The store: one contract, several engines.
 *
 * What every engine promises, and the conformance suite (test/unit/test_store.c) checks on each:
 *
 * - A transaction is acknowledged when it is durable, whole or not at all.
 * - There is one writer; transactions that wait together share a flush (group commit). Readers
 *   never wait for it, and see one point in time.
 * - Each change of an item gets the home's next usn, without gaps in commit order. Items are read
 *   in usn order from any point, or by key.
 * - Every commit names its term, and the hold record is checked in the same transaction.
 * - Cookies, hold records, digests and other records change in the same transaction as the items
 *   that they belong to.
 * - What is read is what was written: each row carries a hash; a damaged or foreign file is refused
 *   with a clear message and never repaired silently.
 * - A full disk refuses changes and loses nothing.
 *
 * Nothing here assumes that the rows are in this process or on this machine: an engine may be a
 * server across a network. */
#ifndef POLLUX_STORE_STORE_H
#define POLLUX_STORE_STORE_H

#include "core/digest.h"
#include "core/hold.h"
#include "core/tail.h"

enum {
    STORE_QUEUE_MAX = 4096,           /* transactions that wait for the writer; one more is busy */
    STORE_QUEUE_BYTES_MAX = 64 << 20, /* and their size */
    STORE_GROUP_MAX = 256,            /* transactions that share a flush */
    STORE_GROUP_BYTES_MAX = 8 << 20,
    STORE_MOVE_MAX = 10000, /* items that a copy should set aside at once: as many as in a batch */
    STORE_VIEWS_MAX = 16,   /* snapshots open at once; a further reader waits */
    TXN_ITEMS_MAX = 125000,
    RECORD_NAME_MAX = 256,
    RECORD_VALUE_MAX = 1 << 20,
};

/* Usns and numbers of terms: databases count with signed numbers. What comes from elsewhere and is
 * higher is refused. */
#define STORE_NUMBER_MAX ((uint64_t)INT64_MAX)

struct store;
struct engine;

/* Engines. Each opens what it is given, or creates it empty; an empty store holds no home. */
enum failure sqlite_engine_open(const char *path, const char *pool, struct engine **engine,
                                struct error *e);
struct engine *memory_engine_open(void);

/* The store takes the engine over. */
enum failure store_open(struct engine *engine, struct store **store, struct error *e);
/* Finishes what is queued, then closes. */
void store_close(struct store *store);
DEFINE_OWNED(struct store *, store_close)

/* Transactions: collected without touching the store, then committed at once. One transaction
 * concerns one home. */
struct txn;
struct txn *txn_new(const char *home);
void txn_free(struct txn *txn);
DEFINE_OWNED(struct txn *, txn_free)

/* Who commits: the holder in this term, or a copy that follows the holder of this term. Changes
 * need the first, applied items the second; records and hold records need neither. */
void txn_as_holder(struct txn *txn, uint64_t term_number);
void txn_as_copy(struct txn *txn, uint64_t term_number);

/* The holder's changes. Keys and values are copied. Deleting what isn't there changes nothing. */
void txn_put(struct txn *txn, enum module module, struct bytes key, struct bytes value);
void txn_delete(struct txn *txn, enum module module, struct bytes key);
/* Refuse it all unless the item's last change has this usn (0: unless there is no such item). */
void txn_expect(struct txn *txn, enum module module, struct bytes key, uint64_t usn);

/* Refuse it all unless the home's head is this usn, or the module's items add up to this: what a
 * hand-over agreed on (protocol, rule 5). */
void txn_expect_head(struct txn *txn, uint64_t usn);
void txn_expect_digest(struct txn *txn, enum module module, const struct digest *digest);

/* A copy's part: an item as the holder numbered it. */
void txn_apply(struct txn *txn, const struct item *item);
/* The same where many come at once, whose keys and values need not be copied: they lie in memory
 * that the transaction took over before. The buffer is empty then. */
void txn_keep(struct txn *txn, struct buffer *memory);
void txn_apply_kept(struct txn *txn, const struct item *item);
/* About so many of any kind are still to come: room for them is made at once. */
void txn_expect_steps(struct txn *txn, size_t count);
/* A comparison's part (core/compare.h): the same, and whatever else has its usn goes, because with
 * the holder this item has it; and what the holder does not have goes without a tombstone. The head
 * stays where it is until the end of the comparison. */
void txn_place(struct txn *txn, const struct item *item);
void txn_drop(struct txn *txn, enum module module, struct bytes key);
/* Begins a comparison (`from` is what was under way before, 0 or one that was given up), goes on
 * with it (`from` is `to`), or ends it (`to` is 0). Refused unless `from` is under way. What it
 * brings has usns up to `goal`. */
void txn_compare(struct txn *txn, enum module module, uint64_t from, uint64_t to, uint64_t goal);
/* Takes away rows that are not what was written, and keys that lead nowhere, as view_scan() finds
 * them. From a copy: what stood there is to be fetched by a comparison, and the digests must be
 * added up anew with the last of it. At a holder it is refused as a whole unless all rows add up to
 * the digests again: then what was put back with it is what was written, and nothing else was. */
void txn_discard(struct txn *txn, const uint64_t *usns, size_t count);
/* Puts back what was written, at a holder, where it was discarded. */
void txn_repair(struct txn *txn, const struct item *item);
/* Adds the module's digest up anew, from its rows: at the end of a comparison, or with a row that
 * is taken away. That reads them all while others wait to write, unless they were added up before,
 * in a view, and nothing of the module was changed since. */
struct recount {
    struct digest before, sum; /* as it is kept, and as it should be */
};
void txn_recount(struct txn *txn, enum module module, const struct recount *known);
/* The module's cookie, refused unless it stands at `from`, and while it is compared but for
 * the end of that. */
void txn_cookie(struct txn *txn, enum module module, struct version from, struct version to);
/* The copy goes back to `tail->base`: what it has beyond that, of all modules, moves aside as a
 * tail (protocol, rule 14; how much it is, the store finds out), and the digests, the head and each
 * module's cookie follow. Nothing is made where there is nothing. A copy that is Rejoining must be
 * compared afterwards. Refused unless the copy has come as far as `tail->head`, and if it has
 * TAILS_MAX tails already.
 * What is beyond belongs to the last tail if that is open (core/tail.h); and that ends when `tail`
 * is not, or a term opens. Others wait for the writer meanwhile: view_newest() tells how far to go
 * at once. */
void txn_rewind(struct txn *txn, const struct tail *tail);
/* A tail goes that was salvaged; its items wait to be swept away (txn_sweep()). */
void txn_forget_tail(struct txn *txn, uint64_t id);
/* After the cookie: the copy is whole only there (core/copy.h), and not at the cookie itself. */
void txn_whole_at(struct txn *txn, enum module module, struct version at);
/* Drops tombstones up to this usn; never goes back. */
void txn_horizon(struct txn *txn, uint64_t usn);
/* With a record that opens a term: of its lineage this copy has everything only up to this usn.
 * That is where the term begins, for whoever compares histories: what others have beyond it they
 * must not take for known here. (Its modules may have come differently far.) */
void txn_complete_upto(struct txn *txn, uint64_t usn);

/* Replaces the hold record of revision `hold->revision - 1`. If it opens a term, the store adds it
 * to the lineage, beginning at the head. */
void txn_hold(struct txn *txn, const struct hold *hold);

/* Anything else that must change together with the rest: journal, tail, marks. An empty value
 * removes it. */
void txn_record(struct txn *txn, const char *name, struct bytes value);

/* A home goes that this pool need not keep: at once for whoever looks, its hold record with it; its
 * items wait to be swept away. Refused unless its hold record has this revision (0: there is none),
 * and if by that record this pool holds it. It may be created anew. */
void txn_drop_home(struct txn *txn, uint64_t revision);
/* Sweeps at most so many items of dropped homes away, so that nobody waits for the writer long; the
 * outcome says whether there is `more`. Whoever was interrupted goes on. The transaction's own home
 * must exist, and is not touched. */
void txn_sweep(struct txn *txn, uint32_t items_max);

struct store_outcome {
    struct error error; /* kind OK: it is durable */
    uint64_t first_usn; /* of this transaction's changes; 0 if it made none */
    uint64_t head;      /* the home's last usn after it */
    uint64_t began;     /* where the term begins that its hold record opened, if it did */
    bool more;          /* something is left to be swept away, or may be */
};
typedef void store_done(const struct store_outcome *outcome, void *context);

/* Any thread. Takes the transaction over. `done` is called exactly once, on the writer's thread (or
 * at once, if the queue is full), and must not block. */
void store_commit(struct store *store, struct txn *txn, store_done *done, void *context);
/* The same, waiting. For programs and tests; nothing event-driven may call it. */
enum failure store_commit_wait(struct store *store, struct txn *txn, struct store_outcome *outcome);

/* Who wants to know when a holder's changes are durable: called on the writer's thread for each
 * such transaction, before `done`, with the home's head; must not block. Set before the first
 * commit. */
typedef void store_changed(const char *home, uint64_t head, void *context);
void store_watch(struct store *store, store_changed *changed, void *context);

/* Did a flush fail? Then what is on the disk is unknown, and nothing is committed any more until
 * the store is opened anew. */
bool store_failed(struct store *store, struct error *e);

/* A process that did not run for a while may have been superseded (protocol, rule 7): after this
 * moment of the monotonic clock, changes of this home are refused until it is moved on. 0: refuse
 * them now. A home starts without a lease. */
void store_lease(struct store *store, const char *home, uint64_t until_ms);
/* The same, refused now, by a holder that stays it for the moment: what is in the store by now is
 * what it hands over, and is still acknowledged while the lease lasts. */
void store_lease_drains(struct store *store, const char *home);

/* Reading: a view is one point in time. It belongs to one thread. */
struct view;
enum failure store_view(struct store *store, struct view **view, struct error *e);
/* For those who must not wait: FAIL_BUSY where nothing is ready for it. */
enum failure store_view_at_once(struct store *store, struct view **view, struct error *e);
void view_close(struct view *view);
DEFINE_OWNED(struct view *, view_close)

struct home_state {
    uint64_t head;    /* usn of the last change */
    uint64_t horizon; /* tombstones up to here are gone */
    uint32_t tails;   /* what was moved aside, and is not salvaged yet */
    bool going_back;  /* the last of them is open: more is to be moved */
    struct {
        struct version cookie;
        struct version whole_at; /* the cookie itself, but during a long catch-up */
        struct digest digest;
        /* The comparison (core/compare.h) under way; 0: none. While there is one, the copy stands
         * at no point that existed. */
        uint64_t comparing;
        uint64_t compare_goal; /* up to where there may be items of it, beyond the cookie; or 0 */
    } modules[MODULES];
};

/* The head; of a copy that was compared, up to where it may have something by now. */
uint64_t home_reach(const struct home_state *state);

/* FAIL_NOT_FOUND if there is no such home, hold record, item or record. */
enum failure view_home(struct view *view, const char *home, struct home_state *state,
                       struct error *e);
enum failure view_hold(struct view *view, const char *home, struct hold *hold, struct error *e);
/* A number that is another one after each change of the home: what was read of it stays true as
 * long as that is the same. 0: not known; it is once the home's state was read at a quiet moment.
 */
uint64_t view_edition(struct view *view, const char *home);
/* Tombstones are found as well. The item's bytes are valid until the view is used again. */
enum failure view_item(struct view *view, const char *home, enum module module, struct bytes key,
                       struct item *item, struct error *e);
enum failure view_record(struct view *view, const char *name, struct buffer *value,
                         struct error *e);

/* Called for each; stops early when it returns false. The item's bytes are valid during the call;
 * the view must not be used inside it. */
typedef bool view_visit(const struct item *item, struct item_hash hash, void *context);
/* All items with a higher usn than `after`, tombstones included, in usn order. A walk from 0 that
 * is not stopped fails in the end if what it handed out is not all that the digests speak of. */
enum failure view_changes(struct view *view, const char *home, uint64_t after, view_visit *visit,
                          void *context, struct error *e);
/* The live items of a module whose keys begin with `prefix`, in the order of their keys. With an
 * empty prefix as above. */
enum failure view_keys(struct view *view, const char *home, enum module module, struct bytes prefix,
                       view_visit *visit, void *context, struct error *e);
/* The same behind the key `after`, which has that prefix: for a walk that takes its time in several
 * views, because one that stays open keeps the store from tidying up and others from reading. */
enum failure view_keys_after(struct view *view, const char *home, enum module module,
                             struct bytes prefix, struct bytes after, view_visit *visit,
                             void *context, struct error *e);

/* Is there anything of a module, if only tombstones? */
enum failure view_has_any(struct view *view, const char *home, enum module module, bool *any,
                          struct error *e);

/* The tails of a home, none if there are none; they are large: not for the stack. And what is in
 * one of them, as view_changes(): the versions are those that the items had. */
enum failure view_tails(struct view *view, const char *home, struct tails *tails, struct error *e);
enum failure view_tail(struct view *view, uint64_t id, uint64_t after, view_visit *visit,
                       void *context, struct error *e);

/* Behind which usn there are so many items; 0: there are not more. */
enum failure view_newest(struct view *view, const char *home, uint32_t items, uint64_t *usn,
                         struct error *e);

/* For a scrub, which reads all there is, slowly, and must be able to stop. Each row of a home by
 * its usn, sound or not; of one that is not what was written only the usn can be believed. Nor is
 * one sound to which a key leads that is not its own, or that is gone, or to which none leads; it
 * may come twice. 0 stands for keys of which nobody can tell what they were: taking anything away
 * makes them anew from the rows, and what else there is of keys is seen only then. */
typedef bool view_scan_visit(uint64_t usn, bool sound, void *context);
enum failure view_scan(struct view *view, const char *home, view_scan_visit *visit, void *context,
                       struct error *e);
/* The structure of the engine's file. `goes_on` is called again and again, may take its time, and
 * ends it early by returning false. */
typedef bool view_goes_on(void *context);
enum failure view_structure(struct view *view, view_goes_on *goes_on, void *context,
                            struct error *e);
/* Where that is damaged: whoever opens the store next finds a new file, with all that can be read
 * of this one. Rows that are lost with it show in a scan. An error says why that can't be, and that
 * nothing will be done. */
enum failure view_renew(struct view *view, struct error *e);

/* Whether anybody who read or wrote met damage, since this was asked last. Any thread. */
bool store_met_damage(struct store *store);

typedef bool view_visit_name(const char *name, void *context);
enum failure view_homes(struct view *view, view_visit_name *visit, void *context, struct error *e);
/* Did dropped homes leave anything to be swept away? */
enum failure view_unswept(struct view *view, bool *any, struct error *e);
enum failure view_records(struct view *view, const char *prefix, view_visit_name *visit,
                          void *context, struct error *e);

#endif
