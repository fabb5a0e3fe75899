/* The program `pollux`, as an administrator starts it: by its own name, or by that of a command
 * which is a link to it. It only finds out what is meant; the work is done in the rooms. */
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/core_dump.h"
#include "cmdlet/command_line.h"
#include "cmdlet/commands.h"
#include "cmdlet/pki_command.h"
#include "cmdlet/shell/completion_script.h"
#include "cmdlet/shell/help.h"
#include "cmdlet/shell/interactive.h"
#include "cmdlet/shell/run.h"

static const char usage[] =
    "Usage: pollux                       a shell for commands; reads a script if input is none\n"
    "                                    from a terminal\n"
    "       pollux FILE                  runs a script\n"
    "       pollux -c TEXT               runs a text\n"
    "       pollux COMMAND [-Parameter value] ...\n"
    "                                    one command; each is a program of its own as well\n"
    "       pollux pki COMMAND ...       certificates of the deployment\n"
    "       pollux --version | --help\n"
    "       pollux --commands            the commands' names, one on each line\n"
    "       pollux --manual COMMAND      a manual page\n"
    "       pollux --completion bash     for a Unix shell: source <(pollux --completion bash)\n"
    "\n"
    "Get-Command lists the commands, Get-Help explains one. POLLUX_SERVER names the polluxd that\n"
    "they talk to: the path of its socket, or https://HOST:PORT.\n";

static bool is_on_unix(const struct command *command)
{
    return command->place != IN_SHELL;
}

static int list_commands(void)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (is_on_unix(command_at(i)))
            puts(command_at(i)->name);
    }
    return STATUS_DONE;
}

static int show_manual(const char *name)
{
    int which = name ? command_find(name) : -1;
    if (which < 0) {
        fprintf(stderr, "pollux: There is no command %s.\n", name ? name : "without a name");
        return STATUS_MISUSED;
    }
    help_manual(command_at((size_t)which), stdout);
    return STATUS_DONE;
}

static int show_completion(const char *shell)
{
    if (!shell || strcmp(shell, "bash") != 0) {
        fputs("pollux: --completion knows one shell: bash.\n", stderr);
        return STATUS_MISUSED;
    }
    completion_script(stdout);
    return STATUS_DONE;
}

/* In the shell, where there are variables and pipes. */
static int run_shell(const char *file, const char *text)
{
    struct session s;
    session_begin(&s, true);
    int status;
    if (text)
        status = run_text(&s, bytes_of_text(text));
    else if (!file && isatty(STDIN_FILENO))
        status = interactive_run(&s);
    else
        status = run_file(&s, file);
    session_end(&s);
    return status;
}

/* Everybody on the machine can read the command line for as long as it runs, and a secret may stand
 * in the text. */
static int run_hidden(char *text)
{
    OWNED(free_memory) char *copy = xstrdup(text);
    memset(text, '*', strlen(text));
    int status = run_shell(NULL, copy);
    explicit_bzero(copy, strlen(copy));
    return status;
}

/* A word that is no command, and names a file, or one that should be there: a script. */
static bool is_script(const char *word)
{
    bool path = strpbrk(word, "/.") || access(word, F_OK) == 0;
    return word[0] != '-' && command_find(word) < 0 && path;
}

static int refuse_option(const char *word)
{
    fprintf(stderr,
            strcmp(word, "-c") == 0 ? "pollux: -c takes a text with commands behind it.\n"
                                    : "pollux: There is no option \"%.64s\".\n",
            word);
    fputs("    Nothing was done.\n    pollux --help lists the options.\n", stderr);
    return STATUS_MISUSED;
}

/* Whoever types -WhatIf behind a script must not find that it was carried out. */
static int refuse_words(const char *first)
{
    fprintf(stderr,
            "pollux: A script takes nothing behind its name, and \"%.64s\" stands there.\n"
            "    Nothing was done.\n",
            first);
    return STATUS_MISUSED;
}

static int run_word(int argc, char **argv)
{
    const char *word = argv[1];
    char *next = argc > 2 ? argv[2] : NULL;
    if (strcmp(word, "pki") == 0)
        return pki_command(argc - 1, argv + 1);
    if (strcmp(word, "-c") == 0 && next)
        return argc > 3 ? refuse_words(argv[3]) : run_hidden(next);
    if (strcmp(word, "--commands") == 0)
        return list_commands();
    if (strcmp(word, "--manual") == 0)
        return show_manual(next);
    if (strcmp(word, "--completion") == 0)
        return show_completion(next);
    if (strcmp(word, "--version") == 0)
        return puts("pollux " POLLUX_VERSION) < 0 ? STATUS_FAILED : STATUS_DONE;
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "-?") == 0)
        return fputs(usage, stdout) < 0 ? STATUS_FAILED : STATUS_DONE;
    if (word[0] == '-')
        return refuse_option(word);
    if (is_script(word))
        return next ? refuse_words(next) : run_shell(word, NULL);
    return command_line_run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    setlocale(LC_CTYPE, "");
    core_dump_forbid(); /* secrets are typed here */
    int which = command_find(argv[0]), status;
    if (which >= 0 && is_on_unix(command_at((size_t)which)))
        status = command_line_run(argc, argv);
    else
        status = argc < 2 ? run_shell(NULL, NULL) : run_word(argc, argv);
    return run_check_output(status);
}
