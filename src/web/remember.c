#include "web/remember.h"

#include "pool/session_history.h"
#include "pool/storage_service.h"

static const char way[] = "HTTPS";

static struct session_note note_of(const struct session_facts *facts, enum session_event event)
{
    return (struct session_note){.event = event,
                                 .home = facts->home,
                                 .user = facts->user,
                                 .session = facts->label,
                                 .way = way};
}

void remember_event(struct visit *v, enum session_event event, const struct session_facts *facts,
                    const char *conference)
{
    struct session_note note = note_of(facts, event);
    note.conference = conference;
    storage_service_note(v->of->storage, &note);
    v->remembers = true;
}

void remember_end(const struct session_facts *facts, enum session_end why,
                  const char *const *conferences, size_t count, void *context)
{
    static const char *const reasons[] = {
        [SESSION_END_ASKED] = "Asked",
        [SESSION_END_IDLE] = "Idle",
        [SESSION_END_LIFE] = "Expired",
        [SESSION_END_REPLACED] = "Replaced",
        [SESSION_END_ACCOUNT] = "AccountChanged",
        [SESSION_END_ELSEWHERE] = "ServedElsewhere",
    };
    for (size_t i = 0; i < count; i++) {
        struct session_note left = note_of(facts, SESSION_LEFT);
        left.conference = conferences[i];
        left.why = reasons[why];
        storage_service_note(context, &left);
    }
    struct session_note note = note_of(facts, SESSION_SIGNED_OFF);
    note.why = reasons[why];
    storage_service_note(context, &note);
}

enum failure history_show(struct visit *v, struct error *e)
{
    json_t *list = session_history_read(v->view, v->home->name, v->account.id, e);
    if (!list)
        return e->kind;
    visit_answer_json(v, 200, json_pack("{s:o}", "records", list));
    return OK;
}
