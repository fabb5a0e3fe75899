#include "base/core_dump.h"

#include <sys/resource.h>

/* Less than the smallest dump, so no file is written. Where Linux pipes dumps to a program it minds
 * no limit but this very number, by which it knows what must not be dumped (fs/coredump.c). */
enum { CORE_DUMP_BYTES = 1 };

bool core_dump_forbid(void)
{
    const struct rlimit none = {.rlim_cur = CORE_DUMP_BYTES, .rlim_max = CORE_DUMP_BYTES};
    struct rlimit now;
    if (setrlimit(RLIMIT_CORE, &none) == 0)
        return true;
    /* Somebody set it to nothing, and it takes rights to raise it. */
    return getrlimit(RLIMIT_CORE, &now) == 0 && now.rlim_max == 0;
}
