/* Remove-CsUserStoreBackupData: copies of homes that this pool no longer backs up. After it was
 * paired anew, its former partner's is one, once that pool does not rely on it any more (protocol,
 * rule 12), and whoever holds the home has all that is in it: that is asked there, and not
 * concluded from the topology. */
#include <stdlib.h>
#include <string.h>

#include "admin/place.h"
#include "admin/show.h"
#include "base/clock.h"
#include "base/count.h"
#include "cmdlet/commands.h"
#include "pool/commit.h"
#include "pool/copy_mark.h"
#include "pool/former_copies.h"
#include "pool/sweep.h"
#include "pool/taking_part.h"

DEFINE_OWNED(json_t *, json_decref)

enum { REMOVED_HOMES_MAX = TOPOLOGY_POOLS_MAX }; /* more are left for the next time */

struct unneeded {
    const struct call *call;
    char home[HOME_NAME_SIZE];
    uint64_t revision; /* of the hold record that was looked at; 0: there is none */
    uint64_t term;
    uint64_t items, bytes, complete_ms;
    struct link_command *question; /* to the pool whose home it is; NULL: it is gone */
    json_t *said;                  /* by that pool, of its home */
    bool weighed;       /* whoever holds it has all that is in the copy, or said why it stays */
    struct error error; /* why it stays */
};

struct removal {
    struct call *call;
    struct unneeded homes[REMOVED_HOMES_MAX];
    size_t count, next;
};

static void removal_end(struct removal *r)
{
    struct call *call = r->call;
    for (size_t i = 0; i < r->count; i++) {
        link_command_free(r->homes[i].question);
        json_decref(r->homes[i].said);
    }
    free(r);
    call_end(call);
}

/* --- which homes --- */

static bool is_backed_up(const struct front_end *fe, const char *home)
{
    return strcmp(home, HOME_CENTRAL) == 0 || front_end_home(fe, home) != NULL;
}

static bool add_unneeded(const char *name, void *context)
{
    struct removal *r = context;
    if (!is_backed_up(call_front_end(r->call), name)) {
        struct unneeded *u = &r->homes[r->count++];
        u->call = r->call;
        snprintf(u->home, sizeof u->home, "%s", name);
    }
    return r->count < REMOVED_HOMES_MAX;
}

static enum failure look_at(const struct front_end *fe, struct view *view, struct unneeded *u,
                            struct error *e)
{
    OWNED(free_memory) struct hold *hold = xcalloc(1, sizeof *hold);
    struct home_state state = {0};
    enum side side = SIDE_BACKUP;
    enum failure bad = view_home(view, u->home, &state, e);
    for (int m = 0; m < MODULES; m++) {
        uint64_t moment = copy_mark_read(view, u->home, (enum module)m);
        u->items += state.modules[m].digest.items;
        u->bytes += state.modules[m].digest.bytes;
        u->complete_ms = moment > u->complete_ms ? moment : u->complete_ms;
    }
    enum failure none = bad ? bad : view_hold(view, u->home, hold, e);
    if (none)
        return none == FAIL_NOT_FOUND ? OK : none;
    u->revision = hold->revision;
    u->term = hold->term.number;
    hold_side(hold, front_end_pool(fe), &side);
    if (hold->term.number && mode_rights(hold->mode)->holder)
        return fail(e, FAIL_REFUSED, "%s holds the home %s itself: its users are served from it.",
                    front_end_pool(fe), u->home);
    return taking_part_check_copy(hold, side, &state, e);
}

/* --- asking the pool whose home it is --- */

/* Whoever asked us, asks there by way of us. */
static char *question_of(const struct call *call, const char *home)
{
    const struct caller *caller = call_caller(call);
    const char *self = front_end_config(call_front_end(call))->self->fqdn;
    json_t *who = caller_to_json(caller);
    if (!caller_came_by(caller, self))
        json_object_set_new(
            who, "from",
            json_sprintf("%.*s by way of %s", (int)strcspn(caller->from, " "), caller->from, self));
    OWNED(json_decref)
    json_t *text = json_pack("{s:s, s:{s:s}, s:o}", "command", "Get-CsPoolFailOverStatus",
                             "parameters", "PoolFqdn", home, "caller", who);
    return json_dumps(text, JSON_COMPACT);
}

static void on_line(void *context, struct bytes line)
{
    struct unneeded *u = context;
    OWNED(json_decref) json_t *message = json_loadb((const char *)line.at, line.size, 0, NULL);
    json_t *object = json_object_get(message, "object");
    if (object && !u->said)
        u->said = json_incref(object);
}

static bool go_on(void *context)
{
    const struct unneeded *u = context;
    return !call_is_unwanted(u->call);
}

/* On a thread. */
static void ask_all(void *context)
{
    struct removal *r = call_kept(context);
    for (size_t i = 0; i < r->count; i++) {
        struct unneeded *u = &r->homes[i];
        struct http_question how = {
            .silence_ms = PASS_ON_SILENCE_MS, .each = on_line, .go_on = go_on, .context = u};
        unsigned status;
        if (u->question && !u->error.kind) {
            if (!link_command_ask(u->question, &how, &status, &u->error) && status != 200)
                fail(&u->error, FAIL_REFUSED,
                     "%s does not say whether it still relies on its copy here: it answered with "
                     "status %u.",
                     u->home, status);
        }
    }
}

/* It names another backup, and has at least what it had when it named us. */
static enum failure judge(const struct front_end *fe, struct unneeded *u)
{
    const char *backup = json_string_value(json_object_get(u->said, "BackupPool"));
    json_int_t term = json_integer_value(json_object_get(u->said, "Term"));
    if (u->error.kind || !u->question)
        return u->error.kind;
    if (!u->said || term <= 0 || (uint64_t)term < u->term)
        fail(&u->error, FAIL_REFUSED,
             "%s does not know all of its own home: this copy may be the only one.", u->home);
    else if (backup && strcmp(backup, front_end_pool(fe)) == 0)
        fail(&u->error, FAIL_REFUSED,
             "%s still relies on this copy: by its own record %s is its backup pool.", u->home,
             backup);
    return u->error.kind;
}

/* --- asking whoever holds it --- */

static void removal_go_on(struct removal *r);

static void on_standing(const struct sync_offer *offer, const struct error *e, void *context)
{
    struct removal *r = context;
    struct unneeded *u = &r->homes[r->next];
    u->weighed = true;
    if (offer)
        former_copy_check(call_front_end(r->call), offer, &u->error);
    else
        u->error = *e;
    removal_go_on(r);
}

/* False: that can't be asked. */
static bool weigh(struct removal *r, struct unneeded *u)
{
    struct front_end *fe = call_front_end(r->call);
    const struct pool *holder = front_end_holder(fe, u->home);
    if (holder && front_end_reaches(fe, holder->fqdn) && front_end_link(fe)) {
        link_standing(front_end_link(fe), front_end_machine_of(fe, holder->fqdn), u->home,
                      on_standing, r);
        return true;
    }
    fail(&u->error, FAIL_UNREACHABLE,
         "Whether whoever holds the home %s has all that is in the copy here can't be asked: %s.",
         u->home, holder ? "that does not answer" : "nobody is known to hold it");
    return false;
}

/* --- removing --- */

static void on_swept(const struct error *e, void *context)
{
    struct removal *r = context;
    if (e)
        call_error(r->call, e);
    removal_end(r);
}

static void on_dropped(const struct store_outcome *outcome, void *context)
{
    struct removal *r = context;
    const struct unneeded *u = &r->homes[r->next - 1];
    if (outcome->error.kind) {
        call_error(r->call, &outcome->error);
    } else {
        json_t *object = json_pack("{s:s, s:I, s:I, s:s}", "Identity", u->home, "Items",
                                   (json_int_t)u->items, "Bytes", (json_int_t)u->bytes, "Pool",
                                   front_end_pool(call_front_end(r->call)));
        call_object(r->call, object);
    }
    removal_go_on(r);
}

static void tell_stays(struct call *call, struct error *e)
{
    error_kept(e, "Nothing of it was removed.");
    if (!e->next[0])
        error_next(e, "Get-CsPoolFailOverStatus shows who holds which home, and who backs it up.");
    call_error(call, e);
}

/* -WhatIf, and what is asked before it is done. */
static bool only_says(struct call *call, const struct unneeded *u)
{
    char when[CLOCK_TEXT_MAX];
    uint64_t now_ms = clock_wall_ms();
    if (!u->complete_ms)
        return call_what_if(call, "The copy of the home %s would be removed: %s, %s.", u->home,
                            COUNTED(u->items, "item"), COUNTED(u->bytes, "byte"));
    return call_what_if(
        call, "The copy of the home %s would be removed: %s, %s, complete as of %s, %llu s ago.",
        u->home, COUNTED(u->items, "item"), COUNTED(u->bytes, "byte"),
        clock_wall_text(u->complete_ms, when),
        (unsigned long long)(now_ms > u->complete_ms ? (now_ms - u->complete_ms) / 1000 : 0));
}

/* The next of them; behind the last what all of them left is swept away. */
static void removal_go_on(struct removal *r)
{
    struct front_end *fe = call_front_end(r->call);
    while (r->next < r->count) {
        struct unneeded *u = &r->homes[r->next];
        if (!judge(fe, u) && u->question && !u->weighed && weigh(r, u))
            return;
        r->next++;
        if (judge(fe, u)) {
            tell_stays(r->call, &u->error);
        } else if (!only_says(r->call, u)) {
            struct txn *txn = txn_new(u->home);
            txn_drop_home(txn, u->revision);
            copy_mark_drop(txn, u->home);
            commit_on_loop(front_end_store(fe), front_end_loop(fe), txn, on_dropped, r);
            return;
        }
    }
    if (call_switch(r->call, "WhatIf"))
        removal_end(r);
    else
        sweep_begin(fe, on_swept, r);
}

static void on_asked(void *context)
{
    removal_go_on(call_kept(context));
}

/* --- begin --- */

static enum failure collect(struct removal *r, struct error *e)
{
    struct front_end *fe = call_front_end(r->call);
    OWNED(view_close) struct view *view = NULL;
    enum failure bad = store_view(front_end_store(fe), &view, e);
    if (!bad)
        bad = view_homes(view, add_unneeded, r, e);
    for (size_t i = 0; !bad && i < r->count; i++) {
        struct unneeded *u = &r->homes[i];
        const struct machine *to = front_end_machine_of(fe, u->home);
        u->error = (struct error){0};
        if (look_at(fe, view, u, &u->error) || !to)
            continue;
        u->error = (struct error){0};
        OWNED(free_memory) char *payload = question_of(r->call, u->home);
        u->question = link_command_new(front_end_link(fe), to, payload);
    }
    return bad;
}

void admin_remove_user_store_backup_data(struct call *call)
{
    struct removal *r = xcalloc(1, sizeof *r);
    struct error e;
    r->call = call;
    call_keep(call, r);
    if (collect(r, &e)) {
        call_error(call, &e);
        removal_end(r);
        return;
    }
    if (r->count == 0)
        call_caution(call, "%s keeps no copy but those that it needs.",
                     front_end_pool(call_front_end(call)));
    if (!call_on_thread(call, ask_all, on_asked)) {
        r->call = NULL; /* it was ended with the error */
        for (size_t i = 0; i < r->count; i++)
            link_command_free(r->homes[i].question);
        free(r);
    }
}
