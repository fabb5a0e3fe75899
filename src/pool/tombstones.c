#include "pool/tombstones.h"

#include <string.h>

#include "pool/backup_service.h"
#include "pool/commit.h"

/* Whatever was in its way (the home was handed over, the disk is full) is told by whoever owns it,
 * and next time it is looked at anew. */
static void on_collected(const struct store_outcome *outcome, void *context)
{
    (void)outcome;
    (void)context;
}

static size_t exporters_of(const char *home, struct exporting *const *exports, size_t count,
                           const struct exporter *list[BACKUP_EXPORTS_MAX])
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(exporting_home(exports[i]), home) == 0)
            list[found++] = exporting_core(exports[i]);
    }
    return found;
}

static void collect(struct front_end *fe, const struct home *core, struct exporting *const *exports,
                    size_t count)
{
    OWNED(view_close) struct view *view = NULL;
    const struct exporter *list[BACKUP_EXPORTS_MAX];
    struct home_state state;
    size_t found = exporters_of(home_name(core), exports, count, list);
    if (store_view(front_end_store(fe), &view, NULL) ||
        view_home(view, home_name(core), &state, NULL))
        return; /* a store that can't be read is told elsewhere */
    uint64_t upto =
        export_horizon(list, found, state.head, state.horizon, TOMBSTONES_KEPT, TOMBSTONES_STEP);
    if (upto == state.horizon)
        return;
    struct txn *txn = txn_new(home_name(core));
    txn_as_holder(txn, home_hold(core)->term.number);
    txn_horizon(txn, upto);
    commit_on_loop(front_end_store(fe), front_end_loop(fe), txn, on_collected, NULL);
}

void tombstones_collect(struct front_end *fe, struct exporting *const *exports, size_t count)
{
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    size_t home_count = front_end_homes(fe, homes);
    for (size_t i = 0; i < home_count; i++) {
        const struct home *core = hosted_home_core(homes[i]);
        if (mode_rights(home_mode(core))->changes)
            collect(fe, core, exports, count);
    }
}
