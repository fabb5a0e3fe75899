/* Objects with the same properties as a table, as PowerShell's Format-Table: a line of names, a
 * line of dashes, a line for each object.
 *
 * How wide the columns are is known when the rows are: they are held back, up to a limit. Rows
 * beyond it are shown at once, in the columns that the first ones needed. */
#ifndef POLLUX_CMDLET_ANSWER_TABLE_H
#define POLLUX_CMDLET_ANSWER_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

enum {
    TABLE_HELD_ROWS_MAX = 1000,    /* enough for nearly all answers, and soon there */
    TABLE_HELD_BYTES_MAX = 8 << 20 /* rows can be long */
};

struct table;

/* For objects of the shape of `first`, which is not yet a row of it. `width`: of the terminal, and
 * values are cut to fit there; 0: there is none, and nothing is ever cut. */
struct table *table_begin(FILE *out, size_t width, const json_t *first);
/* Has the object the table's properties, in the same order? */
bool table_takes(const struct table *t, const json_t *object);
/* Will the next row be held back, so that nothing is written? */
bool table_will_hold(const struct table *t);
void table_row(struct table *t, const json_t *object);
/* Shows what is held back. */
void table_end(struct table *t);

#endif
