#include "user/moment.h"

#include <string.h>

bool moment_read(const json_t *value, bool exact, time_t *at)
{
    struct tm tm = {0};
    const char *text = json_string_value(value);
    const char *end = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
    if (end && exact)
        end = *end == '.' && strspn(end + 1, "0123456789") == 3 ? end + 4 : NULL;
    if (!end || strcmp(end, "Z") != 0)
        return false;
    *at = timegm(&tm);
    return true;
}
