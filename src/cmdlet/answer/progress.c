#include "cmdlet/answer/progress.h"

#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "cmdlet/answer/text.h"

enum { BAR_CELLS = 20 };

#define ERASE_LINE "\r\033[K"

static const char elapsed_label[] = " elapsed"; /* where there is room for it */

struct progress {
    FILE *err;
    bool terminal;
    size_t width;
    progress_clock *now;

    char *activity; /* NULL: none is under way */
    char *status;
    uint64_t done, total;
    uint64_t begun_ms;

    bool shown; /* this activity, at least once, */
    uint64_t shown_ms;
    char *said;     /* and this was its last plain line */
    bool on_screen; /* the line stands on the terminal */
};

/* --- on a terminal --- */

static void put_bar(struct buffer *line, double part)
{
    int full = (int)(part * BAR_CELLS);
    buffer_printf(line, " [");
    for (int i = 0; i < BAR_CELLS; i++)
        buffer_u8(line, i < full ? '#' : '-');
    buffer_printf(line, "]");
}

static char *line_text(const struct progress *p, bool with_bar)
{
    struct buffer line = {0};
    buffer_printf(&line, "%s", p->activity);
    if (p->total > 0) {
        double part = p->done < p->total ? (double)p->done / (double)p->total : 1;
        if (with_bar)
            put_bar(&line, part);
        buffer_printf(&line, " %d %%", (int)(100 * part));
    }
    if (*p->status)
        buffer_printf(&line, "  %s", p->status);
    return buffer_take_text(&line);
}

static char *elapsed_text(uint64_t ms)
{
    unsigned long long seconds = ms / 1000, minutes = seconds / 60, hours = minutes / 60;
    if (ms < PROGRESS_ELAPSED_MS)
        return xstrdup("");
    if (hours == 0)
        return xasprintf("  %llu:%02llu", minutes, seconds % 60);
    return xasprintf("  %llu:%02llu:%02llu", hours, minutes % 60, seconds % 60);
}

static void draw(struct progress *p, uint64_t now)
{
    OWNED(free_memory) char *elapsed = elapsed_text(now - p->begun_ms);
    OWNED(free_memory) char *full = line_text(p, true);
    OWNED(free_memory) char *short_of_bar = line_text(p, false);
    /* The last column stays free: some terminals go to the next line when it is filled. */
    size_t room = p->width - 1 - text_columns(elapsed);
    bool labelled = *elapsed && text_columns(short_of_bar) + strlen(elapsed_label) <= room;
    room -= labelled ? strlen(elapsed_label) : 0;
    OWNED(free_memory) char *line = text_cut(text_columns(full) > room ? short_of_bar : full, room);
    fprintf(p->err, "\r%s%s%s\033[K", line, elapsed, labelled ? elapsed_label : "");
    fflush(p->err);
    p->on_screen = true;
}

/* --- elsewhere --- */

static void say(struct progress *p)
{
    char *line = *p->status ? xasprintf("%s: %s", p->activity, p->status) : xstrdup(p->activity);
    bool new = !p->said || strcmp(p->said, line) != 0;
    bool ends = *line && strchr(".!?", line[strlen(line) - 1]);
    if (new)
        fprintf(p->err, "%s%s\n", line, ends ? "" : ".");
    free_memory(p->said);
    p->said = line;
}

/* --- activities --- */

static void show_if_due(struct progress *p)
{
    uint64_t now = p->now();
    uint64_t pause = p->terminal ? PROGRESS_DRAW_MS : PROGRESS_LINE_MS;
    /* Elsewhere, what is done within a pause is not worth a line. */
    uint64_t since = p->shown ? p->shown_ms : p->begun_ms;
    if (!p->activity || ((p->shown || !p->terminal) && now - since < pause))
        return;
    p->shown = true;
    p->shown_ms = now;
    if (p->terminal)
        draw(p, now);
    else
        say(p);
}

static void begin_activity(struct progress *p, const char *name)
{
    p->activity = xstrdup(name);
    p->status = xstrdup("");
    p->begun_ms = p->now();
    p->shown = false;
}

void progress_settle(struct progress *p)
{
    if (p->activity && !p->terminal && p->shown)
        say(p);
    progress_hide(p);
}

static void end_activity(struct progress *p)
{
    if (!p->activity)
        return;
    progress_settle(p);
    free_memory(TAKE(p->activity));
    free_memory(TAKE(p->status));
    free_memory(TAKE(p->said));
    p->done = p->total = 0;
}

static void set_status(struct progress *p, const struct progress_step *step)
{
    p->done = step->done;
    p->total = step->total;
    if (step->elapsed_ms)
        p->begun_ms = p->now() - step->elapsed_ms;
    if (step->completed && !step->status)
        return; /* what it said last stands for its end */
    free_memory(p->status);
    p->status = text_one_line(step->status ? step->status : "");
}

struct progress *progress_begin(FILE *err, bool terminal, size_t width, progress_clock *now)
{
    struct progress *p = xcalloc(1, sizeof *p);
    p->err = err;
    p->terminal = terminal;
    p->width = width == 0                   ? PROGRESS_WIDTH_UNKNOWN
               : width < PROGRESS_WIDTH_MIN ? PROGRESS_WIDTH_MIN
                                            : width;
    p->now = now;
    return p;
}

void progress_step(struct progress *p, const struct progress_step *step)
{
    OWNED(free_memory) char *activity = text_one_line(step->activity);
    if (p->activity && strcmp(p->activity, activity) != 0)
        end_activity(p);
    if (!p->activity && step->completed)
        return; /* nobody saw it begin */
    if (!p->activity)
        begin_activity(p, activity);
    set_status(p, step);
    if (step->completed)
        end_activity(p);
    else
        show_if_due(p);
}

void progress_tick(struct progress *p)
{
    show_if_due(p);
}

void progress_hide(struct progress *p)
{
    if (!p->on_screen)
        return;
    fputs(ERASE_LINE, p->err);
    fflush(p->err);
    p->on_screen = false;
}

void progress_end(struct progress *p)
{
    end_activity(p);
    free_memory(p);
}
