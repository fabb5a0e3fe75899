/* What every unit test needs before it tells its story. */
#ifndef POLLUX_TEST_UNIT_H
#define POLLUX_TEST_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
