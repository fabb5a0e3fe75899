/* Items: the unit of data. Everything that must not be lost is an item of some home. */
#ifndef POLLUX_CORE_ITEM_H
#define POLLUX_CORE_ITEM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

/* Which items travel and are reported together. The numbers are stored and sent: never reuse one.
 */
enum module {
    MODULE_PRESENCE_FOCUS = 0, /* contact lists, presence, settings, conferences */
    MODULE_DATA_CONF = 1,      /* manifests of the conferences' files */
    MODULE_CMS_MASTER = 2,     /* topology, configuration, accounts */
};
enum { MODULES = 3 };

/* The one home that is not a pool's: the Central Management Store. */
#define HOME_CENTRAL "central"

/* "UserServices.PresenceFocus", … */
const char *module_name(enum module module);
/* Long or short name ("PresenceFocus"), in any case. */
bool module_from_text(const char *text, enum module *module);
/* Pool homes have the user modules, `central` has its own. */
bool module_belongs(enum module module, const char *home);

/* When an item was last changed: the holder's term, and its number among the home's changes. */
struct version {
    uint64_t term;
    uint64_t usn; /* from 1, without gaps in commit order */
};

struct item {
    enum module module;
    bool deleted; /* a tombstone: kept until every importer has it; has no value */
    struct version version;
    struct bytes key;
    struct bytes value;
};

/* Limits and shape; what fails here is never stored and never sent. */
enum failure item_check(const struct item *item, struct error *e);

/* 128 bits over everything that makes the item what it is, its version included. Stored with each
 * row and checked when it is read; the digests are sums of it. It finds damage and difference; it
 * is no defence against an attacker (that is TLS's part). */
struct item_hash {
    uint64_t low, high;
};
struct item_hash item_hash(const struct item *item);
bool item_hash_equal(struct item_hash a, struct item_hash b);

#endif
