#include "admin/user_batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/user_filter.h"
#include "base/count.h"

DEFINE_OWNED(json_t *, json_decref)

/* One item, compared with what is there. */
struct decision {
    struct user_entry entry;
    enum { UNCHANGED, ADDED, REPLACED, KEPT } what;
    char key[USER_KEY_SIZE];
    char *text;                     /* of a conference, what is to be kept of it */
    json_t *ids_before, *ids_after; /* the same, of those who take part */
    uint64_t usn;                   /* of what is there */
};

struct gathered {
    char address[SIP_ADDRESS_SIZE];
    struct decision *items;
    size_t count, bytes;
    bool spoiled;
    /* Of one try. */
    struct account account;
    struct usage before, after;
    bool refused, passed_over;
};

struct user_batch {
    struct user_batch_options with;
    struct gathered *users;
    size_t count, current, bytes;
    struct user_tally tally, of_try;
    uint64_t faults, faults_told, kept_told;
    json_t *said; /* of one try: it is told when that has succeeded */
};

struct user_batch *user_batch_new(const struct user_batch_options *options)
{
    struct user_batch *batch = xcalloc(1, sizeof *batch);
    batch->with = *options;
    batch->users = xcalloc(BATCH_USERS_MAX, sizeof *batch->users);
    batch->said = json_array();
    return batch;
}

static void forget_decision(struct decision *d)
{
    free(TAKE(d->text));
    json_decref(TAKE(d->ids_before));
    json_decref(TAKE(d->ids_after));
}

static void forget_user(struct gathered *user)
{
    for (size_t i = 0; i < user->count; i++) {
        forget_decision(&user->items[i]);
        user_entry_free(&user->items[i].entry);
    }
    free(user->items);
}

void user_batch_free(struct user_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        forget_user(&batch->users[i]);
    free(batch->users);
    json_decref(batch->said);
    free(batch);
}

/* --- gathering --- */

static struct gathered *user_of(struct user_batch *batch, const char *address)
{
    for (size_t i = batch->count; i-- > 0;) {
        if (strcmp(batch->users[i].address, address) == 0) {
            batch->current = i;
            return &batch->users[i];
        }
    }
    struct gathered *user = &batch->users[batch->current = batch->count++];
    *user = (struct gathered){0};
    snprintf(user->address, sizeof user->address, "%s", address);
    return user;
}

static size_t weight(const struct user_entry *entry)
{
    return entry->text ? strlen(entry->text) : USER_JSON_MAX;
}

static bool has(const struct gathered *user, const struct user_entry *entry)
{
    for (size_t i = 0; i < user->count; i++) {
        const struct user_entry *one = &user->items[i].entry;
        if (strcmp(one->kind, entry->kind) == 0 && strcmp(one->name, entry->name) == 0)
            return true;
    }
    return false;
}

void user_batch_tell(struct user_batch *batch, const struct error *e)
{
    batch->faults++;
    if (batch->faults_told >= BATCH_TOLD_MAX)
        return;
    batch->faults_told++;
    call_error(batch->with.call, e);
}

static void refuse_entry(struct user_batch *batch, struct gathered *user,
                         const struct user_entry *entry, const char *why)
{
    struct error e;
    fail(&e, FAIL_INVALID, "Line %llu: %s of sip:%s %s.", entry->line, user_entry_name(entry),
         user->address, why);
    error_kept(&e, "Nothing of sip:%s is imported.", user->address);
    user_batch_tell(batch, &e);
    user->spoiled = true;
}

void user_batch_add(struct user_batch *batch, const char *address, struct user_entry *entry)
{
    struct gathered *user = user_of(batch, address);
    size_t more = weight(entry);
    if (user->spoiled) {
        user_entry_free(entry);
        return;
    }
    if (has(user, entry) || user->count == BATCH_ENTRIES_MAX ||
        user->bytes + more > BATCH_USER_BYTES_MAX) {
        refuse_entry(batch, user, entry,
                     has(user, entry) ? "stands there twice" : "is more than a user can have");
        user_entry_free(entry);
        return;
    }
    user->items = xrealloc(user->items, (user->count + 1) * sizeof *user->items);
    user->items[user->count++] = (struct decision){.entry = *entry};
    *entry = (struct user_entry){0};
    user->bytes += more;
    batch->bytes += more;
}

void user_batch_spoil(struct user_batch *batch, const char *address)
{
    user_of(batch, address)->spoiled = true;
}

bool user_batch_is_full(const struct user_batch *batch)
{
    bool some = batch->count > 1;
    return some && (batch->count == BATCH_USERS_MAX || batch->bytes >= BATCH_USERS_BYTES_MAX);
}

/* --- comparing --- */

static void say_later(struct user_batch *batch, const struct error *e)
{
    json_array_append_new(batch->said,
                          json_pack("{s:i, s:s, s:s, s:s}", "kind", (int)e->kind, "what", e->what,
                                    "kept", e->kept, "next", e->next));
}

static enum failure refuse(struct user_batch *batch, struct gathered *user, struct error *e)
{
    error_kept(e, "Nothing of sip:%s is imported.", user->address);
    user->refused = true;
    say_later(batch, e);
    return OK;
}

/* Is he one of this pool? OK, and refused or passed over: he is not. */
static enum failure look_up(struct user_batch *batch, struct view *view, struct gathered *user,
                            struct error *e)
{
    uint64_t usn;
    enum failure bad = account_read(view, user->address, &user->account, &usn, e);
    if (bad && bad != FAIL_NOT_FOUND)
        return bad;
    if (bad) /* then he is known by his address alone */
        snprintf(user->account.address, sizeof user->account.address, "%s", user->address);
    user->passed_over = !user_filter_fits(batch->with.filter, &user->account);
    if (user->passed_over)
        return OK;
    if (bad) {
        fail(e, FAIL_NOT_FOUND, "sip:%s has no account.", user->address);
        error_next(e, "Enable-CsUser -Identity %s -RegistrarPool %s", user->address,
                   batch->with.home);
        return refuse(batch, user, e);
    }
    if (strcmp(user->account.pool, batch->with.home) == 0)
        return OK;
    fail(e, FAIL_REFUSED, "sip:%s belongs to %s.", user->address, user->account.pool);
    error_next(e, "Import it there: -PoolFqdn %s", user->account.pool);
    return refuse(batch, user, e);
}

static enum failure decide_conference(struct user_batch *batch, struct view *view,
                                      struct gathered *user, struct decision *d, struct error *e)
{
    const json_t *given = d->entry.given;
    size_t strangers = 0;
    const struct conference_reader reader = {.view = view,
                                             .sip_domain = batch->with.sip_domain,
                                             .organiser = &user->account,
                                             .strangers = &strangers};
    OWNED(json_decref) json_t *value = conference_read(&reader, d->entry.name, given, e);
    if (!value)
        return e->kind;
    batch->of_try.strangers += strangers;
    d->text = json_dumps(value, JSON_COMPACT);
    d->ids_after = json_incref(json_object_get(value, CONFERENCE_IDS));
    return OK;
}

static bool is_the_same(const struct decision *d, struct bytes there, const json_t *conference)
{
    const char *text = d->entry.text ? d->entry.text : d->text;
    return (text && bytes_equal(there, bytes_of_text(text))) ||
           (conference && user_file_same_conference(d->entry.given, conference));
}

/* A conference that is there already is the same if its line would be: the Ids of those who have
 * gone since are in no file. */
static enum failure compare(struct user_batch *batch, struct view *view, struct gathered *user,
                            struct decision *d, struct error *e)
{
    struct item item;
    bool conference = d->entry.given != NULL;
    user_key(user->account.id, d->entry.kind, d->entry.name[0] ? d->entry.name : NULL, d->key);
    enum failure bad = user_item(view, batch->with.home, d->key, &item, e);
    bool exists = !bad;
    if (bad && bad != FAIL_NOT_FOUND)
        return bad;
    d->usn = exists ? item.version.usn : 0;
    size_t size = exists ? item.value.size : 0;
    OWNED(buffer_free) struct buffer there = {0}; /* the view is used again */
    buffer_raw(&there, exists ? item.value.at : (const void *)"", size);
    OWNED(json_decref)
    json_t *value = conference && exists ? json_loadb((const char *)there.at, size, 0, NULL) : NULL;
    d->ids_before = json_incref(json_object_get(value, CONFERENCE_IDS));
    bool same = exists && is_the_same(d, buffer_view(&there), value);
    if (!same && conference) {
        bad = decide_conference(batch, view, user, d, e);
        same = !bad && exists && is_the_same(d, buffer_view(&there), NULL);
    } else {
        bad = OK;
    }
    d->what = same ? UNCHANGED : !exists ? ADDED : batch->with.replaces ? REPLACED : KEPT;
    bool writes = d->what == ADDED || d->what == REPLACED;
    if (writes && strcmp(d->entry.kind, USER_DOCUMENT) == 0) {
        user->after.documents += !exists;
        user->after.document_bytes += (int64_t)strlen(d->entry.text) - (int64_t)size;
    }
    user->after.conferences += writes && conference && !exists;
    return bad;
}

static void note_kept(struct user_batch *batch, const struct gathered *user,
                      const struct decision *d)
{
    struct error e = {0};
    snprintf(e.what, sizeof e.what, "Line %llu: %s of sip:%s is another one here, and was kept.",
             d->entry.line, user_entry_name(&d->entry), user->address);
    say_later(batch, &e);
}

/* FAIL_INVALID and FAIL_FULL are the user's own, and refuse him alone. */
static enum failure decide(struct user_batch *batch, struct view *view, struct gathered *user,
                           struct error *e)
{
    enum failure bad = user->spoiled ? OK : look_up(batch, view, user, e);
    if (bad || user->refused || user->passed_over)
        return bad;
    bad = usage_read(view, batch->with.home, user->account.id, &user->before, e);
    user->after = user->before;
    unsigned long long line = 0;
    for (size_t i = 0; !bad && i < user->count; i++) {
        line = user->items[i].entry.line;
        bad = compare(batch, view, user, &user->items[i], e);
    }
    if (!bad)
        bad = usage_check(&user->before, &user->after, e);
    if (bad != FAIL_INVALID && bad != FAIL_FULL)
        return bad;
    error_within(e, "Line %llu: sip:%s: ", line, user->address);
    return refuse(batch, user, e);
}

static void count(struct user_batch *batch, const struct gathered *user)
{
    struct user_tally *t = &batch->of_try;
    t->refused += user->refused;
    t->passed_over += user->passed_over;
    if (user->refused || user->passed_over)
        return;
    t->users++;
    for (size_t i = 0; i < user->count; i++) {
        const struct decision *d = &user->items[i];
        t->unchanged += d->what == UNCHANGED;
        t->added += d->what == ADDED;
        t->replaced += d->what == REPLACED;
        t->kept += d->what == KEPT;
        if (d->what == KEPT)
            note_kept(batch, user, d);
    }
}

/* --- writing --- */

static void put(struct txn *txn, const struct gathered *user, const struct decision *d)
{
    struct bytes key = bytes_of_text(d->key);
    if (d->what == UNCHANGED || d->what == KEPT)
        return;
    txn_expect(txn, MODULE_PRESENCE_FOCUS, key, d->usn);
    txn_put(txn, MODULE_PRESENCE_FOCUS, key,
            bytes_of_text(d->entry.given ? d->text : d->entry.text));
    if (d->entry.given)
        conference_invite(txn, user->account.id, d->entry.name, d->ids_before, d->ids_after);
}

static void put_user(struct txn *txn, const struct gathered *user)
{
    if (user->refused || user->passed_over)
        return;
    for (size_t i = 0; i < user->count; i++)
        put(txn, user, &user->items[i]);
    usage_put(txn, user->account.id, &user->before, &user->after);
}

static void begin_try(struct user_batch *batch)
{
    batch->of_try = (struct user_tally){0};
    json_array_clear(batch->said);
    for (size_t i = 0; i < batch->count; i++) {
        struct gathered *user = &batch->users[i];
        user->refused = user->spoiled; /* of which was told already */
        user->passed_over = false;
        for (size_t j = 0; j < user->count; j++)
            forget_decision(&user->items[j]);
    }
}

static enum failure collect(struct user_batch *batch, size_t end, size_t skipped, struct txn *txn,
                            struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    enum failure bad = store_view(batch->with.store, &view, e);
    for (size_t i = 0; !bad && i < end; i++) {
        struct gathered *user = &batch->users[i];
        if (i == skipped)
            continue;
        bad = decide(batch, view, user, e);
        if (bad)
            break;
        count(batch, user);
        put_user(txn, user);
    }
    return bad;
}

static enum failure try_once(struct user_batch *batch, size_t skipped, struct error *e)
{
    OWNED(txn_free) struct txn *txn = txn_new(batch->with.home);
    struct store_outcome outcome;
    begin_try(batch);
    txn_as_holder(txn, batch->with.term);
    enum failure bad = collect(batch, batch->count, skipped, txn, e);
    bool writes = batch->of_try.added + batch->of_try.replaced > 0;
    if (bad || !writes || batch->with.rehearses)
        return bad;
    bad = store_commit_wait(batch->with.store, TAKE(txn), &outcome);
    if (bad)
        *e = outcome.error;
    return bad;
}

/* --- telling --- */

static void tell_said(struct user_batch *batch)
{
    for (size_t i = 0; i < json_array_size(batch->said); i++) {
        const json_t *one = json_array_get(batch->said, i);
        const char *what = json_string_value(json_object_get(one, "what"));
        int kind = (int)json_integer_value(json_object_get(one, "kind"));
        struct error e;
        if (kind == OK) {
            if (batch->kept_told++ < BATCH_TOLD_MAX)
                call_warning(batch->with.call, "%s", what);
            continue;
        }
        fail(&e, (enum failure)kind, "%s", what);
        error_kept(&e, "%s", json_string_value(json_object_get(one, "kept")));
        error_next(&e, "%s", json_string_value(json_object_get(one, "next")));
        user_batch_tell(batch, &e);
    }
}

void user_batch_tell_rest(struct user_batch *batch)
{
    const struct user_tally *t = &batch->tally;
    if (batch->faults > batch->faults_told) {
        struct error e;
        uint64_t untold = batch->faults - batch->faults_told;
        fail(&e, FAIL_INVALID, "%s %s not shown.", COUNTED(untold, "more fault"),
             count_word(untold, "is", "are"));
        call_error(batch->with.call, &e);
    }
    if (t->kept)
        call_warning(batch->with.call,
                     "%s %s here than in the file, and %s kept; -Force replaces %s.",
                     COUNTED(t->kept, "item"), count_word(t->kept, "is another", "are others"),
                     count_word(t->kept, "was", "were"), count_word(t->kept, "it", "them"));
    if (t->strangers)
        call_warning(batch->with.call, "%s of conferences %s of this deployment, and %s left out.",
                     COUNTED(t->strangers, "participant"),
                     count_word(t->strangers, "is no user", "are no users"),
                     count_word(t->strangers, "was", "were"));
}

static void add_tally(struct user_tally *sum, const struct user_tally *t)
{
    sum->users += t->users;
    sum->added += t->added;
    sum->replaced += t->replaced;
    sum->unchanged += t->unchanged;
    sum->kept += t->kept;
    sum->refused += t->refused;
    sum->passed_over += t->passed_over;
    sum->strangers += t->strangers;
}

const struct user_tally *user_batch_tally(const struct user_batch *batch)
{
    return &batch->tally;
}

/* --- flushing --- */

static void drop_flushed(struct user_batch *batch, size_t left)
{
    struct gathered rest = {0};
    for (size_t i = 0; i < batch->count; i++) {
        if (i == left)
            rest = batch->users[i];
        else
            forget_user(&batch->users[i]);
    }
    batch->count = left < batch->count;
    batch->users[0] = rest;
    batch->current = 0;
    batch->bytes = rest.bytes;
}

enum failure user_batch_flush(struct user_batch *batch, bool all, struct error *e)
{
    size_t left = all || batch->count == 0 ? SIZE_MAX : batch->current;
    enum failure bad = FAIL_CONFLICT;
    for (unsigned tries = 0; bad == FAIL_CONFLICT && tries < BATCH_TRIES_MAX; tries++)
        bad = try_once(batch, left, e);
    if (bad)
        return bad;
    add_tally(&batch->tally, &batch->of_try);
    tell_said(batch);
    drop_flushed(batch, left);
    return OK;
}
