#include "admin/place.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/central_copy.h"
#include "admin/show.h"
#include "base/clock.h"
#include "cmdlet/parameter.h"
#include "pool/central_connection.h"
#include "pool/certificates.h"

DEFINE_OWNED(json_t *, json_decref)

/* Three sentences as JSON, with room for what has to be escaped. */
enum { REFUSAL_BYTES_MAX = 64 << 10 };

/* --- where --- */

/* To the partner is passed on only what the pool itself did not answer. */
static bool partner_stands_in(const struct front_end *fe, const struct pool *pool, bool passed_on)
{
    return pool != front_end_config(fe)->self->pool && pool->backup &&
           (passed_on || front_end_is_silent(fe, pool->fqdn, NULL));
}

static const struct pool *holder_of_central(const struct front_end *fe)
{
    const struct pool *holder = front_end_holder(fe, HOME_CENTRAL);
    return holder ? holder : front_end_config(fe)->topology->central; /* whose it is to create */
}

/* Where this machine was told to look for it first, unless that is itself: it knows whether it
 * holds it. Whoever passes a command on has looked already. */
static const struct pool *looks_first_at(struct front_end *fe, bool passed_on)
{
    struct central_connection set;
    const struct pool *holder = holder_of_central(fe), *self = front_end_config(fe)->self->pool;
    if (passed_on || holder == self || !central_connection_read(fe, &set))
        return holder;
    const struct pool *pool = central_connection_pool(fe, set.database);
    return pool == self ? holder : pool;
}

/* NULL: this pool carries it out itself. */
static enum failure leave_out_self(const struct front_end *fe, const struct pool **pool)
{
    if (*pool == front_end_config(fe)->self->pool)
        *pool = NULL;
    return OK;
}

/* Of the two that may hold `central`, the one that does not: who would take it. */
static const struct pool *taker_of_central(const struct front_end *fe)
{
    const struct pool *central = front_end_config(fe)->topology->central;
    const struct pool *holder = front_end_holder(fe, HOME_CENTRAL);
    return central->backup && (!holder || holder == central) ? central->backup : central;
}

static bool is_local(const json_t *parameters)
{
    return json_is_true(json_object_get(parameters, "LocalStore"));
}

bool place_is_copy(const struct front_end *fe, const struct command *command,
                   const json_t *parameters)
{
    return command->place == FOR_CENTRAL && !is_local(parameters) &&
           holder_of_central(fe) != front_end_config(fe)->self->pool;
}

/* After a disaster the database that takes over is named: where the store is already, that is
 * said. */
static bool names_database(const json_t *parameters, const struct pool *pool)
{
    char name[DATABASE_NAME_SIZE];
    const char *server = json_string_value(json_object_get(parameters, "BackupSqlServerFqdn"));
    const char *instance = json_string_value(json_object_get(parameters, "BackupSqlInstanceName"));
    OWNED(free_memory)
    char *text = xasprintf("%s\\%s", server ? server : "",
                           instance ? instance : strchr(pool->database, '\\') + 1);
    return database_name_valid(text, name) && strcmp(name, pool->database) == 0;
}

/* It moves to the pool on whose machine it is typed: so the pool that has it already says that, and
 * whoever types it once more does not send it back. Elsewhere only one pool can be meant. */
static const struct pool *mover_of_central(const struct front_end *fe, const json_t *parameters)
{
    const struct pool *holder = front_end_holder(fe, HOME_CENTRAL);
    bool restore = json_is_true(json_object_get(parameters, "Restore"));
    bool named = json_object_get(parameters, "BackupSqlServerFqdn");
    bool here = !named && holder == front_end_config(fe)->self->pool;
    if (restore || here || (holder && names_database(parameters, holder)))
        return holder;
    return taker_of_central(fe);
}

void place_pair(const struct front_end *fe, const char *home, const struct pool *two[2])
{
    const struct topology *topology = front_end_config(fe)->topology;
    bool central = strcmp(home, HOME_CENTRAL) == 0;
    const struct pool *pool = central ? topology->central : topology_pool(topology, home);
    const struct pool *holder = front_end_holder(fe, home);
    two[0] = holder ? holder : pool;
    two[1] = pool && two[0] == pool ? pool->backup : pool;
}

/* NULL: this pool has a part in it, or nobody who has answers. */
static const struct pool *teller_of(const struct front_end *fe, const char *home)
{
    const struct pool *two[2];
    if (front_end_home(fe, home))
        return NULL;
    place_pair(fe, home, two);
    for (int i = 0; i < 2; i++) {
        if (two[i] && !front_end_is_silent(fe, two[i]->fqdn, NULL))
            return two[i];
    }
    return NULL;
}

/* Whatever the pool that holds the store carries out, or could. */
static bool is_of_central(const struct command *command)
{
    return command->place == AT_CENTRAL || command->place == FOR_CENTRAL;
}

/* NULL: here. What only reads is answered by the copy where nobody reaches the store, and where
 * that is what this machine was told to do. */
static const struct pool *central_for(struct front_end *fe, const struct command *command,
                                      bool passed_on)
{
    const struct pool *asked = looks_first_at(fe, passed_on);
    bool silent = front_end_is_silent(fe, asked->fqdn, NULL) &&
                  front_end_is_silent(fe, holder_of_central(fe)->fqdn, NULL);
    bool here = silent || (!passed_on && central_copy_is_wanted(fe));
    return command->place == FOR_CENTRAL && here ? NULL : asked;
}

enum failure place_of(struct front_end *fe, const struct command *command, const json_t *parameters,
                      bool passed_on, const struct pool **pool, struct error *e)
{
    const struct topology *topology = front_end_config(fe)->topology;
    const char *named = json_string_value(json_object_get(parameters, "PoolFqdn"));
    bool central = command->place == AT_TAKER && named && strcmp(named, HOME_CENTRAL) == 0;
    *pool = NULL;
    if (command->place == AT_CENTRAL_TAKER) {
        *pool = mover_of_central(fe, parameters);
    } else if (central) {
        *pool = taker_of_central(fe);
    } else if ((command->place == AT_HOLDER || command->place == FOR_HOME) && !named) {
        return OK; /* about the machine that is asked */
    } else if (command->place == FOR_HOME) {
        enum failure bad =
            strcmp(named, HOME_CENTRAL) == 0 ? OK : show_find_pool(topology, named, NULL, e);
        if (bad)
            return bad;
        *pool = passed_on ? NULL : teller_of(fe, named);
    } else if (command->place == AT_HOLDER && strcmp(named, HOME_CENTRAL) == 0) {
        *pool = holder_of_central(fe);
    } else if (command->place >= AT_POOL && command->place <= AT_TAKER) {
        enum failure bad = show_find_pool(topology, named, pool, e);
        if (bad)
            return bad;
        if (command->place == FOR_POOL && partner_stands_in(fe, *pool, passed_on))
            *pool = (*pool)->backup;
        const struct pool *holder = front_end_holder(fe, (*pool)->fqdn);
        if (command->place == AT_HOLDER && holder)
            *pool = holder;
        bool other = command->place == AT_BACKUP || (command->place == AT_TAKER && holder == *pool);
        if (other && (*pool)->backup)
            *pool = (*pool)->backup;
    } else if (is_of_central(command) && !is_local(parameters)) {
        *pool = central_for(fe, command, passed_on);
    }
    return leave_out_self(fe, pool);
}

/* --- passing on --- */

char *passed_encode(const struct call *call)
{
    json_t *caller = caller_to_json(call_caller(call));
    OWNED(json_decref)
    json_t *text = json_pack("{s:s, s:O, s:o}", "command", call_command(call)->name, "parameters",
                             call_parameters(call), "caller", caller);
    return json_dumps(text, JSON_COMPACT);
}

enum failure passed_decode(const char *text, const struct command **command, json_t **parameters,
                           struct caller **caller, struct error *e)
{
    OWNED(json_decref) json_t *passed = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const char *name = json_string_value(json_object_get(passed, "command"));
    json_t *given = json_object_get(passed, "parameters");
    int which = name ? command_find(name) : -1;
    bool ours = which >= 0 && command_is_remote(command_at((size_t)which));
    if (!ours || !json_is_object(given)) {
        fail(e, FAIL_INVALID, "There is no command %.64s here.", name ? name : "");
        error_kept(e, "Nothing was done.");
        return error_next(e, "Bring both machines to the same version.");
    }
    *caller = caller_from_json(json_object_get(passed, "caller"));
    if (!*caller)
        return fail(e, FAIL_INVALID, "It is not said who gives the command.");
    *command = command_at((size_t)which);
    *parameters = json_incref(given);
    return OK;
}

struct passing {
    struct link_command *command;
    unsigned status;
    struct buffer refusal; /* the body of a status other than 200 */
    struct error error;
    bool lost;  /* whoever asked takes no more of it */
    bool said;  /* something of the answer */
    bool ended; /* by saying whether it was done */
    char to[FQDN_SIZE], pool[FQDN_SIZE];
    pass_unanswered *unanswered;
    atomic_bool silent; /* no machine of that pool answers any more: somebody else can */
    /* When it was asked, or said something last; or NOT_WAITED_FOR. */
    atomic_uint_fast64_t heard_ms;
    bool told; /* that it says nothing; the loop's */
};

/* It is not asked yet, or a line of it is passed on to a slow reader. */
#define NOT_WAITED_FOR UINT64_MAX

/* What is longer makes no sense, and is told of as that. */
static void keep_refusal(struct buffer *refusal, struct bytes line)
{
    size_t room = REFUSAL_BYTES_MAX - refusal->size;
    buffer_raw(refusal, line.at, line.size < room ? line.size : room);
}

/* As fast as it is read here: the other machine waits meanwhile, and its silence does not count. */
static void on_line(void *context, struct bytes line)
{
    struct call *call = context;
    struct passing *passing = call_kept(call);
    atomic_store(&passing->heard_ms, NOT_WAITED_FOR);
    if (passing->status == 200) {
        call_relay(call, line);
        passing->said = passing->said || line.size;
        passing->ended = bytes_start_with(line, bytes_of_text("{\"status\":"));
        passing->lost = passing->lost || !call_flow(call);
    } else {
        keep_refusal(&passing->refusal, line);
    }
    atomic_store(&passing->heard_ms, clock_ms());
}

static bool go_on(void *context)
{
    const struct passing *passing = call_kept(context);
    return !passing->lost && !passing->silent && !call_is_unwanted(context);
}

static bool is_failback(const struct call *call)
{
    return strcmp(call_command(call)->name, "Invoke-CsPoolFailBack") == 0;
}

/* The home that a command has an operation with, which goes on by itself; NULL: it has none. */
static const char *operated_on(const struct call *call)
{
    if (call_switch(call, "WhatIf") || call_switch(call, "Restore"))
        return NULL;
    if (call_command(call)->place == AT_CENTRAL_TAKER)
        return HOME_CENTRAL;
    return is_failback(call) || call_command(call)->place == AT_BACKUP ? call_text(call, "PoolFqdn")
                                                                       : NULL;
}

/* It may have been done, or half. */
static void advise_to_look(const struct call *call, struct error *e)
{
    const struct passing *passing = call_kept(call);
    const char *home = operated_on(call);
    OWNED(free_memory) char *again = parameters_typed(call_command(call), call_parameters(call));
    if (home)
        error_next(e,
                   "If it has begun, it goes on, and Get-CsPoolFailOverStatus -PoolFqdn %s shows "
                   "how far it is. To watch it, or begin it again: %s",
                   home, again);
    else if (!command_changes(call_command(call)))
        error_next(e, "Then again: %s", again);
    else
        error_next(e, "Look whether it did; the log of %s says more. If it did not: %s",
                   passing->to, again);
}

static void not_whole(const struct call *call, struct error *e)
{
    const struct passing *passing = call_kept(call);
    fail(e, FAIL_IO, "The answer of %s ended without saying whether it was done.", passing->to);
    error_kept(e, "Whether it did what was asked is unknown.");
    advise_to_look(call, e);
}

static void ask(void *context)
{
    struct call *call = context;
    struct passing *passing = call_kept(call);
    struct http_question how = {
        .silence_ms = PASS_ON_SILENCE_MS, .each = on_line, .go_on = go_on, .context = call};
    enum failure bad = call_check_wanted(call, &passing->error);
    atomic_store(&passing->heard_ms, clock_ms());
    if (!bad)
        bad = link_command_ask(passing->command, &how, &passing->status, &passing->error);
    if (bad && (bad == FAIL_IO || bad == FAIL_DEADLINE || passing->status == 200))
        advise_to_look(call, &passing->error);
    else if (!bad && passing->status != 200)
        http_error_from_answer(passing->status, buffer_view(&passing->refusal), &passing->error);
    else if (!bad && !passing->ended)
        not_whole(call, &passing->error);
}

static void passing_free(struct passing *passing)
{
    link_command_free(passing->command);
    buffer_free(&passing->refusal);
    free(passing);
}

/* Nobody is there; or somebody who is not believed, or does not believe or understand us. */
static bool is_absence(enum failure kind)
{
    return kind == FAIL_UNREACHABLE || kind == FAIL_FOREIGN || kind == FAIL_NEWER;
}

/* Nobody there carried it out, and nothing of it was told yet. What changes something is tried
 * elsewhere only where it is known that nothing was done. */
static bool is_unanswered(const struct call *call, const struct passing *passing)
{
    enum failure kind = passing->error.kind;
    bool nobody = kind == FAIL_UNREACHABLE || kind == FAIL_DEADLINE || passing->silent ||
                  (kind && passing->status == 200);
    if (command_changes(call_command(call)))
        nobody = kind == FAIL_UNREACHABLE;
    if (call_command(call)->place == FOR_HOME)
        nobody = nobody || is_absence(kind);
    if (is_of_central(call_command(call)) && passing->status != 200)
        nobody = nobody || kind == FAIL_CONFLICT; /* it is not the one */
    return passing->unanswered && nobody && !passing->said && !call_is_unwanted(call);
}

/* Whoever waits is not left to guess. */
static void tell_of_silence(struct call *call, struct passing *passing)
{
    uint64_t heard_ms = atomic_load(&passing->heard_ms);
    if (passing->told || heard_ms == NOT_WAITED_FOR || clock_ms() - heard_ms < PASS_ON_PATIENCE_MS)
        return;
    passing->told = true;
    call_warning(call,
                 "%s is asked to carry this out, and has said nothing for %d s. It is waited for "
                 "%d s at most.",
                 passing->to, PASS_ON_PATIENCE_MS / 1000, PASS_ON_SILENCE_MS / 1000);
}

/* It will not answer later either, as long as it does not answer heartbeats. */
static void look_for_silence(void *context)
{
    struct call *call = context;
    struct passing *passing = call_kept(call);
    if (passing->unanswered)
        passing->silent = front_end_is_silent(call_front_end(call), passing->pool, NULL);
    if (!passing->silent)
        tell_of_silence(call, passing);
}

static const char *absence(const struct error *e)
{
    return e->kind == FAIL_UNREACHABLE ? "does not answer" : "can't be asked";
}

/* A failover where a failback is meant, or the other way round: the pool that is to act holds the
 * home, so it would say that it is the other command, and can't. */
static bool is_the_other(const struct call *call, const struct passing *passing, bool *over)
{
    const struct front_end *fe = call_front_end(call);
    const char *home = call_text(call, "PoolFqdn");
    const struct pool *pool = topology_pool(front_end_config(fe)->topology, home);
    const struct pool *holder = front_end_holder(fe, home);
    *over = call_command(call)->place == AT_BACKUP;
    return (*over || is_failback(call)) && pool && pool->backup && holder &&
           strcmp(holder->fqdn, passing->pool) == 0;
}

/* Who serves a home now, and answers; NULL: nobody, as far as this machine knows. */
static const struct pool *living_server(const struct front_end *fe, const char *home)
{
    const struct pool *pool = front_end_server(fe, home);
    bool lives =
        pool && (pool == front_end_config(fe)->self->pool || front_end_reaches(fe, pool->fqdn));
    return lives ? pool : NULL;
}

/* In a disaster the pool that is lost is named; here it is the one that would take over, and
 * whoever is to be rescued serves its users. */
static bool is_not_lost(const struct call *call, const struct passing *passing, struct error *e)
{
    const struct front_end *fe = call_front_end(call);
    const char *home = call_text(call, "PoolFqdn"), *lost = passing->pool;
    const struct pool *pool = topology_pool(front_end_config(fe)->topology, home);
    if (e->kind != FAIL_UNREACHABLE || call_command(call)->place != AT_BACKUP || !pool ||
        living_server(fe, home) != pool || !call_switch(call, "DisasterMode"))
        return false;
    error_within(e, "%s serves its users itself; %s, which would take them over, does not answer: ",
                 home, lost);
    if (front_end_holder(fe, lost) == pool)
        error_next(e, "%s is failed over to it already: Get-CsPoolFailOverStatus -PoolFqdn %s",
                   lost, lost);
    else
        error_next(e,
                   "For %s there is nothing to do. If %s is lost, and its users are meant: "
                   "Invoke-CsPoolFailOver -PoolFqdn %s -DisasterMode",
                   home, lost, lost);
    return true;
}

/* Whoever wants them elsewhere need not fear for them. */
static void say_where_users_are(const struct call *call, const struct passing *passing,
                                struct error *e)
{
    const char *home = call_text(call, "PoolFqdn");
    const struct pool *server = living_server(call_front_end(call), home);
    const struct error why = *e;
    bool moves = is_failback(call) || call_command(call)->place == AT_BACKUP;
    if (moves && server && strcmp(server->fqdn, passing->pool) != 0)
        error_kept(e, "%s%sThe users of %s go on being served by %s.", why.kept,
                   why.kept[0] ? " " : "", home, server->fqdn);
}

/* It is not the other machine that is wrong, if our own certificate is not good. */
static void explain_certificate(const struct call *call, struct error *e)
{
    const struct config *config = front_end_config(call_front_end(call));
    OWNED(faults_free) struct faults faults = {0};
    certificates_faults(config, &faults);
    if (!faults.count)
        return;
    certificates_explain(config, &faults.list[0], e);
    error_kept(e, "Nothing was changed.");
}

/* Who is asked about a pool hears which other one it takes, and what to type once that is there. */
static void explain_absence(const struct call *call, const struct passing *passing, struct error *e)
{
    const struct error why = *e;
    const char *home = call_text(call, "PoolFqdn"), *blank = why.next[0] ? " " : "";
    OWNED(free_memory) char *again = parameters_typed(call_command(call), call_parameters(call));
    bool over, other = is_the_other(call, passing, &over);
    bool lost = e->kind == FAIL_UNREACHABLE;
    if (is_not_lost(call, passing, e))
        return;
    say_where_users_are(call, passing, e);
    if (other && over)
        error_within(e, "%s is failed over already, and %s, which holds its home, %s: ", home,
                     passing->pool, absence(e));
    else if (other)
        error_within(e, "%s is not failed over, and %s: ", home, absence(e));
    else
        error_within(e, "%s, which %s, %s: ", passing->pool,
                     call_command(call)->place == AT_BACKUP ? "would take it over"
                                                            : "is to do that",
                     absence(e));
    if (other && lost)
        error_next(e, "%s%sIf it is lost: %s -PoolFqdn %s -DisasterMode", why.next, blank,
                   over ? "Invoke-CsPoolFailBack" : "Invoke-CsPoolFailOver", home);
    else if (!other)
        error_next(e, "%s%sThen again%s: %s", why.next, blank,
                   lost ? ", here or on a machine that reaches it" : "", again);
}

/* Who is asked for something of the Central Management Store, hears where it is and what can be
 * done. */
static void explain_silence(const struct call *call, const struct passing *passing, struct error *e)
{
    const struct front_end *fe = call_front_end(call);
    const struct pool *pool = topology_pool(front_end_config(fe)->topology, passing->pool);
    const struct pool *holder = holder_of_central(fe);
    enum command_place place = call_command(call)->place;
    if (place == AT_CENTRAL_TAKER && pool != holder) {
        error_within(e, "%s holds the Central Management Store; %s, which would take it, %s: ",
                     holder->fqdn, passing->pool, absence(e));
    } else if (place == AT_CENTRAL || place == AT_CENTRAL_TAKER) {
        bool lost = e->kind == FAIL_UNREACHABLE && pool && pool->backup;
        error_within(e, "%s, which holds the Central Management Store, %s: ", passing->pool,
                     absence(e));
        if (!lost)
            return;
        OWNED(free_memory) char *takeover = central_copy_takeover(pool->backup);
        error_next(e, "Check that polluxd runs there. If it is lost: %s", takeover);
    } else if (call_text(call, "PoolFqdn")) {
        explain_absence(call, passing, e);
    }
}

static void on_answered(void *context)
{
    struct call *call = context;
    struct passing *passing = call_kept(call);
    call_each_tick(call, NULL);
    if (is_unanswered(call, passing)) {
        pass_unanswered *unanswered = passing->unanswered;
        passing_free(passing);
        unanswered(call);
        return;
    }
    if (passing->error.kind == FAIL_FOREIGN)
        explain_certificate(call, &passing->error);
    if (is_absence(passing->error.kind))
        explain_silence(call, passing, &passing->error);
    if (passing->error.kind)
        call_error(call, &passing->error);
    call_end(call);
    passing_free(passing);
}

void pass_on(struct call *call, const struct pool *pool, pass_unanswered *unanswered)
{
    struct front_end *fe = call_front_end(call);
    const struct machine *to = front_end_machine_of(fe, pool->fqdn);
    call_verbose(call, "%s is carried out by %s.", call_command(call)->name, to->fqdn);
    struct passing *passing = xcalloc(1, sizeof *passing);
    snprintf(passing->to, sizeof passing->to, "%s", to->fqdn);
    snprintf(passing->pool, sizeof passing->pool, "%s", pool->fqdn);
    passing->unanswered = unanswered;
    OWNED(free_memory) char *payload = passed_encode(call);
    passing->command = link_command_new(front_end_link(fe), to, payload);
    atomic_init(&passing->heard_ms, NOT_WAITED_FOR);
    call_keep(call, passing);
    call_each_tick(call, look_for_silence);
    if (!call_on_thread(call, ask, on_answered))
        passing_free(passing);
}
