/* Does it go on? Whoever writes faster than it is copied, or adds files for ever, must not keep an
 * operation for ever: progress is only that less is left than ever before at a step. */
#ifndef POLLUX_CORE_PROGRESS_H
#define POLLUX_CORE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    uint64_t moved_ms; /* when there was some last */
    uint64_t least_left;
    struct {
        uint64_t at, least; /* where the copy stood, and the least that was left there */
    } files;
};

void progress_begin(struct progress *progress, uint64_t now_ms);
void progress_note(struct progress *progress, uint64_t left, uint64_t now_ms);
/* A large file is no change that has come before all of it has; what has come of it counts, too.
 * `at`: where the copy stands, among what there was when this began. `left`: bytes; 0: nothing is
 * known. */
void progress_note_files(struct progress *progress, uint64_t at, uint64_t left, uint64_t now_ms);

#endif
