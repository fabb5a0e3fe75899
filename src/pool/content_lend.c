/* The partner asks for chunks of files: they are read beside the loop. Whether they are the right
 * ones, it finds out by their hashes; so what is asked for need not be looked up first. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "content/chunk_message.h"
#include "content/likeness.h"
#include "pool/content_inside.h"
#include "pool/offer.h"

struct lending {
    struct content *content;
    struct store *store;
    struct link_reply *reply;
    struct bytes request; /* lent until the reply is given */
    char to[FQDN_SIZE];
    struct buffer answer;
    struct error error;
};

static enum failure check_part(const struct lending *l, const char *home, struct error *e)
{
    OWNED(view_close) struct view *view = NULL;
    OWNED(free_memory) struct hold *hold = xmalloc(sizeof *hold);
    struct home_state state;
    enum failure bad = store_view(l->store, &view, e);
    return bad ? bad : offer_read_shared(view, home, l->to, hold, &state, e);
}

/* What is not there whole is not there. */
static void add_chunk(int fd, const struct chunk_place *place, struct buffer *chunk,
                      struct buffer *body)
{
    uint32_t front, back;
    buffer_clear(chunk);
    buffer_reserve(chunk, place->size);
    while (fd >= 0 && chunk->size < place->size) {
        ssize_t more = pread(fd, chunk->at + chunk->size, place->size - chunk->size,
                             (off_t)(place->offset + chunk->size));
        if (more <= 0)
            break;
        chunk->size += (size_t)more;
    }
    const struct bytes all = buffer_view(chunk);
    likeness_find(all, place->front, place->back, &front, &back);
    if (all.size < place->size)
        chunk_answer_add(body, NULL);
    else if (front || back)
        chunk_answer_add_middle(body, front, back,
                                bytes_of(all.at + front, all.size - front - back));
    else
        chunk_answer_add(body, &all);
}

/* The version that is meant; what lies in its place if there is no such: it may have the same
 * bytes, and who asked finds out. One that was accepted here alone (protocol, rule 14) has been set
 * aside for the holder's by now. -1: there is none. */
static int open_version(const struct lending *l, const char *home, const struct chunk_place *place)
{
    struct file_name name;
    struct file_stamp stamp;
    int fd = -1, aside;
    if (file_name_of_key(home, place->key, &name, NULL))
        return -1;
    bool there = !file_store_open(l->content->files, &name, &fd, &stamp, NULL);
    if (there && file_stamp_equal(stamp, place->stamp))
        return fd;
    if (!file_store_open_aside(l->content->files, &name, place->stamp, &aside))
        return there ? fd : -1;
    if (there)
        close(fd);
    return aside;
}

static enum failure read_chunks(const struct lending *l, struct chunk_request *request,
                                struct buffer *body)
{
    OWNED(buffer_free) struct buffer chunk = {0};
    struct chunk_place place;
    struct bytes open = BYTES_NONE;
    int fd = -1;
    while (chunk_request_next(request, &place)) {
        if (!bytes_equal(open, place.key)) {
            if (fd >= 0)
                close(fd);
            fd = open_version(l, chunk_request_home(request), &place);
            open = place.key;
        }
        add_chunk(fd, &place, &chunk, body);
    }
    if (fd >= 0)
        close(fd);
    return OK;
}

static void lend(void *context)
{
    struct lending *l = context;
    OWNED(chunk_request_free) struct chunk_request *request = NULL;
    OWNED(buffer_free) struct buffer body = {0};
    if (chunk_request_open(l->request, &request, &l->error) ||
        check_part(l, chunk_request_home(request), &l->error) ||
        file_store_check(l->content->files, &l->error) || read_chunks(l, request, &body))
        return;
    chunk_answer_end(&body, &l->answer);
}

static void on_lent(void *context)
{
    struct lending *l = context;
    l->content->lending--;
    if (l->error.kind)
        link_reply_error(l->reply, &l->error);
    else
        link_reply_chunks(l->reply, buffer_view(&l->answer));
    buffer_free(&l->answer);
    free(l);
}

static void refuse(const struct content *content, struct link_reply *reply)
{
    struct error e;
    if (!content->files) {
        fail(&e, FAIL_NOT_FOUND, "%s has no file store.", front_end_pool(content->fe));
        error_next(&e, "Name one in its configuration: file_store = \"…\"");
    } else {
        fail(&e, FAIL_BUSY, "%s answers as many calls as it may.", front_end_pool(content->fe));
        error_next(&e, "It is tried again by itself.");
    }
    link_reply_error(reply, &e);
}

void content_on_chunks(const struct machine *from, struct bytes request, struct link_reply *reply,
                       void *context)
{
    struct content *content = front_end_content(context);
    struct lending *l = xcalloc(1, sizeof *l);
    *l = (struct lending){.content = content,
                          .store = front_end_store(content->fe),
                          .reply = reply,
                          .request = request};
    snprintf(l->to, sizeof l->to, "%s", from->pool->fqdn);
    if (content->files && content->lending < content->lending_max &&
        workers_run(content->lenders, lend, on_lent, l)) {
        content->lending++;
        return;
    }
    refuse(content, reply);
    free(l);
}
