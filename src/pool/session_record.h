/* A session record: that a user signed on or off, or joined or left a conference. It has an id from
 * the moment that it happened, so that whoever keeps it twice has it once. */
#ifndef POLLUX_POOL_SESSION_RECORD_H
#define POLLUX_POOL_SESSION_RECORD_H

#include "core/limits.h"
#include "pool/account.h"

enum {
    /* When it happened, in milliseconds, with 16 hexadecimal figures; how many there were before it
     * on its machine, and a random number, with 8 each. The order of the ids is that of the time,
     * within a millisecond as well. */
    SESSION_RECORD_ID_SIZE = 34,
    SESSION_LABEL_SIZE = 17,
    SESSION_RECORD_VALUE_MAX = 1024, /* what is told of it, as JSON; all of it is short */
};

enum session_event {
    SESSION_SIGNED_ON,
    SESSION_SIGNED_OFF,
    SESSION_JOINED, /* a conference */
    SESSION_LEFT,
};

/* What is told of it. Lent. */
struct session_note {
    enum session_event event;
    const char *home;       /* of the user */
    const char *user;       /* his Id */
    const char *session;    /* a label that the records of one session have in common */
    const char *way;        /* "HTTPS" */
    const char *why;        /* of a session's end; or NULL */
    const char *conference; /* or NULL */
};

struct session_record {
    char home[HOME_NAME_SIZE];
    char user[ACCOUNT_ID_SIZE];
    char id[SESSION_RECORD_ID_SIZE];
    char value[SESSION_RECORD_VALUE_MAX];
};

/* `count` grows with each; `dice` is a random number. */
void session_record_make(const struct session_note *note, const char *machine, uint64_t wall_ms,
                         uint32_t count, uint32_t dice, struct session_record *record);

/* As bytes, for the queue's file and for the way to another pool. */
void session_record_encode(const struct session_record *record, struct buffer *out);
/* False: it makes no sense. */
bool session_record_decode(struct cursor *in, struct session_record *record);

#endif
