/* A file of a conference on its way in: received beside what is there, put into its place, and kept
 * or taken back with its manifest. Knows the file store, and nothing of who may do it. */
#ifndef POLLUX_WEB_UPLOAD_H
#define POLLUX_WEB_UPLOAD_H

#include "content/file_writer.h"
#include "web/content_room.h"

struct http_request;

enum {
    UPLOAD_PART = 64 << 10,
    /* Somebody who sends less than so much in so long has gone, or is somewhere without a network;
     * he would keep one of UPLOADS_MAX threads. */
    UPLOAD_SPELL_MS = 30000,
    UPLOAD_SPELL_BYTES_MIN = 30 << 10,
};

struct upload_limits {
    uint64_t file_max;       /* bytes */
    uint64_t conference_max; /* of what all uploads to the conference may have together */
    uint64_t file_max_mb, conference_max_mb; /* as people set them */
};

struct upload;
/* Takes the share over, in any case. `files` is lent. */
struct upload *upload_new(const struct file_store *files, const struct file_name *name,
                          struct room_share *share, const struct upload_limits *limits);
/* What was put into its place and not kept is taken back. NULL does nothing. */
void upload_free(struct upload *upload);

/* On a thread that may wait for whoever sends: all of the body, durable. Once. */
enum failure upload_receive(struct upload *upload, struct http_request *request, struct error *e);
bool upload_is_received(const struct upload *upload);
/* From now on the conference's manifests say whether there is room for it. */
void upload_has_its_turn(struct upload *upload);
uint64_t upload_size(const struct upload *upload); /* of what was received */

/* Puts it into its place, if it is not there yet, and says what its manifest is; lent. */
enum failure upload_place(struct upload *upload, int64_t newer_than_ns,
                          const struct manifest **manifest, struct error *e);
/* Is this manifest its own? Whoever watches the file store may have been faster. */
bool upload_is_own(const struct upload *upload, const struct manifest *manifest);
/* Was there a version before, when it took its place? */
bool upload_replaces(const struct upload *upload);
/* Its manifest is durable: it stays. */
void upload_keep(struct upload *upload);

#endif
