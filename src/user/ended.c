/* A mark: "ended/<conference>", and for a value the Id of who organised it. */
#include "user/ended.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "content/file_store.h"
#include "user/conference.h"
#include "user/items.h"

static const char prefix[] = "ended/";

void ended_put(struct txn *txn, const char *organiser, const char *conference)
{
    OWNED(buffer_free) struct buffer key = {0};
    buffer_printf(&key, "%s%s", prefix, conference);
    txn_put(txn, MODULE_PRESENCE_FOCUS, buffer_view(&key), bytes_of_text(organiser));
}

/* --- one step --- */

struct step {
    const struct leaving *how;
    const char *home;
    struct buffer mark; /* its key; empty: there is none */
    char conference[CONFERENCE_ID_SIZE], organiser[ACCOUNT_ID_SIZE];
    struct txn *txn;
    struct file_removal *removals[ENDED_FILES];
    size_t removal_count, files;
    enum failure bad;
    struct error *e;
};

static void step_free(struct step *s)
{
    buffer_free(&s->mark);
    txn_free(s->txn);
    free(s);
}
DEFINE_OWNED(struct step *, step_free)

static void take_text(char *text, size_t size, struct bytes from, size_t behind)
{
    snprintf(text, size, "%.*s", (int)(from.size - behind), (const char *)from.at + behind);
}

static bool note_mark(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    struct step *s = context;
    buffer_raw(&s->mark, item->key.at, item->key.size);
    take_text(s->conference, sizeof s->conference, item->key, strlen(prefix));
    take_text(s->organiser, sizeof s->organiser, item->value, 0);
    return false;
}

static enum failure find_mark(struct step *s, struct view *view)
{
    return view_keys(view, s->home, MODULE_PRESENCE_FOCUS, bytes_of_text(prefix), note_mark, s,
                     s->e);
}

/* A mark may have come from another pool that did not know that the conference goes on here
 * (protocol, rule 14): then its files are none of the mark's. */
static enum failure goes_on(const struct step *s, struct view *view, bool *does)
{
    char key[USER_KEY_SIZE];
    struct item item;
    enum failure bad = user_item(
        view, s->home, user_key(s->organiser, USER_CONFERENCE, s->conference, key), &item, s->e);
    *does = !bad;
    return bad == FAIL_NOT_FOUND ? OK : bad;
}

static enum failure no_file_store(const struct step *s)
{
    fail(s->e, FAIL_REFUSED,
         "There are files of conferences of %s, and this machine has no file store.", s->home);
    error_kept(s->e, "The conferences have ended; their files are kept.");
    return error_next(s->e, "Name it in the configuration: file_store, docs/configuration.md.");
}

static bool remove_file(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    struct step *s = context;
    struct file_name name;
    bool any = !file_name_of_key(s->home, item->key, &name, NULL); /* else none can belong to it */
    if (any && !s->how->files)
        s->bad = no_file_store(s);
    else if (any)
        s->bad = file_removal_begin(s->how->files, &name, &s->removals[s->removal_count], s->e);
    if (s->bad)
        return false;
    s->removal_count += any;
    txn_delete(s->txn, MODULE_DATA_CONF, item->key);
    return ++s->files < ENDED_FILES;
}

static enum failure remove_files(struct step *s, struct view *view)
{
    OWNED(buffer_free) struct buffer folder = {0};
    buffer_printf(&folder, "%s/", s->conference);
    enum failure bad =
        view_keys(view, s->home, MODULE_DATA_CONF, buffer_view(&folder), remove_file, s, s->e);
    return bad ? bad : s->bad;
}

/* The mark goes with the last of its files. */
static enum failure collect(struct step *s, struct view *view)
{
    bool lives = !conference_id_valid(s->conference);
    enum failure bad = lives ? OK : goes_on(s, view, &lives);
    if (!bad && !lives)
        bad = remove_files(s, view);
    if (!bad && s->files < ENDED_FILES)
        txn_delete(s->txn, MODULE_PRESENCE_FOCUS, buffer_view(&s->mark));
    return bad;
}

static enum failure commit(struct step *s)
{
    struct store_outcome outcome;
    enum failure bad = store_commit_wait(s->how->store, TAKE(s->txn), &outcome);
    if (bad)
        *s->e = outcome.error;
    return bad;
}

/* Some files of the first one that there is a mark of; `*any`: there was one. */
static enum failure remove_some(const struct leaving *how, size_t home, bool *any, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    OWNED(step_free) struct step *s = xcalloc(1, sizeof *s);
    s->how = how;
    s->home = how->served.list[home].home;
    s->e = e;
    enum failure bad = store_view(how->store, &view, e);
    if (!bad)
        bad = find_mark(s, view);
    *any = s->mark.size;
    if (bad || !*any)
        return bad;
    s->txn = txn_new(s->home);
    txn_as_holder(s->txn, how->served.list[home].term);
    bad = collect(s, view);
    view_close(TAKE(view));
    if (!bad && s->removal_count) /* all are of one conference */
        bad = file_removal_settle(s->removals[s->removal_count - 1], e);
    if (!bad)
        bad = commit(s);
    for (size_t i = 0; i < s->removal_count; i++)
        file_removal_end(s->removals[i], !bad);
    return bad;
}

/* --- all of them --- */

static bool has_conferences(const char *home)
{
    return module_belongs(MODULE_DATA_CONF, home);
}

static bool note_any(const struct item *item, struct item_hash hash, void *context)
{
    (void)item;
    (void)hash;
    *(bool *)context = true;
    return false;
}

bool ended_any(struct store *store, const struct served *served)
{
    OWNED(view_close) struct view *view = NULL;
    bool any = false;
    if (store_view(store, &view, NULL))
        return false;
    for (size_t i = 0; i < served->count && !any; i++) {
        if (has_conferences(served->list[i].home))
            view_keys(view, served->list[i].home, MODULE_PRESENCE_FOCUS, bytes_of_text(prefix),
                      note_any, &any, NULL);
    }
    return any;
}

enum failure ended_carry_out(const struct leaving *how, struct error *e)
{
    enum failure bad = OK;
    for (size_t i = 0; !bad && i < how->served.count; i++) {
        bool any = has_conferences(how->served.list[i].home);
        while (!bad && any && !atomic_load(how->stopping))
            bad = remove_some(how, i, &any, e);
    }
    return bad;
}
