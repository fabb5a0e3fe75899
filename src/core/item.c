#include "core/item.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include <xxhash.h>

#include "core/limits.h"

static const struct {
    const char *name;
    const char *short_name;
} modules[MODULES] = {
    [MODULE_PRESENCE_FOCUS] = {"UserServices.PresenceFocus", "PresenceFocus"},
    [MODULE_DATA_CONF] = {"ConfServices.DataConf", "DataConf"},
    [MODULE_CMS_MASTER] = {"CentralMgmt.CMSMaster", "CMSMaster"},
};

const char *module_name(enum module module)
{
    assert((unsigned)module < MODULES);
    return modules[module].name;
}

bool module_from_text(const char *text, enum module *module)
{
    for (int i = 0; i < MODULES; i++) {
        if (strcasecmp(text, modules[i].name) == 0 ||
            strcasecmp(text, modules[i].short_name) == 0) {
            *module = (enum module)i;
            return true;
        }
    }
    return false;
}

bool module_belongs(enum module module, const char *home)
{
    return (module == MODULE_CMS_MASTER) == (strcmp(home, HOME_CENTRAL) == 0);
}

enum failure item_check(const struct item *item, struct error *e)
{
    if ((unsigned)item->module >= MODULES)
        return fail(e, FAIL_INVALID, "An item names module number %u, which does not exist.",
                    (unsigned)item->module);
    if (item->key.size == 0)
        return fail(e, FAIL_INVALID, "An item has an empty key.");
    if (item->key.size > ITEM_KEY_MAX)
        return fail(e, FAIL_INVALID, "An item's key is %zu bytes long; at most %d are allowed.",
                    item->key.size, ITEM_KEY_MAX);
    if (item->value.size > ITEM_VALUE_MAX)
        return fail(e, FAIL_INVALID, "An item's value is %zu bytes long; at most %d are allowed.",
                    item->value.size, ITEM_VALUE_MAX);
    if (item->deleted && item->value.size)
        return fail(e, FAIL_INVALID, "A deleted item has a value.");
    return OK;
}

struct item_hash item_hash(const struct item *item)
{
    assert(item_check(item, NULL) == OK);
    /* The fixed part seeds the hash of the key, and that of the value: each of the two lengths is
     * in it, so nothing can slide from one field into the next. */
    const uint64_t fixed[] = {item->version.usn, item->version.term, item->key.size,
                              (uint64_t)item->module << 1 | item->deleted};
    uint64_t seed = XXH3_64bits(fixed, sizeof fixed);
    seed = XXH3_64bits_withSeed(item->key.at, item->key.size, seed);
    XXH128_hash_t h = XXH3_128bits_withSeed(item->value.at, item->value.size, seed);
    return (struct item_hash){.low = h.low64 ^ seed, .high = h.high64 + seed};
}

bool item_hash_equal(struct item_hash a, struct item_hash b)
{
    return a.low == b.low && a.high == b.high;
}
