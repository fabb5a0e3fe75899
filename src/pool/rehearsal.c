#include "pool/rehearsal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "pool/backup_service.h"
#include "pool/commit.h"
#include "pool/uncopied.h"

struct rehearsal {
    struct front_end *fe;
    struct link_reply *reply;
    char home[HOME_NAME_SIZE];
};

/* What goes to the partner; replicas are not waited for by their bytes. */
static void look_out(struct front_end *fe, const char *home, struct handover_outlook *outlook)
{
    OWNED(view_close) struct view *view = NULL;
    struct exporting *list[BACKUP_EXPORTS_MAX];
    size_t count = backup_service_exports(front_end_backup_service(fe), list);
    struct error unused; /* then it is not known */
    if (store_view(front_end_store(fe), &view, &unused))
        return;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(exporting_home(list[i]), home) != 0 || exporting_is_to_replica(list[i]))
            continue;
        uint64_t rate = export_rate(exporting_core(list[i]), clock_ms());
        outlook->uncopied_bytes += uncopied_bytes(list[i], view);
        if (rate && (!outlook->bytes_each_s || rate < outlook->bytes_each_s))
            outlook->bytes_each_s = rate;
    }
}

static void on_tried(const struct store_outcome *outcome, void *context)
{
    OWNED(free_memory) struct rehearsal *r = context;
    const struct hosted_home *home = front_end_home(r->fe, r->home);
    struct home_standing standing;
    struct error e;
    enum failure bad = OK;
    if (home)
        bad = hosted_home_standing(home, !outcome->error.kind, &standing, &e);
    else
        bad = fail(&e, FAIL_STOPPING, "The home %s is being closed here.", r->home);
    if (bad) {
        link_reply_error(r->reply, &e);
        return;
    }
    look_out(r->fe, r->home, &standing.outlook);
    link_reply_standing(r->reply, &standing);
}

/* As large as what a drain has it keep: a full disk may have a last corner for less. */
static struct txn *trial(const struct front_end *fe, const char *home)
{
    OWNED(buffer_free) struct buffer value = {0};
    struct txn *txn = txn_new(home);
    hold_encode(home_hold(hosted_home_core(front_end_home(fe, home))), &value);
    buffer_u64(&value, clock_wall_ms()); /* what is the same need not be written */
    txn_record(txn, "rehearsal", buffer_view(&value));
    return txn;
}

void rehearsal_asked(struct front_end *fe, const char *home, struct link_reply *reply)
{
    struct rehearsal *r = xmalloc(sizeof *r);
    *r = (struct rehearsal){.fe = fe, .reply = reply};
    snprintf(r->home, sizeof r->home, "%s", home);
    commit_on_loop(front_end_store(fe), front_end_loop(fe), trial(fe, home), on_tried, r);
}

struct rehearsal_trial {
    struct front_end *fe;
    struct error error;
    bool over, left;
};

static void on_tried_here(const struct store_outcome *outcome, void *context)
{
    struct rehearsal_trial *t = context;
    t->over = true;
    t->error = outcome->error;
    if (t->left)
        free(t);
    else
        loop_stir(front_end_loop(t->fe));
}

struct rehearsal_trial *rehearsal_try(struct front_end *fe, const char *home)
{
    struct rehearsal_trial *t = xcalloc(1, sizeof *t);
    t->fe = fe;
    commit_on_loop(front_end_store(fe), front_end_loop(fe), trial(fe, home), on_tried_here, t);
    return t;
}

bool rehearsal_tried(const struct rehearsal_trial *t, struct error *e)
{
    *e = t->error;
    return t->over;
}

void rehearsal_leave(struct rehearsal_trial *t)
{
    if (!t)
        return;
    t->left = true;
    if (t->over)
        free(t);
}
