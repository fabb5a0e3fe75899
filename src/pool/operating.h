/* The operations of this machine: takes homes over from its partner by core/operation.h, one at a
 * time for each home, and keeps a journal of them, so that what was under way when the process
 * ended is known afterwards. An operation goes on whether or not anybody watches it. */
#ifndef POLLUX_POOL_OPERATING_H
#define POLLUX_POOL_OPERATING_H

#include "core/operation.h"
#include "pool/front_end.h"
#include "pool/replicas.h"

struct operating;

enum {
    OPERATION_BY_SIZE = 256,
    OPERATION_TYPED_SIZE = 512, /* a command's name, that of a pool or a server, and a few words */
    OPERATION_WITNESSES_SIZE = 1024,
};

struct operation_wish {
    char home[HOME_NAME_SIZE];
    enum operation_kind kind;
    struct operation_options options;
    char by[OPERATION_BY_SIZE]; /* who gave the command */
    /* What is typed to have the same once more, and to take the home without its holder. */
    char again[OPERATION_TYPED_SIZE], alone[OPERATION_TYPED_SIZE];
};

/* An operation, under way or the last one of its home. */
struct operation_report {
    uint64_t id; /* of this process: grows; 0: the journal of an earlier one tells of it */
    struct operation_wish wish;
    struct operation_status status;
    uint64_t began_wall_ms, ended_wall_ms; /* 0: it is under way */
    bool interrupted;                      /* this machine stopped in the middle of it */
    char from[FQDN_SIZE], to[FQDN_SIZE];   /* the holder at its beginning, and who takes it */
    struct term held;                      /* the term that was given away */
    /* Before it was taken alone: the pools whose machines hear the holder, said ours; "" none. */
    char witnesses[OPERATION_WITNESSES_SIZE];
    uint64_t complete_wall_ms;     /* … until when the copy had everything; 0: nobody knows */
    uint64_t files_missing;        /* … of which it had the manifests alone; or CONTENT_UNKNOWN */
    struct replicas_said replicas; /* of `central`: how far they are, or were at its end */
};

struct operating *operating_new(struct front_end *fe);
void operating_start(struct operating *operating); /* reads the journal */
/* After the link was stopped: what is under way is not gone on with. */
void operating_stop(struct operating *operating);
void operating_free(struct operating *operating);

/* FAIL_BUSY if another one of this home is under way: operating_of() tells which. `*id` names it.
 * It has begun when this returns; its journal may not be durable yet, and need not be: up to the
 * holder's release everything rolls back by itself. */
enum failure operating_begin(struct operating *operating, const struct operation_wish *wish,
                             uint64_t *id, struct error *e);
/* A command that still looks whether it can begin one: calling off means it, too, if none is under
 * way. Whoever has one in the list takes it out again. */
struct operating_wait {
    struct operating_wait *next;
    const char *home;
    bool called_off;
};
void operating_wait(struct operating *operating, struct operating_wait *wait);
void operating_wait_end(struct operating *operating, const struct operating_wait *wait);
enum failure operating_cancel(struct operating *operating, const char *home, struct error *e);
/* Whether that would call one off now. */
enum failure operating_check_cancel(const struct operating *operating, const char *home,
                                    struct error *e);
/* NULL: there was none. Lent until the loop goes on. */
const struct operation_report *operating_of(const struct operating *operating, const char *home);
bool operating_is_under_way(const struct operation_report *report);
/* As people elsewhere are told of it. */
struct heartbeat_operation operating_summary(const struct operation_report *report);

/* The copy of this home moved. */
void operating_look(struct operating *operating, const char *home);

#endif
