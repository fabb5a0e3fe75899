#include "cmdlet/language/syntax.h"

#include <assert.h>
#include <stdlib.h>

/* Room for one more behind `count`; the room doubles, so its size need not be kept. */
static void *with_room(void *list, size_t count, size_t size)
{
    bool full = (count & (count - 1)) == 0; /* 0, 1, 2, 4, 8, … */
    return full ? xrealloc(list, (count ? 2 * count : 1) * size) : list;
}

void expression_free(struct expression *x)
{
    if (!x)
        return;
    for (size_t i = 0; i < x->count; i++) {
        expression_free(x->children[i]);
        if (x->names)
            free(x->names[i]);
    }
    free(x->children);
    free(x->names);
    free(x->text);
    pipeline_free(x->pipeline);
    free(x);
}

void invocation_free(struct invocation *i)
{
    if (!i)
        return;
    for (size_t n = 0; n < i->count; n++) {
        free(i->elements[n].parameter);
        expression_free(i->elements[n].value);
    }
    free(i->elements);
    free(i->name);
    free(i);
}

void pipeline_free(struct pipeline *p)
{
    if (!p)
        return;
    expression_free(p->input);
    for (size_t i = 0; i < p->count; i++)
        invocation_free(p->commands[i]);
    free(p->commands);
    free(p);
}

void script_free(struct script *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->count; i++) {
        free(s->statements[i].variable);
        pipeline_free(s->statements[i].pipeline);
    }
    free(s->statements);
    free(s);
}

struct expression *expression_new(enum expression_kind kind, unsigned line, unsigned column)
{
    struct expression *x = xcalloc(1, sizeof *x);
    x->kind = kind;
    x->line = line;
    x->column = column;
    return x;
}

struct expression *expression_text(char *text, bool bare, unsigned line, unsigned column)
{
    struct expression *x = expression_new(EXPRESSION_TEXT, line, column);
    x->text = text;
    x->bare = bare;
    return x;
}

void expression_add(struct expression *x, struct expression *child)
{
    assert(child);
    x->children = with_room(x->children, x->count, sizeof *x->children);
    x->children[x->count++] = child;
}

void expression_add_named(struct expression *table, char *name, struct expression *child)
{
    assert(table->kind == EXPRESSION_TABLE && name);
    table->names = with_room(table->names, table->count, sizeof *table->names);
    table->names[table->count] = name;
    expression_add(table, child);
}

struct element *invocation_add(struct invocation *i, struct element element)
{
    i->elements = with_room(i->elements, i->count, sizeof *i->elements);
    i->elements[i->count] = element;
    return &i->elements[i->count++];
}

void pipeline_add(struct pipeline *p, struct invocation *command)
{
    p->commands = with_room(p->commands, p->count, sizeof(struct invocation *));
    p->commands[p->count++] = command;
}

void script_add(struct script *s, struct statement statement)
{
    s->statements = with_room(s->statements, s->count, sizeof *s->statements);
    s->statements[s->count++] = statement;
}
