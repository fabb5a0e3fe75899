#include "pool/taking.h"

#include <stdio.h>
#include <string.h>

bool taking_may(const struct front_end *fe, const char *from, const char *name, struct term term,
                char taken_for[HOME_NAME_SIZE], struct copy_answer *late)
{
    const struct hosted_home *home = front_end_home(fe, name);
    const struct home *core = home ? hosted_home_core(home) : NULL;
    bool partners = core && strcmp(home_partner(core), from) == 0;
    if (partners && !home_takes(core, term)) {
        *late = (struct copy_answer){.verdict = COPY_LATE, .term = home_hold(core)->term};
        return false;
    }
    snprintf(taken_for, HOME_NAME_SIZE, "%s", partners ? name : "");
    return true;
}

void taking_note(const struct front_end *fe, const char *taken_for, bool applying)
{
    struct hosted_home *home = front_end_home(fe, taken_for);
    if (home)
        hosted_home_applies(home, applying);
}
