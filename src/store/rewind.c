#include "store/rewind.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/run.h"

/* Moved at once: what lies in memory meanwhile. */
enum { MOVED_ITEMS_MAX = 1000, MOVED_BYTES_MAX = 4 << 20 };

const char *tail_name(uint64_t id, char name[TAIL_NAME_SIZE])
{
    snprintf(name, TAIL_NAME_SIZE, HOME_TAIL "%016" PRIx64, id);
    return name;
}

enum { TAILS_RECORD_SIZE = HOME_NAME_SIZE + 8 };

static const char *record_name(const char *home, char name[TAILS_RECORD_SIZE])
{
    snprintf(name, TAILS_RECORD_SIZE, "tail/%s", home);
    return name;
}

enum failure tails_load(struct session *s, const char *home, struct tails *tails, struct error *e)
{
    char name[TAILS_RECORD_SIZE];
    OWNED(buffer_free) struct buffer encoded = {0};
    enum failure bad = record_load(s, record_name(home, name), &encoded, e);
    tails->count = 0;
    if (bad == FAIL_NOT_FOUND) {
        if (e)
            e->kind = OK;
        return OK;
    }
    return bad ? bad : tails_decode(tails, buffer_view(&encoded), e);
}

static enum failure tails_save(struct session *s, const char *home, const struct tails *tails,
                               struct error *e)
{
    char name[TAILS_RECORD_SIZE];
    OWNED(buffer_free) struct buffer encoded = {0};
    if (tails->count)
        tails_encode(tails, &encoded);
    return record_save(s, record_name(home, name), buffer_view(&encoded), e);
}

/* --- moving --- */

/* Items on their way from the one to the other; a key lies in `memory`, and its value behind it. */
struct moving {
    size_t count;
    struct moved {
        struct item item;
        struct item_hash hash;
        size_t at;
    } list[MOVED_ITEMS_MAX];
    struct buffer memory;
    struct run *run;
};

static bool take_one(const struct item *item, struct item_hash hash, void *context)
{
    struct moving *m = context;
    struct moved *moved = &m->list[m->count++];
    *moved = (struct moved){.item = *item, .hash = hash, .at = m->memory.size};
    buffer_raw(&m->memory, item->key.at, item->key.size);
    buffer_raw(&m->memory, item->value.at, item->value.size);
    return m->count < MOVED_ITEMS_MAX && m->memory.size < MOVED_BYTES_MAX;
}

static enum failure move_taken(struct session *s, struct home_row *from, struct home_row *to,
                               struct moving *m, struct error *e)
{
    enum failure bad = OK;
    for (size_t i = 0; !bad && i < m->count; i++) {
        struct item *item = &m->list[i].item;
        item->key.at = m->memory.at + m->list[i].at;
        item->value.at = m->memory.at + m->list[i].at + item->key.size;
        run_add(m->run, item, m->list[i].hash);
        digest_remove(&from->state.modules[item->module].digest, item, m->list[i].hash);
        bad = s->engine->ops->drop(s, from->id, item->version.usn, e);
    }
    return bad ? bad : run_write(m->run, s, to, e);
}

static enum failure move_beyond(struct session *s, struct home_row *from, struct home_row *to,
                                uint64_t usn, uint64_t *count, struct error *e)
{
    OWNED(free_memory) struct moving *m = xcalloc(1, sizeof *m);
    enum failure bad = OK;
    m->run = run_new();
    *count = 0;
    do {
        m->count = 0;
        buffer_clear(&m->memory);
        bad = s->engine->ops->walk_usn(s, from->id, usn, take_one, m, e);
        if (!bad)
            bad = move_taken(s, from, to, m, e);
        *count += m->count;
    } while (!bad && m->count);
    run_free(m->run);
    buffer_free(&m->memory);
    return bad;
}

/* --- what the copy is afterwards --- */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Is what lies beyond that point not all that there was? */
static bool is_part(const struct home_state *state, const struct tail *to)
{
    bool part = state->horizon > to->base.usn;
    for (int m = 0; m < MODULES; m++)
        part |= state->modules[m].whole_at.usn > state->modules[m].cookie.usn ||
                state->modules[m].comparing;
    return part;
}

/* Each module stands at that point, or where it stood before it. One that was not whole stays so:
 * what belongs between its cookie and that point may never come. One that was being compared must
 * be compared from the beginning: under another number, so that no late part of the old one counts.
 * And so must all where something is missing now that no batch brings: what was deleted beyond that
 * point, and that is forgotten; and where nobody salvages, whatever was changed beyond it. */
static void step_back(struct home_state *state, const char *home, const struct tail *tail,
                      bool refilled)
{
    bool lacks = refilled || state->horizon > tail->base.usn;
    for (int m = 0; m < MODULES; m++) {
        bool whole = state->modules[m].whole_at.usn <= state->modules[m].cookie.usn;
        if (state->modules[m].cookie.usn > tail->base.usn)
            state->modules[m].cookie = tail->base;
        if (whole)
            state->modules[m].whole_at = state->modules[m].cookie;
        if (state->modules[m].comparing || (lacks && module_belongs((enum module)m, home)))
            state->modules[m].comparing = tail->id;
        state->modules[m].compare_goal = least(state->modules[m].compare_goal, tail->base.usn);
    }
    state->head = least(state->head, tail->base.usn);
    state->horizon = least(state->horizon, tail->base.usn);
}

/* The tail that goes on, or a new one, still without items; and what lies in it. */
static enum failure open_tail(struct session *s, struct tails *tails, const struct tail *wanted,
                              struct tail **result, struct home_row *aside, struct error *e)
{
    char name[TAIL_NAME_SIZE];
    struct tail *tail = tails_open(tails);
    *result = tail;
    if (tail)
        return s->engine->ops->home_load(s, tail_name(tail->id, name), aside, e);
    assert(tails->count < TAILS_MAX);
    tail = *result = &tails->list[tails->count++];
    *tail = *wanted;
    tail->items = 0;
    *aside = (struct home_row){.state.head = tail->head};
    return s->engine->ops->home_save(s, tail_name(tail->id, name), aside, e);
}

static enum failure keep_tails(struct session *s, const char *home, struct home_row *row,
                               struct tails *tails, struct error *e)
{
    row->state.tails = (uint32_t)tails->count;
    row->state.going_back = tails_open(tails) != NULL;
    return tails_save(s, home, tails, e);
}

static enum failure keep_tail(struct session *s, const char *home, struct home_row *row,
                              struct tails *tails, struct home_row *aside, struct error *e)
{
    char name[TAIL_NAME_SIZE];
    const struct tail *tail = &tails->list[tails->count - 1];
    bool nothing = tail->items == 0;
    tail_name(tail->id, name);
    tails->count -= nothing;
    enum failure bad = nothing ? s->engine->ops->home_remove(s, name, aside->id, e)
                               : s->engine->ops->home_save(s, name, aside, e);
    return bad ? bad : keep_tails(s, home, row, tails, e);
}

enum failure rewind_home(struct session *s, const char *home, struct home_row *row,
                         const struct tail *to, bool refilled, struct error *e)
{
    OWNED(free_memory) struct tails *tails = xmalloc(sizeof *tails);
    struct home_row aside;
    struct tail *tail = NULL;
    uint64_t moved = 0;
    enum failure bad = tails_load(s, home, tails, e);
    if (!bad)
        bad = open_tail(s, tails, to, &tail, &aside, e);
    if (!bad)
        bad = move_beyond(s, row, &aside, to->base.usn, &moved, e);
    if (bad)
        return bad;
    tail->base = to->base;
    tail->open = to->open;
    tail->part |= is_part(&row->state, to);
    tail->items += moved;
    step_back(&row->state, home, to, refilled);
    return keep_tail(s, home, row, tails, &aside, e);
}

enum failure rewind_close(struct session *s, const char *home, struct home_row *row,
                          struct error *e)
{
    OWNED(free_memory) struct tails *tails = xmalloc(sizeof *tails);
    enum failure bad = row->state.going_back ? tails_load(s, home, tails, e) : OK;
    if (bad || !row->state.going_back)
        return bad;
    struct tail *tail = tails_open(tails);
    assert(tail);
    tail->open = false;
    return keep_tails(s, home, row, tails, e);
}

static enum failure drop_aside(struct session *s, uint64_t id, struct error *e)
{
    const struct engine_ops *ops = s->engine->ops;
    char name[TAIL_NAME_SIZE], dropped[HOME_NAME_SIZE];
    struct home_row aside = {0};
    enum failure bad = ops->home_load(s, tail_name(id, name), &aside, e);
    if (bad)
        return bad;
    snprintf(dropped, sizeof dropped, HOME_DROPPED "%" PRId64, aside.id);
    const struct home_row nothing = {.id = aside.id};
    return ops->home_rename(s, name, dropped, &nothing, e);
}

enum failure rewind_forget(struct session *s, const char *home, struct home_row *row, uint64_t id,
                           struct error *e)
{
    OWNED(free_memory) struct tails *tails = xmalloc(sizeof *tails);
    enum failure bad = tails_load(s, home, tails, e);
    if (bad)
        return bad;
    size_t kept = 0;
    for (size_t i = 0; i < tails->count; i++) {
        if (tails->list[i].id != id)
            tails->list[kept++] = tails->list[i];
    }
    assert(kept + 1 == tails->count);
    tails->count = kept;
    bad = keep_tails(s, home, row, tails, e);
    return bad ? bad : drop_aside(s, id, e);
}
