#include "pool/backup_configuration.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pool/central.h"

DEFINE_OWNED(json_t *, json_decref)

static const char key[] = CENTRAL_CONFIG "BackupService";

struct backup_configuration {
    json_t *object;
};

static json_t *defaults(void)
{
    return json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:i, s:[], s:[]}", "Identity",
                     BACKUP_CONFIGURATION_IDENTITY, "SyncInterval", "00:02:00", "SyncMode",
                     "Continuous", "MaxConcurrentCalls", 10, "MaxBatchesPerCmsSync", 500,
                     "MaxBatchesPerUserStoreSync", 500, "MaxDataConfPackageSizeKB", 102400,
                     "AuthorizedUniversalGroups", "AuthorizedLocalAccounts");
}

struct backup_configuration *backup_configuration_default(void)
{
    struct backup_configuration *c = xcalloc(1, sizeof *c);
    c->object = defaults();
    return c;
}

void backup_configuration_free(struct backup_configuration *c)
{
    if (!c)
        return;
    json_decref(c->object);
    free(c);
}

static bool are_names(const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (!json_is_string(json_array_get(list, i)))
            return false;
    }
    return true;
}

/* Properties that only a newer version knows are kept as they are. */
static bool makes_sense(const json_t *stored)
{
    OWNED(json_decref) json_t *known = defaults();
    const char *name;
    json_t *value;
    json_object_foreach(known, name, value)
    {
        const json_t *one = json_object_get(stored, name);
        if (one && (json_typeof(one) != json_typeof(value) || !are_names(one)))
            return false;
    }
    return json_is_object(stored);
}

static enum failure damaged(struct error *e)
{
    fail(e, FAIL_DAMAGED, "The stored configuration of the Backup Service makes no sense.");
    error_kept(e, "Nothing was changed.");
    return error_next(e, "To return to what holds without one: "
                         "Remove-CsBackupServiceConfiguration -Identity global");
}

enum failure backup_configuration_read(struct view *view, struct backup_configuration **c,
                                       uint64_t *usn, struct error *e)
{
    struct item item;
    *usn = 0;
    *c = NULL;
    enum failure bad =
        view_item(view, HOME_CENTRAL, MODULE_CMS_MASTER, bytes_of_text(key), &item, e);
    if (bad && bad != FAIL_NOT_FOUND)
        return bad;
    if (bad || item.deleted) {
        *c = backup_configuration_default();
        return OK;
    }
    *usn = item.version.usn;
    OWNED(json_decref)
    json_t *stored = json_loadb((const char *)item.value.at, item.value.size, 0, NULL);
    if (!makes_sense(stored))
        return damaged(e);
    *c = backup_configuration_default();
    json_object_update((*c)->object, stored);
    return OK;
}

const json_t *backup_configuration_object(const struct backup_configuration *c)
{
    return c->object;
}

const json_t *backup_configuration_value(const struct backup_configuration *c, const char *name)
{
    return json_object_get(c->object, name);
}

/* --- changing --- */

static bool is_in(const json_t *list, const char *name)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        if (strcasecmp(json_string_value(json_array_get(list, i)), name) == 0)
            return true;
    }
    return false;
}

/* Appends what is neither there nor in `without`. */
static void gather(json_t *list, const json_t *from, const json_t *without)
{
    for (size_t i = 0; i < json_array_size(from); i++) {
        json_t *entry = json_array_get(from, i);
        if (!is_in(list, json_string_value(entry)) && !is_in(without, json_string_value(entry)))
            json_array_append(list, entry);
    }
}

static json_t *changed_list(const json_t *before, const json_t *change)
{
    json_t *list = json_array();
    const json_t *replace = json_object_get(change, "Replace");
    if (json_is_array(change) || replace) {
        gather(list, replace ? replace : change, NULL);
    } else {
        gather(list, before, json_object_get(change, "Remove"));
        gather(list, json_object_get(change, "Add"), NULL);
    }
    return list;
}

bool backup_configuration_change(struct backup_configuration *c, const char *name,
                                 const json_t *value)
{
    const json_t *before = json_object_get(c->object, name);
    OWNED(json_decref)
    json_t *after = json_is_array(before) ? changed_list(before, value) : json_deep_copy(value);
    if (json_equal(before, after))
        return false;
    json_object_set(c->object, name, after);
    return true;
}

enum failure backup_configuration_check(const struct backup_configuration *c, struct error *e)
{
    const char *name;
    json_t *value;
    json_object_foreach(c->object, name, value)
    {
        if (json_array_size(value) <= BACKUP_CONFIGURATION_NAMES_MAX)
            continue;
        fail(e, FAIL_REFUSED, "%s would have %zu names; %d is the most.", name,
             json_array_size(value), BACKUP_CONFIGURATION_NAMES_MAX);
        error_kept(e, "Nothing was changed.");
        return error_next(e, "Name a group instead of its members.");
    }
    return OK;
}

/* --- storing --- */

void backup_configuration_put(struct txn *txn, const struct backup_configuration *c, uint64_t usn)
{
    OWNED(free_memory) char *text = json_dumps(c->object, JSON_COMPACT);
    txn_expect(txn, MODULE_CMS_MASTER, bytes_of_text(key), usn);
    txn_put(txn, MODULE_CMS_MASTER, bytes_of_text(key), bytes_of_text(text));
}

void backup_configuration_remove(struct txn *txn, uint64_t usn)
{
    txn_expect(txn, MODULE_CMS_MASTER, bytes_of_text(key), usn);
    txn_delete(txn, MODULE_CMS_MASTER, bytes_of_text(key));
}
