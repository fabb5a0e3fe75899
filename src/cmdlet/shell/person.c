#include "cmdlet/shell/person.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <termios.h>
#include <unistd.h>

#include "cmdlet/shell/session.h"

enum { ANSWER_SIZE = 64, ASKED_MAX = 5 };

static int open_terminal(struct error *e)
{
    int fd = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        fail(e, FAIL_INVALID, "There is no terminal to ask at.");
        error_kept(e, "Nothing was done.");
    }
    return fd;
}

static void say(int fd, const char *text)
{
    ssize_t written = write(fd, text, strlen(text));
    (void)written; /* a terminal that has gone has nobody who could answer either */
}

/* A line without its end. False: the end of the file came first, or Ctrl-C, or it is too long. */
static bool read_line(int fd, char *line, size_t size)
{
    size_t n = 0;
    for (;;) {
        char c;
        ssize_t got = session_wait_input(fd) ? read(fd, &c, 1) : -1;
        if (got <= 0 || c == '\n') {
            line[n] = '\0';
            if (n && line[n - 1] == '\r')
                line[n - 1] = '\0';
            return got == 1 || (got == 0 && n > 0);
        }
        if (n + 1 >= size)
            return false;
        line[n++] = c;
    }
}

enum failure person_agrees(const char *question, bool *yes, struct error *e)
{
    char answer[ANSWER_SIZE];
    int fd = open_terminal(e);
    *yes = false;
    if (fd < 0)
        return e->kind;
    for (int i = 0; i < ASKED_MAX; i++) {
        say(fd, question);
        say(fd, " [Y] Yes  [N] No: ");
        if (!read_line(fd, answer, sizeof answer)) {
            say(fd, "\n"); /* what comes next does not stand behind the question */
            break;
        }
        *yes = strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
        if (*yes || strcasecmp(answer, "n") == 0 || strcasecmp(answer, "no") == 0)
            break;
    }
    close(fd);
    return OK;
}

enum failure person_confirms(bool wished, bool *yes, struct error *e)
{
    if (person_agrees("Shall this be done?", yes, e))
        return error_next(e, wished ? "Leave -Confirm out, or give the command at a terminal."
                                    : "Give the command at a terminal, or with '-Confirm:$false'.");
    if (*yes)
        return OK;
    if (session_interrupted())
        fail(e, FAIL_STOPPING, "The question was left by Ctrl-C.");
    else
        fail(e, FAIL_REFUSED, "The answer was not Yes.");
    error_kept(e, "Nothing was done.");
    return error_next(e, "Give the command again to be asked again.");
}

static bool ask_hidden(int fd, const char *what, const char *again, char secret[SECRET_SIZE])
{
    struct termios before, hidden;
    if (tcgetattr(fd, &before) != 0)
        return false;
    hidden = before;
    hidden.c_lflag &= ~(tcflag_t)ECHO;
    say(fd, what);
    say(fd, again);
    tcsetattr(fd, TCSAFLUSH, &hidden);
    bool got = read_line(fd, secret, SECRET_SIZE);
    tcsetattr(fd, TCSAFLUSH, &before);
    say(fd, "\n");
    return got;
}

enum failure person_secret(const char *what, char secret[SECRET_SIZE], struct error *e)
{
    char second[SECRET_SIZE] = "";
    int fd = open_terminal(e);
    if (fd < 0)
        return e->kind;
    bool got = ask_hidden(fd, what, ": ", secret) && ask_hidden(fd, what, ", once more: ", second);
    bool same = got && strcmp(secret, second) == 0;
    close(fd);
    explicit_bzero(second, sizeof second);
    if (same)
        return OK;
    fail(e, FAIL_INVALID, "%s", got ? "The two were not the same." : "No secret was typed.");
    error_kept(e, "Nothing was done.");
    return error_next(e, "Give the command again.");
}

enum failure secret_from_descriptor(int fd, char secret[SECRET_SIZE], struct error *e)
{
    if (read_line(fd, secret, SECRET_SIZE))
        return OK;
    fail(e, FAIL_INVALID, "No secret can be read from the open file %d.", fd);
    error_kept(e, "Nothing was done.");
    return error_next(e, "A shell opens one so: -PinFileDescriptor 3 3<FILE");
}
