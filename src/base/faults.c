#include "base/faults.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

void faults_add(struct faults *f, const char *file, unsigned line, const char *sentence, ...)
{
    if (f->count == FAULTS_MAX) {
        f->left_out++;
        return;
    }
    char text[1024];
    va_list args;
    va_start(args, sentence);
    vsnprintf(text, sizeof text, sentence, args);
    va_end(args);
    if (!f->list)
        f->list = xcalloc(FAULTS_MAX, sizeof *f->list);
    f->list[f->count++] =
        (struct fault){.file = xstrdup(file), .line = line, .sentence = xstrdup(text)};
}

size_t faults_total(const struct faults *f)
{
    return f->count + f->left_out;
}

static int by_place(const void *a, const void *b)
{
    const struct fault *x = a, *y = b;
    int order = strcmp(x->file, y->file);
    return order ? order : (x->line > y->line) - (x->line < y->line);
}

void faults_sort(struct faults *f)
{
    if (f->count)
        qsort(f->list, f->count, sizeof *f->list, by_place);
}

void faults_print(const struct faults *f, FILE *out)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct fault *one = &f->list[i];
        if (one->line)
            fprintf(out, "%s:%u: %s\n", one->file, one->line, one->sentence);
        else
            fprintf(out, "%s: %s\n", one->file, one->sentence);
    }
    if (f->left_out)
        fprintf(out, "… and %zu more. Mend these first, then ask again.\n", f->left_out);
}

void faults_free(struct faults *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free(f->list[i].file);
        free(f->list[i].sentence);
    }
    free(f->list);
    *f = (struct faults){0};
}
