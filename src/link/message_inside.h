/* What writing and reading messages share. */
#ifndef POLLUX_LINK_MESSAGE_INSIDE_H
#define POLLUX_LINK_MESSAGE_INSIDE_H

#include <jansson.h>

#include "link/message.h"

DEFINE_OWNED(json_t *, json_decref)

enum { MESSAGE_PURPOSES = OFFER_COMPARED + 1 };

extern const char *const message_verdicts[VERDICTS];
extern const char *const message_purposes[MESSAGE_PURPOSES];

/* Takes the message. The text is the caller's. */
char *message_finish(json_t *message);

#endif
