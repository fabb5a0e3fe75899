/* Packets for the fuzzer. The checksum would stop it at its first step, and compression at its
 * second. The first byte chooses how far the rest is helped along: not at all; sealed with the
 * right checksum; or taken as head and uncompressed body, to be compressed and sealed. */
#ifndef POLLUX_FUZZ_HELP_ALONG_H
#define POLLUX_FUZZ_HELP_ALONG_H

#include "base/bytes.h"
#include "base/error.h"

void help_along(uint32_t magic, struct bytes given, struct buffer *out);

/* What is refused must be so with words. Of seeds that are written by the house's own code, as
 * `run` has them first of all, none is: else the fuzzer would begin with what is out of date, and
 * get nowhere. */
void may_refuse(const struct error *e);

#endif
