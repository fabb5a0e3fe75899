#include "admin/admin.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/call.h"
#include "base/log.h"
#include "cmdlet/commands.h"
#include "http/on_loop.h"

static const char prefix[] = "/admin/v1/commands/";

struct admin {
    struct front_end *fe;
    struct on_loop *gate;
    struct http_server *server;
    char *group; /* whose members may, or NULL; never changes, so any thread may read it */
};

enum {
    GROUPS_MAX = 1024,       /* of one user */
    NSS_BYTES_MAX = 1 << 20, /* a group with all its members */
};

static command_run *const runs[COMMANDS] = {
#define COMMAND(id, name, effect, synopsis) admin_##id,
#define PARAMETER(name, type, need, help)
#include "cmdlet/commands.def"
#undef COMMAND
#undef PARAMETER
};

/* --- who may --- */

/* Looking a group up may take a while where it comes over the network. */
static bool in_group(uid_t uid, gid_t gid, const char *name)
{
    OWNED(free_memory) char *bytes = xmalloc(NSS_BYTES_MAX);
    struct group group, *found;
    struct passwd user, *known;
    if (getgrnam_r(name, &group, bytes, NSS_BYTES_MAX, &found) != 0 || !found)
        return false;
    gid_t wanted = group.gr_gid;
    if (gid == wanted)
        return true;
    gid_t groups[GROUPS_MAX];
    int count = GROUPS_MAX;
    if (getpwuid_r(uid, &user, bytes, NSS_BYTES_MAX, &known) != 0 || !known ||
        getgrouplist(user.pw_name, user.pw_gid, groups, &count) < 0)
        return false;
    for (int i = 0; i < count; i++) {
        if (groups[i] == wanted)
            return true;
    }
    return false;
}

/* root, the account that the daemon runs as, and the group that the configuration names. */
static bool may(const struct admin *admin, const struct http_peer *peer)
{
    return peer->local && (peer->uid == 0 || peer->uid == geteuid() ||
                           (admin->group && in_group(peer->uid, peer->gid, admin->group)));
}

/* On the socket's own thread: a slow look-up holds other administrators up, and nobody else. */
static void on_knock(struct http_request *request, void *context)
{
    const struct admin *admin = context;
    const struct http_peer *peer = http_request_peer(request);
    if (may(admin, peer)) {
        on_loop_handler(request, admin->gate);
        return;
    }
    struct error e;
    fail(&e, FAIL_DENIED, "User %u may not give commands to this polluxd.", peer->uid);
    error_kept(&e, "Nothing was done.");
    error_next(&e, "Ask a member of %s, or root.",
               admin->group ? admin->group : "the group that runs it");
    http_answer_error(request, &e);
}

/* --- what is asked --- */

static enum failure check_value(const struct parameter *p, json_t *parameters, struct error *e)
{
    json_t *value = json_object_get(parameters, p->name);
    if (!value)
        return p->need == REQUIRED ? fail(e, FAIL_INVALID, "The parameter -%s is missing.", p->name)
                                   : OK;
    if (p->type == SWITCH)
        return json_is_boolean(value)
                   ? OK
                   : fail(e, FAIL_INVALID, "-%s is either there or not; it takes no other value.",
                          p->name);
    const char *text = json_string_value(value);
    if (!text || json_string_length(value) != strlen(text))
        return fail(e, FAIL_INVALID, "-%s takes a text.", p->name);
    char lower[FQDN_SIZE];
    if (p->type != FQDN)
        return OK;
    if (!fqdn_valid(text, lower))
        return fail(e, FAIL_INVALID, "-%s takes a fully qualified domain name; \"%.100s\" is none.",
                    p->name, text);
    json_object_set_new(parameters, p->name, json_string(lower));
    return OK;
}

static enum failure check_parameters(const struct command *command, json_t *parameters,
                                     struct error *e)
{
    const char *name;
    json_t *value;
    json_object_foreach(parameters, name, value)
    {
        bool known = false;
        for (size_t i = 0; i < command->parameter_count; i++)
            known = known || strcmp(command->parameters[i].name, name) == 0;
        if (!known)
            return fail(e, FAIL_INVALID, "%s has no parameter \"%.100s\".", command->name, name);
    }
    enum failure bad = OK;
    for (size_t i = 0; !bad && i < command->parameter_count; i++)
        bad = check_value(&command->parameters[i], parameters, e);
    return bad;
}

static enum failure read_call(const struct http_request *request, int *which, json_t **parameters,
                              struct error *e)
{
    const char *path = http_request_path(request);
    *which = strncmp(path, prefix, strlen(prefix)) == 0 ? command_find(path + strlen(prefix)) : -1;
    if (*which < 0)
        return fail(e, FAIL_NOT_FOUND, "There is no %.200s here.", path);
    if (strcmp(http_request_method(request), "POST") != 0)
        return fail(e, FAIL_INVALID, "Commands take POST only.");
    struct bytes body = http_request_body(request);
    json_error_t why;
    *parameters = body.size
                      ? json_loadb((const char *)body.at, body.size, JSON_REJECT_DUPLICATES, &why)
                      : json_object();
    if (!json_is_object(*parameters)) {
        json_decref(*parameters);
        return fail(e, FAIL_INVALID, "The parameters are not a JSON object.");
    }
    enum failure bad = check_parameters(command_at((size_t)*which), *parameters, e);
    if (bad)
        json_decref(*parameters);
    return bad;
}

/* --- requests --- */

static void on_request(struct http_request *request, void *context)
{
    struct admin *admin = context;
    struct error e = {0};
    int which;
    json_t *parameters = NULL;
    if (read_call(request, &which, &parameters, &e)) {
        http_answer_error(request, &e);
        return;
    }
    const struct command *command = command_at((size_t)which);
    log_event(command->effect == CHANGES ? LOG_EVENT_NOTICE : LOG_EVENT_DEBUG, "command",
              "User %u gives the command %s.", http_request_peer(request)->uid, command->name);
    runs[which](call_new(admin->fe, request, parameters));
}

static enum failure group_of(const struct config *config, gid_t *gid, struct error *e)
{
    OWNED(free_memory) char *buffer = xmalloc(NSS_BYTES_MAX);
    struct group group, *found = NULL;
    *gid = (gid_t)-1;
    if (!config->admin_group)
        return OK;
    if (getgrnam_r(config->admin_group, &group, buffer, NSS_BYTES_MAX, &found) != 0 || !found) {
        fail(e, FAIL_INVALID, "There is no group %s on this machine.", config->admin_group);
        return error_next(e, "Create it, or name another one as admin_group in %s.", config->file);
    }
    *gid = group.gr_gid;
    return OK;
}

struct admin *admin_start(struct front_end *fe, struct loop *loop, struct error *e)
{
    const struct config *config = front_end_config(fe);
    struct admin *admin = xcalloc(1, sizeof *admin);
    *admin = (struct admin){.fe = fe,
                            .gate = on_loop_open(loop, on_request, admin),
                            .group = config->admin_group ? xstrdup(config->admin_group) : NULL};
    struct http_server_options options = {.socket_path = config->admin_socket,
                                          .socket_mode = config->admin_group ? 0660 : 0600,
                                          .body_max = ADMIN_BODY_MAX,
                                          .handler = on_knock,
                                          .context = admin};
    if (!group_of(config, &options.socket_group, e))
        admin->server = http_server_start(&options, e);
    if (admin->server)
        return admin;
    on_loop_close(admin->gate);
    free(admin->group);
    free(admin);
    return NULL;
}

void admin_stop(struct admin *admin)
{
    if (!admin)
        return;
    http_server_stop(admin->server);
    on_loop_close(admin->gate);
    free(admin->group);
    free(admin);
}
