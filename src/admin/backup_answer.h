/* What Get-CsBackupServiceStatus shows of a pool, collected module by module: by the pool itself,
 * or by its partner. */
#ifndef POLLUX_ADMIN_BACKUP_ANSWER_H
#define POLLUX_ADMIN_BACKUP_ANSWER_H

#include "admin/call.h"
#include "core/export.h"

/* The worse one first, but for the first: of a module with nothing to keep nothing is said. */
enum import_word { IMPORT_NOT_INITIALIZED, IMPORT_ERROR, IMPORT_NORMAL, IMPORT_WORDS };
const char *import_word_name(enum import_word word);

/* What is said of several together: the worse word of both. */
enum export_word export_word_worse(enum export_word a, enum export_word b);
enum import_word import_word_worse(enum import_word a, enum import_word b);

struct backup_answer {
    enum export_word exports;
    enum import_word imports;
    json_t *modules;
    json_t *details; /* for -Detailed: an object for each module and direction */
};
struct backup_answer backup_answer_begin(void);
void backup_answer_add(struct backup_answer *answer, enum module module, enum export_word sends,
                       enum import_word keeps);
/* Takes `more` over: what stands behind the rest, or NULL. `machine`: which one of the pool copies;
 * NULL: nobody knows. */
void backup_answer_show(struct call *call, struct backup_answer *answer, const char *pool,
                        const char *machine, json_t *more);

/* How old a copy is: adds ConsistentAsOf and ConsistentAsOfSecondsAgo, null for 0. */
void show_consistent(json_t *object, uint64_t wall_ms);
/* Where a copy that is catching up will be what its holder was at one moment. */
void show_catching_up(json_t *object, const struct home_state *state, enum module module);
json_t *show_seconds_since(uint64_t moment_ms, uint64_t now_ms); /* null for 0 */

/* For a pool that does not answer: what this one, its partner, knows. Ends the call. */
void backup_stand_in(struct call *call, const struct pool *silent);

#endif
