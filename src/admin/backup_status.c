/* Get-CsBackupServiceStatus: how far this pool's data is copied, and what it keeps of its
 * partner's. */
#include <stdlib.h>
#include <string.h>

#include "admin/aside.h"
#include "admin/backup_answer.h"
#include "admin/backup_content.h"
#include "admin/backup_wait.h"
#include "admin/show.h"
#include "base/clock.h"
#include "pool/copy_mark.h"
#include "pool/scrub.h"
#include "pool/uncopied.h"

enum {
    /* A partner that answers does so within a round trip; one that does not is in ErrorState when a
     * call to it has met its own deadline. */
    STATUS_WAIT_MS_MAX = LINK_OFFER_DEADLINE_MS + 1000,
};

/* --- what this pool sends --- */

/* When all that is stored here was read last, and found sound or not. */
static void show_scrub(const struct front_end *fe, json_t *object)
{
    const struct scrub_status *scrub = scrub_status(front_end_scrub(fe));
    char text[CLOCK_TEXT_MAX];
    json_object_set_new(object, "LastScrub",
                        scrub->done_s ? json_string(clock_wall_text(scrub->done_s * 1000, text))
                                      : json_null());
    json_object_set_new(object, "LastScrubSecondsAgo",
                        show_seconds_since(scrub->done_s * 1000, clock_wall_ms()));
    json_object_set_new(object, "Damage",
                        show_text(scrub->trouble.kind ? scrub->trouble.what : NULL));
}

static json_t *describe_export(struct view *view, const struct exporting *x, uint64_t now_ms)
{
    struct export_status s;
    export_status(exporting_core(x), &s);
    const struct error *trouble = exporting_trouble(x);
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:b, s:o, s:o, s:o}", "Module",
        module_name(exporting_module(x)), "Direction", "Export", "Home", exporting_home(x),
        "Partner", exporting_target(x), "State", export_word_name(exporting_word(x)), "Head",
        (json_int_t)s.head, "CopiedUpTo", (json_int_t)s.copied.usn, "UncopiedChanges",
        (json_int_t)(s.head > s.copied.usn ? s.head - s.copied.usn : 0), "UncopiedBytes",
        (json_int_t)uncopied_bytes(x, view), "CopyHasTail", s.tail, "OldestUncopiedSeconds",
        show_seconds_since(s.oldest_ms, now_ms), "ConfirmedSecondsAgo",
        show_seconds_since(s.confirmed_ms, now_ms), "LastError",
        show_text(s.failing ? trouble->what : NULL));
    show_consistent(object, s.consistent_ms ? clock_wall_ms() - (now_ms - s.consistent_ms) : 0);
    return object;
}

static enum export_word export_of(const struct front_end *fe, const struct backup_wait *wait,
                                  struct view *view, enum module module, uint64_t now_ms,
                                  json_t *details)
{
    enum export_word word = WORD_NOT_INITIALIZED;
    for (size_t i = 0; i < wait->count; i++) {
        const struct exporting *x = wait->list[i];
        if (exporting_module(x) != module)
            continue;
        word = export_word_worse(word, exporting_word(x));
        json_t *detail = describe_export(view, x, now_ms);
        backup_content_describe(fe, exporting_home(x), module, detail);
        backup_content_describe_partner(x, detail);
        json_array_append_new(details, detail);
    }
    return word;
}

/* --- what this pool keeps of others --- */

static enum import_word import_word_of(const struct import_status *status,
                                       const struct home_state *state, enum module module)
{
    if (status->trouble.kind)
        return IMPORT_ERROR;
    bool any = state->modules[module].cookie.usn > 0 || status->imported_ms;
    return any ? IMPORT_NORMAL : IMPORT_NOT_INITIALIZED;
}

static json_t *describe_import(struct view *view, const struct home *core,
                               const struct import_status *status, const struct home_state *state,
                               enum module module, const struct copy_marks *marks)
{
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:o, s:o}", "Module", module_name(module),
                  "Direction", "Import", "Home", home_name(core), "Partner", home_partner(core),
                  "State", import_word_name(import_word_of(status, state, module)), "CopiedUpTo",
                  (json_int_t)state->modules[module].cookie.usn, "ImportedSecondsAgo",
                  show_seconds_since(status->imported_ms, clock_ms()), "LastError",
                  show_text(status->trouble.kind ? status->trouble.what : NULL));
    show_catching_up(object, state, module);
    show_consistent(object, copy_marks_of(marks, home_name(core), module));
    json_object_set_new(object, "Tail",
                        json_integer((json_int_t)aside_tail(view, home_name(core))));
    return object;
}

static enum import_word import_of(const struct front_end *fe, struct view *view, enum module module,
                                  json_t *details)
{
    enum import_word word = IMPORT_NOT_INITIALIZED;
    struct backup_service *service = front_end_backup_service(fe);
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    size_t count = front_end_homes(fe, homes);
    for (size_t i = 0; i < count; i++) {
        const struct home *core = hosted_home_core(homes[i]);
        const struct import_status *status =
            importing_status(backup_service_importing(service), home_name(core), module);
        struct home_state state = {0};
        struct error e;
        if (!module_belongs(module, home_name(core)) || mode_rights(home_mode(core))->holder)
            continue;
        view_home(view, home_name(core), &state, &e);
        word = import_word_worse(word, import_word_of(status, &state, module));
        json_t *detail =
            describe_import(view, core, status, &state, module, backup_service_marks(service));
        backup_content_describe(fe, home_name(core), module, detail);
        json_array_append_new(details, detail);
    }
    return word;
}

/* --- the answer --- */

/* The first thing that is wrong, for whoever reads only that far. */
static json_t *first_trouble(const json_t *details)
{
    for (size_t i = 0; i < json_array_size(details); i++) {
        json_t *trouble = json_object_get(json_array_get(details, i), "LastError");
        if (json_is_string(trouble))
            return json_pack("{s:O}", "LastError", trouble);
    }
    return NULL;
}

static void show(struct call *call, const struct backup_wait *wait, struct view *view)
{
    const struct front_end *fe = call_front_end(call);
    const struct machine *self = front_end_config(fe)->self;
    struct backup_answer answer = backup_answer_begin();
    for (int m = 0; m < MODULES; m++) {
        enum module module = (enum module)m;
        if (!backup_module_wanted(call, module))
            continue;
        enum export_word sends = export_of(fe, wait, view, module, clock_ms(), answer.details);
        enum import_word keeps = import_of(fe, view, module, answer.details);
        backup_answer_add(&answer, module, sends, keeps);
    }
    for (size_t i = 0; i < json_array_size(answer.details); i++)
        show_scrub(fe, json_array_get(answer.details, i));
    json_t *more = json_object(), *trouble = first_trouble(answer.details),
           *progress = backup_content_progress(answer.details);
    json_object_update(more, progress);
    json_object_update(more, trouble);
    json_decref(progress);
    json_decref(trouble);
    backup_answer_show(call, &answer, self->pool->fqdn, self->fqdn, more);
}

static void look(void *context)
{
    struct call *call = context;
    struct backup_wait *wait = call_kept(call);
    if (!backup_wait_all_over(wait, BACKUP_ASKED) && !call_is_unwanted(call) &&
        call_elapsed_ms(call) < STATUS_WAIT_MS_MAX)
        return;
    OWNED(view_close) struct view *view = NULL;
    struct error e;
    if (store_view(front_end_store(call_front_end(call)), &view, &e))
        call_error(call, &e);
    else
        show(call, wait, view);
    free(wait);
    call_end(call);
}

static void caution(struct call *call, const struct pool *pool)
{
    const char *category = call_text(call, "Category"), *one = call_text(call, "BackupModule");
    bool any = false;
    for (int m = 0; m < MODULES; m++)
        any = any || backup_module_wanted(call, (enum module)m);
    if (!pool->backup)
        call_caution(call, "%s has no backup pool, so nothing of it is copied.", pool->fqdn);
    if (category && strcmp(category, "RGS") == 0)
        call_caution(call, "There are no response groups here: RGS holds no data.");
    if (!any && one && category && strcmp(category, "RGS") != 0)
        call_caution(call, "%s is no module of %s: there is none to show.", one, category);
}

/* Their states say no more than that nothing is sent. */
static void tell_unserved(struct call *call)
{
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    size_t count = front_end_homes(call_front_end(call), homes);
    for (size_t i = 0; i < count; i++) {
        const struct home *core = hosted_home_core(homes[i]);
        struct error e = {0};
        if (home_mode(core) != MODE_REJOINING)
            continue;
        home_explain(core, &e);
        call_caution(call, "%s Nothing of it is copied meanwhile. %s", e.what, e.next);
    }
}

void admin_get_backup_service_status(struct call *call)
{
    const struct config *config = front_end_config(call_front_end(call));
    const struct pool *pool = topology_pool(config->topology, call_text(call, "PoolFqdn"));
    caution(call, pool);
    if (pool != config->self->pool) {
        backup_stand_in(call, pool);
        return;
    }
    tell_unserved(call);
    struct backup_wait *wait = backup_wait_new(call);
    backup_wait_begin(wait, WISH_LOOK);
    call_keep(call, wait);
    call_each_tick(call, look);
}
