#include "core/creation.h"

bool creation_may_begin(const struct home *h, bool partner_answers)
{
    bool known = !h || home_hold(h)->revision > 0;
    bool alone = !h || !home_partner(h)[0];
    return known || alone || partner_answers;
}
