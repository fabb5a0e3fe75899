/* The configuration of the Backup Service: looking at it, changing it, putting it back. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "admin/admin.h"
#include "admin/call.h"
#include "admin/caller.h"
#include "admin/central_copy.h"
#include "cmdlet/commands.h"
#include "pool/backup_configuration.h"
#include "pool/commit.h"

DEFINE_OWNED(json_t *, json_decref)

enum {
    /* Somebody else changed it between our reading and our writing: read again. Each time one of
     * those who try at once is done, so the last of as many as there may be needs as many tries. */
    CHANGE_TRIES_MAX = ADMIN_CALLS_MAX,
};

static enum failure check_identity(const struct call *call, struct error *e)
{
    const char *identity = call_text(call, "Identity");
    if (!identity || strcasecmp(identity, BACKUP_CONFIGURATION_IDENTITY) == 0)
        return OK;
    fail(e, FAIL_NOT_FOUND, "There is no configuration %.64s of the Backup Service.", identity);
    error_kept(e, "Nothing was done.");
    return error_next(e, "There is one for the whole deployment: -Identity Global.");
}

/* --- looking --- */

static enum failure check_copy(const struct call *call, struct view *view, struct error *e)
{
    enum failure bad =
        call_switch(call, "LocalStore") ? central_copy_check(call_front_end(call), view, e) : OK;
    return bad == FAIL_NOT_FOUND ? error_next(e, "Without -LocalStore its holder is asked.") : bad;
}

void admin_get_backup_service_configuration(struct call *call)
{
    OWNED(backup_configuration_free) struct backup_configuration *c = NULL;
    OWNED(view_close) struct view *view = NULL;
    struct error e;
    uint64_t usn;
    const char *filter = call_text(call, "Filter");
    enum failure bad = check_identity(call, &e);
    if (!bad)
        bad = store_view(front_end_store(call_front_end(call)), &view, &e);
    if (!bad)
        bad = check_copy(call, view, &e);
    if (!bad)
        bad = backup_configuration_read(view, &c, &usn, &e);
    if (bad)
        call_error(call, &e);
    else if (!filter || fnmatch(filter, BACKUP_CONFIGURATION_IDENTITY, FNM_CASEFOLD) == 0)
        call_object(call, json_deep_copy(backup_configuration_object(c)));
    call_end(call);
}

/* --- changing --- */

struct change {
    struct call *call;
    bool remove;
    unsigned tries;
};

static void change_end(struct change *change, const struct error *e)
{
    if (e)
        call_error(change->call, e);
    call_end(change->call);
    free(change);
}

static char *text_of(const json_t *value)
{
    if (json_is_string(value))
        return xstrdup(json_string_value(value));
    char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    return text ? text : xstrdup("?");
}

/* What would become of one property, or has become of it. */
static void tell(struct call *call, const char *name, const json_t *before, const json_t *after)
{
    OWNED(free_memory) char *from = text_of(before);
    OWNED(free_memory) char *to = text_of(after);
    if (!call_what_if(call, "%s would change from %.200s to %.200s.", name, from, to))
        call_verbose(call, "%s changes from %.200s to %.200s.", name, from, to);
}

/* Every property is a parameter of the same name. */
static size_t apply(struct call *call, struct backup_configuration *c,
                    const struct backup_configuration *goal)
{
    size_t changed = 0;
    const char *name;
    json_t *value;
    OWNED(backup_configuration_free)
    struct backup_configuration *all = backup_configuration_default();
    json_object_foreach((json_t *)(uintptr_t)backup_configuration_object(all), name, value)
    {
        const json_t *wanted =
            goal ? backup_configuration_value(goal, name) : call_value(call, name);
        json_t *before = json_deep_copy(backup_configuration_value(c, name));
        if (strcmp(name, "Identity") != 0 && wanted &&
            backup_configuration_change(c, name, wanted)) {
            tell(call, name, before, backup_configuration_value(c, name));
            changed++;
        }
        json_decref(before);
    }
    return changed;
}

static void try_change(struct change *change);

static void on_committed(const struct store_outcome *outcome, void *context)
{
    struct change *change = context;
    if (outcome->error.kind == FAIL_CONFLICT && ++change->tries < CHANGE_TRIES_MAX) {
        try_change(change);
        return;
    }
    if (!outcome->error.kind)
        call_verbose(change->call, "It is kept as change %llu of the Central Management Store.",
                     (unsigned long long)outcome->first_usn);
    change_end(change, outcome->error.kind ? &outcome->error : NULL);
}

static void commit(struct change *change, const struct backup_configuration *c, uint64_t usn,
                   uint64_t term)
{
    struct front_end *fe = call_front_end(change->call);
    struct txn *txn = txn_new(HOME_CENTRAL);
    txn_as_holder(txn, term);
    if (change->remove)
        backup_configuration_remove(txn, usn);
    else
        backup_configuration_put(txn, c, usn);
    commit_on_loop(front_end_store(fe), front_end_loop(fe), txn, on_committed, change);
}

static void try_change(struct change *change)
{
    struct call *call = change->call;
    struct front_end *fe = call_front_end(call);
    OWNED(backup_configuration_free) struct backup_configuration *c = NULL;
    OWNED(backup_configuration_free)
    struct backup_configuration *goal = change->remove ? backup_configuration_default() : NULL;
    OWNED(view_close) struct view *view = NULL;
    uint64_t usn = 0, term;
    struct error e;
    enum failure bad = check_identity(call, &e);
    if (!bad)
        bad = front_end_serves(fe, HOME_CENTRAL, &term, &e);
    if (!bad)
        bad = store_view(front_end_store(fe), &view, &e);
    if (!bad)
        bad = backup_configuration_read(view, &c, &usn, &e);
    bool senseless = bad == FAIL_DAMAGED && change->remove && usn;
    if (senseless) {
        c = backup_configuration_default();
        bad = OK;
        call_what_if(call, "What is stored, and makes no sense, would be removed.");
    }
    size_t changed = bad ? 0 : senseless + apply(call, c, goal);
    if (!bad)
        bad = backup_configuration_check(c, &e);
    if (bad) {
        change_end(change, &e);
    } else if (changed == 0) {
        call_caution(call, "Nothing was to change: all is so already.");
        change_end(change, NULL);
    } else if (call_switch(call, "WhatIf")) {
        change_end(change, NULL);
    } else {
        commit(change, c, usn, term);
    }
}

static void begin(struct call *call, bool remove)
{
    struct change *change = xcalloc(1, sizeof *change);
    *change = (struct change){.call = call, .remove = remove};
    try_change(change);
}

/* --- names that are granted something --- */

/* A name that is spelt wrongly would be granted something in silence, and nobody would have it. It
 * is no error: another machine may know the name, or this one tomorrow. */
struct granted {
    const char *parameter;
    const char *what;
    bool (*is_known)(const char *name);
};

static bool is_user_or_group(const char *name)
{
    return caller_account_is_known(name) || caller_group_is_known(name);
}

static const struct granted granted[] = {
    {"AuthorizedUniversalGroups", "group", caller_group_is_known},
    {"AuthorizedLocalAccounts", "user or group", is_user_or_group},
};

/* The names that a value adds: the list, or what Add and Replace have. */
static json_t *names_added(const json_t *value)
{
    static const char *const lists[] = {"Add", "Replace"};
    json_t *names = json_array();
    if (json_is_array(value))
        json_array_extend(names, (json_t *)(uintptr_t)value);
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        json_t *list = json_object_get(value, lists[i]);
        if (json_is_array(list))
            json_array_extend(names, list);
        else if (list)
            json_array_append(names, list);
    }
    return names;
}

static void warn_of_unknown(struct call *call, const struct granted *g)
{
    OWNED(json_decref) json_t *names = names_added(call_value(call, g->parameter));
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *name = json_string_value(json_array_get(names, i));
        if (name && *name && !g->is_known(name))
            call_caution(call,
                         "%s knows no %s \"%.64s\". Who is in it is asked on the machine that is "
                         "called: check the spelling, and that those machines know it.",
                         front_end_config(call_front_end(call))->self->fqdn, g->what, name);
    }
}

static void look_names_up(void *context)
{
    for (size_t i = 0; i < COUNT_OF(granted); i++)
        warn_of_unknown(context, &granted[i]);
}

static void on_looked_up(void *context)
{
    begin(context, false);
}

void admin_set_backup_service_configuration(struct call *call)
{
    bool grants = false;
    for (size_t i = 0; i < COUNT_OF(granted); i++)
        grants = grants || call_value(call, granted[i].parameter);
    if (grants) /* the name service may take its time */
        call_on_thread(call, look_names_up, on_looked_up);
    else
        begin(call, false);
}

void admin_remove_backup_service_configuration(struct call *call)
{
    begin(call, true);
}
