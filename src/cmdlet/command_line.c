#include "cmdlet/command_line.h"

#include <string.h>

#include "cmdlet/answer/notice.h"
#include "cmdlet/commands.h"
#include "cmdlet/language/words.h"
#include "cmdlet/shell/help.h"
#include "cmdlet/shell/run.h"

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void hide(char *text)
{
    memset(text, '*', strlen(text));
}

/* What stands on a command line, everybody on the machine can read for as long as it runs. The
 * columns tell which word an element stood in. */
static void hide_secrets(const struct command *command, const struct invocation *typed, int argc,
                         char **argv)
{
    for (size_t i = 0; i < typed->count; i++) {
        bool ambiguous;
        const struct element *at = &typed->elements[i];
        const struct parameter *p =
            at->parameter ? command_parameter(command, at->parameter, &ambiguous) : NULL;
        if (!p || p->type != SECRET)
            continue;
        /* Up to the next parameter: its value may be one of several words that a comma joined. */
        size_t next = i + 1;
        while (next < typed->count && !typed->elements[next].parameter)
            next++;
        int end = next < typed->count ? (int)typed->elements[next].column : argc;
        char *colon = strchr(argv[at->column], ':');
        if (colon)
            hide(colon + 1);
        for (int word = (int)at->column + 1; word < end; word++)
            hide(argv[word]);
    }
}

static int run_one(struct session *s, int argc, char **argv)
{
    OWNED(invocation_free) struct invocation *typed = NULL;
    const char *name = base_name(argv[0]);
    int which = command_find(name);
    struct error e = {0};
    if (which >= 0 && argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0))
        return help_show(s, name);
    enum failure bad = parse_words(name, argc - 1, argv + 1, &typed, &e);
    if (!bad && which >= 0)
        hide_secrets(command_at((size_t)which), typed, argc, argv);
    if (bad) {
        notice_show_error(stderr, which >= 0 ? command_at((size_t)which)->name : "pollux", &e);
        return STATUS_MISUSED;
    }
    struct pipeline pipeline = {.commands = &typed, .count = 1};
    return run_pipeline(s, &pipeline, NULL);
}

int command_line_run(int argc, char **argv)
{
    struct session s;
    session_begin(&s, false);
    int status = run_one(&s, argc, argv);
    session_end(&s);
    return session_interrupted() ? STATUS_INTERRUPTED : status;
}
