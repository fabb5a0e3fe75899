#include "cmdlet/shell/script_command.h"

#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "cmdlet/answer/text.h"
#include "cmdlet/answer/value.h"

static const json_t *bound(const struct stage *stage, const char *parameter)
{
    return json_object_get(stage_binding(stage)->bound, parameter);
}

void script_write_output(struct stage *stage)
{
    const json_t *value = bound(stage, "InputObject");
    if (!json_is_array(value)) {
        if (value)
            stage_emit(stage, value);
        return;
    }
    for (size_t i = 0; i < json_array_size(value); i++)
        stage_emit(stage, json_array_get(value, i));
}

/* --- Write-Host --- */

/* As terminals number them: dark ones first, then bright ones. */
static const char *const colours[] = {"Black",    "DarkRed",     "DarkGreen", "DarkYellow",
                                      "DarkBlue", "DarkMagenta", "DarkCyan",  "Gray",
                                      "DarkGray", "Red",         "Green",     "Yellow",
                                      "Blue",     "Magenta",     "Cyan",      "White"};
enum {
    COLOURS_DARK = 8,
    FOREGROUND = 30, /* what a terminal adds to the number of a dark one … */
    BACKGROUND = 40,
    BRIGHT = 60, /* … and of a bright one besides */
};

static void put_colour(const struct stage *stage, const char *parameter, int base)
{
    const char *wanted = bound_text(stage_binding(stage), parameter);
    for (int i = 0; wanted && i < (int)COUNT_OF(colours); i++) {
        if (strcmp(colours[i], wanted) == 0)
            printf("\033[%dm", base + i % COLOURS_DARK + (i < COLOURS_DARK ? 0 : BRIGHT));
    }
}

/* The entries of a list stand beside each other. */
static char *text_to_show(const json_t *value)
{
    OWNED(buffer_free) struct buffer all = {0};
    for (size_t i = 0; i < json_array_size(value); i++) {
        OWNED(free_memory) char *one = value_text(json_array_get(value, i));
        buffer_printf(&all, "%s%s", i ? " " : "", one);
    }
    OWNED(free_memory)
    char *text = json_is_array(value) ? buffer_take_text(&all)
                 : value              ? value_text(value)
                                      : xstrdup("");
    return text_harmless(text);
}

void script_write_host(struct stage *stage)
{
    bool terminal = stage_session(stage)->out_is_terminal;
    bool coloured =
        terminal && (bound(stage, "ForegroundColor") || bound(stage, "BackgroundColor"));
    OWNED(free_memory) char *text = text_to_show(bound(stage, "Object"));
    if (terminal) {
        put_colour(stage, "ForegroundColor", FOREGROUND);
        put_colour(stage, "BackgroundColor", BACKGROUND);
    }
    fputs(text, stdout);
    fputs(coloured ? "\033[0m" : "", stdout);
    fputs(bound_switch(stage_binding(stage), "NoNewline") ? "" : "\n", stdout);
    fflush(stdout); /* a failure of it is told at the pipe's end (run_check_output) */
}

/* --- Start-Sleep --- */

enum failure script_sleep_check(const struct binding *b, struct error *e)
{
    bool seconds = json_object_get(b->bound, "Seconds"),
         ms = json_object_get(b->bound, "Milliseconds");
    if (seconds != ms)
        return OK;
    fail(e, FAIL_INVALID,
         seconds ? "-Seconds and -Milliseconds were given: Start-Sleep takes one."
                 : "Start-Sleep lacks how long it shall wait.");
    error_kept(e, "Nothing was done.");
    return error_next(e, "For example: Start-Sleep -Seconds 5");
}

void script_sleep(struct stage *stage)
{
    const json_t *seconds = bound(stage, "Seconds"), *ms = bound(stage, "Milliseconds");
    session_sleep(seconds ? (uint64_t)json_integer_value(seconds) * 1000
                          : (uint64_t)json_integer_value(ms));
}

/* --- Import-Module --- */

static const char *const modules[] = {"SkypeForBusiness", "Lync"};

static bool is_here(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(modules); i++) {
        if (strcasecmp(modules[i], name) == 0)
            return true;
    }
    return false;
}

void script_import_module(struct stage *stage)
{
    const json_t *names = bound(stage, "Name");
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        struct error e;
        if (is_here(name))
            continue;
        fail(&e, FAIL_NOT_FOUND, "There is no module %.64s.", name);
        error_next(&e, "What can be done here, Get-Command lists; it needs no module.");
        stage_fail(stage, &e);
    }
}
