/* Whatever is given as a filter becomes one that can be asked, or a sentence. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cmdlet/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *an_object(void)
{
    return json_pack("{s:s, s:s, s:b, s:i, s:[s, i, n], s:n, s:f}", "Identity",
                     "kenmyer@litwareinc.com", "DisplayName", "Ken Müller", "Enabled", 1, "Count",
                     30, "List", "a", 7, "None", "Load", 1.5);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct filter *filter;
    struct error e = {0};
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    enum failure bad = filter_parse(text, &filter, &e);
    assert((bad == OK) == (filter != NULL));
    if (bad) {
        assert(bad == FAIL_INVALID && e.kind == bad && e.what[0] && e.kept[0] && e.next[0]);
    } else {
        json_t *object = an_object();
        filter_fits(filter, object);
        filter_stranger(filter, object);
        json_decref(object);
        filter_free(filter);
    }
    free(text);
    return 0;
}
