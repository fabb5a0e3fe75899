#include "admin/describe.h"

#include <jansson.h>

#include "cmdlet/commands.h"

static const char *const types[PARAMETER_TYPES] = {
    [TEXT] = "text",
    [FQDN] = "fqdn",
    [SWITCH] = "switch",
    [BOOLEAN] = "boolean",
    [INTEGER] = "integer",
    [TIME_SPAN] = "time span",
    [FILE_SENT] = "name of a file",
    [FILE_KEPT] = "name of a file",
    [CHOICE] = "choice",
    [LIST] = "list",
    [FILE_TEXT] = "text of a file",
    [REPORT_FILE] = "file",
    [SECRET] = "secret",
    [DESCRIPTOR] = "",
    [VARIABLE] = "",
    [OBJECT] = "",
};

static json_t *describe_parameter(const struct parameter *p)
{
    return json_pack("{s:s, s:s, s:b, s:s, s:s}", "name", p->name, "type", types[p->type],
                     "required", (p->traits & REQUIRED) != 0, "limits", p->limits, "help", p->help);
}

static json_t *describe_command(const struct command *command)
{
    json_t *parameters = json_array();
    for (size_t i = 0; i < command->parameter_count; i++) {
        if (*types[command->parameters[i].type])
            json_array_append_new(parameters, describe_parameter(&command->parameters[i]));
    }
    return json_pack("{s:s, s:b, s:s, s:o}", "name", command->name, "changes",
                     command_changes(command), "synopsis", command->synopsis, "parameters",
                     parameters);
}

char *describe_commands(void)
{
    json_t *all = json_array();
    for (size_t i = 0; i < COMMANDS; i++) {
        if (command_is_remote(command_at(i)))
            json_array_append_new(all, describe_command(command_at(i)));
    }
    char *text = json_dumps(all, JSON_INDENT(2));
    json_decref(all);
    return text;
}
