/* Get-CsBackupServiceStatus: how far this pool's data is copied, module by module. */
#include <string.h>

#include "admin/call.h"
#include "admin/show.h"
#include "base/clock.h"
#include "core/item.h"

enum export_state { EXPORT_NOT_INITIALIZED, EXPORT_STATES };
enum import_state { IMPORT_NOT_INITIALIZED, IMPORT_NORMAL, IMPORT_STATES };

static const char *const export_words[EXPORT_STATES] = {"NotInitialized"};
static const char *const import_words[IMPORT_STATES] = {"NotInitialized", "NormalState"};

static bool in_category(enum module module, const char *category)
{
    bool central = module == MODULE_CMS_MASTER;
    return !category || (strcmp(category, "CMS") == 0 && central) ||
           (strcmp(category, "UserData") == 0 && !central);
}

static bool is_wanted(const struct call *call, enum module module)
{
    const char *name = call_text(call, "BackupModule");
    enum module only = module;
    if (name && strcmp(name, "All") != 0)
        module_from_text(name, &only);
    return only == module && in_category(module, call_text(call, "Category"));
}

/* The copy that this pool keeps of its partner's module: its cookie says whether anything was ever
 * imported. */
static enum failure import_state(const struct front_end *fe, struct view *view, enum module module,
                                 enum import_state *state, struct error *e)
{
    const struct pool *partner = front_end_config(fe)->self->pool->backup;
    const char *home = module == MODULE_CMS_MASTER ? HOME_CENTRAL : partner ? partner->fqdn : NULL;
    struct home_state found;
    *state = IMPORT_NOT_INITIALIZED;
    if (!home)
        return OK;
    enum failure bad = view_home(view, home, &found, e);
    if (!bad && found.modules[module].cookie.usn > 0)
        *state = IMPORT_NORMAL;
    return bad == FAIL_NOT_FOUND ? OK : bad;
}

static enum failure list_modules(struct call *call, json_t *modules, enum import_state *least,
                                 struct error *e)
{
    struct front_end *fe = call_front_end(call);
    OWNED(view_close) struct view *view = NULL;
    enum failure bad = store_view(front_end_store(fe), &view, e);
    *least = IMPORT_NORMAL;
    for (int m = 0; !bad && m < MODULES; m++) {
        enum import_state state;
        if (!is_wanted(call, (enum module)m))
            continue;
        bad = import_state(fe, view, (enum module)m, &state, e);
        if (!bad && state < *least)
            *least = state;
        json_array_append_new(modules,
                              json_pack("{s:s, s:s, s:s}", "Identity", module_name((enum module)m),
                                        "ExportStatus", export_words[EXPORT_NOT_INITIALIZED],
                                        "ImportStatus", import_words[bad ? 0 : state]));
    }
    return bad;
}

void admin_get_backup_service_status(struct call *call)
{
    const struct config *config = front_end_config(call_front_end(call));
    const char *category = call_text(call, "Category"), *one = call_text(call, "BackupModule");
    json_t *modules = json_array();
    enum import_state least;
    struct error e;
    if (!config->self->pool->backup)
        call_caution(call, "%s has no backup pool, so nothing of it is copied.",
                     config->self->pool->fqdn);
    if (category && strcmp(category, "RGS") == 0)
        call_caution(call, "There are no response groups here: RGS holds no data.");
    if (list_modules(call, modules, &least, &e)) {
        json_decref(modules);
        call_fail(call, &e);
        return;
    }
    bool none = json_array_size(modules) == 0;
    if (none && one && category && strcmp(category, "RGS") != 0)
        call_caution(call, "%s is no module of %s: there is none to show.", one, category);
    call_object(call, json_pack("{s:s, s:s, s:s, s:s, s:o}", "PoolFqdn", config->self->pool->fqdn,
                                "OverallExportStatus", export_words[EXPORT_NOT_INITIALIZED],
                                "OverallImportStatus",
                                import_words[none ? IMPORT_NOT_INITIALIZED : least],
                                "ActiveMachineFqdn", config->self->fqdn, "BackupModules", modules));
    call_end(call);
}
