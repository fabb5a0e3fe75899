#include "admin/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct call {
    struct front_end *fe;
    struct http_request *request;
    json_t *parameters;
    bool failed;
};

struct call *call_new(struct front_end *fe, struct http_request *request, json_t *parameters)
{
    struct call *call = xcalloc(1, sizeof *call);
    *call = (struct call){.fe = fe, .request = request, .parameters = parameters};
    http_stream_begin(request, 200, "application/x-ndjson");
    return call;
}

struct front_end *call_front_end(const struct call *call)
{
    return call->fe;
}

const char *call_text(const struct call *call, const char *parameter)
{
    return json_string_value(json_object_get(call->parameters, parameter));
}

bool call_switch(const struct call *call, const char *parameter)
{
    return json_is_true(json_object_get(call->parameters, parameter));
}

static void say(struct call *call, json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT);
    json_decref(line);
    if (!text)
        abort(); /* what we say is UTF-8 */
    OWNED(buffer_free) struct buffer b = {0};
    buffer_printf(&b, "%s\n", text);
    http_stream_write(call->request, buffer_view(&b));
    free(text);
}

void call_object(struct call *call, json_t *object)
{
    say(call, json_pack("{s:o}", "object", object));
}

void call_warning(struct call *call, const char *sentence, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list args;
    va_start(args, sentence);
    vsnprintf(text, sizeof text, sentence, args);
    va_end(args);
    say(call, json_pack("{s:s}", "warning", text));
}

void call_error(struct call *call, const struct error *e)
{
    OWNED(free_memory) char *text = http_error_to_json(e);
    say(call, json_pack("{s:o}", "error", json_loads(text, 0, NULL)));
    call->failed = true;
}

void call_end(struct call *call)
{
    say(call, json_pack("{s:s}", "status", call->failed ? "failed" : "done"));
    http_stream_end(call->request);
    json_decref(call->parameters);
    free(call);
}
