/* One command under way: its parameters, and the answer that grows line by line. */
#ifndef POLLUX_ADMIN_CALL_H
#define POLLUX_ADMIN_CALL_H

#include <jansson.h>

#include "http/server.h"
#include "pool/front_end.h"

struct call;

/* Lent until the call ends. */
struct front_end *call_front_end(const struct call *call);
const char *call_text(const struct call *call, const char *parameter); /* or NULL */
bool call_switch(const struct call *call, const char *parameter);

/* Takes the object over. */
void call_object(struct call *call, json_t *object);
void call_warning(struct call *call, const char *sentence, ...)
    __attribute__((format(printf, 2, 3)));
void call_error(struct call *call, const struct error *e);
/* Ends it; "failed" if there was an error. The call must not be touched afterwards. */
void call_end(struct call *call);

/* For the admin room: takes the request over. */
struct call *call_new(struct front_end *fe, struct http_request *request, json_t *parameters);

/* What carries each command of the table out; each ends its call, at once or later. */
typedef void command_run(struct call *call);
#define COMMAND(id, name, effect, synopsis) command_run admin_##id;
#define PARAMETER(name, type, need, help)
#include "cmdlet/commands.def"
#undef COMMAND
#undef PARAMETER

#endif
