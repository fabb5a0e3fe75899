#include "pool/config_change.h"

#include <string.h>

/* NULL and "" are the same: nothing is said. */
static bool same(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static const char *listens_on(const struct config *c)
{
    return c->listen_address ? c->listen_address : c->self->address;
}

static const char *backup_of(const struct config *c)
{
    return c->self->pool->backup ? c->self->pool->backup->fqdn : NULL;
}

const char *config_fixed_change(const struct config *a, const struct config *b)
{
    if (!same(a->machine, b->machine) || !same(a->self->pool->fqdn, b->self->pool->fqdn))
        return "which machine this is";
    if (!same(a->database_path, b->database_path))
        return "where its database is";
    if (!same(a->file_store, b->file_store))
        return "where its file store is";
    if (!same(a->admin_socket, b->admin_socket))
        return "where its socket is";
    if (!same(listens_on(a), listens_on(b)) || a->self->link_port != b->self->link_port ||
        a->self->users_port != b->self->users_port)
        return "where it listens";
    if (!same(a->certificate, b->certificate) || !same(a->private_key, b->private_key) ||
        !same(a->authority, b->authority))
        return "where its certificates are";
    if (!same(backup_of(a), backup_of(b)) ||
        !same(a->topology->central->fqdn, b->topology->central->fqdn))
        return "which homes it takes part in";
    if (a->topology->failure_detection_ms != b->topology->failure_detection_ms)
        return "the failure-detection interval";
    return NULL;
}
