#include "base/count.h"

#include <inttypes.h>
#include <stdio.h>

const char *count_text(uint64_t n, const char *one, char text[COUNT_TEXT_MAX])
{
    snprintf(text, COUNT_TEXT_MAX, "%" PRIu64 " %s%s", n, one, count_word(n, "", "s"));
    return text;
}

const char *count_word(uint64_t n, const char *one, const char *more)
{
    return n == 1 ? one : more;
}
