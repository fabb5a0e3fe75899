#include "core/rest.h"

void rest_ask(struct rest *rest, uint64_t now_ms)
{
    if (rest->ever && now_ms - rest->began_ms < REST_EVERY_MS)
        return;
    *rest = (struct rest){.ever = true, .began_ms = now_ms};
}

bool rest_is_on(const struct rest *rest, uint64_t now_ms)
{
    return rest->ever && now_ms - rest->began_ms < REST_MS;
}
