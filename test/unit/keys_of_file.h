/* The keys of HOME's MODULE in a file of the store, read and changed from outside. */
#ifndef POLLUX_TEST_KEYS_OF_FILE_H
#define POLLUX_TEST_KEYS_OF_FILE_H

#include "store/leaf.h"

/* Writes to `keys` what is to be there instead of this one. */
typedef void change_key(const struct led *led, struct leaf_writer *keys, void *context);
/* Each leaf is sound afterwards, whatever it says. */
void change_keys(const char *path, change_key *change, void *context);

/* The leaves of this home as an older version spelled them. */
void spell_keys_as_before(const char *path, int home);

/* Those that lead to a row which has another one; damaged leaves are passed over. */
size_t count_astray(const char *path);

#endif
