#include "pool/backlog.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "pool/commit.h"

enum { NAME_SIZE = HOME_NAME_SIZE + FQDN_SIZE + 16 };

static const char *record_name(const struct backlog_place *p, char name[NAME_SIZE])
{
    snprintf(name, NAME_SIZE, "backlog/%s/%d/%s", p->home, (int)p->module, p->target);
    return name;
}

bool backlog_is_due(const struct export_status *s, uint64_t kept_ms, uint64_t now_ms)
{
    bool lasts = s->oldest_ms && now_ms - s->oldest_ms >= BACKLOG_LASTS_MS;
    return lasts && s->confirmed_ms && (!kept_ms || now_ms - kept_ms >= BACKLOG_EACH_MS);
}

/* It is tried again after a while, and nobody relies on it. */
static void on_kept(const struct store_outcome *outcome, void *context)
{
    (void)context;
    if (outcome->error.kind)
        log_error(LOG_EVENT_INFO, "backlog", &outcome->error,
                  "Since when changes wait for a copy could not be kept.");
}

void backlog_keep(struct front_end *fe, const struct backlog_place *place,
                  const struct export_status *s)
{
    char name[NAME_SIZE];
    OWNED(buffer_free) struct buffer value = {0};
    buffer_varint(&value, s->copied.usn);
    buffer_varint(&value, s->head);
    buffer_u64(&value, clock_wall_ms() - (clock_ms() - s->oldest_ms));
    struct txn *txn = txn_new(place->home);
    txn_record(txn, record_name(place, name), buffer_view(&value));
    commit_on_loop(front_end_store(fe), front_end_loop(fe), txn, on_kept, NULL);
}

struct export_backlog backlog_read(const struct front_end *fe, const struct backlog_place *place)
{
    char name[NAME_SIZE];
    OWNED(view_close) struct view *view = NULL;
    OWNED(buffer_free) struct buffer value = {0};
    struct error e; /* whoever asks for a state hears of that, too */
    struct export_backlog b = {0};
    if (store_view(front_end_store(fe), &view, &e) ||
        view_record(view, record_name(place, name), &value, &e))
        return b;
    struct cursor in = cursor_over(buffer_view(&value));
    b.copied = cursor_varint(&in);
    b.head = cursor_varint(&in);
    uint64_t wall_ms = cursor_u64(&in), now_ms = clock_wall_ms();
    b.oldest_ms = clock_ms() - (now_ms > wall_ms ? now_ms - wall_ms : 0);
    return cursor_done(&in) ? b : (struct export_backlog){0};
}
