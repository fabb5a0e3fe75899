#include "pool/account.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/random.h"
#include "pool/central.h"

DEFINE_OWNED(json_t *, json_decref)

static const char scheme[] = "sip:";

/* --- addresses --- */

/* RFC 3261 allows more: what is left out are patterns (* ?), separators of lists and paths, and
 * what would have to be escaped. */
static const char user_letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.!~'&=+$";

static bool starts_with_scheme(const char *text)
{
    return strncasecmp(text, scheme, strlen(scheme)) == 0;
}

bool sip_address_meant(const char *text)
{
    return starts_with_scheme(text) || strchr(text, '@');
}

static void to_lower(const char *text, char *out, size_t size)
{
    snprintf(out, size, "%s", text);
    for (char *c = out; *c; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + ('a' - 'A')) : *c;
}

static enum failure no_address(const char *text, const char *sip_domain, struct error *e)
{
    fail(e, FAIL_INVALID, "\"%.100s\" is no user's address.", text);
    error_kept(e, "Nothing was done.");
    return error_next(e,
                      "Before the @ stand 1 to %d of the letters a to z, digits and -_.!~'&=+$, as "
                      "in sip:kenmyer@%s.",
                      SIP_USER_MAX, sip_domain);
}

static enum failure other_domain(const char *text, const char *sip_domain, struct error *e)
{
    fail(e, FAIL_INVALID, "\"%.100s\" is no address of this deployment: its SIP domain is %s.",
         text, sip_domain);
    error_kept(e, "Nothing was done.");
    return error_next(e, "Addresses end in @%s.", sip_domain);
}

enum failure sip_address_read(const char *text, const char *sip_domain,
                              char address[SIP_ADDRESS_SIZE], struct error *e)
{
    const char *bare = starts_with_scheme(text) ? text + strlen(scheme) : text;
    if (strlen(bare) > SIP_ADDRESS_MAX)
        return no_address(text, sip_domain, e);
    to_lower(bare, address, SIP_ADDRESS_SIZE);
    size_t user = strspn(address, user_letters);
    if (user < 1 || user > SIP_USER_MAX || (address[user] && address[user] != '@'))
        return no_address(text, sip_domain, e);
    if (address[user] && strcasecmp(address + user + 1, sip_domain) != 0)
        return other_domain(text, sip_domain, e);
    if (user + 1 + strlen(sip_domain) > SIP_ADDRESS_MAX)
        return no_address(text, sip_domain, e);
    address[user] = '@';
    to_lower(sip_domain, address + user + 1, SIP_ADDRESS_SIZE - user - 1);
    return OK;
}

/* --- one account --- */

void account_begin(struct account *account, const char *address)
{
    *account = (struct account){.enabled = true};
    snprintf(account->id, sizeof account->id, "%016" PRIx64 "%016" PRIx64, random_u64(),
             random_u64());
    snprintf(account->address, sizeof account->address, "%s", address);
    clock_wall_text(clock_wall_ms(), account->created);
}

json_t *account_to_object(const struct account *account)
{
    return json_pack("{s:s, s:o, s:s, s:s, s:b, s:b, s:s}", "Identity", account->address,
                     "SipAddress", json_sprintf("%s%s", scheme, account->address), "DisplayName",
                     account->display_name, "RegistrarPool", account->pool, "Enabled",
                     account->enabled, "PinLocked", account->pin_locked, "WhenCreated",
                     account->created);
}

static char *encode(const struct account *account)
{
    OWNED(json_decref)
    json_t *value = json_pack("{s:s, s:s, s:s, s:b, s:s, s:o*}", "Id", account->id, "DisplayName",
                              account->display_name, "RegistrarPool", account->pool, "Enabled",
                              account->enabled, "WhenCreated", account->created, "PinLocked",
                              account->pin_locked ? json_true() : NULL);
    assert(value); /* all of it was UTF-8 when it came in, and nothing was cut */
    return json_dumps(value, JSON_COMPACT);
}

static bool take_text(const json_t *object, const char *name, char *out, size_t size)
{
    const json_t *value = json_object_get(object, name);
    size_t length = json_string_length(value);
    if (length == 0 || length >= size)
        return false;
    snprintf(out, size, "%s", json_string_value(value));
    return strlen(out) == length;
}

static bool take_address(struct bytes key, struct account *account)
{
    size_t prefix = strlen(CENTRAL_ACCOUNTS);
    if (!bytes_start_with(key, bytes_of_text(CENTRAL_ACCOUNTS)) || key.size == prefix ||
        key.size - prefix > SIP_ADDRESS_MAX)
        return false;
    memcpy(account->address, key.at + prefix, key.size - prefix);
    account->address[key.size - prefix] = '\0';
    return strlen(account->address) == key.size - prefix;
}

static bool take_value(const json_t *value, struct account *account)
{
    const json_t *enabled = json_object_get(value, "Enabled");
    const json_t *locked = json_object_get(value, "PinLocked"); /* most have none */
    account->enabled = json_is_true(enabled);
    account->pin_locked = json_is_true(locked);
    return json_is_boolean(enabled) && (!locked || json_is_boolean(locked)) &&
           take_text(value, "Id", account->id, sizeof account->id) &&
           strspn(account->id, "0123456789abcdef") == ACCOUNT_ID_SIZE - 1 &&
           take_text(value, "DisplayName", account->display_name, sizeof account->display_name) &&
           take_text(value, "RegistrarPool", account->pool, sizeof account->pool) &&
           take_text(value, "WhenCreated", account->created, sizeof account->created);
}

enum failure account_decode(const struct item *item, struct account *account, struct error *e)
{
    OWNED(json_decref)
    json_t *value = json_loadb((const char *)item->value.at, item->value.size, 0, NULL);
    *account = (struct account){0};
    if (take_address(item->key, account) && take_value(value, account))
        return OK;
    int shown = item->key.size < 2 * SIP_ADDRESS_MAX ? (int)item->key.size : 2 * SIP_ADDRESS_MAX;
    fail(e, FAIL_DAMAGED, "What the Central Management Store has under %.*s is no account.", shown,
         (const char *)item->key.at);
    error_kept(e, "Nothing was changed.");
    return error_next(e,
                      "A newer version may have written it: bring all machines to the same one.");
}

/* --- in the store --- */

static struct bytes key_of(const char *address, struct buffer *key)
{
    buffer_clear(key);
    buffer_printf(key, CENTRAL_ACCOUNTS "%s", address);
    return buffer_view(key);
}

enum failure account_read(struct view *view, const char *address, struct account *account,
                          uint64_t *usn, struct error *e)
{
    OWNED(buffer_free) struct buffer key = {0};
    struct item item;
    *usn = 0;
    enum failure bad =
        view_item(view, HOME_CENTRAL, MODULE_CMS_MASTER, key_of(address, &key), &item, e);
    if (!bad && item.deleted)
        bad = FAIL_NOT_FOUND;
    if (bad)
        return bad;
    *usn = item.version.usn;
    return account_decode(&item, account, e);
}

struct account_walk {
    account_visit *visit;
    void *context;
    enum failure bad;
    struct error *e;
};

static bool visit_item(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    struct account_walk *w = context;
    struct account account;
    w->bad = account_decode(item, &account, w->e);
    return !w->bad && w->visit(&account, w->context);
}

enum failure account_walk(struct view *view, const char *after, account_visit *visit, void *context,
                          struct error *e)
{
    OWNED(buffer_free) struct buffer key = {0};
    struct account_walk w = {visit, context, OK, e};
    enum failure bad =
        view_keys_after(view, HOME_CENTRAL, MODULE_CMS_MASTER, bytes_of_text(CENTRAL_ACCOUNTS),
                        key_of(after, &key), visit_item, &w, e);
    return bad ? bad : w.bad;
}

void account_expect(struct txn *txn, const char *address, uint64_t usn)
{
    OWNED(buffer_free) struct buffer key = {0};
    txn_expect(txn, MODULE_CMS_MASTER, key_of(address, &key), usn);
}

void account_put(struct txn *txn, const struct account *account, uint64_t usn)
{
    OWNED(buffer_free) struct buffer key = {0};
    OWNED(free_memory) char *value = encode(account);
    account_expect(txn, account->address, usn);
    txn_put(txn, MODULE_CMS_MASTER, key_of(account->address, &key), bytes_of_text(value));
}

void account_remove(struct txn *txn, const char *address, uint64_t usn)
{
    OWNED(buffer_free) struct buffer key = {0};
    account_expect(txn, address, usn);
    txn_delete(txn, MODULE_CMS_MASTER, key_of(address, &key));
}
