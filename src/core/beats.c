#include "core/beats.h"

uint64_t beats_between(size_t peers, bool may_hold_central)
{
    uint64_t rounds = (peers + BEATS_FAR_PEERS_MAX - 1) / BEATS_FAR_PEERS_MAX;
    return may_hold_central || rounds < BEATS_FAR ? BEATS_FAR : rounds;
}
