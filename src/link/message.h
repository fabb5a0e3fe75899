/* What machines of a deployment say to each other, as JSON: who is there, who holds what in which
 * term, may I serve again, create your home, carry this command out. It knows nothing about how it
 * travels. */
#ifndef POLLUX_LINK_MESSAGE_H
#define POLLUX_LINK_MESSAGE_H

#include "base/bytes.h"
#include "core/batch.h"
#include "core/compare.h"
#include "core/copy.h"
#include "core/heard.h"
#include "core/home.h"
#include "core/operation_step.h"

enum {
    /* Grows when a machine of before would misunderstand. */
    LINK_PROTOCOL = 1,
    MESSAGE_VERSION_SIZE = 32,
    MESSAGE_ENGINE_SIZE = 16,
    MESSAGE_BYTES_MAX = 256 << 10, /* a heartbeat about as many homes as a deployment can have */
    /* A command may carry a topology's text, in which each letter can take more than one byte. An
     * administrator's own has 1 MiB; who passes it on says who they are besides. */
    MESSAGE_COMMAND_BYTES_MAX = (1 << 20) + (16 << 10),
    /* A batch that does not get smaller by compressing, and who sends it. */
    MESSAGE_BATCH_BYTES_MAX = BATCH_BYTES_MAX + (2 << 20),
};

/* Every message begins with who says it. */
struct sender {
    char machine[FQDN_SIZE];
    char pool[FQDN_SIZE];
    unsigned protocol;
    char version[MESSAGE_VERSION_SIZE];
};

/* An operation under way, or the last one, as people are told of it. */
struct heartbeat_operation {
    uint64_t began_wall_ms; /* 0: there is none */
    uint64_t ended_wall_ms; /* 0: it is under way, or nobody knows when it was interrupted */
    bool counted;           /* it is known how much is left */
    uint64_t left;          /* changes still to be copied */
    enum operation_kind kind;
    enum operation_step step;
};

struct heartbeat_home {
    char home[HOME_NAME_SIZE];
    struct term term;
    uint64_t seen;
    bool own; /* this pool is one of the two; then `mode` is what the home is there */
    enum mode mode;
    bool hears; /* a machine of the pool that holds it answers this one */
    bool lacks; /* the copy here lost something: whoever exports to it, ask where it stands */
    struct heartbeat_operation operation; /* by which this pool takes it over, … */
    struct heartbeat_operation last;      /* … or took it last, or did not */
};

struct heartbeat {
    struct sender sender;
    uint64_t started;                 /* a random number of this start */
    uint64_t wall_ms;                 /* its clock, to warn when clocks differ */
    uint64_t topology;                /* a hash of the topology that it runs by */
    char engine[MESSAGE_ENGINE_SIZE]; /* what its database is: "SQLite" */
    /* Of homes that it has no part in, it says something only to whoever does not know it yet. */
    uint64_t rest;  /* a sum over all that it has heard of them */
    bool whole;     /* it is all here; else only of those that the other has a part in */
    uint64_t knows; /* the sum over what the other said last when it said all; 0: never */
    size_t count;
    struct heartbeat_home homes[HEARD_HOMES_MAX];
};

char *heartbeat_encode(const struct heartbeat *heartbeat);
enum failure heartbeat_decode(struct bytes text, struct heartbeat *heartbeat, struct error *e);

/* "May I serve this home again?" and the answer. */
char *question_encode(const struct sender *sender, const char *home,
                      const struct home_question *question);
enum failure question_decode(struct bytes text, struct sender *sender, char home[HOME_NAME_SIZE],
                             struct home_question *question, struct error *e);
char *answer_encode(const struct sender *sender, const struct home_answer *answer);
enum failure answer_decode(struct bytes text, struct sender *sender, struct home_answer *answer,
                           struct error *e);

/* A step of a hand-over, demanded of the holder by whoever takes (core/handover.h), and what the
 * home is there afterwards. */
char *demand_encode(const struct sender *sender, const char *home,
                    const struct home_demanded *demanded);
enum failure demand_decode(struct bytes text, struct sender *sender, char home[HOME_NAME_SIZE],
                           struct home_demanded *demanded, struct error *e);
char *standing_encode(const struct sender *sender, const struct home_standing *standing);
enum failure standing_decode(struct bytes text, struct sender *sender,
                             struct home_standing *standing, struct error *e);

/* "Create your home", from the holder of `central`, and "flush what waits for this home", from
 * whoever is about to take it; the answer is the same again. */
char *create_encode(const struct sender *sender, const char *home);
enum failure create_decode(struct bytes text, struct sender *sender, char home[HOME_NAME_SIZE],
                           struct error *e);

/* "I have so much of this module; where do you stand?" and the answer, which follows a batch, too.
 * The same words begin a comparison (core/compare.h) and end it. */
enum offer_purpose { OFFER_ASK, OFFER_COMPARE, OFFER_COMPARED };
struct sync_offer {
    enum offer_purpose purpose;
    uint64_t comparison; /* which one begins or ends */
    char home[HOME_NAME_SIZE];
    enum module module;
    struct term term;
    uint64_t head, horizon;
    bool whole; /* the exporter has all of the home up to there: it may be a copy that refills */
    uint64_t read_ms;     /* as in a batch: the other one's clock then, or some time before */
    struct digest digest; /* of the module, at the head */
    struct lineage lineage;
};
char *offer_encode(const struct sender *sender, const struct sync_offer *offer);
enum failure offer_decode(struct bytes text, struct sender *sender, struct sync_offer *offer,
                          struct error *e);
char *position_encode(const struct sender *sender, const struct copy_answer *position);
enum failure position_decode(struct bytes text, struct sender *sender, struct copy_answer *position,
                             struct error *e);
/* A part of a comparison is answered by a position, and which of its runs differ. */
struct compared {
    struct copy_answer position;
    size_t size; /* of `differs`, in bytes */
    uint8_t differs[COMPARE_ANSWER_MAX];
};
char *compared_encode(const struct sender *sender, const struct compared *compared);
enum failure compared_decode(struct bytes text, struct sender *sender, struct compared *compared,
                             struct error *e);
/* A batch (core/batch.h), or a part of a comparison (core/compare.h), behind who sends it: binary,
 * because it may be large. */
void packet_wrap(const struct sender *sender, struct bytes packet, struct buffer *out);
enum failure packet_unwrap(struct bytes body, struct sender *sender, struct bytes *packet,
                           struct error *e);

/* "What stands in your copy under these usns?", from a holder in whose own rows they are damaged;
 * with none of them, "what stands there behind this one?", from whoever is about to take the home.
 * The answer is a batch. */
enum { ITEMS_WANTED_MAX = 100 };
/* No usn is above: a number in a damaged key may be. */
#define ITEMS_WANTED_USN_MAX ((uint64_t)INT64_MAX / 2)
struct items_wanted {
    char home[HOME_NAME_SIZE];
    enum module module;
    uint64_t after; /* only where there are no usns */
    size_t count;
    uint64_t usns[ITEMS_WANTED_MAX]; /* ascending */
};
char *wanted_encode(const struct sender *sender, const struct items_wanted *wanted);
enum failure wanted_decode(struct bytes text, struct sender *sender, struct items_wanted *wanted,
                           struct error *e);

/* "Send me these chunks" and the answer are packets (content/chunk_message.h), which only those
 * above know to read. */

/* Session records, as those above write them, behind the home that they belong to. The answer is
 * the home's name, as that of "create". */
void records_wrap(const char *home, struct bytes records, struct buffer *packet);
enum failure records_unwrap(struct bytes packet, char home[HOME_NAME_SIZE], struct bytes *records,
                            struct error *e);

/* "Carry this command out". The payload is a JSON object, as text, of which only those above know
 * what it says; the decoded one is owned by the caller. */
char *command_encode(const struct sender *sender, const char *payload);
enum failure command_decode(struct bytes text, struct sender *sender, char **payload,
                            struct error *e);

#endif
