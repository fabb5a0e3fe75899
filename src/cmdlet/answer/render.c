#include "cmdlet/answer/render.h"

#include "base/clock.h"
#include "base/memory.h"
#include "cmdlet/answer/list.h"
#include "cmdlet/answer/table.h"
#include "cmdlet/answer/text.h"
#include "cmdlet/answer/value.h"

/* What stands on `out`, from one blank line to the next. */
enum block { NOTHING, LINES, LIST, TABLE };

struct render {
    struct render_options options;
    struct progress *progress; /* NULL: it is not shown */
    struct table *table;       /* NULL: none is open */
    enum block last;
};

/* --- making way --- */

static void hide_progress(struct render *r)
{
    if (r->progress)
        progress_hide(r->progress);
}

static void end_table(struct render *r)
{
    if (!r->table)
        return;
    hide_progress(r);
    table_end(TAKE(r->table));
}

/* For a line on `err`. If people see both on one screen, what came first must stand first. */
static void make_way_on_err(struct render *r)
{
    if (r->options.out_is_terminal && r->options.err_is_terminal)
        end_table(r);
    hide_progress(r);
    fflush(r->options.out);
}

static void begin_block(struct render *r, enum block block)
{
    end_table(r);
    hide_progress(r);
    bool goes_on = block == LINES && r->last == LINES;
    if (r->last != NOTHING && !goes_on)
        fputc('\n', r->options.out);
    r->last = block;
}

/* --- values --- */

static void show_row(struct render *r, const json_t *object)
{
    const struct render_options *o = &r->options;
    if (!r->table || !table_takes(r->table, object)) {
        begin_block(r, TABLE);
        r->table = table_begin(o->out, o->out_is_terminal ? o->width : 0, object);
    }
    if (!table_will_hold(r->table))
        hide_progress(r);
    table_row(r->table, object);
}

static void show_object(struct render *r, const json_t *object)
{
    size_t properties = json_object_size(object);
    bool table = r->options.form == RENDER_TABLE ||
                 (r->options.form == RENDER_AUTO && properties <= RENDER_TABLE_PROPERTIES_MAX);
    if (properties == 0)
        return;
    if (table) {
        show_row(r, object);
        return;
    }
    begin_block(r, LIST);
    list_show(r->options.out, object);
}

static void show_line(struct render *r, const char *prefix, const char *text)
{
    begin_block(r, LINES);
    fputs(prefix, r->options.out);
    text_put_lines(r->options.out, text, 0);
}

void render_value(struct render *r, const json_t *value)
{
    if (r->options.form == RENDER_JSON) {
        OWNED(free_memory) char *line = value_json(value);
        hide_progress(r);
        fprintf(r->options.out, "%s\n", line);
    } else if (json_is_object(value)) {
        show_object(r, value);
    } else if (!json_is_null(value)) {
        OWNED(free_memory) char *text = value_text(value);
        show_line(r, "", text);
    }
}

/* --- beside them --- */

void render_notice(struct render *r, enum notice kind, const char *text)
{
    if (!r->options.show[kind])
        return;
    make_way_on_err(r);
    notice_show(r->options.err, kind, text);
}

void render_what_if(struct render *r, const char *text)
{
    static const char prefix[] = "What if: ";
    OWNED(free_memory) char *harmless = text_one_line(text);
    if (r->options.form == RENDER_JSON) {
        make_way_on_err(r);
        fprintf(r->options.err, "%s%s\n", prefix, harmless);
    } else {
        show_line(r, prefix, harmless);
    }
}

void render_error(struct render *r, const struct error *e)
{
    if (!r->options.show_errors)
        return;
    if (r->progress)
        progress_settle(r->progress);
    make_way_on_err(r);
    notice_show_error(r->options.err, r->options.command, e);
}

void render_progress(struct render *r, const struct progress_step *step)
{
    if (!r->progress)
        return;
    fflush(r->options.out);
    progress_step(r->progress, step);
}

/* --- the stream --- */

static uint64_t count_of(const json_t *object, const char *name)
{
    json_int_t count = json_integer_value(json_object_get(object, name));
    return count > 0 ? (uint64_t)count : 0;
}

static void progress_message(struct render *r, const json_t *value)
{
    const struct progress_step step = {
        .activity = json_string_value(json_object_get(value, "activity")),
        .status = json_string_value(json_object_get(value, "status")),
        .done = count_of(value, "done"),
        .total = count_of(value, "total"),
        .elapsed_ms = count_of(value, "elapsed"),
        .completed = json_is_true(json_object_get(value, "completed")),
    };
    if (step.activity)
        render_progress(r, &step);
}

static void error_message(struct render *r, const json_t *value)
{
    struct error e;
    notice_read_error(value, &e);
    render_error(r, &e);
}

void render_message(struct render *r, const json_t *message)
{
    const json_t *object = json_object_get(message, "object");
    const json_t *progress = json_object_get(message, "progress");
    const json_t *error = json_object_get(message, "error");
    const char *what_if = json_string_value(json_object_get(message, "whatif"));
    if (object)
        render_value(r, object);
    if (progress)
        progress_message(r, progress);
    if (what_if)
        render_what_if(r, what_if);
    for (enum notice kind = 0; kind < NOTICES; kind++) {
        const char *text = json_string_value(json_object_get(message, notice_key(kind)));
        if (text)
            render_notice(r, kind, text);
    }
    if (error)
        error_message(r, error);
}

struct render *render_begin(const struct render_options *options)
{
    struct render *r = xcalloc(1, sizeof *r);
    r->options = *options;
    if (options->show_progress)
        r->progress = progress_begin(options->err, options->err_is_terminal, options->width,
                                     options->now ? options->now : clock_ms);
    return r;
}

void render_tick(struct render *r)
{
    if (r->progress)
        progress_tick(r->progress);
}

void render_end(struct render *r)
{
    end_table(r);
    hide_progress(r);
    if (r->progress)
        progress_end(r->progress);
    free_memory(r);
}
