/* What every unit test needs before it tells its story. */
#ifndef POLLUX_TEST_UNIT_H
#define POLLUX_TEST_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* Before cmocka.h, which has a macro named fail() as well. */
#include "base/error.h"

#include <cmocka.h>

/* cmocka's `fail` would hide ours (base/error.h); tests say fail_msg. */
#undef fail
#undef fail_msg
#define fail_msg(...)                                                                              \
    do {                                                                                           \
        print_error("ERROR: " __VA_ARGS__);                                                        \
        _fail(__FILE__, __LINE__);                                                                 \
    } while (0)

#endif
