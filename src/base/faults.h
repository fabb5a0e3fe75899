/* Everything that is wrong with a text, said at once, each with its place. */
#ifndef POLLUX_BASE_FAULTS_H
#define POLLUX_BASE_FAULTS_H

#include <stddef.h>
#include <stdio.h>

enum { FAULTS_MAX = 100 }; /* what comes after is counted, not kept */

struct fault {
    char *file;
    unsigned line; /* from 1; 0: it concerns the file as a whole */
    char *sentence;
};

struct faults {
    struct fault *list; /* in order of file and line once sorted */
    size_t count;
    size_t left_out;
};

void faults_add(struct faults *f, const char *file, unsigned line, const char *sentence, ...)
    __attribute__((format(printf, 4, 5)));
/* How many there are, kept or not. A reader compares it before and after. */
size_t faults_total(const struct faults *f);
void faults_sort(struct faults *f);
/* One line each: "file:line: sentence". */
void faults_print(const struct faults *f, FILE *out);
void faults_free(struct faults *f);
static inline void owned_faults_free(struct faults *f)
{
    faults_free(f);
}

#endif
