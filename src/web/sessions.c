#include "web/sessions.h"

#include <assert.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "base/random.h"

enum { BUCKETS = 1 << 15, HASH_SIZE = 32 };

/* A place in a ring; the ring's own head has no session. */
struct link {
    struct link *before, *after;
};

struct home {
    struct home *next;
    struct link sessions; /* the one opened last comes last */
    size_t count, ending; /* these were opened before it was left */
    uint32_t left;        /* how often it was */
    char name[FQDN_SIZE];
};

struct user {
    struct user *next; /* in its bucket */
    struct home *home;
    struct link sessions; /* the one used last comes last */
    size_t count;
    char id[ACCOUNT_ID_SIZE];
    char address[]; /* as it was at the last sign-on */
};

struct session {
    struct link by_age; /* first: the one unused longest */
    struct link of_user, of_home;
    struct session *next; /* in its bucket */
    struct user *user;
    uint64_t opened_ms, used_ms;
    struct version secret;
    uint32_t
        left; /* how often its home had been left before: less often than by now, and it ends */
    char **conferences; /* that it is in */
    size_t conference_count;
    unsigned char hash[HASH_SIZE];
};

#define SESSION_OF(link, member)                                                                   \
    ((struct session *)((char *)(link)-offsetof(struct session, member)))

struct sessions {
    pthread_mutex_t lock;
    struct link by_age;
    struct home *homes; /* a pool's own, its partner's: a handful */
    size_t count;
    sessions_ended *ended;
    void *context;
    EVP_MD *sha256; /* to look it up each time costs more than the hash */
    struct session *by_hash[BUCKETS];
    struct user *users[BUCKETS];
};

/* --- rings --- */

static void ring_begin(struct link *head)
{
    head->before = head->after = head;
}

static void ring_add_last(struct link *head, struct link *one)
{
    one->before = head->before;
    one->after = head;
    head->before->after = one;
    head->before = one;
}

static void ring_remove(struct link *one)
{
    one->before->after = one->after;
    one->after->before = one->before;
}

/* --- the parts --- */

/* Hashes of random numbers and account Ids, which are random: nobody chooses a bucket. */
static size_t bucket_of(const unsigned char hash[HASH_SIZE])
{
    uint32_t number;
    memcpy(&number, hash, sizeof number);
    return number % BUCKETS;
}

static void hash_text(const struct sessions *s, const char *text, unsigned char hash[HASH_SIZE])
{
    if (!EVP_Digest(text, strlen(text), hash, NULL, s->sha256, NULL))
        abort(); /* for lack of memory: it is none that a caller could do without */
}

static size_t bucket_of_user(const struct sessions *s, const char *id)
{
    unsigned char hash[HASH_SIZE];
    hash_text(s, id, hash);
    return bucket_of(hash);
}

static struct home *home_of(struct sessions *s, const char *name, bool make)
{
    for (struct home *home = s->homes; home; home = home->next) {
        if (strcmp(home->name, name) == 0)
            return home;
    }
    if (!make)
        return NULL;
    struct home *home = xcalloc(1, sizeof *home);
    snprintf(home->name, sizeof home->name, "%s", name);
    ring_begin(&home->sessions);
    home->next = s->homes;
    return s->homes = home;
}

static struct user **place_of_user(struct sessions *s, const char *id)
{
    struct user **at = &s->users[bucket_of_user(s, id)];
    while (*at && strcmp((*at)->id, id) != 0)
        at = &(*at)->next;
    return at;
}

static struct user *user_new(struct home *home, const struct account *account)
{
    size_t size = strlen(account->address) + 1;
    struct user *user = xcalloc(1, sizeof *user + size);
    user->home = home;
    memcpy(user->id, account->id, sizeof user->id);
    memcpy(user->address, account->address, size);
    ring_begin(&user->sessions);
    return user;
}

static struct session **place_of(struct sessions *s, const unsigned char hash[HASH_SIZE])
{
    struct session **at = &s->by_hash[bucket_of(hash)];
    while (*at && memcmp((*at)->hash, hash, HASH_SIZE) != 0)
        at = &(*at)->next;
    return at;
}

static uint64_t idle_ends(const struct session *one)
{
    return one->used_ms + SESSION_IDLE_MS;
}

static uint64_t life_ends(const struct session *one)
{
    return one->opened_ms + SESSION_LIFE_MS;
}

/* Half of a hash of a random number: it says nothing of that. */
static void write_label(const struct session *one, char label[SESSION_LABEL_SIZE])
{
    for (size_t i = 0; i < SESSION_LABEL_SIZE / 2; i++)
        snprintf(label + 2 * i, 3, "%02x", one->hash[i]);
}

static bool was_left(const struct session *one)
{
    return one->left != one->user->home->left;
}

static void tell_facts(const struct session *one, struct session_facts *facts)
{
    const struct user *user = one->user;
    *facts = (struct session_facts){.secret = one->secret,
                                    .opened_ms = one->opened_ms,
                                    .idle_ends_ms = idle_ends(one),
                                    .life_ends_ms = life_ends(one)};
    memcpy(facts->user, user->id, sizeof facts->user);
    snprintf(facts->address, sizeof facts->address, "%s", user->address);
    snprintf(facts->home, sizeof facts->home, "%s", user->home->name);
    write_label(one, facts->label);
}

static void forget_conferences(struct session *one)
{
    for (size_t i = 0; i < one->conference_count; i++)
        free(one->conferences[i]);
    free(one->conferences);
}

static void take_out(struct sessions *s, struct session *one)
{
    struct user *user = one->user;
    struct session **at = place_of(s, one->hash);
    assert(*at == one);
    *at = one->next;
    ring_remove(&one->by_age);
    ring_remove(&one->of_home);
    ring_remove(&one->of_user);
    user->home->count--;
    user->home->ending -= was_left(one);
    s->count--;
    forget_conferences(one);
    free(one);
    if (--user->count)
        return;
    struct user **place = place_of_user(s, user->id);
    assert(*place == user);
    *place = user->next;
    free(user);
}

static void end(struct sessions *s, struct session *one, enum session_end why)
{
    struct session_facts facts;
    tell_facts(one, &facts);
    if (s->ended)
        s->ended(&facts, why, (const char *const *)one->conferences, one->conference_count,
                 s->context);
    take_out(s, one);
}

static void end_all_of(struct sessions *s, struct user *user, enum session_end why)
{
    for (size_t left = user->count; left; left--)
        end(s, SESSION_OF(user->sessions.after, of_user), why);
}

/* --- from outside --- */

struct sessions *sessions_new(void)
{
    struct sessions *s = xcalloc(1, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    s->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!s->sha256)
        abort(); /* nobody can be signed on without */
    ring_begin(&s->by_age);
    return s;
}

void sessions_on_ended(struct sessions *s, sessions_ended *ended, void *context)
{
    s->ended = ended;
    s->context = context;
}

void sessions_free(struct sessions *s)
{
    if (!s)
        return;
    while (s->count)
        take_out(s, SESSION_OF(s->by_age.after, by_age));
    while (s->homes) {
        struct home *home = s->homes;
        s->homes = home->next;
        free(home);
    }
    EVP_MD_free(s->sha256);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static void draw_token(char token[SESSION_TOKEN_SIZE])
{
    snprintf(token, SESSION_TOKEN_SIZE, "%016" PRIx64 "%016" PRIx64 "%016" PRIx64 "%016" PRIx64,
             random_u64(), random_u64(), random_u64(), random_u64());
}

/* With the lock held: the user as this sign-on has it. Sessions of another home were begun before
 * the account moved, and end. */
static struct user *user_for(struct sessions *s, const struct account *account)
{
    struct user *user = *place_of_user(s, account->id);
    if (user && (strcmp(user->home->name, account->pool) != 0 ||
                 strcmp(user->address, account->address) != 0)) {
        end_all_of(s, user, SESSION_END_ACCOUNT);
        user = NULL;
    }
    if (user && user->count == SESSIONS_PER_USER_MAX) {
        end(s, SESSION_OF(user->sessions.after, of_user), SESSION_END_REPLACED);
    } else if (!user) {
        user = user_new(home_of(s, account->pool, true), account);
        struct user **at = &s->users[bucket_of_user(s, account->id)];
        user->next = *at;
        *at = user;
    }
    return user;
}

static void add(struct sessions *s, struct user *user, struct version secret, const char *token,
                uint64_t now_ms)
{
    struct session *one = xcalloc(1, sizeof *one);
    one->user = user;
    one->secret = secret;
    one->opened_ms = one->used_ms = now_ms;
    one->left = user->home->left;
    hash_text(s, token, one->hash);
    struct session **at = &s->by_hash[bucket_of(one->hash)];
    one->next = *at;
    *at = one;
    ring_add_last(&s->by_age, &one->by_age);
    ring_add_last(&user->sessions, &one->of_user);
    ring_add_last(&user->home->sessions, &one->of_home);
    user->count++;
    user->home->count++;
    s->count++;
}

enum failure sessions_open(struct sessions *s, const struct account *account, struct version secret,
                           uint64_t now_ms, char token[SESSION_TOKEN_SIZE], struct error *e)
{
    draw_token(token);
    pthread_mutex_lock(&s->lock);
    bool room = s->count < SESSIONS_MAX;
    if (room)
        add(s, user_for(s, account), secret, token, now_ms);
    pthread_mutex_unlock(&s->lock);
    if (room)
        return OK;
    fail(e, FAIL_BUSY, "%d users are signed on at this machine; it takes no more.", SESSIONS_MAX);
    return error_next(e, "Try again later, or at another machine of this pool.");
}

static bool is_over(const struct session *one, uint64_t now_ms, enum session_end *why)
{
    if (was_left(one))
        *why = SESSION_END_ELSEWHERE;
    else if (now_ms >= life_ends(one))
        *why = SESSION_END_LIFE;
    else if (now_ms >= idle_ends(one))
        *why = SESSION_END_IDLE;
    else
        return false;
    return true;
}

bool sessions_use(struct sessions *s, const char *token, uint64_t now_ms,
                  struct session_facts *facts)
{
    unsigned char hash[HASH_SIZE];
    hash_text(s, token, hash);
    pthread_mutex_lock(&s->lock);
    struct session *one = *place_of(s, hash);
    enum session_end why;
    if (one && is_over(one, now_ms, &why)) {
        end(s, one, why);
        one = NULL;
    }
    if (one) {
        one->used_ms = now_ms;
        ring_remove(&one->by_age);
        ring_add_last(&s->by_age, &one->by_age);
        ring_remove(&one->of_user);
        ring_add_last(&one->user->sessions, &one->of_user);
        tell_facts(one, facts);
    }
    pthread_mutex_unlock(&s->lock);
    return one;
}

bool sessions_end(struct sessions *s, const char *token, enum session_end why)
{
    unsigned char hash[HASH_SIZE];
    hash_text(s, token, hash);
    pthread_mutex_lock(&s->lock);
    struct session *one = *place_of(s, hash);
    if (one)
        end(s, one, why);
    pthread_mutex_unlock(&s->lock);
    return one;
}

/* --- conferences --- */

static size_t place_in(const struct session *one, const char *conference)
{
    size_t i = 0;
    while (i < one->conference_count && strcmp(one->conferences[i], conference) != 0)
        i++;
    return i;
}

static enum failure join(struct session *one, const char *conference, bool *news, struct error *e)
{
    if (!one)
        return FAIL_NOT_FOUND;
    *news = place_in(one, conference) == one->conference_count;
    if (!*news)
        return OK;
    if (one->conference_count == SESSION_CONFERENCES_MAX) {
        fail(e, FAIL_BUSY, "This session is in %d conferences already.", SESSION_CONFERENCES_MAX);
        error_kept(e, "Nothing was changed.");
        return error_next(e, "Leave one of them.");
    }
    one->conferences =
        xrealloc(one->conferences, (one->conference_count + 1) * sizeof *one->conferences);
    one->conferences[one->conference_count++] = xstrdup(conference);
    return OK;
}

enum failure sessions_join(struct sessions *s, const char *token, const char *conference,
                           bool *news, struct error *e)
{
    unsigned char hash[HASH_SIZE];
    hash_text(s, token, hash);
    pthread_mutex_lock(&s->lock);
    enum failure bad = join(*place_of(s, hash), conference, news, e);
    pthread_mutex_unlock(&s->lock);
    return bad;
}

bool sessions_leave(struct sessions *s, const char *token, const char *conference)
{
    unsigned char hash[HASH_SIZE];
    hash_text(s, token, hash);
    pthread_mutex_lock(&s->lock);
    struct session *one = *place_of(s, hash);
    size_t i = one ? place_in(one, conference) : 0;
    bool was_in = one && i < one->conference_count;
    if (was_in) {
        free(one->conferences[i]);
        one->conferences[i] = one->conferences[--one->conference_count];
    }
    pthread_mutex_unlock(&s->lock);
    return was_in;
}

size_t sessions_home_left(struct sessions *s, const char *name)
{
    pthread_mutex_lock(&s->lock);
    struct home *home = home_of(s, name, false);
    size_t news = home ? home->count - home->ending : 0;
    if (news) {
        home->left++;
        home->ending = home->count;
    }
    pthread_mutex_unlock(&s->lock);
    return news;
}

bool sessions_end_some(struct sessions *s, size_t max)
{
    bool more = false;
    pthread_mutex_lock(&s->lock);
    for (struct home *home = s->homes; home; home = home->next) {
        for (; max && home->ending; max--)
            end(s, SESSION_OF(home->sessions.after, of_home), SESSION_END_ELSEWHERE);
        more = more || home->ending;
    }
    pthread_mutex_unlock(&s->lock);
    return more;
}

void sessions_tidy(struct sessions *s, uint64_t now_ms)
{
    pthread_mutex_lock(&s->lock);
    while (s->count && now_ms >= idle_ends(SESSION_OF(s->by_age.after, by_age)))
        end(s, SESSION_OF(s->by_age.after, by_age), SESSION_END_IDLE);
    pthread_mutex_unlock(&s->lock);
}

size_t sessions_count(struct sessions *s, const char *name)
{
    pthread_mutex_lock(&s->lock);
    const struct home *home = name ? home_of(s, name, false) : NULL;
    size_t count = !name ? s->count : home ? home->count : 0;
    pthread_mutex_unlock(&s->lock);
    return count;
}
