#include "cmdlet/shell/complete.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cmdlet/answer/value.h"
#include "cmdlet/parameter.h"
#include "cmdlet/shell/alias.h"

DEFINE_OWNED(json_t *, json_decref)

enum { WORDS_MAX = 200 }; /* of the command that is being typed; what comes before is not needed */

/* The last command of the line: its words, as far as they are typed. The last one is what is to be
 * completed, and may be empty. */
struct typed {
    char *words[WORDS_MAX];
    size_t count;
};

static void add_word(struct typed *t, const char *at, size_t size)
{
    if (t->count == WORDS_MAX)
        free(t->words[--t->count]);
    t->words[t->count++] = xasprintf("%.*s", (int)size, at);
}

static void forget(struct typed *t)
{
    while (t->count)
        free(t->words[--t->count]);
}

/* Quotes keep blanks together; |, ;, ( and = begin another command. A colon ends the name of a
 * parameter. */
static void split(const char *line, struct typed *t)
{
    const char *start = line;
    char quote = '\0';
    for (const char *c = line;; c++) {
        if (*c && quote) {
            quote = *c == quote ? '\0' : quote;
            continue;
        }
        if (*c == '"' || *c == '\'')
            quote = *c;
        else if (*c == '\0' || strchr(" \t|;(=", *c) || (*c == ':' && *start == '-')) {
            if (c > start || *c == '\0')
                add_word(t, start, (size_t)(c - start));
            start = c + 1;
            if (*c && strchr("|;(=", *c))
                forget(t);
        }
        if (!*c)
            return;
    }
}

/* --- candidates --- */

static void add(struct completion *c, const char *text, const char *begun)
{
    if (c->count < COMPLETIONS_MAX && strncasecmp(text, begun, strlen(begun)) == 0)
        c->list[c->count++] = xstrdup(text);
}

static void add_commands(const struct session *s, struct completion *c, const char *begun)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (s->in_shell || command_at(i)->place != IN_SHELL)
            add(c, command_at(i)->name, begun);
    }
}

static void add_parameters(const struct command *command, struct completion *c, const char *begun)
{
    const struct parameter *p;
    for (size_t i = 0; (p = command_parameter_at(command, i)); i++) {
        OWNED(free_memory) char *name = xasprintf("-%s", p->name);
        add(c, name, begun);
    }
}

static void add_variables(const struct session *s, struct completion *c, const char *begun)
{
    const char *key;
    json_t *value;
    EACH_PROPERTY(s->variables, key, value)
    {
        OWNED(free_memory) char *name = xasprintf("$%s", key);
        add(c, name, begun);
    }
}

static void add_files(struct completion *c, const char *begun)
{
    glob_t found;
    OWNED(free_memory) char *pattern = xasprintf("%s*", begun);
    if (glob(pattern, GLOB_MARK, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++)
        add(c, found.gl_pathv[i], begun);
    globfree(&found);
}

static void add_names(const struct parameter *p, struct completion *c, const char *begun,
                      complete_names *names, void *context)
{
    bool machine = strcmp(p->limits, "machine") == 0;
    OWNED(json_decref) json_t *list = names(machine ? "machine" : "pool", context);
    for (size_t i = 0; i < json_array_size(list); i++)
        add(c, json_string_value(json_array_get(list, i)), begun);
    if (strcmp(p->limits, "home") == 0)
        add(c, "central", begun);
}

static void add_choices(const struct parameter *p, struct completion *c, const char *begun)
{
    char words[CHOICES_MAX][CHOICE_SIZE];
    size_t count = parameter_choices(p, words);
    for (size_t i = 0; i < count; i++)
        add(c, words[i], begun);
}

static void add_values(const struct parameter *p, struct completion *c, const char *begun,
                       complete_names *names, void *context)
{
    if (p->type == FQDN)
        add_names(p, c, begun, names, context);
    else if (p->type == CHOICE)
        add_choices(p, c, begun);
    else if (parameter_is_file(p))
        add_files(c, begun);
    else if (p->type == BOOLEAN) {
        add(c, "$true", begun);
        add(c, "$false", begun);
    }
}

/* --- which --- */

static const struct parameter *named(const struct command *command, const char *word)
{
    bool ambiguous;
    return word[0] == '-' ? command_parameter(command, word + 1, &ambiguous) : NULL;
}

/* The parameter that the last word is a value of; NULL: of none. */
static const struct parameter *parameter_before(const struct command *command,
                                                const struct typed *t)
{
    size_t last = t->count - 1;
    const struct parameter *p = last > 1 ? named(command, t->words[last - 1]) : NULL;
    if (p && p->type != SWITCH)
        return p;
    /* Only switches stand in front: it is the first value. */
    for (size_t i = 1; i < last; i++) {
        p = named(command, t->words[i]);
        if (!p || p->type != SWITCH)
            return NULL;
    }
    return command_positional(command, FIRST);
}

static int by_name(const void *a, const void *b)
{
    return strcasecmp(*(char *const *)a, *(char *const *)b);
}

static void complete_argument(const struct typed *t, struct completion *c, const char *begun,
                              complete_names *names, void *context)
{
    int which = command_find(alias_of(t->words[0]));
    const struct command *command = which < 0 ? NULL : command_at((size_t)which);
    if (!command)
        return;
    const struct parameter *p = parameter_before(command, t);
    if (begun[0] == '-' || (!p && !*begun))
        add_parameters(command, c, begun);
    else if (p && strcmp(p->name, "Name") == 0 && !command_is_remote(command))
        add_commands(&(struct session){.in_shell = true}, c, begun); /* Get-Help Start-… */
    else if (p)
        add_values(p, c, begun, names, context);
}

void complete(const struct session *s, const char *line, complete_names *names, void *context,
              struct completion *c)
{
    struct typed t = {0};
    *c = (struct completion){0};
    split(line, &t);
    const char *begun = t.words[t.count - 1];
    begun += *begun == '"' || *begun == '\'';
    c->begun = strlen(begun);
    if (begun[0] == '$')
        add_variables(s, c, begun);
    else if (t.count == 1)
        add_commands(s, c, begun);
    else
        complete_argument(&t, c, begun, names, context);
    if (c->count)
        qsort(c->list, c->count, sizeof c->list[0], by_name);
    forget(&t);
}

void completion_clear(struct completion *c)
{
    while (c->count)
        free(c->list[--c->count]);
}

size_t completion_common(const struct completion *c)
{
    size_t common = c->count ? strlen(c->list[0]) : 0;
    for (size_t i = 1; i < c->count; i++) {
        size_t n = 0;
        while (n < common && strncasecmp(c->list[0] + n, c->list[i] + n, 1) == 0)
            n++;
        common = n;
    }
    return common;
}
