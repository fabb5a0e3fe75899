#include "admin/caller.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "admin/permission.h"
#include "base/bytes.h"
#include "base/memory.h"

enum { NSS_BYTES_MAX = 1 << 20 }; /* a group with all its members */

static const char by_way_of[] = " by way of ";

static struct caller *caller_new(void)
{
    struct caller *caller = xcalloc(1, sizeof *caller);
    caller->groups = xcalloc(CALLER_GROUPS_MAX, sizeof *caller->groups);
    return caller;
}

void caller_free(struct caller *caller)
{
    if (!caller)
        return;
    for (size_t i = 0; i < caller->group_count; i++)
        free(caller->groups[i]);
    free(caller->groups);
    free(caller);
}

/* Names go into logs and JSON: what is no plain character there is none here. */
static void set_text(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text);
    for (; *out; out++) {
        if ((unsigned char)*out < ' ' || (unsigned char)*out >= 0x7f)
            *out = '?';
    }
}

/* Of a name that is too long nothing is kept to compare: cut, it might be another's. */
static void set_name(struct caller *caller, const char *name)
{
    set_text(caller->name, sizeof caller->name, name);
    if (strlen(name) < sizeof caller->account)
        strcpy(caller->account, name);
}

static void add_group(struct caller *caller, const char *name)
{
    if (caller->group_count < CALLER_GROUPS_MAX && !caller_in(caller, name))
        caller->groups[caller->group_count++] = xstrdup(name);
}

static void add_group_id(struct caller *caller, gid_t gid, char *bytes)
{
    struct group group, *found;
    if (getgrgid_r(gid, &group, bytes, NSS_BYTES_MAX, &found) == 0 && found)
        add_group(caller, group.gr_name);
}

static void add_groups_of(struct caller *caller, const struct passwd *user, char *bytes)
{
    OWNED(free_memory) gid_t *ids = xcalloc(CALLER_GROUPS_MAX, sizeof *ids);
    int count = CALLER_GROUPS_MAX;
    if (getgrouplist(user->pw_name, user->pw_gid, ids, &count) < 0)
        count = CALLER_GROUPS_MAX;
    for (int i = 0; i < count; i++)
        add_group_id(caller, ids[i], bytes);
}

struct caller *caller_of_user(uid_t uid, gid_t gid, const char *machine)
{
    OWNED(free_memory) char *bytes = xmalloc(NSS_BYTES_MAX);
    OWNED(free_memory) char *more = xmalloc(NSS_BYTES_MAX);
    struct caller *caller = caller_new();
    struct passwd user, *known;
    set_text(caller->from, sizeof caller->from, machine);
    OWNED(free_memory) char *number = xasprintf("uid %u", uid);
    set_name(caller, number);
    if (getpwuid_r(uid, &user, bytes, NSS_BYTES_MAX, &known) == 0 && known) {
        set_name(caller, user.pw_name);
        add_groups_of(caller, &user, more);
    }
    add_group_id(caller, gid, more);
    if (uid == 0 || uid == geteuid())
        add_group(caller, ROLE_SUPREME);
    return caller;
}

struct caller *caller_of_certificate(const char *name, const char *address, const char *machine)
{
    OWNED(free_memory) char *bytes = xmalloc(NSS_BYTES_MAX);
    OWNED(free_memory) char *more = xmalloc(NSS_BYTES_MAX);
    struct caller *caller = caller_new();
    struct passwd user, *known;
    set_name(caller, name);
    snprintf(caller->from, sizeof caller->from, "%s%s%s", address, by_way_of, machine);
    if (getpwnam_r(name, &user, bytes, NSS_BYTES_MAX, &known) != 0 || !known)
        return caller;
    add_groups_of(caller, &user, more);
    if (user.pw_uid == 0 || user.pw_uid == geteuid())
        add_group(caller, ROLE_SUPREME);
    return caller;
}

bool caller_group_is_known(const char *name)
{
    OWNED(free_memory) char *bytes = xmalloc(NSS_BYTES_MAX);
    struct group group, *found;
    return getgrnam_r(name, &group, bytes, NSS_BYTES_MAX, &found) != 0 || found;
}

bool caller_account_is_known(const char *name)
{
    OWNED(free_memory) char *bytes = xmalloc(NSS_BYTES_MAX);
    struct passwd user, *found;
    return getpwnam_r(name, &user, bytes, NSS_BYTES_MAX, &found) != 0 || found;
}

/* Directories that Windows shares write the same group in any case. */
bool caller_in(const struct caller *caller, const char *group)
{
    for (size_t i = 0; i < caller->group_count; i++) {
        if (strcasecmp(caller->groups[i], group) == 0)
            return true;
    }
    return false;
}

bool caller_came_by(const struct caller *caller, const char *machine)
{
    const char *by = strstr(caller->from, by_way_of);
    return strcmp(by ? by + strlen(by_way_of) : caller->from, machine) == 0;
}

json_t *caller_to_json(const struct caller *caller)
{
    json_t *groups = json_array();
    for (size_t i = 0; i < caller->group_count; i++)
        json_array_append_new(groups, json_string(caller->groups[i]));
    json_t *json =
        json_pack("{s:s, s:s, s:o}", "name", caller->name, "from", caller->from, "groups", groups);
    json_object_set_new(json, "account", json_string(caller->account)); /* if it is UTF-8 */
    return json;
}

struct caller *caller_from_json(const json_t *json)
{
    const char *name = json_string_value(json_object_get(json, "name"));
    const char *from = json_string_value(json_object_get(json, "from"));
    const char *account = json_string_value(json_object_get(json, "account")); /* or NULL */
    const json_t *groups = json_object_get(json, "groups");
    size_t count = json_array_size(groups);
    if (!name || !from || strlen(name) >= CALLER_NAME_SIZE || strlen(from) >= CALLER_FROM_SIZE ||
        !json_is_array(groups) || count > CALLER_GROUPS_MAX)
        return NULL;
    struct caller *caller = caller_new();
    set_name(caller, name);
    if (account && strlen(account) < CALLER_NAME_SIZE)
        strcpy(caller->account, account);
    set_text(caller->from, sizeof caller->from, from);
    for (size_t i = 0; i < count; i++) {
        const char *group = json_string_value(json_array_get(groups, i));
        if (group)
            add_group(caller, group);
    }
    return caller;
}
