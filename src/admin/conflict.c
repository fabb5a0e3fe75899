/* Get-, Restore- and Remove-CsBackupServiceConflict: what a salvage kept beside (core/salvage.h),
 * because both pools had changed it.
 *
 * Conflicts are items of their home: both copies show them, and the pool that holds the home puts
 * one in place or dismisses it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/backup_wait.h"
#include "admin/call.h"
#include "admin/show.h"
#include "base/clock.h"
#include "base/count.h"
#include "base/utf8.h"
#include "content/manifest.h"
#include "pool/account.h"
#include "pool/central.h"
#include "pool/content.h"
#include "store/salvage.h"

DEFINE_OWNED(json_t *, json_decref)

enum {
    PAGE = 200,     /* conflicts that are looked at together */
    TRIES_MAX = 16, /* somebody else may change the same item meanwhile, again and again */
};

/* A home whose conflicts are asked for. */
struct place {
    char name[HOME_NAME_SIZE];
    char holder[FQDN_SIZE]; /* "" if nobody does */
    uint64_t term;          /* in which it is served here; 0: it is not */
};

struct found {
    char identity[SALVAGE_IDENTITY_SIZE];
    enum module module;
    uint64_t tag, usn; /* of the change that is kept beside */
    uint64_t item_usn; /* of the conflict's own item */
    struct salvage_conflict about;
    struct buffer key, other, kept; /* what it is about, and both contents */
    bool kept_is_there;
    uint64_t kept_usn;
};

struct conflict_work {
    struct call *call;
    struct store *store;
    const struct salvage_derived *derived;
    struct content *content;
    struct place homes[HOSTED_HOMES_MAX];
    size_t home_count;
    bool restores, removes;
    struct error error;
};

static void found_clear(struct found *f)
{
    buffer_free(&f->key);
    buffer_free(&f->other);
    buffer_free(&f->kept);
}

/* --- reading one --- */

static enum failure read_other(struct view *view, const char *home, struct found *f,
                               struct error *e)
{
    char key[SALVAGE_KEY_SIZE];
    struct item item;
    if (f->about.deleted)
        return OK;
    enum failure bad =
        view_item(view, home, f->module, salvage_value_key(f->tag, f->usn, key), &item, e);
    if (!bad)
        buffer_raw(&f->other, item.value.at, item.value.size);
    return bad;
}

static enum failure read_kept(struct view *view, const char *home, struct found *f, struct error *e)
{
    struct item item;
    enum failure bad = view_item(view, home, f->module, buffer_view(&f->key), &item, e);
    f->kept_is_there = !bad && !item.deleted;
    f->kept_usn = f->kept_is_there ? item.version.usn : 0;
    if (f->kept_is_there)
        buffer_raw(&f->kept, item.value.at, item.value.size);
    return bad == FAIL_NOT_FOUND ? OK : bad;
}

/* By tag, usn and module; FAIL_NOT_FOUND if there is none. */
static enum failure read_found(struct view *view, const char *home, struct found *f,
                               struct error *e)
{
    char key[SALVAGE_KEY_SIZE];
    struct item item;
    enum failure bad =
        view_item(view, home, f->module, salvage_conflict_key(f->tag, f->usn, key), &item, e);
    if (!bad && item.deleted)
        bad = FAIL_NOT_FOUND;
    if (!bad)
        bad = salvage_conflict_decode(&f->about, item.value, e);
    if (bad)
        return bad;
    f->item_usn = item.version.usn;
    buffer_raw(&f->key, f->about.key.at, f->about.key.size);
    f->about.key = buffer_view(&f->key);
    salvage_identity(f->tag, f->usn, f->identity);
    bad = read_other(view, home, f, e);
    return bad ? bad : read_kept(view, home, f, e);
}

/* --- in words --- */

/* "user/<Id>/<kind>/<name>" */
static bool split(const struct found *f, char id[ACCOUNT_ID_SIZE], char kind[16], char name[512])
{
    char text[ITEM_KEY_MAX + 1];
    snprintf(text, sizeof text, "%.*s", (int)f->key.size, (const char *)f->key.at);
    name[0] = '\0';
    return sscanf(text, "user/%32[^/]/%15[^/]/%511[^\n]", id, kind, name) >= 2;
}

static json_t *subject_of(const struct found *f)
{
    char id[ACCOUNT_ID_SIZE], kind[16], name[512];
    if (split(f, id, kind, name))
        return strcmp(kind, "xcap") == 0 ? json_sprintf("document %s", name)
               : *name                   ? json_sprintf("%s %s", kind, name)
                                         : json_string(kind);
    return utf8_valid((const char *)f->key.at, f->key.size)
               ? json_stringn((const char *)f->key.at, f->key.size)
               : json_string("a key that is no text");
}

/* Of a file it is the file's, and not that of the item that stands for it. */
static uint64_t bytes_in(const struct found *f, const struct buffer *value)
{
    struct file_stamp stamp;
    bool file = f->module == MODULE_DATA_CONF && !manifest_stamp(buffer_view(value), &stamp, NULL);
    return file ? stamp.size : value->size;
}

static json_t *summary(const struct found *f, bool there, const struct buffer *value)
{
    return json_string(there ? COUNTED(bytes_in(f, value), "byte") : "deleted");
}

/* What users sign on with is shown to nobody. */
static bool is_secret(const struct found *f)
{
    return f->module == MODULE_CMS_MASTER &&
           bytes_start_with(buffer_view(&f->key), bytes_of_text(CENTRAL_CREDENTIALS));
}

static json_t *content(const struct found *f, bool there, const struct buffer *value)
{
    if (!there)
        return json_null();
    if (is_secret(f))
        return json_string("(a secret, which is not shown)");
    if (f->module == MODULE_DATA_CONF)
        return json_sprintf("(a file of %s)", COUNTED(bytes_in(f, value), "byte"));
    return utf8_valid((const char *)value->at, value->size)
               ? json_stringn((const char *)value->at, value->size)
               : json_sprintf("(%s that %s no text)", COUNTED(value->size, "byte"),
                              count_word(value->size, "is", "are"));
}

/* --- whose they are --- */

struct naming {
    json_t *addresses; /* by Id: null until it is known */
    size_t missing;
};

static bool name_account(const struct account *account, void *context)
{
    struct naming *naming = context;
    if (json_is_null(json_object_get(naming->addresses, account->id))) {
        json_object_set_new(naming->addresses, account->id,
                            json_sprintf("sip:%s", account->address));
        naming->missing--;
    }
    return naming->missing > 0;
}

/* Of a page; by what the copy of `central` here says. Owned by the caller. */
static json_t *find_addresses(struct view *view, const struct found *page, size_t count)
{
    struct naming naming = {.addresses = json_object()};
    char id[ACCOUNT_ID_SIZE], kind[16], name[512];
    for (size_t i = 0; i < count; i++) {
        if (split(&page[i], id, kind, name) && !json_object_get(naming.addresses, id)) {
            json_object_set_new(naming.addresses, id, json_null());
            naming.missing++;
        }
    }
    struct error unused;
    if (naming.missing)
        account_walk(view, "", name_account, &naming, &unused);
    return naming.addresses;
}

static json_t *user_of(const struct found *f, const json_t *addresses)
{
    char id[ACCOUNT_ID_SIZE], kind[16], name[512];
    if (!split(f, id, kind, name))
        return json_null();
    json_t *address = json_object_get(addresses, id);
    return json_is_string(address) ? json_incref(address) : json_string(id);
}

static void show(struct conflict_work *work, const struct place *home, const struct found *f,
                 const json_t *addresses)
{
    char when[CLOCK_TEXT_MAX];
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:s}", "Identity", f->identity, "PoolFqdn",
        home->name, "BackupModule", module_name(f->module), "User", user_of(f, addresses),
        "Subject", subject_of(f), "Kept", summary(f, f->kept_is_there, &f->kept), "Other",
        summary(f, !f->about.deleted, &f->other), "AcceptedBy", show_text(f->about.accepted_by),
        "Term", (json_int_t)f->about.version.term, "Salvaged",
        clock_wall_text(f->about.salvaged_ms, when));
    if (call_text(work->call, "Identity")) {
        json_object_set_new(object, "KeptContent", content(f, f->kept_is_there, &f->kept));
        json_object_set_new(object, "OtherContent", content(f, !f->about.deleted, &f->other));
    }
    call_object(work->call, object);
}

/* --- one --- */

static enum failure no_such(const char *identity, struct error *e)
{
    fail(e, FAIL_NOT_FOUND, "There is no conflict %.64s here.", identity);
    error_kept(e, "Nothing was changed.");
    return error_next(e, "Get-CsBackupServiceConflict lists those that there are; those of another "
                         "pool's home with -PoolFqdn.");
}

/* In which of the homes and modules it is. */
static enum failure find(const struct conflict_work *work, struct view *view,
                         const struct place **home, struct found *f, struct error *e)
{
    const char *identity = call_text(work->call, "Identity");
    for (size_t i = 0; i < work->home_count; i++)
        call_verbose(work->call, "Looking for it in the home %s.", work->homes[i].name);
    if (!salvage_identity_read(identity, &f->tag, &f->usn))
        return no_such(identity, e);
    for (size_t i = 0; i < work->home_count; i++) {
        for (int m = 0; m < MODULES; m++) {
            f->module = (enum module)m;
            *home = &work->homes[i];
            enum failure bad = module_belongs(f->module, (*home)->name)
                                   ? read_found(view, (*home)->name, f, e)
                                   : FAIL_NOT_FOUND;
            if (bad != FAIL_NOT_FOUND)
                return bad;
        }
    }
    return no_such(identity, e);
}

static enum failure show_one(struct conflict_work *work, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    const struct place *home = NULL;
    struct found f = {0};
    enum failure bad = store_view(work->store, &view, e);
    if (!bad)
        bad = find(work, view, &home, &f, e);
    OWNED(json_decref) json_t *addresses = bad ? NULL : find_addresses(view, &f, 1);
    if (!bad)
        show(work, home, &f, addresses);
    found_clear(&f);
    return bad;
}

/* --- all --- */

struct listing {
    struct found page[PAGE];
    size_t count;
    struct buffer last; /* the key behind which it goes on */
    enum failure bad;
    struct error *e;
};

static bool note(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    struct listing *l = context;
    struct salvage_conflict about;
    buffer_clear(&l->last);
    buffer_raw(&l->last, item->key.at, item->key.size);
    if (!salvage_is_conflict(item->key))
        return true;
    l->bad = salvage_conflict_decode(&about, item->value, l->e);
    if (l->bad)
        return false;
    l->page[l->count++] =
        (struct found){.module = item->module, .tag = about.tag, .usn = about.version.usn};
    return l->count < PAGE;
}

static enum failure show_page(struct conflict_work *work, struct view *view,
                              const struct place *home, struct listing *l, struct error *e)
{
    enum failure bad = OK;
    for (size_t i = 0; !bad && i < l->count; i++)
        bad = read_found(view, home->name, &l->page[i], e);
    OWNED(json_decref) json_t *addresses = find_addresses(view, l->page, l->count);
    for (size_t i = 0; i < l->count; i++) {
        if (!bad)
            show(work, home, &l->page[i], addresses);
        found_clear(&l->page[i]);
    }
    return bad;
}

static enum failure show_module(struct conflict_work *work, const struct place *home,
                                enum module module, struct error *e)
{
    const struct bytes prefix = bytes_of_text(SALVAGE_CONFLICTS);
    struct listing *l = xcalloc(1, sizeof *l);
    enum failure bad = OK;
    call_verbose(work->call, "Looking through the conflicts of %s of the home %s.",
                 module_name(module), home->name);
    l->e = e;
    buffer_raw(&l->last, prefix.at, prefix.size);
    do {
        OWNED(view_close) struct view *view = NULL;
        l->count = 0;
        bad = store_view(work->store, &view, e);
        if (!bad)
            bad = view_keys_after(view, home->name, module, prefix, buffer_view(&l->last), note, l,
                                  e);
        bad = bad ? bad : l->bad;
        if (!bad)
            bad = show_page(work, view, home, l, e);
    } while (!bad && l->count == PAGE && call_flow(work->call));
    buffer_free(&l->last);
    free(l);
    return bad == FAIL_NOT_FOUND ? OK : bad; /* a home that is not there yet */
}

static enum failure show_all(struct conflict_work *work, struct error *e)
{
    enum failure bad = OK;
    for (size_t i = 0; !bad && i < work->home_count; i++) {
        for (int m = 0; !bad && m < MODULES; m++) {
            if (module_belongs((enum module)m, work->homes[i].name) &&
                backup_module_wanted(work->call, (enum module)m))
                bad = show_module(work, &work->homes[i], (enum module)m, e);
        }
    }
    return bad;
}

/* --- putting it in place, or dismissing it --- */

static enum failure check_may(const struct conflict_work *work, const struct place *home,
                              const struct found *f, struct error *e)
{
    if (!home->term) {
        fail(e, FAIL_REFUSED, "The home %s, whose conflict it is, is not served here.", home->name);
        error_kept(e, "Nothing was changed.");
        return *home->holder ? error_next(e, "Its holder is %s. Name the home: %s %s -PoolFqdn %s",
                                          home->holder, call_command(work->call)->name, f->identity,
                                          home->name)
                             : error_next(e, "Get-CsPoolFailOverStatus says what it waits for.");
    }
    bool topology = f->module == MODULE_CMS_MASTER &&
                    bytes_equal(buffer_view(&f->key), bytes_of_text(CENTRAL_TOPOLOGY));
    if (!work->restores || !topology)
        return OK;
    fail(e, FAIL_REFUSED, "A topology is not put in place without being checked.");
    error_kept(e, "Nothing was changed.");
    return error_next(e,
                      "Write it into a file from Get-CsBackupServiceConflict -Identity %s, and "
                      "publish that: Publish-CsTopology -FileName FILE",
                      f->identity);
}

static enum failure put_in_place(const struct conflict_work *work, struct txn *txn,
                                 struct view *view, const struct place *home, const struct found *f,
                                 struct error *e)
{
    const struct item entry = {.module = f->module,
                               .deleted = f->about.deleted,
                               .key = buffer_view(&f->key),
                               .value = buffer_view(&f->other)};
    const struct item here = {.module = f->module,
                              .version = {.usn = f->kept_usn},
                              .key = buffer_view(&f->key),
                              .value = buffer_view(&f->kept)};
    void *derived = work->derived->begin(txn, view, home->name, false);
    enum failure bad = work->derived->changes(derived, &entry, f->kept_is_there ? &here : NULL, e);
    if (!bad)
        bad = work->derived->end(derived, e);
    work->derived->release(derived);
    txn_expect(txn, f->module, entry.key, f->kept_usn);
    if (entry.deleted)
        txn_delete(txn, f->module, entry.key);
    else
        txn_put(txn, f->module, entry.key, entry.value);
    return bad;
}

static void dismiss(struct txn *txn, const struct found *f)
{
    char key[SALVAGE_KEY_SIZE];
    struct bytes own = salvage_conflict_key(f->tag, f->usn, key);
    txn_expect(txn, f->module, own, f->item_usn);
    txn_delete(txn, f->module, own);
    txn_delete(txn, f->module, salvage_value_key(f->tag, f->usn, key));
}

/* Owned by the caller. */
static char *whose_and_what(struct view *view, const struct found *f)
{
    OWNED(json_decref) json_t *subject = subject_of(f);
    OWNED(json_decref) json_t *addresses = find_addresses(view, f, 1);
    OWNED(json_decref) json_t *user = user_of(f, addresses);
    const char *what = json_string_value(subject), *whose = json_string_value(user);
    return whose ? xasprintf("%s of %s", what, whose) : xstrdup(what);
}

static bool only_says(const struct conflict_work *work, struct view *view, const struct found *f)
{
    if (!call_switch(work->call, "WhatIf")) /* an address is looked for among all */
        return false;
    OWNED(free_memory) char *what = whose_and_what(view, f);
    if (work->restores)
        return call_what_if(work->call,
                            "%s would be %s, as %s had it, in place of what is there now (%s), and "
                            "the conflict %s would be gone.",
                            what, f->about.deleted ? "deleted" : "written", f->about.accepted_by,
                            COUNTED(bytes_in(f, &f->kept), "byte"), f->identity);
    return call_what_if(
        work->call, "The conflict %s would be gone, and with it what %s had of %s (%s).",
        f->identity, f->about.accepted_by, what, COUNTED(bytes_in(f, &f->other), "byte"));
}

static enum failure commit(struct conflict_work *work, struct txn *txn, struct error *e)
{
    struct store_outcome outcome;
    if (store_commit_wait(work->store, txn, &outcome))
        *e = outcome.error;
    return outcome.error.kind;
}

/* Of a conference's file: what lies in its place goes aside before the transaction, or, whenever
 * this machine stops, it would be a change of what was put there. That is brought from where it was
 * set aside. */
static enum failure clear_place(const struct conflict_work *work, const struct place *home,
                                const struct found *f, struct file_removal **removal,
                                struct error *e)
{
    struct file_name name;
    const struct file_store *files = content_files(work->content);
    if (!files || file_name_of_key(home->name, buffer_view(&f->key), &name, NULL))
        return OK; /* there is nothing that could lie there */
    enum failure bad =
        file_removal_begin_aside(files, &name, "a conflict is put in its place", removal, e);
    if (!bad)
        bad = file_removal_settle(*removal, e);
    return bad ? error_kept(e, "Nothing was changed.") : OK;
}

static enum failure change_found(struct conflict_work *work, struct view *view,
                                 const struct place *home, const struct found *f, struct error *e)
{
    enum failure bad = check_may(work, home, f, e);
    if (bad || only_says(work, view, f))
        return bad;
    OWNED(txn_free) struct txn *txn = txn_new(home->name);
    struct file_removal *removal = NULL;
    txn_as_holder(txn, home->term);
    if (work->restores)
        bad = put_in_place(work, txn, view, home, f, e);
    if (!bad && work->restores && f->module == MODULE_DATA_CONF)
        bad = clear_place(work, home, f, &removal, e);
    dismiss(txn, f);
    if (!bad)
        bad = commit(work, TAKE(txn), e);
    bool moved = removal;
    file_removal_end(removal, !bad);
    if (moved)
        content_look(work->content, home->name);
    else if (!bad && work->restores && f->kept_is_there)
        call_caution(work->call,
                     "What was there before (%s) was written over, and is kept nowhere else.",
                     COUNTED(bytes_in(f, &f->kept), "byte"));
    return bad;
}

static enum failure change_one(struct conflict_work *work, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    const struct place *home = NULL;
    struct found f = {0};
    enum failure bad = store_view(work->store, &view, e);
    if (!bad)
        bad = find(work, view, &home, &f, e);
    if (!bad)
        bad = change_found(work, view, home, &f, e);
    found_clear(&f);
    return bad;
}

/* --- on the thread, and around it --- */

static void on_thread(void *context)
{
    struct conflict_work *work = call_kept(context);
    struct error e = {0};
    enum failure bad = call_check_wanted(context, &e);
    if (!bad && (work->restores || work->removes)) {
        bad = FAIL_CONFLICT;
        for (unsigned tries = 0; bad == FAIL_CONFLICT && tries < TRIES_MAX; tries++)
            bad = change_one(work, &e);
    } else if (!bad) {
        bad = call_text(work->call, "Identity") ? show_one(work, &e) : show_all(work, &e);
    }
    if (bad)
        work->error = e;
}

static void on_done(void *context)
{
    struct call *call = context;
    struct conflict_work *work = call_kept(call);
    if (work->error.kind)
        call_error(call, &work->error);
    free(work);
    call_end(call);
}

static void add_place(struct conflict_work *work, const struct front_end *fe, const char *name)
{
    struct place *place = &work->homes[work->home_count++];
    const struct pool *holder = front_end_holder(fe, name);
    struct error unused;
    snprintf(place->name, sizeof place->name, "%s", name);
    snprintf(place->holder, sizeof place->holder, "%s", holder ? holder->fqdn : "");
    if (front_end_serves(fe, name, &place->term, &unused))
        place->term = 0;
}

static enum failure collect(struct conflict_work *work, const struct front_end *fe, struct error *e)
{
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    const char *only = call_text(work->call, "PoolFqdn");
    size_t count = front_end_homes(fe, homes);
    for (size_t i = 0; i < count; i++) {
        const char *name = home_name(hosted_home_core(homes[i]));
        if (!only || strcmp(only, name) == 0)
            add_place(work, fe, name);
    }
    if (work->home_count)
        return OK;
    fail(e, FAIL_NOT_FOUND, "%s has no copy of the home %s.", front_end_pool(fe), only);
    return error_next(e, "Get-CsPoolFailOverStatus shows which pools have one.");
}

static void begin(struct call *call, bool restores, bool removes)
{
    struct front_end *fe = call_front_end(call);
    struct error e;
    struct conflict_work *work = xcalloc(1, sizeof *work);
    *work = (struct conflict_work){.call = call,
                                   .store = front_end_store(fe),
                                   .derived = front_end_derived(fe),
                                   .content = front_end_content(fe),
                                   .restores = restores,
                                   .removes = removes};
    if (collect(work, fe, &e)) {
        free(work);
        call_fail(call, &e);
        return;
    }
    call_keep(call, work);
    if (!call_on_thread(call, on_thread, on_done))
        free(work);
}

void admin_get_backup_service_conflict(struct call *call)
{
    begin(call, false, false);
}

void admin_restore_backup_service_conflict(struct call *call)
{
    begin(call, true, false);
}

void admin_remove_backup_service_conflict(struct call *call)
{
    begin(call, false, true);
}
