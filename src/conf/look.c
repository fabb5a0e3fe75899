#include "conf/look.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/memory.h"

/* What stands before decides whether quoted text makes sense: as a value or as a title. As an
 * option's name it would be taken too, and "pool|site" as a way into another section. */
enum before { BEFORE_NOTHING, BEFORE_NAME, BEFORE_EQUALS };

struct look {
    const char *name;
    struct faults *faults;
    unsigned line;
    enum before before;
};

/* The size of the character that starts here; 0 if it is not UTF-8. */
static size_t utf8_size(const uint8_t *at, size_t left)
{
    size_t size = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    if (size == 0 || size > left || at[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < size; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    }
    bool overlong = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90);
    bool surrogate = at[0] == 0xed && at[1] >= 0xa0;
    bool beyond = at[0] == 0xf4 && at[1] >= 0x90;
    return overlong || surrogate || beyond ? 0 : size;
}

static bool is_utf8(const char *at, size_t size)
{
    for (size_t i = 0, n; i < size; i += n) {
        n = utf8_size((const uint8_t *)at + i, size - i);
        if (!n)
            return false;
    }
    return true;
}

static bool is_control(char c)
{
    return (unsigned char)c < ' ' || c == 0x7f;
}

/* What libconfuse takes as part of a bare word, less what it takes for something else. */
static bool is_word(char c)
{
    return c > ' ' && c < 0x7f && !strchr("#\"'={}()+,*|", c);
}

static void expansion_fault(struct look *l)
{
    faults_add(l->faults, l->name, l->line,
               "${…} would be replaced from the environment. Write the value itself.");
}

/* Returns the size of the quoted text at `at` with its quotes; 0 with a fault. */
static size_t look_at_quoted(struct look *l, const char *at, size_t left)
{
    char quote = at[0];
    size_t n = 1;
    for (; n < left && at[n] != quote; n++) {
        if (is_control(at[n])) {
            faults_add(l->faults, l->name, l->line, "There is a control character in the quotes.");
            return 0;
        }
        if (quote == '"' && at[n] == '\\') {
            faults_add(l->faults, l->name, l->line,
                       "A backslash in double quotes is not kept. Use single quotes, as in "
                       "'redmond-cs-001.litwareinc.com\\RTC'.");
            return 0;
        }
        if (quote == '"' && at[n] == '$' && n + 1 < left && at[n + 1] == '{') {
            expansion_fault(l);
            return 0;
        }
        if (at[n] == '\\' && n + 1 < left && (at[n + 1] == '\\' || at[n + 1] == quote))
            n++; /* in single quotes it keeps the next character from ending them */
    }
    if (n >= left) {
        faults_add(l->faults, l->name, l->line,
                   "A quote (%c) is opened here and not closed in the same line.", quote);
        return 0;
    }
    if (l->before == BEFORE_NOTHING) {
        faults_add(l->faults, l->name, l->line,
                   "Quoted text stands here where an option or a section should start.");
        return 0;
    }
    l->before = BEFORE_NOTHING;
    return n + 1;
}

static size_t look_at_word(struct look *l, const char *at, size_t left)
{
    if (left >= 2 && at[0] == '/' && (at[1] == '/' || at[1] == '*')) {
        faults_add(l->faults, l->name, l->line, "Comments start with '#'.");
        return 0;
    }
    size_t n = 0;
    for (; n < left && is_word(at[n]); n++) {
        if (at[n] == '$' && n + 1 < left && at[n + 1] == '{') {
            expansion_fault(l);
            return 0;
        }
    }
    l->before = l->before == BEFORE_EQUALS ? BEFORE_NOTHING : BEFORE_NAME;
    return n;
}

static size_t look_at_sign(struct look *l, const char *at)
{
    if (*at == ' ' || *at == '\t')
        return 1;
    if (*at == '=' || *at == '{' || *at == '}') {
        l->before = *at == '=' ? BEFORE_EQUALS : BEFORE_NOTHING;
        return 1;
    }
    if (*at > ' ' && *at < 0x7f)
        faults_add(l->faults, l->name, l->line,
                   "The character %c can stand only in quotes or in a comment.", *at);
    else
        faults_add(l->faults, l->name, l->line,
                   "A character that is not plain ASCII can stand only in quotes or in a comment.");
    return 0;
}

/* At most one fault for each line: what follows would only be guessed. */
static void look_at_line(struct look *l, char *at, size_t size)
{
    if (!is_utf8(at, size)) {
        faults_add(l->faults, l->name, l->line, "This line is not UTF-8.");
        return;
    }
    if (size && at[size - 1] == '\r')
        at[--size] = ' '; /* written on Windows */
    for (size_t i = 0, n; i < size; i += n) {
        if (at[i] == '#') {
            memset(at + i, ' ', size - i);
            return;
        }
        if (at[i] == '"' || at[i] == '\'')
            n = look_at_quoted(l, at + i, size - i);
        else if (is_word(at[i]))
            n = look_at_word(l, at + i, size - i);
        else
            n = look_at_sign(l, at + i);
        if (!n) {
            l->before = BEFORE_NAME;
            return;
        }
    }
}

char *conf_look(const char *text, const char *name, struct faults *faults)
{
    struct look l = {.name = name, .faults = faults, .line = 1};
    size_t faults_before = faults_total(faults);
    OWNED(free_memory) char *clean = xstrdup(text);
    for (char *at = clean;; l.line++) {
        size_t size = strcspn(at, "\n");
        look_at_line(&l, at, size);
        if (!at[size])
            break;
        at += size + 1;
    }
    return faults_total(faults) == faults_before ? TAKE(clean) : NULL;
}
