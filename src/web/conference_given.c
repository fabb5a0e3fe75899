#include "web/conference_given.h"

#include <string.h>
#include <time.h>

#include "web/conference.h"

DEFINE_OWNED(json_t *, json_decref)

static enum failure refuse(const char *why, struct error *e)
{
    fail(e, FAIL_INVALID, "This is no conference: %s.", why);
    error_kept(e, "Nothing was changed.");
    return error_next(e, "docs/users.md shows what is expected here.");
}

static enum failure take_subject(const json_t *given, json_t *kept, struct error *e)
{
    json_t *subject = json_object_get(given, "subject");
    if (!json_is_string(subject) || json_string_length(subject) > CONFERENCE_SUBJECT_MAX)
        return refuse("its subject is no text of up to 512 bytes", e);
    json_object_set(kept, "subject", subject);
    return OK;
}

static bool read_time(const json_t *value, time_t *at)
{
    struct tm tm = {0};
    const char *text = json_string_value(value);
    const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;
    if (!end || *end)
        return false;
    *at = timegm(&tm);
    return true;
}

static enum failure take_times(const json_t *given, json_t *kept, struct error *e)
{
    json_t *start = json_object_get(given, "start"), *end = json_object_get(given, "end");
    time_t from, until;
    if (!read_time(start, &from) || !read_time(end, &until) || until < from)
        return refuse("start and end are times like 2026-11-21T09:00:00Z, the one before the other",
                      e);
    json_object_set(kept, "start", start);
    json_object_set(kept, "end", end);
    return OK;
}

bool conference_has(const json_t *list, const char *id)
{
    size_t i;
    const json_t *one;
    json_array_foreach((json_t *)(uintptr_t)list, i, one)
    {
        if (strcmp(json_string_value(one), id) == 0)
            return true;
    }
    return false;
}

/* A user of this deployment, by address, becomes one by Id as well. */
static enum failure take_participant(struct visit *v, const char *text, json_t *addresses,
                                     json_t *ids, struct error *e)
{
    struct account account;
    uint64_t usn;
    char address[SIP_ADDRESS_SIZE];
    enum failure bad = sip_address_read(text, standing_domain(v->standing), address, e);
    if (!bad)
        bad = account_read(v->view, address, &account, &usn, e);
    if (bad == FAIL_NOT_FOUND) {
        fail(e, FAIL_INVALID, "There is no user %s.", address);
        error_kept(e, "Nothing was changed.");
        return error_next(e, "Participants are users of this deployment, by their addresses.");
    }
    if (bad || conference_has(ids, account.id) || strcmp(account.id, v->account.id) == 0)
        return bad;
    json_array_append_new(addresses, json_sprintf("sip:%s", address));
    json_array_append_new(ids, json_string(account.id));
    return OK;
}

static enum failure take_participants(struct visit *v, const json_t *given, json_t *kept,
                                      struct error *e)
{
    const json_t *list = json_object_get(given, CONFERENCE_PARTICIPANTS);
    size_t i;
    const json_t *one;
    if (list && (!json_is_array(list) || json_array_size(list) > CONFERENCE_PARTICIPANTS_MAX))
        return refuse("its participants are no list of up to 250 addresses", e);
    json_t *addresses = json_array(), *ids = json_array();
    json_object_set_new(kept, CONFERENCE_PARTICIPANTS, addresses);
    json_object_set_new(kept, CONFERENCE_IDS, ids);
    json_array_foreach((json_t *)(uintptr_t)list, i, one)
    {
        if (!json_is_string(one))
            return refuse("a participant is not named by an address", e);
        enum failure bad = take_participant(v, json_string_value(one), addresses, ids, e);
        if (bad)
            return bad;
    }
    return OK;
}

json_t *conference_take(struct visit *v, const char *id, struct error *e)
{
    OWNED(json_decref) json_t *given = visit_object(v, e), *kept = NULL;
    if (!given)
        return NULL;
    kept =
        json_pack("{s:s, s:o}", "id", id, "organiser", json_sprintf("sip:%s", v->account.address));
    if (take_subject(given, kept, e) || take_times(given, kept, e) ||
        take_participants(v, given, kept, e))
        return NULL;
    return TAKE(kept);
}
