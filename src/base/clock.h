/* The two clocks. Deadlines and intervals use the monotonic one; the wall clock is only shown to
 * people. The core reads neither: it is told. */
#ifndef POLLUX_BASE_CLOCK_H
#define POLLUX_BASE_CLOCK_H

#include <stdint.h>

/* Monotonic, counts while the machine sleeps, and from long before it was started: what is known to
 * be older has a moment, too. */
uint64_t clock_ms(void);
uint64_t clock_us(void);      /* monotonic, too; from the start of the machine */
uint64_t clock_wall_ms(void); /* since 1970 */

enum { CLOCK_TEXT_MAX = 32 };
/* "2026-11-21T02:11:47.123Z"; returns `text`. */
const char *clock_wall_text(uint64_t wall_ms, char text[CLOCK_TEXT_MAX]);

#endif
