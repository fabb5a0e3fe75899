#include "web/attendance.h"

#include <stdio.h>

#include "web/conference.h"
#include "web/remember.h"

static enum failure needs_session(struct error *e)
{
    fail(e, FAIL_INVALID, "Who is in a conference is in it by a session.");
    error_kept(e, "Nothing was done.");
    return error_next(e, "Sign on with POST /v1/session, and send its token along.");
}

/* The session of this request and the conference of its path, which its user takes part in. */
static enum failure find(struct visit *v, struct session_facts *facts, char id[CONFERENCE_ID_SIZE],
                         struct error *e)
{
    if (!v->signed_on)
        return needs_session(e);
    *facts = v->session;
    conference_id_of(v->rest, id);
    return conference_check_part(v, id, e);
}

enum failure conference_join(struct visit *v, struct error *e)
{
    struct session_facts facts;
    char id[CONFERENCE_ID_SIZE];
    bool news = false;
    enum failure bad = find(v, &facts, id, e);
    if (!bad)
        bad = sessions_join(v->of->sessions, visit_token(v), id, &news, e);
    if (bad)
        return bad == FAIL_NOT_FOUND && !e->what[0] ? needs_session(e) : bad;
    if (news)
        remember_event(v, SESSION_JOINED, &facts, id);
    visit_answer(v, 204, NULL, BYTES_NONE);
    return OK;
}

/* Also of one that was ended meanwhile: it was in it. */
enum failure conference_leave(struct visit *v, struct error *e)
{
    char id[CONFERENCE_ID_SIZE];
    if (!v->signed_on)
        return needs_session(e);
    conference_id_of(v->rest, id);
    if (!sessions_leave(v->of->sessions, visit_token(v), id)) {
        fail(e, FAIL_NOT_FOUND, "This session is not in this conference.");
        error_kept(e, "Nothing was done.");
        return error_next(e, "PUT joins it.");
    }
    remember_event(v, SESSION_LEFT, &v->session, id);
    visit_answer(v, 204, NULL, BYTES_NONE);
    return OK;
}
