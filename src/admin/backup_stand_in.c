/* Get-CsBackupServiceStatus for a pool that does not answer, as its partner knows it. What the pool
 * sends and keeps is not known while it is silent, and that is said: ErrorState. Known is what
 * arrived here, and since when that is all there was. */
#include <string.h>

#include "admin/backup_answer.h"
#include "admin/backup_wait.h"
#include "base/clock.h"
#include "pool/copy_mark.h"

struct stand_in {
    struct call *call;
    const struct pool *silent;
    struct view *view; /* NULL: the store can't be read */
    char why[ERROR_TEXT_MAX];
    struct backup_answer answer;
    uint64_t oldest_ms; /* of all its copies here */
    bool any, never;    /* there are copies; one never was complete */
};

/* What the silent pool sends: the homes that it holds, by this pool's record. */
static enum export_word sends(struct stand_in *s, const struct home *core, enum module module)
{
    const struct copy_marks *marks =
        backup_service_marks(front_end_backup_service(call_front_end(s->call)));
    uint64_t complete_ms = copy_marks_of(marks, home_name(core), module);
    struct home_state state = {0};
    struct error e;
    if (s->view)
        view_home(s->view, home_name(core), &state, &e);
    json_t *detail =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:n, s:I, s:n, s:n, s:n, s:s}", "Module",
                  module_name(module), "Direction", "Export", "Home", home_name(core), "Partner",
                  front_end_pool(call_front_end(s->call)), "State", export_word_name(WORD_ERROR),
                  "Head", "CopiedUpTo", (json_int_t)state.modules[module].cookie.usn,
                  "UncopiedChanges", "UncopiedBytes", "OldestUncopiedSeconds", "LastError", s->why);
    show_catching_up(detail, &state, module);
    show_consistent(detail, complete_ms);
    json_array_append_new(s->answer.details, detail);
    if (complete_ms && (!s->oldest_ms || complete_ms < s->oldest_ms))
        s->oldest_ms = complete_ms;
    bool content = module == MODULE_DATA_CONF && !state.modules[module].cookie.usn;
    s->any = s->any || !content;
    s->never = s->never || (!content && !complete_ms);
    return WORD_ERROR;
}

/* What it keeps: the homes that this pool holds, and sends to it. */
static enum import_word keeps(struct stand_in *s, const struct exporting *x)
{
    struct export_status status;
    export_status(exporting_core(x), &status);
    uint64_t now_ms = clock_ms();
    json_t *detail = json_pack(
        "{s:s, s:s, s:s, s:s, s:s, s:I, s:o, s:s}", "Module", module_name(exporting_module(x)),
        "Direction", "Import", "Home", exporting_home(x), "Partner",
        front_end_pool(call_front_end(s->call)), "State", import_word_name(IMPORT_ERROR),
        "CopiedUpTo", (json_int_t)status.copied.usn, "ConfirmedSecondsAgo",
        show_seconds_since(status.confirmed_ms, now_ms), "LastError", s->why);
    show_consistent(detail,
                    status.consistent_ms ? clock_wall_ms() - (now_ms - status.consistent_ms) : 0);
    json_array_append_new(s->answer.details, detail);
    return IMPORT_ERROR;
}

static void add_module(struct stand_in *s, enum module module)
{
    const struct front_end *fe = call_front_end(s->call);
    enum export_word export = WORD_NOT_INITIALIZED;
    enum import_word import = IMPORT_NOT_INITIALIZED;
    struct hosted_home *homes[HOSTED_HOMES_MAX];
    struct exporting *exports[BACKUP_EXPORTS_MAX];
    size_t home_count = front_end_homes(fe, homes);
    size_t export_count = backup_service_exports(front_end_backup_service(fe), exports);
    for (size_t i = 0; i < home_count; i++) {
        const struct home *core = hosted_home_core(homes[i]);
        if (module_belongs(module, home_name(core)) &&
            strcmp(hold_holder(home_current(core)), s->silent->fqdn) == 0)
            export = sends(s, core, module);
    }
    for (size_t i = 0; i < export_count; i++) {
        struct export_status status;
        export_status(exporting_core(exports[i]), &status);
        if (status.open && exporting_module(exports[i]) == module &&
            !exporting_has_nothing(exports[i]) &&
            strcmp(exporting_target(exports[i]), s->silent->fqdn) == 0)
            import = keeps(s, exports[i]);
    }
    backup_answer_add(&s->answer, module, export, import);
}

static void explain(struct stand_in *s)
{
    const struct front_end *fe = call_front_end(s->call);
    const struct error *trouble;
    if (front_end_is_silent(fe, s->silent->fqdn, &trouble))
        snprintf(s->why, sizeof s->why,
                 "%s does not answer, so what it has besides the copies at %s is not known. %.500s",
                 s->silent->fqdn, front_end_pool(fe), trouble->what);
    else if (caller_came_by(call_caller(s->call), front_end_config(fe)->self->fqdn))
        snprintf(s->why, sizeof s->why,
                 "%s did not answer just now, and did a moment ago. Ask again: what it has besides "
                 "the copies at %s is not known until it answers.",
                 s->silent->fqdn, front_end_pool(fe));
    else
        snprintf(s->why, sizeof s->why,
                 "%s does not answer the machine that was asked. %s hears it; ask there.",
                 s->silent->fqdn, front_end_pool(fe));
    call_caution(s->call, "%s does not answer; %s, its partner, answers for it.", s->silent->fqdn,
                 front_end_pool(fe));
}

void backup_stand_in(struct call *call, const struct pool *silent)
{
    OWNED(view_close) struct view *view = NULL;
    struct stand_in s = {.call = call, .silent = silent, .answer = backup_answer_begin()};
    struct error e;
    if (store_view(front_end_store(call_front_end(call)), &view, &e))
        call_error(call, &e);
    s.view = view;
    explain(&s);
    for (int m = 0; m < MODULES; m++) {
        if (backup_module_wanted(call, (enum module)m))
            add_module(&s, (enum module)m);
    }
    json_t *more = json_pack("{s:s, s:s}", "AnsweredBy", front_end_pool(call_front_end(call)),
                             "LastError", s.why);
    show_consistent(more, s.any && !s.never ? s.oldest_ms : 0);
    backup_answer_show(call, &s.answer, silent->fqdn, NULL, more);
    call_end(call);
}
