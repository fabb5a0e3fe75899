#include "store/known.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "store/rewind.h"

enum part { PART_ROW, PART_ID, PART_HOLD };
enum { PARTS = PART_HOLD + 1 };

struct known_home {
    char name[HOME_NAME_SIZE];
    struct {
        uint64_t since; /* the commit that made it what it is, or a later one; 0: not known */
        bool changes;   /* by a commit that is under way */
    } parts[PARTS];
    struct home_row row; /* and the id */
    struct hold hold;
};

struct known {
    pthread_mutex_t lock; /* over all that follows */
    uint64_t commits;     /* a number for each home that one changed */
    size_t under_way;     /* homes that one is changing */
    struct known_home *homes[KNOWN_HOMES_MAX];
    size_t count;
};

struct known *known_new(void)
{
    struct known *known = xcalloc(1, sizeof *known);
    pthread_mutex_init(&known->lock, NULL);
    known->commits = 1;
    return known;
}

void known_free(struct known *known)
{
    for (size_t i = 0; i < known->count; i++)
        free(known->homes[i]);
    pthread_mutex_destroy(&known->lock);
    free(known);
}

uint64_t known_now(struct known *known)
{
    pthread_mutex_lock(&known->lock);
    uint64_t now = known->commits;
    pthread_mutex_unlock(&known->lock);
    return now;
}

static struct known_home *find(struct known *known, const char *home)
{
    for (size_t i = 0; i < known->count; i++) {
        if (strcmp(known->homes[i]->name, home) == 0)
            return known->homes[i];
    }
    return NULL;
}

static bool is_unknown(const struct known_home *h)
{
    bool unknown = true;
    for (int p = 0; p < PARTS; p++)
        unknown &= !h->parts[p].since && !h->parts[p].changes;
    return unknown;
}

/* The place of one that was dropped; NULL: there is none. */
static struct known_home *find_room(struct known *known)
{
    for (size_t i = 0; i < known->count; i++) {
        if (is_unknown(known->homes[i]))
            return known->homes[i];
    }
    if (known->count == KNOWN_HOMES_MAX)
        return NULL;
    return known->homes[known->count++] = xcalloc(1, sizeof(struct known_home));
}

/* NULL: it is one too many, or a tail, which changes with the home that it was part of. */
static struct known_home *find_or_add(struct known *known, const char *home)
{
    struct known_home *h = find(known, home);
    if (h || strncmp(home, HOME_TAIL, strlen(HOME_TAIL)) == 0)
        return h;
    h = find_room(known);
    if (h)
        memcpy(h->name, home, strlen(home) + 1);
    return h;
}

/* --- who reads --- */

/* The view saw all commits up to `at`, and may have seen any since, one that is under way included:
 * so it sees this part as it is here if none of those changes it. */
static const struct known_home *as_seen(struct known *known, uint64_t at, const char *home,
                                        enum part part)
{
    const struct known_home *h = find(known, home);
    return h && h->parts[part].since && h->parts[part].since <= at && !h->parts[part].changes
               ? h
               : NULL;
}

bool known_row(struct known *known, uint64_t at, const char *home, struct home_row *row)
{
    pthread_mutex_lock(&known->lock);
    const struct known_home *h = as_seen(known, at, home, PART_ROW);
    if (h)
        *row = h->row;
    pthread_mutex_unlock(&known->lock);
    return h;
}

bool known_id(struct known *known, uint64_t at, const char *home, int64_t *id)
{
    pthread_mutex_lock(&known->lock);
    const struct known_home *h = as_seen(known, at, home, PART_ID);
    if (h)
        *id = h->row.id;
    pthread_mutex_unlock(&known->lock);
    return h;
}

bool known_hold(struct known *known, uint64_t at, const char *home, struct hold *hold)
{
    pthread_mutex_lock(&known->lock);
    const struct known_home *h = as_seen(known, at, home, PART_HOLD);
    if (h)
        *hold = h->hold;
    pthread_mutex_unlock(&known->lock);
    return h;
}

uint64_t known_edition(struct known *known, uint64_t at, const char *home)
{
    pthread_mutex_lock(&known->lock);
    const struct known_home *h = as_seen(known, at, home, PART_ROW);
    uint64_t edition = h ? h->parts[PART_ROW].since : 0;
    pthread_mutex_unlock(&known->lock);
    return edition;
}

/* Only if it is still so: nobody says what was changed meanwhile of a home that is not here. */
static struct known_home *to_be_learned(struct known *known, uint64_t at, const char *home,
                                        enum part part)
{
    bool still = known->commits == at && known->under_way == 0;
    struct known_home *h = still ? find_or_add(known, home) : NULL;
    return h && !h->parts[part].since ? h : NULL;
}

void known_learn_row(struct known *known, uint64_t at, const char *home, const struct home_row *row)
{
    pthread_mutex_lock(&known->lock);
    struct known_home *h = to_be_learned(known, at, home, PART_ROW);
    if (h) {
        h->row = *row;
        h->parts[PART_ROW].since = h->parts[PART_ID].since = at;
    }
    pthread_mutex_unlock(&known->lock);
}

void known_learn_hold(struct known *known, uint64_t at, const struct hold *hold)
{
    pthread_mutex_lock(&known->lock);
    struct known_home *h = to_be_learned(known, at, hold->home, PART_HOLD);
    if (h) {
        h->hold = *hold;
        h->parts[PART_HOLD].since = at;
    }
    pthread_mutex_unlock(&known->lock);
}

void known_forget(struct known *known)
{
    pthread_mutex_lock(&known->lock);
    known->commits++;
    for (size_t i = 0; i < known->count; i++) {
        for (int p = 0; p < PARTS; p++)
            known->homes[i]->parts[p].since = 0;
    }
    pthread_mutex_unlock(&known->lock);
}

/* --- the writer --- */

static void change(struct known_home *h, bool row, bool rest)
{
    h->parts[PART_ROW].changes = row;
    h->parts[PART_ID].changes = h->parts[PART_HOLD].changes = rest;
}

void known_change(struct known *known, const char *home, bool remade)
{
    pthread_mutex_lock(&known->lock);
    struct known_home *h = find(known, home);
    if (h)
        change(h, true, remade);
    known->under_way++;
    pthread_mutex_unlock(&known->lock);
}

void known_settle_as_before(struct known *known, const char *home)
{
    pthread_mutex_lock(&known->lock);
    struct known_home *h = find(known, home);
    if (h)
        change(h, false, false);
    known->under_way--;
    pthread_mutex_unlock(&known->lock);
}

/* While it is still said which parts the commit changed. */
static void settle(struct known_home *h, enum part part, bool there, uint64_t commit)
{
    bool is_as_before = there && h->parts[part].since && !h->parts[part].changes;
    if (!is_as_before)
        h->parts[part].since = there ? commit : 0;
}

void known_settle(struct known *known, const char *home, const struct home_row *row,
                  const struct hold *hold)
{
    pthread_mutex_lock(&known->lock);
    struct known_home *h = find_or_add(known, home);
    known->commits++;
    known->under_way--;
    if (h) {
        h->row = *row;
        if (hold)
            h->hold = *hold;
        settle(h, PART_ROW, row->id, known->commits);
        settle(h, PART_ID, row->id, known->commits);
        settle(h, PART_HOLD, hold, known->commits);
        change(h, false, false);
    }
    pthread_mutex_unlock(&known->lock);
}
