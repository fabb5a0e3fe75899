#include "cmdlet/server.h"

#include <stdlib.h>
#include <string.h>

#include "base/defaults.h"
#include "base/memory.h"

static const char https[] = "https://";

/* An empty variable is one that is not set. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static bool read_port(const char *text, uint16_t *port)
{
    size_t digits = strspn(text, "0123456789");
    unsigned long number =
        digits >= 1 && digits <= 5 && !text[digits] ? strtoul(text, NULL, 10) : 0;
    *port = (uint16_t)number;
    return number >= 1 && number <= UINT16_MAX;
}

static enum failure read_url(const char *url, struct http_place *place, char host[FQDN_SIZE],
                             struct error *e)
{
    char name[FQDN_SIZE] = "";
    const char *at = url + strlen(https);
    size_t size = strcspn(at, ":");
    if (size < sizeof name)
        memcpy(name, at, size); /* the rest is zero; what is too long stays empty */
    place->host = host;
    place->port = DEFAULT_LINK_PORT;
    if (fqdn_valid(name, host) && (!at[size] || read_port(at + size + 1, &place->port)))
        return OK;
    fail(e, FAIL_INVALID, "POLLUX_SERVER is \"%.300s\", which names no machine and port.", url);
    return error_next(e,
                      "It takes a machine's full name, as https://atl-cs-001.litwareinc.com, and "
                      "if the port is not %d, the port behind it, as :7444.",
                      DEFAULT_LINK_PORT);
}

/* What another machine is shown, and how it is believed. */
static enum failure read_files(struct http_place *place, struct error *e)
{
    const struct {
        const char *variable, *what, *example, **file;
    } files[] = {
        {"POLLUX_CERTIFICATE", "your certificate", "administrator-ann.pem",
         &place->certificate_file},
        {"POLLUX_KEY", "your certificate's private key", "administrator-ann.key",
         &place->private_key_file},
        {"POLLUX_AUTHORITY", "the deployment's authority", "authority.pem", &place->authority_file},
    };
    for (size_t i = 0; i < COUNT_OF(files); i++) {
        if ((*files[i].file = variable(files[i].variable)))
            continue;
        fail(e, FAIL_INVALID, "%s is not set. To ask another machine, it must name the file of %s.",
             files[i].variable, files[i].what);
        return error_next(e, "For instance: export %s=%s", files[i].variable, files[i].example);
    }
    return OK;
}

enum failure server_from_environment(struct http_place *place, char host[FQDN_SIZE],
                                     struct error *e)
{
    const char *server = variable("POLLUX_SERVER");
    *place = (struct http_place){0};
    if (!server || !strstr(server, "://")) {
        place->socket_path = server ? server : DEFAULT_ADMIN_SOCKET;
        return OK;
    }
    if (strncmp(server, https, strlen(https)) != 0) {
        fail(e, FAIL_INVALID, "POLLUX_SERVER is \"%.300s\"; machines are asked over https only.",
             server);
        return error_next(e, "It takes https://HOST[:PORT], or the path of a socket.");
    }
    place->address = variable("POLLUX_ADDRESS");
    enum failure bad = read_url(server, place, host, e);
    return bad ? bad : read_files(place, e);
}
