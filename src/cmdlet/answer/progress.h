/* How far a long command is. On a terminal one line that is written over and over:
 *
 *     Publishing the topology [##########----------] 50 %  1 of 2 pools  0:01 elapsed
 *
 * elsewhere (a log, a pipe) a plain line now and then: "Publishing the topology: 1 of 2 pools." */
#ifndef POLLUX_CMDLET_ANSWER_PROGRESS_H
#define POLLUX_CMDLET_ANSWER_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
    PROGRESS_DRAW_MS = 100,      /* between two drawings: faster is only flicker */
    PROGRESS_LINE_MS = 1000,     /* between two plain lines: a log is read afterwards */
    PROGRESS_ELAPSED_MS = 1000,  /* what ends sooner needs no clock */
    PROGRESS_WIDTH_MIN = 20,     /* narrower terminals are taken to be so wide */
    PROGRESS_WIDTH_UNKNOWN = 80, /* what a terminal has that does not say */
};

typedef uint64_t progress_clock(void); /* as clock_ms() */

struct progress_step {
    const char *activity;
    const char *status;   /* or NULL */
    uint64_t done, total; /* total 0: nobody knows how much there is to do */
    uint64_t elapsed_ms;  /* since it began; 0: it did when it was seen first */
    bool completed;       /* the activity has ended */
};

struct progress;

/* `width` is a terminal's; 0: unknown. A terminal that can't erase to the end of a line (TERM=dumb)
 * is not one. */
struct progress *progress_begin(FILE *err, bool terminal, size_t width, progress_clock *now);
void progress_step(struct progress *p, const struct progress_step *step);
/* Shows what was held back because it came too soon, and that time goes on. */
void progress_tick(struct progress *p);
/* Before an error: how far it came stands above it, and not below. */
void progress_settle(struct progress *p);
/* Before anything else is written to the terminal. The line comes back when it is due. */
void progress_hide(struct progress *p);
/* The last plain line is always written, the line on a terminal removed. */
void progress_end(struct progress *p);

#endif
