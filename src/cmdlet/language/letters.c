#include "cmdlet/language/letters.h"

#include "base/memory.h"

static const struct {
    uint32_t first, last;
    enum letter_kind kind;
} kinds[] = {
    {'a', 'z', LETTER_LATIN},
    {'A', 'Z', LETTER_LATIN},
    {'0', '9', LETTER_DIGIT},
    {' ', ' ', LETTER_BLANK},
    {'-', '-', LETTER_DASH},
    {'"', '"', LETTER_DOUBLE_QUOTE},
    {'\'', '\'', LETTER_SINGLE_QUOTE},
    {'\t', '\t', LETTER_BLANK},
    {'\n', '\n', LETTER_LINE_END},
    {'\r', '\r', LETTER_LINE_END},
    {0, 0x1f, LETTER_CONTROL}, /* less those above: the first row that fits counts */
    {0x7f, 0x9f, LETTER_CONTROL},
    {0xa0, 0xa0, LETTER_BLANK},     /* no-break space */
    {0xad, 0xad, LETTER_INVISIBLE}, /* soft hyphen */
    {0x1680, 0x1680, LETTER_BLANK},
    {0x2000, 0x200a, LETTER_BLANK},
    {0x200b, 0x200f, LETTER_INVISIBLE}, /* zero-width space, joiners, marks of direction */
    {0x2010, 0x2015, LETTER_DASH},      /* hyphens, figure, en and em dash, bar */
    {0x2018, 0x201b, LETTER_SINGLE_QUOTE},
    {0x201c, 0x201e, LETTER_DOUBLE_QUOTE},
    {0x2028, 0x2029, LETTER_LINE_END},
    {0x202a, 0x202e, LETTER_INVISIBLE}, /* marks of direction */
    {0x202f, 0x202f, LETTER_BLANK},
    {0x205f, 0x205f, LETTER_BLANK},
    {0x2060, 0x2060, LETTER_INVISIBLE}, /* word joiner */
    {0x2066, 0x2069, LETTER_INVISIBLE}, /* marks of direction */
    {0x2212, 0x2212, LETTER_DASH},      /* minus */
    {0x3000, 0x3000, LETTER_BLANK},
    {0xfe58, 0xfe58, LETTER_DASH},
    {0xfe63, 0xfe63, LETTER_DASH},
    {0xfeff, 0xfeff, LETTER_INVISIBLE}, /* a byte order mark in the middle of a text */
    {0xff0d, 0xff0d, LETTER_DASH},
};

enum letter_kind letter_kind(uint32_t letter)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (letter >= kinds[i].first && letter <= kinds[i].last)
            return kinds[i].kind;
    }
    return LETTER_OTHER;
}

size_t letter_read(struct bytes text, uint32_t *letter)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (text.size == 0)
        return 0;
    uint8_t head = text.at[0];
    size_t size = head < 0x80 ? 1 : head < 0xc0 ? 0 : head < 0xe0 ? 2 : head < 0xf0 ? 3 : 4;
    if (size == 0 || size > text.size || head > 0xf4)
        return 0;
    uint32_t value = size == 1 ? head : head & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((text.at[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (text.at[i] & 0x3fu);
    }
    bool surrogate = value >= 0xd800 && value <= 0xdfff;
    if (value < smallest[size] || value > 0x10ffff || surrogate)
        return 0;
    *letter = value;
    return size;
}

void letter_write(struct buffer *out, uint32_t letter)
{
    int more = letter < 0x80 ? 0 : letter < 0x800 ? 1 : letter < 0x10000 ? 2 : 3;
    static const uint8_t head[] = {0, 0xc0, 0xe0, 0xf0};
    buffer_u8(out, (uint8_t)(head[more] | letter >> (6 * more)));
    while (more-- > 0)
        buffer_u8(out, (uint8_t)(0x80 | (letter >> (6 * more) & 0x3f)));
}
