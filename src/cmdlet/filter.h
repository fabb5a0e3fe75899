/* Picking objects by their properties.
 *
 *     k*                                                   a pattern for the Identity
 *     {DisplayName -like "Ken*" -and Enabled -eq $true}    comparisons
 *
 * Comparisons are joined by -and and -or, of which -and binds more; parentheses group them. The
 * braces may be left out, a property may be written $_.Property. Texts are compared in any case,
 * and as numbers where the property is one. A property that is a list fits if one of its entries
 * does. It does no I/O, and knows nothing of what the objects are. */
#ifndef POLLUX_CMDLET_FILTER_H
#define POLLUX_CMDLET_FILTER_H

#include <stdbool.h>

#include <jansson.h>

#include "base/error.h"
#include "base/memory.h"

enum {
    FILTER_COMPARISONS_MAX = 64,     /* of one filter; nobody can read more */
    FILTER_VALUE_LETTERS_MAX = 1024, /* as long as a filter may be (commands.def) */
    FILTER_PROPERTY_LETTERS_MAX = 128,
};

struct filter;

/* FAIL_INVALID says where, and what would be right. How deep parentheses may stand is the
 * language's limit (language/syntax.h). */
enum failure filter_parse(const char *text, struct filter **filter, struct error *e);
void filter_free(struct filter *filter);
DEFINE_OWNED(struct filter *, filter_free)

bool filter_fits(const struct filter *filter, const json_t *object);

/* The first property of the filter that this object does not have, or NULL. Where all objects have
 * the same properties, such a filter is a mistake. */
const char *filter_stranger(const struct filter *filter, const json_t *object);

#endif
