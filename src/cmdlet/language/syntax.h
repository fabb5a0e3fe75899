/* What was typed, as a tree: a script has statements, a statement a pipeline, a pipeline commands,
 * a command elements. It says how things stand to each other and where they stood, and nothing of
 * what they mean: which commands there are, which parameters take a value, what a variable holds.
 *
 * A tree that the parser made keeps to the limits below. They are far above what a person types;
 * the depth of the tree, and with it of every recursion over it, follows from them. */
#ifndef POLLUX_CMDLET_LANGUAGE_SYNTAX_H
#define POLLUX_CMDLET_LANGUAGE_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/memory.h"

enum {
    SCRIPT_BYTES_MAX = 1 << 20, /* more is no script but a file that was mistaken for one */
    STATEMENTS_MAX = 10000,     /* of a script */
    STAGES_MAX = 32,            /* of a pipeline */
    ELEMENTS_MAX = 1000,        /* of a command; a Unix shell's * can make many */
    VALUES_MAX = 10000,         /* of a list, of a table, of a text with variables in it */
    MEMBERS_MAX = 16,           /* $a.b.c[0] …: one behind the other */
    NESTING_MAX = 32,           /* brackets within brackets: what the parser's stack has to bear */
};

enum expression_kind {
    EXPRESSION_TEXT,     /* a word, a quoted text, what stands in { … }: taken literally */
    EXPRESSION_JOINED,   /* "text with $x and $(…)": the texts of its children, without a gap */
    EXPRESSION_VARIABLE, /* $name */
    EXPRESSION_MEMBER,   /* child.name */
    EXPRESSION_INDEX,    /* child[child] */
    EXPRESSION_LIST,     /* a, b, c and @( … ) */
    EXPRESSION_TABLE,    /* @{ name = value; … } */
    EXPRESSION_PIPELINE, /* ( … ) and $( … ), unless there is just a value in it */
    EXPRESSIONS
};

struct expression {
    enum expression_kind kind;
    unsigned line, column;
    char *text;                   /* TEXT: itself; VARIABLE, MEMBER: the name, as it was typed */
    bool bare;                    /* TEXT: it stood without quotes */
    struct expression **children; /* none is NULL */
    char **names;                 /* TABLE: of each child */
    size_t count;
    struct pipeline *pipeline; /* PIPELINE */
};

/* A piece of a command: a parameter's name or a value. Which value belongs to which name, only
 * the table of commands knows, except where a colon says it. */
struct element {
    unsigned line, column;
    char *parameter;          /* without its dash; NULL: a value */
    bool colon;               /* -Name:value; without a value `-Name:` stood there alone */
    bool gap;                 /* "- Name": there was a blank behind the dash */
    struct expression *value; /* of a parameter: only behind a colon */
};

/* On words from a Unix shell `line` is 0, and `column` tells which word it was, from 1. */
struct invocation {
    char *name;
    unsigned line, column;
    struct element *elements;
    size_t count;
};

struct pipeline {
    struct expression *input; /* a value in front of the commands; NULL: there is none */
    struct invocation **commands;
    size_t count; /* at least one, or there is an input */
};

struct statement {
    unsigned line, column;
    char *variable; /* $variable = …; NULL: not assigned */
    struct pipeline *pipeline;
};

struct script {
    struct statement *statements;
    size_t count;
};

void expression_free(struct expression *x);
void invocation_free(struct invocation *i);
void pipeline_free(struct pipeline *p);
void script_free(struct script *s);
DEFINE_OWNED(struct expression *, expression_free)
DEFINE_OWNED(struct invocation *, invocation_free)
DEFINE_OWNED(struct pipeline *, pipeline_free)
DEFINE_OWNED(struct script *, script_free)

/* For whoever builds a tree. Each takes over the pointers that it is given. */
struct expression *expression_new(enum expression_kind kind, unsigned line, unsigned column);
struct expression *expression_text(char *text, bool bare, unsigned line, unsigned column);
void expression_add(struct expression *x, struct expression *child);
void expression_add_named(struct expression *table, char *name, struct expression *child);
struct element *invocation_add(struct invocation *i, struct element element);
void pipeline_add(struct pipeline *p, struct invocation *command);
void script_add(struct script *s, struct statement statement);

#endif
