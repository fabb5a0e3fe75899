/* What the tests of the store share: a home to work on, transactions in one line, a gate in front
 * of the engine's flush, and the question that every test ends with: does it all fit together? */
#ifndef POLLUX_TEST_STORE_CHECK_H
#define POLLUX_TEST_STORE_CHECK_H

#include "store/engine.h"
#include "store/store.h"

#define HOME    "atl-cs-001.litwareinc.com"
#define PARTNER "por-cs-001.litwareinc.com"
#define MODULE  MODULE_PRESENCE_FOCUS

/* A hold record of HOME; even terms are its own pool's. */
struct hold a_hold(enum mode mode, uint64_t term, uint64_t revision);
/* Stores it. */
enum failure keep_hold(struct store *store, const struct hold *hold, struct error *e);
/* Makes HOME a home that is served in this term, with a lease that does not end. */
void serve_home(struct store *store, uint64_t term);
/* The same of `central`, in term 2. */
void serve_central(struct store *store);
/* Makes HOME a copy that follows the partner's term 3. */
void follow_home(struct store *store);
enum { FOLLOWED_TERM = 3 };

/* Serves the home in this term from now on, whatever it did before; its tag is eleven times that.
 */
void open_term(struct store *store, const char *home, uint64_t term);
/* As it is kept, with its hold record. */
struct home_state state_of(struct store *store, const char *home, struct hold *hold);

struct txn *as_holder(uint64_t term);
struct txn *as_copy(void);
void put_text(struct txn *txn, const char *key, const char *value);
struct item an_item(uint64_t usn, const char *key, const char *value);

/* Commits and compares what became of it; anything else ends the test, with the sentences. */
struct store_outcome commit_as(struct store *store, struct txn *txn, enum failure expected);
struct store_outcome put_one(struct store *store, uint64_t term, const char *key,
                             const char *value);

/* What happened, what was kept, what next: an error that people meet must say all three. */
void assert_says(const struct error *e, enum failure kind, const char *part);

/* Everything of the home, read and added up: order, digests, head. OK, or what does not fit. */
enum failure check_home(struct store *store, const char *home, struct home_state *state,
                        size_t *rows, struct error *e);
void assert_sound(struct store *store, const char *home);

/* Stands between the store and its engine. One store at a time. */
void gate_install(struct engine *engine);
void gate_close(void);          /* the next flush waits */
void gate_wait_for_flush(void); /* until the writer stands at the closed gate */
void gate_open(void);
/* Of the flushes to come, `passing` pass; the next one fails with this, and changes nothing. */
void gate_fail_after(unsigned passing, enum failure kind);
unsigned gate_flushes(void);

#endif
