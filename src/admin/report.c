#include "admin/report.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/count.h"
#include "cmdlet/parameter.h"

struct report {
    json_t *facts, *steps, *figures;
    json_t *lists[REPORT_LISTS];
    uint64_t left_out[REPORT_LISTS];
    uint64_t began_ms, began_wall_ms, step_ms;
    bool failure_is_measured; /* the step that failed is known */
};

static const char *const list_names[REPORT_LISTS] = {
    [REPORT_WHAT_IF] = "WhatIf", [REPORT_WARNINGS] = "Warnings", [REPORT_ERRORS] = "Errors"};

/* All by one look at the wall clock: somebody may set it meanwhile. */
static json_t *moment(const struct report *report, uint64_t at_ms)
{
    char text[CLOCK_TEXT_MAX];
    uint64_t wall_ms = report->began_wall_ms + (at_ms - report->began_ms);
    return json_string(clock_wall_text(wall_ms, text));
}

static json_t *seconds(uint64_t began_ms, uint64_t ended_ms)
{
    return json_real(ended_ms > began_ms ? (double)(ended_ms - began_ms) / 1000 : 0);
}

struct report *report_new(const struct command *command, const json_t *parameters,
                          const struct caller *caller, const char *machine, const char *pool)
{
    struct report *report = xcalloc(1, sizeof *report);
    report->began_ms = clock_ms();
    report->began_wall_ms = clock_wall_ms();
    report->facts = json_pack("{s:i, s:s, s:o, s:s, s:s, s:s, s:s, s:s, s:o}", "PolluxReport",
                              REPORT_FORMAT, "Command", command->name, "Parameters",
                              parameters_presentable(command, parameters), "GivenBy", caller->name,
                              "GivenFrom", caller->from, "CarriedOutBy", machine, "Pool", pool,
                              "Version", POLLUX_VERSION, "Began", moment(report, report->began_ms));
    report->steps = json_array();
    report->figures = json_array();
    for (int i = 0; i < REPORT_LISTS; i++)
        report->lists[i] = json_array();
    return report;
}

void report_free(struct report *report)
{
    if (!report)
        return;
    json_decref(report->facts);
    json_decref(report->steps);
    json_decref(report->figures);
    for (int i = 0; i < REPORT_LISTS; i++)
        json_decref(report->lists[i]);
    free(report);
}

static json_t *current_step(const struct report *report)
{
    size_t count = json_array_size(report->steps);
    return count ? json_array_get(report->steps, count - 1) : NULL;
}

static void end_step(struct report *report, uint64_t now_ms)
{
    json_t *step = current_step(report);
    if (step && !json_object_get(step, "Seconds"))
        json_object_set_new(step, "Seconds", seconds(report->step_ms, now_ms));
}

static void begin_step(struct report *report, const char *name, uint64_t began_ms)
{
    end_step(report, began_ms);
    report->step_ms = began_ms;
    if (json_array_size(report->steps) < REPORT_LINES_MAX)
        json_array_append_new(report->steps, json_pack("{s:s, s:o, s:s}", "Name", name, "Began",
                                                       moment(report, began_ms), "Result", "done"));
}

void report_step(struct report *report, const char *name)
{
    begin_step(report, name, clock_ms());
}

static void fail_step(struct report *report)
{
    json_t *step = current_step(report);
    if (step)
        json_object_set_new(step, "Result", json_string("failed"));
}

void report_measured(struct report *report, const struct report_step *step)
{
    begin_step(report, step->name, step->began_ms);
    end_step(report, step->ended_ms);
    if (step->failed)
        fail_step(report);
    report->failure_is_measured |= step->failed;
}

void report_figure(struct report *report, const char *name, json_t *value)
{
    if (json_array_size(report->figures) < REPORT_LINES_MAX)
        json_array_append_new(report->figures,
                              json_pack("{s:s, s:O}", "Name", name, "Value", value));
    json_decref(value);
}

void report_add(struct report *report, enum report_list list, json_t *value)
{
    if (list == REPORT_ERRORS && !report->failure_is_measured)
        fail_step(report);
    if (json_array_size(report->lists[list]) < REPORT_LINES_MAX)
        json_array_append(report->lists[list], value);
    else
        report->left_out[list]++;
    json_decref(value);
}

json_t *report_facts(struct report *report, const char *result)
{
    json_t *facts = json_copy(report->facts);
    uint64_t now_ms = clock_ms();
    end_step(report, now_ms);
    json_object_set_new(facts, "Ended", moment(report, now_ms));
    json_object_set_new(facts, "Seconds", seconds(report->began_ms, now_ms));
    json_object_set_new(facts, "Result", json_string(result));
    json_object_set(facts, "Steps", report->steps);
    json_object_set(facts, "Figures", report->figures);
    for (int i = 0; i < REPORT_LISTS; i++) {
        json_object_set(facts, list_names[i], report->lists[i]);
        if (report->left_out[i])
            report_figure(report, list_names[i],
                          json_sprintf("%llu more %s left out",
                                       (unsigned long long)report->left_out[i],
                                       count_word(report->left_out[i], "is", "are")));
    }
    return facts;
}
