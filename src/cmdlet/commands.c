#include "cmdlet/commands.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/nearest.h"

/* All parameters in one row, command after command. */
static const struct parameter parameters[] = {
#define COMMAND(id, name, effect, synopsis)
#define PARAMETER(name, type, need, help) {name, type, need, help},
#include "cmdlet/commands.def"
#undef COMMAND
#undef PARAMETER
};

/* The line of the table on which each command and parameter stands: a parameter belongs to the last
 * command above it. */
static const int command_lines[] = {
#define COMMAND(id, name, effect, synopsis) __LINE__,
#define PARAMETER(name, type, need, help)
#include "cmdlet/commands.def"
#undef COMMAND
#undef PARAMETER
};
static const int parameter_lines[] = {
#define COMMAND(id, name, effect, synopsis)
#define PARAMETER(name, type, need, help) __LINE__,
#include "cmdlet/commands.def"
#undef COMMAND
#undef PARAMETER
};

static struct command commands[] = {
#define COMMAND(id, name, effect, synopsis) {name, effect, synopsis, NULL, 0},
#define PARAMETER(name, type, need, help)
#include "cmdlet/commands.def"
#undef COMMAND
#undef PARAMETER
};

__attribute__((constructor)) static void deal_out_parameters(void)
{
    size_t p = 0;
    for (size_t i = 0; i < COMMANDS; i++) {
        commands[i].parameters = &parameters[p];
        while (p < COUNT_OF(parameters) &&
               (i + 1 == COMMANDS || parameter_lines[p] < command_lines[i + 1])) {
            p++;
            commands[i].parameter_count++;
        }
        assert(commands[i].parameter_count <= COMMAND_PARAMETERS_MAX);
    }
}

const struct command *command_at(size_t i)
{
    assert(i < COMMANDS);
    return &commands[i];
}

int command_find(const char *name)
{
    for (int i = 0; i < COMMANDS; i++) {
        if (strcasecmp(name, commands[i].name) == 0)
            return i;
    }
    return -1;
}

const char *command_nearest(const char *name)
{
    const char *names[COMMANDS];
    for (int i = 0; i < COMMANDS; i++)
        names[i] = commands[i].name;
    return nearest_word(name, names, COMMANDS);
}

const struct parameter *command_parameter(const struct command *command, const char *name,
                                          bool *ambiguous)
{
    const struct parameter *found = NULL;
    *ambiguous = false;
    for (size_t i = 0; i < command->parameter_count; i++) {
        const struct parameter *p = &command->parameters[i];
        if (strcasecmp(name, p->name) == 0) {
            *ambiguous = false;
            return p;
        }
        if (strncasecmp(name, p->name, strlen(name)) == 0) {
            *ambiguous = found != NULL;
            found = p;
        }
    }
    return *ambiguous ? NULL : found;
}
