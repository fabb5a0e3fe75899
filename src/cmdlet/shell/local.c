#include "cmdlet/shell/local.h"

#include <assert.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "cmdlet/answer/value.h"
#include "cmdlet/any_case.h"
#include "cmdlet/filter.h"
#include "cmdlet/language/letters.h"
#include "cmdlet/property.h"
#include "cmdlet/shell/for_each.h"
#include "cmdlet/shell/help.h"
#include "cmdlet/shell/member.h"
#include "cmdlet/shell/script_command.h"

DEFINE_OWNED(json_t *, json_decref)

/* What a stage remembers from object to object. */
struct tally {
    json_int_t seen;
    json_t *held; /* Select-Object -Last, Sort-Object */
};

static struct tally *tally_of(struct stage *stage)
{
    void **state = stage_state(stage);
    if (!*state)
        *state = xcalloc(1, sizeof(struct tally));
    return *state;
}

static const json_t *bound(const struct stage *stage, const char *parameter)
{
    return json_object_get(stage_binding(stage)->bound, parameter);
}

/* --- Format-List, Format-Table, Select-Object --- */

/* The properties that were asked for, in that order; one that is not there is null. */
static json_t *pick(const json_t *object, const json_t *names)
{
    if (!names || !json_is_object(object))
        return json_deep_copy(object);
    json_t *picked = json_object();
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        const char *key;
        json_t *value;
        bool found = false;
        json_object_foreach((json_t *)(uintptr_t)object, key, value)
        {
            if (fnmatch(name, key, FNM_CASEFOLD) == 0) {
                json_object_set(picked, key, value);
                found = true;
            }
        }
        if (!found)
            json_object_set_new(picked, name, json_null());
    }
    return picked;
}

static void take_format(struct stage *stage, const json_t *object)
{
    OWNED(json_decref) json_t *picked = pick(object, bound(stage, "Property"));
    stage_emit(stage, picked);
}

static void emit_selected(struct stage *stage, const json_t *object)
{
    const char *expand = bound_text(stage_binding(stage), "ExpandProperty");
    if (expand)
        for_each_property(stage, object, expand);
    else
        take_format(stage, object);
}

static enum failure check_select(const struct binding *b, struct error *e)
{
    if (!json_object_get(b->bound, "First") || !json_object_get(b->bound, "Last"))
        return OK;
    fail(e, FAIL_INVALID, "-First and -Last were given: Select-Object takes one end.");
    error_kept(e, "Nothing was done.");
    return error_next(e, "Keep the objects in a variable, and select from it twice.");
}

static void take_select(struct stage *stage, const json_t *object)
{
    struct tally *tally = tally_of(stage);
    const json_t *first = bound(stage, "First"), *last = bound(stage, "Last");
    json_int_t skip = json_integer_value(bound(stage, "Skip"));
    json_int_t place = tally->seen++ - skip;
    if (place < 0)
        return;
    if (last) {
        if (!tally->held)
            tally->held = json_array();
        json_array_append(tally->held, (json_t *)(uintptr_t)object);
        if ((json_int_t)json_array_size(tally->held) > json_integer_value(last))
            json_array_remove(tally->held, 0);
    } else if (!first || place < json_integer_value(first)) {
        emit_selected(stage, object);
    }
    if (first && place + 1 >= json_integer_value(first))
        stage_enough(stage);
}

static void end_select(struct stage *stage)
{
    struct tally *tally = tally_of(stage);
    for (size_t i = 0; i < json_array_size(tally->held); i++)
        emit_selected(stage, json_array_get(tally->held, i));
}

/* --- Where-Object --- */

/* Quotes within are doubled, those of Word as well: each of them could end it. */
static void put_quoted(struct buffer *to, const char *text)
{
    struct bytes left = bytes_of_text(text);
    buffer_u8(to, '\'');
    while (left.size) {
        uint32_t letter;
        size_t size = letter_read(left, &letter);
        for (int i = 0; i < (letter_kind(letter) == LETTER_SINGLE_QUOTE ? 2 : 1); i++)
            buffer_raw(to, left.at, size);
        left = bytes_of(left.at + size, left.size - size);
    }
    buffer_u8(to, '\'');
}

static const char *const operators[] = {"EQ", "NE", "Like", "NotLike", "GT", "GE", "LT", "LE"};

/* One comparison, written in one way: of two, one would be left out in silence. */
static enum failure check_where(const struct binding *b, struct error *e)
{
    const char *op = NULL;
    for (size_t i = 0; i < COUNT_OF(operators); i++) {
        if (!bound_switch(b, operators[i]))
            continue;
        if (op) {
            fail(e, FAIL_INVALID, "-%s and -%s were given: Where-Object compares once.", op,
                 operators[i]);
            error_kept(e, "Nothing was done.");
            return error_next(e, "For several: Where-Object {Property -ge 1 -and Property -lt 5}");
        }
        op = operators[i];
    }
    bool beside = op || bound_text(b, "Property") || json_object_get(b->bound, "Value");
    if (!bound_text(b, "FilterScript") || !beside)
        return OK;
    fail(e, FAIL_INVALID, "-FilterScript was given, and a comparison beside it.");
    error_kept(e, "Nothing was done.");
    return error_next(e, "Write all of it into the braces.");
}

/* "Property -eq value" as the matcher of filters writes it. */
static char *comparison(const struct stage *stage, struct error *e)
{
    const struct binding *b = stage_binding(stage);
    const char *script = bound_text(b, "FilterScript"), *property = bound_text(b, "Property");
    const json_t *with = bound(stage, "Value");
    OWNED(free_memory) char *value = with ? value_text(with) : NULL;
    const char *op = NULL;
    for (size_t i = 0; i < COUNT_OF(operators); i++)
        op = bound_switch(b, operators[i]) ? operators[i] : op;
    bool braces = !op && !value && property && strchr(property, '-'); /* ? {A -eq "b"} */
    if (script || braces)
        return xstrdup(script ? script : property);
    if (!property || !op || !value) {
        fail(e, FAIL_INVALID, "Where-Object lacks what it shall compare.");
        error_kept(e, "Nothing was passed on.");
        error_next(e, "For example: Where-Object Reachable -eq $false");
        return NULL;
    }
    OWNED(buffer_free) struct buffer text = {0};
    buffer_printf(&text, "%s -%s ", property, op);
    if (json_is_null(with) || json_is_boolean(with))
        buffer_printf(&text, "$%s", json_is_null(with) ? "null" : value);
    else
        put_quoted(&text, value);
    return buffer_take_text(&text);
}

static void take_where(struct stage *stage, const json_t *object)
{
    struct error e = {0};
    OWNED(free_memory) char *text = comparison(stage, &e);
    struct filter *filter = NULL;
    if (!text || filter_parse(text, &filter, &e)) {
        stage_fail(stage, &e);
        stage_stop(stage); /* the next one would fail as well */
        return;
    }
    if (filter_fits(filter, object))
        stage_emit(stage, object);
    filter_free(filter);
}

/* --- Sort-Object --- */

struct sorted {
    const json_t *object;
    size_t place; /* where it came: equal ones stay in their order */
};

struct order {
    const json_t *properties; /* NULL: the whole */
    bool descending;
};

/* What is nothing stands first, then numbers, then the rest as it is shown. */
static int rank_of(const json_t *value)
{
    return !value || json_is_null(value) ? 0 : json_is_number(value) ? 1 : 2;
}

static int compare_values(const json_t *a, const json_t *b)
{
    if (rank_of(a) != rank_of(b))
        return rank_of(a) - rank_of(b);
    if (rank_of(a) == 0)
        return 0;
    if (rank_of(a) == 1) {
        double x = json_number_value(a), y = json_number_value(b);
        return (x > y) - (x < y);
    }
    OWNED(free_memory) char *x = value_text(a);
    OWNED(free_memory) char *y = value_text(b);
    return any_case_compare(x, y);
}

static int compare_objects(const json_t *a, const json_t *b, const json_t *properties)
{
    if (!properties)
        return compare_values(a, b);
    int order = 0;
    for (size_t i = 0; !order && i < json_array_size(properties); i++) {
        const char *name = json_string_value(json_array_get(properties, i));
        order = compare_values(property_of(a, name), property_of(b, name));
    }
    return order;
}

static int compare_sorted(const void *a, const void *b, void *context)
{
    const struct sorted *x = a, *y = b;
    const struct order *by = context;
    int order = compare_objects(x->object, y->object, by->properties);
    if (!order)
        return x->place < y->place ? -1 : 1;
    return by->descending ? -order : order;
}

static void take_sort(struct stage *stage, const json_t *object)
{
    struct tally *tally = tally_of(stage);
    if (!tally->held)
        tally->held = json_array();
    json_array_append(tally->held, (json_t *)(uintptr_t)object);
}

static void end_sort(struct stage *stage)
{
    const json_t *held = tally_of(stage)->held;
    size_t count = json_array_size(held);
    struct order order = {.properties = bound(stage, "Property"),
                          .descending = bound_switch(stage_binding(stage), "Descending")};
    if (!count)
        return;
    OWNED(free_memory) struct sorted *all = xcalloc(count, sizeof *all);
    for (size_t i = 0; i < count; i++)
        all[i] = (struct sorted){json_array_get(held, i), i};
    qsort_r(all, count, sizeof *all, compare_sorted, &order);
    for (size_t i = 0; i < count; i++)
        stage_emit(stage, all[i].object);
}

/* --- the others --- */

static void take_nothing(struct stage *stage, const json_t *object)
{
    (void)stage;
    (void)object;
}

static void take_measure(struct stage *stage, const json_t *object)
{
    (void)object;
    tally_of(stage)->seen++;
}

static void end_measure(struct stage *stage)
{
    OWNED(json_decref) json_t *count = json_pack("{s:I}", "Count", tally_of(stage)->seen);
    stage_emit(stage, count);
}

static void take_json(struct stage *stage, const json_t *object)
{
    bool compact = bound_switch(stage_binding(stage), "Compress");
    OWNED(free_memory)
    char *text = json_dumps(object, JSON_ENCODE_ANY | (compact ? JSON_COMPACT : JSON_INDENT(2)));
    OWNED(json_decref) json_t *value = json_string(text);
    stage_emit(stage, value);
}

static void take_member(struct stage *stage, const json_t *object)
{
    member_tell(stage, object, &tally_of(stage)->held);
}

static void start_help(struct stage *stage)
{
    help_run(stage);
}

static void take_help(struct stage *stage, const json_t *object)
{
    (void)object;
    help_run(stage);
}

static void start_commands(struct stage *stage)
{
    help_list_commands(stage);
}

static void take_commands(struct stage *stage, const json_t *object)
{
    (void)object;
    help_list_commands(stage);
}

/* What comes through the pipe is bound to their parameter. */
static void take_output(struct stage *stage, const json_t *object)
{
    (void)object;
    script_write_output(stage);
}

static void take_host(struct stage *stage, const json_t *object)
{
    (void)object;
    script_write_host(stage);
}

/* Without a pipe there is nothing to work on. */
static void start_without_pipe(struct stage *stage)
{
    struct error e;
    const struct command *command = stage_binding(stage)->command;
    fail(&e, FAIL_INVALID, "%s works on what comes through a pipe, and stands in front.",
         command->name);
    error_next(&e, "For example: %s", command->examples[0].line);
    stage_fail(stage, &e);
}

/* --- the table --- */

static const struct local {
    enum command_id id;
    void (*start)(struct stage *stage);
    void (*take)(struct stage *stage, const json_t *object);
    void (*end)(struct stage *stage);
    enum render_form form;
    enum failure (*check)(const struct binding *b, struct error *e);
} locals[] = {
    {COMMAND_get_help, start_help, take_help, NULL, RENDER_AUTO, NULL},
    {COMMAND_get_command, start_commands, take_commands, NULL, RENDER_AUTO, NULL},
    {COMMAND_for_each_object, start_without_pipe, for_each_take, for_each_end, RENDER_AUTO,
     for_each_check},
    {COMMAND_get_member, start_without_pipe, take_member, NULL, RENDER_TABLE, NULL},
    {COMMAND_write_output, script_write_output, take_output, NULL, RENDER_AUTO, NULL},
    {COMMAND_write_host, script_write_host, take_host, NULL, RENDER_AUTO, NULL},
    {COMMAND_start_sleep, script_sleep, take_nothing, NULL, RENDER_AUTO, script_sleep_check},
    {COMMAND_import_module, script_import_module, take_nothing, NULL, RENDER_AUTO, NULL},
    {COMMAND_format_list, start_without_pipe, take_format, NULL, RENDER_LIST, NULL},
    {COMMAND_format_table, start_without_pipe, take_format, NULL, RENDER_TABLE, NULL},
    {COMMAND_select_object, start_without_pipe, take_select, end_select, RENDER_AUTO, check_select},
    {COMMAND_where_object, start_without_pipe, take_where, NULL, RENDER_AUTO, check_where},
    {COMMAND_measure_object, start_without_pipe, take_measure, end_measure, RENDER_AUTO, NULL},
    {COMMAND_sort_object, start_without_pipe, take_sort, end_sort, RENDER_AUTO, NULL},
    {COMMAND_out_null, start_without_pipe, take_nothing, NULL, RENDER_AUTO, NULL},
    {COMMAND_convert_to_json, start_without_pipe, take_json, NULL, RENDER_AUTO, NULL},
};

static const struct local *local_of(const struct command *command)
{
    for (size_t i = 0; i < COUNT_OF(locals); i++) {
        if (command_at(locals[i].id) == command)
            return &locals[i];
    }
    abort(); /* the table of commands has one that nobody carries out */
}

enum failure local_check(const struct binding *b, struct error *e)
{
    const struct local *local = command_is_remote(b->command) ? NULL : local_of(b->command);
    return local && local->check ? local->check(b, e) : OK;
}

void local_start(struct stage *stage)
{
    local_of(stage_binding(stage)->command)->start(stage);
}

void local_take(struct stage *stage, const json_t *object)
{
    local_of(stage_binding(stage)->command)->take(stage, object);
}

void local_end(struct stage *stage)
{
    const struct local *local = local_of(stage_binding(stage)->command);
    struct tally *tally = *stage_state(stage);
    if (local->end)
        local->end(stage);
    tally = *stage_state(stage);
    if (tally)
        json_decref(tally->held);
    free(tally);
    *stage_state(stage) = NULL;
}

enum render_form local_form(const struct command *command)
{
    return command_is_remote(command) ? RENDER_AUTO : local_of(command)->form;
}
