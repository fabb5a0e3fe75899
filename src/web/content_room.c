#include "web/content_room.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct room_share {
    struct content_room *room;
    bool taken;
    char user[ACCOUNT_ID_SIZE];
    char conference[CONFERENCE_ID_SIZE];
    uint64_t bytes;
};

struct content_room {
    pthread_mutex_t lock;
    struct room_share shares[UPLOADS_MAX];
};

struct content_room *content_room_new(void)
{
    struct content_room *room = xcalloc(1, sizeof *room);
    pthread_mutex_init(&room->lock, NULL);
    return room;
}

void content_room_free(struct content_room *room)
{
    if (!room)
        return;
    pthread_mutex_destroy(&room->lock);
    free(room);
}

static enum failure too_many(struct error *e)
{
    fail(e, FAIL_REFUSED, "Too many files are being uploaded at once.");
    error_kept(e, "Nothing was changed.");
    return error_next(e, "Wait until one of them is done.");
}

/* With the lock held: a free one, unless this user has enough. */
static struct room_share *find_free(struct content_room *room, const char *user)
{
    struct room_share *found = NULL;
    size_t own = 0;
    for (size_t i = 0; i < UPLOADS_MAX; i++) {
        struct room_share *share = &room->shares[i];
        if (!share->taken)
            found = share;
        else if (strcmp(share->user, user) == 0)
            own++;
    }
    return own < UPLOADS_OF_ONE_MAX ? found : NULL;
}

struct room_share *room_take(struct content_room *room, const char *user, const char *conference,
                             struct error *e)
{
    pthread_mutex_lock(&room->lock);
    struct room_share *share = find_free(room, user);
    if (share) {
        *share = (struct room_share){.room = room, .taken = true};
        snprintf(share->user, sizeof share->user, "%s", user);
        snprintf(share->conference, sizeof share->conference, "%s", conference);
    }
    pthread_mutex_unlock(&room->lock);
    if (!share)
        too_many(e);
    return share;
}

void room_give_back(struct room_share *share)
{
    if (!share)
        return;
    struct content_room *room = share->room;
    pthread_mutex_lock(&room->lock);
    assert(share->taken);
    share->taken = false;
    pthread_mutex_unlock(&room->lock);
}

bool room_grow(struct room_share *share, uint64_t bytes, uint64_t max)
{
    struct content_room *room = share->room;
    uint64_t sum = bytes;
    pthread_mutex_lock(&room->lock);
    for (size_t i = 0; i < UPLOADS_MAX; i++) {
        const struct room_share *other = &room->shares[i];
        if (other->taken && strcmp(other->conference, share->conference) == 0)
            sum += other->bytes;
    }
    bool fits = sum <= max;
    share->bytes = fits ? share->bytes + bytes : 0;
    pthread_mutex_unlock(&room->lock);
    return fits;
}
