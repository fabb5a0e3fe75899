#include "admin/permission.h"

#include <string.h>
#include <strings.h>

/* clang-format off */
static const struct {
    const char *group;
    bool may[COMMAND_RIGHTS];
} roles[] = {
    /*                    read         administer          backup         supreme             */
    {ROLE_SUPREME,    {[RIGHT_READ] = true, [RIGHT_ADMINISTER] = true, [RIGHT_BACKUP] = true, [RIGHT_SUPREME] = true}},
    {ROLE_ADMINISTER, {[RIGHT_READ] = true, [RIGHT_ADMINISTER] = true}},
    {ROLE_READ,       {[RIGHT_READ] = true}},
};

static const char *const who[COMMAND_RIGHTS] = {
    [RIGHT_READ]       = ROLE_READ ", " ROLE_ADMINISTER " or " ROLE_SUPREME,
    [RIGHT_ADMINISTER] = ROLE_ADMINISTER " or " ROLE_SUPREME,
    [RIGHT_BACKUP]     = ROLE_SUPREME ", or what Set-CsBackupServiceConfiguration grants it to",
    [RIGHT_SUPREME]    = ROLE_SUPREME,
};
/* clang-format on */

/* What some parameters do needs more than the command by itself. */
static enum command_right needed(const struct command *command, const json_t *parameters)
{
    for (size_t i = 0; i < command->parameter_count; i++) {
        const struct parameter *p = &command->parameters[i];
        if ((p->traits & AUTHORISES) && json_object_get(parameters, p->name))
            return RIGHT_SUPREME;
    }
    return command->right;
}

static bool role_gives(const struct caller *caller, enum command_right right)
{
    for (size_t i = 0; i < COUNT_OF(roles); i++) {
        if (roles[i].may[right] && caller_in(caller, roles[i].group))
            return true;
    }
    return false;
}

static bool names_one(const json_t *list, const struct caller *caller, bool users)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *name = json_string_value(json_array_get(list, i));
        if (name &&
            (caller_in(caller, name) || (users && *name && strcmp(name, caller->account) == 0)))
            return true;
    }
    return false;
}

enum failure permission_check(const struct command *command, const json_t *parameters,
                              const struct caller *caller, const struct grants *grants,
                              struct error *e)
{
    enum command_right right = needed(command, parameters);
    if (role_gives(caller, right))
        return OK;
    if (right == RIGHT_BACKUP &&
        (names_one(grants->groups, caller, false) || names_one(grants->accounts, caller, true)))
        return OK;
    fail(e, FAIL_DENIED, "%.64s may not run %s%s.", caller->name, command->name,
         right == command->right ? "" : " with these parameters");
    error_kept(e, "Nothing was done.");
    return error_next(e, "It takes a member of %s. These are groups of the machine that is asked.",
                      who[right]);
}
