#include "cmdlet/command_line.h"

#include <string.h>

#include "cmdlet/answer/notice.h"
#include "cmdlet/commands.h"
#include "cmdlet/language/words.h"
#include "cmdlet/parameter.h"
#include "cmdlet/shell/help.h"
#include "cmdlet/shell/run.h"

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* What stands on a command line, everybody on the machine can read for as long as it runs. */
static void hide_secrets(const struct command *command, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        bool ambiguous;
        size_t size = argv[i][0] == '-' ? strcspn(argv[i] + 1, ":") : 0;
        char name[COMMAND_NAME_MAX + 1] = "";
        if (size && size < sizeof name)
            memcpy(name, argv[i] + 1, size);
        const struct parameter *p = command_parameter(command, name, &ambiguous);
        if (!p || p->type != SECRET)
            continue;
        bool colon = argv[i][1 + size] == ':';
        char *secret = colon ? argv[i] + size + 2 : i + 1 < argc ? argv[i + 1] : NULL;
        if (secret)
            memset(secret, '*', strlen(secret));
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
    if (which >= 0)
        hide_secrets(command_at((size_t)which), argc, argv);
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
    return status;
}
