#include "cmdlet/shell/session.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/nearest.h"
#include "cmdlet/parameter.h"

/* --- Ctrl-C --- */

static volatile sig_atomic_t interrupted, ended;

static void on_interrupt(int signal)
{
    interrupted = 1;
    if (signal != SIGINT)
        ended = 1;
}

bool session_ended(void)
{
    return ended;
}

bool session_interrupted(void)
{
    return interrupted;
}

void session_rearm(void)
{
    interrupted = 0;
}

static const int interrupts[] = {SIGINT, SIGHUP, SIGTERM};

static void hold_interrupts(sigset_t *before)
{
    sigset_t held;
    sigemptyset(&held);
    for (size_t i = 0; i < COUNT_OF(interrupts); i++)
        sigaddset(&held, interrupts[i]);
    sigprocmask(SIG_BLOCK, &held, before);
}

bool session_wait_input(int fd)
{
    sigset_t before;
    struct pollfd input = {.fd = fd, .events = POLLIN};
    hold_interrupts(&before);
    /* From the look at what was typed to the end of the wait no Ctrl-C can slip through. */
    while (!interrupted && ppoll(&input, 1, NULL, &before) < 0 && errno == EINTR)
        continue;
    sigprocmask(SIG_SETMASK, &before, NULL);
    return !interrupted;
}

void session_sleep(uint64_t ms)
{
    sigset_t before;
    uint64_t until = clock_ms() + ms;
    hold_interrupts(&before);
    for (uint64_t now = clock_ms(); !interrupted && now < until; now = clock_ms()) {
        const struct timespec left = {.tv_sec = (time_t)((until - now) / 1000),
                                      .tv_nsec = (long)((until - now) % 1000) * 1000000};
        ppoll(NULL, 0, &left, &before);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
}

/* Without SA_RESTART: whoever waits for a line or an answer is woken. Who had it ignored for us, as
 * nohup does, wants us to go on. */
static void heed(int which)
{
    struct sigaction before, action = {.sa_handler = on_interrupt};
    sigemptyset(&action.sa_mask);
    sigaction(which, NULL, &before);
    if (before.sa_handler != SIG_IGN)
        sigaction(which, &action, NULL);
}

/* A terminal that is closed is as good as one at which nothing more is waited for, and so is
 * whoever ends us, as a shell does with what stands still in it. */
static void catch_interrupts(void)
{
    for (size_t i = 0; i < COUNT_OF(interrupts); i++)
        heed(interrupts[i]);
    signal(SIGPIPE, SIG_IGN); /* a reader that has gone is an error like any other */
}

/* --- terminals --- */

static bool is_terminal(int fd)
{
    const char *kind = getenv("TERM");
    return isatty(fd) && kind && *kind && strcmp(kind, "dumb") != 0;
}

size_t session_width(const struct session *s)
{
    struct winsize size;
    if (!s->out_is_terminal || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
        return 0;
    return size.ws_col;
}

void session_begin(struct session *s, bool in_shell)
{
    *s = (struct session){.in_shell = in_shell,
                          .out_is_terminal = is_terminal(STDOUT_FILENO),
                          .err_is_terminal = is_terminal(STDERR_FILENO),
                          .variables = json_object()};
    json_object_set_new(s->variables, "true", json_true());
    json_object_set_new(s->variables, "false", json_false());
    json_object_set_new(s->variables, "null", json_null());
    catch_interrupts();
}

void session_end(struct session *s)
{
    json_decref(s->variables);
    *s = (struct session){0};
}

/* --- actions --- */

static const char *const action_names[ACTIONS] = {
    [ACTION_CONTINUE] = "Continue",       [ACTION_STOP] = "Stop",
    [ACTION_SILENT] = "SilentlyContinue", [ACTION_IGNORE] = "Ignore",
    [ACTION_INQUIRE] = "Inquire",
};

static bool find_action(const char *name, enum action *action)
{
    for (int i = 0; name && i < ACTIONS; i++) {
        if (strcasecmp(name, action_names[i]) == 0) {
            *action = (enum action)i;
            return true;
        }
    }
    return false;
}

enum action action_named(const char *name)
{
    enum action action = ACTION_CONTINUE;
    bool known = find_action(name, &action);
    assert(known); /* the table of commands has checked it */
    return action;
}

enum action session_preference(const struct session *s, const char *variable, enum action usual)
{
    enum action action = usual;
    find_action(json_string_value(session_get(s, variable)), &action);
    return action;
}

/* --- variables --- */

static const char *const preferences[] = {"ErrorActionPreference", "WarningPreference",
                                          "InformationPreference", "VerbosePreference",
                                          "DebugPreference"};

static void lower(const char *name, char out[VARIABLE_NAME_MAX + 1])
{
    size_t n = strnlen(name, VARIABLE_NAME_MAX);
    for (size_t i = 0; i < n; i++)
        out[i] = (char)tolower((unsigned char)name[i]);
    out[n] = '\0';
}

const json_t *session_get(const struct session *s, const char *name)
{
    char key[VARIABLE_NAME_MAX + 1];
    lower(name, key);
    return json_object_get(s->variables, key);
}

const char *session_nearest(const struct session *s, const char *name)
{
    const char *names[VARIABLES_MAX];
    const char *key;
    json_t *value;
    size_t count = 0;
    json_object_foreach(s->variables, key, value)
    {
        if (count < VARIABLES_MAX)
            names[count++] = key;
    }
    return nearest_word(name, names, count);
}

static enum failure check_name(const struct session *s, const char *key, struct error *e)
{
    if (strcmp(key, "true") == 0 || strcmp(key, "false") == 0 || strcmp(key, "null") == 0)
        fail(e, FAIL_INVALID, "$%s always stays what it is.", key);
    else if (!json_object_get(s->variables, key) && json_object_size(s->variables) >= VARIABLES_MAX)
        fail(e, FAIL_INVALID, "There are %d variables already, and there can't be more.",
             VARIABLES_MAX);
    else
        return OK;
    return error_kept(e, "It was not set.");
}

enum failure session_may_set(const struct session *s, const char *name, struct error *e)
{
    char key[VARIABLE_NAME_MAX + 1];
    lower(name, key);
    return check_name(s, key, e);
}

static enum failure check_preference(const char *name, const json_t *value, struct error *e)
{
    enum action action;
    for (size_t i = 0; i < COUNT_OF(preferences); i++) {
        if (strcasecmp(name, preferences[i]) != 0 || find_action(json_string_value(value), &action))
            continue;
        fail(e, FAIL_INVALID,
             "$%s takes one of: Continue, Stop, SilentlyContinue, Ignore, Inquire.",
             preferences[i]);
        return error_kept(e, "It was not changed.");
    }
    return OK;
}

enum failure session_set(struct session *s, const char *name, json_t *value, struct error *e)
{
    char key[VARIABLE_NAME_MAX + 1];
    lower(name, key);
    enum failure bad = check_name(s, key, e);
    if (!bad)
        bad = check_preference(name, value, e);
    if (bad)
        json_decref(value);
    else
        json_object_set_new(s->variables, key, value);
    return bad;
}

void session_unset(struct session *s, const char *name)
{
    char key[VARIABLE_NAME_MAX + 1];
    lower(name, key);
    json_object_del(s->variables, key);
}

int status_of_failure(enum failure kind)
{
    switch ((int)kind) {
    case OK: return STATUS_DONE;
    case FAIL_INVALID: return STATUS_MISUSED;
    case FAIL_DENIED: return STATUS_NOT_PERMITTED;
    case FAIL_STOPPING: return session_interrupted() ? STATUS_INTERRUPTED : STATUS_FAILED;
    default: return STATUS_FAILED;
    }
}
