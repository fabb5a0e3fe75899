#include "store/last_tail.h"

#include <stdio.h>

enum { RECORD_NAME_SIZE = HOME_NAME_SIZE + 16 };

static const char *record_name(const char *home, char name[RECORD_NAME_SIZE])
{
    snprintf(name, RECORD_NAME_SIZE, "last-tail/%s", home);
    return name;
}

void last_tail_keep(struct txn *txn, const char *home, const struct tail *tail, uint64_t now_ms)
{
    char name[RECORD_NAME_SIZE];
    OWNED(free_memory) struct tails *only = xcalloc(1, sizeof *only);
    OWNED(buffer_free) struct buffer value = {0};
    only->count = 1;
    only->list[0] = *tail;
    buffer_u64(&value, now_ms);
    tails_encode(only, &value);
    txn_record(txn, record_name(home, name), buffer_view(&value));
}

static enum failure read_record(struct view *view, const char *home, struct last_tail *last,
                                struct error *e)
{
    char name[RECORD_NAME_SIZE];
    OWNED(free_memory) struct tails *only = xcalloc(1, sizeof *only);
    OWNED(buffer_free) struct buffer value = {0};
    enum failure bad = view_record(view, record_name(home, name), &value, e);
    if (bad)
        return bad;
    struct cursor in = cursor_over(buffer_view(&value));
    last->salvaged_ms = cursor_u64(&in);
    bad = in.bad ? fail(e, FAIL_DAMAGED, "A record of a tail is damaged.")
                 : tails_decode(only, cursor_raw(&in, in.left), e);
    last->tail = only->list[0];
    return bad;
}

static void add(struct salvage_mark *sum, const struct salvage_mark *mark)
{
    sum->carried += mark->carried;
    sum->conflicts += mark->conflicts;
    sum->same += mark->same;
}

/* Of the term that this tail ends at `end`. */
static enum failure add_mark(struct view *view, const char *home, enum module module, uint64_t end,
                             struct last_tail *last, bool *any, struct error *e)
{
    char key[SALVAGE_KEY_SIZE];
    struct item item;
    struct salvage_mark mark;
    enum failure bad =
        view_item(view, home, module, salvage_mark_key(&last->tail, end, key), &item, e);
    if (bad || item.deleted)
        return bad == FAIL_NOT_FOUND ? OK : bad;
    bad = salvage_mark_decode(&mark, item.value, e);
    if (bad)
        return bad;
    *any = true;
    add(&last->modules[module], &mark);
    add(&last->sum, &mark);
    return OK;
}

enum failure last_tail_read(struct view *view, const char *home, struct last_tail *last,
                            struct error *e)
{
    *last = (struct last_tail){0};
    bool any = false;
    enum failure bad = read_record(view, home, last, e);
    uint64_t end = last->tail.base.usn;
    while (!bad && end < last->tail.head) {
        end = tail_end_of(&last->tail, end + 1);
        for (int m = 0; !bad && m < MODULES; m++) {
            if (module_belongs((enum module)m, home))
                bad = add_mark(view, home, (enum module)m, end, last, &any, e);
        }
    }
    return bad || any ? bad : fail(e, FAIL_NOT_FOUND, "What became of it is not known here.");
}
