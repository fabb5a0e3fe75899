#include "cmdlet/parameter.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/fqdn.h"
#include "base/memory.h"
#include "base/nearest.h"
#include "base/timespan.h"

DEFINE_OWNED(json_t *, json_decref)

enum { SHOWN_MAX = 80 }; /* of a wrong value, in a message */

/* How a wrong value is quoted. A secret is not. */
static const char *shown(const struct parameter *p, const char *text, char out[SHOWN_MAX * 2])
{
    if (p->type == SECRET)
        return "that";
    bool cut = strlen(text) > SHOWN_MAX;
    size_t size = cut ? SHOWN_MAX : strlen(text);
    while (cut && size > 0 && ((unsigned char)text[size] & 0xc0) == 0x80)
        size--; /* not in the middle of a character */
    snprintf(out, SHOWN_MAX * 2, "\"%.*s%s\"", (int)size, text, cut ? "…" : "");
    return out;
}

static enum failure wrong(const struct parameter *p, const char *text, const char *takes,
                          struct error *e)
{
    char quoted[SHOWN_MAX * 2];
    fail(e, FAIL_INVALID, "-%s takes %s, not %s.", p->name, takes, shown(p, text, quoted));
    return error_kept(e, "Nothing was done.");
}

/* "5 to 128" */
static void read_range(const struct parameter *p, long long *least, long long *most)
{
    int n = sscanf(p->limits, "%lld to %lld", least, most);
    assert(n == 2);
}

static size_t characters(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static bool has_control(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return true;
    }
    return false;
}

/* --- one text --- */

static json_t *check_length(const struct parameter *p, const char *text, struct error *e)
{
    long long least, most;
    char takes[96];
    read_range(p, &least, &most);
    size_t n = characters(text);
    if (n >= (size_t)least && n <= (size_t)most && !has_control(text))
        return json_string(text);
    if (has_control(text))
        snprintf(takes, sizeof takes, "a text on one line, without control characters");
    else
        snprintf(takes, sizeof takes, "a text of %s characters", p->limits);
    wrong(p, n > (size_t)most ? "…" : text, takes, e);
    return NULL;
}

static json_t *check_fqdn(const struct parameter *p, const char *text, struct error *e)
{
    char lower[FQDN_SIZE];
    if (fqdn_valid(text, lower))
        return json_string(lower);
    bool central = strcasecmp(text, "central") == 0;
    if (strcmp(p->limits, "home") == 0 && central)
        return json_string("central");
    wrong(p, text, "a fully qualified domain name", e);
    if (central) /* statuses name it beside the pools */
        error_next(e, "That is the Central Management Store, and no pool. It is moved by "
                      "Invoke-CsManagementServerFailover");
    else
        error_next(e, "For example: -%s atl-cs-001.litwareinc.com", p->name);
    return NULL;
}

static json_t *check_truth(const struct parameter *p, const char *text, struct error *e)
{
    static const struct {
        const char *word;
        bool truth;
    } words[] = {{"$true", true},   {"true", true},   {"1", true},
                 {"$false", false}, {"false", false}, {"0", false}};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (strcasecmp(text, words[i].word) == 0)
            return json_boolean(words[i].truth);
    }
    wrong(p, text, "no value but $true or $false", e);
    return NULL;
}

static json_t *check_integer(const struct parameter *p, const char *text, struct error *e)
{
    long long least, most;
    char takes[96], *end;
    read_range(p, &least, &most);
    errno = 0;
    long long number = strtoll(text, &end, 10);
    bool whole = !errno && !*end && (*text == '-' || (*text >= '0' && *text <= '9'));
    if (whole && number >= least && number <= most)
        return json_integer(number);
    snprintf(takes, sizeof takes, "a whole number from %s", p->limits);
    wrong(p, text, takes, e);
    return NULL;
}

static json_t *check_time_span(const struct parameter *p, const char *text, struct error *e)
{
    char least[TIME_SPAN_TEXT_MAX], most[TIME_SPAN_TEXT_MAX], takes[128];
    uint64_t from, to, ms;
    int n = sscanf(p->limits, "%39s to %39s", least, most);
    bool readable = time_span_ms(least, &from) && time_span_ms(most, &to);
    assert(n == 2 && readable);
    if (time_span_ms(text, &ms) && ms >= from && ms <= to)
        return json_string(time_span_text(ms, least));
    snprintf(takes, sizeof takes, "a time span from %s", p->limits);
    wrong(p, text, takes, e);
    error_next(e, "Write it as hh:mm:ss, or as a number of seconds.");
    return NULL;
}

size_t parameter_choices(const struct parameter *p, char words[CHOICES_MAX][CHOICE_SIZE])
{
    size_t count = 0;
    for (const char *at = p->limits; *at; count++) {
        size_t size = strcspn(at, ",");
        assert(count < CHOICES_MAX && size < CHOICE_SIZE);
        snprintf(words[count], CHOICE_SIZE, "%.*s", (int)size, at);
        at += size + strspn(at + size, ", ");
    }
    return count;
}

/* In the order of PowerShell's numbers. */
static const char *const numbered_words[] = {"SilentlyContinue", "Stop", "Continue", "Inquire",
                                             "Ignore"};

static const char *word_of_number(const char *text)
{
    bool number = text[0] >= '0' && text[0] < '0' + (int)COUNT_OF(numbered_words) && !text[1];
    return number ? numbered_words[text[0] - '0'] : text;
}

static json_t *check_choice(const struct parameter *p, const char *given, struct error *e)
{
    const char *text = p->traits & NUMBERED ? word_of_number(given) : given;
    char words[CHOICES_MAX][CHOICE_SIZE], takes[ERROR_TEXT_MAX / 2];
    const char *candidates[CHOICES_MAX];
    size_t count = parameter_choices(p, words);
    for (size_t i = 0; i < count; i++) {
        if (strcasecmp(words[i], text) == 0)
            return json_string(words[i]);
        candidates[i] = words[i];
    }
    snprintf(takes, sizeof takes, "one of: %s", p->limits);
    wrong(p, text, takes, e);
    const char *nearest = nearest_word(text, candidates, count);
    if (nearest)
        error_next(e, "Was %s meant?", nearest);
    return NULL;
}

/* Without its $, and with a + in front if it is added to. */
static json_t *check_variable(const struct parameter *p, const char *text, struct error *e)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
    const char *name = text + (*text == '+');
    size_t size = strspn(name, letters);
    if (size >= 1 && size <= VARIABLE_NAME_MAX && !name[size])
        return json_string(text);
    wrong(p, text, "the name of a variable, without $", e);
    error_next(e, "Letters, digits and _, up to %d: -%s found", VARIABLE_NAME_MAX, p->name);
    return NULL;
}

static json_t *check_text(const struct parameter *p, const char *text, struct error *e)
{
    switch (p->type) {
    case TEXT:
    case REPORT_FILE:
    case FILE_SENT:
    case FILE_KEPT:
    case SECRET: return check_length(p, text, e);
    case FQDN: return check_fqdn(p, text, e);
    case SWITCH:
    case BOOLEAN: return check_truth(p, text, e);
    case INTEGER:
    case DESCRIPTOR: return check_integer(p, text, e);
    case TIME_SPAN: return check_time_span(p, text, e);
    case CHOICE: return check_choice(p, text, e);
    case VARIABLE: return check_variable(p, text, e);
    case FILE_TEXT:
    case LIST:
    case OBJECT: break;
    }
    return json_string(text);
}

/* --- lists --- */

/* A value of another kind than a text. */
static enum failure not_one_text(const struct parameter *p, const json_t *given, struct error *e)
{
    const char *kind = json_is_array(given)     ? "a list"
                       : json_is_object(given)  ? "an object"
                       : json_is_boolean(given) ? "$true or $false"
                       : json_is_null(given)    ? "$null"
                       : json_is_real(given)    ? "a number with a fraction"
                       : strlen(json_string_value(given)) < json_string_length(given)
                           ? "a text with a NUL in it"
                           : "one so long";
    fail(e, FAIL_INVALID, "-%s takes %s, not %s.", p->name,
         p->type == LIST ? "a list of texts" : "one value", kind);
    error_kept(e, "Nothing was done.");
    return json_is_object(given) && p->type == LIST
               ? error_next(e,
                            "Names are understood here, and nothing that is computed: @{…} is not.")
               : e->kind;
}

static json_t *check_entry(const struct parameter *p, const json_t *entry, struct error *e)
{
    const char *text = json_string_value(entry);
    if (json_is_object(entry) && !(p->traits & CHANGEABLE)) {
        not_one_text(p, entry, e);
        return NULL;
    }
    if (text && *text && strlen(text) <= LIST_TEXT_MAX &&
        strlen(text) == json_string_length(entry) && !has_control(text))
        return json_string(text);
    wrong(p, text && *text ? "…" : "", "texts of 1 to 256 characters", e);
    if (text && !*text && (p->traits & CHANGEABLE))
        error_next(e, "$null empties the list; on a Unix command line: '$null'");
    return NULL;
}

static json_t *check_entries(const struct parameter *p, const json_t *given, struct error *e)
{
    OWNED(json_decref) json_t *list = json_array();
    long long least, most;
    read_range(p, &least, &most);
    size_t count = json_is_array(given) ? json_array_size(given) : json_is_null(given) ? 0 : 1;
    for (size_t i = 0; i < count; i++) {
        json_t *entry = check_entry(p, json_is_array(given) ? json_array_get(given, i) : given, e);
        if (!entry)
            return NULL;
        json_array_append_new(list, entry);
    }
    if (count >= (size_t)least && count <= (size_t)most)
        return TAKE(list);
    fail(e, FAIL_INVALID, "-%s takes %s entries, not %zu.", p->name, p->limits, count);
    error_kept(e, "Nothing was done.");
    return NULL;
}

static json_t *check_change(const struct parameter *p, const json_t *given, struct error *e)
{
    static const char *const verbs[] = {"Add", "Remove", "Replace"};
    OWNED(json_decref) json_t *change = json_object();
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)given, name, value)
    {
        const char *verb = NULL;
        for (size_t i = 0; i < COUNT_OF(verbs); i++)
            verb = strcasecmp(name, verbs[i]) == 0 ? verbs[i] : verb;
        json_t *entries = NULL;
        if (!verb) {
            wrong(p, name, "Add, Remove and Replace in @{…}", e);
            error_next(e, "For example: -%s '@{Add=\"x\",\"y\"}'", p->name);
        } else if (json_object_get(change, verb)) {
            fail(e, FAIL_INVALID, "-%s: %s stands there twice.", p->name, verb);
            error_kept(e, "Nothing was done.");
        } else {
            entries = check_entries(p, value, e);
        }
        if (!entries)
            return NULL;
        json_object_set_new(change, verb, entries);
    }
    bool replaces = json_object_get(change, "Replace") != NULL;
    if (json_object_size(change) == 0 || (replaces && json_object_size(change) > 1)) {
        fail(e, FAIL_INVALID, "-%s takes @{Replace=…} alone, or @{Add=…} and @{Remove=…}.",
             p->name);
        error_kept(e, "Nothing was done.");
        return NULL;
    }
    return TAKE(change);
}

/* --- any --- */

static json_t *check(const struct parameter *p, const json_t *given, struct error *e)
{
    char number[32];
    const char *text = json_string_value(given);
    if (p->type == OBJECT)
        return json_deep_copy(given);
    if (p->type == LIST && json_is_object(given) && (p->traits & CHANGEABLE))
        return check_change(p, given, e);
    if (p->type == LIST && !json_is_object(given))
        return check_entries(p, given, e);
    if ((p->type == SWITCH || p->type == BOOLEAN) && json_is_boolean(given))
        return json_boolean(json_is_true(given));
    if (json_is_integer(given)) {
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(given));
        text = number;
    } else if (!text || strlen(text) != json_string_length(given) ||
               strlen(text) > PARAMETER_TEXT_MAX) {
        not_one_text(p, given, e);
        return NULL;
    }
    return check_text(p, text, e);
}

enum failure parameter_check(const struct parameter *p, const json_t *given, json_t **checked,
                             struct error *e)
{
    *checked = check(p, given, e);
    return *checked ? OK : FAIL_INVALID;
}

static bool is_given(const json_t *given, const char *name)
{
    const json_t *value = json_object_get(given, name);
    return value && !json_is_false(value); /* -Name:$false is as if it were not there */
}

enum failure parameters_check_rules(const struct command *command, const json_t *given,
                                    struct error *e)
{
    for (size_t i = 0; i < command->rule_count; i++) {
        const struct parameter_rule *rule = &command->rules[i];
        if (!is_given(given, rule->name) ||
            is_given(given, rule->other) == (rule->relation == NEEDS))
            continue;
        fail(e, FAIL_INVALID, "%s", rule->what);
        error_kept(e, "Nothing was done.");
        return error_next(e, "%s", rule->next);
    }
    return OK;
}

json_t *parameters_presentable(const struct command *command, const json_t *given)
{
    json_t *shown = json_object(), *value;
    const char *name;
    json_object_foreach((json_t *)(uintptr_t)given, name, value)
    {
        bool ambiguous;
        const struct parameter *p = command_hidden(command, name);
        p = p ? p : command_parameter(command, name, &ambiguous);
        if (p && p->type == SECRET)
            json_object_set_new(shown, name, json_string("********"));
        else if (p && p->type == FILE_TEXT)
            json_object_set_new(shown, name,
                                json_sprintf("(%zu bytes)", json_string_length(value)));
        else
            json_object_set(shown, name, value);
    }
    return shown;
}

/* Within single quotes nothing means anything but the quote itself. */
static void type_text(struct buffer *line, const char *text)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:/_-";
    if (*text && text[strspn(text, plain)] == '\0') {
        buffer_printf(line, "%s", text);
        return;
    }
    buffer_printf(line, "'");
    for (; *text; text++)
        buffer_printf(line, *text == '\'' ? "%c'" : "%c", *text);
    buffer_printf(line, "'");
}

static void type_value(struct buffer *line, const struct parameter *p, const json_t *value)
{
    size_t i;
    json_t *entry;
    buffer_printf(line, " -%s", p->name);
    if (p->type == SWITCH)
        return;
    buffer_printf(line, " ");
    if (p->type == FILE_TEXT) /* the text is here, and not what its file is called */
        buffer_printf(line, "FILE");
    else if (json_is_string(value))
        type_text(line, json_string_value(value));
    else if (json_is_array(value))
        json_array_foreach(value, i, entry)
        {
            buffer_printf(line, i ? "," : "");
            type_text(line, json_string_value(entry));
        }
    else if (json_is_boolean(value))
        buffer_printf(line, json_is_true(value) ? "true" : "false");
    else
        buffer_printf(line, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
}

char *parameters_typed(const struct command *command, const json_t *given)
{
    struct buffer line = {0};
    const struct parameter *p;
    buffer_printf(&line, "%s", command->name);
    for (size_t i = 0; (p = command_parameter_at(command, i)); i++) {
        bool ours = p->type == REPORT_FILE || p->type == SECRET || p->type == DESCRIPTOR;
        const json_t *value = json_object_get(given, p->name);
        if (value && !ours && !(p->type == SWITCH && json_is_false(value)))
            type_value(&line, p, value);
    }
    return buffer_take_text(&line);
}

const char *parameter_kind(const struct parameter *p)
{
    static const char *const kinds[PARAMETER_TYPES] = {
        [TEXT] = "<text>",
        [FQDN] = "<fqdn>",
        [SWITCH] = "",
        [BOOLEAN] = "<$true|$false>",
        [INTEGER] = "<number>",
        [TIME_SPAN] = "<time span>",
        [CHOICE] = "<word>",
        [LIST] = "<list>",
        [FILE_TEXT] = "<file>",
        [REPORT_FILE] = "<file>",
        [FILE_SENT] = "<file>",
        [FILE_KEPT] = "<file>",
        [SECRET] = "<secret>",
        [DESCRIPTOR] = "<number>",
        [VARIABLE] = "<variable>",
        [OBJECT] = "<object>",
    };
    return kinds[p->type];
}
