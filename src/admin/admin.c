#include "admin/admin.h"

#include <stdlib.h>
#include <string.h>

#include "admin/audit.h"
#include "admin/call.h"
#include "admin/central_copy.h"
#include "admin/describe.h"
#include "admin/permission.h"
#include "admin/place.h"
#include "base/log.h"
#include "cmdlet/parameter.h"
#include "http/on_loop.h"
#include "pool/backup_configuration.h"
#include "pool/central_connection.h"

DEFINE_OWNED(json_t *, json_decref)

static const char path_commands[] = "/admin/v1/commands";

struct admin {
    struct front_end *fe;
    struct on_loop *gate;
    struct http_server *server;
    /* For what this machine does; for waiting until another has done it; and for finding out who
     * asks, so that nobody is kept out by those whose commands take long. */
    struct workers *workers, *passers, *resolvers;
    struct call *calls[ADMIN_CALLS_MAX]; /* under way */
    size_t call_count;
    bool stopped, stopping; /* stopped, it lives on only for the calls that are still under way */
};

static command_run *const runs[COMMANDS] = {
#define COMMAND(id, name, effect, right, place, synopsis, description) [COMMAND_##id] = admin_##id,
#include "cmdlet/commands.def"
};

/* A command that arrived, until it is a call. */
struct errand {
    struct admin *admin;
    struct http_request *request;
    const struct command *command;
    json_t *parameters;
    struct caller *caller;
    char machine[FQDN_SIZE]; /* this one, for the thread that finds out who asks */
    bool passed_on;          /* by another machine, which has found that out */
};

static void errand_free(struct errand *errand)
{
    json_decref(errand->parameters);
    caller_free(errand->caller);
    free(errand);
}

static void errand_refuse(struct errand *errand, const struct error *e)
{
    http_answer_error(errand->request, e);
    errand_free(errand);
}

/* --- what is asked --- */

static const struct parameter *own_parameter(const struct command *command, const char *name)
{
    const struct parameter *p;
    for (size_t i = 0; (p = command_parameter_at(command, i)); i++) {
        if (strcmp(p->name, name) == 0 && parameter_is_sent(p))
            return p;
    }
    return command_hidden(command, name);
}

static enum failure check_parameters(const struct command *command, const json_t *given,
                                     json_t *checked, struct error *e)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)given, name, value)
    {
        const struct parameter *p = own_parameter(command, name);
        json_t *one;
        if (!p)
            return fail(e, FAIL_INVALID, "%s has no parameter \"%.100s\".", command->name, name);
        enum failure bad = parameter_check(p, value, &one, e);
        if (bad)
            return bad;
        json_object_set_new(checked, p->name, one);
    }
    for (size_t i = 0; i < command->parameter_count; i++) {
        const struct parameter *p = &command->parameters[i];
        if ((p->traits & REQUIRED) && !json_object_get(checked, p->name))
            return fail(e, FAIL_INVALID, "The parameter -%s is missing.", p->name);
    }
    return parameters_check_rules(command, checked, e);
}

/* `name`: of a command, if the rest of the path is right. */
static enum failure refuse_path(const char *path, const char *name, struct error *e)
{
    const char *nearest = name ? command_nearest(name) : NULL;
    fail(e, FAIL_NOT_FOUND, "There is no %.200s here.", path);
    error_kept(e, "Nothing was done.");
    return nearest ? error_next(e, "Was %s meant? GET %s lists them all.", nearest, path_commands)
                   : error_next(e, "GET %s lists the commands.", path_commands);
}

static enum failure refuse_parameters(struct error *e)
{
    fail(e, FAIL_INVALID, "The parameters are not a JSON object.");
    error_kept(e, "Nothing was done.");
    return error_next(e, "For example: {\"PoolFqdn\": \"atl.example.com\", \"Verbose\": true}");
}

static enum failure read_errand(struct errand *errand, struct error *e)
{
    const struct http_request *request = errand->request;
    const char *path = http_request_path(request), *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    size_t prefix = slash ? (size_t)(slash - path) : 0;
    bool ours = prefix == strlen(path_commands) && strncmp(path, path_commands, prefix) == 0;
    int which = ours ? command_find(name) : -1;
    if (which < 0 || !command_is_remote(command_at((size_t)which)))
        return refuse_path(path, ours ? name : NULL, e);
    if (strcmp(http_request_method(request), "POST") != 0) {
        fail(e, FAIL_INVALID, "Commands take POST only.");
        error_kept(e, "Nothing was done.");
        return error_next(e, "GET %s lists them.", path_commands);
    }
    struct bytes body = http_request_body(request);
    OWNED(json_decref)
    json_t *given = body.size
                        ? json_loadb((const char *)body.at, body.size, JSON_REJECT_DUPLICATES, NULL)
                        : json_object();
    if (!json_is_object(given))
        return refuse_parameters(e);
    errand->command = command_at((size_t)which);
    return check_parameters(errand->command, given, errand->parameters, e);
}

/* --- carrying out --- */

static const char *audit_file(const struct admin *admin)
{
    return front_end_config(admin->fe)->audit_log;
}

static void release(struct admin *admin)
{
    if (admin->stopped && !admin->stopping && admin->call_count == 0)
        free(admin);
}

static void on_ended(struct call *call, const char *result, void *context)
{
    struct admin *admin = context;
    for (size_t i = 0; i < admin->call_count; i++) {
        if (admin->calls[i] == call)
            admin->calls[i] = admin->calls[--admin->call_count];
    }
    if (!call_is_passed_on(call) && !call_is_part(call))
        audit_write(audit_file(admin), call_command(call), call_parameters(call), call_caller(call),
                    result, call_elapsed_ms(call));
    release(admin);
}

static struct call *begin(struct errand *errand, bool passed_on)
{
    struct admin *admin = errand->admin;
    struct call *call =
        call_new(&(struct call_options){.fe = admin->fe,
                                        .request = errand->request,
                                        .command = errand->command,
                                        .parameters = TAKE(errand->parameters),
                                        .caller = TAKE(errand->caller),
                                        .workers = passed_on ? admin->passers : admin->workers,
                                        .passed_on = passed_on,
                                        .ended = on_ended,
                                        .context = admin});
    admin->calls[admin->call_count++] = call;
    errand_free(errand);
    return call;
}

/* Who may, the pool that carries it out decides, by the grants that it knows; where there is none,
 * this one, so that nobody learns of pools what he may not ask for. */
static enum failure check_permission(const struct admin *admin, const struct command *command,
                                     const json_t *parameters, const struct caller *caller,
                                     struct error *e)
{
    OWNED(backup_configuration_free) struct backup_configuration *granted = NULL;
    OWNED(view_close) struct view *view = NULL;
    uint64_t usn;
    enum failure bad = store_view(front_end_store(admin->fe), &view, e);
    if (!bad)
        bad = backup_configuration_read(view, &granted, &usn, e);
    if (bad) /* a damaged store grants nothing, and keeps nobody else out */
        granted = backup_configuration_default();
    struct grants grants = {
        .groups = backup_configuration_value(granted, "AuthorizedUniversalGroups"),
        .accounts = backup_configuration_value(granted, "AuthorizedLocalAccounts")};
    bad = permission_check(command, parameters, caller, &grants, e);
    if (bad)
        audit_write(audit_file(admin), command, parameters, caller, "denied", 0);
    return bad;
}

static enum failure check_errand(const struct errand *errand, struct error *e)
{
    return check_permission(errand->admin, errand->command, errand->parameters, errand->caller, e);
}

/* Who gave up and went away must not find it done later. */
static enum failure check_awaited(const struct errand *errand, struct error *e)
{
    enum failure bad = call_check_awaited(errand->request, e);
    if (bad)
        audit_write(audit_file(errand->admin), errand->command, errand->parameters, errand->caller,
                    "failed", 0);
    return bad;
}

static enum failure busy(struct error *e)
{
    fail(e, FAIL_BUSY, "Too many commands are under way on this machine.");
    error_kept(e, "Nothing was done.");
    return error_next(e, "Try again shortly.");
}

/* Here, and now. */
static void run(const struct admin *admin, struct call *call)
{
    const struct command *command = call_command(call);
    bool copy = place_is_copy(admin->fe, command, call_parameters(call));
    if (!copy || central_copy_answers(call))
        runs[command_find(command->name)](call);
}

/* What was passed on in vain is carried out here, if its caller may do that. */
static void run_here(struct call *call)
{
    struct admin *admin = call_context(call);
    struct error e = {0};
    enum failure bad =
        check_permission(admin, call_command(call), call_parameters(call), call_caller(call), &e);
    if (!bad && admin->stopped)
        bad = fail(&e, FAIL_STOPPING, "This machine is stopping.");
    if (bad) {
        call_fail(call, &e);
        return;
    }
    call_take_back(call, admin->workers);
    run(admin, call);
}

/* Of the Central Management Store the copy here answers what only reads. */
static pass_unanswered *last_resort(const struct command *command)
{
    return command->place == FOR_CENTRAL ? run_here : NULL;
}

/* The pool that it is about turned out to be silent: its partner answers, as if that had been
 * known; or, of the Central Management Store, whoever is heard to hold it. */
static void on_unanswered(struct call *call)
{
    struct admin *admin = call_context(call);
    const struct pool *pool;
    struct error e = {0};
    enum failure bad =
        place_of(admin->fe, call_command(call), call_parameters(call), true, &pool, &e);
    if (!bad && admin->stopped)
        bad = fail(&e, FAIL_STOPPING, "This machine is stopping.");
    if (!bad && pool) {
        pass_on(call, pool, last_resort(call_command(call)));
        return;
    }
    if (bad)
        call_fail(call, &e);
    else
        run_here(call);
}

/* The first of the two that have a part in a home does not answer: the other one may. */
static void on_untold(struct call *call)
{
    struct front_end *fe = call_front_end(call);
    const struct pool *two[2];
    place_pair(fe, call_text(call, "PoolFqdn"), two);
    if (two[1] && !front_end_is_silent(fe, two[1]->fqdn, NULL))
        pass_on(call, two[1], run_here);
    else
        run_here(call);
}

/* What this machine was told to look at first is not the store, or does not answer. */
static void on_not_there(struct call *call)
{
    struct admin *admin = call_context(call);
    struct central_connection set;
    if (central_connection_read(admin->fe, &set))
        call_caution(
            call,
            "%s, where this machine was told to look first, does not hold the Central "
            "Management Store, or does not answer. Remove-CsManagementConnection ends that.",
            set.database);
    on_unanswered(call);
}

/* Who answers if this pool does not: its partner; whoever is heard to hold the store; the copy. */
static pass_unanswered *otherwise(const struct errand *errand, const struct pool *pool)
{
    struct front_end *fe = errand->admin->fe;
    const struct pool *heard;
    struct error e;
    enum command_place place = errand->command->place;
    if (place == AT_CENTRAL || place == FOR_CENTRAL)
        return !place_of(fe, errand->command, errand->parameters, true, &heard, &e) && heard != pool
                   ? on_not_there
                   : last_resort(errand->command);
    const char *named = json_string_value(json_object_get(errand->parameters, "PoolFqdn"));
    const struct pool *two[2];
    if (place == FOR_HOME) {
        place_pair(fe, named, two);
        return pool == two[0] ? on_untold : run_here;
    }
    if (place == AT_TAKER) /* what is under way there is called off by its silence */
        return run_here;
    bool stands_in = place == FOR_POOL && pool->backup;
    return stands_in && strcmp(pool->fqdn, named) == 0 ? on_unanswered : NULL;
}

static void carry_out(struct errand *errand)
{
    struct admin *admin = errand->admin;
    const struct pool *pool;
    struct error e = {0};
    enum failure bad =
        place_of(admin->fe, errand->command, errand->parameters, errand->passed_on, &pool, &e);
    if (!bad && admin->stopped)
        bad = fail(&e, FAIL_STOPPING, "This machine is stopping.");
    if (!bad && admin->call_count == ADMIN_CALLS_MAX)
        bad = busy(&e);
    if (!bad && pool && errand->passed_on) {
        bad = fail(&e, FAIL_CONFLICT, "%s is not the one to carry this out any more: %s is.",
                   front_end_pool(admin->fe), pool->fqdn);
        error_kept(&e, "Nothing was done.");
        OWNED(free_memory) char *again = parameters_typed(errand->command, errand->parameters);
        error_next(&e, "Type it again: %s", again);
    }
    struct error denied;
    if (bad == FAIL_NOT_FOUND && check_errand(errand, &denied))
        e = denied;
    if (!bad && !pool)
        bad = check_errand(errand, &e);
    if (!bad)
        bad = check_awaited(errand, &e);
    if (bad) {
        errand_refuse(errand, &e);
        return;
    }
    pass_unanswered *unanswered = pool ? otherwise(errand, pool) : NULL;
    if (pool)
        pass_on(begin(errand, true), pool, unanswered);
    else
        run(admin, begin(errand, false));
}

/* --- who asks --- */

static void resolve(void *context)
{
    struct errand *errand = context;
    const struct http_peer *peer = http_request_peer(errand->request);
    const char *machine = errand->machine;
    errand->caller = peer->local
                         ? caller_of_user(peer->uid, peer->gid, machine)
                         : caller_of_certificate(peer->administrator, peer->address, machine);
}

static void on_resolved(void *context)
{
    carry_out(context);
}

static void describe(struct http_request *request)
{
    OWNED(free_memory) char *text = describe_commands();
    http_answer(request, 200, "application/json", bytes_of_text(text), NULL);
}

static bool is_description(const struct http_request *request)
{
    return strcmp(http_request_path(request), path_commands) == 0 &&
           strcmp(http_request_method(request), "GET") == 0;
}

/* The link lets machines say more. */
static bool is_too_long(struct http_request *request)
{
    struct error e;
    if (http_request_body(request).size <= ADMIN_BODY_MAX)
        return false;
    fail(&e, FAIL_INVALID, "The body of the request is longer than the %d bytes allowed here.",
         ADMIN_BODY_MAX);
    error_kept(&e, "Nothing was done.");
    http_answer_error(request, &e);
    return true;
}

static struct errand *errand_new(struct admin *admin, struct http_request *request)
{
    struct errand *errand = xcalloc(1, sizeof *errand);
    *errand = (struct errand){.admin = admin, .request = request, .parameters = json_object()};
    snprintf(errand->machine, sizeof errand->machine, "%s",
             front_end_config(admin->fe)->self->fqdn);
    return errand;
}

/* From a person, by either way. */
static void on_person(struct http_request *request, void *context)
{
    struct admin *admin = context;
    struct error e = {0};
    if (is_description(request)) {
        describe(request);
        return;
    }
    if (is_too_long(request))
        return;
    struct errand *errand = errand_new(admin, request);
    if (read_errand(errand, &e))
        errand_refuse(errand, &e);
    else if (!workers_run(admin->resolvers, resolve, on_resolved, errand)) {
        busy(&e);
        errand_refuse(errand, &e);
    }
}

/* From another machine, on behalf of a person. */
static void on_passed(const struct machine *from, const char *payload, struct http_request *request,
                      void *context)
{
    struct errand *errand = errand_new(context, request);
    OWNED(json_decref) json_t *given = NULL;
    struct error e = {0};
    errand->passed_on = true;
    enum failure bad = passed_decode(payload, &errand->command, &given, &errand->caller, &e);
    if (!bad && !caller_came_by(errand->caller, from->fqdn)) {
        bad = fail(&e, FAIL_FOREIGN,
                   "%s says that a command was given on %s: a machine speaks only "
                   "for itself.",
                   from->fqdn, errand->caller->from);
        error_kept(&e, "Nothing was done.");
    }
    if (!bad)
        bad = check_parameters(errand->command, given, errand->parameters, &e);
    if (bad)
        errand_refuse(errand, &e);
    else
        carry_out(errand);
}

/* --- start and stop --- */

/* From behind, because a call that ends leaves its place to the last. */
static void on_tick(void *context)
{
    struct admin *admin = context;
    for (size_t i = admin->call_count; i-- > 0;)
        call_tick(admin->calls[i]);
}

static void free_workers(struct admin *admin)
{
    workers_free(admin->resolvers);
    workers_free(admin->workers);
    workers_free(admin->passers);
}

struct admin *admin_start(struct front_end *fe, struct loop *loop, struct error *e)
{
    struct admin *admin = xcalloc(1, sizeof *admin);
    admin->fe = fe;
    admin->gate = on_loop_open(loop, on_person, admin);
    admin->workers = workers_new(loop, "command", ADMIN_THREADS_MAX);
    admin->passers = workers_new(loop, "passing", ADMIN_THREADS_MAX);
    admin->resolvers = workers_new(loop, "resolving", ADMIN_THREADS_MAX);
    /* Whoever may connect is told what he may do: the kernel says who it is. */
    struct http_server_options options = {.socket_path = front_end_config(fe)->admin_socket,
                                          .socket_mode = 0666,
                                          .socket_group = (gid_t)-1,
                                          .body_max = ADMIN_BODY_MAX,
                                          .handler = on_loop_handler,
                                          .context = admin->gate};
    admin->server = http_server_start(&options, e);
    if (!admin->server) {
        on_loop_close(admin->gate);
        free_workers(admin);
        free(admin);
        return NULL;
    }
    loop_watch(loop, CALL_TICK_MS, on_tick, admin);
    front_end_on_commands(fe, &(struct front_end_commands){
                                  .command = on_passed, .person = on_person, .context = admin});
    return admin;
}

void admin_stop(struct admin *admin)
{
    if (!admin)
        return;
    admin->stopped = admin->stopping = true; /* the last call that ends does not end us yet */
    front_end_on_commands(admin->fe, NULL);
    for (size_t i = admin->call_count; i-- > 0;) {
        call_abandon(admin->calls[i]);
        call_tick(admin->calls[i]); /* the last: who waits, ends */
    }
    http_server_stop(admin->server);
    on_loop_close(admin->gate);
    free_workers(admin);
    loop_settle(front_end_loop(admin->fe)); /* what the threads had still to say */
    admin->stopping = false;
    release(admin);
}
