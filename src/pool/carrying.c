#include "pool/carrying.h"

#include <string.h>

#include "pool/backup_service.h"

static size_t others_of(const struct exporting *x, struct exporting *others[BACKUP_EXPORTS_MAX])
{
    struct exporting *all[BACKUP_EXPORTS_MAX];
    struct backup_service *service = front_end_backup_service(exporting_front_end(x));
    size_t found = 0, count = backup_service_exports(service, all);
    for (size_t i = 0; i < count; i++) {
        bool same = strcmp(exporting_home(all[i]), exporting_home(x)) == 0 &&
                    strcmp(exporting_target(all[i]), exporting_target(x)) == 0;
        if (same && all[i] != x)
            others[found++] = all[i];
    }
    return found;
}

bool carrying_may(const struct exporting *x)
{
    struct exporting *others[BACKUP_EXPORTS_MAX];
    size_t count = others_of(x, others);
    bool may = count > 0;
    for (size_t i = 0; i < count; i++)
        may = may && exporter_may_be_carried(exporting_core(others[i]));
    return may;
}

void carrying_read(const struct exporting *x, uint64_t head)
{
    struct exporting *others[BACKUP_EXPORTS_MAX];
    size_t count = others_of(x, others);
    for (size_t i = 0; i < count; i++)
        exporting_changed(others[i], head);
}

void carrying_tell(const struct exporting *x, struct version at)
{
    struct exporting *others[BACKUP_EXPORTS_MAX];
    size_t count = others_of(x, others);
    for (size_t i = 0; i < count; i++)
        exporting_carried(others[i], at);
}

static bool all_rest(struct exporting *const *list, size_t count, const struct exporting *but)
{
    bool rest = true;
    for (size_t i = 0; i < count; i++)
        rest = rest && (list[i] == but || exporter_rests(exporting_core(list[i])));
    return rest;
}

void carrying_answered(struct exporting *x)
{
    struct exporting *all[BACKUP_EXPORTS_MAX + 1];
    size_t count = others_of(x, all);
    all[count++] = x;
    for (size_t i = 0; i < count; i++) {
        if (all_rest(all, count, all[i]))
            exporting_alone(all[i]);
    }
}
