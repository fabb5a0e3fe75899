/* The program `pollux`, as an administrator starts it. It only finds out which part of it is meant;
 * the work is done in the rooms. */
#include <stdio.h>
#include <string.h>

#include "cmdlet/pki_command.h"

static const char help[] = "Usage: pollux pki COMMAND ...   certificates of the deployment\n"
                           "       pollux --version\n"
                           "       pollux --help\n";

int main(int argc, char **argv)
{
    const char *first = argc > 1 ? argv[1] : "";
    if (strcmp(first, "pki") == 0)
        return pki_command(argc - 1, argv + 1);
    if (strcmp(first, "--version") == 0)
        return puts("pollux " POLLUX_VERSION) < 0;
    if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0)
        return fputs(help, stdout) < 0;
    if (argc > 1)
        fprintf(stderr, "pollux: There is no command \"%s\".\n", first);
    fputs(help, stderr);
    return 2;
}
