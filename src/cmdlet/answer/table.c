#include "cmdlet/answer/table.h"

#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "cmdlet/answer/text.h"
#include "cmdlet/answer/value.h"

enum {
    GAP = 2, /* between columns; one blank is what words have between them */
    COLUMN_MIN =
        4, /* three letters and '…': narrower says nothing, and the line may as well wrap */
};

struct table {
    FILE *out;
    size_t width;
    size_t columns;
    char **names;   /* as the objects spell them */
    size_t *widths; /* of the columns */
    char **cells;   /* held back, row by row */
    size_t rows, rows_room, bytes;
    bool begun; /* the header was shown, the widths stay */
};

/* --- writing --- */

/* The blanks behind a cell are written before the next one, so that none stand at a line's end. */
static void write_row(const struct table *t, char *const *cells)
{
    size_t owed = 0;
    for (size_t i = 0; i < t->columns; i++) {
        OWNED(free_memory)
        char *cell = t->width ? text_cut(cells[i], t->widths[i]) : xstrdup(cells[i]);
        size_t columns = text_columns(cell);
        if (*cell) {
            fprintf(t->out, "%*s%s", (int)owed, "", cell);
            owed = 0;
        }
        owed += GAP + (columns < t->widths[i] ? t->widths[i] - columns : 0);
    }
    fputc('\n', t->out);
}

static void free_cells(char **cells, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free_memory(cells[i]);
}

static void write_header(const struct table *t)
{
    char **cells = xcalloc(t->columns, sizeof *cells);
    for (size_t i = 0; i < t->columns; i++)
        cells[i] = text_one_line(t->names[i]);
    write_row(t, cells);
    for (size_t i = 0; i < t->columns; i++) {
        size_t columns = text_columns(cells[i]);
        size_t dashes = columns < t->widths[i] ? columns : t->widths[i];
        free_memory(cells[i]);
        cells[i] = xcalloc(dashes + 1, 1);
        memset(cells[i], '-', dashes);
    }
    write_row(t, cells);
    free_cells(cells, t->columns);
    free_memory(cells);
}

/* --- widths --- */

static void widen(struct table *t, size_t column, const char *cell)
{
    size_t columns = text_columns(cell);
    if (columns > t->widths[column])
        t->widths[column] = columns;
}

/* How wide the table is if the columns that are at least `wide` have `most`. */
static size_t width_if(const struct table *t, size_t wide, size_t most)
{
    size_t width = GAP * (t->columns - 1);
    for (size_t i = 0; i < t->columns; i++)
        width += t->widths[i] >= wide && t->widths[i] > most ? most : t->widths[i];
    return width;
}

static void cut(struct table *t, size_t wide, size_t most)
{
    for (size_t i = 0; i < t->columns; i++)
        if (t->widths[i] >= wide && t->widths[i] > most)
            t->widths[i] = most;
}

/* The next width below this one that a column has; 0: none. */
static size_t next_width(const struct table *t, size_t below)
{
    size_t next = 0;
    for (size_t i = 0; i < t->columns; i++)
        if (t->widths[i] < below && t->widths[i] > next)
            next = t->widths[i];
    return next;
}

/* As few columns as possible give way, the widest first: one that is cut tells less, a time or a
 * state nothing at all. They keep at least half of what the widest wants; if that is too much for
 * the terminal, all that are wider than the others give way alike. */
static void give_way(struct table *t)
{
    size_t widest = next_width(t, SIZE_MAX);
    for (size_t wide = widest; wide > COLUMN_MIN; wide = next_width(t, wide)) {
        size_t most = wide;
        size_t least = widest / 2 > COLUMN_MIN ? widest / 2 : COLUMN_MIN;
        while (most > least && width_if(t, wide, most) > t->width)
            most--;
        if (width_if(t, wide, most) <= t->width) {
            cut(t, wide, most);
            return;
        }
    }
    size_t most = t->width;
    while (most > COLUMN_MIN && width_if(t, 0, most) > t->width)
        most--;
    cut(t, 0, most);
}

/* What the last column has left to the edge of the terminal it may use. */
static void fit_terminal(struct table *t)
{
    if (width_if(t, 0, SIZE_MAX) > t->width)
        give_way(t);
    size_t needed = width_if(t, 0, SIZE_MAX);
    if (needed < t->width)
        t->widths[t->columns - 1] += t->width - needed;
}

static void show_held(struct table *t)
{
    if (t->begun)
        return; /* nothing is held any more */
    t->begun = true;
    if (t->width)
        fit_terminal(t);
    write_header(t);
    for (size_t i = 0; i < t->rows; i++)
        write_row(t, t->cells + i * t->columns);
    free_cells(t->cells, t->rows * t->columns);
    t->rows = 0;
}

/* --- rows --- */

static char *cell_text(const json_t *value)
{
    OWNED(free_memory) char *text = value_text(value);
    return text_one_line(text);
}

static char **room_for_row(struct table *t)
{
    if (t->rows == t->rows_room) {
        t->rows_room = t->rows_room ? 2 * t->rows_room : 16;
        t->cells = xrealloc(t->cells, t->rows_room * t->columns * sizeof *t->cells);
    }
    return t->cells + t->rows * t->columns;
}

static void hold(struct table *t, char *const *row)
{
    for (size_t i = 0; i < t->columns; i++) {
        widen(t, i, row[i]);
        t->bytes += strlen(row[i]);
    }
    t->rows++;
}

struct table *table_begin(FILE *out, size_t width, const json_t *first)
{
    struct table *t = xcalloc(1, sizeof *t);
    t->out = out;
    t->width = width;
    t->names = xcalloc(json_object_size(first), sizeof *t->names);
    t->widths = xcalloc(json_object_size(first), sizeof *t->widths);
    const char *name;
    json_t *value;
    EACH_PROPERTY(first, name, value)
    {
        OWNED(free_memory) char *heading = text_one_line(name);
        widen(t, t->columns, heading);
        t->names[t->columns++] = xstrdup(name);
    }
    return t;
}

bool table_takes(const struct table *t, const json_t *object)
{
    const char *name;
    json_t *value;
    size_t i = 0;
    if (json_object_size(object) != t->columns)
        return false;
    EACH_PROPERTY(object, name, value)
    {
        if (strcmp(name, t->names[i++]) != 0)
            return false;
    }
    return true;
}

bool table_will_hold(const struct table *t)
{
    return !t->begun && t->rows < TABLE_HELD_ROWS_MAX && t->bytes < TABLE_HELD_BYTES_MAX;
}

void table_row(struct table *t, const json_t *object)
{
    bool held = table_will_hold(t);
    if (!held)
        show_held(t);
    const char *name;
    json_t *value;
    size_t i = 0;
    char **row = room_for_row(t);
    EACH_PROPERTY(object, name, value)
    {
        row[i++] = cell_text(value);
    }
    if (held) {
        hold(t, row);
    } else {
        write_row(t, row);
        free_cells(row, t->columns);
    }
}

void table_end(struct table *t)
{
    show_held(t);
    free_cells(t->names, t->columns);
    free_memory(t->names);
    free_memory(t->widths);
    free_memory(t->cells);
    free_memory(t);
}
