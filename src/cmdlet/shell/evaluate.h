/* From what was typed to values: variables, properties, lists, and what a pipe in brackets gives.
 */
#ifndef POLLUX_CMDLET_SHELL_EVALUATE_H
#define POLLUX_CMDLET_SHELL_EVALUATE_H

#include "cmdlet/bind.h"
#include "cmdlet/language/syntax.h"
#include "cmdlet/property.h"
#include "cmdlet/shell/session.h"

/* `*value` is owned by the caller. */
enum failure evaluate(struct session *s, const struct expression *x, json_t **value,
                      struct error *e);

/* A command's words, for binding. They lend from the invocation, and own their values. */
struct words {
    struct word *list;
    size_t count;
};
enum failure evaluate_words(struct session *s, const struct invocation *typed, struct words *words,
                            struct error *e);
void words_free(struct words *words);
static inline void owned_words_free(struct words *words)
{
    words_free(words);
}

/* That it has no property of this name, and which one was meant. */
enum failure property_lacking(const json_t *object, const char *name, struct error *e);

#endif
