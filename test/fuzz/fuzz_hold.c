/* Whatever is read as a hold record is refused or understood, and then written as it was read. */
#include <assert.h>

#include "core/hold.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct hold hold, again;
    struct error e = {0};
    if (hold_decode(&hold, bytes_of(data, size), &e)) {
        assert(e.kind && e.what[0]);
        return 0;
    }
    OWNED(buffer_free) struct buffer out = {0};
    hold_encode(&hold, &out);
    enum failure bad = hold_decode(&again, buffer_view(&out), &e);
    assert(!bad);
    OWNED(buffer_free) struct buffer twice = {0};
    hold_encode(&again, &twice);
    assert(bytes_equal(buffer_view(&out), buffer_view(&twice)));
    struct error why;
    hold_check_change(&hold, hold.term.number, &why);
    lineage_term_of(&hold.lineage, 1);
    assert(hold_holder(&hold));
    return 0;
}
