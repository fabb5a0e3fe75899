#include "core/copy.h"

#include <string.h>

static const char *const names[COPY_VERDICTS] = {
    [COPY_GO_ON] = "go-on", [COPY_COMPARE] = "compare", [COPY_FORKED] = "forked",
    [COPY_EARLY] = "early", [COPY_LATE] = "late",       [COPY_HOLDS] = "holds",
};

const char *copy_verdict_name(enum copy_verdict verdict)
{
    return names[verdict];
}

bool copy_verdict_named(const char *name, enum copy_verdict *verdict)
{
    for (int i = 0; i < COPY_VERDICTS; i++) {
        if (strcmp(name, names[i]) == 0) {
            *verdict = (enum copy_verdict)i;
            return true;
        }
    }
    return false;
}

/* The entry of this term; NULL: the copy did not go through it, or too long ago. */
static const struct lineage_entry *entry_of(const struct lineage *l, uint64_t number)
{
    for (size_t i = l->count; i > 0; i--) {
        if (l->entries[i - 1].term.number == number)
            return &l->entries[i - 1];
    }
    return NULL;
}

/* Did both go through this term, from the same usn on? */
static bool shared(const struct lineage *exporter, const struct lineage *copy, uint64_t number)
{
    const struct lineage_entry *ours = entry_of(copy, number);
    const struct lineage_entry *theirs = entry_of(exporter, number);
    return ours && theirs && term_equal(ours->term, theirs->term) && ours->began == theirs->began;
}

/* Does the exporter's lineage pass through this point of the copy's? Then everything up to there is
 * the same at both. */
static bool is_on(const struct lineage *exporter, uint64_t head, const struct lineage *copy,
                  struct version at)
{
    if (at.usn == 0)
        return true; /* nothing is the same everywhere */
    return shared(exporter, copy, at.term) && at.usn <= head &&
           lineage_term_of(exporter, at.usn) == at.term;
}

/* The copy as a whole, that is: another module may have changes that the exporter does not know,
 * and following its lineage for the sake of this one would hide them. */
static bool stands_on(const struct copy_state *copy, const struct copy_offer *offer)
{
    const struct lineage *ours = &copy->hold->lineage;
    struct version last = {.term = lineage_term_of(ours, copy->head), .usn = copy->head};
    return is_on(offer->lineage, offer->head, ours, copy->cookie) &&
           is_on(offer->lineage, offer->head, ours, copy->whole_at) &&
           (last.term == 0 || is_on(offer->lineage, UINT64_MAX, ours, last));
}

/* What the copy went through so far: the exporter's lineage stands in its record as a whole, also
 * the terms that began behind the cookie. */
static void lineage_up_to(const struct lineage *whole, uint64_t usn, struct lineage *part)
{
    *part = *whole;
    while (part->count && part->entries[part->count - 1].began > usn)
        part->count--;
}

/* Made here what the exporter does not know? Not by a copy that came as far as the exporter's own
 * term, unless this module is ahead of it. Else, where a common point is known, whatever is beyond
 * it; where none is, everything, unless lineages were trimmed: then the last change tells by whose
 * term it was made. */
static bool has_own_changes(const struct copy_state *copy, const struct copy_offer *offer,
                            const struct lineage *ours, bool common, struct version at)
{
    if (shared(offer->lineage, ours, offer->term.number))
        return copy->cookie.usn > offer->head;
    if (common || (!ours->trimmed && !offer->lineage->trimmed))
        return copy->head > at.usn;
    if (copy->head > offer->head)
        return true;
    struct term last = lineage_last(ours);
    return !term_is_none(last) && term_side(last) != term_side(offer->term);
}

/* The copy does not stand on the exporter's lineage. */
static struct copy_answer parted(const struct copy_state *copy, const struct copy_offer *offer)
{
    struct copy_answer answer = {.verdict = COPY_COMPARE};
    struct lineage ours;
    lineage_up_to(&copy->hold->lineage, copy->head, &ours);
    bool common = lineage_common(&ours, copy->head, offer->lineage, offer->head, &answer.at);
    if (has_own_changes(copy, offer, &ours, common, answer.at))
        answer.verdict = COPY_FORKED;
    return answer;
}

/* The record of a home that the store knows nothing of has no term, and its mode says nothing. */
static bool holds(const struct hold *hold)
{
    return hold->term.number && mode_rights(hold->mode)->holder;
}

/* May whoever exports in this term write here at all? */
static enum copy_verdict judge_term(const struct hold *hold, struct term term)
{
    if (holds(hold))
        return COPY_HOLDS;
    if (term.number > hold->term.number)
        return COPY_EARLY;
    return term_equal(hold->term, term) ? COPY_GO_ON : COPY_LATE;
}

bool copy_replica_follows(const struct hold *hold, struct term term)
{
    return term.number >= hold->term.number && !term_equal(term, hold->term);
}

/* Rule 17: what was deleted meanwhile can't be told any more. */
static bool behind_horizon(uint64_t usn, uint64_t horizon)
{
    return usn && usn < horizon;
}

/* All that there is came, and still it is not the same: something was damaged, or went wrong. */
static bool is_unequal(const struct copy_state *copy, const struct copy_offer *offer)
{
    return copy->cookie.usn == offer->head && !digest_equal(&copy->digest, &offer->digest);
}

/* It had begun to go back for another exporter, and came far enough for this one: what is aside is
 * all that it has of its own, once that is written down. */
static bool ends_going_back(const struct copy_state *copy, enum copy_verdict verdict)
{
    return copy->going_back && (verdict == COPY_GO_ON || verdict == COPY_COMPARE);
}

struct copy_answer copy_judge(const struct copy_state *copy, const struct copy_offer *offer)
{
    const struct hold *hold = copy->hold;
    struct copy_answer answer = {.verdict = judge_term(hold, offer->term), .at = copy->cookie};
    if (answer.verdict == COPY_GO_ON) {
        if (!stands_on(copy, offer))
            answer = parted(copy, offer); /* first of all: what must not be lost */
        else if (copy->comparing || behind_horizon(copy->cookie.usn, offer->horizon) ||
                 (!copy->tail && is_unequal(copy, offer))) /* with one it can't be equal yet */
            answer.verdict = COPY_COMPARE;
    }
    if (ends_going_back(copy, answer.verdict)) {
        answer.verdict = COPY_FORKED;
        answer.at.usn = copy->head;
    }
    answer.term = hold->term;
    answer.tail = copy->tail;
    return answer;
}

bool copy_goes_back(const struct copy_state *copy, const struct copy_offer *offer,
                    uint64_t exporter_head, const struct copy_answer *answer, struct tail *tail)
{
    bool ends = copy->going_back && answer->at.usn == copy->head;
    bool ahead = shared(offer->lineage, &copy->hold->lineage, offer->term.number);
    if (answer->verdict != COPY_FORKED || (ahead && !ends))
        return false;
    uint64_t usn = ends || answer->at.usn < exporter_head ? answer->at.usn : exporter_head;
    *tail = (struct tail){.base = {.term = lineage_term_of(offer->lineage, usn), .usn = usn},
                          .head = copy->head,
                          .lineage = copy->hold->lineage};
    return ends || usn < copy->head;
}

/* Only then it is known of which history a cookie will be. Whoever refills this pool sends it in a
 * term of its own, which the lineage of what is left of it need not have. */
static bool has_followed(const struct hold *hold, struct term term)
{
    return lineage_has(&hold->lineage, term) || hold->mode == MODE_REJOINING;
}

struct copy_answer copy_judge_batch(const struct copy_state *copy, const struct batch_head *head)
{
    struct copy_answer answer = {.verdict = judge_term(copy->hold, head->term),
                                 .at = copy->cookie,
                                 .term = copy->hold->term,
                                 .tail = copy->tail};
    uint64_t stands = copy->taken ? copy->taken : copy->cookie.usn;
    if (answer.verdict == COPY_GO_ON) {
        if (copy->comparing)
            answer.verdict = COPY_COMPARE;
        else if (head->after != stands || !has_followed(copy->hold, head->term) || copy->going_back)
            answer.verdict = COPY_EARLY;
        else if (behind_horizon(stands, head->horizon))
            answer.verdict = COPY_COMPARE;
    }
    return answer;
}

uint64_t copy_whole_upto(const struct copy_state *copy, const struct batch_head *head)
{
    return head->head > copy->whole_at.usn ? head->head : copy->whole_at.usn;
}

bool copy_is_carried(const struct copy_state *copy, const struct batch_head *head)
{
    uint64_t stands = copy_upto(copy->hold, copy->cookie);
    struct batch_head own = *head;
    own.after = stands;
    return stands && stands >= head->others_upto && stands < head->upto &&
           head->upto == head->head && copy->whole_at.usn <= head->upto &&
           copy_judge_batch(copy, &own).verdict == COPY_GO_ON;
}

struct copy_answer copy_judge_part(const struct copy_state *copy, const struct compare_head *head)
{
    struct copy_answer answer = {.verdict = judge_term(copy->hold, head->term),
                                 .at = copy->cookie,
                                 .term = copy->hold->term,
                                 .tail = copy->tail};
    if (answer.verdict == COPY_GO_ON)
        answer.verdict = copy->comparing == head->id ? COPY_COMPARE : COPY_EARLY;
    return answer;
}

struct version copy_compared_at(const struct copy_state *copy, const struct copy_offer *offer,
                                uint64_t exporter_head)
{
    bool stays = copy->cookie.usn && stands_on(copy, offer) &&
                 !behind_horizon(copy->cookie.usn, offer->horizon);
    if (stays)
        return copy->cookie;
    return (struct version){.term = lineage_term_of(offer->lineage, exporter_head),
                            .usn = exporter_head};
}

uint64_t copy_upto(const struct hold *hold, struct version cookie)
{
    bool known = cookie.term && lineage_term_of(&hold->lineage, cookie.usn) == cookie.term;
    return known ? cookie.usn : 0;
}

/* Does it stand at a point that existed? */
static bool is_whole(const struct copy_state *copy)
{
    return copy->whole_at.usn <= copy->cookie.usn && !copy->comparing && !copy->tail;
}

uint64_t copy_horizon(const struct copy_state *copy, uint64_t horizon)
{
    if (holds(copy->hold))
        return horizon;
    if (!is_whole(copy))
        return 0;
    return horizon < copy->cookie.usn ? horizon : copy->cookie.usn;
}

uint64_t copy_head(const struct copy_state *copy)
{
    bool all = holds(copy->hold) || (copy->cookie.usn >= copy->head && is_whole(copy));
    return all ? copy->head : copy->head + 1;
}

bool copy_is_known_elsewhere(const struct hold *hold, enum side side, uint64_t head,
                             uint64_t last_cookie, bool tail)
{
    struct term last = lineage_last(&hold->lineage);
    bool served_last = !term_is_none(last) && term_side(last) == side;
    return !tail && head <= last_cookie && (head == 0 || !served_last);
}

struct version copy_cookie_of_holder(const struct hold *hold, uint64_t head)
{
    return (struct version){.term = lineage_term_of(&hold->lineage, head), .usn = head};
}
