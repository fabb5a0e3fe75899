/* Two engines live the same life, at random: what either has to show for it must be the same. The
 * one in memory is simple enough to be believed; SQLite leaves what was replaced where it is. */
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/limits.h"
#include "store/memory.h"
#include "store/sqlite.h"
#include "store_check.h"

enum { ENGINES = 2, STEPS = 300, LIVES = 16, TAIL_ID = 100, KEY_SIZE = ITEM_KEY_MAX };

/* What differs between lives: how many keys there are, and how long they are, for with long ones
 * few neighbours share a leaf; how much is done at once; and how many replaced rows may lie about.
 */
static const struct kind_of_life {
    unsigned keys;
    int key_size;
    unsigned many;
    int64_t replaced_max;
} kinds[] = {
    {24, 0, 8, 0}, {24, 0, 8, 1}, {24, 0, 8, 10}, {200, 500, 80, 10}, {40, ITEM_KEY_MAX, 30, 0},
};
static const struct kind_of_life *kind;

static char folder[] = "/tmp/pollux-engines-XXXXXX";
static char path[64];
static struct store *stores[ENGINES];
static uint64_t dice;

static uint64_t roll(uint64_t sides)
{
    dice = dice * 6364136223846793005u + 1442695040888963407u;
    return (dice >> 33) % sides;
}

static void remove_files(void)
{
    const char *const ends[] = {"",      "-wal",   "-shm",           "-journal",
                                ".lock", ".spare", ".spare-replaced"};
    for (size_t i = 0; i < COUNT_OF(ends); i++) {
        char file[80];
        snprintf(file, sizeof file, "%s%s", path, ends[i]);
        unlink(file);
    }
}

static void be_born(void)
{
    struct engine *engine;
    struct error e;
    const struct sqlite_options options = {.synchronous = "OFF",
                                           .replaced_max = kind->replaced_max};
    remove_files();
    assert_int_equal(sqlite_engine_open_with(path, HOME, &options, &engine, &e), OK);
    assert_int_equal(store_open(engine, &stores[0], &e), OK);
    assert_int_equal(store_open(memory_engine_open(), &stores[1], &e), OK);
    for (size_t i = 0; i < ENGINES; i++)
        follow_home(stores[i]);
}

static void end(void)
{
    for (size_t i = 0; i < ENGINES; i++)
        store_close(stores[i]);
    remove_files();
}

/* --- what it shows --- */

static bool note(const struct item *item, struct item_hash hash, void *context)
{
    struct buffer *out = context;
    buffer_varint(out, item->version.usn);
    buffer_u8(out, (uint8_t)item->module);
    buffer_u8(out, item->deleted);
    buffer_bytes(out, item->key);
    buffer_bytes(out, item->value);
    buffer_raw(out, &hash, sizeof hash);
    return true;
}

static void show(struct store *store, struct buffer *out)
{
    struct error e;
    struct home_state state;
    OWNED(view_close) struct view *view = NULL;
    assert_int_equal(store_view(store, &view, &e), OK);
    assert_int_equal(view_home(view, HOME, &state, &e), OK);
    buffer_varint(out, state.head);
    digest_encode(&state.modules[MODULE].digest, out);
    for (uint64_t after = 0; after <= state.head; after += state.head / 2 + 1)
        assert_int_equal(view_changes(view, HOME, after, note, out, &e), OK);
    assert_int_equal(view_keys(view, HOME, MODULE, BYTES_NONE, note, out, &e), OK);
}

static void assert_same(void)
{
    OWNED(buffer_free) struct buffer a = {0};
    OWNED(buffer_free) struct buffer b = {0};
    show(stores[0], &a);
    show(stores[1], &b);
    assert_true(bytes_equal(buffer_view(&a), buffer_view(&b)));
    assert_sound(stores[0], HOME);
}

/* --- what it does --- */

struct step {
    enum { BATCH, AGAIN, PLACE, DROP, FORGET, GO_BACK, SWEEP, STEP_KINDS } kind;
    uint64_t first, count, head, seed;
};

static void item_of(uint64_t seed, uint64_t usn, struct item *item, char key[KEY_SIZE + 1],
                    char value[32])
{
    uint64_t mixed = (seed + usn) * 0x9e3779b97f4a7c15u >> 20;
    snprintf(key, KEY_SIZE + 1, "key-%-*u", kind->key_size ? kind->key_size - 4 : 0,
             (unsigned)(mixed % kind->keys));
    snprintf(value, 32, "%llx", (unsigned long long)mixed);
    *item = an_item(usn, key, value);
    item->deleted = mixed / kind->keys % 5 == 0;
    if (item->deleted)
        item->value = BYTES_NONE;
}

static struct txn *txn_of(const struct step *step)
{
    struct txn *txn = as_copy();
    char key[KEY_SIZE + 1], value[32];
    struct item item;
    for (uint64_t usn = step->first; usn < step->first + step->count; usn++) {
        item_of(step->seed, usn, &item, key, value);
        if (step->kind == PLACE)
            txn_place(txn, &item);
        else if (step->kind == DROP)
            txn_drop(txn, MODULE, item.key);
        else
            txn_apply(txn, &item);
    }
    if (step->kind == FORGET)
        txn_horizon(txn, step->head);
    if (step->kind == SWEEP)
        txn_sweep(txn, 5 * kind->many / 8);
    if (step->kind == GO_BACK) {
        const struct tail tail = {
            .id = TAIL_ID + step->seed, .base = {FOLLOWED_TERM, step->first}, .head = step->head};
        txn_rewind(txn, &tail);
    }
    return txn;
}

/* Nothing, where that can't be done now. */
static struct step next_step(const struct home_state *state, const struct step *last)
{
    struct step step = {.kind = roll(STEP_KINDS + 6), .head = home_reach(state)};
    step.seed = roll(1u << 20);
    switch ((int)step.kind) {
    case AGAIN: return last->kind == BATCH ? *last : (struct step){.kind = SWEEP};
    case PLACE:
        if (state->head == 0)
            return (struct step){.kind = SWEEP};
        step.first = 1 + roll(state->head);
        step.count = 1;
        break;
    case DROP: step.count = 1 + roll(kind->many / 2); break;
    case FORGET: step.head = roll(step.head + 1); break;
    case GO_BACK:
        if (step.head < 2 || state->tails >= TAILS_MAX - 1 || roll(2))
            return (struct step){.kind = SWEEP};
        step.first = step.head - 1 - roll(step.head < 20 ? step.head - 1 : 18);
        break;
    case SWEEP: break;
    default:
        step.kind = BATCH;
        step.first = step.head + 1 + roll(2);
        step.count = 1 + roll(kind->many);
        break;
    }
    return step;
}

static struct home_state state_now(void)
{
    struct hold hold;
    return state_of(stores[1], HOME, &hold);
}

static void live(unsigned life)
{
    struct step last = {.kind = SWEEP};
    be_born();
    for (int i = 0; i < STEPS; i++) {
        const struct home_state state = state_now();
        const struct step step = next_step(&state, &last);
        struct store_outcome outcomes[ENGINES];
        for (size_t n = 0; n < ENGINES; n++)
            store_commit_wait(stores[n], txn_of(&step), &outcomes[n]);
        if (outcomes[0].error.kind != outcomes[1].error.kind)
            fail_msg("life %u, step %d: kind %d, %u from %u: \"%s\", and \"%s\"", life, i,
                     (int)step.kind, (unsigned)step.count, (unsigned)step.first,
                     outcomes[0].error.what, outcomes[1].error.what);
        assert_same();
        last = step;
    }
    end();
}

static unsigned soak(unsigned usual)
{
    const char *more = getenv("POLLUX_SOAK");
    return more ? usual * (unsigned)atoi(more) : usual;
}

static void two_engines_show_the_same_whatever_is_done(void **state)
{
    (void)state;
    for (unsigned life = 0; life < soak(LIVES); life++) {
        dice = life + 1;
        kind = &kinds[life % COUNT_OF(kinds)];
        live(life);
    }
}

int main(void)
{
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/store", folder);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_engines_show_the_same_whatever_is_done),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(folder);
    return failed;
}
