/* The name of a conference's file: where it lies, and the key of its manifest.
 *
 *     <file store>/<home>/<conference>/<file>        key: <conference>/<file>
 *
 * Names are bytes, as the file system has them: UTF-8, spaces and line breaks are all the same to
 * us. What begins with a dot is nobody's content: programs that change files keep such beside them
 * for a moment, and it must not come back from the other pool once they have taken it away. */
#ifndef POLLUX_CONTENT_NAME_H
#define POLLUX_CONTENT_NAME_H

#include "core/item.h"
#include "core/limits.h"

enum {
    CONTENT_NAME_SIZE = 256, /* file systems take 255 bytes; one more for the NUL */
    FILE_NAME_SHOWN_SIZE = 640,
};

struct file_name {
    char home[HOME_NAME_SIZE];
    char conference[CONTENT_NAME_SIZE];
    char file[CONTENT_NAME_SIZE];
};

/* Of a conference or of a file. */
bool content_name_valid(struct bytes name);

enum failure file_name_make(const char *home, struct bytes conference, struct bytes file,
                            struct file_name *name, struct error *e);
enum failure file_name_of_key(const char *home, struct bytes key, struct file_name *name,
                              struct error *e);
/* The key in MODULE_DATA_CONF, behind what `key` has. */
void file_name_key(const struct file_name *name, struct buffer *key);
/* For people: what no line of text can have stands there as \xNN. Returns `text`. */
const char *file_name_shown(const struct file_name *name, char text[FILE_NAME_SHOWN_SIZE]);

#endif
