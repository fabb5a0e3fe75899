#include "cmdlet/commands.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/nearest.h"

/* All parameters in one row, command after command; the same with the examples. */
static const struct parameter parameters[] = {
#define PARAMETER(name, type, traits, limits, help) {name, "", type, traits, limits, help},
#include "cmdlet/commands.def"
};
static const struct parameter_rule rules[] = {
#define RULE(name, relation, other, what, next) {name, relation, other, what, next},
#include "cmdlet/commands.def"
};
static const struct example examples[] = {
#define EXAMPLE(line, explanation) {line, explanation},
#include "cmdlet/commands.def"
};

/* The line of the table on which each stands: a parameter belongs to the last command above it. */
static const int parameter_lines[] = {
#define PARAMETER(name, type, traits, limits, help) __LINE__,
#include "cmdlet/commands.def"
};
static const int rule_lines[] = {
#define RULE(name, relation, other, what, next) __LINE__,
#include "cmdlet/commands.def"
};
static const int example_lines[] = {
#define EXAMPLE(line, explanation) __LINE__,
#include "cmdlet/commands.def"
};
static const int command_lines[] = {
#define COMMAND(id, name, effect, right, place, synopsis, description) __LINE__,
#define LOCAL(id, name, place, synopsis, description)                  __LINE__,
#include "cmdlet/commands.def"
};

static struct command commands[] = {
#define COMMAND(id, name, effect, right, place, synopsis, description)                             \
    {name, effect, right, place, synopsis, description, NULL, 0, NULL, 0, NULL, 0},
#define LOCAL(id, name, place, synopsis, description)                                              \
    {name, READS, RIGHT_READ, place, synopsis, description, NULL, 0, NULL, 0, NULL, 0},
#include "cmdlet/commands.def"
};

static const struct parameter commons[] = {
#define COMMON(name, alias, type, traits, limits, help) {name, alias, type, traits, limits, help},
#include "cmdlet/commands.def"
};

static const struct parameter hidden[] = {
#define HIDDEN(name, type, limits, help) {name, "", type, 0, limits, help},
#include "cmdlet/commands.def"
};

/* How many of the lines, from `at` on, stand before the command after `i`. */
static size_t lines_of(size_t i, const int *lines, size_t count, size_t at)
{
    size_t end = at;
    while (end < count && (i + 1 == COMMANDS || lines[end] < command_lines[i + 1]))
        end++;
    return end - at;
}

__attribute__((constructor)) static void deal_out(void)
{
    size_t p = 0, r = 0, x = 0;
    for (size_t i = 0; i < COMMANDS; i++) {
        struct command *c = &commands[i];
        c->parameters = &parameters[p];
        c->parameter_count = lines_of(i, parameter_lines, COUNT_OF(parameters), p);
        c->rules = &rules[r];
        c->rule_count = lines_of(i, rule_lines, COUNT_OF(rules), r);
        c->examples = &examples[x];
        c->example_count = lines_of(i, example_lines, COUNT_OF(examples), x);
        p += c->parameter_count;
        r += c->rule_count;
        x += c->example_count;
        assert(c->parameter_count <= COMMAND_PARAMETERS_MAX);
        assert(strlen(c->name) <= COMMAND_NAME_MAX);
    }
}

const struct command *command_at(size_t i)
{
    assert(i < COMMANDS);
    return &commands[i];
}

int command_find(const char *name)
{
    const char *slash = strrchr(name, '/');
    name = slash ? slash + 1 : name;
    for (int i = 0; i < COMMANDS; i++) {
        if (strcasecmp(name, commands[i].name) == 0)
            return i;
    }
    return -1;
}

const char *command_nearest(const char *name)
{
    const char *names[COMMANDS], *begun = NULL;
    size_t size = strlen(name), fitting = 0;
    for (int i = 0; i < COMMANDS; i++) {
        names[i] = commands[i].name;
        if (size && strncasecmp(name, names[i], size) == 0) {
            begun = names[i];
            fitting++;
        }
    }
    /* However much is missing of it: half a name is no slip of the hand. */
    return fitting == 1 ? begun : nearest_word(name, names, COMMANDS);
}

bool command_changes(const struct command *command)
{
    return command->effect >= CHANGES;
}

bool command_acts(const struct command *command)
{
    return command->effect != READS;
}

bool command_is_remote(const struct command *command)
{
    return command->place != ANYWHERE && command->place != IN_SHELL;
}

bool parameter_is_sent(const struct parameter *p)
{
    bool common = p >= commons && p < commons + COUNT_OF(commons);
    return common ? p->traits & SENT : p->type != DESCRIPTOR;
}

bool command_has_file(const struct command *command)
{
    for (size_t i = 0; i < command->parameter_count; i++) {
        enum parameter_type type = command->parameters[i].type;
        if (type == FILE_SENT || type == FILE_KEPT)
            return true;
    }
    return false;
}

bool parameter_is_file(const struct parameter *p)
{
    return p->type == FILE_TEXT || p->type == FILE_SENT || p->type == FILE_KEPT ||
           p->type == REPORT_FILE;
}

const struct parameter *command_parameter_at(const struct command *command, size_t i)
{
    if (i < command->parameter_count)
        return &command->parameters[i];
    i -= command->parameter_count;
    for (size_t j = 0; j < COUNT_OF(commons); j++) {
        bool takes = !(commons[j].traits & OF_CHANGES) || command_changes(command);
        if (takes && i-- == 0)
            return &commons[j];
    }
    return NULL;
}

const struct parameter *command_hidden(const struct command *command, const char *name)
{
    bool takes = false;
    for (size_t i = 0; i < command->parameter_count; i++)
        takes = takes || command->parameters[i].type == FILE_SENT;
    for (size_t i = 0; takes && i < COUNT_OF(hidden); i++) {
        if (strcmp(hidden[i].name, name) == 0)
            return &hidden[i];
    }
    return NULL;
}

bool parameter_begins_with(const struct parameter *parameter, const char *name)
{
    return strncasecmp(name, parameter->name, strlen(name)) == 0;
}

/* The only one that begins with `name`, among the original's or among ours. */
static const struct parameter *only_one(const struct command *command, const char *name,
                                        unsigned ours, bool *ambiguous)
{
    const struct parameter *found = NULL, *p;
    for (size_t i = 0; (p = command_parameter_at(command, i)); i++) {
        if ((p->traits & OURS) != ours || !parameter_begins_with(p, name))
            continue;
        *ambiguous = found != NULL;
        if (*ambiguous)
            return NULL;
        found = p;
    }
    return found;
}

const struct parameter *command_parameter(const struct command *command, const char *name,
                                          bool *ambiguous)
{
    const struct parameter *p;
    *ambiguous = false;
    if (!*name)
        return NULL;
    for (size_t i = 0; (p = command_parameter_at(command, i)); i++) {
        if (strcasecmp(name, p->name) == 0 || strcasecmp(name, p->alias) == 0)
            return p;
    }
    p = only_one(command, name, 0, ambiguous);
    return p || *ambiguous ? p : only_one(command, name, OURS, ambiguous);
}

const char *command_nearest_parameter(const struct command *command, const char *name)
{
    const char *names[COMMAND_PARAMETERS_MAX + COUNT_OF(commons)];
    const struct parameter *p;
    size_t count = 0;
    for (; (p = command_parameter_at(command, count)); count++)
        names[count] = p->name;
    return nearest_word(name, names, count);
}

const struct parameter *command_positional(const struct command *command, unsigned which)
{
    for (size_t i = 0; i < command->parameter_count; i++) {
        if (command->parameters[i].traits & which)
            return &command->parameters[i];
    }
    return NULL;
}

const struct parameter *command_piped(const struct command *command)
{
    return command_positional(command, PIPED);
}
