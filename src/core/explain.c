/* Why a home is not served here, in words: what it waits for, and what to type next. */
#include <stdio.h>
#include <string.h>

#include "core/home_inside.h"

enum { BY_HAND_SIZE = FQDN_SIZE + 80 };

/* What has it served here on a person's word. The Central Management Store need not wait for what
 * becomes of the pool's own home. */
static const char *by_hand(const struct home *h, char text[BY_HAND_SIZE])
{
    bool central = strcmp(h->name, HOME_CENTRAL) == 0;
    snprintf(text, BY_HAND_SIZE,
             central ? ", on a machine of %s: Invoke-CsManagementServerFailover -Restore"
                     : ": Start-CsPool -PoolFqdn %s -Force",
             home_self(h));
    return text;
}

void home_explain_stopped(struct error *e, const char *home, const char *pool)
{
    fail(e, FAIL_REFUSED, "The home %s is not served: an administrator stopped %s.", home, pool);
    error_next(e, "To serve it again: Start-CsPool -PoolFqdn %s", pool);
}

void home_explain(const struct home *h, struct error *e)
{
    const char *partner = home_partner(h);
    const char *self = home_self(h);
    char served[BY_HAND_SIZE];
    if (h->store_lost || h->tick_ms < h->retry_ms) {
        fail(e, FAIL_IO, "The store keeps no changes, so the home %s can't be served from it.",
             h->name);
        error_next(e, "The log says what is wrong with it. A full disk needs room, and then it "
                      "goes on by itself; after any other failure, start polluxd again.");
    } else if (h->stopped) {
        home_explain_stopped(e, h->name, self);
    } else if (h->mode == MODE_RELEASED) {
        fail(e, FAIL_REFUSED, "The home %s was given to %s, which has not taken it yet.", h->name,
             partner);
        error_next(e,
                   "It takes it as soon as both hear each other. If it is lost, once it was silent "
                   "for %.0f s%s",
                   (double)h->failure_detection_ms / 1000, by_hand(h, served));
    } else if (h->mode == MODE_DRAINING) {
        fail(e, FAIL_BUSY, "The home %s is being handed over to %s.", h->name, partner);
        error_next(e, "Try again in a moment.");
    } else if (!home_is_known(h) && h->seen == 0) {
        fail(e, FAIL_NOT_FOUND, "The home %s was never created, as far as anybody here knows.",
             h->name);
        error_next(e, "Publish the topology, on any machine: Publish-CsTopology -FileName FILE");
    } else if (h->mode == MODE_SERVING && home_pairs_anew(h)) {
        fail(e, FAIL_REFUSED, "%s is the backup pool of the home %s until it gives up.", partner,
             h->name);
        error_next(e,
                   "Start polluxd there by the same topology file. If it is lost: Start-CsPool "
                   "-PoolFqdn %s -Force",
                   self);
    } else if (!home_is_named(h) && home_is_known(h)) {
        fail(e, FAIL_REFUSED,
             "%s has a copy of the home %s, but is not its backup pool until %s says so.", self,
             h->name, partner);
        error_next(e, "This ends by itself once %s runs by this topology and answers.", partner);
    } else if (!home_is_known(h) || h->verdict == VERDICT_REFILL) {
        fail(e, FAIL_REFUSED,
             "This store %s the home %s, which its partner knows more of: it was replaced or put "
             "back to an older copy.",
             home_is_known(h) ? "has forgotten something of" : "knows nothing of", h->name);
        error_next(e,
                   "%s sends what is missing, and then it is served again. To serve what is here "
                   "and give up the rest%s",
                   home_is_paired(h) ? partner : "Nobody", by_hand(h, served));
    } else {
        fail(e, FAIL_REFUSED,
             "The home %s waits for %s to confirm that it has not taken it over meanwhile.",
             h->name, home_is_paired(h) ? partner : "its store");
        error_next(e,
                   "This ends by itself once %s answers%s. If it is lost, and nobody else serves "
                   "this home%s",
                   home_is_paired(h) ? partner : "the store",
                   home_pairs_anew(h) ? ", unless that logs copy-has-more, and what to do" : "",
                   by_hand(h, served));
    }
}

void home_explain_started(const struct home *h, struct error *e)
{
    struct home as_if = *h;
    as_if.stopped = false;
    home_explain(&as_if, e);
}
