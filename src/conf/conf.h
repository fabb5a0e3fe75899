/* Files of options and sections, read with libconfuse into a small tree that knows its lines.
 *
 *     central = "atl-cs-001.litwareinc.com"
 *     pool "atl-cs-001.litwareinc.com" {
 *         site = "Atlanta"
 *     }
 *
 * Everything libconfuse would accept in silence and should not (a brace, quote or comment that is
 * never closed, the same option twice, a swallowed backslash, ${HOME}) is a fault here. It knows
 * which names may stand where, because it is told, and nothing about what the values mean. */
#ifndef POLLUX_CONF_CONF_H
#define POLLUX_CONF_CONF_H

#include <stddef.h>

#include "base/error.h"
#include "base/faults.h"

/* Sections in one text: as many as the largest topology has, with room to spare. libconfuse's time
 * grows with their square. */
enum { CONF_SECTIONS_MAX = 4096 };

/* What may stand in a text or a section. A list of rules ends with one without a name. */
struct conf_rule {
    const char *name;
    const struct conf_rule *inside; /* a section with a title, any number of times; NULL: an option
                                       with one value, at most once */
};

struct conf_value {
    const char *name; /* the rule's */
    char *text;
    unsigned line;
};

struct conf_section {
    const char *name; /* the rule's; NULL for the whole text */
    char *title;
    unsigned line; /* of its opening brace; 0 for the whole text */
    const struct conf_rule *rules;
    struct conf_section *parent;
    struct conf_value *values; /* in the order of the text */
    size_t value_count;
    struct conf_section **sections;
    size_t section_count;
};

/* Returns the tree, owned by the caller, or NULL with at least one fault: at something that can't
 * be understood the reading stops. There may also be faults beside a tree (an option given twice):
 * then the rest can still be checked, so that all is said at once. `name` is what the text is
 * called in messages. Any thread; one at a time gets its turn. */
struct conf_section *conf_read(const char *text, const char *name, const struct conf_rule *rules,
                               struct faults *faults);
void conf_free(struct conf_section *root);
static inline void owned_conf_free(struct conf_section **root)
{
    conf_free(*root);
}

/* NULL if it isn't there. */
const struct conf_value *conf_value(const struct conf_section *s, const char *name);
/* The same, and a fault in that case. `example` shows how it is written. */
const struct conf_value *conf_required(const struct conf_section *s, const char *name,
                                       const char *example, const char *file,
                                       struct faults *faults);

/* The content of a regular file of at most `max` bytes, without a NUL inside. */
enum failure conf_file_text(const char *path, size_t max, char **text, struct error *e);

#endif
