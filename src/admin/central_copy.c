#include "admin/central_copy.h"

#include <string.h>

#include "base/clock.h"
#include "pool/backup_service.h"
#include "pool/central_connection.h"
#include "pool/copy_mark.h"

enum failure central_copy_check(const struct front_end *fe, struct view *view, struct error *e)
{
    struct home_state state;
    enum failure bad = view_home(view, HOME_CENTRAL, &state, e);
    if (bad && bad != FAIL_NOT_FOUND)
        return bad;
    if (!bad && state.head > 0)
        return OK;
    return fail(e, FAIL_NOT_FOUND, "%s has no copy of the Central Management Store yet.",
                front_end_config(fe)->self->fqdn);
}

char *central_copy_takeover(const struct pool *taker)
{
    const char *instance = strchr(taker->database, '\\');
    return xasprintf("Invoke-CsManagementServerFailover -BackupSqlServerFqdn \"%.*s\" "
                     "-BackupSqlInstanceName \"%s\" -Force",
                     (int)(instance - taker->database), taker->database, instance + 1);
}

static const char *holder_name(const struct front_end *fe)
{
    const struct pool *holder = front_end_holder(fe, HOME_CENTRAL);
    return holder ? holder->fqdn : front_end_config(fe)->topology->central->fqdn;
}

bool central_copy_is_wanted(struct front_end *fe)
{
    struct central_connection set;
    return central_connection_read(fe, &set) && set.caching;
}

static void say_how_old(struct call *call)
{
    const struct front_end *fe = call_front_end(call);
    const struct copy_marks *marks = backup_service_marks(front_end_backup_service(fe));
    uint64_t complete_ms = copy_marks_of(marks, HOME_CENTRAL, MODULE_CMS_MASTER);
    char when[CLOCK_TEXT_MAX];
    if (complete_ms)
        call_warning(call,
                     "%s, which holds the Central Management Store, does not answer. This is what "
                     "the copy at %s has, which had everything at %s.",
                     holder_name(fe), front_end_config(fe)->self->fqdn,
                     clock_wall_text(complete_ms, when));
    else
        call_warning(call,
                     "%s, which holds the Central Management Store, does not answer. This is what "
                     "the copy at %s has.",
                     holder_name(fe), front_end_config(fe)->self->fqdn);
}

bool central_copy_answers(struct call *call)
{
    struct front_end *fe = call_front_end(call);
    OWNED(view_close) struct view *view = NULL;
    struct error e;
    enum failure bad = store_view(front_end_store(fe), &view, &e);
    if (!bad)
        bad = central_copy_check(fe, view, &e);
    bool wanted = central_copy_is_wanted(fe) && front_end_reaches(fe, holder_name(fe));
    if (!bad && wanted)
        call_verbose(call, "%s answers from its copy, as Set-CsManagementConnection has it.",
                     front_end_config(fe)->self->fqdn);
    else if (!bad)
        say_how_old(call);
    if (!bad)
        return true;
    if (!wanted)
        error_within(
            &e, "%s, which holds the Central Management Store, does not answer: ", holder_name(fe));
    error_next(&e, "Get-CsComputer shows who answers; another machine may have a copy.");
    call_fail(call, &e);
    return false;
}
