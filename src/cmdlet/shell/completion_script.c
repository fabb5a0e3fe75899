#include "cmdlet/shell/completion_script.h"

#include <string.h>

#include "cmdlet/commands.h"

/* In front: a word that may be a command's name or that of `pollux` with the command behind it. */
static const char head[] =
    "# Completion of Pollux's commands for bash:  source <(pollux --completion bash)\n"
    "_pollux() {\n"
    "    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
    "    local command=${COMP_WORDS[0]##*/}\n"
    "    if [ \"$command\" = pollux ]; then\n"
    "        if [ \"$COMP_CWORD\" = 1 ]; then\n"
    "            COMPREPLY=($(compgen -W \"$(pollux --commands) pki\" -- \"$current\") $(compgen "
    "-f "
    "-- \"$current\"))\n"
    "            return\n"
    "        fi\n"
    "        command=${COMP_WORDS[1]}\n"
    "    fi\n"
    "    local names='' values=''\n"
    "    case $command in\n";

/* compgen expands what stands behind -W: of what a server says, only names pass. */
static const char tail[] =
    "    esac\n"
    "    case $before in\n"
    "    -*) case $values in *\" $before=\"*)\n"
    "        local kind=${values#*\" $before=\"}; kind=${kind%% *}\n"
    "        case $kind in\n"
    "        pool) COMPREPLY=($(compgen -W \"$(Get-CsPool -Output Json 2>/dev/null |\n"
    "            sed -n 's/.*\"Identity\":\"\\([A-Za-z0-9.-]*\\)\".*/\\1/p')\" -- \"$current\")) "
    ";;\n"
    "        machine) COMPREPLY=($(compgen -W \"$(Get-CsComputer -Output Json 2>/dev/null |\n"
    "            sed -n 's/.*\"Identity\":\"\\([A-Za-z0-9.-]*\\)\".*/\\1/p')\" -- \"$current\")) "
    ";;\n"
    "        file) COMPREPLY=($(compgen -f -- \"$current\")) ;;\n"
    "        *) COMPREPLY=($(compgen -W \"${kind//,/ }\" -- \"$current\")) ;;\n"
    "        esac\n"
    "        return ;;\n"
    "    esac ;;\n"
    "    esac\n"
    "    COMPREPLY=($(compgen -W \"$names\" -- \"$current\"))\n"
    "}\n";

static void write_value(FILE *out, const struct parameter *p)
{
    if (p->type == FQDN) {
        fprintf(out, " -%s=%s", p->name, strcmp(p->limits, "machine") == 0 ? "machine" : "pool");
    } else if (parameter_is_file(p)) {
        fprintf(out, " -%s=file", p->name);
    } else if (p->type == CHOICE) {
        fprintf(out, " -%s=", p->name);
        for (const char *c = p->limits; *c; c++) {
            if (*c != ' ')
                fputc(*c, out);
        }
    }
}

static void write_command(FILE *out, const struct command *command)
{
    const struct parameter *p;
    fprintf(out, "    %s)\n        names='", command->name);
    for (size_t i = 0; (p = command_parameter_at(command, i)); i++) {
        if (!(p->traits & OF_SHELL))
            fprintf(out, "-%s ", p->name);
    }
    fputs("'\n        values='", out);
    for (size_t i = 0; (p = command_parameter_at(command, i)); i++)
        write_value(out, p);
    fputs(" ' ;;\n", out);
}

void completion_script(FILE *out)
{
    fputs(head, out);
    for (size_t i = 0; i < COMMANDS; i++) {
        if (command_at(i)->place != IN_SHELL)
            write_command(out, command_at(i));
    }
    fputs(tail, out);
    fputs("complete -F _pollux pollux", out);
    for (size_t i = 0; i < COMMANDS; i++) {
        if (command_at(i)->place != IN_SHELL)
            fprintf(out, " %s", command_at(i)->name);
    }
    fputc('\n', out);
}
