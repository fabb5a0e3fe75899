#include "core/content.h"

#include <assert.h>
#include <stddef.h>

#include "base/memory.h"

/* How what is there relates to the manifest, by its stamp. */
enum relation {
    SAME,    /* size and time */
    RESIZED, /* the same time, another size */
    NEWER,
    OLDER,
    RELATIONS
};

/* What only the holder may believe: that somebody meant it. A file store that was restored from a
 * backup has old times, and must not look like edits. One whose bytes changed under the same size
 * and time was not edited either. */
static const struct {
    enum relation relation;
    enum file_bytes bytes;
    enum file_verdict holder, standby;
} with_manifest[] = {
    {SAME, BYTES_UNREAD, FILE_SOUND, FILE_SOUND},
    {SAME, BYTES_EQUAL, FILE_SOUND, FILE_SOUND},
    {SAME, BYTES_DIFFER, FILE_LOST, FILE_LOST},
    {RESIZED, BYTES_UNREAD, FILE_CHANGED, FILE_REPLACED},
    {RESIZED, BYTES_EQUAL, FILE_CHANGED, FILE_REPLACED},
    {RESIZED, BYTES_DIFFER, FILE_CHANGED, FILE_REPLACED},
    {NEWER, BYTES_UNREAD, FILE_CHANGED, FILE_READ},
    {NEWER, BYTES_EQUAL, FILE_CHANGED, FILE_TIME},
    {NEWER, BYTES_DIFFER, FILE_CHANGED, FILE_REPLACED},
    {OLDER, BYTES_UNREAD, FILE_READ, FILE_READ},
    {OLDER, BYTES_EQUAL, FILE_TIME, FILE_TIME},
    {OLDER, BYTES_DIFFER, FILE_REPLACED, FILE_REPLACED},
};

/* The same without a file, or without a manifest. */
static const struct {
    bool manifest;
    enum file_found found;
    enum file_verdict holder, standby;
} otherwise[] = {
    {false, FOUND_NOTHING, FILE_NONE, FILE_NONE},
    {false, FOUND_FILE, FILE_CHANGED, FILE_FOREIGN},
    {false, FOUND_OTHER, FILE_IGNORED, FILE_IGNORED},
    {true, FOUND_NOTHING, FILE_LOST, FILE_LOST}, /* only the API deletes */
    {true, FOUND_OTHER, FILE_REPLACED, FILE_REPLACED},
};

static const char *const names[] = {
    [FILE_SOUND] = "sound",       [FILE_NONE] = "none",         [FILE_CHANGED] = "changed",
    [FILE_READ] = "to be read",   [FILE_TIME] = "another time", [FILE_LOST] = "lost",
    [FILE_REPLACED] = "replaced", [FILE_FOREIGN] = "foreign",   [FILE_IGNORED] = "ignored",
};
_Static_assert(COUNT_OF(names) == FILE_VERDICTS, "a name for each");

const char *file_verdict_name(enum file_verdict verdict)
{
    return names[verdict];
}

bool file_stamp_equal(struct file_stamp a, struct file_stamp b)
{
    return a.size == b.size && a.time_ns == b.time_ns;
}

bool content_is_settled(const struct content_left *left)
{
    return !left->files && !left->unsure && !left->broken;
}

static enum relation relation_of(struct file_stamp kept, struct file_stamp here)
{
    if (here.time_ns != kept.time_ns)
        return here.time_ns > kept.time_ns ? NEWER : OLDER;
    return here.size == kept.size ? SAME : RESIZED;
}

enum file_verdict file_judge(const struct file_sight *sight)
{
    if (sight->manifest && sight->found == FOUND_FILE) {
        enum relation relation = relation_of(sight->kept, sight->here);
        for (size_t i = 0; i < COUNT_OF(with_manifest); i++) {
            if (with_manifest[i].relation == relation && with_manifest[i].bytes == sight->bytes)
                return sight->changes ? with_manifest[i].holder : with_manifest[i].standby;
        }
    }
    for (size_t i = 0; i < COUNT_OF(otherwise); i++) {
        if (otherwise[i].manifest == sight->manifest && otherwise[i].found == sight->found)
            return sight->changes ? otherwise[i].holder : otherwise[i].standby;
    }
    assert(!"every case stands in a table");
    return FILE_IGNORED;
}
