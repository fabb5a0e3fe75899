#include "pool/operation_journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "pool/commit.h"

/* The format before lacks the command. */
enum { JOURNAL_FORMAT = 3, JOURNAL_FORMAT_BEFORE = 2, JOURNAL_NAME_SIZE = HOME_NAME_SIZE + 16 };

static const char *record_name(const char *home, char name[JOURNAL_NAME_SIZE])
{
    snprintf(name, JOURNAL_NAME_SIZE, "operation/%s", home);
    return name;
}

static void encode(const struct operation_report *r, struct buffer *out)
{
    const struct operation_status *s = &r->status;
    buffer_u8(out, JOURNAL_FORMAT);
    buffer_u8(out, (uint8_t)r->wish.kind);
    buffer_u8(out, r->wish.options.disaster);
    buffer_text(out, r->wish.by);
    buffer_text(out, r->from);
    buffer_u64(out, r->began_wall_ms);
    buffer_u64(out, r->ended_wall_ms);
    buffer_u8(out, (uint8_t)s->step);
    buffer_u8(out, (uint8_t)s->failed_at);
    buffer_u8(out, s->alone);
    buffer_u8(out, s->verified);
    buffer_varint(out, s->to.number);
    buffer_u64(out, s->to.tag);
    buffer_varint(out, s->point.usn);
    buffer_varint(out, s->refused_ms);
    buffer_u8(out, (uint8_t)s->error.kind);
    buffer_text(out, s->error.what);
    buffer_text(out, s->error.kept);
    buffer_text(out, s->error.next);
    buffer_text(out, r->wish.again);
}

static bool decode(struct bytes record, struct operation_report *r)
{
    struct cursor in = cursor_over(record);
    struct operation_status *s = &r->status;
    uint8_t format = cursor_u8(&in);
    r->wish.kind = (enum operation_kind)cursor_u8(&in);
    r->wish.options.disaster = cursor_u8(&in);
    cursor_text(&in, r->wish.by, sizeof r->wish.by);
    cursor_text(&in, r->from, sizeof r->from);
    r->began_wall_ms = cursor_u64(&in);
    r->ended_wall_ms = cursor_u64(&in);
    s->step = (enum operation_step)cursor_u8(&in);
    s->failed_at = (enum operation_step)cursor_u8(&in);
    s->alone = cursor_u8(&in);
    s->verified = cursor_u8(&in);
    s->to.number = cursor_varint(&in);
    s->to.tag = cursor_u64(&in);
    s->point.usn = cursor_varint(&in);
    s->refused_ms = cursor_varint(&in);
    s->error.kind = (enum failure)cursor_u8(&in);
    cursor_text(&in, s->error.what, sizeof s->error.what);
    cursor_text(&in, s->error.kept, sizeof s->error.kept);
    cursor_text(&in, s->error.next, sizeof s->error.next);
    if (format == JOURNAL_FORMAT)
        cursor_text(&in, r->wish.again, sizeof r->wish.again);
    return (format == JOURNAL_FORMAT || format == JOURNAL_FORMAT_BEFORE) && cursor_done(&in) &&
           (unsigned)s->step < OPERATION_STEPS && (unsigned)s->failed_at < OPERATION_STEPS &&
           (unsigned)s->error.kind < FAILURES && (unsigned)r->wish.kind <= OPERATION_MOVE_CENTRAL;
}

struct keeping {
    char home[HOME_NAME_SIZE];
    operation_journal_done *done;
    void *context;
};

static void on_kept(const struct store_outcome *outcome, void *context)
{
    OWNED(free_memory) struct keeping *keeping = context;
    if (outcome->error.kind)
        log_error(LOG_EVENT_WARNING, "operation-journal", &outcome->error,
                  "How far the operation with the home %s is could not be written down.",
                  keeping->home);
    keeping->done(outcome->error.kind ? &outcome->error : NULL, keeping->context);
}

void operation_journal_keep(struct front_end *fe, const struct operation_report *report,
                            operation_journal_done *done, void *context)
{
    char name[JOURNAL_NAME_SIZE];
    OWNED(buffer_free) struct buffer value = {0};
    struct keeping *keeping = xmalloc(sizeof *keeping);
    *keeping = (struct keeping){.done = done, .context = context};
    snprintf(keeping->home, sizeof keeping->home, "%s", report->wish.home);
    struct txn *txn = txn_new(report->wish.home);
    encode(report, &value);
    txn_record(txn, record_name(report->wish.home, name), buffer_view(&value));
    commit_on_loop(front_end_store(fe), front_end_loop(fe), txn, on_kept, keeping);
}

bool operation_journal_read(struct front_end *fe, const char *home, struct operation_report *report)
{
    char name[JOURNAL_NAME_SIZE];
    OWNED(view_close) struct view *view = NULL;
    OWNED(buffer_free) struct buffer value = {0};
    struct error e;
    *report = (struct operation_report){0};
    enum failure bad = store_view(front_end_store(fe), &view, &e);
    if (!bad)
        bad = view_record(view, record_name(home, name), &value, &e);
    if (!bad && !decode(buffer_view(&value), report))
        bad = fail(&e, FAIL_DAMAGED, "It makes no sense.");
    if (bad && bad != FAIL_NOT_FOUND)
        log_error(LOG_EVENT_WARNING, "operation-journal", &e,
                  "What the last operation with the home %s was can't be read.", home);
    snprintf(report->wish.home, sizeof report->wish.home, "%s", home);
    report->interrupted = report->ended_wall_ms == 0;
    return !bad;
}
