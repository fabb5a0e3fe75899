#include "pool/central_judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pool/account.h"
#include "pool/central.h"
#include "pool/departed.h"

DEFINE_OWNED(json_t *, json_decref)

enum { NAME_SIZE = ITEM_KEY_MAX + 64 }; /* a key, and what kind of name it is */

struct judging {
    const struct salvage_ground *ground;
    struct salvage_member *members;
    size_t count;
    json_t *names; /* "<kind> <name>" -> the first member that has to do with it */
    bool walk;     /* an Id may have an address that no member is about */
};

/* --- who belongs together --- */

static bool text_behind(struct bytes key, const char *prefix, char *out, size_t size)
{
    size_t skip = strlen(prefix);
    if (!bytes_start_with(key, bytes_of_text(prefix)) || key.size - skip >= size)
        return false;
    memcpy(out, key.at + skip, key.size - skip);
    out[key.size - skip] = '\0';
    return true;
}

static void name(struct judging *j, size_t i, const char *kind, const char *text)
{
    char both[NAME_SIZE];
    snprintf(both, sizeof both, "%s %s", kind, text);
    const json_t *first = json_object_get(j->names, both);
    if (first)
        salvage_join(j->members, (size_t)json_integer_value(first), i);
    else
        json_object_set_new_nocheck(j->names, both, json_integer((json_int_t)i));
}

/* The member that has to do with it; NULL: none has. */
static struct salvage_member *named(const struct judging *j, const char *kind, const char *text)
{
    char both[NAME_SIZE];
    snprintf(both, sizeof both, "%s %s", kind, text);
    const json_t *first = json_object_get(j->names, both);
    return first ? &j->members[json_integer_value(first)] : NULL;
}

static bool live_account(const struct item *item, struct account *account)
{
    struct error unused;
    return item && !item->deleted && account_decode(item, account, &unused) == OK;
}

static const struct salvage_member *member_of(const struct judging *j, const char *prefix,
                                              const char *text)
{
    char key[NAME_SIZE];
    snprintf(key, sizeof key, "%s%s", prefix, text);
    return named(j, "key", key);
}

static void name_account(struct judging *j, size_t i)
{
    struct salvage_member *m = &j->members[i];
    struct account mine = {0}, here = {0};
    bool has_here = live_account(m->here, &here);
    if (has_here)
        name(j, i, "id", here.id);
    if (m->entry->deleted)
        return;
    m->stays = !live_account(m->entry, &mine); /* a newer version's */
    if (!m->stays) {
        name(j, i, "id", mine.id);
        name(j, i, "owner", mine.id);
    }
    j->walk = j->walk || !has_here || strcmp(mine.id, here.id) != 0;
}

static void name_departed(struct judging *j, size_t i, const char *id)
{
    const struct salvage_member *m = &j->members[i];
    struct departed who;
    name(j, i, "id", id);
    if (m->entry->deleted)
        return;
    j->walk = true;
    if (departed_decode(m->entry, &who))
        name(j, i, "address", who.address);
}

static void name_all(struct judging *j)
{
    char text[ITEM_KEY_MAX + 1];
    for (size_t i = 0; i < j->count; i++) {
        struct bytes key = j->members[i].entry->key;
        if (text_behind(key, "", text, sizeof text))
            name(j, i, "key", text);
        if (bytes_equal(key, bytes_of_text(CENTRAL_TOPOLOGY)) ||
            bytes_start_with(key, bytes_of_text(CENTRAL_HOMES))) {
            name(j, i, "topology", "");
        } else if (text_behind(key, CENTRAL_ACCOUNTS, text, sizeof text)) {
            name(j, i, "address", text);
            name_account(j, i);
        } else if (text_behind(key, CENTRAL_CREDENTIALS, text, sizeof text)) {
            name(j, i, "address", text);
        } else if (text_behind(key, CENTRAL_DEPARTED, text, sizeof text)) {
            name_departed(j, i, text);
        }
    }
}

/* --- what the holder has besides --- */

/* Its usn if it is there, 0 if not; and so it must be when this is committed. */
static enum failure look(const struct judging *j, const char *prefix, const char *text,
                         uint64_t *usn, struct error *e)
{
    char key[NAME_SIZE];
    struct item item;
    snprintf(key, sizeof key, "%s%s", prefix, text);
    enum failure bad =
        view_item(j->ground->view, HOME_CENTRAL, MODULE_CMS_MASTER, bytes_of_text(key), &item, e);
    *usn = !bad && !item.deleted ? item.version.usn : 0;
    if (bad && bad != FAIL_NOT_FOUND)
        return bad;
    txn_expect(j->ground->txn, MODULE_CMS_MASTER, bytes_of_text(key), *usn);
    return OK;
}

/* A secret is good for an account that is there, and was not given to somebody else since. */
static enum failure check_credential(const struct judging *j, struct salvage_member *m,
                                     struct error *e)
{
    char address[ITEM_KEY_MAX + 1];
    uint64_t usn;
    if (m->entry->deleted ||
        !text_behind(m->entry->key, CENTRAL_CREDENTIALS, address, sizeof address) ||
        member_of(j, CENTRAL_ACCOUNTS, address))
        return OK;
    enum failure bad = look(j, CENTRAL_ACCOUNTS, address, &usn, e);
    m->stays = m->stays || usn == 0 || usn > j->ground->base;
    return bad;
}

static bool is_account(const struct salvage_member *m)
{
    return bytes_start_with(m->entry->key, bytes_of_text(CENTRAL_ACCOUNTS));
}

/* An account goes because its user left, or has another address; by either it is known what becomes
 * of what he had. */
static void check_removal(const struct judging *j, struct salvage_member *m)
{
    struct account account;
    if (!is_account(m) || !m->entry->deleted || !live_account(m->here, &account))
        return;
    const struct salvage_member *left = member_of(j, CENTRAL_DEPARTED, account.id);
    bool known = named(j, "owner", account.id) || (left && !left->entry->deleted);
    m->stays = m->stays || !known;
}

/* Whoever left for good does not come back with a changed name. */
static enum failure check_departed(const struct judging *j, struct salvage_member *m,
                                   struct error *e)
{
    struct account account;
    uint64_t usn;
    if (!is_account(m) || !live_account(m->entry, &account) ||
        member_of(j, CENTRAL_DEPARTED, account.id))
        return OK;
    enum failure bad = look(j, CENTRAL_DEPARTED, account.id, &usn, e);
    m->stays = m->stays || usn != 0;
    return bad;
}

/* Who has another address here by now, which nothing of this is about. */
static bool find_elsewhere(const struct account *account, void *context)
{
    const struct judging *j = context;
    struct salvage_member *m = named(j, "id", account->id);
    if (m && !named(j, "address", account->address))
        m->stays = true;
    return true;
}

static enum failure check_accounts(struct judging *j, struct error *e)
{
    enum failure bad = OK;
    for (size_t i = 0; !bad && i < j->count; i++) {
        struct salvage_member *m = &j->members[i];
        if (m->verdict != SALVAGE_APPLY)
            continue;
        check_removal(j, m);
        bad = check_credential(j, m, e);
        bad = bad ? bad : check_departed(j, m, e);
    }
    return bad || !j->walk ? bad : account_walk(j->ground->view, "", find_elsewhere, j, e);
}

/* --- is the topology one? --- */

static struct topology *read_text(const struct item *item)
{
    OWNED(faults_free) struct faults faults = {0};
    if (item->deleted)
        return NULL;
    OWNED(free_memory)
    char *text = xasprintf("%.*s", (int)item->value.size, (const char *)item->value.at);
    return topology_read(text, "the topology", &faults);
}

/* Whoever holds the store must be of the pair that the topology gives it to. */
static bool leaves_the_store(const struct topology *t, const struct hold *hold)
{
    const char *backup = t->central->backup ? t->central->backup->fqdn : "";
    return strcmp(t->central->fqdn, hold->pools[SIDE_HOME]) == 0 &&
           strcmp(backup, hold->pools[SIDE_BACKUP]) == 0;
}

static enum failure all_have_homes(const struct judging *j, const struct topology *t, bool *all,
                                   struct error *e)
{
    enum failure bad = OK;
    *all = true;
    for (size_t i = 0; !bad && i < t->pool_count; i++) {
        uint64_t usn = 0;
        const struct salvage_member *m = member_of(j, CENTRAL_HOMES, t->pools[i].fqdn);
        if (m) {
            *all = *all && !m->entry->deleted;
            continue;
        }
        bad = look(j, CENTRAL_HOMES, t->pools[i].fqdn, &usn, e);
        *all = *all && usn;
    }
    return bad;
}

static enum failure published_here(const struct judging *j, struct topology **topology,
                                   struct error *e)
{
    struct item item;
    enum failure bad = view_item(j->ground->view, HOME_CENTRAL, MODULE_CMS_MASTER,
                                 bytes_of_text(CENTRAL_TOPOLOGY), &item, e);
    if (bad)
        return bad == FAIL_NOT_FOUND ? OK : bad;
    txn_expect(j->ground->txn, MODULE_CMS_MASTER, bytes_of_text(CENTRAL_TOPOLOGY),
               item.deleted ? 0 : item.version.usn);
    *topology = read_text(&item);
    return OK;
}

/* The topology that there will be; NULL: none can be read. */
static enum failure check_topology(struct judging *j, struct topology **topology, struct error *e)
{
    struct salvage_member *m = named(j, "topology", "");
    const struct salvage_member *text = member_of(j, CENTRAL_TOPOLOGY, "");
    bool all = false;
    enum failure bad = OK;
    if (text && text->verdict == SALVAGE_APPLY) {
        *topology = read_text(text->entry);
        if (*topology)
            bad = all_have_homes(j, *topology, &all, e);
        m->stays = m->stays || !all || !leaves_the_store(*topology, j->ground->hold);
        salvage_settle(j->members, j->count);
        if (bad || !text->stays)
            return bad;
        topology_free(TAKE(*topology));
    }
    return published_here(j, topology, e);
}

static void check_pools(const struct judging *j, const struct topology *topology)
{
    for (size_t i = 0; i < j->count; i++) {
        struct salvage_member *m = &j->members[i];
        struct account account;
        if (is_account(m) && live_account(m->entry, &account))
            m->stays = m->stays || !topology || !topology_pool(topology, account.pool);
    }
}

enum failure central_judge(const struct salvage_ground *ground, struct salvage_member *members,
                           size_t count, struct error *e)
{
    OWNED(topology_free) struct topology *topology = NULL;
    OWNED(json_decref) json_t *names = json_object();
    struct judging j = {.ground = ground, .members = members, .count = count, .names = names};
    name_all(&j);
    enum failure bad = check_accounts(&j, e);
    if (!bad)
        bad = check_topology(&j, &topology, e);
    if (!bad)
        check_pools(&j, topology);
    return bad;
}
