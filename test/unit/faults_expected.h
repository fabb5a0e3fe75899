/* What tests of readers say about faults: exactly these, in this order, each at its line. */
#ifndef POLLUX_TEST_FAULTS_EXPECTED_H
#define POLLUX_TEST_FAULTS_EXPECTED_H

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/faults.h"
#include "unit.h"

/* `part` is something that the sentence must contain. */
struct expected {
    unsigned line;
    const char *part;
};

static inline void assert_faults(const struct faults *f, const struct expected *expected,
                                 size_t count)
{
    bool as_expected = f->count == count;
    for (size_t i = 0; as_expected && i < count; i++) {
        as_expected = f->list[i].line == expected[i].line &&
                      strstr(f->list[i].sentence, expected[i].part) != NULL;
        if (!as_expected)
            print_error("expected %u: …%s…\n", expected[i].line, expected[i].part);
    }
    if (as_expected)
        return;
    faults_print(f, stderr);
    fail_msg("other faults than the %zu expected", count);
}

#endif
