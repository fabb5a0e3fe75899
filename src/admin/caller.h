/* Who gives a command: a name for the audit log, where the command came from, and the groups that
 * the machine which was called found the caller in. It travels with a command that is passed on. */
#ifndef POLLUX_ADMIN_CALLER_H
#define POLLUX_ADMIN_CALLER_H

#include <stdbool.h>
#include <sys/types.h>

#include <jansson.h>

#include "base/error.h"
#include "http/server.h"

enum {
    CALLER_NAME_SIZE = 256,  /* "alice", "uid 1001" */
    CALLER_FROM_SIZE = 400,  /* "atl-cs-001.litwareinc.com" */
    CALLER_GROUPS_MAX = 1024 /* of one user; further ones are not looked at */
};

struct caller {
    char name[CALLER_NAME_SIZE];    /* to be shown */
    char account[CALLER_NAME_SIZE]; /* to be compared: the name as the system writes it */
    char from[CALLER_FROM_SIZE];
    char **groups;
    size_t group_count;
};

/* Asks the system's name service, which may take a while where it comes over the network: never on
 * the loop. `machine` is the one that was called. Root, and the account that polluxd runs as, count
 * as members of ROLE_SUPREME. */
struct caller *caller_of_user(uid_t uid, gid_t gid, const char *machine);
/* The bearer of an administrator's certificate, by the account of that name on this machine. */
struct caller *caller_of_certificate(const char *name, const char *address, const char *machine);
void caller_free(struct caller *caller);
DEFINE_OWNED(struct caller *, caller_free)

/* Does this machine's name service know a group of this name, or an account? If it can't say, the
 * answer is that it does. Both may take a while as well. */
bool caller_group_is_known(const char *group);
bool caller_account_is_known(const char *account);

bool caller_in(const struct caller *caller, const char *group);
/* Was it this machine that was called? */
bool caller_came_by(const struct caller *caller, const char *machine);

json_t *caller_to_json(const struct caller *caller);
/* NULL: it makes no sense. */
struct caller *caller_from_json(const json_t *json);

#endif
