/* Whatever arrives as a manifest, a key, a question for chunks or an answer is refused or
 * understood; and what is understood stays inside of what arrived. */
#include <assert.h>
#include <string.h>

#include "content/chunk_message.h"
#include "content/likeness.h"
#include "content/manifest.h"
#include "content/name.h"
#include "core/packet.h"
#include "help_along.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_manifest(struct bytes given)
{
    OWNED(manifest_free) struct manifest m = {0};
    OWNED(buffer_free) struct buffer again = {0};
    struct file_stamp stamp;
    struct error e = {0};
    if (manifest_decode(given, &m, &e)) {
        assert(e.what[0] && !m.chunks);
        return;
    }
    uint64_t sum = 0;
    for (size_t i = 0; i < m.count; i++)
        sum += m.chunks[i].size;
    assert(sum == m.stamp.size && m.count <= CHUNKS_MAX);
    assert(manifest_stamp(given, &stamp, NULL) == OK && file_stamp_equal(stamp, m.stamp));
    OWNED(manifest_free) struct manifest back = {0};
    manifest_encode(&m, &again);
    assert(manifest_decode(buffer_view(&again), &back, NULL) == OK);
    assert(manifest_same_bytes(&m, &back));
}

static void try_key(struct bytes given)
{
    OWNED(buffer_free) struct buffer key = {0};
    struct file_name name;
    char shown[FILE_NAME_SHOWN_SIZE];
    if (file_name_of_key("atl.example.com", given, &name, NULL))
        return;
    file_name_key(&name, &key);
    assert(bytes_equal(given, buffer_view(&key)));
    assert(name.file[0] != '.' && !strchr(name.file, '/') && name.conference[0] != '.');
    file_name_shown(&name, shown);
    for (const char *c = shown; *c; c++)
        assert((unsigned char)*c >= ' ');
}

static void try_request(struct bytes given)
{
    OWNED(buffer_free) struct buffer packet = {0};
    OWNED(chunk_request_free) struct chunk_request *request = NULL;
    struct chunk_place place;
    uint64_t bytes = 0;
    help_along(CHUNKS_WANTED_MAGIC, given, &packet);
    if (chunk_request_open(buffer_view(&packet), &request, NULL))
        return;
    while (chunk_request_next(request, &place)) {
        uint32_t front, back;
        assert(place.key.size && place.size && place.offset + place.size > place.offset);
        bytes += place.size;
        likeness_find(given, place.front, place.back, &front, &back);
        assert(front <= given.size && back <= given.size - front);
    }
    assert(bytes <= CHUNK_CALL_BYTES_MAX);
}

static void try_answer(struct bytes given)
{
    OWNED(buffer_free) struct buffer packet = {0};
    OWNED(chunk_answer_free) struct chunk_answer *answer = NULL;
    struct chunk_part chunk;
    help_along(CHUNKS_MAGIC, given, &packet);
    if (chunk_answer_open(buffer_view(&packet), &answer, NULL))
        return;
    for (uint32_t size = 1; size < 100; size++) {
        if (chunk_answer_next(answer, size, &chunk))
            assert(chunk.front + chunk.middle.size + chunk.back == size &&
                   (!chunk.middle.size || chunk.middle.at[chunk.middle.size - 1] + 1));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes rest = bytes_of(data + 1, size ? size - 1 : 0);
    if (size == 0)
        return 0;
    switch (data[0] % 4) {
    case 0: try_manifest(rest); break;
    case 1: try_key(rest); break;
    case 2: try_request(rest); break;
    case 3: try_answer(rest); break;
    }
    return 0;
}
