#include "cmdlet/pki_command.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/count.h"
#include "base/memory.h"
#include "base/nearest.h"
#include "cmdlet/options.h"
#include "pki/pki.h"

enum exit_status { DONE = 0, FAILED = 1, MISUSED = 2 };

enum {
    DAYS_MAX = 36500,
    DAY_SECONDS = 24 * 60 * 60,
    RENEW_SOON_DAYS = 30, /* `check` reminds from here on */
};

static const char default_folder[] = "pki";
static const char default_name[] = "Pollux deployment";

struct subcommand {
    const char *name;
    const char *words; /* what it takes by position, for the help */
    const char *summary;
    const char *details;
    size_t words_min, words_max;
    const struct option_row *options;
    enum failure (*run)(const struct options *o, struct error *e);
};

/* ---- values ---- */

static const char *folder_of(const struct options *o)
{
    const char *given = options_value(o, "--dir");
    return given ? given : default_folder;
}

static const char *out_of(const struct options *o)
{
    const char *given = options_value(o, "--out");
    return given ? given : folder_of(o);
}

static enum failure read_validity(const struct options *o, long days, struct pki_validity *valid,
                                  struct error *e)
{
    const char *given = options_value(o, "--days");
    if (given) {
        char *end;
        errno = 0;
        days = strtol(given, &end, 10);
        /* strtol forgives a sign and spaces in front; a number of days has neither. */
        if (errno || *end || given[0] < '0' || given[0] > '9' || days < 1 || days > DAYS_MAX)
            return fail(e, FAIL_INVALID, "--days takes a whole number from 1 to %d, not \"%s\".",
                        DAYS_MAX, given);
    }
    time_t now = time(NULL);
    *valid = (struct pki_validity){now - PKI_BACKDATE_SECONDS, now + days * DAY_SECONDS};
    return OK;
}

/* ---- what is printed ---- */

static void print_names(const struct pki_certificate *c)
{
    if (c->administrator[0])
        printf("administrator %s", c->administrator);
    for (size_t i = 0; i < c->name_count; i++)
        printf("%s%s", i ? ", " : "", c->names[i]);
}

static void print_days(time_t seconds)
{
    long days = (long)(seconds / DAY_SECONDS);
    if (days == 0)
        printf("less than a day");
    else
        fputs(COUNTED((uint64_t)days, "day"), stdout);
}

static void print_time_left(const struct pki_certificate *c, time_t now)
{
    if (now < c->not_before) {
        printf("not valid yet");
    } else if (now <= c->not_after) {
        print_days(c->not_after - now);
        printf(" left");
    } else {
        printf("expired ");
        print_days(now - c->not_after);
        printf(" ago");
    }
}

/* Whose pair was written, until when it holds, and where it is: read back from the file. */
static enum failure print_pair(const char *file, bool authority, struct error *e)
{
    struct pki_certificate c;
    char until[PKI_TIME_TEXT_SIZE];
    enum failure failed = pki_read_certificate(file, &c, e);
    if (failed)
        return failed;
    if (authority)
        printf("The authority %s", c.subject);
    else
        print_names(&c);
    printf(": valid until %s (", pki_time_text(c.not_after, until));
    print_time_left(&c, time(NULL));
    printf(")\n  certificate  %s\n  private key  %.*s.key\n", file,
           (int)(strlen(file) - strlen(".pem")), file);
    return OK;
}

static void print_error(const char *who, const struct error *e)
{
    fprintf(stderr, "%s: %s\n", who, e->what);
    if (e->kept[0])
        fprintf(stderr, "  %s\n", e->kept);
    if (e->next[0])
        fprintf(stderr, "  %s\n", e->next);
}

/* ---- init, issue, administrator, renew ---- */

static enum failure run_init(const struct options *o, struct error *e)
{
    const char *name = options_value(o, "--name");
    struct pki_validity valid;
    enum failure failed;
    if ((failed = read_validity(o, PKI_AUTHORITY_DAYS, &valid, e)) ||
        (failed = pki_init(folder_of(o), name ? name : default_name, valid, e)))
        return failed;
    OWNED(free_memory) char *file = pki_authority_file(folder_of(o));
    if ((failed = print_pair(file, true, e)))
        return failed;
    printf("Every machine needs the certificate. Keep the key here, secret and backed up: who has "
           "it can\nmake machines of this deployment.\n");
    return OK;
}

/* What --days asked for, and could not have. */
static void tell_if_shortened(const char *file, struct pki_validity wanted)
{
    struct error unwanted;
    time_t not_after;
    if (pki_certificate_expiry(file, &not_after, &unwanted) == OK && not_after < wanted.not_after)
        printf("It ends with the authority, which is sooner than asked for.\n");
}

static enum failure print_issued(const char *file, struct pki_validity wanted, struct error *e)
{
    enum failure failed = print_pair(file, false, e);
    if (!failed)
        tell_if_shortened(file, wanted);
    return failed;
}

static enum failure run_issue(const struct options *o, struct error *e)
{
    const char *pool = options_value(o, "--pool");
    struct pki_validity valid;
    enum failure failed;
    if (!pool) {
        fail(e, FAIL_INVALID, "Which pool %s belongs to is missing.", o->words[0]);
        return error_next(e, "Write --pool and the pool's full name.");
    }
    if ((failed = read_validity(o, PKI_DAYS, &valid, e)) ||
        (failed = pki_issue(folder_of(o), out_of(o), o->words[0], pool, valid, e)))
        return failed;
    OWNED(free_memory) char *file = pki_file(out_of(o), o->words[0]);
    return print_issued(file, valid, e);
}

static enum failure run_administrator(const struct options *o, struct error *e)
{
    struct pki_validity valid;
    enum failure failed;
    if ((failed = read_validity(o, PKI_DAYS, &valid, e)) ||
        (failed = pki_administrator(folder_of(o), out_of(o), o->words[0], valid, e)))
        return failed;
    OWNED(free_memory) char *owner = xasprintf(PKI_ADMINISTRATOR_START "%s", o->words[0]);
    OWNED(free_memory) char *file = pki_file(out_of(o), owner);
    return print_issued(file, valid, e);
}

static enum failure run_renew(const struct options *o, struct error *e)
{
    bool kept;
    struct pki_validity valid;
    enum failure failed;
    OWNED(free_memory) char *file = pki_file(out_of(o), o->words[0]);
    if ((failed = read_validity(o, PKI_DAYS, &valid, e)) ||
        (failed = pki_renew(folder_of(o), out_of(o), o->words[0], valid, &kept, e)) ||
        (failed = print_issued(file, valid, e)))
        return failed;
    printf(kept ? "The pair of before is kept beside, as .pem.old and .key.old.\n"
                : "There was no matching pair to keep as .old.\n");
    return OK;
}

/* ---- show, check ---- */

static enum failure show(const char *file, struct error *e)
{
    struct pki_certificate c;
    char text[PKI_TIME_TEXT_SIZE];
    enum failure failed = pki_read_certificate(file, &c, e);
    if (failed)
        return failed;
    printf("%s\n  Names        ", file);
    print_names(&c);
    bool named = c.name_count || c.administrator[0];
    printf("%s\n", named ? "" : c.authority ? "none: it is an authority" : "none");
    printf("  Subject      %s\n", c.subject[0] ? c.subject : "none: the names say it");
    printf("  Issuer       %s\n", c.issuer);
    printf("  Valid from   %s\n", pki_time_text(c.not_before, text));
    printf("  Valid until  %s (", pki_time_text(c.not_after, text));
    print_time_left(&c, time(NULL));
    printf(")\n  SHA-256      %s\n", c.fingerprint);
    return OK;
}

/* A file that can't be read does not hide those behind it. */
static enum failure run_show(const struct options *o, struct error *e)
{
    size_t unread = 0;
    for (size_t i = 0; i < o->word_count; i++) {
        if (show(o->words[i], e) == OK)
            continue;
        fflush(stdout);
        print_error("pollux pki show", e);
        unread++;
    }
    if (unread == 0)
        return OK;
    return fail(e, FAIL_NOT_FOUND, "%zu of %s could not be shown.", unread,
                COUNTED(o->word_count, "file"));
}

static void tell_if_due(const char *file)
{
    struct error unwanted;
    struct pki_certificate c;
    if (pki_read_certificate(file, &c, &unwanted) != OK)
        return;
    print_names(&c);
    printf(": good, ");
    print_time_left(&c, time(NULL));
    printf("%s\n", c.not_after - time(NULL) < (time_t)RENEW_SOON_DAYS * DAY_SECONDS
                       ? ". Renew it soon."
                       : "");
}

static enum failure run_check(const struct options *o, struct error *e)
{
    const char *given = options_value(o, "--authority");
    OWNED(free_memory)
    char *authority = given ? xstrdup(given) : pki_authority_file(folder_of(o));
    OWNED(faults_free) struct faults faults = {0};
    pki_check(o->words[0], o->words[1], authority, time(NULL), &faults);
    if (faults.count == 0) {
        tell_if_due(o->words[0]);
        return OK;
    }
    faults_print(&faults, stderr);
    return fail(e, FAIL_REFUSED, "This pair is not good.");
}

/* ---- the table ---- */

static const char dir_help[] = "the authority's folder (pki)";
static const char out_help[] = "the folder of the new files (the authority's)";

static const struct option_row init_options[] = {
    {"--dir", "DIR", dir_help},
    {"--name", "TEXT", "what people read as the issuer (Pollux deployment)"},
    {"--days", "N", "how long it is valid (3650)"},
    {0},
};
static const struct option_row issue_options[] = {
    {"--pool", "FQDN", "the pool that the machine belongs to; for a pool of one, its own name"},
    {"--dir", "DIR", dir_help},
    {"--out", "DIR", out_help},
    {"--days", "N", "how long it is valid (397)"},
    {0},
};
static const struct option_row administrator_options[] = {
    {"--dir", "DIR", dir_help},
    {"--out", "DIR", out_help},
    {"--days", "N", "how long it is valid (397)"},
    {0},
};
static const struct option_row renew_options[] = {
    {"--dir", "DIR", dir_help},
    {"--out", "DIR", out_help},
    {"--days", "N", "how long it is valid from now on (397)"},
    {0},
};
static const struct option_row show_options[] = {{0}};
static const struct option_row check_options[] = {
    {"--dir", "DIR", dir_help},
    {"--authority", "FILE", "whose certificates the machines trust (authority.pem in --dir)"},
    {0},
};

static const struct subcommand subcommands[] = {
    {"init", "", "make the deployment's own authority",
     "Writes authority.pem, which every machine needs, and authority.key, which no machine needs.\n"
     "An authority that exists is never overwritten.",
     0, 0, init_options, run_init},
    {"issue", "MACHINE", "make key and certificate for a machine",
     "MACHINE is the machine's full name. Writes MACHINE.pem and MACHINE.key. The certificate\n"
     "tells which machine this is and for which pool it may speak. What exists is kept.",
     1, 1, issue_options, run_issue},
    {"administrator", "NAME", "make key and certificate for a person",
     "NAME is the person's account. Writes administrator-NAME.pem and .key. With them the person\n"
     "gives commands to the machines of the deployment from elsewhere. What exists is kept.",
     1, 1, administrator_options, run_administrator},
    {"renew", "OWNER", "replace a machine's or a person's key and certificate",
     "OWNER is the machine's full name, or administrator-NAME. A new key and a certificate for "
     "the\n"
     "names that the present one carries. The pair of before is kept as .pem.old and .key.old.",
     1, 1, renew_options, run_renew},
    {"show", "FILE...", "tell what certificates say",
     "Names, issuer, dates and fingerprint of the first certificate in each file.", 1, WORDS_MAX,
     show_options, run_show},
    {"check", "CERTIFICATE KEY", "tell whether the other machines would accept a pair",
     "Looks at everything that the machines look at and says all that is wrong: whether the key\n"
     "belongs to the certificate, who issued it, the dates, what it may be used for, the names.",
     2, 2, check_options, run_check},
};

/* ---- help and dispatch ---- */

static void print_overview(FILE *out)
{
    fputs("Usage: pollux pki COMMAND ...\n"
          "Makes and looks after the certificates by which the machines of a deployment know each "
          "other,\nand the people who give them commands.\n\n",
          out);
    for (size_t i = 0; i < COUNT_OF(subcommands); i++)
        fprintf(out, "  %-13s  %s\n", subcommands[i].name, subcommands[i].summary);
    fputs("\n\"pollux pki COMMAND --help\" says more.\n"
          "Exit status: 0 done, 1 failed, 2 misused.\n",
          out);
}

static void print_help(const struct subcommand *c)
{
    printf("Usage: pollux pki %s%s%s%s\n\n%s\n", c->name, c->words[0] ? " " : "", c->words,
           c->options->name ? " [OPTION...]" : "", c->details);
    for (const struct option_row *row = c->options; row->name; row++) {
        OWNED(free_memory) char *usage = xasprintf("%s %s", row->name, row->value);
        printf("%s  %-18s  %s\n", row == c->options ? "\n" : "", usage, row->help);
    }
}

static enum failure count_words(const struct subcommand *c, const struct options *o,
                                struct error *e)
{
    if (o->word_count >= c->words_min && o->word_count <= c->words_max)
        return OK;
    if (c->words_max == 0)
        return fail(e, FAIL_INVALID, "\"%s\" is one word too many.", o->words[0]);
    return fail(e, FAIL_INVALID, "This needs %s, and was given %s.", c->words,
                COUNTED(o->word_count, "word"));
}

static enum exit_status finish(const struct subcommand *c, enum failure failed,
                               const struct error *e)
{
    OWNED(free_memory) char *who = xasprintf("pollux pki %s", c->name);
    if (failed) {
        fflush(stdout);
        print_error(who, e);
        if (failed != FAIL_INVALID)
            return FAILED;
        fprintf(stderr, "  \"%s --help\" says what it takes.\n", who);
        return MISUSED;
    }
    if (fflush(stdout) == 0 && !ferror(stdout))
        return DONE;
    fprintf(stderr, "%s: What was to be printed could not be written: %s.\n", who, strerror(errno));
    return FAILED;
}

static enum exit_status run(const struct subcommand *c, int argc, char **argv)
{
    struct options o;
    struct error e = {.kind = OK};
    enum failure failed = options_read(&o, c->options, argc - 1, argv + 1, &e);
    if (!failed && o.help)
        print_help(c);
    else if (!failed && !(failed = count_words(c, &o, &e)))
        failed = c->run(&o, &e);
    return finish(c, failed, &e);
}

static enum exit_status refuse_subcommand(const char *word)
{
    const char *names[COUNT_OF(subcommands)];
    for (size_t i = 0; i < COUNT_OF(subcommands); i++)
        names[i] = subcommands[i].name;
    const char *nearest = nearest_word(word, names, COUNT_OF(names));
    fprintf(stderr, "pollux pki: There is no command \"%s\".\n", word);
    if (nearest)
        fprintf(stderr, "  Was \"%s\" meant?\n", nearest);
    fprintf(stderr, "  \"pollux pki --help\" says which there are.\n");
    return MISUSED;
}

int pki_command(int argc, char **argv)
{
    if (argc < 2) {
        print_overview(stderr);
        return MISUSED;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_overview(stdout);
        return DONE;
    }
    for (size_t i = 0; i < COUNT_OF(subcommands); i++)
        if (strcmp(argv[1], subcommands[i].name) == 0)
            return run(&subcommands[i], argc - 1, argv + 1);
    return refuse_subcommand(argv[1]);
}
