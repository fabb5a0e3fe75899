/* The program `pollux`, as an administrator starts it: by its own name, or by that of a command
 * which is a link to it. It only finds out what is meant; the work is done in the rooms. */
#include <stdio.h>
#include <string.h>

#include "base/defaults.h"
#include "cmdlet/command_line.h"
#include "cmdlet/commands.h"
#include "cmdlet/pki_command.h"

static void show_help(FILE *out)
{
    fputs("Usage: pollux COMMAND [-Parameter value] ...\n"
          "       pollux pki COMMAND ...   certificates of the deployment\n"
          "       pollux --version\n"
          "       pollux --commands        their names, one on each line\n"
          "       pollux --help\n"
          "\n"
          "Commands, each also a program of its own; COMMAND -? explains one:\n",
          out);
    for (size_t i = 0; i < COMMANDS; i++)
        fprintf(out, "  %s\n", command_at(i)->name);
    fputs(
        "\nPOLLUX_SERVER names the daemon that they talk to: the path of its socket, or\n"
        "https://HOST[:PORT]; then POLLUX_CERTIFICATE, POLLUX_KEY and POLLUX_AUTHORITY name three\n"
        "files, and POLLUX_ADDRESS where to connect, if the host's name does not resolve to it.\n"
        "Without POLLUX_SERVER it is " DEFAULT_ADMIN_SOCKET ".\n",
        out);
}

int main(int argc, char **argv)
{
    const char *slash = strrchr(argv[0], '/');
    if (command_find(slash ? slash + 1 : argv[0]) >= 0)
        return command_line_run(argc, argv);
    if (argc < 2) {
        show_help(stderr);
        return STATUS_MISUSED;
    }
    if (strcmp(argv[1], "pki") == 0)
        return pki_command(argc - 1, argv + 1);
    if (strcmp(argv[1], "--commands") == 0) {
        for (size_t i = 0; i < COMMANDS; i++)
            puts(command_at(i)->name);
        return STATUS_DONE;
    }
    if (strcmp(argv[1], "--version") == 0)
        return puts("pollux " POLLUX_VERSION) < 0;
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        show_help(stdout);
        return STATUS_DONE;
    }
    return command_line_run(argc - 1, argv + 1);
}
