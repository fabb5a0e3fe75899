#include "pool/central_connection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "pool/commit.h"

enum { CONNECTION_FORMAT = 1, RECORD_NAME_SIZE = FQDN_SIZE + 32 };

/* Of this machine, and not of its pool: another machine of it may use the same store. */
static const char *record_name(const struct front_end *fe, char name[RECORD_NAME_SIZE])
{
    snprintf(name, RECORD_NAME_SIZE, "connection/%s", front_end_config(fe)->self->fqdn);
    return name;
}

static bool decode(struct bytes record, struct central_connection *connection)
{
    struct cursor in = cursor_over(record);
    bool known = cursor_u8(&in) == CONNECTION_FORMAT;
    cursor_text(&in, connection->database, sizeof connection->database);
    cursor_text(&in, connection->provider, sizeof connection->provider);
    connection->caching = cursor_u8(&in);
    return known && cursor_done(&in);
}

const struct pool *central_connection_pool(const struct front_end *fe, const char *database)
{
    const struct topology *topology = front_end_config(fe)->topology;
    const struct pool *pool = topology_pool_of_database(topology, database);
    return topology_has_replica(topology, pool) ? NULL : pool;
}

bool central_connection_read(struct front_end *fe, struct central_connection *connection)
{
    OWNED(view_close) struct view *view = NULL;
    OWNED(buffer_free) struct buffer value = {0};
    char name[RECORD_NAME_SIZE];
    struct error e;
    return !store_view(front_end_store(fe), &view, &e) &&
           !view_record(view, record_name(fe, name), &value, &e) &&
           decode(buffer_view(&value), connection) &&
           central_connection_pool(fe, connection->database);
}

struct connecting {
    struct central_connection connection;
    hosted_home_done *done;
    void *context;
};

static void on_stored(const struct store_outcome *outcome, void *context)
{
    OWNED(free_memory) struct connecting *c = context;
    const struct error *e = outcome->error.kind ? &outcome->error : NULL;
    if (!e && c->connection.database[0])
        log_event(LOG_EVENT_NOTICE, "connection-set",
                  "This machine looks for the Central Management Store at %s first.",
                  c->connection.database);
    else if (!e)
        log_event(LOG_EVENT_NOTICE, "connection-removed",
                  "This machine finds the Central Management Store by what it hears.");
    c->done(e, c->context);
}

void central_connection_set(struct front_end *fe, const struct central_connection *connection,
                            hosted_home_done *done, void *context)
{
    OWNED(buffer_free) struct buffer value = {0};
    char name[RECORD_NAME_SIZE];
    struct connecting *c = xcalloc(1, sizeof *c);
    *c = (struct connecting){.done = done, .context = context};
    if (connection) {
        c->connection = *connection;
        buffer_u8(&value, CONNECTION_FORMAT);
        buffer_text(&value, connection->database);
        buffer_text(&value, connection->provider);
        buffer_u8(&value, connection->caching);
    }
    struct txn *txn = txn_new(front_end_pool(fe));
    txn_record(txn, record_name(fe, name), buffer_view(&value));
    commit_on_loop(front_end_store(fe), front_end_loop(fe), txn, on_stored, c);
}
