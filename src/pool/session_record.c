#include "pool/session_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = {
    [SESSION_SIGNED_ON] = "SignedOn",
    [SESSION_SIGNED_OFF] = "SignedOff",
    [SESSION_JOINED] = "JoinedConference",
    [SESSION_LEFT] = "LeftConference",
};

static void set_if_any(json_t *object, const char *name, const char *text)
{
    if (text)
        json_object_set_new(object, name, json_string(text));
}

void session_record_make(const struct session_note *note, const char *machine, uint64_t wall_ms,
                         uint32_t count, uint32_t dice, struct session_record *record)
{
    char time[CLOCK_TEXT_MAX];
    json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:s}", "event", names[note->event], "time",
                               clock_wall_text(wall_ms, time), "session", note->session, "way",
                               note->way, "machine", machine);
    set_if_any(object, "why", note->why);
    set_if_any(object, "conference", note->conference);
    OWNED(free_memory) char *text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    memset(record, 0, sizeof *record);
    snprintf(record->home, sizeof record->home, "%s", note->home);
    snprintf(record->user, sizeof record->user, "%s", note->user);
    snprintf(record->id, sizeof record->id, "%016" PRIx64 "-%08" PRIx32 "%08" PRIx32, wall_ms,
             count, dice);
    snprintf(record->value, sizeof record->value, "%s", text);
}

void session_record_encode(const struct session_record *record, struct buffer *out)
{
    buffer_text(out, record->home);
    buffer_text(out, record->user);
    buffer_text(out, record->id);
    buffer_text(out, record->value);
}

static bool is_hex(const char *text, size_t size)
{
    return strlen(text) == size && strspn(text, "0123456789abcdef") == size;
}

static bool is_id(const char *text)
{
    return strlen(text) == SESSION_RECORD_ID_SIZE - 1 && text[16] == '-' &&
           strspn(text, "0123456789abcdef") == 16 && is_hex(text + 17, 16);
}

static bool is_object(const char *text)
{
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    bool is = json_is_object(object);
    json_decref(object);
    return is;
}

bool session_record_decode(struct cursor *in, struct session_record *record)
{
    cursor_text(in, record->home, sizeof record->home);
    cursor_text(in, record->user, sizeof record->user);
    cursor_text(in, record->id, sizeof record->id);
    cursor_text(in, record->value, sizeof record->value);
    return !in->bad && is_hex(record->user, ACCOUNT_ID_SIZE - 1) && is_id(record->id) &&
           is_object(record->value);
}
