#include "cmdlet/language/grammar.h"

#include <string.h>

static bool is_one_of(uint32_t letter, const char *signs)
{
    return letter < 0x80 && strchr(signs, (char)letter); /* the end counts as well */
}

bool at_word_end(struct reader *r)
{
    uint32_t c = reader_peek(r);
    return is_one_of(c, "\n,;|(){}&<>") || letter_kind(c) == LETTER_BLANK ||
           reader_at_continuation(r);
}

bool at_command_end(struct reader *r)
{
    return is_one_of(reader_peek(r), "\n;|)}") && !reader_at(r, "||");
}

bool at_separator(struct reader *r)
{
    return reader_peek(r) == '\n' || reader_peek(r) == ';';
}

void skip_separators(struct reader *r)
{
    do
        reader_skip_lines(r);
    while (reader_take(r, ';'));
}

size_t at_parameter(struct reader *r)
{
    if (letter_kind(reader_peek(r)) != LETTER_DASH)
        return 0;
    size_t n = 1;
    enum letter_kind kind;
    while (kind = letter_kind(reader_ahead(r, n)), kind == LETTER_BLANK || kind == LETTER_INVISIBLE)
        n++;
    return kind == LETTER_LATIN || (n == 1 && reader_ahead(r, n) == '?') ? n : 0;
}

bool at_two_dashes(struct reader *r)
{
    return letter_kind(reader_peek(r)) == LETTER_DASH &&
           letter_kind(reader_ahead(r, 1)) == LETTER_DASH;
}

char *read_name(struct reader *r)
{
    struct buffer name = {0};
    for (;;) {
        uint32_t c = reader_peek(r);
        enum letter_kind kind = letter_kind(c);
        if (kind == LETTER_DASH)
            c = '-';
        else if (kind != LETTER_LATIN && kind != LETTER_DIGIT && c != '_')
            return buffer_take_text(&name);
        buffer_u8(&name, (uint8_t)c);
        reader_next(r);
    }
}

char *read_plain_name(struct reader *r)
{
    struct buffer name = {0};
    for (;;) {
        uint32_t c = reader_raw(r);
        enum letter_kind kind = letter_kind(c);
        if (kind != LETTER_LATIN && kind != LETTER_DIGIT && c != '_')
            return buffer_take_text(&name);
        buffer_u8(&name, (uint8_t)reader_next(r));
    }
}
