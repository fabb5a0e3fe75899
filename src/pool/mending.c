#include "pool/mending.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/count.h"
#include "base/log.h"
#include "base/random.h"
#include "pool/backup_service.h"
#include "pool/commit.h"
#include "pool/recounting.h"

/* --- what is damaged --- */

enum { DAMAGE_ROOM = 64 };

static int by_number(const void *left, const void *right)
{
    const uint64_t *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

void damage_settle(struct damage *damage)
{
    size_t kept = 0;
    if (damage->count)
        qsort(damage->usns, damage->count, sizeof *damage->usns, by_number);
    for (size_t i = 0; i < damage->count; i++) {
        if (!kept || damage->usns[kept - 1] != damage->usns[i])
            damage->usns[kept++] = damage->usns[i];
    }
    damage->count = kept;
}

bool damage_is_any(const struct damage *damage)
{
    return damage->count || damage->keys;
}

/* Once it is full, what came twice may make room; if that is not much, it is full again soon. */
void damage_note(struct damage *damage, uint64_t usn)
{
    damage->keys |= usn == 0;
    if (usn == 0)
        return;
    if (damage->count == DAMAGE_MAX) {
        damage_settle(damage);
        damage->more |= damage->count > DAMAGE_MAX / 2;
    }
    if (damage->more)
        return;
    if (damage->count == damage->room) {
        damage->room = damage->room ? damage->room * 2 : DAMAGE_ROOM;
        damage->usns = xrealloc(damage->usns, damage->room * sizeof *damage->usns);
    }
    damage->usns[damage->count++] = usn;
}

void damage_free(struct damage *damage)
{
    free(damage->usns);
    *damage = (struct damage){0};
}

/* --- what both ways have in common --- */

struct mending {
    struct front_end *fe;
    struct store *store;
    char home[HOME_NAME_SIZE];
    uint64_t term, head;
    struct damage damage;
    mending_done *done;
    void *context;
    struct error error;

    /* At a holder: */
    struct txn *txn;
    int module;           /* of which it asks right now */
    size_t first, behind; /* which of the rows */
    bool *has;            /* which of them the other pool has */
    size_t found, found_before;
    uint64_t bytes;
};

void mending_free(struct mending *m)
{
    if (!m)
        return;
    txn_free(m->txn);
    free(m->has);
    damage_free(&m->damage);
    free(m);
}

static void tell(const struct mending *m)
{
    const char *pool = front_end_pool(m->fe);
    size_t count = m->damage.count;
    if (m->damage.keys)
        log_event(LOG_EVENT_WARNING, "damage-mended",
                  "Keys of the home %s were damaged in the store of %s, and are made anew from its "
                  "items.",
                  m->home, pool);
    else if (!count)
        log_event(LOG_EVENT_WARNING, "damage-mended",
                  "The copy of the home %s in the store of %s did not add up. What it lacks or has "
                  "wrong comes again from its partner.",
                  m->home, pool);
    if (count)
        log_event(LOG_EVENT_WARNING, "damage-mended",
                  "%s of the home %s %s damaged in the store of %s, and %s mended from its "
                  "partner's.%s",
                  COUNTED(count, "item"), m->home, count_word(count, "was", "were"), pool,
                  count_word(count, "is", "are"), m->damage.more ? " There are more." : "");
}

static void end(struct mending *m)
{
    size_t count = m->damage.count;
    if (!m->error.kind)
        tell(m);
    else if (count)
        error_within(&m->error, "%s of the home %s could not be mended: ", COUNTED(count, "item"),
                     m->home);
    else if (m->damage.keys)
        error_within(&m->error, "Keys of the home %s could not be mended: ", m->home);
    else
        error_within(&m->error,
                     "The copy of %s does not add up, and could not be mended: ", m->home);
    m->done(m->error.kind ? &m->error : NULL, m->context);
}

static const struct hosted_home *hosted(const struct mending *m)
{
    return front_end_home(m->fe, m->home);
}

static const char *partner_of(const struct mending *m)
{
    const struct hosted_home *home = hosted(m);
    return home ? home_partner(hosted_home_core(home)) : "";
}

static bool holds(const struct mending *m)
{
    struct error unused;
    uint64_t term;
    return front_end_serves(m->fe, m->home, &term, &unused) == OK;
}

/* --- a copy, on a worker --- */

static void commit_here(struct mending *m, struct txn *txn)
{
    struct store_outcome outcome;
    if (store_commit_wait(m->store, txn, &outcome))
        m->error = outcome.error;
}

static struct txn *txn_of_copy(const struct mending *m)
{
    struct txn *txn = txn_new(m->home);
    txn_as_copy(txn, m->term);
    return txn;
}

static void try_to_begin(struct mending *m)
{
    OWNED(view_close) struct view *view = NULL;
    struct home_state state;
    if (store_view(m->store, &view, &m->error) || view_home(view, m->home, &state, &m->error))
        return;
    struct txn *txn = txn_of_copy(m);
    for (int module = 0; module < MODULES; module++) {
        if (backup_service_copies(m->home, (enum module)module))
            txn_compare(txn, (enum module)module, state.modules[module].comparing, random_u64(), 0);
    }
    view_close(TAKE(view));
    commit_here(m, txn);
}

/* From here on it does not say that it is whole. Meanwhile its exporter may begin one, too. */
static void begin_comparisons(struct mending *m)
{
    for (int i = 0; i < MENDING_TRIES && (i == 0 || m->error.kind == FAIL_CONFLICT); i++) {
        m->error = (struct error){0};
        try_to_begin(m);
    }
}

/* The keys are made anew with the first part, if there is none besides. */
static void take_away(struct mending *m)
{
    size_t done = 0;
    bool more = damage_is_any(&m->damage);
    while (more && !m->error.kind) {
        size_t left = m->damage.count - done, part = left < MENDING_PART ? left : MENDING_PART;
        struct txn *txn = txn_of_copy(m);
        txn_discard(txn, part ? m->damage.usns + done : NULL, part);
        commit_here(m, txn);
        done += part;
        more = done < m->damage.count;
    }
}

static void recount(struct mending *m, enum module module)
{
    struct recount known;
    if (recounting_add_up(m->store, m->home, module, &known, &m->error))
        return;
    struct txn *txn = txn_of_copy(m);
    txn_recount(txn, module, &known);
    commit_here(m, txn);
}

static void mend_copy(void *context)
{
    struct mending *m = context;
    begin_comparisons(m);
    take_away(m);
    for (int module = 0; !m->damage.more && module < MODULES; module++) {
        if (!m->error.kind && module_belongs((enum module)module, m->home))
            recount(m, (enum module)module);
    }
}

static void on_copy_mended(void *context)
{
    struct mending *m = context;
    struct importing *importing = backup_service_importing(front_end_backup_service(m->fe));
    if (!m->error.kind && front_end_link(m->fe))
        importing_note_loss(importing, m->home);
    end(m);
}

/* --- a holder, on the loop --- */

static void on_put_back(const struct store_outcome *outcome, void *context)
{
    struct mending *m = context;
    if (outcome->error.kind == FAIL_DAMAGED && m->found < m->damage.count) {
        fail(&m->error, FAIL_DAMAGED, "%s has only %zu of them.", partner_of(m), m->found);
        error_next(&m->error, "It is tried again when that has more. Or keep the store's files for "
                              "inspection and restore an intact copy.");
    } else {
        m->error = outcome->error;
    }
    end(m);
}

static void ask_next(struct mending *m);

static void put_back(struct mending *m, const struct item *item)
{
    const uint64_t *at = bsearch(&item->version.usn, m->damage.usns, m->damage.count,
                                 sizeof *m->damage.usns, by_number);
    if (!at || m->has[at - m->damage.usns])
        return;
    m->has[at - m->damage.usns] = true;
    m->found++;
    m->bytes += item->key.size + item->value.size;
    txn_repair(m->txn, item);
}

static void on_items(const struct bytes *bytes, const struct error *why, void *context)
{
    struct mending *m = context;
    OWNED(batch_close) struct batch *batch = NULL;
    struct item item;
    if (why)
        m->error = *why;
    if (why || batch_open(*bytes, &batch, &m->error)) {
        end(m);
        return;
    }
    const struct batch_head *head = batch_head(batch);
    bool ours = strcmp(head->home, m->home) == 0 && (int)head->module == m->module;
    while (ours && batch_next(batch, &item))
        put_back(m, &item);
    ask_next(m);
}

/* The others were never written. */
static bool can_be_asked(uint64_t usn)
{
    return usn > 0 && usn <= ITEMS_WANTED_USN_MAX;
}

/* Which module a damaged row belongs to, nobody knows: each is asked for. And again while something
 * comes, because an answer has only so much room. */
static bool choose_next(struct mending *m, struct items_wanted *wanted)
{
    if (m->found == m->found_before)
        m->first = m->behind;
    m->found_before = m->found;
    for (; m->module < MODULES; m->module++, m->first = 0) {
        wanted->module = (enum module)m->module;
        for (m->behind = m->first; m->behind < m->damage.count; m->behind++) {
            uint64_t usn = m->damage.usns[m->behind];
            if (wanted->count == ITEMS_WANTED_MAX)
                break;
            if (can_be_asked(usn) && !m->has[m->behind])
                wanted->usns[wanted->count++] = usn;
        }
        if (wanted->count && module_belongs(wanted->module, m->home))
            return true;
        wanted->count = 0;
    }
    return false;
}

static enum failure no_copy(const struct mending *m, struct error *e)
{
    fail(e, FAIL_DAMAGED, "The home %s has no copy that they could be fetched from.", m->home);
    return error_next(e, "Keep the store's files for inspection and restore an intact copy.");
}

static enum failure too_much(const struct mending *m, struct error *e)
{
    fail(e, FAIL_DAMAGED, "That is more of the home %s than is mended where it is held.", m->home);
    error_kept(e, "Nothing was changed.");
    return error_next(
        e,
        "Hand it over to the other pool, which has them: %s. What is left here is a copy then, and "
        "mended from there.",
        strcmp(m->home, HOME_CENTRAL) == 0 ? "Invoke-CsManagementServerFailover"
                                           : "Invoke-CsPoolFailOver");
}

/* What the other pool has not may have been a deletion that it does not know of, or that it forgot:
 * nobody is to take that for a thing that never was. */
static void put_all_back(struct mending *m)
{
    uint64_t gone = 0;
    for (size_t i = 0; i < m->damage.count; i++) {
        if (!m->has[i] && m->damage.usns[i] <= m->head)
            gone = m->damage.usns[i];
    }
    if (gone)
        txn_horizon(m->txn, gone);
    commit_on_loop(m->store, front_end_loop(m->fe), TAKE(m->txn), on_put_back, m);
}

static void ask_next(struct mending *m)
{
    const struct machine *to = front_end_machine_of(m->fe, partner_of(m));
    struct items_wanted wanted = {0};
    bool more = choose_next(m, &wanted);
    if (m->bytes > MENDING_BYTES_MAX || m->damage.more)
        too_much(m, &m->error);
    else if (m->damage.count && !to)
        no_copy(m, &m->error);
    if (m->error.kind) {
        end(m);
        return;
    }
    snprintf(wanted.home, sizeof wanted.home, "%s", m->home);
    if (more)
        link_wanted(front_end_link(m->fe), to, &wanted, on_items, m);
    else
        put_all_back(m);
}

static void mend_holder(struct mending *m)
{
    m->has = xcalloc(m->damage.count + 1, sizeof *m->has);
    m->txn = txn_new(m->home);
    txn_as_holder(m->txn, m->term);
    txn_discard(m->txn, m->damage.usns, m->damage.count);
    ask_next(m);
}

/* --- which way --- */

static enum failure read_home(struct mending *m, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    OWNED(free_memory) struct hold *hold = xmalloc(sizeof *hold);
    struct home_state state;
    enum failure bad = store_view(m->store, &view, e);
    if (!bad)
        bad = view_hold(view, m->home, hold, e);
    if (!bad)
        bad = view_home(view, m->home, &state, e);
    if (!bad && !hold->term.number)
        bad = fail(e, FAIL_DAMAGED, "The home %s was never served.", m->home);
    m->term = bad ? 0 : hold->term.number;
    m->head = bad ? 0 : state.head;
    return bad;
}

struct mending *mending_start(struct front_end *fe, struct workers *workers, const char *home,
                              struct damage *damage, mending_done *done, void *context)
{
    struct mending *m = xcalloc(1, sizeof *m);
    m->fe = fe;
    m->store = front_end_store(fe);
    m->damage = *damage;
    *damage = (struct damage){0};
    m->done = done;
    m->context = context;
    snprintf(m->home, sizeof m->home, "%s", home);
    bool waits = hosted(m) && home_mode(hosted_home_core(hosted(m))) == MODE_REJOINING;
    if (waits) {
        fail(&m->error, FAIL_BUSY, "It waits for %s, which knows whether it is held here.",
             partner_of(m));
        error_next(&m->error, "Start polluxd there: it is tried again by itself.");
        end(m);
    } else if (read_home(m, &m->error)) {
        end(m);
    } else if (holds(m)) {
        mend_holder(m);
    } else if (!workers_run(workers, mend_copy, on_copy_mended, m)) {
        fail(&m->error, FAIL_BUSY, "There is more to do than this machine takes.");
        error_next(&m->error, "It is tried again by itself.");
        end(m);
    }
    return m;
}
