/* A conference as its organiser's client writes it, and what is kept of that: an item of its
 * organiser, and for each participant one of his own that says whose it is, written in the same
 * transaction, so that nobody has to look through everybody's conferences to find his. Participants
 * are known by their accounts' Ids; what is shown are their addresses as they were when the
 * organiser wrote them. */
#ifndef POLLUX_USER_CONFERENCE_H
#define POLLUX_USER_CONFERENCE_H

#include <jansson.h>

#include "pool/account.h"
#include "user/items.h"

enum {
    CONFERENCE_PARTICIPANTS_MAX = 250, /* as in the original */
    CONFERENCE_SUBJECT_MAX = 512,      /* bytes */
    CONFERENCE_ID_SIZE = 33,
};

/* Members of what is kept: participants by the addresses that are shown, and, in the same order, by
 * the Ids that count. */
#define CONFERENCE_ID           "id"
#define CONFERENCE_ORGANISER    "organiser"
#define CONFERENCE_PARTICIPANTS "participants"
#define CONFERENCE_IDS          "ids"

struct conference_reader {
    struct view *view; /* of `central`, which says who is a user */
    const char *sip_domain;
    const struct account *organiser;
    /* Participants who are no users: NULL: they are refused; else left out, and counted here. */
    size_t *strangers;
};

bool conference_id_valid(const char *id);

/* What is kept of it; owned by the caller. NULL: it is none. */
json_t *conference_read(const struct conference_reader *r, const char *id, const json_t *given,
                        struct error *e);

/* Is this account's Id in the list (which may be NULL)? */
bool conference_has(const json_t *ids, const char *id);

/* Those who take part now learn of it, those who no longer do forget it. */
void conference_invite(struct txn *txn, const char *organiser, const char *id,
                       const json_t *ids_before, const json_t *ids_after);

#endif
