#include "cmdlet/answer/value.h"

#include <assert.h>
#include <string.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "cmdlet/answer/text.h"

static void put(struct buffer *to, const json_t *value, unsigned depth);

static void put_plain(struct buffer *to, const char *text)
{
    buffer_raw(to, text, strlen(text));
}

static void put_harmless(struct buffer *to, const char *text)
{
    OWNED(free_memory) char *harmless = text_harmless(text);
    put_plain(to, harmless);
}

static void put_list(struct buffer *to, const json_t *list, unsigned depth)
{
    size_t i;
    json_t *element;
    put_plain(to, "{");
    json_array_foreach(list, i, element)
    {
        put_plain(to, i ? ", " : "");
        put(to, element, depth);
    }
    put_plain(to, "}");
}

static void put_lone_property(struct buffer *to, const json_t *object, unsigned depth)
{
    const char *name;
    json_t *value;
    put_plain(to, "@{");
    EACH_PROPERTY(object, name, value)
    {
        put_harmless(to, name);
        put_plain(to, "=");
        put(to, value, depth);
    }
    put_plain(to, "}");
}

static void put_object(struct buffer *to, const json_t *object, unsigned depth)
{
    const char *name;
    json_t *value;
    size_t i = 0;
    EACH_PROPERTY(object, name, value)
    {
        put_plain(to, i == 0 ? "" : i == 1 ? ":[" : ",");
        put(to, value, depth);
        i++;
    }
    put_plain(to, "]");
}

static void put_number(struct buffer *to, const json_t *number)
{
    OWNED(free_memory)
    char *text = json_dumps(number, JSON_ENCODE_ANY | JSON_REAL_PRECISION(VALUE_DIGITS));
    assert(text); /* a number can always be written */
    put_plain(to, text);
}

static void put(struct buffer *to, const json_t *value, unsigned depth)
{
    if (depth == VALUE_DEPTH_MAX && (json_is_array(value) || json_is_object(value)))
        put_plain(to, "…");
    else if (json_is_array(value))
        put_list(to, value, depth + 1);
    else if (json_is_object(value) && json_object_size(value) < 2)
        put_lone_property(to, value, depth + 1);
    else if (json_is_object(value))
        put_object(to, value, depth + 1);
    else if (json_is_string(value))
        put_harmless(to, json_string_value(value));
    else if (json_is_boolean(value))
        put_plain(to, json_is_true(value) ? "True" : "False");
    else if (json_is_number(value))
        put_number(to, value);
}

char *value_text(const json_t *value)
{
    struct buffer to = {0};
    put(&to, value, 0);
    return buffer_take_text(&to);
}

char *value_json(const json_t *value)
{
    OWNED(free_memory)
    char *text =
        json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(VALUE_DIGITS));
    assert(text); /* what could be read can be written */
    struct buffer to = {0};
    for (const char *at = text; *at;) {
        struct letter letter = text_letter(at);
        /* JSON itself asks for this only below U+0020. */
        if (text_is_obeyed(letter.code))
            buffer_printf(&to, "\\u%04X", (unsigned)letter.code);
        else
            buffer_raw(&to, at, letter.size);
        at += letter.size;
    }
    return buffer_take_text(&to);
}
