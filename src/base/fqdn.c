#include "base/fqdn.h"

#include <stddef.h>
#include <string.h>

enum { FQDN_TEXT_MAX = 253, LABEL_MAX = 63 };

/* The length of the label at the start of `text`; 0 if it isn't one. Not <ctype.h>, which knows
 * other letters in other locales. */
static size_t label_length(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
    return n >= 1 && n <= LABEL_MAX && text[0] != '-' && text[n - 1] != '-' ? n : 0;
}

static bool well_formed(const char *text)
{
    for (size_t labels = 1;; labels++) {
        size_t n = label_length(text);
        if (!n)
            return false;
        if (!text[n])
            return labels >= 2;
        if (text[n] != '.')
            return false;
        text += n + 1;
    }
}

bool fqdn_valid(const char *text, char lower[FQDN_SIZE])
{
    lower[0] = '\0';
    size_t size = strnlen(text, FQDN_TEXT_MAX + 1);
    if (size > FQDN_TEXT_MAX || !well_formed(text))
        return false;
    for (size_t i = 0; i <= size; i++)
        lower[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + ('a' - 'A')) : text[i];
    return true;
}
