#include "pool/copy_mark.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

enum { MARK_NAME_SIZE = HOME_NAME_SIZE + 32 };

struct mark_row {
    char home[HOME_NAME_SIZE];
    struct mark {
        uint64_t moment, kept; /* in the store: at least this one */
    } modules[MODULES];
};

struct copy_marks {
    struct front_end *fe;
    struct mark_row rows[HOSTED_HOMES_MAX];
    size_t count;
};

static const char *record_name(const char *home, enum module module, char name[MARK_NAME_SIZE])
{
    snprintf(name, MARK_NAME_SIZE, "consistent/%s/%d", home, (int)module);
    return name;
}

static void put(struct txn *txn, const char *home, enum module module, uint64_t moment)
{
    char name[MARK_NAME_SIZE];
    OWNED(buffer_free) struct buffer value = {0};
    buffer_u64(&value, moment);
    txn_record(txn, record_name(home, module, name), buffer_view(&value));
}

/* Of a clock that was set back since it was asked. */
static uint64_t not_ahead(uint64_t moment)
{
    uint64_t now_ms = clock_wall_ms();
    return moment < now_ms ? moment : now_ms;
}

void copy_mark_put(struct txn *txn, const char *home, enum module module, uint64_t read_ms)
{
    if (read_ms)
        put(txn, home, module, not_ahead(read_ms));
}

void copy_mark_drop(struct txn *txn, const char *home)
{
    char name[MARK_NAME_SIZE];
    for (int m = 0; m < MODULES; m++)
        txn_record(txn, record_name(home, (enum module)m, name), BYTES_NONE);
}

static const struct mark_row *find(const struct copy_marks *marks, const char *home)
{
    for (size_t i = 0; i < marks->count; i++) {
        if (strcmp(marks->rows[i].home, home) == 0)
            return &marks->rows[i];
    }
    return NULL;
}

/* NULL: no copy of it belongs here. */
static struct mark_row *row_of(struct copy_marks *marks, const char *home)
{
    const struct mark_row *found = find(marks, home);
    if (found)
        return &marks->rows[found - marks->rows];
    if (marks->count == HOSTED_HOMES_MAX)
        return NULL;
    struct mark_row *row = &marks->rows[marks->count++];
    snprintf(row->home, sizeof row->home, "%s", home);
    return row;
}

void copy_marks_note(struct copy_marks *marks, const char *home, enum module module,
                     uint64_t read_ms)
{
    struct mark_row *row = row_of(marks, home);
    if (!row)
        return;
    uint64_t *moment = &row->modules[module].moment;
    uint64_t read_or_now_ms = not_ahead(read_ms);
    /* What is known is more than what came late; but not if it was known by a clock that was ahead.
     */
    if (read_or_now_ms > *moment || *moment > clock_wall_ms())
        *moment = read_or_now_ms;
}

uint64_t copy_marks_of(const struct copy_marks *marks, const char *home, enum module module)
{
    const struct mark_row *row = find(marks, home);
    return row ? not_ahead(row->modules[module].moment) : 0;
}

/* --- across restarts --- */

uint64_t copy_mark_read(struct view *view, const char *home, enum module module)
{
    char name[MARK_NAME_SIZE];
    OWNED(buffer_free) struct buffer value = {0};
    struct error e;
    if (view_record(view, record_name(home, module, name), &value, &e)) {
        if (e.kind != FAIL_NOT_FOUND)
            log_error(LOG_EVENT_WARNING, "copy-mark", &e,
                      "How old the copy of %s of %s is, is lost.", module_name(module), home);
        return 0;
    }
    struct cursor c = cursor_over(buffer_view(&value));
    uint64_t moment = cursor_u64(&c);
    return cursor_done(&c) ? moment : 0;
}

void copy_marks_start(struct copy_marks *marks)
{
    OWNED(view_close) struct view *view = NULL;
    struct error e;
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    size_t count = front_end_homes(marks->fe, homes);
    if (store_view(front_end_store(marks->fe), &view, &e))
        return; /* whoever asks for a state hears of that, too */
    for (size_t i = 0; i < count; i++) {
        struct mark_row *row = row_of(marks, home_name(hosted_home_core(homes[i])));
        for (int m = 0; row && m < MODULES; m++) {
            uint64_t moment = copy_mark_read(view, row->home, (enum module)m);
            row->modules[m] = (struct mark){moment, moment};
        }
    }
}

static void on_kept(const struct store_outcome *outcome, void *context)
{
    (void)outcome; /* what is lost is only that the copy was complete for longer than is known */
    (void)context;
}

static void keep(struct copy_marks *marks, struct mark_row *row)
{
    OWNED(txn_free) struct txn *txn = NULL;
    for (int m = 0; m < MODULES; m++) {
        struct mark *mark = &row->modules[m];
        if (mark->moment == mark->kept)
            continue;
        txn = txn ? txn : txn_new(row->home);
        put(txn, row->home, (enum module)m, mark->moment);
        mark->kept = mark->moment;
    }
    if (txn)
        store_commit(front_end_store(marks->fe), TAKE(txn), on_kept, NULL);
}

static bool is_due(const struct mark_row *row)
{
    for (int m = 0; m < MODULES; m++) {
        const struct mark *mark = &row->modules[m];
        if (mark->moment > mark->kept + COPY_MARK_KEEP_MS || mark->moment < mark->kept)
            return true;
    }
    return false;
}

static void forget(struct copy_marks *marks, struct mark_row *row)
{
    OWNED(txn_free) struct txn *txn = NULL;
    for (int m = 0; m < MODULES; m++) {
        if (row->modules[m].moment)
            txn = txn ? txn : txn_new(row->home);
        row->modules[m] = (struct mark){0};
    }
    if (!txn)
        return;
    copy_mark_drop(txn, row->home);
    store_commit(front_end_store(marks->fe), TAKE(txn), on_kept, NULL);
}

void copy_marks_tick(struct copy_marks *marks)
{
    for (size_t i = 0; i < marks->count; i++) {
        struct mark_row *row = &marks->rows[i];
        const struct hosted_home *home = front_end_home(marks->fe, row->home);
        enum mode mode = home ? home_mode(hosted_home_core(home)) : MODE_STANDBY;
        if (mode_rights(mode)->holder)
            forget(marks, row);
        else if (home && (mode == MODE_RESILIENCY || is_due(row)))
            keep(marks, row);
    }
}

void copy_marks_stop(struct copy_marks *marks)
{
    for (size_t i = 0; i < marks->count; i++)
        keep(marks, &marks->rows[i]);
}

struct copy_marks *copy_marks_new(struct front_end *fe)
{
    struct copy_marks *marks = xcalloc(1, sizeof *marks);
    marks->fe = fe;
    return marks;
}

void copy_marks_free(struct copy_marks *marks)
{
    free(marks);
}
