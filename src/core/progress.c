#include "core/progress.h"

void progress_begin(struct progress *progress, uint64_t now_ms)
{
    progress->moved_ms = now_ms;
    progress->least_left = progress->files.at = UINT64_MAX;
}

void progress_note(struct progress *progress, uint64_t left, uint64_t now_ms)
{
    if (left >= progress->least_left)
        return;
    progress->least_left = left;
    progress->moved_ms = now_ms;
}

void progress_note_files(struct progress *progress, uint64_t at, uint64_t left, uint64_t now_ms)
{
    bool same = at == progress->files.at;
    if (!left || (same && left >= progress->files.least))
        return;
    progress->files.at = at;
    progress->files.least = left;
    progress->moved_ms = now_ms;
}
