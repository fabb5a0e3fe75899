#include "cmdlet/bind.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "cmdlet/parameter.h"
#include "cmdlet/path.h"
#include "cmdlet/property.h"

DEFINE_OWNED(json_t *, json_decref)

static enum failure nothing_done(struct error *e)
{
    return error_kept(e, "Nothing was done.");
}

/* --- names --- */

static enum failure refuse_unknown(const struct command *command, const char *name, struct error *e)
{
    const char *nearest = command_nearest_parameter(command, name);
    fail(e, FAIL_INVALID, "There is no parameter -%.64s of %s.", name, command->name);
    nothing_done(e);
    return nearest ? error_next(e, "Was -%s meant? %s -? shows them all.", nearest, command->name)
                   : error_next(e, "%s -? shows them all.", command->name);
}

static enum failure refuse_ambiguous(const struct command *command, const char *name,
                                     struct error *e)
{
    OWNED(buffer_free) struct buffer all = {0};
    const struct parameter *p;
    for (size_t i = 0; (p = command_parameter_at(command, i)); i++) {
        if (parameter_begins_with(p, name))
            buffer_printf(&all, "%s-%s", all.size ? ", " : "", p->name);
    }
    buffer_u8(&all, 0);
    fail(e, FAIL_INVALID, "-%s could be several parameters of %s.", name, command->name);
    nothing_done(e);
    return error_next(e, "Type more of it: %s.", (const char *)all.at);
}

static const struct parameter *find(const struct command *command, const char *name,
                                    const struct bind_options *options, struct error *e)
{
    bool ambiguous;
    const struct parameter *p = command_parameter(command, name, &ambiguous);
    if (!p && ambiguous)
        refuse_ambiguous(command, name, e);
    else if (!p)
        refuse_unknown(command, name, e);
    if (!p || options->in_shell || !(p->traits & OF_SHELL))
        return p;
    fail(e, FAIL_INVALID, "-%s is about variables and pipes of objects, which a Unix shell lacks.",
         p->name);
    nothing_done(e);
    error_next(e, "Type the command in `pollux`, the shell that has them.");
    return NULL;
}

static void warn(struct binding *b, char *sentence)
{
    if (b->warning_count < BIND_WARNINGS_MAX)
        b->warnings[b->warning_count++] = sentence;
    else
        free_memory(sentence);
}

/* --- values --- */

static json_t *read_file(const char *path, struct error *e)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        fail(e, FAIL_NOT_FOUND, "%s can't be read: %s.", path, strerrordesc_np(errno));
        nothing_done(e);
        if (strchr(path, '\\'))
            error_next(e, "It takes a path on this machine, as in /etc/pollux/topology.conf.");
        return NULL;
    }
    OWNED(free_memory) char *text = xmalloc(PARAMETER_TEXT_MAX + 1);
    size_t size = fread(text, 1, PARAMETER_TEXT_MAX + 1, file);
    const char *why = ferror(file) ? strerrordesc_np(errno) : NULL;
    fclose(file);
    json_t *value = why || size > PARAMETER_TEXT_MAX ? NULL : json_stringn(text, size);
    if (why)
        fail(e, FAIL_IO, "%s can't be read: %s.", path, why);
    else if (size > PARAMETER_TEXT_MAX)
        fail(e, FAIL_INVALID, "%s is larger than %d bytes.", path, PARAMETER_TEXT_MAX);
    else if (!value)
        fail(e, FAIL_INVALID, "%s is not a text in UTF-8.", path);
    if (!value)
        nothing_done(e);
    return value;
}

/* "a, b": commas part what stands without quotes. */
static json_t *split(const char *text)
{
    json_t *list = json_array();
    for (;;) {
        text += strspn(text, " ");
        size_t size = strcspn(text, ","), end = size;
        while (end > 0 && text[end - 1] == ' ')
            end--;
        json_array_append_new(list, json_stringn(text, end));
        if (!text[size])
            return list;
        text += size + 1;
    }
}

/* "-Name" without one, or "-Name:" with nothing behind it. */
static enum failure refuse_missing_value(const struct parameter *p, const struct bind_options *o,
                                         struct error *e)
{
    bool truth = p->type == SWITCH || p->type == BOOLEAN;
    fail(e, FAIL_INVALID, "-%s lacks its value: %s.", p->name,
         truth ? "$true or $false" : parameter_kind(p));
    nothing_done(e);
    if (truth && !o->in_shell)
        error_next(e,
                   "The Unix shell has eaten it, if it was there; write %s%s%s'-%s:$false', in "
                   "single quotes.",
                   p->type == BOOLEAN ? "'-" : "", p->type == BOOLEAN ? p->name : "",
                   p->type == BOOLEAN ? ":$true' or " : "", p->name);
    return FAIL_INVALID;
}

/* C:\Logs\x.html, as a runbook from elsewhere has it. Takes `path` over. */
static json_t *local_path(struct binding *b, const struct parameter *p, json_t *path)
{
    const char *text = json_string_value(path), *name = path_from_elsewhere(text);
    if (!name)
        return path;
    warn(b, xasprintf("-%s: there are no drives here; %.200s becomes %.200s in the current folder.",
                      p->name, text, name));
    json_t *local = json_string(name);
    json_decref(path);
    return local;
}

static bool takes_word(const struct parameter *p, const char *word)
{
    char words[CHOICES_MAX][CHOICE_SIZE];
    size_t count = p->type == CHOICE ? parameter_choices(p, words) : 0;
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(words[i], word) == 0)
            return true;
    }
    return false;
}

/* A word that another parameter of the command takes was meant for that one. */
static void tell_whose_word(const struct command *command, const char *word, struct error *e)
{
    const struct parameter *p;
    for (size_t i = 0; (p = command_parameter_at(command, i)); i++) {
        if (takes_word(p, word)) {
            error_next(e, "That is a word of -%s: -%s %.64s", p->name, p->name, word);
            return;
        }
    }
}

static enum failure bind_value(struct binding *b, const struct parameter *p, const json_t *given,
                               bool bare, struct error *e)
{
    OWNED(json_decref) json_t *other = NULL;
    json_t *checked;
    if (json_object_get(b->bound, p->name)) {
        fail(e, FAIL_INVALID, "-%s was given twice.", p->name);
        return nothing_done(e);
    }
    const char *text = json_string_value(given);
    if (p->type == LIST && bare && text && strchr(text, ','))
        given = other = split(text);
    else if (p->type == FILE_TEXT && text)
        given = other = read_file(text, e);
    if (!given)
        return e->kind;
    enum failure bad = parameter_check(p, given, &checked, e);
    if (bad && p->type == CHOICE && text)
        tell_whose_word(b->command, text, e);
    if (!bad)
        json_object_set_new(b->bound, p->name,
                            p->type == REPORT_FILE ? local_path(b, p, checked) : checked);
    return bad;
}

/* "-Name", and its value if it takes one. Returns how many words it took, or 0. */
static size_t bind_named(struct binding *b, const struct word *words, size_t left,
                         const struct bind_options *options, struct error *e)
{
    const struct word *word = &words[0];
    const struct parameter *p = find(b->command, word->parameter, options, e);
    if (!p)
        return 0;
    if (word->gap)
        warn(b, xasprintf("A blank stands behind the dash; it was understood as -%s.", p->name));
    const json_t *value = word->value;
    bool bare = word->bare, next = false;
    if (!word->colon && p->type == SWITCH) {
        value = json_true();
    } else if (!word->colon) {
        next = left > 1 && !words[1].parameter;
        value = next ? words[1].value : NULL;
        bare = next && words[1].bare;
    }
    if (!value) {
        refuse_missing_value(p, options, e);
        return 0;
    }
    return bind_value(b, p, value, bare, e) ? 0 : next ? 2 : 1;
}

static enum failure refuse_stray(const struct binding *b, const struct word *word, struct error *e)
{
    const char *text = json_string_value(word->value);
    fail(e, FAIL_INVALID, "\"%.80s%s\" belongs to no parameter of %s.", text ? text : "This value",
         text && strlen(text) > 80 ? "…" : "", b->command->name);
    nothing_done(e);
    return error_next(e, "Put the parameter's name in front of it; %s -? shows them all.",
                      b->command->name);
}

/* The first that is still free. */
static enum failure bind_positional(struct binding *b, const struct word *word, struct error *e)
{
    static const unsigned places[] = {FIRST, SECOND};
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        const struct parameter *p = command_positional(b->command, places[i]);
        if (p && !json_object_get(b->bound, p->name))
            return bind_value(b, p, word->value, word->bare, e);
    }
    return refuse_stray(b, word, e);
}

/* What was not given, and each object that comes names. */
static const struct parameter *named_by_object(const struct binding *b)
{
    for (size_t i = 0; i < b->command->parameter_count; i++) {
        const struct parameter *p = &b->command->parameters[i];
        if ((p->traits & REQUIRED) && p->type == FQDN && !json_object_get(b->bound, p->name))
            return p;
    }
    return NULL;
}

static enum failure refuse_pipe(const struct binding *b, struct error *e)
{
    const struct parameter *p = named_by_object(b);
    fail(e, FAIL_INVALID, "%s takes nothing through a pipe.", b->command->name);
    nothing_done(e);
    if (!p)
        return FAIL_INVALID;
    OWNED(free_memory) char *typed = parameters_typed(b->command, b->bound);
    return error_next(e,
                      "For each of them, behind the pipe: ForEach-Object { %s -%s $_.Identity%s }",
                      b->command->name, p->name, typed + strlen(b->command->name));
}

static enum failure check_complete(const struct binding *b, const struct bind_options *options,
                                   struct error *e)
{
    const struct parameter *piped = command_piped(b->command);
    if (options->piped && !piped)
        return refuse_pipe(b, e);
    for (size_t i = 0; i < b->command->parameter_count; i++) {
        const struct parameter *p = &b->command->parameters[i];
        bool comes = options->piped && (p->traits & PIPED);
        if (!(p->traits & REQUIRED) || comes || json_object_get(b->bound, p->name))
            continue;
        fail(e, FAIL_INVALID, "The parameter -%s is missing.", p->name);
        nothing_done(e);
        return error_next(e, "For example: %s",
                          b->command->example_count ? b->command->examples[0].line : "");
    }
    enum failure bad = parameters_check_rules(b->command, b->bound, e);
    if (bad)
        return bad;
    if (!options->piped || !json_object_get(b->bound, piped->name))
        return OK;
    fail(e, FAIL_INVALID, "-%s was given, and comes through the pipe as well.", piped->name);
    return nothing_done(e);
}

static enum failure bind_all(struct binding *b, const struct word *words, size_t count,
                             const struct bind_options *options, struct error *e)
{
    for (size_t i = 0; i < count;) {
        size_t taken = 1;
        if (words[i].parameter)
            taken = bind_named(b, &words[i], count - i, options, e);
        else if (bind_positional(b, &words[i], e))
            taken = 0;
        if (taken == 0)
            return e->kind;
        i += taken;
    }
    return check_complete(b, options, e);
}

enum failure bind_words(struct binding *b, const struct command *command, const struct word *words,
                        size_t count, const struct bind_options *options, struct error *e)
{
    *b = (struct binding){.command = command, .bound = json_object()};
    enum failure bad = bind_all(b, words, count, options, e);
    if (bad) {
        binding_free(b);
        b->command = command;
    }
    return bad;
}

void binding_free(struct binding *b)
{
    json_decref(b->bound);
    for (size_t i = 0; i < b->warning_count; i++)
        free_memory(b->warnings[i]);
    *b = (struct binding){0};
}

enum failure bind_one(struct binding *b, const struct word *word, struct error *e)
{
    const struct bind_options options = {.in_shell = true};
    return bind_named(b, word, 1, &options, e) ? OK : e->kind;
}

/* --- through the pipe --- */

enum failure bind_piped(struct binding *b, const json_t *object, struct error *e)
{
    const struct parameter *p = command_piped(b->command);
    assert(p);
    const json_t *value = object;
    if (p->type != OBJECT && json_is_object(object)) {
        value = property_of(object, p->name);
        value = value ? value : property_of(object, "Identity");
    }
    if (!value) {
        fail(e, FAIL_INVALID, "What came through the pipe has neither %s nor Identity.", p->name);
        return nothing_done(e);
    }
    json_object_del(b->bound, p->name);
    return bind_value(b, p, value, false, e);
}

const char *bound_text(const struct binding *b, const char *parameter)
{
    return json_string_value(json_object_get(b->bound, parameter));
}

bool bound_switch(const struct binding *b, const char *parameter)
{
    return json_is_true(json_object_get(b->bound, parameter));
}
