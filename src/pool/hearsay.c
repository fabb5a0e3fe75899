#include "pool/hearsay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define PREFIX "heard/"

enum { HEARD_FORMAT = 1, HEARD_RECORD_NAME_SIZE = sizeof PREFIX + HOME_NAME_SIZE };

struct hearsay {
    struct front_end *fe;
    struct heard heard;
};

const struct heard *hearsay_table(const struct hearsay *hearsay)
{
    return &hearsay->heard;
}

/* --- keeping it --- */

static void on_kept(const struct store_outcome *outcome, void *context)
{
    (void)outcome; /* it is heard again, and kept with the next news */
    (void)context;
}

static void put(const struct hearsay *hearsay, const char *name, struct bytes value)
{
    struct txn *txn = txn_new(front_end_pool(hearsay->fe));
    txn_record(txn, name, value);
    store_commit(front_end_store(hearsay->fe), txn, on_kept, NULL);
}

void hearsay_keep(const struct hearsay *hearsay, const char *home)
{
    const struct heard_home *heard = heard_of(&hearsay->heard, home);
    char name[HEARD_RECORD_NAME_SIZE];
    OWNED(buffer_free) struct buffer value = {0};
    if (!heard)
        return;
    snprintf(name, sizeof name, PREFIX "%s", home);
    buffer_u8(&value, HEARD_FORMAT);
    buffer_varint(&value, heard->term.number);
    buffer_u64(&value, heard->term.tag);
    buffer_varint(&value, heard->seen);
    put(hearsay, name, buffer_view(&value));
}

bool hearsay_note(struct hearsay *hearsay, const char *home, struct term term, uint64_t seen)
{
    if (!heard_note(&hearsay->heard, home, term, seen))
        return false;
    if (!front_end_home(hearsay->fe, home)) /* else its hold record has it */
        hearsay_keep(hearsay, home);
    return true;
}

/* --- reading it --- */

struct names {
    size_t count;
    char list[HEARD_HOMES_MAX][HEARD_RECORD_NAME_SIZE];
};

static bool add_name(const char *name, void *context)
{
    struct names *names = context;
    snprintf(names->list[names->count++], HEARD_RECORD_NAME_SIZE, "%s", name);
    return names->count < HEARD_HOMES_MAX;
}

/* Else those that are gone would take the places of those that come. */
static bool is_there(const struct hearsay *hearsay, const char *home)
{
    return strcmp(home, HOME_CENTRAL) == 0 ||
           topology_pool(front_end_config(hearsay->fe)->topology, home);
}

static void read_one(struct hearsay *hearsay, struct view *view, const char *name)
{
    OWNED(buffer_free) struct buffer value = {0};
    if (!is_there(hearsay, name + strlen(PREFIX))) {
        put(hearsay, name, BYTES_NONE);
        return;
    }
    if (view_record(view, name, &value, NULL))
        return;
    struct cursor in = cursor_over(buffer_view(&value));
    uint8_t format = cursor_u8(&in);
    struct term term = {.number = cursor_varint(&in)};
    term.tag = cursor_u64(&in);
    uint64_t seen = cursor_varint(&in);
    if (cursor_done(&in) && format == HEARD_FORMAT)
        heard_note(&hearsay->heard, name + strlen(PREFIX), term, seen);
}

void hearsay_start(struct hearsay *hearsay)
{
    OWNED(view_close) struct view *view = NULL;
    OWNED(free_memory) struct names *names = xcalloc(1, sizeof *names);
    struct error e;
    if (store_view(front_end_store(hearsay->fe), &view, &e) ||
        view_records(view, PREFIX, add_name, names, &e)) {
        log_error(LOG_EVENT_WARNING, "heard-lost", &e,
                  "What this machine had heard of others' homes is lost.");
        return;
    }
    for (size_t i = 0; i < names->count; i++)
        read_one(hearsay, view, names->list[i]);
}

struct hearsay *hearsay_new(struct front_end *fe)
{
    struct hearsay *hearsay = xcalloc(1, sizeof *hearsay);
    hearsay->fe = fe;
    return hearsay;
}

void hearsay_free(struct hearsay *hearsay)
{
    free(hearsay);
}
