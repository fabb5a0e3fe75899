#include "web/session.h"

#include <string.h>

#include "base/clock.h"
#include "web/account_cache.h"
#include "web/refusal.h"
#include "web/remember.h"

static json_t *wall_time(uint64_t at_ms, uint64_t now_ms)
{
    char text[CLOCK_TEXT_MAX];
    uint64_t left_ms = at_ms > now_ms ? at_ms - now_ms : 0;
    return json_string(clock_wall_text(clock_wall_ms() + left_ms, text));
}

static json_t *describe(const struct visit *v, uint64_t now_ms, uint64_t life_ends_ms)
{
    return json_pack("{s:o, s:s, s:s, s:s, s:b, s:o, s:i}", "user",
                     json_sprintf("sip:%s", v->account.address), "displayName",
                     v->account.display_name, "pool", v->home->name, "servedBy",
                     standing_pool(v->standing), "limited", is_limited(v), "expires",
                     wall_time(life_ends_ms, now_ms), "idleSeconds", SESSION_IDLE_MS / 1000);
}

static enum failure needs_secret(struct error *e)
{
    fail(e, FAIL_INVALID, "A session is opened with the secret, not with another session.");
    error_kept(e, "Nothing was done.");
    return error_next(e, "Sign on with your address and your secret.");
}

enum failure session_open(struct visit *v, struct error *e)
{
    char token[SESSION_TOKEN_SIZE];
    struct session_facts facts;
    struct known_account known;
    uint64_t now_ms = clock_ms();
    if (v->signed_on)
        return needs_secret(e);
    enum failure bad = account_cache_read(v->of->accounts, v->view, v->account.address, &known, e);
    if (!bad)
        bad = sessions_open(v->of->sessions, &known.account, known.secret, now_ms, token, e);
    if (bad)
        return bad;
    if (sessions_use(v->of->sessions, token, now_ms, &facts))
        remember_event(v, SESSION_SIGNED_ON, &facts, NULL);
    json_t *object = describe(v, now_ms, now_ms + SESSION_LIFE_MS);
    json_object_set_new(object, "token", json_string(token));
    visit_answer_json(v, 201, object);
    visit_header(v, "Location: /v1/session");
    explicit_bzero(token, sizeof token);
    return OK;
}

static enum failure no_session(struct error *e)
{
    fail(e, FAIL_NOT_FOUND, "This request belongs to no session.");
    error_kept(e, "Nothing was done.");
    return error_next(e, "Open one with POST /v1/session, and send its token along: "
                         "Authorization: Bearer TOKEN");
}

enum failure session_show(struct visit *v, struct error *e)
{
    if (!v->signed_on)
        return no_session(e);
    visit_answer_json(v, 200, describe(v, clock_ms(), v->session.life_ends_ms));
    return OK;
}

enum failure session_end(struct visit *v, struct error *e)
{
    if (!v->signed_on)
        return no_session(e);
    sessions_end(v->of->sessions, visit_token(v), SESSION_END_ASKED);
    v->remembers = true;
    visit_answer(v, 204, NULL, BYTES_NONE);
    return OK;
}
