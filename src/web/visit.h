/* A visit: one request of a user, from its arrival to its answer.
 *
 * It is carried out on a thread, which may read the store: who asks is found out, then what he asks
 * for is done. A change is a transaction that the handler leaves behind; the answer that it
 * prepared goes out when that is durable, and if somebody else was faster, all is done again from
 * the beginning. */
#ifndef POLLUX_WEB_VISIT_H
#define POLLUX_WEB_VISIT_H

#include <jansson.h>

#include "user/items.h"
#include "web/etag.h"
#include "web/nonce.h"
#include "web/sessions.h"
#include "web/standing.h"
#include "web/throttle.h"

struct account_cache;
struct content_room;
struct file_removal;
struct file_store;
struct http_request;
struct upload;
struct storage_service;

enum {
    /* Each time, one of those who change the same thing succeeds; from the second time on only
     * those who come anew are competition (turns.h). */
    VISIT_TRIES_MAX = 64,
    VISIT_RETRY_SECONDS = 2, /* a hand-over takes less */
};

/* What all visits of a machine share; each of these has a lock of its own. */
struct visited {
    struct store *store;
    struct storage_service *storage;
    struct sessions *sessions;
    struct nonces *nonces;
    struct throttle *throttle;
    struct account_cache *accounts;
    struct content_room *room;
    const struct file_store *files; /* NULL: this pool has none */
};

struct answer {
    unsigned status; /* 0: none yet */
    const char *type;
    struct buffer body, headers;
    bool is_file; /* its body is a part of one */
    int fd;
    uint64_t from, count;
    bool tag_of_change; /* its ETag is the first of the transaction's changes */
};

struct visit {
    const struct visited *of;
    struct http_request *request;
    const char *method;
    const char *rest; /* of the path, behind what the route names */
    /* What is asked for is kept in the home of this pool; "": in the caller's own, as most is. */
    char pool_asked[FQDN_SIZE];
    unsigned tries;

    struct standing *standing;
    struct view *view;                /* from the moment that somebody says who he is */
    struct account account;           /* who asks */
    const struct standing_home *home; /* that is asked for */
    bool proved;                      /* that it is him: later tries need not be shown again */
    bool signed_on;                   /* by a session, and this is it */
    struct session_facts session;
    struct txn *txn;
    struct upload *upload;        /* outlives the tries; its body is still to be received if … */
    struct file_removal *removal; /* a file that goes with the transaction */
    bool remembers;               /* its answer waits until what was noted of the session is kept */
    struct answer answer;
};

/* On the thread: prepares the answer, and the transaction that it depends on, if any. Takes the
 * standing over. */
void visit_try(struct visit *v, struct standing *standing);
/* What became of the transaction. False: try again. */
bool visit_committed(struct visit *v, const struct store_outcome *outcome);
/* Has a handler begun an upload whose body is still to come? */
bool visit_receives(const struct visit *v);
/* On a thread that may wait for the client: receives it. Then the visit is tried again; false: it
 * came to nothing, and that is answered. */
bool visit_receive(struct visit *v);
/* Are there files to settle when it is known what became of the transaction? On a thread: they
 * stay, or go, or are as they were before. */
bool visit_has_files(const struct visit *v);
void visit_settle_files(struct visit *v, bool durable);
/* Sends the answer; the request must not be touched any more. */
void visit_send(struct visit *v);
void visit_release(struct visit *v);

/* --- for those who carry out --- */

/* Returns OK when an answer is prepared; what fails is answered as http/failures.h has it, but for
 * FAIL_REFUSED, which is 503 here: the rules forbid it now, and another time they won't. */
typedef enum failure visit_handler(struct visit *v, struct error *e);

void visit_answer(struct visit *v, unsigned status, const char *type, struct bytes body);
void visit_answer_json(struct visit *v, unsigned status, json_t *object); /* takes it over */
/* A part of a file; the descriptor is taken over. */
void visit_answer_file(struct visit *v, unsigned status, const char *type, int fd, uint64_t from,
                       uint64_t count);
void visit_answer_error(struct visit *v, unsigned status, const struct error *e);
void visit_header(struct visit *v, const char *line, ...) __attribute__((format(printf, 2, 3)));
const char *visit_asked(const struct visit *v, const char *header); /* or NULL */
const char *visit_token(const struct visit *v); /* of who is signed on by a session */
bool visit_reads(const struct visit *v);        /* GET or HEAD */

/* The body as a JSON object, owned by the caller; NULL: it is none, or too long. */
json_t *visit_object(struct visit *v, struct error *e);

/* A live item of the home; FAIL_NOT_FOUND, without words, if there is none. Lent as in view_item.
 */
enum failure visit_item(struct visit *v, const char *key, struct item *item, struct error *e);
/* A transaction that changes the home, now the visit's; NULL: nothing can be changed now. */
struct txn *visit_change(struct visit *v, struct error *e);
/* What keeps the file store from working passes, or is for administrators: 503, with its words. */
enum failure visit_wait(struct error *e);
/* Do the request's conditions hold for this version (NULL: there is none)? If not, the answer says
 * so already. */
bool visit_condition(struct visit *v, const struct version *version);
bool visit_is_conditional(const struct visit *v); /* are there any? */

#endif
