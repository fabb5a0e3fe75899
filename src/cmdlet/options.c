#include "cmdlet/options.h"

#include <assert.h>
#include <string.h>

#include "base/nearest.h"

static enum failure refuse_unknown(const struct option_row *table, const char *name,
                                   struct error *e)
{
    const char *names[OPTIONS_MAX + 1] = {"--help"};
    size_t count = 1;
    for (const struct option_row *row = table; row->name; row++) {
        assert(count <= OPTIONS_MAX);
        names[count++] = row->name;
    }
    const char *nearest = nearest_word(name, names, count);
    fail(e, FAIL_INVALID, "There is no option \"%s\".", name);
    if (nearest)
        error_next(e, "Was \"%s\" meant?", nearest);
    return e->kind;
}

static enum failure set(struct options *o, const char *name, const char *value, struct error *e)
{
    size_t i = 0;
    while (o->table[i].name && strcmp(o->table[i].name, name) != 0)
        i++;
    if (!o->table[i].name)
        return refuse_unknown(o->table, name, e);
    assert(i < OPTIONS_MAX);
    if (!value || !*value) {
        fail(e, FAIL_INVALID, "The option \"%s\" lacks its value.", name);
        return error_next(e, "Write %s %s.", name, o->table[i].value);
    }
    if (o->values[i])
        return fail(e, FAIL_INVALID, "The option \"%s\" was given twice.", name);
    o->values[i] = value;
    return OK;
}

/* "--name=value" or "--name value"; returns how many words that took, 0 on failure. */
static int read_option(struct options *o, int left, char *const *words, struct error *e)
{
    enum { NAME_SIZE = 64 };
    char name[NAME_SIZE];
    size_t size = strcspn(words[0], "=");
    if (size >= NAME_SIZE) {
        fail(e, FAIL_INVALID, "There is no option \"%s\".", words[0]);
        return 0;
    }
    memcpy(name, words[0], size);
    name[size] = '\0';
    if (words[0][size] == '=')
        return set(o, name, words[0] + size + 1, e) == OK ? 1 : 0;
    /* What looks like the next option is one: a value that begins like that is written with "=". */
    bool value = left > 1 && strncmp(words[1], "--", 2) != 0;
    return set(o, name, value ? words[1] : NULL, e) == OK ? 2 : 0;
}

static enum failure add_word(struct options *o, const char *word, struct error *e)
{
    if (o->word_count == WORDS_MAX)
        return fail(e, FAIL_INVALID, "These are more than %d words.", WORDS_MAX);
    o->words[o->word_count++] = word;
    return OK;
}

static bool wants_help(int count, char *const *words)
{
    for (int i = 0; i < count && strcmp(words[i], "--") != 0; i++)
        if (strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0)
            return true;
    return false;
}

enum failure options_read(struct options *o, const struct option_row *table, int count,
                          char *const *words, struct error *e)
{
    *o = (struct options){.table = table, .help = wants_help(count, words)};
    bool only_words = false;
    for (int i = 0; !o->help && i < count;) {
        int taken = 1;
        if (!only_words && strcmp(words[i], "--") == 0)
            only_words = true;
        else if (!only_words && words[i][0] == '-' && words[i][1])
            taken = read_option(o, count - i, words + i, e);
        else if (add_word(o, words[i], e) != OK)
            taken = 0;
        if (!taken)
            return e->kind;
        i += taken;
    }
    return OK;
}

const char *options_value(const struct options *o, const char *name)
{
    for (size_t i = 0; o->table[i].name; i++)
        if (strcmp(o->table[i].name, name) == 0)
            return o->values[i];
    assert(false && "an option that the table has");
    return NULL;
}
