#include "cmdlet/render.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

static void render_value(const json_t *value, FILE *out)
{
    if (json_is_string(value)) {
        fputs(json_string_value(value), out);
    } else if (json_is_boolean(value)) {
        fputs(json_is_true(value) ? "True" : "False", out);
    } else if (!json_is_null(value)) {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
        fputs(text ? text : "", out);
        free(text);
    }
}

void render_object(const json_t *object, FILE *out)
{
    const char *name;
    json_t *value;
    int width = 0;
    json_t *o = (json_t *)(uintptr_t)object; /* the iteration's macro wants it so */
    json_object_foreach(o, name, value)
    {
        int length = (int)strlen(name);
        width = length > width ? length : width;
    }
    json_object_foreach(o, name, value)
    {
        fprintf(out, "%-*s : ", width, name);
        render_value(value, out);
        fputc('\n', out);
    }
}

void render_error(const char *command, const struct error *e, FILE *out)
{
    fprintf(out, "%s : %s\n", command, e->what);
    if (e->kept[0])
        fprintf(out, "    %s\n", e->kept);
    if (e->next[0])
        fprintf(out, "    %s\n", e->next);
}
