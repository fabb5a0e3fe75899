/* Whatever stands in the header Authorization is read, or refused with a sentence. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "web/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWNED(free_memory) char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    struct authorization a;
    struct error e = {0};
    enum failure bad = authorization_read(text, &a, &e);
    if (bad) {
        assert(bad == FAIL_INVALID && e.what[0] && e.kept[0] && e.next[0]);
    } else if (a.scheme == AUTHORIZATION_DIGEST) {
        assert(a.user[0] && a.digest.nonce[0] && a.digest.cnonce[0] && a.digest.count > 0);
        assert(!digest_fits(&a.digest, "x", "GET"));
        digest_is_about(&a.digest, text);
    } else if (a.scheme == AUTHORIZATION_BASIC) {
        assert(a.user[0] && !strchr(a.user, ':'));
    }
    return 0;
}
