#include "cmdlet/shell/transfer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "cmdlet/shell/data_file.h"
#include "cmdlet/shell/person.h"
#include "cmdlet/shell/remote.h"
#include "cmdlet/shell/session.h"

DEFINE_OWNED(json_t *, json_decref)

struct transfer {
    struct transfer_options with;
    bool sends, keeps, replaces, part_sent, lost;
    char *path;
    struct data_file *file; /* one that is kept is made when there is something to keep */
    json_t *hidden;
    char *how_far;        /* as polluxd said last */
    struct error error;   /* why it is lost */
    struct error trouble; /* why the file can't be read to its end */
    uint8_t *part;
};

/* --- beginning --- */

static const struct parameter *file_of(const struct command *command)
{
    for (size_t i = 0; i < command->parameter_count; i++) {
        const struct parameter *p = &command->parameters[i];
        if (p->type == FILE_SENT || p->type == FILE_KEPT)
            return p;
    }
    return NULL;
}

static enum failure begin_sending(struct transfer *t, struct error *e)
{
    enum failure bad = data_file_open(t->path, &t->file, e);
    if (bad)
        return bad;
    t->hidden = json_pack("{s:I}", "FileSize", (json_int_t)data_file_size(t->file));
    t->part = xmalloc(TRANSFER_PART_BYTES);
    return OK;
}

/* May what stands there be replaced? */
static enum failure ask_to_replace(struct transfer *t, struct error *e)
{
    bool yes = false;
    OWNED(free_memory) char *question = xasprintf("%s exists. Replace it?", t->path);
    enum failure bad = person_agrees(question, &yes, e);
    t->replaces = !bad && yes;
    if (!bad && yes)
        return OK;
    fail(e, FAIL_REFUSED, "%s exists.", t->path);
    error_kept(e, "Nothing was done.");
    return error_next(e, "Name another file, or replace this one with -Force.");
}

static enum failure begin_keeping(struct transfer *t, struct error *e)
{
    struct stat there;
    bool exists = stat(t->path, &there) == 0;
    if (exists &&
        S_ISDIR(there.st_mode)) { /* which would show at the end, when it is to move there */
        fail(e, FAIL_REFUSED, "%s is a folder.", t->path);
        error_kept(e, "Nothing was done.");
        return error_next(e, "Name a file in it.");
    }
    t->replaces = bound_switch(t->with.binding, "Force");
    if (t->with.what_if)
        return OK;
    t->keeps = true;
    return exists && !t->replaces ? ask_to_replace(t, e) : OK;
}

static void transfer_free(struct transfer *t)
{
    data_file_close(t->file);
    json_decref(t->hidden);
    free(t->path);
    free(t->how_far);
    free(t->part);
    free(t);
}

enum failure transfer_begin(const struct transfer_options *options, struct transfer **transfer,
                            struct error *e)
{
    const struct parameter *p = file_of(options->binding->command);
    const char *typed = p ? bound_text(options->binding, p->name) : NULL;
    *transfer = NULL;
    if (!typed)
        return OK;
    bool moved;
    struct transfer *t = xcalloc(1, sizeof *t);
    *t = (struct transfer){.with = *options, .sends = p->type == FILE_SENT};
    t->path = data_file_path(typed, &moved);
    if (moved) {
        OWNED(free_memory)
        char *sentence =
            xasprintf("There are no drives here: %s is meant, in the current folder.", t->path);
        options->warn(sentence, options->context);
    }
    enum failure bad = t->sends ? begin_sending(t, e) : begin_keeping(t, e);
    if (bad)
        transfer_free(t);
    else
        *transfer = t;
    return bad;
}

const json_t *transfer_hidden(const struct transfer *t)
{
    return t ? t->hidden : NULL;
}

const bool *transfer_is_lost(const struct transfer *t)
{
    return t ? &t->lost : NULL;
}

/* --- while it lasts --- */

static void lose(struct transfer *t, const struct error *e)
{
    if (!t->lost)
        t->error = *e;
    t->lost = true;
}

static void keep(struct transfer *t, const json_t *record)
{
    struct error e;
    if (!t->keeps || t->lost)
        return;
    if (!t->file && data_file_create(t->path, &t->file, &e)) {
        lose(t, &e);
        return;
    }
    OWNED(free_memory) char *text = json_dumps(record, JSON_COMPACT);
    if (data_file_write(t->file, bytes_of_text(text), &e) ||
        data_file_write(t->file, bytes_of_text("\n"), &e))
        lose(t, &e);
}

static void on_answer(const json_t *message, void *context)
{
    struct transfer *t = context;
    const json_t *error = json_object_get(message, "error");
    struct error e;
    if (!error)
        return;
    fail(&e, FAIL_IO, "polluxd did not take a part of %s: %.500s", t->path,
         json_string_value(json_object_get(error, "what")));
    lose(t, &e);
}

static void say(struct transfer *t, const json_t *hidden)
{
    struct error e;
    const struct remote_options options = {
        .what_if = t->with.what_if, .hidden = hidden, .message = on_answer, .context = t};
    if (!t->lost && remote_run(t->with.binding, &options, &e))
        lose(t, &e);
}

/* As much as there is before the end, or before what can't be read. */
static size_t fill_part(struct transfer *t)
{
    size_t filled = 0, got = 1;
    while (filled < TRANSFER_PART_BYTES && got > 0 && !t->trouble.kind) {
        if (!data_file_read(t->file, t->part + filled, TRANSFER_PART_BYTES - filled, &got,
                            &t->trouble))
            filled += got;
    }
    return filled;
}

/* What can't be read, polluxd is told of: it knows what was imported until then. */
static void send_part(struct transfer *t, const json_t *wanted)
{
    size_t filled = fill_part(t);
    t->part_sent = true;
    OWNED(free_memory) char *text = xmalloc(4 * ((filled + 2) / 3) + 1);
    EVP_EncodeBlock((unsigned char *)text, t->part, (int)filled);
    OWNED(json_decref)
    json_t *hidden =
        json_pack("{s:O, s:O, s:I, s:s}", "Transfer", json_object_get(wanted, "transfer"), "Part",
                  json_object_get(wanted, "number"), "Position",
                  (json_int_t)data_file_position(t->file), "Content", text);
    if (t->trouble.kind && filled == 0)
        json_object_set_new(hidden, "Trouble", json_string(t->trouble.what));
    say(t, hidden);
}

static void note_how_far(struct transfer *t, const json_t *progress)
{
    const char *status = json_string_value(json_object_get(progress, "status"));
    if (status) {
        free(t->how_far);
        t->how_far = xstrdup(status);
    }
}

bool transfer_message(struct transfer *t, const json_t *message)
{
    const json_t *record = json_object_get(message, "record");
    const json_t *wanted = json_object_get(message, "part");
    const json_t *progress = json_object_get(message, "progress");
    if (t && record && !t->sends)
        keep(t, record);
    if (t && wanted && t->sends)
        send_part(t, wanted);
    if (t && progress)
        note_how_far(t, progress);
    return record || wanted;
}

/* --- the end --- */

static enum failure end_keeping(struct transfer *t, enum failure bad, bool good, struct error *e)
{
    if (bad && (t->file || !e->kept[0]))
        error_kept(e, "No file was made; one that stood there is as it was.");
    if (bad || !good || !t->file)
        return bad;
    return data_file_finish(TAKE(t->file), t->replaces, e);
}

/* Nobody can be told by polluxd how far it was. */
static enum failure end_sending(struct transfer *t, enum failure bad, struct error *e)
{
    if (!bad || t->with.what_if || !t->part_sent)
        return bad;
    if (t->how_far)
        error_kept(e, "It was this far, and what is behind it may be, or not: %s.", t->how_far);
    return error_next(e, "Give the command again: it goes on, and writes nothing twice.");
}

enum failure transfer_end(struct transfer *t, enum failure bad, bool good, struct error *e)
{
    if (!t)
        return bad;
    if (t->lost && !session_interrupted()) {
        *e = t->error;
        bad = e->kind;
    }
    bad = t->sends ? end_sending(t, bad, e) : end_keeping(t, bad, good, e);
    transfer_free(t);
    return bad;
}
