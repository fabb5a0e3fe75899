/* Files that were assembled (content_fetch.h) take their places. */
#include "pool/content_fetch.h"

/* Whatever lies there and is not the version that we know of is somebody's: it is not written over.
 * `*over` one that is. */
static enum failure make_room(struct fetch *f, const struct fetch_file *file, bool *over,
                              struct error *e)
{
    enum file_found found;
    struct file_stamp there;
    enum failure bad = file_store_look(f->files, &file->name, &found, &there, e);
    if (bad == FAIL_FOREIGN) {
        struct file_name folder = file->name;
        folder.file[0] = 0;
        return file_store_set_aside(f->files, &folder, "a folder belongs there", e);
    }
    *over = found == FOUND_FILE && (file_stamp_equal(there, file->manifest.stamp) ||
                                    (file->had_stamp && file_stamp_equal(there, file->had)));
    if (bad || found == FOUND_NOTHING || *over)
        return bad;
    return file_store_set_aside(f->files, &file->name, "it is not what belongs there", e);
}

static enum failure put(struct fetch *f, struct fetch_file *file, struct error *e)
{
    bool over = false;
    enum failure bad = make_room(f, file, &over, e);
    return bad ? bad : incoming_place(file->incoming, &file->name, over, e);
}

/* A deletion that began before is seen, and one that begins later finds the file. */
static enum failure put_if(struct fetch *f, struct fetch_file *file, fetch_still *still,
                           void *context, struct error *e)
{
    enum failure bad = OK;
    file_store_hold(f->files);
    if (file_store_changes(f->files, &file->name) || !still(file, context))
        file->state = FETCH_PASSED;
    else
        bad = put(f, file, e);
    file_store_release(f->files);
    return bad;
}

enum failure fetch_place(struct fetch *f, struct fetch_file *list, size_t count, fetch_still *still,
                         void *context, struct error *e)
{
    size_t whole = 0;
    enum failure bad = OK;
    for (size_t i = 0; i < count; i++)
        whole += list[i].state == FETCH_WHOLE;
    if (!whole)
        return OK;
    bool singly = count <= FETCH_SINGLY_MAX;
    if (!singly)
        bad = file_store_sync(f->files, e);
    for (size_t i = 0; !bad && i < count; i++) {
        if (list[i].state != FETCH_WHOLE)
            continue;
        bad = still ? put_if(f, &list[i], still, context, e) : put(f, &list[i], e);
        if (!bad && singly && list[i].state == FETCH_WHOLE)
            bad = incoming_settle(list[i].incoming, e);
    }
    if (!bad && !singly)
        bad = file_store_sync(f->files, e);
    for (size_t i = 0; !bad && i < count; i++) {
        if (list[i].state != FETCH_WHOLE)
            continue;
        list[i].state = FETCH_PLACED;
        seeds_add(f->seeds, list[i].key, &list[i].manifest);
        incoming_free(TAKE(list[i].incoming));
    }
    return bad;
}
