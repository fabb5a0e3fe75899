#include "cmdlet/shell/member.h"

#include <fnmatch.h>
#include <string.h>

#include "base/bytes.h"
#include "cmdlet/answer/value.h"

DEFINE_OWNED(json_t *, json_decref)

static const char *kind_of(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_STRING: return "string";
    case JSON_INTEGER: return "int";
    case JSON_REAL: return "double";
    case JSON_TRUE:
    case JSON_FALSE: return "bool";
    case JSON_ARRAY: return "list";
    case JSON_OBJECT: return "object";
    case JSON_NULL: break;
    }
    return "null"; /* it may be something in another object */
}

/* Objects with the same properties are of one kind; what is no object has none. */
static char *shape_of(const json_t *object)
{
    OWNED(buffer_free) struct buffer names = {0};
    const char *name;
    json_t *value;
    if (!json_is_object(object))
        return xstrdup(kind_of(object));
    EACH_PROPERTY(object, name, value)
    {
        (void)value;
        buffer_printf(&names, "%s\n", name);
    }
    return buffer_take_text(&names);
}

static bool was_told(json_t *told, const char *shape)
{
    for (size_t i = 0; i < json_array_size(told); i++) {
        if (strcmp(json_string_value(json_array_get(told, i)), shape) == 0)
            return true;
    }
    json_array_append_new(told, json_string(shape));
    return false;
}

static void tell(struct stage *stage, const char *name, const char *kind, const json_t *value)
{
    const char *wanted = bound_text(stage_binding(stage), "Name");
    if (wanted && fnmatch(wanted, name, FNM_CASEFOLD) != 0)
        return;
    OWNED(free_memory) char *text = value_text(value);
    OWNED(json_decref)
    json_t *member = json_pack("{s:s, s:s, s:s, s:s}", "Name", name, "MemberType", "Property",
                               "Kind", kind, "Example", text);
    if (member)
        stage_emit(stage, member);
}

void member_tell(struct stage *stage, const json_t *object, json_t **told)
{
    OWNED(free_memory) char *shape = shape_of(object);
    const char *name;
    json_t *value;
    if (!*told)
        *told = json_array();
    if (was_told(*told, shape))
        return;
    if (!json_is_object(object)) { /* what $x.Length is told for any value */
        OWNED(json_decref) json_t *length = json_integer(1);
        tell(stage, "Length", "int", length);
        return;
    }
    EACH_PROPERTY(object, name, value)
    {
        tell(stage, name, kind_of(value), value);
    }
}
