#include "pool/content_fetch.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "content/chunk_message.h"
#include "content/likeness.h"

enum source {
    SOURCE_NONE, /* not asked for: the file is absent, or its turn has not come */
    SOURCE_SEED,
    SOURCE_OWN, /* further to the front in the same file */
    SOURCE_ASIDE,
    SOURCE_REMOTE,
};

/* Asked for, and not answered yet. */
struct question {
    struct content_call *call;
    size_t count; /* chunks */
    uint64_t bytes;
};

/* One run over a list of files: questions go ahead of what is written. */
struct run {
    struct fetch *f;
    struct fetch_file *list;
    size_t count;
    uint64_t until_ms;
    size_t asking, writing; /* files */
    struct question calls[FETCH_CALLS];
    size_t call_count;
    struct chunk_answer *answer; /* of the oldest call, partly used up */
    size_t answer_left;
    bool unheard; /* the other pool did not answer: what is written is sound all the same */
    struct buffer packet;
    /* The seed that was read last: files are usually found whole. */
    struct file_name seed;
    int seed_fd;
    struct buffer chunk, old;
    struct buffer front_sums, back_sums;
    const struct fetch_file *aside_of;
    int aside_fd;
};

void fetch_file_clear(struct fetch_file *file)
{
    incoming_free(file->incoming);
    manifest_free(&file->manifest);
    free(file->sources);
    free(file->offsets);
    free(file->same);
    *file = (struct fetch_file){0};
}

void fetch_let_go_of_half(struct fetch *f, enum fetch_for why)
{
    if (f->half[why])
        fetch_file_clear(f->half[why]);
    free(TAKE(f->half[why]));
}

void fetch_clear(struct fetch *f)
{
    for (enum fetch_for why = 0; why < FETCH_FORS; why++)
        fetch_let_go_of_half(f, why);
}

/* --- a file --- */

static uint64_t short_hash(const struct chunk *chunk)
{
    uint64_t hash;
    memcpy(&hash, chunk->hash, sizeof hash);
    return hash;
}

static bool same_chunk(const struct chunk *a, const struct chunk *b)
{
    return a->size == b->size && memcmp(a->hash, b->hash, CHUNK_HASH_SIZE) == 0;
}

/* A file full of zeros, or of copies of one page, has few different chunks. */
static void find_same(struct fetch_file *file)
{
    const struct manifest *m = &file->manifest;
    size_t room = 16;
    while (room < 2 * m->count)
        room *= 2;
    OWNED(free_memory) uint32_t *slots = xcalloc(room, sizeof *slots); /* an index and one */
    for (size_t i = 0; i < m->count; i++) {
        size_t at = (size_t)short_hash(&m->chunks[i]) & (room - 1);
        while (slots[at] && !same_chunk(&m->chunks[slots[at] - 1], &m->chunks[i]))
            at = (at + 1) & (room - 1);
        if (!slots[at])
            slots[at] = (uint32_t)i + 1;
        file->same[i] = slots[at] - 1;
    }
}

/* It is opened when its first chunk is there: questions run far ahead of that. */
static void begin_file(struct fetch_file *file)
{
    size_t count = file->manifest.count;
    if (file->sources)
        return;
    file->sources = xcalloc(count + 1, sizeof *file->sources);
    file->offsets = xcalloc(count + 1, sizeof *file->offsets);
    file->same = xcalloc(count + 1, sizeof *file->same);
    for (size_t i = 0; i < count; i++)
        file->offsets[i + 1] = file->offsets[i] + file->manifest.chunks[i].size;
    find_same(file);
}

/* --- reading what is here --- */

static bool read_at(int fd, struct buffer *into, uint64_t offset, uint32_t size)
{
    buffer_clear(into);
    buffer_reserve(into, size);
    while (into->size < size) {
        ssize_t got =
            pread(fd, into->at + into->size, size - into->size, (off_t)(offset + into->size));
        if (got <= 0)
            return false;
        into->size += (size_t)got;
    }
    return true;
}

static bool is_chunk(struct bytes bytes, const struct chunk *chunk)
{
    uint8_t hash[CHUNK_HASH_SIZE];
    if (bytes.size != chunk->size)
        return false;
    chunk_hash(bytes, hash);
    return memcmp(hash, chunk->hash, sizeof hash) == 0;
}

static bool open_seed(struct run *r, struct bytes key)
{
    struct file_name name;
    struct file_stamp stamp;
    if (file_name_of_key(r->f->home, key, &name, NULL))
        return false;
    if (r->seed_fd >= 0 && strcmp(name.file, r->seed.file) == 0 &&
        strcmp(name.conference, r->seed.conference) == 0)
        return true;
    if (r->seed_fd >= 0)
        close(r->seed_fd);
    r->seed = name;
    return file_store_open(r->f->files, &name, &r->seed_fd, &stamp, NULL) == OK;
}

/* Into the run's buffer, if it is there and right. */
static bool read_seed(struct run *r, const struct chunk *chunk)
{
    struct bytes key;
    uint64_t offset;
    return seeds_find(r->f->seeds, chunk, &key, &offset) && open_seed(r, key) &&
           read_at(r->seed_fd, &r->chunk, offset, chunk->size) &&
           is_chunk(buffer_view(&r->chunk), chunk);
}

/* The same from where it was set aside. One chunk after the other, so that a file is opened once.
 */
static bool read_aside(struct run *r, const struct fetch_file *file, size_t i)
{
    const struct chunk *chunk = &file->manifest.chunks[i];
    if (r->aside_of != file && r->aside_fd >= 0)
        close(r->aside_fd);
    if (r->aside_of != file)
        file_store_open_aside(r->f->files, &file->name, file->manifest.stamp, &r->aside_fd);
    r->aside_of = file;
    return r->aside_fd >= 0 && read_at(r->aside_fd, &r->chunk, file->offsets[i], chunk->size) &&
           is_chunk(buffer_view(&r->chunk), chunk);
}

/* --- asking --- */

/* A seed whose file is gone is none: that is found out now, when it can still be asked for with
 * others. */
static enum source source_of(struct run *r, const struct fetch_file *file, size_t i)
{
    struct bytes key;
    uint64_t offset;
    if (file->same[i] < i)
        return SOURCE_OWN;
    if (file->aside)
        return SOURCE_ASIDE;
    bool here = seeds_find(r->f->seeds, &file->manifest.chunks[i], &key, &offset);
    return here && open_seed(r, key) ? SOURCE_SEED : SOURCE_REMOTE;
}

static struct chunk_place place_of(const struct fetch_file *file, size_t i)
{
    return (struct chunk_place){.key = file->key,
                                .stamp = file->manifest.stamp,
                                .offset = file->offsets[i],
                                .size = file->manifest.chunks[i].size};
}

/* --- what is like it in the version before --- */

static bool find_in_own(const struct run *r, const struct fetch_file *file, size_t i,
                        uint64_t *offset)
{
    struct bytes key;
    return seeds_find(r->f->seeds, &file->manifest.chunks[i], &key, offset) &&
           bytes_equal(key, file->key);
}

/* Where the chunk began, in the version before, if nothing was changed in front of it since the
 * last chunk that is still there. */
static bool find_front(const struct run *r, const struct fetch_file *file, size_t i, uint64_t *at)
{
    uint64_t offset;
    for (size_t near = 1; near <= FETCH_NEAR && near <= i; near++) {
        if (!find_in_own(r, file, i - near, &offset))
            continue;
        *at = offset + file->offsets[i] - file->offsets[i - near];
        return true;
    }
    *at = file->offsets[i];
    return i <= FETCH_NEAR;
}

/* Where it ended, if nothing was changed behind it until the next one that is still there. */
static bool find_back(const struct run *r, const struct fetch_file *file, size_t i, uint64_t *end)
{
    uint64_t offset = 0, behind = 0;
    size_t next = i + 1, count = file->manifest.count;
    while (next < count && next - i <= FETCH_NEAR && !find_in_own(r, file, next, &offset))
        next++;
    if (next < count && next - i > FETCH_NEAR)
        return false;
    behind = file->offsets[next] - file->offsets[i + 1];
    offset = next < count ? offset : file->had.size;
    *end = offset - behind;
    return offset >= behind;
}

/* `size` bytes of the version before, at its place: as many as there are. */
static struct bytes read_old(struct run *r, const struct fetch_file *file, uint64_t at,
                             uint64_t size)
{
    buffer_clear(&r->old);
    return open_seed(r, file->key) && read_at(r->seed_fd, &r->old, at, (uint32_t)size)
               ? buffer_view(&r->old)
               : BYTES_NONE;
}

static void add_likeness(struct run *r, const struct fetch_file *file, size_t i,
                         struct chunk_place *place)
{
    uint64_t at;
    buffer_clear(&r->front_sums);
    buffer_clear(&r->back_sums);
    if (!file->had_stamp || place->size < 2 * LIKENESS_BLOCK)
        return;
    if (find_front(r, file, i, &at)) {
        uint64_t left = at < file->had.size ? file->had.size - at : 0;
        likeness_of_front(read_old(r, file, at, left < place->size ? left : place->size),
                          place->size, &r->front_sums);
    }
    if (find_back(r, file, i, &at)) {
        uint64_t size = at < place->size ? at : place->size;
        likeness_of_back(read_old(r, file, at - size, size), place->size, &r->back_sums);
    }
    place->front = buffer_view(&r->front_sums);
    place->back = buffer_view(&r->back_sums);
}

/* Adds what is missing of the file; false: the request is full. */
static bool ask_for(struct run *r, struct fetch_file *file, struct chunk_request *request)
{
    while (file->asked < file->manifest.count && file->state == FETCH_WANTED) {
        enum source source = source_of(r, file, file->asked);
        struct chunk_place place = place_of(file, file->asked);
        if (source == SOURCE_REMOTE)
            add_likeness(r, file, file->asked, &place);
        if (source == SOURCE_REMOTE && !chunk_request_add(request, &place))
            return false;
        file->sources[file->asked++] = (uint8_t)source;
    }
    return true;
}

static bool time_is_up(const struct run *r)
{
    return clock_ms() >= r->until_ms || atomic_load(r->f->stopping);
}

/* Of a large file one chunk alone may be more than the link takes in a moment. */
static struct content_call *call_for(const struct run *r, struct bytes packet, uint64_t bytes)
{
    uint64_t most = r->f->pace.bytes;
    return content_call_begin(r->f->calls, r->f->pool, packet, bytes > most ? bytes - most : 0);
}

/* One more call, if there is anything to ask for. */
static enum failure ask(struct run *r, struct error *e)
{
    OWNED(chunk_request_free)
    struct chunk_request *request = chunk_request_new(r->f->home, r->f->pace.bytes);
    bool room = true;
    while (room && r->asking < r->count && !time_is_up(r)) {
        struct fetch_file *file = &r->list[r->asking];
        begin_file(file);
        room = ask_for(r, file, request);
        r->asking += room;
    }
    if (!chunk_request_count(request))
        return OK;
    if (!r->f->pool[0])
        return fail(e, FAIL_UNREACHABLE, "The home %s has no other pool that could have its files.",
                    r->f->home);
    buffer_clear(&r->packet);
    chunk_request_end(request, &r->packet);
    struct question *q = &r->calls[r->call_count++];
    q->count = chunk_request_count(request);
    q->bytes = chunk_request_bytes(request);
    q->call = call_for(r, buffer_view(&r->packet), q->bytes);
    return OK;
}

/* --- writing --- */

static enum failure next_answer(struct run *r, struct error *e)
{
    chunk_answer_free(TAKE(r->answer));
    const struct question q = r->calls[0];
    uint64_t took_ms;
    r->answer_left = q.count;
    r->call_count--;
    memmove(r->calls, r->calls + 1, r->call_count * sizeof *r->calls);
    enum failure bad = content_call_end(q.call, &r->packet, &took_ms, e);
    r->unheard = bad != OK;
    if (bad == FAIL_DEADLINE)
        pace_failed(&r->f->pace);
    else if (!bad)
        pace_took(&r->f->pace, q.bytes, took_ms);
    return bad ? bad : chunk_answer_open(buffer_view(&r->packet), &r->answer, e);
}

/* Into the run's buffer: what is like it in the version before, around what came. */
static bool join(struct run *r, const struct fetch_file *file, size_t i,
                 const struct chunk_part *part)
{
    uint64_t at = 0, end = 0;
    struct bytes old = BYTES_NONE;
    buffer_clear(&r->chunk);
    if (part->front && find_front(r, file, i, &at))
        old = read_old(r, file, at, part->front);
    buffer_raw(&r->chunk, old.at, old.size);
    buffer_raw(&r->chunk, part->middle.at, part->middle.size);
    old = BYTES_NONE;
    if (part->back && find_back(r, file, i, &end) && end >= part->back)
        old = read_old(r, file, end - part->back, part->back);
    buffer_raw(&r->chunk, old.at, old.size);
    *r->f->bytes_found += part->front + part->back;
    return is_chunk(buffer_view(&r->chunk), &file->manifest.chunks[i]);
}

/* The chunk alone, while the other calls wait; into the run's buffer, which is empty if that came
 * to nothing. */
static enum failure take_alone(struct run *r, const struct fetch_file *file, size_t i, bool partly,
                               struct error *e)
{
    OWNED(chunk_request_free)
    struct chunk_request *request = chunk_request_new(r->f->home, r->f->pace.bytes);
    OWNED(chunk_answer_free) struct chunk_answer *answer = NULL;
    OWNED(buffer_free) struct buffer packet = {0};
    struct chunk_place place = place_of(file, i);
    struct chunk_part got;
    uint64_t took_ms;
    buffer_clear(&r->chunk);
    if (!r->f->pool[0])
        return OK;
    if (partly)
        add_likeness(r, file, i, &place);
    chunk_request_add(request, &place);
    chunk_request_end(request, &packet);
    enum failure bad =
        content_call_end(call_for(r, buffer_view(&packet), place.size), &packet, &took_ms, e);
    r->unheard = bad != OK;
    if (!bad)
        bad = chunk_answer_open(buffer_view(&packet), &answer, e);
    if (bad || !chunk_answer_next(answer, place.size, &got))
        return bad;
    *r->f->bytes_fetched += got.middle.size;
    if (!join(r, file, i, &got))
        buffer_clear(&r->chunk);
    return OK;
}

/* A seed that was not what it promised: most often an older version of the same file. */
static enum failure take_instead(struct run *r, const struct fetch_file *file, size_t i,
                                 struct error *e)
{
    enum failure bad = take_alone(r, file, i, true, e);
    return bad || r->chunk.size ? bad : take_alone(r, file, i, false, e);
}

/* The next remote chunk, in the order that they were asked for in; nothing if it is not there. */
static enum failure take_remote(struct run *r, const struct fetch_file *file, size_t i,
                                struct bytes *bytes, struct error *e)
{
    const struct chunk *chunk = &file->manifest.chunks[i];
    *bytes = BYTES_NONE;
    enum failure bad = r->answer_left ? OK : next_answer(r, e);
    if (bad)
        return bad;
    r->answer_left--;
    struct chunk_part got;
    if (!chunk_answer_next(r->answer, chunk->size, &got))
        return OK;
    *r->f->bytes_fetched += got.middle.size;
    bool partly = got.front || got.back;
    if (partly && !join(r, file, i, &got))
        bad = take_alone(r, file, i, false, e);
    if (partly)
        *bytes = buffer_view(&r->chunk);
    else if (is_chunk(got.middle, chunk))
        *bytes = got.middle;
    return bad;
}

/* The chunk's bytes, wherever they are from; none: the file is absent. */
static enum failure take_chunk(struct run *r, struct fetch_file *file, size_t i,
                               struct bytes *bytes, struct error *e)
{
    const struct chunk *chunk = &file->manifest.chunks[i];
    enum failure bad = OK;
    *bytes = BYTES_NONE;
    switch ((enum source)file->sources[i]) {
    case SOURCE_NONE: return OK;
    case SOURCE_REMOTE: return take_remote(r, file, i, bytes, e);
    case SOURCE_OWN:
        if (!incoming_read(file->incoming, file->offsets[file->same[i]], chunk->size, &r->chunk))
            return fail(e, FAIL_IO, "What was just written can't be read again.");
        break;
    case SOURCE_ASIDE:
    case SOURCE_SEED:
        if (file->sources[i] == SOURCE_SEED ? read_seed(r, chunk) : read_aside(r, file, i))
            *r->f->bytes_found += chunk->size;
        else
            bad = take_instead(r, file, i, e);
        break;
    }
    *bytes = buffer_view(&r->chunk);
    return bad;
}

/* As far as it was asked for. */
static enum failure write_file(struct run *r, struct fetch_file *file, struct error *e)
{
    enum failure closed = file->sources && !file->incoming && file->state == FETCH_WANTED
                              ? incoming_begin(r->f->files, &file->incoming, e)
                              : OK;
    if (closed)
        return closed;
    while (file->written < file->asked) {
        struct bytes bytes;
        size_t i = file->written;
        /* Of one that is absent, what was asked for is still on its way. */
        if (file->state == FETCH_ABSENT && file->sources[i] != SOURCE_REMOTE) {
            file->written++;
            continue;
        }
        if (file->sources[i] == SOURCE_REMOTE && !r->answer_left && !r->call_count)
            break;
        enum failure bad = take_chunk(r, file, i, &bytes, e);
        if (!bad && file->state == FETCH_WANTED && bytes.size)
            bad = incoming_write(file->incoming, bytes, e);
        if (bad)
            return bad;
        if (!bytes.size)
            file->state = FETCH_ABSENT;
        file->written++;
        if (file->sources[i] == SOURCE_REMOTE && !r->answer_left)
            break; /* time to ask for more */
    }
    return OK;
}

/* Of few files each is made durable by itself, as long as it is open. */
static enum failure end_file(struct fetch_file *file, bool few, struct error *e)
{
    struct file_stamp stamp;
    enum failure bad = OK;
    if (file->state == FETCH_WANTED) {
        bad = incoming_seal(file->incoming, file->manifest.stamp.time_ns, &stamp, e);
        if (!bad && !file_stamp_equal(stamp, file->manifest.stamp)) {
            fail(e, FAIL_IO, "The file system of the file store keeps no times as they are set.");
            error_next(e, "Use one that keeps them to the nanosecond, like ext4 or xfs.");
            return e->kind;
        }
        file->state = bad ? FETCH_WANTED : FETCH_WHOLE;
        if (!bad && few)
            bad = incoming_sync(file->incoming, e);
        if (!bad)
            incoming_rest(file->incoming);
    } else {
        incoming_free(TAKE(file->incoming));
    }
    return bad;
}

/* Everything that was asked for is written, and nothing more could be asked for. */
static bool is_over(const struct run *r)
{
    return r->writing == r->count || (!r->call_count && !r->answer_left && time_is_up(r));
}

static enum failure step(struct run *r, struct error *e)
{
    enum failure bad = OK;
    while (!bad && r->call_count < FETCH_CALLS && r->asking < r->count && !time_is_up(r)) {
        size_t before = r->call_count, asking = r->asking;
        bad = ask(r, e);
        if (r->call_count == before && r->asking == asking)
            break;
    }
    if (bad || r->writing == r->count)
        return bad;
    struct fetch_file *file = &r->list[r->writing];
    bad = write_file(r, file, e);
    bool whole = file->sources && (file->written == file->manifest.count ||
                                   (file->state == FETCH_ABSENT && file->written == file->asked));
    if (!bad && whole) {
        bad = end_file(file, r->count <= FETCH_SINGLY_MAX, e);
        r->writing++;
        if (r->asking < r->writing)
            r->asking = r->writing;
    }
    return bad;
}

static void end_run(struct run *r)
{
    for (size_t i = 0; i < r->call_count; i++)
        content_call_forget(r->calls[i].call);
    chunk_answer_free(r->answer);
    buffer_free(&r->packet);
    buffer_free(&r->chunk);
    buffer_free(&r->old);
    buffer_free(&r->front_sums);
    buffer_free(&r->back_sums);
    if (r->seed_fd >= 0)
        close(r->seed_fd);
    if (r->aside_fd >= 0)
        close(r->aside_fd);
}

/* --- one that takes longer than its turn, or than the link holds --- */

static bool is_half_of(const struct fetch_file *half, const struct fetch_file *file)
{
    return strcmp(half->name.file, file->name.file) == 0 &&
           strcmp(half->name.conference, file->name.conference) == 0 &&
           file_stamp_equal(half->manifest.stamp, file->manifest.stamp) &&
           manifest_same_bytes(&half->manifest, &file->manifest);
}

void fetch_half_first(const struct fetch_file *half, struct fetch_file *list, size_t count)
{
    for (size_t i = 1; half && i < count; i++) {
        if (!is_half_of(half, &list[i]))
            continue;
        struct fetch_file first = list[i];
        list[i] = list[0];
        list[0] = first;
        return;
    }
}

static void go_on_with_half(struct fetch *f, enum fetch_for why, struct fetch_file *file)
{
    struct fetch_file *half = f->half[why];
    if (!half || !is_half_of(half, file))
        return;
    file->incoming = TAKE(half->incoming);
    file->sources = TAKE(half->sources);
    file->offsets = TAKE(half->offsets);
    file->same = TAKE(half->same);
    file->asked = half->asked;
    file->written = half->written;
    fetch_let_go_of_half(f, why);
}

static void keep_half(struct fetch *f, enum fetch_for why, struct fetch_file *file)
{
    if (file->state != FETCH_WANTED || !file->sources)
        return;
    file->asked = file->written; /* what did not come is asked for again */
    fetch_let_go_of_half(f, why);
    struct fetch_file *half = f->half[why] = xcalloc(1, sizeof *half);
    *half = *file;
    half->manifest.chunks =
        xmemdup(file->manifest.chunks, file->manifest.count * sizeof(struct chunk));
    file->incoming = NULL;
    file->sources = NULL;
    file->offsets = NULL;
    file->same = NULL;
    file->asked = file->written = 0;
}

uint64_t fetch_half_bytes(const struct fetch *f, enum fetch_for why)
{
    const struct fetch_file *half = f->half[why];
    return half ? half->offsets[half->written] : 0;
}

enum failure fetch_files(struct fetch *f, enum fetch_for why, struct fetch_file *list, size_t count,
                         uint64_t until_ms, struct error *e)
{
    struct run r = {
        .f = f, .list = list, .count = count, .until_ms = until_ms, .seed_fd = -1, .aside_fd = -1};
    enum failure bad = OK;
    if (count)
        go_on_with_half(f, why, &list[0]);
    while (!bad && !is_over(&r))
        bad = step(&r, e);
    end_run(&r);
    if ((!bad || r.unheard) && r.writing < count)
        keep_half(f, why, &list[r.writing]);
    return bad;
}
