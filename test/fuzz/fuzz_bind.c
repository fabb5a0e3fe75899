/* Whatever is typed behind a command is bound, and then it is in its one form; or it is refused
 * with a sentence, and nothing is bound.
 *
 * The first byte says whether it is typed on a Unix shell, in ours, or behind a pipe. Then, with
 * NULs between: the command (of a name that is none, the first letter picks one), and its words as
 * a Unix shell hands them over; or, if the first of them is empty, values as JSON for each
 * parameter. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "cmdlet/bind.h"
#include "cmdlet/language/words.h"
#include "cmdlet/parameter.h"

DEFINE_OWNED(json_t *, json_decref)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { WORDS = 100 };

static void check_error(const struct error *e)
{
    assert(e->kind != OK && e->what[0] && strcmp(e->kept, "Nothing was done.") == 0);
}

static void check_again(const struct parameter *p, const json_t *value)
{
    OWNED(json_decref) json_t *again = NULL;
    struct error e = {0};
    enum failure bad = parameter_check(p, value, &again, &e);
    assert(!bad && json_equal(again, value));
}

static void check_value(const struct parameter *p, const json_t *value)
{
    OWNED(json_decref) json_t *checked = NULL;
    struct error e = {0};
    enum failure bad = parameter_check(p, value, &checked, &e);
    assert(!bad == (checked != NULL));
    if (bad)
        check_error(&e);
    else
        check_again(p, checked);
}

static json_t *value_of(const struct expression *x)
{
    if (x->kind == EXPRESSION_TEXT)
        return json_string(x->text);
    json_t *all = x->kind == EXPRESSION_TABLE ? json_object() : json_array();
    for (size_t i = 0; i < x->count; i++) {
        json_t *one = value_of(x->children[i]);
        if (x->kind == EXPRESSION_TABLE)
            json_object_set_new(all, x->names[i], one);
        else
            json_array_append_new(all, one);
    }
    return all;
}

/* A file would be read: what is in it is no business of ours. */
static bool names_file(const struct command *command)
{
    for (size_t i = 0; i < command->parameter_count; i++) {
        if (command->parameters[i].type == FILE_TEXT) /* the others are opened later */
            return true;
    }
    return false;
}

static void check_binding(const struct binding *b)
{
    const char *name;
    json_t *value;
    json_object_foreach(b->bound, name, value)
    {
        bool ambiguous;
        const struct parameter *p = command_parameter(b->command, name, &ambiguous);
        assert(p && strcmp(p->name, name) == 0);
        check_again(p, value);
    }
}

static void bind_typed(const struct command *command, const struct invocation *typed,
                       const struct bind_options *options)
{
    struct binding b;
    struct error e = {0};
    struct word *words = xcalloc(typed->count + 1, sizeof *words);
    for (size_t i = 0; i < typed->count; i++) {
        const struct element *at = &typed->elements[i];
        words[i] = (struct word){.parameter = at->parameter,
                                 .colon = at->colon,
                                 .gap = at->gap,
                                 .bare = at->value && at->value->bare,
                                 .value = at->value ? value_of(at->value) : NULL};
    }
    enum failure bad = bind_words(&b, command, words, typed->count, options, &e);
    if (bad) {
        check_error(&e);
        assert(!b.bound && b.warning_count == 0 && b.command == command);
    } else {
        check_binding(&b);
    }
    binding_free(&b);
    for (size_t i = 0; i < typed->count; i++)
        json_decref((json_t *)(uintptr_t)words[i].value);
    free(words);
}

static const struct command *command_of(const char *name)
{
    int which = command_find(name);
    return command_at(which >= 0 ? (size_t)which : (unsigned char)name[0] % COMMANDS);
}

static void check_values(const struct command *command, char *const *words, int count)
{
    const struct parameter *p;
    for (int i = 0; i < count; i++) {
        OWNED(json_decref)
        json_t *value = json_loads(words[i], JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        for (size_t j = 0; value && (p = command_parameter_at(command, j)); j++)
            check_value(p, value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const struct bind_options options = {.in_shell = data[0] % 3 > 0, .piped = data[0] % 3 > 1};
    OWNED(free_memory) char *text = xmalloc(size);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    const struct command *command = command_of(text);
    char *words[WORDS];
    int count = 0;
    for (char *at = text + strlen(text) + 1; at < text + size - 1 && count < WORDS;
         at += strlen(at) + 1)
        words[count++] = at;
    OWNED(invocation_free) struct invocation *typed = NULL;
    if (count && !*words[0])
        check_values(command, words + 1, count - 1);
    else if (!names_file(command) && !parse_words(command->name, count, words, &typed, NULL))
        bind_typed(command, typed, &options);
    return 0;
}
