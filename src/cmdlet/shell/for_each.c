#include "cmdlet/shell/for_each.h"

#include <ctype.h>
#include <stdlib.h>

#include "cmdlet/language/parse.h"
#include "cmdlet/property.h"
#include "cmdlet/shell/evaluate.h"
#include "cmdlet/shell/run.h"

DEFINE_OWNED(json_t *, json_decref)

static const char the_object[] = "_";

/* What the stage remembers from object to object. */
struct block {
    struct script *script;
    bool begun; /* it was run for one object at least */
    int status;
};

/* --- a property --- */

void for_each_property(struct stage *stage, const json_t *object, const char *name)
{
    const json_t *value = property_of(object, name);
    struct error e;
    if (!value) {
        property_lacking(object, name, &e);
        stage_fail(stage, &e);
    } else if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++)
            stage_emit(stage, json_array_get(value, i));
    } else {
        stage_emit(stage, value);
    }
}

/* `ForEach-Object Identity`: a mere name is no statement. */
static bool is_name(const char *text)
{
    const char *at = text;
    while (isalnum((unsigned char)*at) || *at == '_')
        at++;
    return at > text && !*at;
}

/* NULL: it has a block. */
static const char *property_wanted(const struct binding *b)
{
    const char *member = bound_text(b, "MemberName"), *process = bound_text(b, "Process");
    return member ? member : process && is_name(process) ? process : NULL;
}

/* --- a block --- */

static enum failure read_block(const char *text, struct script **script, struct error *e)
{
    enum failure bad = parse_script(bytes_of_text(text), script, NULL, e);
    if (bad || !run_has_exit(*script))
        return bad;
    script_free(TAKE(*script));
    fail(e, FAIL_INVALID, "exit ends a script, and can't stand in the braces of ForEach-Object.");
    error_kept(e, "Nothing was done.");
    return error_next(e, "To end it at the first error: -ErrorAction Stop");
}

enum failure for_each_check(const struct binding *b, struct error *e)
{
    OWNED(script_free) struct script *script = NULL;
    const char *member = bound_text(b, "MemberName"), *process = bound_text(b, "Process");
    if (process && !member)
        return property_wanted(b) ? OK : read_block(process, &script, e);
    if (member && !process)
        return OK;
    fail(e, FAIL_INVALID,
         member ? "-MemberName and -Process were given: ForEach-Object does one of them."
                : "ForEach-Object lacks what it shall do.");
    error_kept(e, "Nothing was done.");
    return error_next(e, "For example: Get-CsPool | ForEach-Object { $_.Identity }");
}

static struct block *block_of(struct stage *stage)
{
    void **state = stage_state(stage);
    struct error e;
    if (!*state) {
        struct block *block = xcalloc(1, sizeof *block);
        /* It was understood before (for_each_check), so it is now. */
        if (read_block(bound_text(stage_binding(stage), "Process"), &block->script, &e))
            abort();
        *state = block;
    }
    return *state;
}

/* Puts $_ back to what it was in the block around this one. Takes it over; NULL: there was none. */
static void put_back(struct session *s, json_t *outer)
{
    struct error e;
    if (outer)
        session_set(s, the_object, outer, &e);
    else
        session_unset(s, the_object);
}

static void run_for(struct stage *stage, const json_t *object)
{
    struct session *s = stage_session(stage);
    struct block *block = block_of(stage);
    OWNED(json_decref) json_t *captured = json_array();
    json_t *outer = json_incref((json_t *)(uintptr_t)session_get(s, the_object));
    struct error e;
    if (session_set(s, the_object, json_deep_copy(object), &e)) {
        json_decref(outer);
        stage_fail(stage, &e);
        stage_stop(stage);
        return;
    }
    s->blocks++;
    int one = run_block(s, block->script, captured);
    s->blocks--;
    put_back(s, outer);
    block->status = block->begun ? run_status_of_both(block->status, one) : one;
    block->begun = true;
    for (size_t i = 0; i < json_array_size(captured); i++)
        stage_emit(stage, json_array_get(captured, i));
    if (s->stop || session_interrupted())
        stage_stop(stage);
}

void for_each_take(struct stage *stage, const json_t *object)
{
    const char *name = property_wanted(stage_binding(stage));
    struct error e;
    if (name) {
        for_each_property(stage, object, name);
    } else if (stage_session(stage)->blocks < BLOCKS_NESTED_MAX) {
        run_for(stage, object);
    } else {
        fail(&e, FAIL_INVALID, "Blocks stand in blocks more than %d deep.", BLOCKS_NESTED_MAX);
        error_next(&e, "Keep objects in variables, and write one pipe after the other.");
        stage_fail(stage, &e);
        stage_stop(stage);
    }
}

void for_each_end(struct stage *stage)
{
    void **state = stage_state(stage);
    struct block *block = *state;
    if (!block)
        return;
    stage_note_status(stage, block->status);
    script_free(block->script);
    free(block);
    *state = NULL;
}
