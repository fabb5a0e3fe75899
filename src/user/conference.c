#include "user/conference.h"

#include <string.h>

#include "user/moment.h"

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

static enum failure take_times(const json_t *given, json_t *kept, struct error *e)
{
    json_t *start = json_object_get(given, "start"), *end = json_object_get(given, "end");
    time_t from, until;
    if (!moment_read(start, false, &from) || !moment_read(end, false, &until) || until < from)
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

static enum failure no_user(const char *address, struct error *e)
{
    fail(e, FAIL_INVALID, "There is no user %s.", address);
    error_kept(e, "Nothing was changed.");
    return error_next(e, "Participants are users of this deployment, by their addresses.");
}

/* A user of this deployment, by address, becomes one by Id as well. */
static enum failure take_participant(const struct conference_reader *r, const char *text,
                                     json_t *addresses, json_t *ids, struct error *e)
{
    struct account account;
    uint64_t usn;
    char address[SIP_ADDRESS_SIZE];
    enum failure bad = sip_address_read(text, r->sip_domain, address, e);
    bool readable = !bad;
    if (readable)
        bad = account_read(r->view, address, &account, &usn, e);
    if (r->strangers && (!readable || bad == FAIL_NOT_FOUND)) {
        ++*r->strangers;
        return OK;
    }
    if (bad == FAIL_NOT_FOUND)
        return no_user(address, e);
    if (bad || conference_has(ids, account.id) || strcmp(account.id, r->organiser->id) == 0)
        return bad;
    json_array_append_new(addresses, json_sprintf("sip:%s", address));
    json_array_append_new(ids, json_string(account.id));
    return OK;
}

static enum failure take_participants(const struct conference_reader *r, const json_t *given,
                                      json_t *kept, struct error *e)
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
        enum failure bad = take_participant(r, json_string_value(one), addresses, ids, e);
        if (bad)
            return bad;
    }
    return OK;
}

json_t *conference_read(const struct conference_reader *r, const char *id, const json_t *given,
                        struct error *e)
{
    OWNED(json_decref)
    json_t *kept = json_pack("{s:s, s:o}", CONFERENCE_ID, id, CONFERENCE_ORGANISER,
                             json_sprintf("sip:%s", r->organiser->address));
    if (take_subject(given, kept, e) || take_times(given, kept, e) ||
        take_participants(r, given, kept, e))
        return NULL;
    return TAKE(kept);
}

bool conference_id_valid(const char *id)
{
    return strlen(id) == CONFERENCE_ID_SIZE - 1 &&
           strspn(id, "0123456789abcdef") == CONFERENCE_ID_SIZE - 1;
}

static struct bytes invited_key(const char *participant, const char *id, char key[USER_KEY_SIZE])
{
    return bytes_of_text(user_key(participant, USER_INVITED, id, key));
}

void conference_invite(struct txn *txn, const char *organiser, const char *id, const json_t *before,
                       const json_t *after)
{
    char key[USER_KEY_SIZE];
    size_t i;
    const json_t *one;
    json_array_foreach((json_t *)(uintptr_t)after, i, one)
    {
        if (!conference_has(before, json_string_value(one)))
            txn_put(txn, MODULE_PRESENCE_FOCUS, invited_key(json_string_value(one), id, key),
                    bytes_of_text(organiser));
    }
    json_array_foreach((json_t *)(uintptr_t)before, i, one)
    {
        if (!conference_has(after, json_string_value(one)))
            txn_delete(txn, MODULE_PRESENCE_FOCUS, invited_key(json_string_value(one), id, key));
    }
}
