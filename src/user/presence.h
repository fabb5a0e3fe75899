/* What a user may say of himself. */
#ifndef POLLUX_USER_PRESENCE_H
#define POLLUX_USER_PRESENCE_H

#include <jansson.h>

#include "base/error.h"

enum { PRESENCE_ACTIVITY_MAX = 64, PRESENCE_NOTE_MAX = 512 }; /* bytes */

#define PRESENCE_AVAILABILITY "availability"

/* What is kept of it, said at this moment; owned by the caller. NULL: it is no presence. */
json_t *presence_read(const json_t *given, const char *time, struct error *e);
/* One that was kept, with its time. */
json_t *presence_read_kept(const json_t *given, struct error *e);

#endif
