/* The table of commands (commands.def) as data. Knows nothing of how they are typed or done. */
#ifndef POLLUX_CMDLET_COMMANDS_H
#define POLLUX_CMDLET_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>

enum parameter_type { TEXT, FQDN, SWITCH, FILE_TEXT };
enum parameter_need { OPTIONAL, REQUIRED };
enum command_effect { READS, CHANGES };

struct parameter {
    const char *name;
    enum parameter_type type;
    enum parameter_need need;
    const char *help;
};

struct command {
    const char *name;
    enum command_effect effect;
    const char *synopsis;
    const struct parameter *parameters;
    size_t parameter_count;
};

enum { COMMAND_PARAMETERS_MAX = 16 };

/* The order is that of the table. */
enum command_id {
#define COMMAND(id, name, effect, synopsis) COMMAND_##id,
#define PARAMETER(name, type, need, help)
#include "cmdlet/commands.def"
#undef COMMAND
#undef PARAMETER
    COMMANDS
};

const struct command *command_at(size_t i);
/* By its full name, in any case; -1: there is none. */
int command_find(const char *name);
/* "Was … meant?": the nearest name, or NULL. */
const char *command_nearest(const char *name);

/* By a name in any case, or the beginning of one that fits no other. NULL: none, or several. */
const struct parameter *command_parameter(const struct command *command, const char *name,
                                          bool *ambiguous);

#endif
