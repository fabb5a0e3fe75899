/* One request, shared by two owners that end at different times: the library's connection and
 * whoever answers. Only `server.c` includes this; everybody else sees `server.h`.
 *
 * The rule that keeps them apart: `connection` may be touched only with the lock held and while it
 * isn't NULL. The library's thread clears it when it is done with the request; from then on an
 * answer goes nowhere. Whoever suspends and whoever resumes hold the lock too, so an answer that
 * comes before the connection sleeps is simply found by the thread that would have put it to
 * sleep. */
#ifndef POLLUX_HTTP_REQUEST_H
#define POLLUX_HTTP_REQUEST_H

#include <stdatomic.h>
#include <stdbool.h>

#include <microhttpd.h>

#include "http/peer.h"
#include "http/server.h"

/* Bodies that are not whole yet, of all requests of a server. */
struct arrivals {
    size_t max; /* bytes; 0: none */
    atomic_size_t bytes;
};

/* Takes the caller's share of `peer`. `arrivals` is lent until the body is whole. Belongs to the
 * connection until `request_completed`. */
struct http_request *request_new(struct MHD_Connection *connection, const char *method,
                                 const char *path, const char *target, struct peer *peer,
                                 size_t body_max, struct arrivals *arrivals);

/* What is wrong with its head (http/head.h); 0: nothing. */
unsigned request_head_refusal(const struct http_request *request, const char *version,
                              struct error *e);

/* How much more there may come before it is clear that it is too much. */
enum request_room {
    REQUEST_FITS,
    REQUEST_TOO_LONG, /* what comes is thrown away; answer 413 when all is there */
    REQUEST_ENDLESS /* … and it is not worth waiting for the end, or that does not come in time */
};
enum request_room request_room_for(const struct http_request *request, uint64_t length);
enum request_room request_receive(struct http_request *request, const char *part, size_t size);
bool request_is_too_long(const struct http_request *request);
bool request_is_crowded_out(const struct http_request *request); /* others took the room for it */
/* Its body is whole, or nobody waits for the rest: it is none of the arrivals any more. */
void request_arrived(struct http_request *request);

/* Its body is read while it arrives. False: there is none. */
bool request_stream(struct http_request *request);
/* The connection sleeps until it is said whether the body is wanted; returns what to tell the
 * library. Called again whenever it was woken, as long as it is held. */
enum MHD_Result request_hold(struct http_request *request);
bool request_is_held(const struct http_request *request);
/* As the library's handler: leaves in `*size` what there was no room for, and sleeps then. */
enum MHD_Result request_stream_part(struct http_request *request, const char *part, size_t *size);
void request_stream_end(struct http_request *request);

/* From here on there is a second owner, who answers. */
void request_hand_over(struct http_request *request);
bool request_is_handed_over(const struct http_request *request);
/* Answer for whoever should have: nothing that they say later is heard. A stream is broken off
 * behind what was written. `closes`: what else comes on this connection is not believed. */
void request_refuse(struct http_request *request, unsigned status, const struct error *e,
                    bool closes);
/* Give the library its answer, or put the connection to sleep until there is one. */
enum MHD_Result request_settle(struct http_request *request);
/* The library is done with it: clears `connection`, drops its share. */
void request_completed(struct http_request *request);

void request_share(struct http_request *request);
void request_release(struct http_request *request);

/* The open ones of a server, in a list that the server guards. */
struct request_links {
    struct http_request *before, *after;
    bool listed;
};
struct request_links *request_links(struct http_request *request);

#endif
