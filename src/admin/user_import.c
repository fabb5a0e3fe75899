/* Import-CsUserData: users' data from a file of Export-CsUserData into the home of a pool. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/transfer.h"
#include "admin/user_batch.h"
#include "admin/user_filter.h"
#include "base/count.h"
#include "base/utf8.h"

DEFINE_OWNED(json_t *, json_decref)

struct import {
    struct call *call;
    struct transfer *transfer;
    struct filter *filter;
    struct user_batch *batch;
    char home[FQDN_SIZE], sip_domain[FQDN_SIZE];
    struct store *store;
    uint64_t term;

    struct buffer line;              /* that has begun */
    bool too_long;                   /* what is left of it is passed over */
    unsigned long long number, done; /* the line; up to which one users are in the home */
    bool headed, ended;
    struct error error; /* that ended it */
};

static void import_free(struct import *import)
{
    if (import->transfer)
        transfer_end(import->transfer);
    if (import->batch)
        user_batch_free(import->batch);
    filter_free(import->filter);
    buffer_free(&import->line);
    free(import);
}

/* --- lines --- */

static enum failure flush(struct import *import, bool all, struct error *e)
{
    uint64_t done, total;
    enum failure bad = user_batch_flush(import->batch, all, e);
    if (bad)
        return bad;
    const struct user_tally *t = user_batch_tally(import->batch);
    OWNED(free_memory)
    char *status =
        xasprintf("%s gone through, up to line %llu",
                  COUNTED(t->users + t->refused + t->passed_over, "user"), import->number);
    import->done = import->number;
    transfer_position(import->transfer, &done, &total);
    call_progress(import->call, &(struct call_progress){.activity = "Importing users",
                                                        .status = status,
                                                        .done = done,
                                                        .total = total});
    return OK;
}

/* What is wrong with this line alone. */
static void tell_line(struct import *import, const char *address, struct error *e)
{
    error_within(e, "Line %llu: ", import->number);
    if (*address)
        error_kept(e, "Nothing of sip:%s is imported.", address);
    else
        error_kept(e, "It is left out.");
    user_batch_tell(import->batch, e);
}

static enum failure read_head(struct import *import, const json_t *line, struct error *e)
{
    char pool[FQDN_SIZE];
    import->headed = true;
    enum failure bad = user_file_check_head(line, pool, e);
    if (!bad && strcmp(pool, import->home) != 0)
        call_caution(import->call,
                     "The file was made of %s, and is imported into %s: each user who belongs "
                     "there.",
                     pool, import->home);
    return bad;
}

/* Some editors begin each file with the mark of UTF-8. */
static struct bytes without_mark(const struct import *import)
{
    static const char mark[] = "\xEF\xBB\xBF";
    struct bytes text = buffer_view(&import->line);
    bool has = import->number == 1 && bytes_start_with(text, bytes_of_text(mark));
    return has ? bytes_of(text.at + strlen(mark), text.size - strlen(mark)) : text;
}

static json_t *parse(const struct import *import, struct error *e)
{
    json_error_t why;
    struct bytes text = without_mark(import);
    json_t *line = import->too_long
                       ? NULL
                       : json_loadb((const char *)text.at, text.size, JSON_REJECT_DUPLICATES, &why);
    if (json_is_object(line))
        return line;
    if (import->too_long)
        fail(e, FAIL_INVALID, "It has more than %d bytes.", USER_FILE_LINE_MAX);
    else
        fail(e, FAIL_INVALID, "It is no JSON object: %.200s.",
             line ? "it is something else" : why.text);
    json_decref(line);
    return NULL;
}

static enum failure read_user(struct import *import, const json_t *line, struct error *e)
{
    char address[SIP_ADDRESS_SIZE];
    struct user_entry entry;
    struct error wrong = {0};
    if (import->ended) {
        fail(&wrong, FAIL_INVALID, "It stands behind the last line.");
        tell_line(import, "", &wrong);
        return OK;
    }
    if (user_batch_is_full(import->batch) && flush(import, false, e))
        return e->kind;
    if (!user_file_read(line, import->sip_domain, address, &entry, &wrong)) {
        entry.line = import->number;
        user_batch_add(import->batch, address, &entry);
        return OK;
    }
    tell_line(import, address, &wrong);
    if (*address)
        user_batch_spoil(import->batch, address);
    user_entry_free(&entry);
    return OK;
}

static bool is_blank(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (!strchr(" \t\r", text.at[i]))
            return false;
    }
    return true;
}

static enum failure on_line(struct import *import, struct error *e)
{
    struct error wrong = {0};
    import->number++;
    if (!import->too_long && is_blank(without_mark(import)))
        return OK;
    OWNED(json_decref) json_t *line = parse(import, &wrong);
    if (!import->headed)
        return read_head(import, line, e);
    if (!line)
        tell_line(import, "", &wrong);
    else if (user_file_is_end(line))
        import->ended = true;
    else
        return read_user(import, line, e);
    return OK;
}

static void take(struct import *import, const uint8_t *from, const uint8_t *to)
{
    size_t more = (size_t)(to - from);
    import->too_long = import->too_long || import->line.size + more > USER_FILE_LINE_MAX;
    if (!import->too_long)
        buffer_raw(&import->line, from, more);
}

static enum failure end_line(struct import *import, struct error *e)
{
    enum failure bad = on_line(import, e);
    buffer_clear(&import->line);
    import->too_long = false;
    return bad;
}

static enum failure take_part(struct import *import, struct bytes part, struct error *e)
{
    const uint8_t *at = part.at, *end = part.at + part.size, *stop;
    while (part.size && (stop = memchr(at, '\n', (size_t)(end - at)))) {
        take(import, at, stop);
        enum failure bad = end_line(import, e);
        if (bad)
            return bad;
        at = stop + 1;
    }
    if (at < end)
        take(import, at, end);
    return OK;
}

/* --- from the beginning to the end --- */

static enum failure read_all(struct import *import, struct error *e)
{
    for (;;) {
        struct bytes part = BYTES_NONE;
        enum failure bad = transfer_next(import->transfer, &part, e);
        if (!bad && part.size)
            bad = take_part(import, part, e);
        else if (!bad && (import->line.size || import->too_long))
            bad = end_line(import, e);
        if (bad || part.size == 0)
            return bad;
        if (user_batch_is_full(import->batch) && flush(import, false, e))
            return e->kind;
    }
}

/* Whoever is complete is imported, also of a file that breaks off. */
static enum failure finish(struct import *import, enum failure bad, struct error *e)
{
    struct error other = {0};
    if (!bad && !import->headed)
        return read_head(import, NULL, e);
    if (!bad && !import->ended)
        call_warning(import->call,
                     "The file ends without its last line, which says how much there is: something "
                     "may be missing.");
    bool partly = bad == FAIL_IO && import->headed;
    if (!bad || partly) {
        enum failure worse = flush(import, !partly, &other);
        *e = worse ? other : *e;
        bad = worse ? worse : bad;
    }
    return bad;
}

static void say_how_far(const struct import *import, struct error *e)
{
    const struct user_tally *t = user_batch_tally(import->batch);
    bool nothing = call_switch(import->call, "WhatIf") || !import->headed || t->users == 0;
    if (nothing)
        error_kept(e, "Nothing was imported.");
    else
        error_kept(e, "The users before line %llu were gone through: %s %s imported.", import->done,
                   COUNTED(t->added + t->replaced, "item"),
                   count_word(t->added + t->replaced, "was", "were"));
    if (!e->next[0])
        error_next(e, "Give the command again when that is mended%s.",
                   nothing ? "" : ": it goes on where it stopped");
}

static void on_thread(void *context)
{
    struct import *import = call_kept(context);
    struct error e = {0};
    enum failure bad = call_check_wanted(context, &e);
    const struct user_batch_options options = {.call = context,
                                               .store = import->store,
                                               .home = import->home,
                                               .sip_domain = import->sip_domain,
                                               .term = import->term,
                                               .filter = import->filter,
                                               .replaces = call_switch(context, "Force"),
                                               .rehearses = call_switch(context, "WhatIf")};
    import->batch = user_batch_new(&options);
    if (!bad)
        bad = finish(import, read_all(import, &e), &e);
    if (bad) {
        say_how_far(import, &e);
        import->error = e;
    }
    user_batch_tell_rest(import->batch);
}

static void tell_result(struct import *import)
{
    struct call *call = import->call;
    const struct user_tally *t = user_batch_tally(import->batch);
    if (!t->users && !t->refused && import->filter)
        call_warning(call, "No user of the file fits -UserFilter.");
    if (call_what_if(call,
                     "Of %s %s would be added and %llu be replaced; %llu %s so already, and %llu "
                     "would be kept as %s.",
                     COUNTED(t->users, "user"), COUNTED(t->added, "item"),
                     (unsigned long long)t->replaced, (unsigned long long)t->unchanged,
                     count_word(t->unchanged, "is", "are"), (unsigned long long)t->kept,
                     count_word(t->kept, "it is", "they are")))
        return;
    call_object(call,
                json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I}", "PoolFqdn", import->home, "Users",
                          (json_int_t)t->users, "Added", (json_int_t)t->added, "Replaced",
                          (json_int_t)t->replaced, "Unchanged", (json_int_t)t->unchanged, "Kept",
                          (json_int_t)t->kept, "UsersRefused", (json_int_t)t->refused));
}

static void on_done(void *context)
{
    struct call *call = context;
    struct import *import = call_kept(call);
    if (import->error.kind)
        call_error(call, &import->error);
    else
        tell_result(import);
    import_free(import);
    call_end(call);
}

void admin_import_user_data(struct call *call)
{
    struct error e;
    struct front_end *fe = call_front_end(call);
    if (transfer_take(call))
        return;
    struct import *import = xcalloc(1, sizeof *import);
    import->call = call;
    import->store = front_end_store(fe);
    snprintf(import->home, sizeof import->home, "%s", call_text(call, "PoolFqdn"));
    snprintf(import->sip_domain, sizeof import->sip_domain, "%s",
             front_end_config(fe)->topology->sip_domain);
    enum failure bad = front_end_serves(fe, import->home, &import->term, &e);
    if (!bad)
        bad = user_filter_read_users(call_text(call, "UserFilter"), import->sip_domain,
                                     &import->filter, &e);
    if (!bad && !(import->transfer = transfer_begin(call, &e)))
        bad = e.kind;
    if (bad) {
        import_free(import);
        call_fail(call, &e);
        return;
    }
    call_keep(call, import);
    if (!call_on_thread(call, on_thread, on_done))
        import_free(import);
}
