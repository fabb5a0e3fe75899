#include "cmdlet/answer/list.h"

#include "base/memory.h"
#include "cmdlet/answer/text.h"
#include "cmdlet/answer/value.h"

static const char colon[] = " : ";

static void show_property(FILE *out, const char *name, const json_t *value, size_t width)
{
    OWNED(free_memory) char *label = text_one_line(name);
    OWNED(free_memory) char *text = value_text(value);
    fprintf(out, "%s%*s%s", label, (int)(width - text_columns(label)), "", colon);
    text_put_lines(out, text, width + sizeof colon - 1);
}

void list_show(FILE *out, const json_t *object)
{
    const char *name;
    json_t *value;
    size_t width = 0;
    EACH_PROPERTY(object, name, value)
    {
        OWNED(free_memory) char *label = text_one_line(name);
        size_t columns = text_columns(label);
        width = columns > width ? columns : width;
    }
    EACH_PROPERTY(object, name, value)
    {
        show_property(out, name, value, width);
    }
}
