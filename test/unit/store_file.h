/* A store in a file, and its files as bytes. */
#ifndef POLLUX_TEST_STORE_FILE_H
#define POLLUX_TEST_STORE_FILE_H

#include "store/store.h"

/* HOME's. */
enum failure open_store_at(const char *path, struct store **store, struct error *e);
struct store *must_open_at(const char *path);

/* Of none there is nothing. The caller's. */
struct buffer content_at(const char *path);
void put_content_at(const char *path, struct bytes content);

#endif
