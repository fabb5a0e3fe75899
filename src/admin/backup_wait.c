#include "admin/backup_wait.h"

#include <string.h>

static bool in_category(enum module module, const char *category)
{
    bool central = module == MODULE_CMS_MASTER;
    return !category || strcmp(category, "All") == 0 || (strcmp(category, "CMS") == 0 && central) ||
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

const char *backup_until_name(enum backup_until until)
{
    return export_word_name(until == BACKUP_FINAL ? WORD_FINAL : WORD_STEADY);
}

struct backup_wait *backup_wait_new(struct call *call)
{
    struct backup_wait *wait = xcalloc(1, sizeof *wait);
    struct exporting *all[BACKUP_EXPORTS_MAX];
    size_t count = backup_service_exports(front_end_backup_service(call_front_end(call)), all);
    for (size_t i = 0; i < count; i++) {
        struct export_status status;
        export_status(exporting_core(all[i]), &status);
        if (!status.open || exporting_is_to_replica(all[i]) || exporting_has_nothing(all[i]) ||
            !backup_module_wanted(call, exporting_module(all[i])))
            continue;
        wait->goals[wait->count] = status.head;
        wait->list[wait->count++] = all[i];
    }
    return wait;
}

void backup_wait_begin(struct backup_wait *wait, enum backup_wish wish)
{
    static void (*const tell[])(struct exporting * x) = {
        [WISH_LOOK] = exporting_looked,
        [WISH_COPY] = exporting_wanted,
        [WISH_COMPARE] = exporting_wanted_compared,
    };
    for (size_t i = 0; i < wait->count; i++) {
        struct export_status s;
        export_status(exporting_core(wait->list[i]), &s);
        wait->before[i] = s.heard;
        tell[wish](wait->list[i]);
    }
}

void backup_wait_move(struct backup_wait *wait, size_t from, size_t to)
{
    wait->list[to] = wait->list[from];
    wait->goals[to] = wait->goals[from];
    wait->before[to] = wait->before[from];
}

bool backup_wait_reached(const struct backup_wait *wait, size_t i, enum backup_until until)
{
    struct export_status s;
    const struct exporter *core = exporting_core(wait->list[i]);
    enum export_word word = exporting_word(wait->list[i]);
    export_status(core, &s);
    bool asked = export_confirmed_since(&s, wait->before[i]);
    bool copied = asked && !s.failing && !s.comparing && s.copied.usn >= wait->goals[i];
    switch (until) {
    case BACKUP_ASKED: return asked;
    case BACKUP_COPIED: return copied;
    case BACKUP_STEADY: return copied && (word == WORD_STEADY || word == WORD_FINAL);
    case BACKUP_FINAL: return copied && word == WORD_FINAL;
    }
    return false;
}

bool backup_wait_is_over(const struct backup_wait *wait, size_t i, enum backup_until until)
{
    struct export_status s;
    export_status(exporting_core(wait->list[i]), &s);
    return !s.open || export_failed_since(&s, wait->before[i]) ||
           backup_wait_reached(wait, i, until);
}

bool backup_wait_all_over(const struct backup_wait *wait, enum backup_until until)
{
    for (size_t i = 0; i < wait->count; i++) {
        if (!backup_wait_is_over(wait, i, until))
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
