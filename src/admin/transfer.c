#include "admin/transfer.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "base/clock.h"
#include "base/random.h"

struct transfer {
    struct call *call;
    char id[TRANSFER_ID_SIZE];
    uint64_t size;
    pthread_mutex_t lock;
    pthread_cond_t came;
    uint64_t number;    /* of the part that was asked for last */
    bool arrived;       /* it is there */
    struct buffer part; /* the thread's as soon as it is */
    uint64_t position;
    char trouble[ERROR_TEXT_MAX]; /* "": none */
};

/* The loop's. */
static struct transfer *under_way[TRANSFERS_MAX];

/* --- on the loop --- */

static struct transfer **place_of_id(const char *id)
{
    for (size_t i = 0; i < TRANSFERS_MAX; i++) {
        if (under_way[i] ? id && strcmp(under_way[i]->id, id) == 0 : !id)
            return &under_way[i];
    }
    return NULL;
}

struct transfer *transfer_begin(struct call *call, struct error *e)
{
    struct transfer **place = place_of_id(NULL);
    if (!place) {
        fail(e, FAIL_BUSY, "%d commands with files are under way on this machine already.",
             TRANSFERS_MAX);
        error_kept(e, "Nothing was done.");
        error_next(e, "Try again when one of them has ended.");
        return NULL;
    }
    struct transfer *t = *place = xcalloc(1, sizeof *t);
    t->call = call;
    t->size = (uint64_t)json_integer_value(call_value(call, "FileSize"));
    snprintf(t->id, sizeof t->id, "%016" PRIx64 "%016" PRIx64, random_u64(), random_u64());
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->came, NULL);
    return t;
}

void transfer_end(struct transfer *t)
{
    *place_of_id(t->id) = NULL;
    pthread_cond_destroy(&t->came);
    pthread_mutex_destroy(&t->lock);
    buffer_free(&t->part);
    free(t);
}

static enum failure decode(const char *text, struct buffer *part, struct error *e)
{
    size_t size = strlen(text);
    buffer_clear(part);
    if (size == 0)
        return OK;
    buffer_reserve(part, size);
    int length = EVP_DecodeBlock((unsigned char *)part->at, (const unsigned char *)text, (int)size);
    if (length < 0 || size % 4)
        return fail(e, FAIL_INVALID, "The part is not base64.");
    part->size = (size_t)length - (text[size - 1] == '=') - (text[size - 2] == '=');
    return OK;
}

/* What is asked for is the asker's alone, and comes once. */
static enum failure hand_over(struct transfer *t, const struct call *part, struct error *e)
{
    const char *content = call_text(part, "Content"), *trouble = call_text(part, "Trouble");
    uint64_t number = (uint64_t)json_integer_value(call_value(part, "Part"));
    bool same = t && call_command(t->call) == call_command(part) &&
                strcmp(call_caller(t->call)->account, call_caller(part)->account) == 0;
    if (!same || t->arrived || number != t->number || !content) {
        fail(e, FAIL_CONFLICT, "Nobody asked for this part of a file.");
        return error_kept(e, "It was not used.");
    }
    enum failure bad = decode(content, &t->part, e);
    snprintf(t->trouble, sizeof t->trouble, "%s", trouble ? trouble : "");
    t->position = (uint64_t)json_integer_value(call_value(part, "Position"));
    t->arrived = !bad;
    return bad;
}

bool transfer_take(struct call *call)
{
    const char *id = call_text(call, "Transfer");
    if (!id)
        return false;
    struct error e;
    struct transfer **place = place_of_id(id), *t = place ? *place : NULL;
    if (t)
        pthread_mutex_lock(&t->lock);
    enum failure bad = hand_over(t, call, &e);
    if (t) {
        pthread_cond_signal(&t->came);
        pthread_mutex_unlock(&t->lock);
    }
    if (bad) {
        call_fail(call, &e);
    } else {
        call_be_part(call);
        call_end(call);
    }
    return true;
}

/* --- on the thread --- */

static void wait_a_little(struct transfer *t)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += CALL_TICK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_clockwait(&t->came, &t->lock, CLOCK_MONOTONIC, &until);
}

enum failure transfer_next(struct transfer *t, struct bytes *part, struct error *e)
{
    uint64_t asked_ms = clock_ms();
    pthread_mutex_lock(&t->lock);
    t->arrived = false;
    uint64_t number = ++t->number;
    pthread_mutex_unlock(&t->lock);
    call_want_part(t->call, t->id, number);
    pthread_mutex_lock(&t->lock);
    while (!t->arrived && !call_is_unwanted(t->call) &&
           clock_ms() - asked_ms < TRANSFER_WAIT_MS_MAX)
        wait_a_little(t);
    bool arrived = t->arrived;
    pthread_mutex_unlock(&t->lock);
    *part = buffer_view(&t->part);
    if (call_is_unwanted(t->call))
        return fail(e, FAIL_STOPPING, "Nobody waits for the answer any more.");
    if (!arrived)
        return fail(e, FAIL_DEADLINE, "No more of the file came for %d seconds.",
                    TRANSFER_WAIT_MS_MAX / 1000);
    return t->trouble[0] ? fail(e, FAIL_IO, "%s", t->trouble) : OK;
}

void transfer_position(const struct transfer *t, uint64_t *done, uint64_t *total)
{
    *done = t->position;
    *total = t->size;
}
