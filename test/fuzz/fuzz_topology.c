/* Whatever is read as a topology is one, or has at least one fault. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "topology/topology.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    OWNED(free_memory) char *text = xmalloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    OWNED(faults_free) struct faults faults = {0};
    OWNED(topology_free) struct topology *t = topology_read(text, "fuzz", &faults);
    assert((t == NULL) == (faults_total(&faults) > 0));
    for (size_t i = 0; i < faults.count; i++)
        assert(faults.list[i].sentence[0]);
    if (!t)
        return 0;
    assert(t->pool_count > 0 && topology_machine_count(t) >= t->pool_count);
    for (size_t i = 0; i < t->pool_count; i++) {
        const struct pool *pool = &t->pools[i];
        assert(topology_pool(t, pool->fqdn) == pool && pool->machine_count > 0);
        assert(!pool->backup || pool->backup->backup == pool);
    }
    return 0;
}
