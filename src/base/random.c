#include "base/random.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

uint64_t random_u64(void)
{
    uint64_t v = 0;
    while (v == 0) {
        /* Eight bytes never come short once the kernel's pool is ready, and it blocks until then.
         */
        if (getrandom(&v, sizeof v, 0) != (ssize_t)sizeof v) {
            perror("pollux: the kernel gives no random numbers");
            abort();
        }
    }
    return v;
}
