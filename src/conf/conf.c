#include "conf/conf.h"

#include <assert.h>
#include <locale.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <confuse.h>

#include "base/memory.h"
#include "base/nearest.h"
#include "conf/look.h"

/* An option that is legal only outside of every section, appended to the text: when libconfuse
 * meets it inside of one, a closing brace is missing, which it would not mention. `conf_look`
 * refuses control characters, so that nobody else can write it. */
#define END_OF_TEXT "\x01"
/* An option that nobody can write, because '|' separates levels in libconfuse's names. It has a
 * default value that must be parsed, so its callback runs whenever a section is opened. */
#define SECTION_OPENED "|opened"

struct reader {
    const char *name;
    struct faults *faults;
    struct conf_section *root;
    struct conf_section *here; /* the innermost section that is open */
    size_t section_count;
    unsigned last_line;
    bool stopped; /* at something that can't be understood; it has been said */
    bool complete;
};

/* libconfuse keeps its state in globals and hands nothing of ours to its callbacks. */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
static struct reader *reading;

static void append_section(struct conf_section *parent, struct conf_section *s)
{
    size_t n = parent->section_count++;
    if ((n & (n + 1)) == 0) /* full at 0, 1, 3, 7, …: twice the room */
        parent->sections = xrealloc(parent->sections, (2 * n + 1) * sizeof *parent->sections);
    parent->sections[n] = s;
}

static const struct conf_rule *find_rule(const struct conf_rule *rules, const char *name)
{
    for (; rules->name; rules++) {
        if (strcmp(rules->name, name) == 0)
            return rules;
    }
    return NULL;
}

static int on_opened(cfg_t *cfg, cfg_opt_t *option, const char *value, void *result)
{
    (void)option;
    const struct conf_rule *rule = find_rule(reading->here->rules, cfg->name);
    assert(rule && rule->inside);
    struct conf_section *s = xcalloc(1, sizeof *s);
    *s = (struct conf_section){.name = rule->name,
                               .title = xstrdup(cfg->title),
                               .line = (unsigned)cfg->line,
                               .rules = rule->inside,
                               .parent = reading->here};
    append_section(reading->here, s);
    reading->here = s;
    *(const char **)result = value;
    return 0;
}

static int on_closed(cfg_t *cfg, cfg_opt_t *option)
{
    (void)option;
    reading->here = reading->here->parent;
    if (++reading->section_count <= CONF_SECTIONS_MAX)
        return 0;
    reading->stopped = true;
    faults_add(reading->faults, reading->name, (unsigned)cfg->line,
               "These are more than %d sections.", CONF_SECTIONS_MAX);
    return -1;
}

static int on_value(cfg_t *cfg, cfg_opt_t *option, const char *text, void *result)
{
    struct conf_section *s = reading->here;
    const struct conf_rule *rule = find_rule(s->rules, option->name);
    assert(rule);
    *(const char **)result = text;
    const struct conf_value *earlier = conf_value(s, rule->name);
    if (earlier) {
        faults_add(reading->faults, reading->name, (unsigned)cfg->line,
                   "%s is given a second time; line %u has it already.", rule->name, earlier->line);
        return 0;
    }
    s->values = xrealloc(s->values, (s->value_count + 1) * sizeof *s->values);
    s->values[s->value_count++] =
        (struct conf_value){.name = rule->name, .text = xstrdup(text), .line = (unsigned)cfg->line};
    return 0;
}

static int on_end(cfg_t *cfg, cfg_opt_t *option, const char *value, void *result)
{
    (void)cfg, (void)option;
    reading->complete = true;
    *(const char **)result = value;
    return 0;
}

static const struct conf_rule *nearest_rule(const struct conf_rule *rules, const char *name)
{
    const struct conf_rule *best = NULL;
    size_t least = NEAREST_NOT;
    for (; rules->name; rules++) {
        size_t distance = nearest_distance(name, rules->name);
        if (distance < least) {
            least = distance;
            best = rules;
        }
    }
    return best;
}

static void list_rules(const struct conf_rule *rules, char *text, size_t size)
{
    size_t n = 0;
    for (const struct conf_rule *r = rules; r->name && n < size; r++)
        n += (size_t)snprintf(text + n, size - n, "%s%s", r == rules ? "" : ", ", r->name);
}

static void unknown_name(unsigned line, const char *name)
{
    const struct conf_section *here = reading->here;
    if (strcmp(name, END_OF_TEXT) == 0) {
        faults_add(reading->faults, reading->name, here->line,
                   "The section %s \"%s\" that is opened here is never closed: a '}' is missing.",
                   here->name, here->title);
        return;
    }
    for (const struct conf_section *outer = here->parent; outer; outer = outer->parent) {
        if (!find_rule(outer->rules, name))
            continue;
        faults_add(reading->faults, reading->name, line,
                   "%s can't stand inside of %s \"%s\". Is the section that is opened in line %u "
                   "never closed?",
                   name, here->name, here->title, here->line);
        return;
    }
    const struct conf_rule *meant = nearest_rule(here->rules, name);
    char all[256];
    list_rules(here->rules, all, sizeof all);
    faults_add(reading->faults, reading->name, line,
               "There is no option \"%s\" here.%s%s%s Valid: %s.", name, meant ? " Is " : "",
               meant ? meant->name : "", meant ? " meant?" : "", all);
}

/* Only the first message counts: at it the reading stops. */
__attribute__((format(printf, 2, 0))) static void on_error(cfg_t *cfg, const char *format,
                                                           va_list args)
{
    if (reading->stopped)
        return;
    reading->stopped = true;
    unsigned line = (unsigned)cfg->line;
    if (strcmp(format, "no such option '%s'") == 0) {
        unknown_name(line, va_arg(args, const char *));
    } else if (line > reading->last_line) {
        faults_add(reading->faults, reading->name, reading->last_line,
                   "The text ends in the middle of an option or of a section's heading.");
    } else {
        char message[256];
        vsnprintf(message, sizeof message, format, args);
        faults_add(reading->faults, reading->name, line, "This can't be read: %s.", message);
    }
}

static void free_options(cfg_opt_t *options)
{
    for (cfg_opt_t *o = options; o->name; o++) {
        if (o->subopts)
            free_options(o->subopts);
    }
    free(options);
}

/* The rules as libconfuse wants them. All values are texts: what they mean, others say better. */
static cfg_opt_t *make_options(const struct conf_rule *rules, cfg_opt_t last)
{
    static char something[] = "x";
    size_t n = 0;
    while (rules[n].name)
        n++;
    cfg_opt_t *options = xcalloc(n + 2, sizeof *options);
    for (size_t i = 0; i < n; i++) {
        options[i] = (cfg_opt_t)CFG_STR_CB(rules[i].name, NULL, CFGF_NODEFAULT, on_value);
        if (!rules[i].inside)
            continue;
        cfg_opt_t opened = CFG_STR_CB(SECTION_OPENED, NULL, CFGF_NONE, on_opened);
        opened.def.parsed = something;
        options[i] = (cfg_opt_t)CFG_SEC(rules[i].name, make_options(rules[i].inside, opened),
                                        CFGF_MULTI | CFGF_TITLE);
        options[i].validcb = on_closed;
    }
    options[n] = last;
    return options;
}

static void parse(const char *text, const struct conf_rule *rules)
{
    cfg_opt_t *options =
        make_options(rules, (cfg_opt_t)CFG_STR_CB(END_OF_TEXT, NULL, CFGF_NODEFAULT, on_end));
    cfg_t *cfg = cfg_init(options, CFGF_NONE);
    free_options(options);
    if (cfg) {
        cfg_set_error_function(cfg, on_error);
        cfg_parse_buf(cfg, text);
        cfg_free(cfg); /* also puts the scanner back to its start */
    }
    if (!reading->stopped && !reading->complete) {
        reading->stopped = true;
        faults_add(reading->faults, reading->name, 0, "It could not be read to its end.");
    }
}

/* `on_error` knows a message by its words, so they must not be translated. */
static void parse_in_plain_locale(const char *text, const struct conf_rule *rules)
{
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t usual = uselocale(plain);
    parse(text, rules);
    uselocale(usual);
    freelocale(plain);
}

static unsigned count_lines(const char *text)
{
    unsigned lines = 1;
    for (; *text; text++)
        lines += *text == '\n' && text[1];
    return lines;
}

struct conf_section *conf_read(const char *text, const char *name, const struct conf_rule *rules,
                               struct faults *faults)
{
    OWNED(free_memory) char *clean = conf_look(text, name, faults);
    if (!clean)
        return NULL;
    size_t size = strlen(clean);
    OWNED(free_memory)
    char *whole =
        xasprintf("%s%s" END_OF_TEXT " = .\n", clean, size && clean[size - 1] == '\n' ? "" : "\n");
    OWNED(conf_free) struct conf_section *root = xcalloc(1, sizeof *root);
    root->rules = rules;
    struct reader r = {
        .name = name, .faults = faults, .root = root, .here = root, .last_line = count_lines(text)};
    pthread_mutex_lock(&one_at_a_time);
    reading = &r;
    parse_in_plain_locale(whole, rules);
    reading = NULL;
    pthread_mutex_unlock(&one_at_a_time);
    return r.stopped ? NULL : TAKE(root);
}

void conf_free(struct conf_section *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->section_count; i++)
        conf_free(s->sections[i]);
    for (size_t i = 0; i < s->value_count; i++)
        free(s->values[i].text);
    free(s->sections);
    free(s->values);
    free(s->title);
    free(s);
}

const struct conf_value *conf_value(const struct conf_section *s, const char *name)
{
    for (size_t i = 0; i < s->value_count; i++) {
        if (strcmp(s->values[i].name, name) == 0)
            return &s->values[i];
    }
    return NULL;
}

const struct conf_value *conf_required(const struct conf_section *s, const char *name,
                                       const char *example, const char *file, struct faults *faults)
{
    const struct conf_value *v = conf_value(s, name);
    if (v)
        return v;
    if (s->parent)
        faults_add(faults, file, s->line, "In %s \"%s\" %s is missing, for example: %s = %s",
                   s->name, s->title, name, name, example);
    else
        faults_add(faults, file, 0, "%s is missing, for example: %s = %s", name, name, example);
    return NULL;
}
