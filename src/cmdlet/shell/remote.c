#include "cmdlet/shell/remote.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "cmdlet/parameter.h"
#include "cmdlet/server.h"
#include "cmdlet/shell/session.h"
#include "http/ask.h"

DEFINE_OWNED(json_t *, json_decref)

struct answer {
    const struct remote_options *options;
    unsigned status;
    bool complete, failed, told; /* its status came, is no "done"; an error came */
    bool can_be_left, sent;
    struct buffer refusal; /* the body of a status other than 200 */
};

static json_t *told(const struct binding *b, const struct remote_options *options)
{
    json_t *told = json_object();
    const struct parameter *p;
    for (size_t i = 0; (p = command_parameter_at(b->command, i)); i++) {
        json_t *value = json_object_get(b->bound, p->name);
        if (value && parameter_is_sent(p))
            json_object_set(told, p->name, value);
    }
    if (options->hidden)
        json_object_update(told, (json_t *)(uintptr_t)options->hidden);
    if (options->what_if)
        json_object_set_new(told, "WhatIf", json_true());
    return told;
}

static void on_message(struct answer *answer, const json_t *message)
{
    const char *status = json_string_value(json_object_get(message, "status"));
    if (status) {
        answer->complete = true;
        answer->failed = strcmp(status, "done") != 0;
        return;
    }
    answer->told = answer->told || json_object_get(message, "error");
    answer->options->message(message, answer->options->context);
}

static void on_line(void *context, struct bytes line)
{
    struct answer *answer = context;
    if (answer->status != 200) {
        size_t room = REFUSAL_BYTES_MAX - answer->refusal.size;
        buffer_raw(&answer->refusal, line.at, line.size < room ? line.size : room);
        return;
    }
    OWNED(json_decref) json_t *message = json_loadb((const char *)line.at, line.size, 0, NULL);
    if (message)
        on_message(answer, message);
}

static bool go_on(void *context)
{
    const struct answer *answer = context;
    if (answer->options->wait)
        answer->options->wait(answer->options->context);
    if (session_interrupted())
        return answer->can_be_left && answer->sent &&
               answer->options->left(answer->options->context);
    return !(answer->options->enough && *answer->options->enough);
}

static void debug(const struct binding *b, const struct remote_options *options, json_t *sentence)
{
    OWNED(json_decref) json_t *message = json_pack("{s:o}", "debug", sentence);
    if (bound_switch(b, "Debug"))
        options->message(message, options->context);
}

static enum failure ask(const struct http_place *place, const struct http_question *question,
                        struct answer *answer, struct error *e)
{
    enum failure bad = http_ask(place, question, &answer->status, e);
    if (!bad && answer->status != 200)
        bad = http_error_from_answer(answer->status, buffer_view(&answer->refusal), e);
    if (!bad && !answer->complete) {
        fail(e, FAIL_IO, "polluxd broke its answer off.");
        error_kept(e, "Whether the command was done is not known.");
        bad = error_next(e, "Its log says why. See what is there before you repeat the command.");
    }
    if (!bad && answer->failed && !answer->told) {
        fail(e, FAIL_IO, "polluxd says that the command failed, and not why.");
        bad = error_next(e, "Its log may say why. See what is there before you repeat it.");
    }
    return bad;
}

enum failure remote_run(const struct binding *b, const struct remote_options *options,
                        struct error *e)
{
    struct http_place place = {0};
    char host[FQDN_SIZE];
    enum failure bad = server_from_environment(&place, host, e);
    if (bad)
        return bad;
    OWNED(json_decref) json_t *parameters = told(b, options);
    OWNED(free_memory) char *body = json_dumps(parameters, JSON_COMPACT);
    OWNED(json_decref) json_t *presentable = parameters_presentable(b->command, parameters);
    OWNED(free_memory) char *shown = json_dumps(presentable, JSON_COMPACT);
    OWNED(free_memory) char *path = xasprintf("/admin/v1/commands/%s", b->command->name);
    /* What is encrypted would end with whichever of both ends first. */
    struct answer answer = {.options = options, .can_be_left = place.socket_path && options->left};
    struct http_question question = {.method = "POST",
                                     .path = path,
                                     .body = bytes_of_text(body),
                                     .silence_ms = REMOTE_SILENCE_MS,
                                     .each = on_line,
                                     .go_on = go_on,
                                     .context = &answer,
                                     .sent = &answer.sent};
    uint64_t began = clock_us();
    debug(b, options,
          json_sprintf("%s is asked: POST %s %s",
                       place.socket_path ? place.socket_path : place.host, path, shown));
    bad = ask(&place, &question, &answer, e);
    debug(b, options,
          json_sprintf("It answered with status %u within %.1f ms.", answer.status,
                       (double)(clock_us() - began) / 1000));
    buffer_free(&answer.refusal);
    return bad;
}
