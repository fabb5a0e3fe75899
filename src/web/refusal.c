#include "web/refusal.h"

#include "http/server.h"

bool is_limited(const struct visit *v)
{
    return mode_rights(v->home->mode)->sessions == SESSIONS_LIMITED;
}

enum failure refuse_change(const struct visit *v, struct error *e)
{
    const char *home = v->home->name;
    if (is_limited(v))
        fail(e, FAIL_REFUSED,
             "%s offers limited service to the users of %s for now: they can read, and nothing can "
             "be changed.",
             standing_pool(v->standing), home);
    else
        fail(e, FAIL_REFUSED, "The data of the users of %s is being handed to another pool.", home);
    error_kept(e, "Nothing was changed.");
    return error_next(e, is_limited(v)
                             ? "Try again when your pool is back, or has been failed over."
                             : "Try again shortly.");
}

static void redirect(struct visit *v)
{
    struct error e;
    fail(&e, FAIL_REFUSED, "The users of %s are served by %s.", v->home->name, v->home->holder);
    error_kept(&e, "Nothing was done.");
    error_next(&e, "Ask there: https://%s:%u", v->home->holder, v->home->users_port);
    visit_answer_error(v, 307, &e);
    visit_header(v, "Location: https://%s:%u%s", v->home->holder, v->home->users_port,
                 http_request_target(v->request));
}

static void have_wait(struct visit *v)
{
    struct error e;
    if (mode_rights(v->home->mode)->sessions == SESSIONS_KEPT)
        fail(&e, FAIL_REFUSED,
             "The users of %s are about to be handed to another pool: nobody can sign on before "
             "that is done.",
             v->home->name);
    else
        fail(&e, FAIL_REFUSED, "Nobody is known to serve the users of %s now.", v->home->name);
    error_kept(&e, "Nothing was done.");
    error_next(&e, "Try again shortly.");
    visit_answer_error(v, 503, &e);
}

static bool may_enter(const struct visit *v)
{
    if (!v->home->hosted)
        return false;
    switch (mode_rights(v->home->mode)->sessions) {
    case SESSIONS_OPEN:
    case SESSIONS_LIMITED: return true;
    case SESSIONS_KEPT: return v->signed_on || v->upload; /* whose file is here came in before */
    case SESSIONS_ELSEWHERE: break;
    }
    return false;
}

bool admit(struct visit *v)
{
    if (may_enter(v))
        return true;
    if (v->home->holder[0])
        redirect(v);
    else
        have_wait(v);
    return false;
}
