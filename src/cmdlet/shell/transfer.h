/* Files of any size that a command is about: one that polluxd asks for part by part (FILE_SENT), or
 * one that the records of its answer are kept in (FILE_KEPT). The program reads and writes them,
 * with its caller's rights; what the lines mean, polluxd knows. */
#ifndef POLLUX_CMDLET_SHELL_TRANSFER_H
#define POLLUX_CMDLET_SHELL_TRANSFER_H

#include "cmdlet/bind.h"

enum {
    /* Four letters of base64 for three bytes: with the rest of what is said, far below what a
     * command may say (ADMIN_BODY_MAX), and a value as long as one may be. */
    TRANSFER_PART_BYTES = 384 << 10,
};

struct transfer;

struct transfer_options {
    const struct binding *binding; /* lent */
    bool what_if;
    /* Where a fault of ours is told at once, and a warning. */
    void (*warn)(const char *sentence, void *context);
    void *context;
};

/* `*transfer` is NULL if the command is about no such file. FAIL_REFUSED without words: the person
 * does not want the file there replaced. */
enum failure transfer_begin(const struct transfer_options *options, struct transfer **transfer,
                            struct error *e);
/* What polluxd is told of it beside the parameters; lent, or NULL. */
const json_t *transfer_hidden(const struct transfer *transfer);
/* Was this message about the file? Then it was used. */
bool transfer_message(struct transfer *transfer, const json_t *message);
/* It makes no sense to go on. */
const bool *transfer_is_lost(const struct transfer *transfer);

/* After the answer; `bad` and `*e` are what became of it, `good`: it told of no error. Returns what
 * became of all, in its own words. NULL does nothing. */
enum failure transfer_end(struct transfer *transfer, enum failure bad, bool good, struct error *e);

#endif
