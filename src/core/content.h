/* Files of conferences: what a file on the disk is, beside what its manifest says (protocol, rule
 * 16). A table; who looks and who carries out is elsewhere. */
#ifndef POLLUX_CORE_CONTENT_H
#define POLLUX_CORE_CONTENT_H

#include <stdbool.h>
#include <stdint.h>

/* What tells two versions of a file apart without reading them. */
struct file_stamp {
    uint64_t size;
    int64_t time_ns; /* of the last modification, since 1970 */
};
bool file_stamp_equal(struct file_stamp a, struct file_stamp b);

/* What lies where the file belongs. */
enum file_found {
    FOUND_NOTHING,
    FOUND_FILE,
    FOUND_OTHER, /* a folder, a symbolic link, a device: nothing that a conference could have */
};

/* Its bytes, beside those of the manifest: reading them all is for those who must. */
enum file_bytes { BYTES_UNREAD, BYTES_EQUAL, BYTES_DIFFER };

struct file_sight {
    bool changes;  /* this pool may change the home: it serves it */
    bool manifest; /* there is one; then `kept` is what it says */
    struct file_stamp kept;
    enum file_found found;
    struct file_stamp here;
    enum file_bytes bytes;
};

enum file_verdict {
    FILE_SOUND,
    FILE_NONE,     /* nothing there, and nothing that should be */
    FILE_CHANGED,  /* somebody's change: it gets a new manifest */
    FILE_READ,     /* only its bytes can tell: read them and judge again */
    FILE_TIME,     /* the right bytes under another time: give it its time back */
    FILE_LOST,     /* to be fetched from the partner */
    FILE_REPLACED, /* set aside what is there, as a conflict, and fetch the right one */
    FILE_FOREIGN,  /* set aside: nobody serves it */
    FILE_IGNORED,  /* left where it is, and told of: the pool's own programs never make such */
};
enum { FILE_VERDICTS = FILE_IGNORED + 1 };
const char *file_verdict_name(enum file_verdict verdict);

enum file_verdict file_judge(const struct file_sight *sight);

/* What a pool has still to do before its files are what its manifests say (protocol, rule 18). */
struct content_left {
    uint64_t files, bytes; /* to be looked at, or to be fetched; bytes as far as they are known */
    bool unsure;           /* a scan is not at its end: there may be more */
    bool broken;           /* the file store can't be used; nothing of it is known */
};
bool content_is_settled(const struct content_left *left);

#endif
