#include "admin/call.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/report.h"
#include "base/clock.h"
#include "cmdlet/parameter.h"

struct call {
    struct call_options with;
    uint64_t began_ms;
    void *state;
    char *progress; /* what was said last of it, and when */
    uint64_t progress_ms;
    loop_call *tick;
    uint64_t spoke_ms;     /* when it last said that it goes on */
    struct report *report; /* NULL: nobody wants one, or another machine makes it */
    pthread_mutex_t lock; /* its thread and the loop's keep-alive write to one stream; the report */
    atomic_bool failed, unwanted, abandoned;
    bool is_part; /* of another call */
};

struct call *call_new(const struct call_options *options)
{
    struct call *call = xcalloc(1, sizeof *call);
    call->with = *options;
    call->began_ms = call->spoke_ms = clock_ms();
    pthread_mutex_init(&call->lock, NULL);
    if (json_object_get(options->parameters, "Report")) {
        const struct machine *self = front_end_config(options->fe)->self;
        call->report = report_new(options->command, options->parameters, options->caller,
                                  self->fqdn, self->pool->fqdn);
    }
    http_stream_begin(options->request, 200, "application/x-ndjson");
    return call;
}

struct front_end *call_front_end(const struct call *call)
{
    return call->with.fe;
}

const struct command *call_command(const struct call *call)
{
    return call->with.command;
}

const struct caller *call_caller(const struct call *call)
{
    return call->with.caller;
}

const json_t *call_parameters(const struct call *call)
{
    return call->with.parameters;
}

const json_t *call_value(const struct call *call, const char *parameter)
{
    return json_object_get(call->with.parameters, parameter);
}

const char *call_text(const struct call *call, const char *parameter)
{
    return json_string_value(call_value(call, parameter));
}

bool call_switch(const struct call *call, const char *parameter)
{
    return json_is_true(call_value(call, parameter));
}

char *call_typed(const struct call *call, json_t *instead)
{
    json_t *given = json_copy(call->with.parameters), *value;
    const char *name;
    json_object_foreach(instead, name, value)
    {
        if (json_is_null(value))
            json_object_del(given, name);
        else
            json_object_set(given, name, value);
    }
    json_decref(instead);
    char *line = parameters_typed(call->with.command, given);
    json_decref(given);
    return line;
}

/* --- saying --- */

static void write_line(struct call *call, struct bytes line)
{
    pthread_mutex_lock(&call->lock);
    if (!http_stream_write(call->with.request, line))
        call->unwanted = true;
    pthread_mutex_unlock(&call->lock);
}

static void say(struct call *call, json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT);
    json_decref(line);
    if (!text) /* a name in a file that is not UTF-8, for example */
        text = xstrdup("{\"warning\":\"A part of the answer can't be shown: it is not UTF-8.\"}");
    OWNED(buffer_free) struct buffer b = {0};
    buffer_printf(&b, "%s\n", text);
    write_line(call, buffer_view(&b));
    free(text);
}

static json_t *text_of(const char *format, va_list args)
{
    char text[ERROR_TEXT_MAX];
    vsnprintf(text, sizeof text, format, args);
    json_t *value = json_string(text);
    return value ? value : json_string("(not UTF-8)");
}

/* Takes `value` over. */
static void report(struct call *call, enum report_list list, json_t *value)
{
    pthread_mutex_lock(&call->lock);
    if (call->report)
        report_add(call->report, list, json_incref(value));
    pthread_mutex_unlock(&call->lock);
    json_decref(value);
}

static void say_sentence(struct call *call, const char *stream, const char *sentence, va_list args)
{
    json_t *value = text_of(sentence, args);
    if (strcmp(stream, "warning") == 0)
        report(call, REPORT_WARNINGS, json_incref(value));
    else if (strcmp(stream, "whatif") == 0)
        report(call, REPORT_WHAT_IF, json_incref(value));
    say(call, json_pack("{s:o}", stream, value));
}

/* Takes `value` over; NULL: a step begins. */
static void report_named(struct call *call, json_t *value, const char *name, va_list args)
{
    json_t *text = text_of(name, args);
    pthread_mutex_lock(&call->lock);
    if (call->report && value)
        report_figure(call->report, json_string_value(text), json_incref(value));
    else if (call->report)
        report_step(call->report, json_string_value(text));
    pthread_mutex_unlock(&call->lock);
    json_decref(text);
    json_decref(value);
}

void call_step(struct call *call, const char *name, ...)
{
    va_list args;
    va_start(args, name);
    report_named(call, NULL, name, args);
    va_end(args);
}

void call_measured(struct call *call, const struct report_step *step)
{
    pthread_mutex_lock(&call->lock);
    if (call->report)
        report_measured(call->report, step);
    pthread_mutex_unlock(&call->lock);
}

void call_figure(struct call *call, json_t *value, const char *name, ...)
{
    va_list args;
    va_start(args, name);
    report_named(call, value, name, args);
    va_end(args);
}

bool call_has_report(struct call *call)
{
    pthread_mutex_lock(&call->lock);
    bool has = call->report;
    pthread_mutex_unlock(&call->lock);
    return has;
}

void call_figures(struct call *call, json_t *object, const char *whose)
{
    const char *name;
    json_t *value;
    if (!call_has_report(call))
        return;
    json_object_foreach(object, name, value)
    {
        if (!json_is_null(value))
            call_figure(call, json_incref(value), "%s: %s", whose, name);
    }
}

#define SAY(stream)                                                                                \
    do {                                                                                           \
        va_list args;                                                                              \
        va_start(args, sentence);                                                                  \
        say_sentence(call, stream, sentence, args);                                                \
        va_end(args);                                                                              \
    } while (0)

void call_object(struct call *call, json_t *object)
{
    say(call, json_pack("{s:o}", "object", object));
}

void call_warning(struct call *call, const char *sentence, ...)
{
    SAY("warning");
}

void call_caution(struct call *call, const char *sentence, ...)
{
    va_list args;
    va_start(args, sentence);
    if (call_switch(call, "Force")) /* the report has it all the same */
        report(call, REPORT_WARNINGS, text_of(sentence, args));
    else
        say_sentence(call, "warning", sentence, args);
    va_end(args);
}

void call_information(struct call *call, const char *sentence, ...)
{
    SAY("information");
}

void call_verbose(struct call *call, const char *sentence, ...)
{
    if (call_switch(call, "Verbose"))
        SAY("verbose");
}

bool call_what_if(struct call *call, const char *sentence, ...)
{
    bool only = call_switch(call, "WhatIf");
    if (only)
        SAY("whatif");
    return only;
}

void call_progress(struct call *call, const struct call_progress *p)
{
    uint64_t now = clock_ms();
    if (call->progress && now - call->progress_ms < CALL_PROGRESS_MS)
        return;
    call->progress_ms = now;
    json_t *line = json_pack("{s:s, s:s}", "activity", p->activity, "status", p->status);
    if (p->total) {
        json_object_set_new(line, "done", json_integer((json_int_t)p->done));
        json_object_set_new(line, "total", json_integer((json_int_t)p->total));
    }
    if (p->follow)
        json_object_set_new(line, "follow", json_string(p->follow));
    if (p->cancel)
        json_object_set_new(line, "cancel", json_string(p->cancel));
    char *text = json_dumps(line, JSON_COMPACT);
    bool news = !call->progress || (text && strcmp(text, call->progress) != 0);
    free(call->progress);
    call->progress = text;
    if (p->began_ms) /* that time goes on is no news */
        json_object_set_new(line, "elapsed", json_integer((json_int_t)(now - p->began_ms)));
    if (news)
        say(call, json_pack("{s:O}", "progress", line));
    json_decref(line);
}

void call_error(struct call *call, const struct error *e)
{
    OWNED(free_memory) char *text = http_error_to_json(e);
    json_t *value = json_loads(text, 0, NULL);
    call->failed = true;
    report(call, REPORT_ERRORS, json_incref(value));
    say(call, json_pack("{s:o}", "error", value));
}

static void report_drop(struct call *call)
{
    pthread_mutex_lock(&call->lock);
    report_free(TAKE(call->report));
    pthread_mutex_unlock(&call->lock);
}

void call_record(struct call *call, json_t *record)
{
    say(call, json_pack("{s:o}", "record", record));
}

void call_want_part(struct call *call, const char *transfer, uint64_t number)
{
    say(call,
        json_pack("{s:{s:s, s:I}}", "part", "transfer", transfer, "number", (json_int_t)number));
}

void call_be_part(struct call *call)
{
    call->is_part = true;
}

bool call_is_part(const struct call *call)
{
    return call->is_part;
}

/* The end is ours to tell; all else goes on as it came. */
void call_relay(struct call *call, struct bytes line)
{
    if (bytes_equal(line, bytes_of_text("{\"status\":\"failed\"}")))
        call->failed = true;
    if (bytes_start_with(line, bytes_of_text("{\"status\":")))
        return;
    if (bytes_start_with(line, bytes_of_text("{\"report\":")))
        report_drop(call);
    OWNED(buffer_free) struct buffer b = {0};
    buffer_raw(&b, line.at, line.size);
    buffer_u8(&b, '\n');
    write_line(call, buffer_view(&b));
}

static enum failure nobody_waits(struct error *e)
{
    fail(e, FAIL_STOPPING, "Nobody waits for the answer any more.");
    return error_kept(e, "Nothing was done.");
}

enum failure call_check_awaited(struct http_request *request, struct error *e)
{
    return http_request_is_awaited(request) ? OK : nobody_waits(e);
}

bool call_is_unwanted(const struct call *call)
{
    return call->unwanted;
}

enum failure call_check_wanted(const struct call *call, struct error *e)
{
    return call->unwanted ? nobody_waits(e) : call_check_awaited(call->with.request, e);
}

bool call_flow(struct call *call)
{
    return !call->unwanted && http_stream_drain(call->with.request, CALL_READER_MS_MAX);
}

void call_tick(struct call *call)
{
    uint64_t now = clock_ms();
    if (now - call->spoke_ms >= CALL_KEEP_ALIVE_MS) {
        write_line(call, bytes_of_text("\n"));
        call->spoke_ms = now;
    }
    if (call->tick)
        call->tick(call);
}

bool call_is_abandoned(const struct call *call)
{
    return call->abandoned;
}

void call_abandon(struct call *call)
{
    call->abandoned = true;
    call->unwanted = true;
    call->with.workers = NULL;
}

bool call_is_passed_on(const struct call *call)
{
    return call->with.passed_on;
}

void call_take_back(struct call *call, struct workers *workers)
{
    call->with.passed_on = false;
    call->with.workers = workers;
    call->state = NULL;
    call->tick = NULL;
}

void *call_context(const struct call *call)
{
    return call->with.context;
}

/* --- the end --- */

uint64_t call_elapsed_ms(const struct call *call)
{
    return clock_ms() - call->began_ms;
}

void call_end(struct call *call)
{
    const char *result = call->failed ? "failed" : "done";
    call->with.ended(call, result, call->with.context);
    if (call->report)
        say(call, json_pack("{s:o}", "report", report_facts(call->report, result)));
    report_drop(call);
    say(call, json_pack("{s:s}", "status", result));
    http_stream_end(call->with.request);
    free(call->progress);
    json_decref(call->with.parameters);
    caller_free(call->with.caller);
    pthread_mutex_destroy(&call->lock);
    free(call);
}

void call_fail(struct call *call, const struct error *e)
{
    call_error(call, e);
    call_end(call);
}

/* --- waiting --- */

void call_each_tick(struct call *call, loop_call *tick)
{
    call->tick = tick;
}

/* --- beside the loop --- */

void call_keep(struct call *call, void *state)
{
    call->state = state;
}

void *call_kept(const struct call *call)
{
    return call->state;
}

bool call_on_thread(struct call *call, loop_call *work, loop_call *done)
{
    struct workers *workers = call->with.workers;
    if (workers && workers_run(workers, work, done, call))
        return true;
    struct error e;
    fail(&e, FAIL_BUSY, "Too many commands are under way on this machine.");
    error_kept(&e, "Nothing was done.");
    error_next(&e, "Try again shortly.");
    call_fail(call, &e);
    return false;
}
