/* One way to report an error.
 *
 * A function that can fail returns an `enum failure` (0: it worked) and takes a `struct error *`
 * as its last argument. The error carries the three sentences that a tired person needs: what
 * happened, what was left as it was, what to type next. It knows nothing about logs, exit codes
 * or protocols; those places translate `enum failure`, each in one table. */
#ifndef POLLUX_BASE_ERROR_H
#define POLLUX_BASE_ERROR_H

enum failure {
    OK = 0,
    FAIL_INVALID,     /* what was given makes no sense; nothing was done */
    FAIL_NOT_FOUND,   /* there is no such thing */
    FAIL_REFUSED,     /* the rules forbid it now: not the holder, another term, wrong mode */
    FAIL_CONFLICT,    /* somebody changed it first: a precondition no longer holds */
    FAIL_DENIED,      /* the caller may not do this */
    FAIL_BUSY,        /* a named limit is reached; trying again later can work */
    FAIL_FULL,        /* no space; everything stored before is intact */
    FAIL_READ_ONLY,   /* can't be written */
    FAIL_DAMAGED,     /* stored bytes are not what was written */
    FAIL_FOREIGN,     /* a file or message that belongs to somebody else */
    FAIL_NEWER,       /* written by a newer version of the software */
    FAIL_UNREACHABLE, /* nobody answers there */
    FAIL_DEADLINE,    /* no answer in time; whether it was done is unknown */
    FAIL_STOPPING,    /* this process is on its way out */
    FAIL_IO,          /* the operating system or a library said no */
    FAILURES
};

enum { ERROR_TEXT_MAX = 768 };

struct error {
    enum failure kind;
    char what[ERROR_TEXT_MAX]; /* what happened */
    char kept[ERROR_TEXT_MAX]; /* what was left unchanged; may be empty */
    char next[ERROR_TEXT_MAX]; /* what to do next; may be empty */
};

/* A short word for each kind, as it appears in logs and on the wire: "refused", "full", … */
const char *failure_name(enum failure kind);
/* And back; OK for a word that is none of them. */
enum failure failure_named(const char *name);

/* Fill `e` (which may be NULL, if nobody wants the words) and return `kind`, so that
 * `return fail(e, FAIL_FULL, "…")` reads as one thought. Clears `kept` and `next`. */
enum failure fail(struct error *e, enum failure kind, const char *what, ...)
    __attribute__((format(printf, 3, 4)));

/* Add the other two sentences; both return the kind that `e` has (`e` must not be NULL). */
enum failure error_kept(struct error *e, const char *kept, ...)
    __attribute__((format(printf, 2, 3)));
enum failure error_next(struct error *e, const char *next, ...)
    __attribute__((format(printf, 2, 3)));

/* Put the context in front of what happened: "reading atl.conf: " + what. */
enum failure error_within(struct error *e, const char *context, ...)
    __attribute__((format(printf, 2, 3)));

/* The three sentences on one line, into `text`; returns `text`. */
const char *error_line(const struct error *e, char *text, unsigned long size);

#endif
