#include "cmdlet/command_line.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "base/bytes.h"
#include "cmdlet/commands.h"
#include "cmdlet/answer/render.h"
#include "cmdlet/server.h"
#include "http/ask.h"

enum {
    FILE_BYTES_MAX = 512 << 10, /* of a parameter that is a file: less than the daemon takes */
    PARAMETER_NAME_MAX = 64,
};

DEFINE_OWNED(json_t *, json_decref)

/* --- help --- */

static void show_help(const struct command *command, FILE *out)
{
    static const char *const kinds[] = {
        [TEXT] = " <text>", [FQDN] = " <fqdn>", [SWITCH] = "", [FILE_TEXT] = " <file>"};
    fprintf(out, "%s", command->name);
    for (size_t i = 0; i < command->parameter_count; i++) {
        const struct parameter *p = &command->parameters[i];
        bool required = p->need == REQUIRED;
        fprintf(out, " %s-%s%s%s", required ? "" : "[", p->name, kinds[p->type],
                required ? "" : "]");
    }
    fprintf(out, "\n\n%s\n", command->synopsis);
    for (size_t i = 0; i < command->parameter_count; i++)
        fprintf(out, "\n  -%s\n      %s\n", command->parameters[i].name,
                command->parameters[i].help);
}

/* --- binding --- */

static enum failure refuse_parameter(const struct command *command, const char *name,
                                     bool ambiguous, struct error *e)
{
    OWNED(buffer_free) struct buffer all = {0};
    for (size_t i = 0; i < command->parameter_count; i++)
        buffer_printf(&all, " -%s", command->parameters[i].name);
    buffer_u8(&all, 0);
    fail(e, FAIL_INVALID,
         ambiguous ? "-%s could be several parameters of %s." : "There is no parameter -%s of %s.",
         name, command->name);
    error_kept(e, "Nothing was done.");
    return error_next(e, "It has:%s", (const char *)all.at);
}

static json_t *read_file(const char *path, struct error *e)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        fail(e, FAIL_NOT_FOUND, "%s can't be read: %s.", path, strerror(errno));
        return NULL;
    }
    OWNED(free_memory) char *text = xmalloc(FILE_BYTES_MAX + 1);
    size_t size = fread(text, 1, FILE_BYTES_MAX + 1, file);
    bool broken = ferror(file) != 0;
    fclose(file);
    if (broken)
        fail(e, FAIL_IO, "%s can't be read.", path);
    else if (size > FILE_BYTES_MAX)
        fail(e, FAIL_INVALID, "%s is larger than %d bytes.", path, FILE_BYTES_MAX);
    json_t *value = broken || size > FILE_BYTES_MAX ? NULL : json_stringn(text, size);
    if (!value && !broken && size <= FILE_BYTES_MAX)
        fail(e, FAIL_INVALID, "%s is not a text in UTF-8.", path);
    return value;
}

static json_t *read_switch(const char *name, const char *value, struct error *e)
{
    if (!value || strcasecmp(value, "$true") == 0)
        return json_true();
    if (strcasecmp(value, "$false") == 0)
        return json_false();
    fail(e, FAIL_INVALID, "-%s takes no value but $true or $false, not \"%s\".", name, value);
    if (!*value)
        error_next(e, "The shell has eaten it; write '-%s:$false', in single quotes.", name);
    return NULL;
}

static json_t *read_value(const struct parameter *p, const char *value, struct error *e)
{
    if (p->type == SWITCH)
        return read_switch(p->name, value, e);
    if (!value) {
        fail(e, FAIL_INVALID, "-%s lacks its value.", p->name);
        return NULL;
    }
    if (p->type == FILE_TEXT)
        return read_file(value, e);
    json_t *text = json_string(value);
    if (!text)
        fail(e, FAIL_INVALID, "The value of -%s is not UTF-8.", p->name);
    return text;
}

/* One parameter: "-Name value", "-Name:value", "-Switch". Returns how many words it took, or 0. */
static int bind_one(const struct command *command, int left, char **words, json_t *bound,
                    struct error *e)
{
    char name[PARAMETER_NAME_MAX];
    if (words[0][0] != '-') {
        fail(e, FAIL_INVALID, "\"%s\" is not a parameter: parameters begin with \"-\".", words[0]);
        return 0;
    }
    const char *colon = strchr(words[0], ':');
    size_t length = colon ? (size_t)(colon - words[0]) - 1 : strlen(words[0] + 1);
    snprintf(name, sizeof name, "%.*s", (int)length, words[0] + 1);
    bool ambiguous;
    const struct parameter *p = command_parameter(command, name, &ambiguous);
    if (!p || !*name) {
        refuse_parameter(command, name, ambiguous, e);
        return 0;
    }
    if (json_object_get(bound, p->name)) {
        fail(e, FAIL_INVALID, "-%s was given twice.", p->name);
        return 0;
    }
    bool next_word = !colon && p->type != SWITCH && left > 1;
    json_t *value = read_value(p, colon ? colon + 1 : next_word ? words[1] : NULL, e);
    if (!value)
        return 0;
    json_object_set_new(bound, p->name, value);
    return next_word ? 2 : 1;
}

static enum failure bind(const struct command *command, int count, char **words, json_t *bound,
                         struct error *e)
{
    for (int i = 0; i < count;) {
        int taken = bind_one(command, count - i, words + i, bound, e);
        if (taken == 0)
            return e->kind;
        i += taken;
    }
    for (size_t i = 0; i < command->parameter_count; i++) {
        const struct parameter *p = &command->parameters[i];
        if (p->need == REQUIRED && !json_object_get(bound, p->name)) {
            fail(e, FAIL_INVALID, "The parameter -%s is missing.", p->name);
            return error_next(e, "%s -? shows them all.", command->name);
        }
    }
    return OK;
}

/* --- asking --- */

struct answer {
    struct render *render;
    unsigned status;
    bool done;
    enum failure failed;   /* the first error's kind */
    struct buffer refusal; /* the body of a status other than 200 */
};

static void on_line(void *context, struct bytes line)
{
    struct answer *answer = context;
    if (answer->status != 200) {
        buffer_raw(&answer->refusal, line.at, line.size);
        return;
    }
    OWNED(json_decref) json_t *message = json_loadb((const char *)line.at, line.size, 0, NULL);
    const json_t *error = json_object_get(message, "error");
    const char *status = json_string_value(json_object_get(message, "status"));
    render_message(answer->render, message);
    if (error) {
        struct error e;
        /* It was typed rightly, or it would not have begun. */
        if (!answer->failed)
            answer->failed = notice_read_error(error, &e) == FAIL_DENIED ? FAIL_DENIED : FAIL_IO;
    }
    if (status) {
        answer->done = true;
        if (!answer->failed && strcmp(status, "done") != 0)
            answer->failed = FAIL_IO;
    }
}

static int status_of(enum failure kind)
{
    switch ((int)kind) {
    case OK: return STATUS_DONE;
    case FAIL_INVALID: return STATUS_MISUSED;
    case FAIL_DENIED: return STATUS_NOT_PERMITTED;
    default: return STATUS_FAILED;
    }
}

static enum failure ask(const struct command *command, json_t *bound, struct answer *answer,
                        struct error *e)
{
    struct http_place place;
    char host[FQDN_SIZE], path[128];
    enum failure bad = server_from_environment(&place, host, e);
    if (bad)
        return bad;
    snprintf(path, sizeof path, "/admin/v1/commands/%s", command->name);
    OWNED(free_memory) char *body = json_dumps(bound, JSON_COMPACT);
    const struct http_question question = {.method = "POST",
                                           .path = path,
                                           .body = bytes_of_text(body),
                                           .each = on_line,
                                           .context = answer};
    bad = http_ask(&place, &question, &answer->status, e);
    if (!bad && answer->status != 200)
        bad = http_error_from_answer(answer->status, buffer_view(&answer->refusal), e);
    if (!bad && !answer->done)
        bad = fail(e, FAIL_IO,
                   "polluxd broke its answer off; whether the command was done is not "
                   "known.");
    return bad;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* What nobody could read was not shown, whatever the daemon did. */
static enum failure finish_output(struct error *e)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return OK;
    return fail(e, FAIL_IO, "The output can't be written: %s.", strerror(errno));
}

int command_line_run(int argc, char **argv)
{
    const char *name = base_name(argv[0]);
    int id = command_find(name);
    struct error e = {0};
    if (id < 0) {
        const char *nearest = command_nearest(name);
        fprintf(stderr, "pollux: There is no command \"%s\".%s%s%s\n", name, nearest ? " Was " : "",
                nearest ? nearest : "", nearest ? " meant?" : "");
        return STATUS_MISUSED;
    }
    const struct command *command = command_at((size_t)id);
    if (argc == 2 && (strcmp(argv[1], "-?") == 0 || strcmp(argv[1], "--help") == 0)) {
        show_help(command, stdout);
        if (!finish_output(&e))
            return STATUS_DONE;
        notice_show_error(stderr, command->name, &e);
        return STATUS_FAILED;
    }
    OWNED(json_decref) json_t *bound = json_object();
    const struct render_options looks = {.command = command->name,
                                         .out = stdout,
                                         .err = stderr,
                                         .form = RENDER_LIST,
                                         .show = {[NOTICE_WARNING] = true},
                                         .show_errors = true};
    struct answer answer = {.render = render_begin(&looks)};
    enum failure bad = bind(command, argc - 1, argv + 1, bound, &e);
    if (!bad)
        bad = ask(command, bound, &answer, &e);
    render_end(answer.render);
    if (!bad)
        bad = finish_output(&e);
    buffer_free(&answer.refusal);
    if (bad)
        notice_show_error(stderr, command->name, &e);
    return status_of(bad ? bad : answer.failed);
}
