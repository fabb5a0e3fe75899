#include "cmdlet/shell/behind.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmdlet/shell/session.h"

/* Whoever waits for the end of what we say must not wait for us. */
static void leave_terminal(void)
{
    int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    setsid();
    for (int fd = STDIN_FILENO; nothing >= 0 && fd <= STDERR_FILENO; fd++)
        dup2(nothing, fd);
}

bool behind_stay(bool *stays)
{
    fflush(NULL);           /* else both would say it */
    pid_t between = fork(); /* whose child is nobody's to wait for */
    if (between != 0) {
        int status = -1;
        while (between > 0 && waitpid(between, &status, 0) < 0 && errno == EINTR)
            continue;
        *stays = between > 0 && status == 0;
        return false;
    }
    pid_t child = fork();
    if (child != 0)
        _exit(child < 0);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
    leave_terminal();
    session_rearm();
    return true;
}

void behind_end(void)
{
    _exit(0);
}
