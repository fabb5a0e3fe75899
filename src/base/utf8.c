#include "base/utf8.h"

#include <stdint.h>
#include <string.h>

/* How many bytes follow a first one, and the smallest number that needs so many. */
static int followers(unsigned char first, uint32_t *number, uint32_t *least)
{
    static const struct {
        unsigned char mask, bits;
        uint32_t least;
    } forms[] = {{0x80, 0x00, 0x1}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    for (int i = 0; i < 4; i++) {
        if ((first & forms[i].mask) != forms[i].bits)
            continue;
        *number = first & (unsigned char)~forms[i].mask;
        *least = forms[i].least;
        return i;
    }
    return -1;
}

bool utf8_valid(const char *text, size_t size)
{
    const unsigned char *at = (const unsigned char *)text, *end = at + size;
    while (at < end) {
        uint32_t number, least;
        int more = followers(*at++, &number, &least);
        if (more < 0 || end - at < more)
            return false;
        for (; more; more--, at++) {
            if ((*at & 0xc0) != 0x80)
                return false;
            number = number << 6 | (*at & 0x3f);
        }
        if (number < least || number > 0x10ffff || (number >= 0xd800 && number <= 0xdfff))
            return false;
    }
    return true;
}
