/* Random numbers from the kernel, for tags, nonces and ids. The core draws none: it is handed
 * them. */
#ifndef POLLUX_BASE_RANDOM_H
#define POLLUX_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

uint64_t random_u64(void); /* never 0, which stands for "none" everywhere */

#endif
