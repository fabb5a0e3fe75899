/* How a pool that has served gets another partner: the hold record, not the topology, names the two
 * pools that may hold a home (protocol, rule 12). The new one is named by a term of the home pool,
 * once the old one has given up. */
#include <string.h>

#include "core/home_inside.h"

/* --- the home pool --- */

bool home_pairs_anew(const struct home *h)
{
    const char *backup = h->hold.pools[SIDE_BACKUP];
    return h->side == SIDE_HOME && home_is_known(h) &&
           strcmp(backup, h->assigned[SIDE_BACKUP]) != 0;
}

/* Nobody else can open an odd number then: there is no backup pool, it gave up, or an administrator
 * vouches for it. */
static bool names_anew(enum cause cause)
{
    return cause == CAUSE_UNPAIRED || cause == CAUSE_PAIRED || cause == CAUSE_FORCED;
}

void home_name_pools(const struct home *h, enum cause cause, struct hold *wanted)
{
    if (h->side == SIDE_BACKUP || names_anew(cause))
        memcpy(wanted->pools[SIDE_BACKUP], h->assigned[SIDE_BACKUP], FQDN_SIZE);
}

void home_ask_to_part(struct home *h, const struct home_event *event, struct home_actions *actions)
{
    if (event->now_ms < h->part_ms)
        return;
    h->part_ms = event->now_ms + HOME_PART_MS;
    home_ask_partner(h, event, actions);
}

/* It is its last word about this home, unless a later term names it: as good as a grant. Had it
 * taken what was released to it, it would not have given up. */
void home_on_parted(struct home *h, const struct home_event *event, struct home_actions *actions)
{
    bool asks = h->mode == MODE_REJOINING || h->mode == MODE_RELEASED;
    bool waits = asks && h->side == SIDE_HOME && home_is_known(h);
    if ((waits || home_pairs_anew(h)) && !h->stopped)
        home_open_term(h, CAUSE_PAIRED, home_next_term(h, event->dice), actions);
}

/* --- the backup pool --- */

bool home_is_named(const struct home *h)
{
    const char *self = h->assigned[SIDE_BACKUP];
    return h->side == SIDE_HOME ||
           (home_is_known(h) && strcmp(h->hold.pools[SIDE_BACKUP], self) == 0);
}

bool hold_may_be_given_up(const struct hold *record)
{
    return record->mode == MODE_STANDBY && record->pools[SIDE_BACKUP][0];
}

void hold_give_up(struct hold *record)
{
    memset(record->pools[SIDE_BACKUP], 0, FQDN_SIZE);
}

enum failure home_on_part(struct home *h, struct home_actions *actions, struct error *e)
{
    if (h->decision.under_way || h->store_lost)
        return fail(e, FAIL_BUSY, "The home %s is being decided on right now.", h->name);
    if (h->side != SIDE_BACKUP || h->mode != MODE_STANDBY || !hold_may_be_given_up(&h->hold))
        return fail(e, FAIL_REFUSED, "The home %s is %s at %s.", h->name, mode_name(h->mode),
                    home_self(h));
    hold_give_up(home_decide(h, MODE_STANDBY, CAUSE_HEARD, actions));
    h->decision.keeps_mode = true;
    return OK;
}

struct home_answer home_parted_answer(const char *self, const struct hold *record,
                                      uint64_t own_head, const struct home_question *asked)
{
    struct home_answer answer = {.nonce = asked->nonce, .verdict = VERDICT_PARTED};
    if (!record)
        return answer;
    bool names_us = strcmp(record->pools[SIDE_BACKUP], self) == 0; /* a replica's, another one */
    bool behind = asked->term.number < record->term.number ||
                  (term_equal(asked->term, record->term) &&
                   home_asker_lacks(&record->lineage, asked, own_head));
    if (names_us || behind)
        answer.verdict = VERDICT_WAIT;
    answer.number = record->seen;
    return answer;
}
