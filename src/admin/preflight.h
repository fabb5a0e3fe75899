/* Before a home is taken over: can it be done? Everything that is wrong is said at once, with what
 * to do about it, and nothing is changed by looking. */
#ifndef POLLUX_ADMIN_PREFLIGHT_H
#define POLLUX_ADMIN_PREFLIGHT_H

#include "admin/call.h"
#include "core/export.h"
#include "pool/operating.h"

enum {
    /* What a disk must be able to take besides what is copied: a batch goes into the log and into
     * the database, and so does what users change right after. */
    PREFLIGHT_ROOM_MB = 32,
    /* More is a long catch-up. A loaded pair copies 20,000 a second, of keys in no order: this is
     * what comes within the time that nobody need ask for. */
    PREFLIGHT_CHANGES_MAX = OPERATION_PATIENCE_MS / 1000 * 20000,
    /* The steps behind the copying: flushes and round trips. */
    PREFLIGHT_STEPS_MS = 100,
    /* What was wrong with a copy may be mended: it is known when it was tried again. */
    PREFLIGHT_TROUBLE_MS = 3 * EXPORT_RETRY_MS,
};

/* False if it can't be done: the errors were told. */
bool preflight_check(struct call *call, const struct operation_wish *wish);

/* The same for so many bytes of items that are not copied yet. */
bool preflight_has_room(struct call *call, const struct operation_wish *wish, uint64_t uncopied);

/* What is found when the holder is asked. */
struct preflight {
    char from[FQDN_SIZE]; /* who holds it */
    bool answered;    /* it answers, with what the home is there and its last change; else … */
    struct error why; /* … why not */
    enum mode mode;
    bool stopped; /* an administrator stopped it: it does not serve in a moment */
    uint64_t head;
    bool keeps; /* its store kept what it was given to keep; else … */
    bool late;  /* … it may still do */
    struct handover_outlook outlook;
    struct home_point own;
    bool whole;                  /* the copy here stands at a point that existed */
    uint64_t complete_wall_ms;   /* until when it had everything; 0: nobody knows */
    uint64_t files_missing;      /* as in an operation's report */
    const struct error *trouble; /* what keeps the copy here from going on; NULL: nothing known */
    char witnesses[OPERATION_WITNESSES_SIZE]; /* who else hears the holder; "": nobody */
};
/* Asks the holder, and has nothing copied for that; `done` is called once, on the loop, and
 * `context` must live until then. */
typedef void preflight_done(const struct preflight *found, void *context);
/* `*look` is it, until it is done. */
struct preflight_look;
void preflight_look(struct front_end *fe, const char *home, preflight_done *done, void *context,
                    struct preflight_look **look);
/* Nobody waits for it any more; NULL does no harm. */
void preflight_leave(struct preflight_look *look);

/* Does the holder take its part, as far as its store lets it? Else the home is taken alone. */
bool preflight_gives(const struct preflight *found);
uint64_t preflight_uncopied(const struct preflight *found);
/* Users are not handed to a copy that is far behind, or gets nothing, unless somebody says that he
 * knows: what was planned waits until it can be done at once. `again`: how it is typed. */
enum failure preflight_judge_copy(const struct preflight *found, const char *self, const char *home,
                                  const char *again, struct error *e);

/* Whether the holder serves the home, or may in a moment. */
enum failure preflight_judge_holder(const struct preflight *found,
                                    const struct operation_wish *wish, const char *self,
                                    struct error *e);
/* … and can release it at all. */
enum failure preflight_judge_store(const struct preflight *found, const struct operation_wish *wish,
                                   bool rehearsed, const char *self, struct error *e);
/* … and this pool take it. `e`: why its store kept nothing, if that is so; then in words for
 * people. */
enum failure preflight_judge_own_store(struct error *e, const struct operation_wish *wish,
                                       const char *self);

/* What would come of a copy in the middle of a long catch-up, taken without its holder: a sentence;
 * NULL: it is not in one. */
const char *preflight_catch_up(const struct preflight *found,
                               const struct operation_options *options);

/* How old the copy is that is taken alone, at that moment, for people. Owned by the caller. */
char *preflight_age(uint64_t complete_wall_ms, uint64_t taken_wall_ms);
/* What a copy that is taken alone has manifests of, and no files, in words; NULL: nothing. Owned by
 * the caller. */
char *preflight_files_away(uint64_t missing, const char *self, const char *holder);

/* How long it would take to take the home, once whoever is waited for is there. False: how long
 * copying takes is not known; `*ms` is what comes besides. */
bool preflight_ms(const struct preflight *found, const struct operation_options *options,
                  uint64_t *ms);

#endif
