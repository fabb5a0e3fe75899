/* What is said to users when the mode of their home forbids something. What each mode allows stands
 * in core/mode.c; here are the words. */
#ifndef POLLUX_WEB_REFUSAL_H
#define POLLUX_WEB_REFUSAL_H

#include "web/visit.h"

/* May the caller come in, with a session or to open one? If not, the answer says where to go or how
 * long to wait. */
bool admit(struct visit *v);

/* Limited service, as long as the holder is silent or this pool waits for leave to serve. */
bool is_limited(const struct visit *v);

/* Nothing can be changed now: fills `e`. */
enum failure refuse_change(const struct visit *v, struct error *e);

#endif
