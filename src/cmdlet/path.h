/* Paths as runbooks have them that were written for another system. */
#ifndef POLLUX_CMDLET_PATH_H
#define POLLUX_CMDLET_PATH_H

/* The file's name in a path with a drive letter (C:\Logs\x.html) or on a share (\\server\x.html);
 * it may be empty. NULL: it is a path of this system. */
const char *path_from_elsewhere(const char *path);

#endif
