/* Packets for the fuzzer. The checksum would stop it at its first step, and compression at its
 * second. The first byte chooses how far the rest is helped along: not at all; sealed with the
 * right checksum; or taken as head and uncompressed body, to be compressed and sealed. */
#ifndef POLLUX_FUZZ_HELP_ALONG_H
#define POLLUX_FUZZ_HELP_ALONG_H

#include "base/bytes.h"

void help_along(uint32_t magic, struct bytes given, struct buffer *out);

#endif
