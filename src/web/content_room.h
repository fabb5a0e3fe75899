/* How much of a conference's room is taken by uploads that arrive, or wait for their turn, so that
 * many of them can't fill the disk with what will be refused; and how many somebody has at once.
 * Whether there is room for the one that has its turn, the conference's manifests say. In memory:
 * an upload does not outlive its process. Any thread. */
#ifndef POLLUX_WEB_CONTENT_ROOM_H
#define POLLUX_WEB_CONTENT_ROOM_H

#include "user/conference.h"

enum {
    UPLOADS_MAX = 64,        /* at once: each has a thread, and HTTP_INBOX_BYTES */
    UPLOADS_OF_ONE_MAX = 40, /* of one user: the others are for others */
};

struct content_room;
struct content_room *content_room_new(void);
void content_room_free(struct content_room *room);

/* The part of one upload. */
struct room_share;
/* FAIL_REFUSED if the user has too many uploads already. Lent until it is given back. */
struct room_share *room_take(struct content_room *room, const char *user, const char *conference,
                             struct error *e);
void room_give_back(struct room_share *share); /* NULL does nothing */
/* So many bytes more; false: all uploads to this conference together would be above `max`. Then
 * this one has none any more, or those that are refused would keep each other out. */
bool room_grow(struct room_share *share, uint64_t bytes, uint64_t max);

#endif
