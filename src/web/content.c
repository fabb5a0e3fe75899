#include "web/content.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "http/server.h"
#include "web/conference.h"
#include "web/file_answer.h"
#include "web/refusal.h"
#include "web/upload.h"

DEFINE_OWNED(json_t *, json_decref)

static const char conferences[] = "/conferences/", folder[] = "/files/";
enum { MB = 1 << 20 };

bool content_streams(const struct http_request *request)
{
    const char *path = http_request_path(request);
    return strcmp(http_request_method(request), "PUT") == 0 && strncmp(path, "/v1/", 4) == 0 &&
           strstr(path, conferences) && strstr(path, folder);
}

bool content_turn(const struct http_request *request, char id[CONFERENCE_ID_SIZE])
{
    const char *rest = strstr(http_request_path(request), conferences);
    if (!rest || !strstr(rest, folder))
        return false;
    conference_id_of(rest + strlen(conferences), id);
    return true;
}

/* --- which file --- */

/* The path that leads to a conference, as it was asked for; owned by the caller. */
static char *way_to(const struct visit *v, const char *conference)
{
    const char *pool = v->pool_asked;
    return xasprintf("/v1/%s%s%sconferences/%s", *pool ? "pools/" : "", pool, *pool ? "/" : "",
                     conference);
}

/* A file while it is asked for, and what there is of it. */
struct spot {
    char conference[CONFERENCE_ID_SIZE];
    struct file_name name;
    struct buffer key;
    bool exists;
    struct item item; /* its manifest; lent by the view, until the next question */
    struct version version;
    struct file_stamp stamp;
};

static void spot_free(struct spot *s)
{
    buffer_free(&s->key);
}
static inline void owned_spot_free(struct spot *s)
{
    spot_free(s);
}

static enum failure no_file_store(const struct visit *v, struct error *e)
{
    fail(e, FAIL_REFUSED, "%s has no file store: its conferences have no files.",
         standing_pool(v->standing));
    error_kept(e, "Nothing was done.");
    return error_next(e, "An administrator sets one up: file_store in its configuration.");
}

/* The library decodes a path once; what it can't, it leaves, and it would be another name. */
static enum failure read_name(struct visit *v, struct spot *s, struct error *e)
{
    const char *rest = v->rest + strcspn(v->rest, "/");
    const char *file = strncmp(rest, folder, strlen(folder)) == 0 ? rest + strlen(folder) : "";
    enum failure bad = file_name_make(v->home->name, bytes_of_text(s->conference),
                                      bytes_of_text(file), &s->name, e);
    if (!bad && strstr(http_request_target(v->request), "%00"))
        bad = fail(e, FAIL_INVALID, "The name of a file has no NUL in it.");
    if (!bad) {
        file_name_key(&s->name, &s->key);
        return OK;
    }
    error_kept(e, "Nothing was done.");
    return error_next(e, "GET /v1/conferences/%s/files lists what there is.", s->conference);
}

static enum failure read_manifest(struct visit *v, struct spot *s, struct error *e)
{
    enum failure bad =
        view_item(v->view, v->home->name, MODULE_DATA_CONF, buffer_view(&s->key), &s->item, e);
    s->exists = !bad && !s->item.deleted;
    s->version = s->item.version;
    if (s->exists)
        return manifest_stamp(s->item.value, &s->stamp, e);
    return bad == FAIL_NOT_FOUND ? OK : bad;
}

static enum failure find(struct visit *v, struct spot *s, struct error *e)
{
    conference_id_of(v->rest, s->conference);
    enum failure bad = conference_check_part(v, s->conference, e);
    if (!bad && !v->of->files)
        bad = no_file_store(v, e);
    if (!bad)
        bad = read_name(v, s, e);
    return bad ? bad : read_manifest(v, s, e);
}

static const struct version *version_of(const struct spot *s)
{
    return s->exists ? &s->version : NULL;
}

static enum failure not_there(const struct spot *s, struct error *e)
{
    fail(e, FAIL_NOT_FOUND, "This conference has no such file.");
    error_kept(e, "Nothing was changed.");
    return error_next(e, "GET /v1/conferences/%s/files lists those that it has.", s->conference);
}

/* --- reading --- */

/* What lies there is not what the manifest says: it is on its way from the other pool, or from
 * whoever changed it, and not what is there is shown. */
static enum failure pending(struct error *e)
{
    fail(e, FAIL_REFUSED,
         "This file is not in its place yet: it is being brought here, or changed.");
    error_kept(e, "Nothing was done.");
    return error_next(e, "Try again shortly.");
}

static bool part_is_meant(const struct visit *v, const struct spot *s)
{
    char tag[ETAG_SIZE];
    const char *condition = visit_asked(v, "If-Range");
    return !condition || strcmp(condition, etag_text(s->version, tag)) == 0;
}

static void name_headers(struct visit *v, const struct spot *s)
{
    char tag[ETAG_SIZE];
    OWNED(free_memory) char *disposition = file_disposition(s->name.file);
    visit_header(v, "ETag: %s", etag_text(s->version, tag));
    visit_header(v, "Accept-Ranges: bytes");
    visit_header(v, "Content-Disposition: %s", disposition);
    visit_header(v, "Content-Security-Policy: default-src 'none'; sandbox");
}

static void answer_no_part(struct visit *v, const struct spot *s)
{
    struct error e;
    fail(&e, FAIL_INVALID, "The file has %" PRIu64 " bytes, and nothing in that range.",
         s->stamp.size);
    error_kept(&e, "Nothing was done.");
    error_next(&e, "Ask for a range that begins before its end, or for the whole file.");
    visit_answer_error(v, 416, &e);
    visit_header(v, "Content-Range: bytes */%" PRIu64, s->stamp.size);
}

/* Takes the descriptor over. */
static void answer_file(struct visit *v, const struct spot *s, int fd)
{
    uint64_t from, count;
    bool gets = strcmp(v->method, "GET") == 0; /* nothing else has a part (RFC 9110, 14.2) */
    const char *asked = gets && part_is_meant(v, s) ? visit_asked(v, "Range") : NULL;
    enum file_range range = file_range_read(asked, s->stamp.size, &from, &count);
    if (range == RANGE_NONE) {
        close(fd);
        answer_no_part(v, s);
        return;
    }
    visit_answer_file(v, range == RANGE_PART ? 206 : 200, file_type_of(s->name.file), fd, from,
                      count);
    if (range == RANGE_PART)
        visit_header(v, "Content-Range: bytes %" PRIu64 "-%" PRIu64 "/%" PRIu64, from,
                     from + count - 1, s->stamp.size);
    name_headers(v, s);
}

enum failure content_show(struct visit *v, struct error *e)
{
    OWNED(spot_free) struct spot s = {0};
    struct file_stamp stamp;
    int fd;
    enum failure bad = find(v, &s, e);
    if (bad)
        return bad;
    if (!s.exists)
        return not_there(&s, e);
    if (!visit_condition(v, &s.version))
        return OK;
    bad = file_store_check(v->of->files, e);
    if (bad)
        return visit_wait(e);
    bad = file_store_open(v->of->files, &s.name, &fd, &stamp, e);
    if (bad)
        return pending(e);
    if (file_stamp_equal(stamp, s.stamp)) {
        answer_file(v, &s, fd);
        return OK;
    }
    close(fd);
    return pending(e);
}

/* --- listing, and how much there is --- */

struct listing {
    struct visit *v;
    const char *conference;
    const char *except; /* a file that does not count; or NULL */
    json_t *list;       /* NULL: only counted */
    size_t count;
    uint64_t bytes;
    bool more;
};

static const char *state_of(const struct listing *l, const struct file_name *name,
                            struct file_stamp kept)
{
    enum file_found found;
    struct file_stamp stamp;
    bool there = !file_store_look(l->v->of->files, name, &found, &stamp, NULL) &&
                 found == FOUND_FILE && file_stamp_equal(stamp, kept);
    return there ? "Ready" : "Pending";
}

/* A name that is no text (other programs may give one such) is shown as far as it can be. */
static json_t *shown_name(const struct file_name *name)
{
    char shown[FILE_NAME_SHOWN_SIZE];
    if (file_name_writable(name->file))
        return json_string(name->file);
    return json_string(strchr(file_name_shown(name, shown), '/') + 1);
}

static void list_one(const struct listing *l, const struct file_name *name, const struct item *item,
                     struct file_stamp stamp)
{
    char tag[ETAG_SIZE], time[CLOCK_TEXT_MAX];
    OWNED(free_memory) char *url = file_url(name->file);
    OWNED(free_memory) char *way = way_to(l->v, l->conference);
    json_array_append_new(
        l->list, json_pack("{s:o, s:o, s:I, s:s, s:s, s:s, s:s}", "name", shown_name(name), "href",
                           json_sprintf("%s/files/%s", way, url), "size", (json_int_t)stamp.size,
                           "time", clock_wall_text((uint64_t)(stamp.time_ns / 1000000), time),
                           "type", file_type_of(name->file), "etag", etag_text(item->version, tag),
                           "state", state_of(l, name, stamp)));
}

static bool visit_file(const struct item *item, struct item_hash hash, void *context)
{
    (void)hash;
    struct listing *l = context;
    struct file_name name;
    struct file_stamp stamp;
    if (file_name_of_key(l->v->home->name, item->key, &name, NULL) ||
        manifest_stamp(item->value, &stamp, NULL))
        return true;
    if (l->except && strcmp(name.file, l->except) == 0)
        return true;
    l->more = l->list && l->count == CONTENT_FILES_MAX;
    if (l->more)
        return false;
    l->count++;
    l->bytes += stamp.size;
    if (l->list)
        list_one(l, &name, item, stamp);
    return true;
}

static enum failure walk(struct listing *l, struct error *e)
{
    OWNED(buffer_free) struct buffer prefix = {0};
    buffer_printf(&prefix, "%s/", l->conference);
    return view_keys(l->v->view, l->v->home->name, MODULE_DATA_CONF, buffer_view(&prefix),
                     visit_file, l, e);
}

enum failure content_list(struct visit *v, struct error *e)
{
    char id[CONFERENCE_ID_SIZE];
    OWNED(json_decref) json_t *list = json_array();
    struct listing l = {.v = v, .conference = conference_id_of(v->rest, id), .list = list};
    enum failure bad = conference_check_part(v, id, e);
    if (!bad && !v->of->files)
        bad = no_file_store(v, e);
    if (!bad)
        bad = walk(&l, e);
    if (!bad)
        visit_answer_json(v, 200, json_pack("{s:O, s:b}", "files", list, "more", l.more));
    return bad;
}

/* --- uploading --- */

static enum failure told_to_wait(const struct visit *v, struct error *e)
{
    fail(e, FAIL_REFUSED,
         "The users of %s are about to be handed to another pool: no new uploads before that is "
         "done.",
         v->home->name);
    error_kept(e, "Nothing was changed.");
    return error_next(e, "Try again shortly.");
}

static enum failure check_writable(const struct visit *v, const struct spot *s, struct error *e)
{
    const struct mode_rights *rights = mode_rights(v->home->mode);
    if (!file_name_writable(s->name.file)) {
        fail(e, FAIL_INVALID, "The name of a file is UTF-8 without control characters.");
        error_kept(e, "Nothing was changed.");
        return error_next(e, "Give it another name.");
    }
    if (rights->changes && rights->sessions == SESSIONS_KEPT)
        return told_to_wait(v, e);
    if (!rights->changes)
        return refuse_change(v, e);
    return file_store_check(v->of->files, e) ? visit_wait(e) : OK;
}

static void answer_too_large(struct visit *v, uint64_t max_mb)
{
    struct error e;
    fail(&e, FAIL_INVALID, "A file of a conference can have %" PRIu64 " MB.", max_mb);
    error_kept(&e, "Nothing was changed.");
    error_next(&e, "Make it smaller, or ask an administrator for more.");
    visit_answer_error(v, 413, &e);
}

static enum failure no_room(const char *what, uint64_t max, struct error *e)
{
    fail(e, FAIL_FULL, "The files of a conference can %s %" PRIu64 "%s in all.",
         *what == 'h' ? "have" : "be", max, *what == 'h' ? " MB" : "");
    error_kept(e, "Nothing was changed.");
    return error_next(e, "Delete what is no longer needed.");
}

/* Besides this file, whose old version goes. `*left`: how much there may be of it. */
static enum failure check_room(struct visit *v, const struct spot *s, uint64_t *left,
                               struct error *e)
{
    uint64_t max_mb = standing_limits(v->standing)->conference_max_mb;
    struct listing l = {.v = v, .conference = s->conference, .except = s->name.file};
    enum failure bad = walk(&l, e);
    if (bad)
        return bad;
    if (l.count >= CONTENT_FILES_MAX)
        return no_room("be", CONTENT_FILES_MAX, e);
    *left = max_mb * MB > l.bytes ? max_mb * MB - l.bytes : 0;
    return OK;
}

/* The first part: whether it may be sent at all. */
static enum failure begin_upload(struct visit *v, const struct spot *s, struct error *e)
{
    const struct standing_limits *limits = standing_limits(v->standing);
    const char *length = visit_asked(v, "Content-Length");
    uint64_t size = length ? strtoull(length, NULL, 10) : 0, left = 0;
    enum failure bad = check_writable(v, s, e);
    if (bad || !visit_condition(v, version_of(s)))
        return bad;
    if (size > limits->file_max_mb * MB) {
        answer_too_large(v, limits->file_max_mb);
        return OK;
    }
    bad = check_room(v, s, &left, e);
    if (!bad && size > left)
        bad = no_room("have", limits->conference_max_mb, e);
    if (bad)
        return bad;
    struct room_share *share = room_take(v->of->room, v->account.id, s->conference, e);
    if (!share)
        return e->kind;
    const struct upload_limits most = {.file_max = limits->file_max_mb * MB,
                                       .conference_max = left,
                                       .file_max_mb = limits->file_max_mb,
                                       .conference_max_mb = limits->conference_max_mb};
    v->upload = upload_new(v->of->files, &s->name, share, &most);
    return OK;
}

static void answer_stored(struct visit *v, const struct spot *s)
{
    visit_answer(v, upload_replaces(v->upload) ? 200 : 201, NULL, BYTES_NONE);
    OWNED(free_memory) char *url = file_url(s->name.file);
    OWNED(free_memory) char *way = way_to(v, s->conference);
    visit_header(v, "Location: %s/files/%s", way, url);
}

/* The store has its manifest already, whoever committed that: it is answered, and not written
 * again. */
static bool is_taken_up(struct visit *v, const struct spot *s)
{
    OWNED(manifest_free) struct manifest there = {0};
    char tag[ETAG_SIZE];
    if (!s->exists || manifest_decode(s->item.value, &there, NULL) ||
        !upload_is_own(v->upload, &there))
        return false;
    upload_keep(v->upload);
    answer_stored(v, s);
    visit_header(v, "ETag: %s", etag_text(s->version, tag));
    return true;
}

/* The second: it is there, and takes its place with its manifest. What was true at the beginning
 * need not be true any more. */
static enum failure end_upload(struct visit *v, const struct spot *s, struct error *e)
{
    OWNED(buffer_free) struct buffer value = {0};
    const struct manifest *manifest;
    uint64_t left = 0;
    upload_has_its_turn(v->upload);
    if (is_taken_up(v, s) || !visit_condition(v, version_of(s)))
        return OK;
    uint64_t usn = s->exists ? s->version.usn : 0;
    enum failure bad = check_room(v, s, &left, e);
    if (!bad && upload_size(v->upload) > left)
        bad = no_room("have", standing_limits(v->standing)->conference_max_mb, e);
    if (!bad && !visit_change(v, e))
        bad = e->kind;
    if (!bad)
        bad = upload_place(v->upload, s->exists ? s->stamp.time_ns : 0, &manifest, e);
    if (bad)
        return bad;
    manifest_encode(manifest, &value);
    txn_expect(v->txn, MODULE_DATA_CONF, buffer_view(&s->key), usn);
    txn_put(v->txn, MODULE_DATA_CONF, buffer_view(&s->key), buffer_view(&value));
    v->answer.tag_of_change = true;
    answer_stored(v, s);
    return OK;
}

enum failure content_put(struct visit *v, struct error *e)
{
    OWNED(spot_free) struct spot s = {0};
    enum failure bad = find(v, &s, e);
    if (bad)
        return bad;
    return v->upload ? end_upload(v, &s, e) : begin_upload(v, &s, e);
}

/* --- deleting --- */

enum failure content_delete(struct visit *v, struct error *e)
{
    OWNED(spot_free) struct spot s = {0};
    enum failure bad = find(v, &s, e);
    if (bad)
        return bad;
    if (!s.exists)
        return not_there(&s, e);
    if (!visit_condition(v, &s.version))
        return OK;
    if (!visit_change(v, e))
        return e->kind;
    txn_expect(v->txn, MODULE_DATA_CONF, buffer_view(&s.key), s.version.usn);
    bad = file_removal_begin(v->of->files, &s.name, &v->removal, e);
    if (!bad)
        bad = file_removal_settle(v->removal, e);
    if (bad)
        return visit_wait(e);
    txn_delete(v->txn, MODULE_DATA_CONF, buffer_view(&s.key));
    visit_answer(v, 204, NULL, BYTES_NONE);
    return OK;
}
