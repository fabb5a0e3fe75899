#include "cmdlet/shell/interactive.h"

#include <histedit.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "base/clock.h"
#include "cmdlet/answer/notice.h"
#include "cmdlet/language/parse.h"
#include "cmdlet/shell/complete.h"
#include "cmdlet/shell/history.h"
#include "cmdlet/shell/remote.h"
#include "cmdlet/shell/run.h"

enum {
    NAMES_FRESH_MS = 10000, /* names of pools are asked for again after that */
};

struct shell {
    struct session *session;
    EditLine *line;
    History *history;
    char *history_file;
    struct buffer text; /* of a statement that goes on in the next line */
    int status;         /* of what was typed last */
    struct {
        json_t *list;
        uint64_t asked_ms;
    } pools, machines;
};

static struct shell *shell_of(EditLine *line)
{
    void *shell = NULL;
    el_get(line, EL_CLIENTDATA, &shell);
    return shell;
}

static char *prompt(EditLine *line)
{
    static char first[] = "pollux> ", further[] = ">> ";
    return shell_of(line)->text.size ? further : first;
}

/* As the library's own, but Ctrl-C ends the line. */
static int get_letter(EditLine *line, wchar_t *letter)
{
    (void)line;
    mbstate_t state = {0};
    for (;;) {
        char c;
        if (!session_wait_input(STDIN_FILENO) || read(STDIN_FILENO, &c, 1) != 1)
            return 0;
        size_t size = mbrtowc(letter, &c, 1, &state);
        if (size == (size_t)-2)
            continue; /* the letter has more bytes */
        if (size == (size_t)-1)
            *letter = L'?';
        return 1;
    }
}

/* --- completion --- */

static void take_name(const json_t *message, void *context)
{
    const json_t *identity = json_object_get(json_object_get(message, "object"), "Identity");
    if (identity)
        json_array_append(context, (json_t *)(uintptr_t)identity);
}

static json_t *ask_names(const char *command)
{
    struct binding b = {0};
    struct error e;
    json_t *list = json_array();
    const struct bind_options how = {.in_shell = true};
    const struct remote_options options = {.message = take_name, .context = list};
    if (!bind_words(&b, command_at((size_t)command_find(command)), NULL, 0, &how, &e))
        remote_run(&b, &options, &e); /* whoever presses a key wants no error */
    binding_free(&b);
    return list;
}

static json_t *names(const char *what, void *context)
{
    struct shell *shell = context;
    bool pools = strcmp(what, "pool") == 0;
    json_t **list = pools ? &shell->pools.list : &shell->machines.list;
    uint64_t *asked = pools ? &shell->pools.asked_ms : &shell->machines.asked_ms, now = clock_ms();
    if (!*list || now - *asked > NAMES_FRESH_MS) {
        json_decref(*list);
        *list = ask_names(pools ? "Get-CsPool" : "Get-CsComputer");
        *asked = now;
    }
    return json_incref(*list);
}

static void show_candidates(const struct completion *c)
{
    fputc('\n', stdout);
    for (size_t i = 0; i < c->count; i++)
        printf("%s%s", c->list[i], i + 1 < c->count ? "  " : "\n");
    fflush(stdout);
}

static unsigned char on_tab(EditLine *line, int key)
{
    (void)key;
    struct shell *shell = shell_of(line);
    const LineInfo *info = el_line(line);
    OWNED(free_memory)
    char *before = xasprintf("%.*s", (int)(info->cursor - info->buffer), info->buffer);
    struct completion c;
    unsigned char result = CC_ERROR;
    complete(shell->session, before, names, shell, &c);
    size_t common = completion_common(&c);
    if (c.count == 1 || common > c.begun) {
        OWNED(free_memory)
        char *text = xasprintf("%.*s%s", (int)common, c.list[0], c.count == 1 ? " " : "");
        el_deletestr(line, (int)c.begun);
        el_insertstr(line, text);
        result = CC_REFRESH;
    } else if (c.count > 1) {
        show_candidates(&c);
        result = CC_REDISPLAY;
    }
    completion_clear(&c);
    return result;
}

/* --- lines --- */

static void forget_text(struct shell *shell)
{
    buffer_clear(&shell->text);
}

/* As the history keeps it: without the end of its last line. */
static void cut_end(char *text)
{
    size_t size = strlen(text);
    while (size && (text[size - 1] == '\n' || text[size - 1] == '\r'))
        text[--size] = '\0';
}

/* A whole statement, or the beginning of one. */
static void take_line(struct shell *shell, const char *line)
{
    OWNED(script_free) struct script *script = NULL;
    struct error e = {0};
    bool unfinished = false;
    buffer_raw(&shell->text, line, strlen(line));
    enum failure bad = parse_script(buffer_view(&shell->text), &script, &unfinished, &e);
    if (bad && unfinished && shell->text.size < SCRIPT_BYTES_MAX)
        return;
    OWNED(free_memory) char *text = buffer_take_text(&shell->text);
    cut_end(text);
    history_add(shell->history, shell->history_file, text);
    if (bad)
        notice_show_error(stderr, "pollux", &e);
    else
        shell->status = run_script(shell->session, script);
    forget_text(shell);
}

static bool read_and_run(struct shell *shell)
{
    int size;
    session_rearm();
    const char *line = el_gets(shell->line, &size);
    if (line && !session_interrupted()) {
        take_line(shell, line);
        return !shell->session->leaves && !session_ended();
    }
    fputc('\n', stdout);
    bool go_on = !session_ended() && (session_interrupted() || shell->text.size > 0);
    forget_text(shell);
    return go_on;
}

static void open_history(struct shell *shell)
{
    HistEvent event;
    shell->history = history_init();
    shell->history_file = history_file();
    history(shell->history, &event, H_SETSIZE, HISTORY_ENTRIES_MAX);
    history(shell->history, &event, H_SETUNIQUE, 1);
    if (shell->history_file)
        history_load(shell->history, shell->history_file);
}

static void open_line(struct shell *shell)
{
    shell->line = el_init("pollux", stdin, stdout, stderr);
    el_set(shell->line, EL_CLIENTDATA, shell);
    el_set(shell->line, EL_PROMPT, prompt);
    el_set(shell->line, EL_EDITOR, "emacs");
    el_set(shell->line, EL_HIST, history, shell->history);
    el_set(shell->line, EL_GETCFN, get_letter);
    /* The library keeps copies of narrow texts for ever. */
    el_wset(shell->line, EL_ADDFN, L"pollux-complete", L"Completes what is typed.", on_tab);
    el_set(shell->line, EL_BIND, "^I", "pollux-complete", NULL);
    el_set(shell->line, EL_BIND, "^R", "em-inc-search-prev", NULL);
}

int interactive_run(struct session *s)
{
    struct shell shell = {.session = s};
    open_history(&shell);
    open_line(&shell);
    while (read_and_run(&shell))
        ;
    el_end(shell.line);
    history_end(shell.history);
    free(shell.history_file);
    json_decref(shell.pools.list);
    json_decref(shell.machines.list);
    buffer_free(&shell.text);
    return s->leaves ? shell.status : STATUS_DONE;
}
