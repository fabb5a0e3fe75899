/* Binding: which value belongs to which parameter, by the table of commands.
 *
 * It is given words: names of parameters and values, in the order in which they were typed. What
 * comes out is checked and in its one form (cmdlet/parameter.h). It asks nobody; of files it reads
 * the one that a FILE_TEXT names. */
#ifndef POLLUX_CMDLET_BIND_H
#define POLLUX_CMDLET_BIND_H

#include <jansson.h>

#include "base/error.h"
#include "cmdlet/commands.h"

struct word {
    const char *parameter; /* NULL: a value */
    bool colon;            /* "-Name:value" … */
    bool gap;              /* "- Name", as a document has it by mistake */
    bool bare;             /* a value without quotes: commas in it may part a list */
    const json_t *value;   /* of a parameter only with a colon; NULL: "-Name:" */
};

enum { BIND_WARNINGS_MAX = 8 };

struct binding {
    const struct command *command;
    json_t *bound;                     /* name -> value */
    char *warnings[BIND_WARNINGS_MAX]; /* what was understood although it was typed otherwise */
    size_t warning_count;
};

struct bind_options {
    bool in_shell; /* there are pipes and variables */
    bool piped;    /* something will come through the pipe */
};

/* On failure nothing is bound but the command. */
enum failure bind_words(struct binding *b, const struct command *command, const struct word *words,
                        size_t count, const struct bind_options *options, struct error *e);
void binding_free(struct binding *b);
static inline void owned_binding_free(struct binding *b)
{
    binding_free(b);
}

/* One more, "-Name:value", for what was not typed with the command. */
enum failure bind_one(struct binding *b, const struct word *word, struct error *e);

/* What came through the pipe: a text, or an object with a property of the parameter's name, or else
 * an Identity. Replaces the one before. */
enum failure bind_piped(struct binding *b, const json_t *object, struct error *e);

const char *bound_text(const struct binding *b, const char *parameter); /* or NULL */
bool bound_switch(const struct binding *b, const char *parameter);

#endif
