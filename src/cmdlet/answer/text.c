#include "cmdlet/answer/text.h"

#include <string.h>
#include <wchar.h>

#include "base/bytes.h"
#include "base/memory.h"

static const char ellipsis[] = "…";

/* --- letters --- */

struct letter text_letter(const char *text)
{
    static const struct {
        uint8_t mask, lead;
        uint32_t least; /* a smaller code has a shorter form, and must use it */
    } forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    const struct letter bad = {.code = LETTER_BAD, .size = 1};
    const uint8_t *at = (const uint8_t *)text;
    size_t more = 0;
    while (more < COUNT_OF(forms) && (at[0] & forms[more].mask) != forms[more].lead)
        more++;
    if (more == COUNT_OF(forms))
        return bad;
    uint32_t code = at[0] & (uint8_t)~forms[more].mask;
    for (size_t i = 1; i <= more; i++) {
        if ((at[i] & 0xc0) != 0x80) /* the final NUL, too */
            return bad;
        code = code << 6 | (at[i] & 0x3f);
    }
    bool surrogate = code >= 0xd800 && code <= 0xdfff;
    if (code < forms[more].least || code > 0x10ffff || surrogate)
        return bad;
    return (struct letter){.code = code, .size = more + 1};
}

bool text_is_obeyed(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } obeyed[] = {
        {0x00, 0x1f},     /* ESC, BEL, CR, … */
        {0x7f, 0x9f},     /* DEL, and the second set of them: U+009B is ESC [ */
        {0x061c, 0x061c}, /* directions of writing */
        {0x200e, 0x200f}, {0x2028, 0x202e}, {0x2066, 0x2069},
    };
    for (size_t i = 0; i < COUNT_OF(obeyed); i++)
        if (code >= obeyed[i].first && code <= obeyed[i].last)
            return true;
    return false;
}

static size_t letter_columns(uint32_t code)
{
    /* Where the locale does not know a letter (LC_ALL=C), one column is the best guess. */
    int columns = code == LETTER_BAD ? 1 : wcwidth((wchar_t)code);
    return columns < 0 ? 1 : (size_t)columns;
}

/* --- harmless texts --- */

static char *shown(const char *text, char newline)
{
    struct buffer to = {0};
    while (*text) {
        struct letter letter = text_letter(text);
        bool line_ends = letter.code == '\n' || strncmp(text, "\r\n", 2) == 0;
        if (line_ends)
            buffer_u8(&to, (uint8_t)newline);
        else if (letter.code == '\t')
            buffer_u8(&to, ' ');
        else if (letter.code == LETTER_BAD || text_is_obeyed(letter.code))
            buffer_u8(&to, '?');
        else
            buffer_raw(&to, text, letter.size);
        text += letter.code == '\r' && line_ends ? 2 : letter.size;
    }
    return buffer_take_text(&to);
}

char *text_harmless(const char *text)
{
    return shown(text, '\n');
}

char *text_one_line(const char *text)
{
    return shown(text, ' ');
}

/* --- columns --- */

/* How many bytes at the beginning of `text`, at most `size`, take at most `*columns`, which becomes
 * what they take. */
static size_t measure(const char *text, size_t size, size_t *columns)
{
    size_t at = 0, taken = 0;
    while (at < size) {
        struct letter letter = text_letter(text + at);
        size_t needs = letter_columns(letter.code);
        if (taken + needs > *columns)
            break;
        taken += needs;
        at += letter.size;
    }
    *columns = taken;
    return at;
}

static size_t columns_of(const char *text, size_t size)
{
    size_t columns = SIZE_MAX;
    measure(text, size, &columns);
    return columns;
}

size_t text_columns(const char *text)
{
    return columns_of(text, strlen(text));
}

char *text_cut(const char *text, size_t columns)
{
    if (text_columns(text) <= columns)
        return xstrdup(text);
    if (columns == 0)
        return xstrdup("");
    size_t kept = columns - 1;
    size_t size = measure(text, strlen(text), &kept);
    return xasprintf("%.*s%s", (int)size, text, ellipsis);
}

/* --- lines --- */

static void put_blanks(FILE *out, size_t count)
{
    fprintf(out, "%*s", (int)count, "");
}

void text_put_lines(FILE *out, const char *text, size_t indent)
{
    size_t size = strcspn(text, "\n");
    fwrite(text, 1, size, out);
    for (text += size; *text; text += size) {
        text++;
        size = strcspn(text, "\n");
        if (size == 0 && !*text)
            break; /* a newline at the very end begins no further line */
        fputc('\n', out);
        if (size > 0)
            put_blanks(out, indent);
        fwrite(text, 1, size, out);
    }
    fputc('\n', out);
}

static void put_paragraph(FILE *out, const char *text, size_t size, size_t indent, size_t width)
{
    const char *end = text + size;
    size_t column = 0; /* 0: nothing stands on the line */
    while (text < end) {
        size_t word = strcspn(text, " \n");
        size_t columns = columns_of(text, word);
        if (column > 0 && column + 1 + columns >= width) {
            fputc('\n', out);
            column = 0;
        }
        put_blanks(out, column > 0 ? 1 : indent);
        fwrite(text, 1, word, out);
        column += (column > 0 ? 1 : indent) + columns;
        text += word;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

void text_put_wrapped(FILE *out, const char *text, size_t indent, size_t width)
{
    while (*text) {
        size_t size = strcspn(text, "\n");
        if (*text == ' ') {
            put_blanks(out, indent);
            fwrite(text, 1, size, out);
            fputc('\n', out);
        } else {
            put_paragraph(out, text, size, indent, width);
        }
        text += size;
        text += *text == '\n';
    }
}
