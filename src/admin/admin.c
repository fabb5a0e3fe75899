#include "admin/admin.h"

#include <grp.h>
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
};

static command_run *const runs[COMMANDS] = {
#define COMMAND(id, name, effect, synopsis) admin_##id,
#define PARAMETER(name, type, need, help)
#include "cmdlet/commands.def"
#undef COMMAND
#undef PARAMETER
};

/* --- who may --- */

/* Whoever gets through the socket's mode: root, the account that the daemon runs as, and, if the
 * configuration names a group, its members. The kernel has looked that up already. */
static bool may(const struct admin *admin, const struct http_peer *peer)
{
    return peer->local &&
           (peer->uid == 0 || peer->uid == geteuid() || front_end_config(admin->fe)->admin_group);
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
    const struct http_peer *peer = http_request_peer(request);
    if (!may(admin, peer)) {
        fail(&e, FAIL_DENIED, "User %u may not give commands to this polluxd.", peer->uid);
        error_kept(&e, "Nothing was done.");
        error_next(&e, "Ask root, or whoever runs it.");
    } else if (!read_call(request, &which, &parameters, &e)) {
        const struct command *command = command_at((size_t)which);
        log_event(command->effect == CHANGES ? LOG_EVENT_NOTICE : LOG_EVENT_DEBUG, "command",
                  "User %u gives the command %s.", peer->uid, command->name);
        runs[which](call_new(admin->fe, request, parameters));
        return;
    }
    http_answer_error(request, &e);
}

static enum failure group_of(const struct config *config, gid_t *gid, struct error *e)
{
    enum { GROUP_BYTES_MAX = 1 << 20 }; /* of a group with all its members */
    OWNED(free_memory) char *buffer = xmalloc(GROUP_BYTES_MAX);
    struct group group, *found = NULL;
    *gid = (gid_t)-1;
    if (!config->admin_group)
        return OK;
    if (getgrnam_r(config->admin_group, &group, buffer, GROUP_BYTES_MAX, &found) != 0 || !found) {
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
    *admin = (struct admin){.fe = fe, .gate = on_loop_open(loop, on_request, admin)};
    struct http_server_options options = {.socket_path = config->admin_socket,
                                          .socket_mode = config->admin_group ? 0660 : 0600,
                                          .body_max = ADMIN_BODY_MAX,
                                          .handler = on_loop_handler,
                                          .context = admin->gate};
    if (!group_of(config, &options.socket_group, e))
        admin->server = http_server_start(&options, e);
    if (admin->server)
        return admin;
    on_loop_close(admin->gate);
    free(admin);
    return NULL;
}

void admin_stop(struct admin *admin)
{
    if (!admin)
        return;
    http_server_stop(admin->server);
    on_loop_close(admin->gate);
    free(admin);
}
