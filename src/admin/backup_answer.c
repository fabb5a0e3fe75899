#include "admin/backup_answer.h"

#include "base/clock.h"

static const char *const import_words[IMPORT_WORDS] = {"NotInitialized", "ErrorState",
                                                       "NormalState"};

/* The worst comes first: what is said of several together. */
static const enum export_word by_badness[EXPORT_WORDS] = {WORD_ERROR, WORD_NON_STEADY, WORD_STEADY,
                                                          WORD_FINAL, WORD_NOT_INITIALIZED};

const char *import_word_name(enum import_word word)
{
    return import_words[word];
}

enum export_word export_word_worse(enum export_word a, enum export_word b)
{
    for (int i = 0; i < EXPORT_WORDS; i++) {
        if (by_badness[i] == a || by_badness[i] == b)
            return by_badness[i];
    }
    return a;
}

enum import_word import_word_worse(enum import_word a, enum import_word b)
{
    if (a == IMPORT_NOT_INITIALIZED || b == IMPORT_NOT_INITIALIZED)
        return a == IMPORT_NOT_INITIALIZED ? b : a;
    return a < b ? a : b;
}

json_t *show_seconds_since(uint64_t moment_ms, uint64_t now_ms)
{
    if (!moment_ms)
        return json_null();
    return json_real(now_ms > moment_ms ? (double)(now_ms - moment_ms) / 1000 : 0);
}

void show_catching_up(json_t *object, const struct home_state *state, enum module module)
{
    uint64_t at = state->modules[module].cookie.usn, to = state->modules[module].whole_at.usn;
    json_object_set_new(object, "CatchingUpTo",
                        to > at ? json_integer((json_int_t)to) : json_null());
}

void show_consistent(json_t *object, uint64_t wall_ms)
{
    char text[CLOCK_TEXT_MAX];
    json_object_set_new(object, "ConsistentAsOf",
                        wall_ms ? json_string(clock_wall_text(wall_ms, text)) : json_null());
    json_object_set_new(object, "ConsistentAsOfSecondsAgo",
                        show_seconds_since(wall_ms, clock_wall_ms()));
}

struct backup_answer backup_answer_begin(void)
{
    return (struct backup_answer){.exports = WORD_NOT_INITIALIZED,
                                  .imports = IMPORT_NOT_INITIALIZED,
                                  .modules = json_array(),
                                  .details = json_array()};
}

void backup_answer_add(struct backup_answer *answer, enum module module, enum export_word sends,
                       enum import_word keeps)
{
    answer->exports = export_word_worse(answer->exports, sends);
    answer->imports = import_word_worse(answer->imports, keeps);
    json_array_append_new(answer->modules,
                          json_pack("{s:s, s:s, s:s}", "Identity", module_name(module),
                                    "ExportStatus", export_word_name(sends), "ImportStatus",
                                    import_words[keeps]));
}

void backup_answer_show(struct call *call, struct backup_answer *answer, const char *pool,
                        const char *machine, json_t *more)
{
    json_t *object = json_pack("{s:s, s:s, s:s, s:s?, s:o}", "PoolFqdn", pool,
                               "OverallExportStatus", export_word_name(answer->exports),
                               "OverallImportStatus", import_words[answer->imports],
                               "ActiveMachineFqdn", machine, "BackupModules", answer->modules);
    if (more)
        json_object_update(object, more);
    json_decref(more);
    call_object(call, object);
    for (size_t i = 0; call_switch(call, "Detailed") && i < json_array_size(answer->details); i++)
        call_object(call, json_incref(json_array_get(answer->details, i)));
    json_decref(answer->details);
}
