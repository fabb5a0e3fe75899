#include "admin/backup_wait.h"

#include <string.h>

#include "base/clock.h"

static bool in_category(enum module module, const char *category)
{
    bool central = module == MODULE_CMS_MASTER;
    return !category || (strcmp(category, "CMS") == 0 && central) ||
           (strcmp(category, "UserData") == 0 && !central);
}

bool backup_module_wanted(const struct call *call, enum module module)
{
    const char *name = call_text(call, "BackupModule");
    enum module only = module;
    if (name && strcmp(name, "All") != 0)
        module_from_text(name, &only);
    return only == module && in_category(module, call_text(call, "Category"));
}

struct backup_wait *backup_wait_begin(struct call *call, enum backup_wish wish)
{
    static void (*const tell[])(struct exporting * x) = {
        [WISH_LOOK] = exporting_looked,
        [WISH_COPY] = exporting_wanted,
        [WISH_COMPARE] = exporting_wanted_compared,
    };
    struct backup_wait *wait = xcalloc(1, sizeof *wait);
    struct exporting *all[BACKUP_EXPORTS_MAX];
    size_t count = backup_service_exports(front_end_backup_service(call_front_end(call)), all);
    wait->began_ms = clock_ms();
    for (size_t i = 0; i < count; i++) {
        struct export_status status;
        export_status(exporting_core(all[i]), &status);
        if (!status.open || exporting_is_to_replica(all[i]) ||
            !backup_module_wanted(call, exporting_module(all[i])))
            continue;
        wait->goals[wait->count] = status.head;
        wait->list[wait->count++] = all[i];
        tell[wish](all[i]);
    }
    return wait;
}

static bool is_over(const struct backup_wait *wait, size_t i, bool until_copied)
{
    struct export_status s;
    export_status(exporting_core(wait->list[i]), &s);
    if (!s.open || s.failed_ms >= wait->began_ms)
        return true;
    if (s.comparing && until_copied)
        return false;
    return s.confirmed_ms >= wait->began_ms && (!until_copied || s.copied.usn >= wait->goals[i]);
}

bool backup_wait_is_over(const struct backup_wait *wait, bool until_copied)
{
    for (size_t i = 0; i < wait->count; i++) {
        if (!is_over(wait, i, until_copied))
            return false;
    }
    return true;
}

void backup_wait_progress(const struct backup_wait *wait, uint64_t *done, uint64_t *total)
{
    *done = *total = 0;
    for (size_t i = 0; i < wait->count; i++) {
        struct export_status s;
        export_status(exporting_core(wait->list[i]), &s);
        *total += wait->goals[i];
        *done += s.copied.usn < wait->goals[i] ? s.copied.usn : wait->goals[i];
    }
}
