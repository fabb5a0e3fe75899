#include "user/presence.h"

#include <string.h>

#include "base/memory.h"
#include "user/moment.h"

DEFINE_OWNED(json_t *, json_decref)

static const char activity[] = "activity", note[] = "note", since[] = "time";
static const char *const availabilities[] = {"Available",   "Busy", "DoNotDisturb",
                                             "BeRightBack", "Away", "Offline"};

static bool take_text(const json_t *given, const char *name, size_t max, json_t *kept)
{
    json_t *text = json_object_get(given, name);
    if (!text || json_is_null(text))
        return true;
    if (!json_is_string(text) || json_string_length(text) > max)
        return false;
    json_object_set(kept, name, text);
    return true;
}

static bool take_availability(const json_t *given, json_t *kept)
{
    json_t *word = json_object_get(given, PRESENCE_AVAILABILITY);
    for (size_t i = 0; json_is_string(word) && i < COUNT_OF(availabilities); i++) {
        if (strcmp(json_string_value(word), availabilities[i]) == 0)
            return json_object_set(kept, PRESENCE_AVAILABILITY, word) == 0;
    }
    return false;
}

json_t *presence_read(const json_t *given, const char *time, struct error *e)
{
    OWNED(json_decref) json_t *kept = json_object();
    if (take_availability(given, kept) && take_text(given, activity, PRESENCE_ACTIVITY_MAX, kept) &&
        take_text(given, note, PRESENCE_NOTE_MAX, kept)) {
        json_object_set_new(kept, since, json_string(time));
        return TAKE(kept);
    }
    fail(e, FAIL_INVALID, "This is no presence.");
    error_kept(e, "Nothing was changed.");
    error_next(e,
               PRESENCE_AVAILABILITY
               " is Available, Busy, DoNotDisturb, BeRightBack, Away or Offline; "
               "activity is a text of up to %d bytes, note one of up to %d.",
               PRESENCE_ACTIVITY_MAX, PRESENCE_NOTE_MAX);
    return NULL;
}

json_t *presence_read_kept(const json_t *given, struct error *e)
{
    const json_t *time = json_object_get(given, since);
    time_t at;
    if (moment_read(time, true, &at))
        return presence_read(given, json_string_value(time), e);
    fail(e, FAIL_INVALID, "This is no presence: its time is none.");
    error_next(e, "A time looks like this: 2026-11-21T09:00:00.000Z");
    return NULL;
}
