#include "web/web.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/count.h"
#include "base/workers.h"
#include "http/on_loop.h"
#include "pool/commit.h"
#include "pool/content.h"
#include "pool/storage_service.h"
#include "web/account_cache.h"
#include "web/content.h"
#include "web/content_room.h"
#include "web/remember.h"
#include "web/turns.h"
#include "web/visit.h"

/* Some milliseconds of the loop's time. */
enum { SESSIONS_CLEARED_AT_ONCE = 500 };

struct web {
    struct front_end *fe;
    struct loop *loop;
    struct on_loop *gate;
    struct http_server *server;
    struct workers *workers, *uploads;
    struct visited visited;
    struct turns *turns;
    struct standing *standing; /* as of now; visits have shares of it */
    size_t under_way;
    bool rests;    /* no home has changed since the last WEB_LOOK_MS */
    bool clearing; /* away the sessions of homes that are served elsewhere */
    bool stopped;  /* lives on only for the changes that are still under way */
};

/* A visit and whose it is. */
struct errand {
    struct web *web;
    struct standing *standing; /* for the next try */
    struct visit *visit;
    struct turn turn; /* once it lost to somebody faster, or where files change */
    bool durable;     /* what became of its transaction, for its files */
};

static void web_free(struct web *web)
{
    standing_release(web->standing);
    sessions_free(web->visited.sessions);
    nonces_free(web->visited.nonces);
    throttle_free(web->visited.throttle);
    account_cache_free(web->visited.accounts);
    turns_free(web->turns);
    content_room_free(web->visited.room);
    free(web);
}

/* --- visits --- */

static void errand_end(struct errand *errand)
{
    struct web *web = errand->web;
    turn_end(&errand->turn);
    standing_release(errand->standing);
    visit_release(errand->visit);
    free(errand);
    if (--web->under_way == 0 && web->stopped)
        web_free(web);
}

static void refuse(struct errand *errand, enum failure kind, const char *what)
{
    struct error e;
    fail(&e, kind, "%s", what);
    error_kept(&e, "Nothing was done.");
    error_next(&e, "Try again shortly.");
    http_answer_error(errand->visit->request, &e);
    errand_end(errand);
}

static void try_visit(void *context);
static void on_worked(void *context);
static void on_committed(const struct store_outcome *outcome, void *context);

/* On a thread. What needs no commit is answered right here; what does is committed, and the loop
 * has nothing to do with it before it is durable. */
static void work(void *context)
{
    struct errand *errand = context;
    struct web *web = errand->web;
    struct visit *visit = errand->visit;
    visit_try(visit, TAKE(errand->standing));
    if (visit->txn) {
        commit_on_loop(web->visited.store, web->loop, TAKE(visit->txn), on_committed, errand);
        return;
    }
    if (!visit->remembers && !visit_receives(visit))
        visit_send(visit);
    loop_post_surely(web->loop, on_worked, errand);
}

/* Large files take their time to go. */
static void settle(void *context)
{
    struct errand *errand = context;
    visit_settle_files(errand->visit, errand->durable);
    visit_send(errand->visit);
}

static void on_settled(void *context)
{
    errand_end(context);
}

/* Else it would wait with what other modules change. */
static void tell_of_files(const struct errand *errand)
{
    const struct web *web = errand->web;
    if (errand->durable && !web->stopped && visit_has_files(errand->visit))
        content_changed(front_end_content(web->fe), errand->visit->home->name);
}

static void finish(struct errand *errand, bool durable)
{
    struct workers *workers = errand->web->workers;
    errand->durable = durable;
    tell_of_files(errand);
    if (visit_has_files(errand->visit) && workers &&
        workers_run(workers, settle, on_settled, errand))
        return;
    settle(errand);
    errand_end(errand);
}

static void on_committed(const struct store_outcome *outcome, void *context)
{
    struct errand *errand = context;
    if (visit_committed(errand->visit, outcome)) {
        finish(errand, !outcome->error.kind);
    } else if (turn_has_come(&errand->turn)) {
        try_visit(errand);
    } else {
        turns_wait(errand->web->turns, errand->visit->account.id, &errand->turn, try_visit, errand);
    }
}

static void on_remembered(void *context)
{
    struct errand *errand = context;
    visit_send(errand->visit);
    errand_end(errand);
}

/* On a thread of the store's. */
static void on_kept(void *context)
{
    struct errand *errand = context;
    loop_post_surely(errand->web->loop, on_remembered, errand);
}

static void receive(void *context)
{
    struct errand *errand = context;
    if (!visit_receive(errand->visit))
        visit_send(errand->visit);
}

/* In its turn: of two who write the same file, one has its manifest before the other takes its
 * place; of two who need the last room, the other sees that it is gone. */
static void try_in_turn(struct errand *errand)
{
    char id[CONFERENCE_ID_SIZE];
    if (content_turn(errand->visit->request, id))
        turns_wait(errand->web->turns, id, &errand->turn, try_visit, errand);
    else
        try_visit(errand);
}

static void on_received(void *context)
{
    struct errand *errand = context;
    if (errand->visit->upload)
        try_in_turn(errand);
    else
        errand_end(errand);
}

static void on_worked(void *context)
{
    struct errand *errand = context;
    struct web *web = errand->web;
    if (visit_receives(errand->visit)) {
        if (web->stopped)
            refuse(errand, FAIL_STOPPING, "This machine is stopping.");
        else if (!workers_run(web->uploads, receive, on_received, errand))
            refuse(errand, FAIL_BUSY, "Too many files are sent to this machine at once.");
    } else if (errand->visit->remembers)
        storage_service_settle(web->visited.storage, on_kept, errand);
    else
        errand_end(errand);
}

static void try_visit(void *context)
{
    struct errand *errand = context;
    struct web *web = errand->web;
    if (web->stopped) {
        refuse(errand, FAIL_STOPPING, "This machine is stopping.");
        return;
    }
    errand->standing = standing_share(web->standing);
    if (!workers_run(web->workers, work, NULL, errand))
        refuse(errand, FAIL_BUSY, "Too many users ask something of this machine at once.");
}

static void on_request(struct http_request *request, void *context)
{
    struct web *web = context;
    struct errand *errand = xmalloc(sizeof *errand);
    *errand = (struct errand){.web = web, .visit = xcalloc(1, sizeof *errand->visit)};
    errand->visit->of = &web->visited;
    errand->visit->request = request;
    web->under_way++;
    if (content_streams(request) || strcmp(http_request_method(request), "DELETE") != 0)
        try_visit(errand);
    else
        try_in_turn(errand);
}

/* --- homes --- */

static bool is_elsewhere(const struct standing_home *home)
{
    return !home->hosted || mode_rights(home->mode)->sessions == SESSIONS_ELSEWHERE;
}

/* Those signed on come back with their secret, and are sent to the holder. */
static void end_sessions(struct web *web, const struct standing_home *home)
{
    size_t count = sessions_home_left(web->visited.sessions, home->name);
    if (count)
        log_event(LOG_EVENT_NOTICE, "sessions-ended",
                  "%s of users of %s ended: they are served elsewhere.", COUNTED(count, "session"),
                  home->name);
}

static void clear_some_away(void *context)
{
    struct web *web = context;
    web->clearing =
        !web->stopped && sessions_end_some(web->visited.sessions, SESSIONS_CLEARED_AT_ONCE);
    if (web->clearing)
        loop_post_surely(web->loop, clear_some_away, web);
    else if (--web->under_way == 0 && web->stopped)
        web_free(web);
}

/* A few at a time, and not before the homes have been at rest for a while: a machine that hands one
 * over has better things to do, and so has the disk that keeps a record of each of them. */
static void clear_away(struct web *web)
{
    bool rests = web->rests;
    web->rests = true;
    if (!rests || web->clearing)
        return;
    web->clearing = true;
    web->under_way++;
    clear_some_away(web);
}

/* Also without a change: a session may have begun by what was true just before it. */
static void look(struct web *web)
{
    const struct standing_home *home;
    standing_release(web->standing);
    web->standing = standing_look(web->fe);
    for (size_t i = 0; (home = standing_at(web->standing, i)); i++) {
        if (is_elsewhere(home))
            end_sessions(web, home);
    }
}

static void on_home_changed(const char *home, void *context)
{
    struct web *web = context;
    (void)home;
    web->rests = false;
    look(web);
}

static void on_timer(void *context)
{
    struct web *web = context;
    look(web);
    clear_away(web);
    sessions_tidy(web->visited.sessions, clock_ms());
}

/* --- start, reload, stop --- */

static struct http_server *serve(struct web *web, struct error *e)
{
    const struct config *config = front_end_config(web->fe);
    const char *address = config->listen_address ? config->listen_address : config->self->address;
    const struct http_server_options options = {.address = address ? address : "::",
                                                .port = config->self->users_port,
                                                .certificate_file = config->certificate,
                                                .private_key_file = config->private_key,
                                                .authority_file = config->authority,
                                                .asks_no_certificate = true,
                                                .connections_max = WEB_CONNECTIONS_MAX,
                                                .connections_of_one_max =
                                                    WEB_CONNECTIONS_OF_ONE_MAX,
                                                .body_max = WEB_BODY_MAX,
                                                .arriving_max = WEB_ARRIVING_MAX,
                                                .handler = on_loop_handler,
                                                .streams = content_streams,
                                                .context = web->gate};
    return http_server_start(&options, e);
}

struct web *web_start(struct front_end *fe, struct loop *loop, struct error *e)
{
    struct web *web = xcalloc(1, sizeof *web);
    web->fe = fe;
    web->loop = loop;
    web->visited = (struct visited){.store = front_end_store(fe),
                                    .storage = front_end_storage_service(fe),
                                    .sessions = sessions_new(),
                                    .nonces = nonces_new(),
                                    .room = content_room_new(),
                                    .files = front_end_files(fe),
                                    .throttle = throttle_new(),
                                    .accounts = account_cache_new()};
    sessions_on_ended(web->visited.sessions, remember_end, web->visited.storage);
    web->turns = turns_new();
    web->gate = on_loop_open(loop, on_request, web);
    web->workers = workers_new(loop, "user", WEB_THREADS_MAX);
    web->uploads = workers_new(loop, "upload", UPLOADS_MAX);
    web->server = serve(web, e);
    if (!web->server) {
        on_loop_close(web->gate);
        workers_free(web->workers);
        workers_free(web->uploads);
        web_free(web);
        return NULL;
    }
    look(web);
    front_end_on_home_changed(fe, on_home_changed, web);
    loop_every(loop, WEB_LOOK_MS, on_timer, web);
    return web;
}

void web_reload(struct web *web)
{
    struct error e = {0};
    if (http_server_reload(web->server, &e))
        log_error(LOG_EVENT_ERROR, "reload-refused", &e,
                  "The certificate that users see was not reloaded.");
    look(web);
}

void web_stop(struct web *web)
{
    if (!web)
        return;
    front_end_on_home_changed(web->fe, NULL, NULL);
    http_server_stop(web->server);
    on_loop_close(web->gate);
    workers_free(TAKE(web->uploads)); /* whoever waits for a client hears that he has gone */
    workers_free(TAKE(web->workers));
    web->stopped = true;
    /* What the threads had still to say; one more visit than there is keeps the last of them from
     * ending us. */
    web->under_way++;
    loop_settle(web->loop);
    if (--web->under_way == 0)
        web_free(web);
}

size_t web_session_count(const struct web *web, const char *home)
{
    return sessions_count(web->visited.sessions, home);
}
