/* The files of conferences: names, chunks, manifests, and the tree they lie in. */
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "content/chunk_message.h"
#include "content/file_writer.h"
#include "content/keys.h"
#include "content/likeness.h"
#include "content/seeds.h"

static const char home[] = "atl.example.com";

/* --- names --- */

static struct file_name named(const char *conference, const char *file)
{
    struct file_name name;
    assert_int_equal(
        file_name_make(home, bytes_of_text(conference), bytes_of_text(file), &name, NULL), OK);
    return name;
}

static void a_name_becomes_a_key_and_a_key_the_name(void **state)
{
    (void)state;
    OWNED(buffer_free) struct buffer key = {0};
    struct file_name name = named("c 1", "a\nb ü.pdf"), back;
    file_name_key(&name, &key);
    assert_true(bytes_equal(buffer_view(&key), bytes_of_text("c 1/a\nb ü.pdf")));
    assert_int_equal(file_name_of_key(home, buffer_view(&key), &back, NULL), OK);
    assert_string_equal(back.file, name.file);
    assert_string_equal(back.conference, name.conference);
}

static void a_name_leads_nowhere_else(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "/a",   "a/",   "a/..", "../a",       "a/b/c",
                                      "./a",  "a/.b", "a",    "..",   ".pollux/a",  "a/.",
                                      "a//b", "/",    "/etc", "//",   ".hidden/pdf"};
    struct file_name name;
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(file_name_of_key(home, bytes_of_text(bad[i]), &name, NULL), FAIL_INVALID);
    assert_int_equal(file_name_of_key(home, bytes_of("a\0b/c", 5), &name, NULL), FAIL_INVALID);
    assert_int_equal(file_name_of_key("../x", bytes_of_text("a/b"), &name, NULL), FAIL_INVALID);
    char longest[300];
    memset(longest, 'x', sizeof longest);
    struct bytes a = bytes_of_text("a");
    assert_int_equal(file_name_make(home, a, bytes_of(longest, 255), &name, NULL), OK);
    assert_int_equal(file_name_make(home, a, bytes_of(longest, 256), &name, NULL), FAIL_INVALID);
}

static void a_name_is_shown_on_one_line(void **state)
{
    (void)state;
    char text[FILE_NAME_SHOWN_SIZE];
    struct file_name name = named("c", "a\nb\x1b[31m");
    assert_string_equal(file_name_shown(&name, text), "c/a\\x0ab\\x1b[31m");
}

static void a_name_that_is_no_text_is_shown_as_text(void **state)
{
    (void)state;
    char text[FILE_NAME_SHOWN_SIZE];
    struct file_name name = named("c", "Gr\xc3\xbc\xc3\x9f"
                                       "e \xf0\x9f\x98\x80 \xff\xfe \xc3");
    assert_string_equal(file_name_shown(&name, text), "c/Gr\xc3\xbc\xc3\x9f"
                                                      "e \xf0\x9f\x98\x80 \\xff\\xfe \\xc3");
}

/* --- chunks and manifests --- */

static void fill(uint8_t *at, size_t size, uint64_t seed)
{
    for (size_t i = 0; i < size; i++) {
        seed = seed * 6364136223846793005 + 1442695040888963407;
        at[i] = (uint8_t)(seed >> 56);
    }
}

static struct manifest made_of(struct bytes bytes, size_t piece)
{
    OWNED(manifest_builder_free) struct manifest_builder *b = manifest_builder_new();
    struct manifest m;
    while (bytes.size) {
        size_t size = piece < bytes.size ? piece : bytes.size;
        assert_int_equal(manifest_builder_add(b, bytes_of(bytes.at, size), NULL), OK);
        bytes = bytes_of(bytes.at + size, bytes.size - size);
    }
    manifest_builder_end(b, &m);
    return m;
}

static bool has_chunk(const struct manifest *m, const struct chunk *chunk)
{
    for (size_t i = 0; i < m->count; i++) {
        if (memcmp(m->chunks[i].hash, chunk->hash, CHUNK_HASH_SIZE) == 0)
            return true;
    }
    return false;
}

enum { MANY = 20 << 20 };

static void cuts_do_not_depend_on_how_the_bytes_come(void **state)
{
    (void)state;
    OWNED(free_memory) uint8_t *at = xmalloc(MANY);
    fill(at, MANY, 1);
    OWNED(manifest_free) struct manifest whole = made_of(bytes_of(at, MANY), MANY);
    OWNED(manifest_free) struct manifest pieces = made_of(bytes_of(at, MANY), 999);
    assert_true(manifest_same_bytes(&whole, &pieces));
    assert_true(whole.count > MANY / (2 * CHUNK_AIM) && whole.count < MANY / (CHUNK_AIM / 2));
}

static void an_insertion_changes_few_chunks(void **state)
{
    (void)state;
    OWNED(free_memory) uint8_t *at = xmalloc(MANY + 100);
    fill(at, MANY, 2);
    OWNED(manifest_free) struct manifest before = made_of(bytes_of(at, MANY), MANY);
    memmove(at + MANY / 2 + 100, at + MANY / 2, MANY / 2);
    fill(at + MANY / 2, 100, 3);
    OWNED(manifest_free) struct manifest after = made_of(bytes_of(at, MANY + 100), MANY);
    size_t other = 0;
    for (size_t i = 0; i < after.count; i++)
        other += !has_chunk(&before, &after.chunks[i]);
    assert_true(other >= 1 && other <= 4);
}

static void zeros_are_cut_too_and_the_aim_grows(void **state)
{
    (void)state;
    OWNED(free_memory) uint8_t *zeros = xcalloc(1, 64 << 20);
    OWNED(manifest_builder_free) struct manifest_builder *b = manifest_builder_new();
    OWNED(manifest_free) struct manifest m = {0};
    for (int i = 0; i < 16; i++)
        assert_int_equal(manifest_builder_add(b, bytes_of(zeros, 64 << 20), NULL), OK);
    manifest_builder_end(b, &m);
    assert_true(m.stamp.size == (uint64_t)1 << 30);
    assert_true(m.chunks[0].size == 2 * CHUNK_AIM);
    assert_true(m.chunks[CHUNKS_EACH_AIM].size == 4 * CHUNK_AIM);
}

static void a_manifest_comes_back_as_it_was(void **state)
{
    (void)state;
    OWNED(free_memory) uint8_t *at = xmalloc(MANY);
    OWNED(buffer_free) struct buffer value = {0};
    fill(at, MANY, 4);
    OWNED(manifest_free) struct manifest m = made_of(bytes_of(at, MANY), MANY), back = {0};
    m.stamp.time_ns = -5;
    manifest_encode(&m, &value);
    assert_int_equal(manifest_decode(buffer_view(&value), &back, NULL), OK);
    assert_true(file_stamp_equal(m.stamp, back.stamp) && manifest_same_bytes(&m, &back));
    struct file_stamp stamp;
    assert_int_equal(manifest_stamp(buffer_view(&value), &stamp, NULL), OK);
    assert_true(file_stamp_equal(m.stamp, stamp));
    char a[MANIFEST_TAG_SIZE], b[MANIFEST_TAG_SIZE];
    assert_string_equal(manifest_tag(&m, a), manifest_tag(&back, b));
}

static void a_manifest_that_lies_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[100000];
    OWNED(buffer_free) struct buffer value = {0};
    fill(bytes, sizeof bytes, 5);
    OWNED(manifest_free) struct manifest m = made_of(bytes_of(bytes, sizeof bytes), 1000), back;
    manifest_encode(&m, &value);
    for (size_t size = 0; size < value.size; size++)
        assert_int_equal(manifest_decode(bytes_of(value.at, size), &back, NULL), FAIL_DAMAGED);
    value.at[1] ^= 1; /* its size */
    assert_int_equal(manifest_decode(buffer_view(&value), &back, NULL), FAIL_DAMAGED);
    value.at[0] = 2;
    assert_int_equal(manifest_decode(buffer_view(&value), &back, NULL), FAIL_NEWER);
}

/* --- what is remembered of files --- */

static void keys_are_found_until_they_are_removed_and_no_more_than_may_be(void **state)
{
    (void)state;
    OWNED(keys_free) struct keys *keys = keys_new(1000);
    char text[32];
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "c/%d", i);
        struct key_note *note = keys_put(keys, bytes_of_text(text));
        assert_non_null(note);
        note->bytes = (uint64_t)i;
    }
    assert_null(keys_put(keys, bytes_of_text("one more")));
    for (int i = 0; i < 1000; i += 2) {
        snprintf(text, sizeof text, "c/%d", i);
        keys_remove(keys, bytes_of_text(text));
    }
    for (int i = 0; i < 1000; i++) {
        snprintf(text, sizeof text, "c/%d", i);
        const struct key_note *note = keys_find(keys, bytes_of_text(text));
        assert_true(i % 2 ? note && note->bytes == (uint64_t)i : !note);
    }
    struct bytes key;
    struct key_note *note;
    size_t at = 0, count = 0;
    while (keys_next(keys, &at, &key, &note))
        count++;
    assert_true(count == 500 && keys_count(keys) == 500);
}

static void a_seed_says_where_a_chunk_lies(void **state)
{
    (void)state;
    OWNED(free_memory) uint8_t *at = xmalloc(MANY);
    OWNED(seeds_free) struct seeds *seeds = seeds_new();
    fill(at, MANY, 6);
    OWNED(manifest_free) struct manifest m = made_of(bytes_of(at, MANY), MANY);
    seeds_add(seeds, bytes_of_text("c/a"), &m);
    uint64_t offset = 0, found;
    struct bytes key;
    for (size_t i = 0; i < m.count; i++) {
        assert_true(seeds_find(seeds, &m.chunks[i], &key, &found));
        assert_true(found == offset && bytes_equal(key, bytes_of_text("c/a")));
        offset += m.chunks[i].size;
    }
    m.chunks[0].hash[1] ^= 1;
    assert_false(seeds_find(seeds, &m.chunks[0], &key, &found));
}

/* --- questions for chunks --- */

static void a_question_for_chunks_comes_as_it_was_asked(void **state)
{
    (void)state;
    OWNED(chunk_request_free)
    struct chunk_request *asked = chunk_request_new(home, CHUNK_CALL_BYTES), *got = NULL;
    OWNED(buffer_free) struct buffer packet = {0};
    struct bytes sums = bytes_of_text("01234567");
    const struct bytes a = bytes_of_text("c/a"), b = bytes_of_text("c/b");
    const struct file_stamp first = {300, -7}, second = {1 << 30, INT64_MAX};
    struct chunk_place places[] = {
        {.key = a, .stamp = first, .size = 100, .front = sums},
        {.key = a, .stamp = first, .offset = 100, .size = 200, .back = sums},
        {.key = b, .stamp = second, .offset = 1 << 30, .size = CHUNK_AIM}};
    for (size_t i = 0; i < COUNT_OF(places); i++)
        assert_true(chunk_request_add(asked, &places[i]));
    chunk_request_end(asked, &packet);
    assert_int_equal(chunk_request_open(buffer_view(&packet), &got, NULL), OK);
    assert_string_equal(chunk_request_home(got), home);
    struct chunk_place place;
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        assert_true(chunk_request_next(got, &place));
        assert_true(bytes_equal(place.key, places[i].key) && place.offset == places[i].offset &&
                    place.size == places[i].size && bytes_equal(place.front, places[i].front) &&
                    bytes_equal(place.back, places[i].back) &&
                    file_stamp_equal(place.stamp, places[i].stamp));
    }
    assert_false(chunk_request_next(got, &place));
}

static void a_question_is_full_by_its_bytes_but_one_chunk_always_fits(void **state)
{
    (void)state;
    OWNED(chunk_request_free)
    struct chunk_request *asked = chunk_request_new(home, CHUNK_CALL_BYTES);
    struct chunk_place largest = {.key = bytes_of_text("c/a"), .size = CHUNK_SIZE_MAX};
    assert_true(chunk_request_add(asked, &largest));
    assert_false(chunk_request_add(asked, &largest));
}

static void an_answer_says_of_each_chunk_whether_it_is_there(void **state)
{
    (void)state;
    OWNED(buffer_free) struct buffer body = {0}, packet = {0};
    OWNED(chunk_answer_free) struct chunk_answer *answer = NULL;
    struct bytes a = bytes_of_text("hello");
    struct chunk_part got;
    chunk_answer_add(&body, &a);
    chunk_answer_add(&body, NULL);
    chunk_answer_add_middle(&body, 10, 7, a);
    chunk_answer_add_middle(&body, 10, 7, a);
    chunk_answer_add(&body, &a);
    chunk_answer_end(&body, &packet);
    assert_int_equal(chunk_answer_open(buffer_view(&packet), &answer, NULL), OK);
    assert_true(chunk_answer_next(answer, 5, &got) && bytes_equal(got.middle, a));
    assert_false(chunk_answer_next(answer, 5, &got));
    assert_true(chunk_answer_next(answer, 22, &got) && bytes_equal(got.middle, a));
    assert_true(got.front == 10 && got.back == 7);
    assert_false(chunk_answer_next(answer, 16, &got)); /* less than what is there already */
    assert_false(chunk_answer_next(answer, 4, &got));  /* of another size */
    packet.at[packet.size / 2] ^= 1;
    struct chunk_answer *damaged = NULL;
    assert_int_equal(chunk_answer_open(buffer_view(&packet), &damaged, NULL), FAIL_DAMAGED);
}

/* --- what is like it in the version before --- */

static void expect_like(struct bytes old, struct bytes chunk, uint32_t front, uint32_t back)
{
    OWNED(buffer_free) struct buffer fronts = {0}, backs = {0};
    uint32_t at_front, at_back;
    likeness_of_front(old, (uint32_t)chunk.size, &fronts);
    likeness_of_back(old, (uint32_t)chunk.size, &backs);
    assert_true(fronts.size <= LIKENESS_SUMS_MAX && backs.size <= LIKENESS_SUMS_MAX);
    likeness_find(chunk, buffer_view(&fronts), buffer_view(&backs), &at_front, &at_back);
    assert_int_equal(at_front, front);
    assert_int_equal(at_back, back);
}

static void of_a_small_change_only_the_block_around_it_travels(void **state)
{
    (void)state;
    enum { BLOCK = LIKENESS_BLOCK, SIZE = 20 * BLOCK, AT = 7 * BLOCK + 100 };
    OWNED(free_memory) uint8_t *old = xmalloc(SIZE), *now = xmalloc(SIZE + 50);
    for (size_t i = 0; i < SIZE; i++)
        old[i] = (uint8_t)(i * i / 7 ^ i >> 8);
    const struct bytes before = bytes_of(old, SIZE);
    memcpy(now, old, AT);
    memset(now + AT, 'x', 50);
    memcpy(now + AT + 50, old + AT, SIZE - AT);
    expect_like(before, bytes_of(now, SIZE + 50), 7 * BLOCK, 12 * BLOCK); /* inserted */
    expect_like(bytes_of(now, SIZE + 50), before, 7 * BLOCK, 12 * BLOCK); /* taken out */
    memcpy(now + AT + 50, old + AT + 50, SIZE - AT - 50);
    expect_like(before, bytes_of(now, SIZE), 7 * BLOCK, 12 * BLOCK); /* written over */
    expect_like(before, before, SIZE, 0);                            /* ends never overlap */
    memset(now, 'y', SIZE);
    expect_like(before, bytes_of(now, SIZE), 0, 0);
    expect_like(BYTES_NONE, before, 0, 0);
    expect_like(before, bytes_of(old, BLOCK / 2), 0, 0);
}

static void of_the_largest_chunk_there_are_no_more_sums_than_fit(void **state)
{
    (void)state;
    OWNED(free_memory) uint8_t *old = xcalloc(1, CHUNK_SIZE_MAX);
    expect_like(bytes_of(old, CHUNK_SIZE_MAX), bytes_of(old, CHUNK_SIZE_MAX), CHUNK_SIZE_MAX, 0);
    expect_like(bytes_of(old, CHUNK_SIZE_MAX), bytes_of(old, CHUNK_SIZE_MAX - 1000),
                (CHUNK_SIZE_MAX - 1000) / 65529 * 65529, 0);
}

/* --- the tree --- */

struct scene {
    char path[64];
    struct file_store *fs;
};

static int set_up(void **state)
{
    struct scene *s = xcalloc(1, sizeof *s);
    snprintf(s->path, sizeof s->path, "%s", "content-XXXXXX");
    assert_non_null(mkdtemp(s->path));
    s->fs = file_store_new(s->path, home);
    assert_int_equal(file_store_mark(s->fs, NULL), OK);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *s = *state;
    OWNED(free_memory) char *command = xasprintf("rm -rf -- %s", s->path);
    int done = system(command);
    file_store_free(s->fs);
    free(s);
    return done;
}

static char *inside(const struct scene *s, const char *path)
{
    return xasprintf("%s/%s", s->path, path);
}

static void put_text(const struct scene *s, const char *path, const char *text)
{
    OWNED(free_memory) char *full = inside(s, path);
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static enum failure write_file(const struct scene *s, const struct file_name *name,
                               const char *text, int64_t newer_than, struct manifest *m)
{
    OWNED(file_writer_free) struct file_writer *w = NULL;
    enum failure bad = file_writer_new(s->fs, &w, NULL);
    if (!bad)
        bad = file_writer_add(w, bytes_of_text(text), NULL);
    if (!bad)
        bad = file_writer_place(w, name, newer_than, m, NULL);
    if (!bad)
        file_writer_keep(w);
    return bad;
}

static void expect_text(const struct scene *s, const struct file_name *name, const char *text)
{
    char got[100];
    int fd;
    struct file_stamp stamp;
    assert_int_equal(file_store_open(s->fs, name, &fd, &stamp, NULL), OK);
    ssize_t size = read(fd, got, sizeof got - 1);
    close(fd);
    assert_true(size >= 0);
    got[size] = 0;
    assert_string_equal(got, text);
    assert_true(stamp.size == strlen(text));
}

static void what_is_written_is_there_under_its_manifest_s_stamp(void **state)
{
    const struct scene *s = *state;
    struct file_name name = named("c1", "slides.pdf");
    OWNED(manifest_free) struct manifest m = {0};
    enum file_found found;
    struct file_stamp stamp;
    assert_int_equal(write_file(s, &name, "hello", 0, &m), OK);
    expect_text(s, &name, "hello");
    assert_int_equal(file_store_look(s->fs, &name, &found, &stamp, NULL), OK);
    assert_true(found == FOUND_FILE && file_stamp_equal(stamp, m.stamp) && m.count == 1);
}

static void a_new_version_is_newer_whatever_the_clock_says(void **state)
{
    const struct scene *s = *state;
    struct file_name name = named("c1", "slides.pdf");
    OWNED(manifest_free) struct manifest m = {0};
    int64_t far = (int64_t)4000000000 * 1000000000;
    assert_int_equal(write_file(s, &name, "hello", far, &m), OK);
    assert_true(m.stamp.time_ns == far + 1);
}

static void a_writer_that_is_given_up_leaves_the_old_version(void **state)
{
    const struct scene *s = *state;
    struct file_name name = named("c1", "slides.pdf");
    OWNED(manifest_free) struct manifest m = {0};
    struct file_writer *w;
    assert_int_equal(write_file(s, &name, "old", 0, &m), OK);
    assert_int_equal(file_writer_new(s->fs, &w, NULL), OK);
    assert_int_equal(file_writer_add(w, bytes_of_text("new"), NULL), OK);
    file_writer_free(w);
    expect_text(s, &name, "old");
    OWNED(free_memory) char *incoming = inside(s, ".pollux/incoming");
    assert_int_equal(rmdir(incoming), 0); /* nothing is left in it */
}

static struct file_writer *placed(const struct scene *s, const struct file_name *name)
{
    struct file_writer *w;
    OWNED(manifest_free) struct manifest m = {0};
    assert_int_equal(file_writer_new(s->fs, &w, NULL), OK);
    assert_int_equal(file_writer_add(w, bytes_of_text("new"), NULL), OK);
    assert_int_equal(file_writer_place(w, name, 0, &m, NULL), OK);
    expect_text(s, name, "new");
    return w;
}

static void expect_nothing_left_over(const struct scene *s)
{
    OWNED(free_memory) char *incoming = inside(s, ".pollux/incoming");
    assert_int_equal(rmdir(incoming), 0);
}

static void a_version_that_is_taken_back_leaves_the_one_before(void **state)
{
    const struct scene *s = *state;
    struct file_name name = named("c1", "slides.pdf"), first = named("c1", "first.pdf");
    OWNED(manifest_free) struct manifest m = {0};
    enum file_found found;
    struct file_stamp stamp;
    assert_int_equal(write_file(s, &name, "old", 0, &m), OK);
    struct file_writer *w = placed(s, &name);
    file_writer_free(w);
    expect_text(s, &name, "old");
    assert_int_equal(file_store_look(s->fs, &name, &found, &stamp, NULL), OK);
    assert_true(file_stamp_equal(stamp, m.stamp));
    w = placed(s, &first);
    file_writer_free(w);
    assert_int_equal(file_store_look(s->fs, &first, &found, &stamp, NULL), OK);
    assert_int_equal(found, FOUND_NOTHING);
    expect_nothing_left_over(s);
}

static void what_somebody_else_put_there_meanwhile_is_not_taken_back(void **state)
{
    const struct scene *s = *state;
    struct file_name name = named("c1", "slides.pdf");
    OWNED(manifest_free) struct manifest m = {0}, again = {0};
    assert_int_equal(write_file(s, &name, "old", 0, &m), OK);
    struct file_writer *w = placed(s, &name);
    assert_int_equal(write_file(s, &name, "newest", 0, &again), OK);
    file_writer_free(w);
    expect_text(s, &name, "newest");
    expect_nothing_left_over(s);
}

static void without_its_marker_nothing_is_read_and_nothing_written(void **state)
{
    const struct scene *s = *state;
    struct file_name name = named("c1", "slides.pdf");
    OWNED(manifest_free) struct manifest m = {0};
    OWNED(free_memory) char *marker = inside(s, FILE_STORE_MARKER);
    struct file_stamp stamp;
    enum file_found found;
    struct error e;
    int fd;
    assert_int_equal(write_file(s, &name, "hello", 0, &m), OK);
    assert_int_equal(unlink(marker), 0);
    assert_int_equal(file_store_check(s->fs, &e), FAIL_NOT_FOUND);
    assert_non_null(strstr(e.next, "echo atl.example.com > "));
    assert_int_equal(file_store_open(s->fs, &name, &fd, &stamp, NULL), FAIL_NOT_FOUND);
    assert_int_equal(file_store_look(s->fs, &name, &found, &stamp, NULL), FAIL_NOT_FOUND);
    assert_int_equal(write_file(s, &name, "hello", 0, &m), FAIL_NOT_FOUND);
    put_text(s, FILE_STORE_MARKER, "atl.example.com\n"); /* as the message says */
    assert_int_equal(file_store_check(s->fs, NULL), OK);
}

static void another_pool_s_file_store_is_refused(void **state)
{
    const struct scene *s = *state;
    OWNED(file_store_free) struct file_store *other = file_store_new(s->path, "chi.example.com");
    assert_int_equal(file_store_check(other, NULL), FAIL_FOREIGN);
    assert_int_equal(file_store_mark(other, NULL), FAIL_FOREIGN);
}

static void no_link_is_followed(void **state)
{
    const struct scene *s = *state;
    struct file_name passwd = named("c1", "passwd"), link = named("c2", "link");
    OWNED(manifest_free) struct manifest m = {0};
    OWNED(free_memory) char *conference = inside(s, "atl.example.com/c1");
    OWNED(free_memory) char *file = inside(s, "atl.example.com/c2/link");
    struct file_stamp stamp;
    enum file_found found;
    int fd;
    assert_int_equal(write_file(s, &link, "hello", 0, &m), OK);
    manifest_free(&m);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(symlink("/etc/passwd", file), 0);
    assert_int_equal(symlink("/etc", conference), 0);
    assert_int_equal(file_store_open(s->fs, &passwd, &fd, &stamp, NULL), FAIL_FOREIGN);
    assert_int_equal(file_store_open(s->fs, &link, &fd, &stamp, NULL), FAIL_FOREIGN);
    assert_int_equal(write_file(s, &passwd, "x", 0, &m), FAIL_FOREIGN);
    assert_int_equal(file_store_look(s->fs, &link, &found, &stamp, NULL), OK);
    assert_int_equal(found, FOUND_OTHER);
}

static void what_is_set_aside_is_kept_and_its_place_is_free(void **state)
{
    const struct scene *s = *state;
    struct file_name name = named("c1", "a"), folder = name;
    OWNED(manifest_free) struct manifest m = {0};
    enum file_found found;
    struct file_stamp stamp;
    const char *versions[] = {"hello", "hello again"};
    struct file_stamp stamps[2];
    int fd;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(write_file(s, &name, versions[i], 0, &m), OK);
        stamps[i] = m.stamp;
        manifest_free(&m);
        assert_int_equal(file_store_set_aside(s->fs, &name, "a test", NULL), OK);
    }
    for (int i = 0; i < 2; i++) {
        char text[32] = "";
        assert_true(file_store_open_aside(s->fs, &name, stamps[i], &fd));
        assert_int_equal(read(fd, text, sizeof text), strlen(versions[i]));
        assert_string_equal(text, versions[i]);
        close(fd);
    }
    stamps[0].time_ns++;
    assert_false(file_store_open_aside(s->fs, &name, stamps[0], &fd));
    assert_int_equal(file_store_look(s->fs, &name, &found, &stamp, NULL), OK);
    assert_int_equal(found, FOUND_NOTHING);
    folder.file[0] = 0;
    assert_int_equal(file_store_set_aside(s->fs, &folder, "a test", NULL), OK);
    OWNED(free_memory)
    char *count = xasprintf("test $(find %s/.pollux/aside -type f | wc -l) = 2", s->path);
    assert_int_equal(system(count), 0);
}

/* In place of the C library's: which folders were made durable. */
static char flushed[4][512];
static size_t flushes;

int fsync(int fd)
{
    char path[64], *into = flushed[flushes++ % COUNT_OF(flushed)];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(path, into, sizeof flushed[0] - 1);
    into[size > 0 ? size : 0] = 0;
    return (int)syscall(SYS_fsync, fd);
}

static void expect_flushed(const struct scene *s, size_t i, const char *folder)
{
    OWNED(free_memory) char *path = inside(s, folder);
    OWNED(free_memory) char *whole = realpath(path, NULL);
    assert_string_equal(flushed[i], whole);
}

static void a_settled_removal_flushed_both_folders(void **state)
{
    const struct scene *s = *state;
    struct file_name a = named("c1", "a");
    OWNED(manifest_free) struct manifest m = {0};
    struct file_removal *removal;
    for (int aside = 0; aside < 2; aside++) {
        assert_int_equal(write_file(s, &a, "a", 0, &m), OK);
        manifest_free(&m);
        assert_int_equal(aside ? file_removal_begin_aside(s->fs, &a, "a test", &removal, NULL)
                               : file_removal_begin(s->fs, &a, &removal, NULL),
                         OK);
        flushes = 0;
        assert_int_equal(file_removal_settle(removal, NULL), OK);
        assert_int_equal(flushes, 2);
        expect_flushed(s, 0,
                       aside ? ".pollux/aside/atl.example.com/c1/a"
                             : ".pollux/removed/atl.example.com/c1");
        expect_flushed(s, 1, "atl.example.com/c1");
        file_removal_end(removal, true);
    }
    for (int aside = 0; aside < 2; aside++) { /* there is none */
        assert_int_equal(aside ? file_removal_begin_aside(s->fs, &a, "a test", &removal, NULL)
                               : file_removal_begin(s->fs, &a, &removal, NULL),
                         OK);
        flushes = 0;
        assert_int_equal(file_removal_settle(removal, NULL), OK);
        assert_int_equal(flushes, 2); /* for those before it */
        file_removal_end(removal, false);
    }
}

static enum file_meant keeps_a(const struct file_name *name, struct file_stamp *stamp,
                               void *context)
{
    (void)context;
    *stamp = (struct file_stamp){0};
    return strcmp(name->file, "a") == 0 ? MEANT : MEANT_GONE;
}

static void a_removal_is_undone_if_it_did_not_become_durable(void **state)
{
    const struct scene *s = *state;
    struct file_name a = named("c1", "a"), b = named("c1", "b");
    OWNED(manifest_free) struct manifest m = {0}, n = {0};
    struct file_removal *removal;
    enum file_found found;
    struct file_stamp stamp;
    assert_int_equal(write_file(s, &a, "a", 0, &m), OK);
    assert_int_equal(write_file(s, &b, "b", 0, &n), OK);
    assert_int_equal(file_removal_begin(s->fs, &a, &removal, NULL), OK);
    assert_int_equal(file_store_look(s->fs, &a, &found, &stamp, NULL), OK);
    assert_int_equal(found, FOUND_NOTHING);
    assert_true(file_store_changes(s->fs, &a)); /* what is missing meanwhile is not lost */
    file_removal_end(removal, false);
    assert_false(file_store_changes(s->fs, &a));
    expect_text(s, &a, "a");

    assert_int_equal(file_removal_begin(s->fs, &b, &removal, NULL), OK);
    file_removal_end(removal, true);
    struct error e = {0};
    assert_int_equal(file_removal_begin(s->fs, &b, &removal, &e), OK); /* it is gone: fine */
    assert_int_equal(e.kind, OK);
    file_removal_end(removal, true);
    assert_int_equal(file_store_look(s->fs, &b, &found, &stamp, NULL), OK);
    assert_int_equal(found, FOUND_NOTHING);
}

/* What a process leaves that is killed in the middle. */
static void tidying_up_puts_back_what_is_still_kept(void **state)
{
    const struct scene *s = *state;
    struct file_name a = named("c1", "a"), b = named("c1", "b");
    enum file_found found;
    struct file_stamp stamp;
    OWNED(free_memory)
    char *make = xasprintf("mkdir -p %s/.pollux/removed/atl.example.com/c1 %s/.pollux/incoming",
                           s->path, s->path);
    assert_int_equal(system(make), 0);
    put_text(s, ".pollux/removed/atl.example.com/c1/a", "a");
    put_text(s, ".pollux/removed/atl.example.com/c1/b", "b");
    put_text(s, ".pollux/incoming/0123", "half");
    assert_int_equal(file_store_tidy(s->fs, keeps_a, NULL, NULL), OK);
    expect_text(s, &a, "a");
    assert_int_equal(file_store_look(s->fs, &b, &found, &stamp, NULL), OK);
    assert_int_equal(found, FOUND_NOTHING);
    OWNED(free_memory)
    char *left = xasprintf("test $(find %s/.pollux -type f | wc -l) = 0", s->path);
    assert_int_equal(system(left), 0);
}

/* Whoever replaces a file is killed before its manifest is durable, or right behind that. */
static void put_and_be_killed(const struct scene *s, const struct file_name *name, const char *text)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        struct file_writer *w;
        struct manifest m;
        bool bad = file_writer_new(s->fs, &w, NULL) ||
                   file_writer_add(w, bytes_of_text(text), NULL) ||
                   file_writer_place(w, name, 0, &m, NULL);
        _exit(bad);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    expect_text(s, name, text);
}

static enum file_meant keeps_stamp(const struct file_name *name, struct file_stamp *stamp,
                                   void *context)
{
    (void)name;
    *stamp = *(const struct file_stamp *)context;
    return MEANT;
}

static enum file_meant keeps_none(const struct file_name *name, struct file_stamp *stamp,
                                  void *context)
{
    (void)name, (void)stamp, (void)context;
    return MEANT_NOT;
}

static enum file_meant keeps_who_knows(const struct file_name *name, struct file_stamp *stamp,
                                       void *context)
{
    (void)name, (void)stamp, (void)context;
    return MEANT_UNKNOWN;
}

static size_t files_in(const struct scene *s, const char *folder)
{
    char line[32] = "";
    OWNED(free_memory)
    char *find = xasprintf("find %s/.pollux/%s -mindepth 1 ! -type d | wc -l", s->path, folder);
    FILE *pipe = popen(find, "r");
    assert_non_null(fgets(line, sizeof line, pipe));
    pclose(pipe);
    return strtoul(line, NULL, 10);
}

static void what_is_replaced_comes_back_unless_its_next_version_is_durable(void **state)
{
    const struct scene *s = *state;
    struct file_name a = named("c1", "a"), b = named("c1", "b");
    OWNED(manifest_free) struct manifest first = {0};
    enum file_found found;
    struct file_stamp stamp;
    assert_int_equal(write_file(s, &a, "first", 0, &first), OK);
    put_and_be_killed(s, &a, "second");
    assert_int_equal(files_in(s, "incoming"), 2); /* it, and of which file it is */
    assert_int_equal(file_store_tidy(s->fs, keeps_who_knows, NULL, NULL), OK);
    expect_text(s, &a, "second");
    assert_int_equal(file_store_tidy(s->fs, keeps_stamp, &first.stamp, NULL), OK);
    expect_text(s, &a, "first");
    assert_int_equal(files_in(s, "incoming"), 0);
    assert_int_equal(files_in(s, "aside"), 1); /* "second": nobody throws anything away */

    put_and_be_killed(s, &a, "third");
    assert_int_equal(file_store_look(s->fs, &a, &found, &stamp, NULL), OK);
    assert_int_equal(file_store_tidy(s->fs, keeps_stamp, &stamp, NULL), OK);
    expect_text(s, &a, "third");
    assert_int_equal(files_in(s, "incoming"), 0);
    assert_int_equal(files_in(s, "aside"), 1);

    put_and_be_killed(s, &b, "of nothing before");
    assert_int_equal(files_in(s, "incoming"), 0);

    /* Its manifest is in a tail, perhaps: then it is lent from where it is set aside. */
    put_and_be_killed(s, &a, "fourth");
    assert_int_equal(file_store_tidy(s->fs, keeps_none, NULL, NULL), OK);
    expect_text(s, &a, "fourth");
    assert_int_equal(files_in(s, "incoming"), 0);
    assert_int_equal(files_in(s, "aside"), 2);
}

/* A file store is mounted when polluxd has run for long, and has uploads under way. */
static void tidying_up_leaves_alone_what_this_process_is_about(void **state)
{
    const struct scene *s = *state;
    struct file_name a = named("c1", "a");
    OWNED(manifest_free) struct manifest first = {0}, second = {0};
    OWNED(file_writer_free) struct file_writer *half = NULL, *w = NULL;
    assert_int_equal(write_file(s, &a, "first", 0, &first), OK);
    assert_int_equal(file_writer_new(s->fs, &half, NULL), OK);
    assert_int_equal(file_writer_new(s->fs, &w, NULL), OK);
    assert_int_equal(file_writer_add(w, bytes_of_text("second"), NULL), OK);
    assert_int_equal(file_writer_place(w, &a, 0, &second, NULL), OK);
    assert_int_equal(file_store_tidy(s->fs, keeps_stamp, &first.stamp, NULL), OK);
    expect_text(s, &a, "second");
    assert_int_equal(files_in(s, "incoming"), 3);
    file_writer_free(TAKE(w));
    expect_text(s, &a, "first");
    assert_int_equal(files_in(s, "incoming"), 1);
}

/* A name in there is a name of content, or nothing is done with it. */
static void what_is_replaced_leads_nowhere_else(void **state)
{
    const struct scene *s = *state;
    struct file_stamp stamp = {.size = 1};
    static const char *const names[] = {"../c1/a", "atl.example.com/../a",   "a",
                                        "a/b",     "atl.example.com/c1/a/b", "atl.example.com//a",
                                        "/a/b/c",  "atl.example.com/c1/a"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        OWNED(free_memory)
        char *make = xasprintf("cd %s && mkdir -p .pollux/incoming && "
                               "ln -s '%s' .pollux/incoming/%zu.of && echo > .pollux/incoming/%zu "
                               "&& touch -d @0 .pollux/incoming/%zu",
                               s->path, names[i], i, i, i);
        assert_int_equal(system(make), 0);
    }
    assert_int_equal(file_store_tidy(s->fs, keeps_stamp, &stamp, NULL), OK);
    assert_int_equal(files_in(s, "incoming"), 0);
    OWNED(free_memory)
    char *left = xasprintf("cd %s && test \"$(find . -type f ! -name .pollux-file-store)\" = "
                           "./atl.example.com/c1/a",
                           s->path);
    assert_int_equal(system(left), 0); /* the last of them, which is none of those */
}

/* A conflict is put in the place of a file, and the power goes before or behind its transaction. */
static void what_goes_aside_with_a_change_stays_out_of_its_place_if_the_power_goes(void **state)
{
    const struct scene *s = *state;
    struct file_name a = named("c1", "a");
    OWNED(manifest_free) struct manifest m = {0};
    struct file_removal *removal;
    enum file_found found;
    struct file_stamp stamp;
    int fd;
    assert_int_equal(write_file(s, &a, "a", 0, &m), OK);
    assert_int_equal(file_removal_begin_aside(s->fs, &a, "a test", &removal, NULL), OK);
    assert_true(file_store_changes(s->fs, &a));
    OWNED(file_store_free) struct file_store *next = file_store_new(s->path, home);
    assert_int_equal(file_store_tidy(next, keeps_a, NULL, NULL), OK);
    assert_int_equal(file_store_look(next, &a, &found, &stamp, NULL), OK);
    assert_int_equal(found, FOUND_NOTHING);
    assert_true(file_store_open_aside(next, &a, m.stamp, &fd));
    close(fd);
    file_removal_end(removal, false); /* nobody stopped, and the transaction failed */
    assert_false(file_store_changes(s->fs, &a));
    expect_text(s, &a, "a");
    assert_int_equal(file_removal_begin_aside(s->fs, &a, "a test", &removal, NULL), OK);
    file_removal_end(removal, true);
    assert_true(file_store_open_aside(s->fs, &a, m.stamp, &fd));
    close(fd);
}

static bool count_name(const char *name, void *context)
{
    (void)name;
    (*(int *)context)++;
    return true;
}

static void a_walk_leaves_out_what_no_content_can_be(void **state)
{
    const struct scene *s = *state;
    struct file_name a = named("c1", "a");
    OWNED(manifest_free) struct manifest m = {0};
    OWNED(free_memory) char *conference = inside(s, "atl.example.com/link");
    int conferences = 0, files = 0;
    assert_int_equal(write_file(s, &a, "a", 0, &m), OK);
    put_text(s, "atl.example.com/c1/.a.swp", "x");
    put_text(s, "atl.example.com/no-folder", "x");
    assert_int_equal(symlink("/etc", conference), 0);
    assert_int_equal(file_store_conferences(s->fs, home, count_name, &conferences, NULL), OK);
    assert_int_equal(file_store_files(s->fs, home, "c1", count_name, &files, NULL), OK);
    assert_int_equal(file_store_files(s->fs, home, "link", count_name, &files, NULL), OK);
    assert_int_equal(conferences, 3); /* also of what is no folder somebody may want to hear */
    assert_int_equal(files, 1);
    assert_true(file_store_no_folder(s->fs, home, "no-folder"));
    assert_true(file_store_no_folder(s->fs, home, "link"));
    assert_false(file_store_no_folder(s->fs, home, "c1"));
    assert_false(file_store_no_folder(s->fs, home, "nothing"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_becomes_a_key_and_a_key_the_name),
        cmocka_unit_test(a_name_leads_nowhere_else),
        cmocka_unit_test(a_name_is_shown_on_one_line),
        cmocka_unit_test(a_name_that_is_no_text_is_shown_as_text),
        cmocka_unit_test(cuts_do_not_depend_on_how_the_bytes_come),
        cmocka_unit_test(an_insertion_changes_few_chunks),
        cmocka_unit_test(zeros_are_cut_too_and_the_aim_grows),
        cmocka_unit_test(a_manifest_comes_back_as_it_was),
        cmocka_unit_test(a_manifest_that_lies_is_refused),
        cmocka_unit_test(keys_are_found_until_they_are_removed_and_no_more_than_may_be),
        cmocka_unit_test(a_seed_says_where_a_chunk_lies),
        cmocka_unit_test(a_question_for_chunks_comes_as_it_was_asked),
        cmocka_unit_test(a_question_is_full_by_its_bytes_but_one_chunk_always_fits),
        cmocka_unit_test(an_answer_says_of_each_chunk_whether_it_is_there),
        cmocka_unit_test(of_a_small_change_only_the_block_around_it_travels),
        cmocka_unit_test(of_the_largest_chunk_there_are_no_more_sums_than_fit),
#define IN_A_TREE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
        IN_A_TREE(what_is_written_is_there_under_its_manifest_s_stamp),
        IN_A_TREE(a_new_version_is_newer_whatever_the_clock_says),
        IN_A_TREE(a_writer_that_is_given_up_leaves_the_old_version),
        IN_A_TREE(a_version_that_is_taken_back_leaves_the_one_before),
        IN_A_TREE(what_somebody_else_put_there_meanwhile_is_not_taken_back),
        IN_A_TREE(without_its_marker_nothing_is_read_and_nothing_written),
        IN_A_TREE(another_pool_s_file_store_is_refused),
        IN_A_TREE(no_link_is_followed),
        IN_A_TREE(what_is_set_aside_is_kept_and_its_place_is_free),
        IN_A_TREE(a_removal_is_undone_if_it_did_not_become_durable),
        IN_A_TREE(tidying_up_puts_back_what_is_still_kept),
        IN_A_TREE(what_is_replaced_comes_back_unless_its_next_version_is_durable),
        IN_A_TREE(what_is_replaced_leads_nowhere_else),
        IN_A_TREE(tidying_up_leaves_alone_what_this_process_is_about),
        IN_A_TREE(what_goes_aside_with_a_change_stays_out_of_its_place_if_the_power_goes),
        IN_A_TREE(a_settled_removal_flushed_both_folders),
        IN_A_TREE(a_walk_leaves_out_what_no_content_can_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
