/* Whatever path is asked for names one document or none; its conditions and its text are judged. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "user/xml.h"
#include "web/etag.h"
#include "web/xcap_path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(const char *text)
{
    struct xcap_path p;
    struct error e = {0};
    enum failure bad = xcap_path_read(text, &p, &e);
    if (bad) {
        assert(bad == FAIL_NOT_FOUND || bad == FAIL_INVALID);
        assert(e.what[0] && e.kept[0] && e.next[0]);
        return;
    }
    assert(p.application && p.user[0] && p.name[0]);
    assert(!strchr(p.name, '/') && strcmp(p.name, ".") != 0 && strcmp(p.name, "..") != 0);
    assert(utf8_valid(p.name, strlen(p.name)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWNED(free_memory) char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    check_path(text);
    const struct version version = {2, 17};
    etag_judge(text, NULL, &version, true);
    etag_judge(NULL, text, &version, false);
    char phrase[XML_PHRASE_SIZE];
    enum xml_verdict verdict = xml_check(bytes_of(data, size), phrase);
    assert((verdict == XML_GOOD) == (phrase[0] == '\0'));
    return 0;
}
