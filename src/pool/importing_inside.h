/* What the two files of importing share. */
#ifndef POLLUX_POOL_IMPORTING_INSIDE_H
#define POLLUX_POOL_IMPORTING_INSIDE_H

#include "pool/applying.h"
#include "pool/importing.h"

struct import_row {
    char home[HOME_NAME_SIZE];
    bool lacks; /* until it is asked where it stands */
    struct import_status modules[MODULES];
};

struct importing {
    struct front_end *fe;
    struct workers *workers;
    struct import_row rows[HOSTED_HOMES_MAX];
    size_t row_count;
    struct applying *applying;
    size_t calls, calls_max; /* under way, beside the loop */
};

/* The copy has everything that there was when that was read. */
void importing_note_complete(struct importing *importing, const char *home, enum module module,
                             uint64_t read_ms);

/* Only the other pool of the pair may write to the copy here. */
struct hosted_home *importing_home_for(const struct importing *importing,
                                       const struct machine *from, const char *name,
                                       struct error *e);

/* Too many calls are under way: as if the copy were not ready yet. */
bool importing_put_off(const struct importing *importing, struct link_reply *reply);
void importing_say_busy(const struct importing *importing, struct error *e);
/* Of files with what is still to be done for them here, and why it is not. */
void importing_say(const struct importing *importing, enum module module, struct link_reply *reply,
                   struct copy_answer answer);

#endif
