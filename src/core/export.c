#include "core/export.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "core/pace.h"

/* From this usn on, what is not copied is at least so old. */
struct mark {
    uint64_t first; /* the first change since the mark before */
    uint64_t at_ms;
};

struct exporter {
    struct export_options options;
    bool open;
    struct term term;
    uint64_t opened_ms;
    uint64_t head;
    uint64_t changed_ms; /* when the head moved last */
    uint64_t news;       /* the head by all that was heard: from `head` on it is held back */
    uint64_t held_since_ms;

    bool asked;                        /* the copy has said in this term where it stands */
    enum export_action_kind under_way; /* what was sent and is not answered yet */
    bool wanted;                       /* somebody waits for a live answer, … */
    uint64_t wanted_upto;              /* … from there or beyond */
    bool looked;                       /* the same, from anywhere */
    bool compare_wanted;               /* … and everything compared before */
    bool compared;                     /* what was answered last was a comparison */
    bool failing;
    bool batch_failed;             /* since it fails: that it took one says nothing any more */
    struct pace pace;              /* of batches */
    uint64_t sent_ms;              /* when something was last sent */
    uint64_t retry_ms, compare_ms; /* not before then */
    uint64_t now_ms;               /* of the last event */
    bool slept;                    /* since something was sent: its answer is an old one */
    bool overtaken; /* a batch found its copy taken along: it is asked, and nothing is wrong */
    enum copy_verdict verdict;
    bool tail; /* … and that it has one */
    struct version copied;
    uint64_t taken; /* beyond that, and not stored yet; 0: nothing */
    uint64_t confirmed_ms, failed_ms;
    struct export_heard heard;

    struct {
        bool on;
        uint64_t goal; /* the head when it began */
        uint64_t began_ms;
        uint32_t batches;
        uint64_t content;
        bool broken_off; /* the last one did not get to its end: it is made up for */
    } cycle;
    bool expects;   /* more, which is on its way into the home */
    bool limit_met; /* the last cycle ended because of batches_max or content_max */
    struct content_left here, there;
    uint64_t cycles;

    struct mark marks[EXPORT_MARKS_MAX];
    size_t mark_count;
};

struct exporter *exporter_new(const struct export_options *options)
{
    struct exporter *x = xcalloc(1, sizeof *x);
    x->options = *options;
    pace_begin(&x->pace, BATCH_BYTES_MAX);
    return x;
}

void exporter_free(struct exporter *x)
{
    free(x);
}

void exporter_configure(struct exporter *x, const struct export_options *options)
{
    x->options = *options;
}

/* --- ages --- */

/* Neighbours share the older one's age: what is said may be too old, never too young. */
static void thin_out(struct exporter *x)
{
    size_t kept = 0;
    for (size_t i = 0; i < x->mark_count; i += 2)
        x->marks[kept++] = x->marks[i];
    x->mark_count = kept;
}

static void note_change(struct exporter *x, uint64_t head, uint64_t now_ms)
{
    if (head <= x->head)
        return;
    if (x->mark_count == EXPORT_MARKS_MAX)
        thin_out(x);
    x->marks[x->mark_count++] = (struct mark){.first = x->head + 1, .at_ms = now_ms};
    x->head = head;
    x->changed_ms = now_ms;
}

/* What was held back need not be any longer. */
static void pass_on(struct exporter *x, uint64_t now_ms)
{
    if (x->news <= x->head)
        return;
    note_change(x, x->news, now_ms);
}

static void pass_on_if_held_enough(struct exporter *x, uint64_t now_ms)
{
    bool first = x->cycles == 0; /* whoever has nothing yet is taken along by nobody */
    if (first || now_ms - x->held_since_ms >= x->options.held_ms)
        pass_on(x, now_ms);
}

/* News overtake each other: an older head takes back nothing of a newer one. */
static void note_news(struct exporter *x, uint64_t head, uint64_t now_ms)
{
    if (x->news <= x->head)
        x->held_since_ms = now_ms;
    x->news = head > x->news ? head : x->news;
}

/* What was read up to `head` is passed on so far: what came after that stays news. */
static void on_read(struct exporter *x, uint64_t head, uint64_t now_ms)
{
    note_news(x, head, now_ms);
    x->held_since_ms = now_ms;
    note_change(x, head, now_ms);
}

/* A mark is done with when the next one's changes are all that is left. */
static void forget_copied(struct exporter *x)
{
    size_t done = 0;
    while (done < x->mark_count) {
        uint64_t last = done + 1 < x->mark_count ? x->marks[done + 1].first - 1 : x->head;
        if (last > x->copied.usn)
            break;
        done++;
    }
    memmove(x->marks, x->marks + done, (x->mark_count - done) * sizeof *x->marks);
    x->mark_count -= done;
}

static bool behind(const struct exporter *x)
{
    return x->copied.usn < x->head;
}

/* The copy stands where it says, even if that is behind what it said before: its store may have
 * been put back to an older copy. How old the changes are that it lost, nobody knows any more. */
static void set_copied(struct exporter *x, struct version at)
{
    if (at.usn < x->copied.usn) {
        if (x->mark_count == EXPORT_MARKS_MAX)
            thin_out(x);
        memmove(x->marks + 1, x->marks, x->mark_count * sizeof *x->marks);
        bool older = x->mark_count && x->marks[1].at_ms < x->opened_ms;
        x->marks[0] =
            (struct mark){.first = at.usn + 1, .at_ms = older ? x->marks[1].at_ms : x->opened_ms};
        x->mark_count++;
    }
    x->copied = at;
    x->taken = 0;
    forget_copied(x);
    if (!behind(x))
        x->limit_met = false;
}

/* --- what to do next --- */

static struct export_action act(struct exporter *x, enum export_action_kind kind, uint64_t goal)
{
    assert(!x->under_way);
    x->under_way = kind;
    x->sent_ms = x->now_ms;
    x->slept = false;
    uint64_t most = x->options.content_max;
    return (struct export_action){.kind = kind,
                                  .after = x->taken ? x->taken : x->copied.usn,
                                  .goal = goal,
                                  .bytes_max = x->pace.bytes,
                                  .content_max =
                                      most > x->cycle.content ? most - x->cycle.content : most,
                                  .last = x->cycle.batches == x->options.batches_max};
}

static void begin_cycle(struct exporter *x, uint64_t now_ms)
{
    x->cycle.on = true;
    x->cycle.broken_off = false;
    x->cycle.goal = x->head;
    x->cycle.began_ms = now_ms;
    x->cycle.batches = 0;
    x->cycle.content = 0;
}

static void end_cycle(struct exporter *x, bool limit_met)
{
    x->cycle.on = false;
    x->limit_met = limit_met;
    x->cycles++;
}

static void break_off_cycle(struct exporter *x)
{
    x->cycle.broken_off |= x->cycle.on;
    x->cycle.on = false;
}

static bool cycle_is_due(const struct exporter *x, uint64_t now_ms)
{
    if (!behind(x))
        return false;
    bool at_once = x->wanted || x->failing || x->cycles == 0 || x->cycle.broken_off ||
                   (x->options.continuous && !x->limit_met);
    return at_once || now_ms - x->cycle.began_ms >= x->options.interval_ms;
}

/* While nothing changes, a copy that was lost or put back would not be noticed. */
static bool question_is_due(const struct exporter *x, uint64_t now_ms)
{
    uint32_t each_ms = x->options.interval_ms;
    if (!behind(x) && each_ms > EXPORT_ASK_MS)
        each_ms = EXPORT_ASK_MS;
    return x->wanted || x->looked || now_ms - x->confirmed_ms >= each_ms;
}

static struct export_action go_on(struct exporter *x, uint64_t now_ms)
{
    struct export_action nothing = {.kind = EXPORT_NOTHING};
    if (!x->open || x->under_way || now_ms < x->retry_ms)
        return nothing;
    if (!x->asked)
        return act(x, EXPORT_OFFER, x->head);
    if (x->verdict == COPY_COMPARE || x->compare_wanted)
        return now_ms < x->compare_ms ? nothing : act(x, EXPORT_COMPARE, x->head);
    if (!x->cycle.on && cycle_is_due(x, now_ms))
        begin_cycle(x, now_ms);
    if (x->cycle.on) {
        x->cycle.batches++;
        return act(x, EXPORT_BATCH, x->cycle.goal);
    }
    return question_is_due(x, now_ms) ? act(x, EXPORT_OFFER, x->head) : nothing;
}

/* --- events --- */

/* What waited then may have been copied since: too old is what it may be, never too young. A store
 * that was put back knows nothing of what it had. */
static void recall_backlog(struct exporter *x, const struct export_backlog *b, uint64_t head)
{
    if (!b->head || b->head > head || b->copied > b->head)
        return;
    note_change(x, b->head, b->oldest_ms);
    x->copied.usn = b->copied; /* until it says where it stands */
}

static void open_term(struct exporter *x, const struct export_event *event)
{
    x->open = true;
    x->term = event->term;
    x->opened_ms = event->now_ms;
    x->head = 0;
    x->mark_count = 0;
    x->asked = x->looked = x->failing = x->batch_failed = x->limit_met = x->compared = x->tail =
        x->overtaken = false;
    x->under_way = EXPORT_NOTHING;
    x->cycle.on = x->cycle.broken_off = false;
    x->cycles = 0;
    x->copied = (struct version){0};
    x->taken = 0;
    x->confirmed_ms = x->failed_ms = x->retry_ms = x->compare_ms = 0;
    recall_backlog(x, &event->backlog, event->head);
    x->news = event->head;
    pass_on(x, event->now_ms);
    x->changed_ms = event->now_ms;
    x->wanted_upto = x->head;
}

static void on_failed(struct exporter *x, uint64_t now_ms)
{
    x->taken = 0;
    if (x->under_way == EXPORT_BATCH)
        pace_failed(&x->pace);
    x->batch_failed |= x->under_way == EXPORT_BATCH;
    if (x->under_way == EXPORT_COMPARE) {
        x->compare_ms = now_ms + EXPORT_COMPARE_RETRY_MS;
        x->compare_wanted = false; /* whoever waited for it has been told */
    }
    x->under_way = EXPORT_NOTHING;
    x->looked = x->overtaken = false;
    x->failing = true;
    x->failed_ms = now_ms;
    x->heard.failed++;
    break_off_cycle(x);
    x->asked = false; /* whether it was carried out is not known: ask */
    x->retry_ms = now_ms + EXPORT_RETRY_MS;
}

static bool limit_is_met(const struct exporter *x)
{
    const struct export_options *options = &x->options;
    return x->cycle.batches >= options->batches_max ||
           (options->content_max && x->cycle.content >= options->content_max);
}

/* Did something go right? A copy that answers, or takes what it is sent, and can't keep it (a full
 * disk), still fails. */
static bool is_right(const struct exporter *x, enum export_action_kind sent, uint64_t before)
{
    bool kept = x->copied.usn > before || !x->batch_failed;
    return sent == EXPORT_COMPARE || !behind(x) || (sent == EXPORT_BATCH && kept);
}

static void take_position(struct exporter *x, enum export_action_kind sent,
                          const struct copy_answer *answer, uint64_t now_ms)
{
    struct version at = answer->at;
    uint64_t before = x->copied.usn;
    x->asked = true;
    x->looked = x->overtaken = false;
    x->confirmed_ms = now_ms;
    x->heard.confirmed++;
    x->compare_wanted &= sent != EXPORT_COMPARE;
    x->compared = sent == EXPORT_COMPARE;
    if (at.usn >= x->wanted_upto)
        x->wanted = false;
    set_copied(x, at);
    if (sent == EXPORT_BATCH && answer->taken > at.usn && answer->taken <= x->head)
        x->taken = answer->taken;
    if (is_right(x, sent, before))
        x->failing = x->batch_failed = false;
    if (!x->cycle.on)
        return;
    if (at.usn >= x->cycle.goal && !x->taken) /* else it waits for the next batch */
        end_cycle(x, false);
    else if (limit_is_met(x))
        end_cycle(x, true);
}

static void on_answered(struct exporter *x, const struct export_event *event)
{
    const struct copy_answer *answer = &event->answer;
    enum export_action_kind sent = x->under_way;
    x->under_way = EXPORT_NOTHING;
    if (!x->slept && sent == EXPORT_BATCH)
        pace_took(&x->pace, event->bytes, event->now_ms - x->sent_ms);
    if (x->slept) { /* ask once more */
        break_off_cycle(x);
        x->asked = false;
        return;
    }
    x->verdict = answer->verdict;
    x->tail = answer->tail;
    x->there = answer->content;
    x->cycle.content += event->content;
    if (answer->verdict == COPY_GO_ON && answer->at.usn <= x->news) {
        if (answer->at.usn > x->head) /* taken along, beyond what is held back here */
            on_read(x, answer->at.usn, event->now_ms);
        take_position(x, sent, answer, event->now_ms);
        return;
    }
    break_off_cycle(x);
    bool compare = answer->verdict == COPY_COMPARE, early = answer->verdict == COPY_EARLY;
    bool in_vain = compare && (x->compared || sent == EXPORT_COMPARE);
    x->compared = false;
    x->asked = compare;
    if ((!compare && !early) || in_vain) {
        x->looked = false;
        x->failing = true;
        x->failed_ms = event->now_ms;
        x->heard.failed++;
    }
    if ((compare || answer->verdict == COPY_FORKED) && answer->at.usn <= x->head)
        set_copied(x, answer->at);
    x->overtaken = early && sent == EXPORT_BATCH && answer->at.usn > x->copied.usn;
    if (x->overtaken)
        x->retry_ms = 0;
    else if (early)
        x->retry_ms = event->now_ms + EXPORT_TICK_MS; /* it hears of the term any moment */
    else if (in_vain)
        x->compare_ms = event->now_ms + EXPORT_COMPARE_RETRY_MS;
    else if (!compare)
        x->retry_ms = event->now_ms + EXPORT_RETRY_MS;
}

bool exporter_may_be_carried(const struct exporter *x)
{
    return x->open && x->asked && x->verdict == COPY_GO_ON && !x->tail && !x->compare_wanted &&
           !x->under_way;
}

bool exporter_rests(const struct exporter *x)
{
    return !x->under_way && !behind(x) && x->news <= x->head;
}

static void on_carried(struct exporter *x, struct version at, uint64_t now_ms)
{
    if (!exporter_may_be_carried(x) || at.usn <= x->copied.usn)
        return;
    on_read(x, at.usn, now_ms);
    set_copied(x, at);
    x->confirmed_ms = now_ms;
    x->heard.confirmed++;
    if (at.usn >= x->wanted_upto)
        x->wanted = false;
    if (x->cycle.on && at.usn >= x->cycle.goal)
        end_cycle(x, false);
    else if (!behind(x))
        x->cycles++;
}

static void on_wanted(struct exporter *x)
{
    pass_on(x, x->now_ms);
    x->wanted = true;
    x->wanted_upto = x->head;
    x->retry_ms = x->compare_ms = 0;
}

struct export_action export_step(struct exporter *x, const struct export_event *event)
{
    if (x->under_way && event->now_ms - x->now_ms >= EXPORT_SLEPT_MS)
        x->slept = true;
    x->now_ms = event->now_ms;
    switch (event->kind) {
    case EXPORT_TICK: pass_on_if_held_enough(x, event->now_ms); break;
    case EXPORT_OPENED: open_term(x, event); break;
    case EXPORT_CLOSED:
        x->open = x->wanted = x->compare_wanted = false;
        x->under_way = EXPORT_NOTHING;
        break;
    case EXPORT_CHANGED:
        note_news(x, event->head, event->now_ms);
        pass_on_if_held_enough(x, event->now_ms);
        break;
    case EXPORT_OWN_CHANGED:
        note_news(x, event->head, event->now_ms);
        pass_on(x, event->now_ms);
        break;
    case EXPORT_READ: on_read(x, event->head, event->now_ms); break;
    case EXPORT_WANTED_COMPARED:
        x->compare_wanted = true;
        on_wanted(x);
        break;
    case EXPORT_WANTED: on_wanted(x); break;
    case EXPORT_LOOKED:
        x->looked = true;
        x->retry_ms = 0;
        break;
    case EXPORT_ANSWERED:
        if (x->under_way)
            on_answered(x, event);
        break;
    case EXPORT_FAILED:
        if (x->under_way)
            on_failed(x, event->now_ms);
        break;
    case EXPORT_ALONE: pass_on(x, event->now_ms); break;
    case EXPORT_CARRIED: on_carried(x, event->answer.at, event->now_ms); break;
    }
    return go_on(x, event->now_ms);
}

void exporter_note_content(struct exporter *x, const struct content_left *here)
{
    x->here = *here;
}

/* --- tombstones --- */

/* What this copy has for sure. */
static uint64_t confirmed_upto(const struct exporter *x)
{
    /* Nothing is forgotten beyond a tail: whether something was deleted decides what becomes of it.
     */
    bool sure = x->open && x->asked && x->verdict == COPY_GO_ON && !x->tail;
    return sure ? x->copied.usn : 0;
}

uint64_t export_horizon(const struct exporter *const *list, size_t count, uint64_t head,
                        uint64_t horizon, uint64_t kept, uint64_t step)
{
    uint64_t least = head;
    for (size_t i = 0; i < count; i++) {
        uint64_t upto = confirmed_upto(list[i]);
        least = upto < least ? upto : least;
    }
    if (least < kept + horizon + step)
        return horizon;
    uint64_t most = horizon + TOMBSTONES_AT_ONCE;
    return least - kept < most ? least - kept : most;
}

void exporter_expects(struct exporter *x, bool more)
{
    x->expects = more;
}

/* --- in words --- */

static const char *const words[EXPORT_WORDS] = {
    [WORD_NOT_INITIALIZED] = "NotInitialized",
    [WORD_FINAL] = "FinalState",
    [WORD_STEADY] = "SteadyState",
    [WORD_NON_STEADY] = "NonSteadyState",
    [WORD_ERROR] = "ErrorState",
};

const char *export_word_name(enum export_word word)
{
    return words[word];
}

static uint64_t oldest_ms(const struct exporter *x)
{
    return behind(x) && x->mark_count ? x->marks[0].at_ms : 0;
}

/* Nothing is pending in content or scan, on either side (protocol, rule 18). */
static bool content_settled(const struct exporter *x)
{
    return content_is_settled(&x->here) && content_is_settled(&x->there);
}

/* The copy has everything, said so after the last change, and would have been missed since. */
static bool is_final(const struct exporter *x, uint64_t now_ms)
{
    uint64_t interval = x->options.interval_ms;
    return !x->expects && !behind(x) && x->news == x->head && !x->tail && content_settled(x) &&
           now_ms - x->changed_ms >= interval && x->confirmed_ms >= x->changed_ms &&
           now_ms - x->confirmed_ms < 2 * interval;
}

/* Then nobody knows whether the copy has what it confirmed (protocol, rule 18). */
static bool is_comparing(const struct exporter *x)
{
    return x->compare_wanted || x->under_way == EXPORT_COMPARE ||
           (x->asked && x->verdict == COPY_COMPARE);
}

enum export_word export_word(const struct exporter *x, struct term term, uint64_t now_ms)
{
    uint64_t oldest = oldest_ms(x);
    if (!x->open || !term_equal(x->term, term))
        return WORD_NOT_INITIALIZED;
    if (x->failing || x->here.broken || x->there.broken)
        return WORD_ERROR;
    if (is_comparing(x))
        return WORD_NON_STEADY;
    if (!x->confirmed_ms)
        return WORD_NOT_INITIALIZED;
    if ((!x->asked && !x->overtaken) || x->limit_met ||
        (oldest && now_ms - oldest > x->options.interval_ms + EXPORT_GRACE_MS) ||
        !content_settled(x))
        return WORD_NON_STEADY;
    return is_final(x, now_ms) ? WORD_FINAL : WORD_STEADY;
}

/* Changes that were there when this term was opened are older than that, and nobody knows by how
 * much. */
static uint64_t consistent_ms(const struct exporter *x)
{
    uint64_t oldest = oldest_ms(x);
    if (!x->confirmed_ms || x->tail || is_comparing(x) || !content_settled(x) ||
        (behind(x) && oldest <= x->opened_ms))
        return 0;
    return oldest && oldest < x->confirmed_ms ? oldest : x->confirmed_ms;
}

void export_status(const struct exporter *x, struct export_status *status)
{
    *status = (struct export_status){.open = x->open,
                                     .copied = x->copied,
                                     .head = x->news > x->head ? x->news : x->head,
                                     .heard = x->heard,
                                     .confirmed_ms = x->confirmed_ms,
                                     .changed_ms = x->changed_ms,
                                     .failed_ms = x->failed_ms,
                                     .oldest_ms = oldest_ms(x),
                                     .consistent_ms = consistent_ms(x),
                                     .cycles = x->cycles,
                                     .verdict = x->verdict,
                                     .tail = x->tail,
                                     .comparing = is_comparing(x),
                                     .here = x->here,
                                     .there = x->there,
                                     .failing = x->failing};
}

uint64_t export_rate(const struct exporter *x, uint64_t now_ms)
{
    return pace_rate(&x->pace, x->under_way == EXPORT_BATCH ? now_ms - x->sent_ms : 0);
}

bool export_confirmed_since(const struct export_status *s, struct export_heard before)
{
    return s->confirmed_ms && s->heard.confirmed > before.confirmed;
}

bool export_failed_since(const struct export_status *s, struct export_heard before)
{
    return s->failed_ms && s->heard.failed > before.failed;
}
