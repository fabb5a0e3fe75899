/* Whatever is typed becomes a tree within its limits, or a sentence. An input that begins with a
 * NUL is a list of words with NULs between, as from a Unix shell; any other is a script. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "cmdlet/language/parse.h"
#include "cmdlet/language/words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each bracket is a level of its own, with members behind it and a list around it. */
enum { DEPTH_MAX = (NESTING_MAX + 1) * (MEMBERS_MAX + 4) };

static void check_pipeline(const struct pipeline *p, int depth);

static void check_expression(const struct expression *x, int depth)
{
    assert(depth < DEPTH_MAX && x->kind < EXPRESSIONS && x->count <= VALUES_MAX + 1);
    bool named = x->kind == EXPRESSION_TEXT || x->kind == EXPRESSION_VARIABLE ||
                 x->kind == EXPRESSION_MEMBER;
    assert(named == (x->text != NULL));
    assert(x->kind != EXPRESSION_TEXT || x->count == 0);
    assert(x->kind != EXPRESSION_MEMBER || (x->count == 1 && x->text[0]));
    assert(x->kind != EXPRESSION_INDEX || x->count == 2);
    assert(x->kind != EXPRESSION_JOINED || x->count > 0);
    assert((x->kind == EXPRESSION_PIPELINE) == (x->pipeline != NULL));
    assert(x->kind == EXPRESSION_TABLE || !x->names);
    for (size_t i = 0; i < x->count; i++)
        check_expression(x->children[i], depth + 1);
    if (x->pipeline)
        check_pipeline(x->pipeline, depth + 1);
}

static void check_invocation(const struct invocation *i, int depth)
{
    assert(i->name[0] && i->count <= ELEMENTS_MAX);
    for (size_t n = 0; n < i->count; n++) {
        const struct element *element = &i->elements[n];
        assert(element->column > 0);
        assert(element->parameter ? element->parameter[0] : element->value != NULL);
        assert(!element->parameter || element->colon || !element->value);
        if (element->value)
            check_expression(element->value, depth + 1);
    }
}

static void check_pipeline(const struct pipeline *p, int depth)
{
    assert((p->input || p->count) && p->count <= STAGES_MAX);
    if (p->input)
        check_expression(p->input, depth + 1);
    for (size_t i = 0; i < p->count; i++)
        check_invocation(p->commands[i], depth + 1);
}

static void check_error(const struct error *e)
{
    assert(e->kind == FAIL_INVALID && e->what[0] && e->next[0]);
    assert(strcmp(e->kept, "Nothing was done.") == 0);
}

static void parse_as_script(const uint8_t *data, size_t size)
{
    OWNED(script_free) struct script *script = NULL;
    struct error e = {0};
    bool unfinished = true;
    enum failure bad = parse_script(bytes_of(data, size), &script, &unfinished, &e);
    assert((script == NULL) == (bad != OK));
    if (bad) {
        check_error(&e);
        return;
    }
    assert(!unfinished && script->count <= STATEMENTS_MAX);
    for (size_t i = 0; i < script->count; i++)
        check_pipeline(script->statements[i].pipeline, 0);
}

static void parse_as_words(const uint8_t *data, size_t size)
{
    enum { WORDS_MAX = 100 };
    OWNED(free_memory) char *text = xmalloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    char *words[WORDS_MAX];
    int count = 0;
    for (char *at = text; at < text + size && count < WORDS_MAX; at += strlen(at) + 1)
        words[count++] = at;
    OWNED(invocation_free) struct invocation *i = NULL;
    struct error e = {0};
    enum failure bad = parse_words("Get-CsPool", count, words, &i, &e);
    assert((i == NULL) == (bad != OK));
    if (bad)
        check_error(&e);
    else
        check_invocation(i, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size && data[0] == 0)
        parse_as_words(data + 1, size - 1);
    else
        parse_as_script(data, size);
    return 0;
}
