/* Where a copy may go on: each verdict, and what makes it. Lineages are written as what happened:
 * "2@0 4@80" is a home that began in term 2 and was served in term 4 from usn 80 on. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "core/copy.h"
#include "core/gathering.h"

/* A term's tag follows from its number, but where a test wants another one. */
static struct term term(uint64_t number)
{
    return (struct term){.number = number, .tag = number * 1000 + 7};
}

static struct term other_tag(uint64_t number)
{
    return (struct term){.number = number, .tag = number * 1000 + 8};
}

static struct version at(uint64_t number, uint64_t usn)
{
    return (struct version){.term = number, .usn = usn};
}

/* Who exports, and who has a copy. The home pool is the exporter, unless its term says otherwise.
 */
struct meeting {
    struct lineage theirs;
    struct copy_offer offer;
    struct hold hold;
    struct copy_state copy;
};

static void exporter_went_through(struct meeting *m, uint64_t number, uint64_t began)
{
    lineage_open(&m->theirs, term(number), began);
    m->offer.term = term(number);
    m->hold.term = term(number); /* the copy has heard of it */
}

static void copy_went_through(struct meeting *m, uint64_t number, uint64_t began)
{
    lineage_open(&m->hold.lineage, term(number), began);
}

static void copy_stands_at(struct meeting *m, struct version cookie)
{
    m->copy.cookie = m->copy.whole_at = cookie;
    m->copy.head = cookie.usn;
}

static struct meeting a_meeting(void)
{
    struct meeting m = {.hold = {.home = "atl.example.com",
                                 .pools = {"atl.example.com", "por.example.com"},
                                 .mode = MODE_STANDBY}};
    return m;
}

static struct copy_answer judge(struct meeting *m)
{
    m->offer.lineage = &m->theirs;
    m->copy.hold = &m->hold;
    return copy_judge(&m->copy, &m->offer);
}

static void assert_at(struct copy_answer answer, struct version expected)
{
    assert_int_equal(answer.at.term, expected.term);
    assert_int_equal(answer.at.usn, expected.usn);
}

#define ASSERT_VERDICT(answer, expected)                                                           \
    assert_string_equal(copy_verdict_name((answer).verdict), copy_verdict_name(expected))

/* --- going on --- */

/* Both in term 2, the exporter further. */
static struct meeting in_one_term(uint64_t head, uint64_t cookie)
{
    struct meeting m = a_meeting();
    exporter_went_through(&m, 2, 0);
    copy_went_through(&m, 2, 0);
    m.offer.head = head;
    copy_stands_at(&m, at(2, cookie));
    return m;
}

static void a_fresh_copy_goes_on_from_nothing(void **state)
{
    (void)state;
    struct meeting m = a_meeting();
    exporter_went_through(&m, 2, 0);
    exporter_went_through(&m, 4, 80);
    m.offer.head = 100;
    m.offer.horizon = 90; /* it never had what was deleted */
    struct copy_answer answer = judge(&m);
    ASSERT_VERDICT(answer, COPY_GO_ON);
    assert_at(answer, at(0, 0));
}

static void a_copy_of_the_same_lineage_goes_on_from_its_cookie(void **state)
{
    (void)state;
    struct meeting m = in_one_term(100, 60);
    struct copy_answer answer = judge(&m);
    ASSERT_VERDICT(answer, COPY_GO_ON);
    assert_at(answer, at(2, 60));
    assert_true(term_equal(answer.term, term(2)));
}

static void a_copy_that_has_everything_stands_at_the_head(void **state)
{
    (void)state;
    struct meeting m = in_one_term(100, 100);
    ASSERT_VERDICT(judge(&m), COPY_GO_ON);
    m = in_one_term(0, 0); /* and so does a copy of nothing */
    ASSERT_VERDICT(judge(&m), COPY_GO_ON);
}

static void a_copy_that_has_everything_and_is_not_equal_is_compared(void **state)
{
    (void)state;
    struct meeting m = in_one_term(100, 100);
    m.offer.digest = (struct digest){.low = 1, .items = 7};
    m.copy.digest = (struct digest){.low = 2, .items = 7};
    struct copy_answer answer = judge(&m);
    ASSERT_VERDICT(answer, COPY_COMPARE);
    assert_at(answer, at(2, 100));
    m = in_one_term(100, 60); /* of one that is behind that says nothing */
    m.offer.digest = (struct digest){.low = 1, .items = 7};
    ASSERT_VERDICT(judge(&m), COPY_GO_ON);
}

static void a_comparison_that_has_begun_is_brought_to_its_end(void **state)
{
    (void)state;
    struct meeting m = in_one_term(100, 60);
    m.copy.comparing = 77;
    m.copy.head = 100; /* some of what was behind the cookie came already */
    struct copy_answer answer = judge(&m);
    ASSERT_VERDICT(answer, COPY_COMPARE);
    assert_at(answer, at(2, 60));
    const struct batch_head head = {.term = term(2), .after = 60, .upto = 70, .head = 100};
    ASSERT_VERDICT(copy_judge_batch(&m.copy, &head), COPY_COMPARE);
    struct compare_head part = {.term = term(2), .id = 77};
    ASSERT_VERDICT(copy_judge_part(&m.copy, &part), COPY_COMPARE);
    part.id = 76; /* of one that was given up */
    ASSERT_VERDICT(copy_judge_part(&m.copy, &part), COPY_EARLY);
    part.term = other_tag(2);
    ASSERT_VERDICT(copy_judge_part(&m.copy, &part), COPY_LATE);
    m.hold.term = term(4); /* but not by whom it does not follow */
    ASSERT_VERDICT(judge(&m), COPY_LATE);
}

static void changes_of_its_own_are_not_compared_away_because_something_else_is_missing(void **state)
{
    (void)state;
    struct meeting m = in_one_term(100, 60);
    m.hold.lineage = (struct lineage){0};
    copy_went_through(&m, 3, 0);
    m.copy.cookie = at(3, 60);
    m.copy.comparing = 77; /* its scrub found damage */
    ASSERT_VERDICT(judge(&m), COPY_FORKED);
}

static void a_copy_that_missed_whole_terms_goes_on(void **state)
{
    (void)state;
    struct meeting m = in_one_term(100, 60);
    exporter_went_through(&m, 4, 80);
    exporter_went_through(&m, 6, 80);
    exporter_went_through(&m, 8, 95);
    struct copy_answer answer = judge(&m);
    ASSERT_VERDICT(answer, COPY_GO_ON);
    assert_at(answer, at(2, 60));
}

static void a_copy_that_knows_the_exporters_lineage_beyond_its_cookie_goes_on(void **state)
{
    (void)state;
    struct meeting m = in_one_term(100, 60);
    exporter_went_through(&m, 4, 80);
    copy_went_through(&m, 4, 80); /* taken over as a whole, when it was offered */
    ASSERT_VERDICT(judge(&m), COPY_GO_ON);
}

static void a_cookie_at_the_very_end_of_a_term_is_on_the_lineage(void **state)
{
    (void)state;
    struct meeting m = in_one_term(100, 80);
    exporter_went_through(&m, 4, 80);
    ASSERT_VERDICT(judge(&m), COPY_GO_ON);
}

static void another_module_may_be_further(void **state)
{
    (void)state;
    struct meeting m = in_one_term(100, 60);
    m.copy.head = 90;
    struct copy_answer answer = judge(&m);
    ASSERT_VERDICT(answer, COPY_GO_ON);
    assert_at(answer, at(2, 60));
}

static void a_copy_in_resiliency_or_rejoining_takes_what_it_is_sent(void **state)
{
    (void)state;
    struct meeting m = in_one_term(100, 60);
    m.hold.mode = MODE_RESILIENCY;
    ASSERT_VERDICT(judge(&m), COPY_GO_ON);
    m.hold.mode = MODE_REJOINING;
    ASSERT_VERDICT(judge(&m), COPY_GO_ON);
}

/* --- a former holder --- */

/* It served term 2 up to `head`, then the backup took term 3 with what it had of it. */
static struct meeting former_holder(uint64_t head, uint64_t taken_at)
{
    struct meeting m = a_meeting();
    exporter_went_through(&m, 2, 0);
    exporter_went_through(&m, 3, taken_at);
    m.offer.head = 100;
    copy_went_through(&m, 2, 0);
    copy_stands_at(&m, copy_cookie_of_holder(&m.hold, head));
    return m;
}

static void a_former_holder_stands_at_its_head(void **state)
{
    (void)state;
    struct meeting m = a_meeting();
    copy_went_through(&m, 2, 0);
    copy_went_through(&m, 4, 50);
    struct version cookie = copy_cookie_of_holder(&m.hold, 70);
    assert_int_equal(cookie.term, 4);
    assert_int_equal(cookie.usn, 70);
    cookie = copy_cookie_of_holder(&m.hold, 50); /* nothing was changed in term 4 */
    assert_int_equal(cookie.term, 2);
    cookie = copy_cookie_of_holder(&m.hold, 0);
    assert_int_equal(cookie.usn, 0);
}

static void a_former_holder_that_lost_nothing_goes_on(void **state)
{
    (void)state;
    struct meeting m = former_holder(50, 50);
    struct copy_answer answer = judge(&m);
    ASSERT_VERDICT(answer, COPY_GO_ON);
    assert_at(answer, at(2, 50));
}

static void rule_3_a_former_holder_with_changes_of_its_own_has_forked(void **state)
{
    (void)state;
    struct meeting m = former_holder(51, 50);
    struct copy_answer answer = judge(&m);
    ASSERT_VERDICT(answer, COPY_FORKED);
    assert_at(answer, at(2, 50));
}

static void rule_17_a_fork_is_not_compared_away_because_tombstones_are_gone(void **state)
{
    (void)state;
    struct meeting m = former_holder(51, 50);
    m.offer.horizon = 90;
    struct copy_answer answer = judge(&m);
    ASSERT_VERDICT(answer, COPY_FORKED);
    assert_at(answer, at(2, 50));
}

static void a_former_holder_of_two_terms_parts_where_the_other_took(void **state)
{
    (void)state;
    struct meeting m = a_meeting();
    exporter_went_through(&m, 2, 0);
    exporter_went_through(&m, 5, 30);
    m.offer.head = 100;
    copy_went_through(&m, 2, 0);
    copy_went_through(&m, 4, 40); /* served on, cut off from everybody */
    copy_stands_at(&m, copy_cookie_of_holder(&m.hold, 60));
    struct copy_answer answer = judge(&m);
    ASSERT_VERDICT(answer, COPY_FORKED);
    assert_at(answer, at(2, 30));
}

/* --- an exporter whose store was put back --- */

static void a_copy_ahead_of_an_exporter_that_was_put_back_has_forked(void **state)
{
    (void)state;
    struct meeting m = in_one_term(80, 90);
    struct copy_answer answer = judge(&m);
    ASSERT_VERDICT(answer, COPY_FORKED);
    assert_at(answer, at(2, 80));
}

/* It used usn 81 to 100 anew, in its next term. The cookie is not above its head. */
static void a_copy_of_changes_that_the_exporter_forgot_has_forked(void **state)
{
    (void)state;
    struct meeting m = in_one_term(100, 90);
    exporter_went_through(&m, 4, 80);
    struct copy_answer answer = judge(&m);
    ASSERT_VERDICT(answer, COPY_FORKED);
    assert_at(answer, at(2, 80));
}

static void rule_2_another_tag_of_the_cookies_term_is_another_term(void **state)
{
    (void)state;
    struct meeting m = a_meeting();
    exporter_went_through(&m, 2, 0);
    lineage_open(&m.theirs, other_tag(4), 50);
    exporter_went_through(&m, 6, 70);
    m.offer.head = 100;
    copy_went_through(&m, 2, 0);
    copy_went_through(&m, 4, 50);
    copy_stands_at(&m, at(4, 60));
    struct copy_answer answer = judge(&m);
    ASSERT_VERDICT(answer, COPY_FORKED);
    assert_at(answer, at(2, 50));
}

static void a_term_that_began_somewhere_else_is_another_one(void **state)
{
    (void)state;
    struct meeting m = a_meeting();
    exporter_went_through(&m, 2, 0);
    exporter_went_through(&m, 4, 50);
    m.offer.head = 100;
    copy_went_through(&m, 2, 0);
    copy_went_through(&m, 4, 55);
    copy_stands_at(&m, at(4, 60));
    struct copy_answer answer = judge(&m);
    ASSERT_VERDICT(answer, COPY_FORKED);
    assert_at(answer, at(2, 50));
}

/* Forced to serve on an empty disk: the copy may be all that is left. */
static void a_copy_of_a_home_that_began_anew_is_not_overwritten(void **state)
{
    (void)state;
    struct meeting m = a_meeting();
    exporter_went_through(&m, 4, 0);
    m.offer.head = 3;
    copy_went_through(&m, 2, 0);
    copy_stands_at(&m, at(2, 90));
    struct copy_answer answer = judge(&m);
    ASSERT_VERDICT(answer, COPY_FORKED);
    assert_at(answer, at(0, 0));
}

/* The copy knows of term 4, which began behind its cookie, and the exporter forgot that part of
 * term 2, and opened term 4 elsewhere, with a tag of its own. Where both part, term 2 ends. */
static void terms_behind_the_copys_head_are_not_the_copys(void **state)
{
    (void)state;
    struct meeting m = in_one_term(100, 60);
    copy_went_through(&m, 4, 80);
    m.theirs = (struct lineage){0};
    exporter_went_through(&m, 2, 0);
    exporter_went_through(&m, 6, 50);
    struct copy_answer answer = judge(&m);
    ASSERT_VERDICT(answer, COPY_FORKED);
    assert_at(answer, at(2, 50));
    m.theirs = (struct lineage){0}; /* no term in common but the one that it did not reach */
    exporter_went_through(&m, 4, 80);
    answer = judge(&m);
    ASSERT_VERDICT(answer, COPY_FORKED);
    assert_at(answer, at(0, 0));
}

/* Rule 3: the cookie was moved back to the common point already. */
static void a_fork_is_told_by_the_copys_head_not_by_its_cookie(void **state)
{
    (void)state;
    struct meeting m = in_one_term(80, 85);
    m.copy.head = 90;
    ASSERT_VERDICT(judge(&m), COPY_FORKED);
    m = former_holder(70, 50);
    m.copy.cookie = at(4, 45); /* of a term that it does not know */
    struct copy_answer answer = judge(&m);
    ASSERT_VERDICT(answer, COPY_FORKED);
    assert_at(answer, at(2, 50));
}

/* It is asked by another exporter than the one it began to go back for. */
static void a_copy_that_went_back_far_enough_goes_no_further(void **state)
{
    (void)state;
    struct meeting m = in_one_term(100, 60);
    m.copy.tail = m.copy.going_back = true;
    struct copy_answer answer = judge(&m);
    ASSERT_VERDICT(answer, COPY_FORKED); /* first it writes down that this is all */
    OWNED(free_memory) struct tail *tail = xmalloc(sizeof *tail);
    assert_true(copy_goes_back(&m.copy, &m.offer, m.offer.head, &answer, tail));
    assert_true(tail->base.usn == 60 && tail->head == 60 && !tail->open);
    m.copy.going_back = false;
    ASSERT_VERDICT(judge(&m), COPY_GO_ON);
}

static void a_copy_that_goes_back_takes_no_batch(void **state)
{
    (void)state;
    struct meeting m = in_one_term(100, 60);
    struct batch_head head = {.term = term(2), .after = 60, .upto = 70, .head = 100};
    judge(&m);
    ASSERT_VERDICT(copy_judge_batch(&m.copy, &head), COPY_GO_ON);
    m.copy.tail = m.copy.going_back = true;
    ASSERT_VERDICT(copy_judge_batch(&m.copy, &head), COPY_EARLY);
}

/* A common point is known, so the trimmed part is of no interest. */
static void a_common_point_counts_more_than_what_was_trimmed(void **state)
{
    (void)state;
    struct meeting m = in_one_term(100, 60);
    m.theirs.trimmed = true;
    m.hold.lineage.trimmed = true;
    m.offer.term = m.hold.term = term(3); /* the other side sends, as in a refill */
    m.copy.cookie = at(6, 60);
    ASSERT_VERDICT(judge(&m), COPY_COMPARE);
}

/* --- comparing --- */

static void rule_17_a_copy_behind_the_horizon_is_compared(void **state)
{
    (void)state;
    struct meeting m = in_one_term(100, 60);
    m.offer.horizon = 61;
    struct copy_answer answer = judge(&m);
    ASSERT_VERDICT(answer, COPY_COMPARE);
    assert_at(answer, at(2, 60));
}

static void a_copy_at_the_horizon_has_what_was_deleted(void **state)
{
    (void)state;
    struct meeting m = in_one_term(100, 60);
    m.offer.horizon = 60;
    ASSERT_VERDICT(judge(&m), COPY_GO_ON);
}

/* It stands at a point that both know, but the cookie speaks of another term than the exporter:
 * then the cookie is wrong, and nothing is lost by comparing. */
static void a_cookie_that_does_not_fit_its_lineage_is_compared(void **state)
{
    (void)state;
    struct meeting m = in_one_term(100, 60);
    m.copy.cookie = at(6, 60);
    struct copy_answer answer = judge(&m);
    ASSERT_VERDICT(answer, COPY_COMPARE);
    assert_at(answer, at(2, 60));
}

static struct version compared_at(struct meeting *m)
{
    m->offer.lineage = &m->theirs;
    m->copy.hold = &m->hold;
    return copy_compared_at(&m->copy, &m->offer, m->offer.head);
}

static void rule_17_batches_go_on_behind_a_comparison_where_they_tell_what_was_deleted(void **state)
{
    (void)state;
    struct meeting m = in_one_term(100, 60);
    m.offer.horizon = 60;
    m.copy.comparing = 77;
    assert_int_equal(compared_at(&m).usn, 60);
    m.offer.horizon = 61; /* something is forgotten by now */
    assert_int_equal(compared_at(&m).usn, 100);
    assert_int_equal(compared_at(&m).term, 2);
    m = in_one_term(100, 60);
    m.copy.cookie = at(6, 60); /* of another history */
    assert_int_equal(compared_at(&m).usn, 100);
    m = in_one_term(100, 0); /* it has nothing that batches would have to bring once more */
    assert_int_equal(compared_at(&m).usn, 100);
}

/* The exporter was started so often that the copy's last term fell off its lineage. */
static struct meeting trimmed(uint64_t copys_term)
{
    struct meeting m = a_meeting();
    copy_went_through(&m, copys_term, 0);
    copy_stands_at(&m, at(copys_term, 60));
    for (uint64_t i = 0; i <= LINEAGE_MAX; i++)
        exporter_went_through(&m, 4 + 2 * i, 60 + i);
    lineage_open(&m.theirs, term(2000), 900);
    m.offer.term = m.hold.term = term(2000);
    m.offer.head = 1000;
    assert_true(m.theirs.trimmed);
    return m;
}

static void a_copy_older_than_the_exporters_lineage_is_compared(void **state)
{
    (void)state;
    struct meeting m = trimmed(2);
    struct copy_answer answer = judge(&m);
    ASSERT_VERDICT(answer, COPY_COMPARE);
    assert_at(answer, at(0, 0));
}

/* It held the home itself when it was last heard of, and nobody knows what became of that. */
static void a_former_holder_older_than_the_exporters_lineage_may_have_forked(void **state)
{
    (void)state;
    struct meeting m = trimmed(3);
    ASSERT_VERDICT(judge(&m), COPY_FORKED);
}

/* It was compared again and again, and nobody could ever take it. */
static void a_copy_that_has_everything_goes_on_however_often_its_holder_was_started(void **state)
{
    (void)state;
    struct meeting m = a_meeting();
    exporter_went_through(&m, 2, 0);
    for (uint64_t i = 2; i <= LINEAGE_MAX + 2; i++)
        exporter_went_through(&m, 2 * i, 60);
    m.hold.lineage = m.theirs;
    m.offer.term = m.hold.term = lineage_last(&m.theirs);
    m.offer.head = 60;
    m.offer.digest = m.copy.digest;
    copy_stands_at(&m, at(lineage_term_of(&m.theirs, 60), 60));
    ASSERT_VERDICT(judge(&m), COPY_GO_ON);
    assert_int_equal(copy_upto(&m.hold, m.copy.cookie), 60);
    exporter_went_through(&m, 2000, 60); /* and the day after */
    m.offer.term = m.hold.term = lineage_last(&m.theirs);
    ASSERT_VERDICT(judge(&m), COPY_GO_ON);
}

/* --- who may send at all --- */

static void a_term_that_the_copy_has_not_heard_of_is_early(void **state)
{
    (void)state;
    struct meeting m = in_one_term(100, 60);
    exporter_went_through(&m, 4, 90);
    m.hold.term = term(2);
    struct copy_answer answer = judge(&m);
    ASSERT_VERDICT(answer, COPY_EARLY);
    assert_true(term_equal(answer.term, term(2)));
}

static void an_empty_store_has_not_heard_of_any_term(void **state)
{
    (void)state;
    struct meeting m = a_meeting();
    exporter_went_through(&m, 2, 0);
    m.hold = (struct hold){.home = "atl.example.com"}; /* as it is before there is a record */
    ASSERT_VERDICT(judge(&m), COPY_EARLY);
}

static void a_lower_term_is_late(void **state)
{
    (void)state;
    struct meeting m = in_one_term(100, 60);
    m.hold.term = term(3);
    struct copy_answer answer = judge(&m);
    ASSERT_VERDICT(answer, COPY_LATE);
    assert_true(term_equal(answer.term, term(3)));
}

static void another_tag_of_the_same_number_is_late(void **state)
{
    (void)state;
    struct meeting m = in_one_term(100, 60);
    m.hold.term = other_tag(2);
    struct copy_answer answer = judge(&m);
    ASSERT_VERDICT(answer, COPY_LATE);
    assert_true(term_equal(answer.term, other_tag(2)));
}

static void whoever_holds_the_home_is_sent_nothing(void **state)
{
    (void)state;
    const enum mode holding[] = {MODE_SERVING, MODE_CLOSING, MODE_DRAINING};
    for (size_t i = 0; i < COUNT_OF(holding); i++) {
        struct meeting m = in_one_term(100, 60);
        m.hold.mode = holding[i];
        ASSERT_VERDICT(judge(&m), COPY_HOLDS);
        exporter_went_through(&m, 5, 100); /* not even in a higher term: it steps down first */
        m.hold.term = term(2);
        ASSERT_VERDICT(judge(&m), COPY_HOLDS);
    }
}

static void who_may_send_is_asked_before_where_to_go_on(void **state)
{
    (void)state;
    struct meeting m = in_one_term(80, 90); /* forked, if the terms were the same */
    m.offer.horizon = 80;
    m.hold.term = term(3);
    ASSERT_VERDICT(judge(&m), COPY_LATE);
}

/* --- batches --- */

static struct copy_answer judge_batch(struct meeting *m, uint64_t after, uint64_t horizon)
{
    const struct batch_head head = {
        .term = m->offer.term, .after = after, .upto = 90, .head = 100, .horizon = horizon};
    m->copy.hold = &m->hold;
    return copy_judge_batch(&m->copy, &head);
}

static void a_replica_follows_a_higher_term_and_one_that_was_opened_anew(void **state)
{
    (void)state;
    struct hold hold = {0};
    assert_true(copy_replica_follows(&hold, term(2)));
    hold.term = term(4);
    assert_false(copy_replica_follows(&hold, term(4)));
    assert_false(copy_replica_follows(&hold, term(3)));
    assert_true(copy_replica_follows(&hold, term(5)));
    assert_true(copy_replica_follows(&hold, other_tag(4)));
}

static void a_batch_goes_on_where_the_copy_stands(void **state)
{
    (void)state;
    struct meeting m = in_one_term(100, 60);
    struct copy_answer answer = judge_batch(&m, 60, 60);
    ASSERT_VERDICT(answer, COPY_GO_ON);
    assert_at(answer, at(2, 60));
    ASSERT_VERDICT(judge_batch(&m, 59, 0), COPY_EARLY); /* sent twice */
    ASSERT_VERDICT(judge_batch(&m, 61, 0), COPY_EARLY); /* the store was put back */
    assert_at(judge_batch(&m, 61, 0), at(2, 60));
}

/* Somebody else's batch, which goes from 70 to 100; its holder met something of another module at
 * 80, and nothing beyond. */
static bool is_carried(struct meeting *m, uint64_t head)
{
    const struct batch_head of = {.module = MODULE_PRESENCE_FOCUS,
                                  .term = m->offer.term,
                                  .after = 70,
                                  .upto = 100,
                                  .head = head,
                                  .horizon = 50,
                                  .others_upto = 80};
    m->copy.hold = &m->hold;
    return copy_is_carried(&m->copy, &of);
}

static void rule_20_whoever_has_nothing_in_a_batch_of_another_module_goes_along(void **state)
{
    (void)state;
    for (uint64_t cookie = 0; cookie <= 110; cookie += 10) {
        struct meeting m = in_one_term(100, cookie);
        assert_int_equal(is_carried(&m, 100), cookie >= 80 && cookie < 100);
    }
    struct meeting m = in_one_term(100, 90);
    assert_false(is_carried(&m, 101)); /* what is left out may be of it */
    m.copy.whole_at = at(2, 101);      /* or was left out before */
    assert_false(is_carried(&m, 100));
}

static void rule_20_and_only_where_a_batch_of_its_own_would_be_taken(void **state)
{
    (void)state;
    struct meeting m = in_one_term(100, 90);
    m.copy.comparing = 7;
    assert_false(is_carried(&m, 100));
    m = in_one_term(100, 90);
    m.copy.going_back = true;
    assert_false(is_carried(&m, 100));
    m = in_one_term(100, 90);
    m.copy.cookie.term = 4; /* of another history */
    assert_false(is_carried(&m, 100));
    m = in_one_term(100, 90);
    m.hold.mode = MODE_SERVING;
    assert_false(is_carried(&m, 100));
    m = in_one_term(100, 90);
    m.copy.taken = 95; /* and more of its own is on its way */
    assert_false(is_carried(&m, 100));
}

static void a_batch_goes_on_where_others_were_taken_before_it(void **state)
{
    (void)state;
    struct meeting m = in_one_term(100, 60);
    m.copy.taken = 80;
    struct copy_answer answer = judge_batch(&m, 80, 60);
    ASSERT_VERDICT(answer, COPY_GO_ON);
    assert_at(answer, at(2, 60)); /* only what is stored counts */
    ASSERT_VERDICT(judge_batch(&m, 60, 0), COPY_EARLY);
}

/* They were dropped between the offer and the batch. */
static void rule_17_a_batch_that_lacks_tombstones_is_not_applied(void **state)
{
    (void)state;
    struct meeting m = in_one_term(100, 60);
    ASSERT_VERDICT(judge_batch(&m, 60, 61), COPY_COMPARE);
    copy_stands_at(&m, at(0, 0));
    ASSERT_VERDICT(judge_batch(&m, 0, 61), COPY_GO_ON);
    m.copy.taken = 50; /* nothing is stored yet, but what was taken may have been deleted since */
    ASSERT_VERDICT(judge_batch(&m, 50, 61), COPY_COMPARE);
    ASSERT_VERDICT(judge_batch(&m, 50, 50), COPY_GO_ON);
}

static void a_batch_of_another_term_is_not_applied(void **state)
{
    (void)state;
    struct meeting m = in_one_term(100, 60);
    m.hold.term = term(4);
    ASSERT_VERDICT(judge_batch(&m, 60, 0), COPY_LATE);
    m.hold.term = other_tag(2);
    ASSERT_VERDICT(judge_batch(&m, 60, 0), COPY_LATE);
    m.hold.term = TERM_NONE;
    ASSERT_VERDICT(judge_batch(&m, 60, 0), COPY_EARLY);
    m.hold.term = term(2);
    m.hold.mode = MODE_SERVING;
    ASSERT_VERDICT(judge_batch(&m, 60, 0), COPY_HOLDS);
}

/* --- long catch-ups --- */

/* What was changed once more up to the head of that moment was left out of every batch before it:
 * an exporter that no longer has the later version would never send the older one. */
static void a_copy_in_a_catch_up_goes_on_only_where_its_end_is_still_to_come(void **state)
{
    (void)state;
    struct meeting m = in_one_term(70, 53);
    m.copy.whole_at = at(2, 67);
    ASSERT_VERDICT(judge(&m), COPY_GO_ON);
    exporter_went_through(&m, 4, 67); /* restarted, with all that it had */
    ASSERT_VERDICT(judge(&m), COPY_GO_ON);
    m.theirs.count = 1;
    exporter_went_through(&m, 4, 54); /* put back, and told to serve what is left */
    struct copy_answer answer = judge(&m);
    ASSERT_VERDICT(answer, COPY_COMPARE);
    assert_at(answer, at(2, 53));
}

static void a_fork_in_one_module_is_a_fork_in_each(void **state)
{
    (void)state;
    struct meeting m = in_one_term(80, 40); /* this module stands where both were */
    exporter_went_through(&m, 4, 50);
    m.copy.head = 60; /* another one does not */
    struct copy_answer answer = judge(&m);
    ASSERT_VERDICT(answer, COPY_FORKED);
    assert_at(answer, at(2, 50));
}

/* Each module's exporter has a call of its own under way. */
static void what_another_module_got_meanwhile_is_no_fork(void **state)
{
    (void)state;
    struct meeting m = in_one_term(60, 50);
    m.copy.head = 61;
    ASSERT_VERDICT(judge(&m), COPY_GO_ON);
    m.copy.cookie = m.copy.whole_at = at(1, 50); /* of no history that anybody knows */
    ASSERT_VERDICT(judge(&m), COPY_COMPARE);
}

static void a_batch_before_any_lineage_was_followed_is_not_applied(void **state)
{
    (void)state;
    struct meeting m = in_one_term(100, 60);
    m.hold.lineage.count = 0;
    ASSERT_VERDICT(judge_batch(&m, 60, 0), COPY_EARLY);
    m.hold.mode = MODE_REJOINING; /* its own term is sent to it, by whoever refills it */
    ASSERT_VERDICT(judge_batch(&m, 60, 0), COPY_GO_ON);
}

static void what_a_refilling_copy_does_not_have_is_not_taken_for_deleted(void **state)
{
    (void)state;
    struct meeting m = in_one_term(100, 60);
    m.copy.hold = &m.hold;
    assert_int_equal(copy_horizon(&m.copy, 40), 40);
    assert_int_equal(copy_horizon(&m.copy, 80), 60); /* another module's came from there */
    assert_int_equal(copy_head(&m.copy), 60);
    m.copy.whole_at = at(2, 90);
    assert_int_equal(copy_horizon(&m.copy, 40), 0);
    assert_int_equal(copy_head(&m.copy), 61); /* whoever follows never takes itself for whole */
    m.copy.whole_at = m.copy.cookie;
    m.copy.head = 80; /* in another module */
    assert_int_equal(copy_head(&m.copy), 81);
    m.hold.mode = MODE_SERVING; /* a holder has everything */
    assert_int_equal(copy_horizon(&m.copy, 80), 80);
    assert_int_equal(copy_head(&m.copy), 80);
}

static void a_copy_has_everything_up_to_a_cookie_of_its_own_history(void **state)
{
    (void)state;
    struct meeting m = in_one_term(100, 60);
    copy_went_through(&m, 4, 80);
    assert_int_equal(copy_upto(&m.hold, at(2, 80)), 80);
    assert_int_equal(copy_upto(&m.hold, at(4, 90)), 90);
    assert_int_equal(copy_upto(&m.hold, at(2, 90)), 0); /* still to be compared */
    assert_int_equal(copy_upto(&m.hold, at(0, 0)), 0);
}

static void what_only_this_pool_knows_keeps_its_copy_from_going(void **state)
{
    (void)state;
    struct hold hold = {.home = "atl.example.com"};
    assert_true(copy_is_known_elsewhere(&hold, SIDE_BACKUP, 0, 0, false)); /* nothing at all */
    lineage_open(&hold.lineage, term(2), 0);
    assert_true(copy_is_known_elsewhere(&hold, SIDE_BACKUP, 60, 60, false));
    assert_false(copy_is_known_elsewhere(&hold, SIDE_BACKUP, 61, 60, false));
    assert_false(copy_is_known_elsewhere(&hold, SIDE_BACKUP, 60, 60, true));
    lineage_open(&hold.lineage, term(3), 60); /* it served itself, and nobody has said a word */
    assert_false(copy_is_known_elsewhere(&hold, SIDE_BACKUP, 60, 60, false));
    assert_true(copy_is_known_elsewhere(&hold, SIDE_BACKUP, 0, 0, false));
    lineage_open(&hold.lineage, term(4), 60);
    assert_true(copy_is_known_elsewhere(&hold, SIDE_BACKUP, 60, 60, false));
    assert_false(copy_is_known_elsewhere(&hold, SIDE_HOME, 60, 60, false));
}

/* --- what replicas say (rule 19) --- */

static void a_replica_has_more_if_it_can_be_gone_on_from(void **state)
{
    (void)state;
    struct replica_standing replica = {.known = true, .same = true, .usn = 70};
    assert_true(gathering_has_more(&replica, 69));
    assert_false(gathering_has_more(&replica, 70));
    replica.useless = true;
    assert_false(gathering_has_more(&replica, 69));
    replica = (struct replica_standing){.known = true, .usn = 70}; /* on another history */
    assert_false(gathering_has_more(&replica, 69));
    replica = (struct replica_standing){.same = true, .usn = 70}; /* an earlier answer's */
    assert_false(gathering_has_more(&replica, 69));
}

static void the_first_and_the_last_of_them_are_what_counts(void **state)
{
    (void)state;
    struct operation_replicas all = {.least = UINT64_MAX};
    gathering_add(&all, &(struct replica_standing){.same = true, .usn = 99}, 50);
    assert_true(all.least == UINT64_MAX && all.most == 0); /* it does not answer */
    gathering_add(&all, &(struct replica_standing){.known = true, .same = true, .usn = 60}, 50);
    gathering_add(&all, &(struct replica_standing){.known = true, .same = true, .usn = 40}, 50);
    assert_true(all.least == 40 && all.most == 60);
    gathering_add(&all, &(struct replica_standing){.known = true, .usn = 80}, 50);
    assert_true(all.least == 0 && all.most == 60);
}

static void two_are_in_line_if_one_of_them_has_all_that_the_other_has(void **state)
{
    (void)state;
    struct lineage a = {0}, b = {0};
    lineage_open(&a, term(2), 0);
    lineage_open(&b, term(2), 0);
    assert_true(lineage_in_line(&a, 60, &b, 50) && lineage_in_line(&b, 50, &a, 60));
    lineage_open(&a, term(4), 55);
    assert_true(lineage_in_line(&a, 60, &b, 55));
    assert_false(lineage_in_line(&a, 60, &b, 56) || lineage_in_line(&b, 56, &a, 60));
}

static void each_verdict_has_a_name_that_finds_it(void **state)
{
    (void)state;
    enum copy_verdict found;
    for (int i = 0; i < COPY_VERDICTS; i++) {
        assert_true(copy_verdict_named(copy_verdict_name((enum copy_verdict)i), &found));
        assert_int_equal(found, i);
    }
    assert_false(copy_verdict_named("perhaps", &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fresh_copy_goes_on_from_nothing),
        cmocka_unit_test(a_copy_of_the_same_lineage_goes_on_from_its_cookie),
        cmocka_unit_test(a_copy_that_has_everything_stands_at_the_head),
        cmocka_unit_test(a_copy_that_has_everything_and_is_not_equal_is_compared),
        cmocka_unit_test(a_comparison_that_has_begun_is_brought_to_its_end),
        cmocka_unit_test(
            changes_of_its_own_are_not_compared_away_because_something_else_is_missing),
        cmocka_unit_test(a_copy_that_missed_whole_terms_goes_on),
        cmocka_unit_test(a_copy_that_knows_the_exporters_lineage_beyond_its_cookie_goes_on),
        cmocka_unit_test(a_cookie_at_the_very_end_of_a_term_is_on_the_lineage),
        cmocka_unit_test(another_module_may_be_further),
        cmocka_unit_test(a_copy_in_resiliency_or_rejoining_takes_what_it_is_sent),
        cmocka_unit_test(a_former_holder_stands_at_its_head),
        cmocka_unit_test(a_former_holder_that_lost_nothing_goes_on),
        cmocka_unit_test(rule_3_a_former_holder_with_changes_of_its_own_has_forked),
        cmocka_unit_test(rule_17_a_fork_is_not_compared_away_because_tombstones_are_gone),
        cmocka_unit_test(a_former_holder_of_two_terms_parts_where_the_other_took),
        cmocka_unit_test(a_copy_ahead_of_an_exporter_that_was_put_back_has_forked),
        cmocka_unit_test(a_copy_of_changes_that_the_exporter_forgot_has_forked),
        cmocka_unit_test(rule_2_another_tag_of_the_cookies_term_is_another_term),
        cmocka_unit_test(a_term_that_began_somewhere_else_is_another_one),
        cmocka_unit_test(a_copy_of_a_home_that_began_anew_is_not_overwritten),
        cmocka_unit_test(terms_behind_the_copys_head_are_not_the_copys),
        cmocka_unit_test(a_fork_is_told_by_the_copys_head_not_by_its_cookie),
        cmocka_unit_test(a_copy_that_went_back_far_enough_goes_no_further),
        cmocka_unit_test(a_copy_that_goes_back_takes_no_batch),
        cmocka_unit_test(a_common_point_counts_more_than_what_was_trimmed),
        cmocka_unit_test(a_copy_that_has_everything_goes_on_however_often_its_holder_was_started),
        cmocka_unit_test(rule_17_a_copy_behind_the_horizon_is_compared),
        cmocka_unit_test(a_copy_at_the_horizon_has_what_was_deleted),
        cmocka_unit_test(a_cookie_that_does_not_fit_its_lineage_is_compared),
        cmocka_unit_test(
            rule_17_batches_go_on_behind_a_comparison_where_they_tell_what_was_deleted),
        cmocka_unit_test(a_copy_older_than_the_exporters_lineage_is_compared),
        cmocka_unit_test(a_former_holder_older_than_the_exporters_lineage_may_have_forked),
        cmocka_unit_test(a_term_that_the_copy_has_not_heard_of_is_early),
        cmocka_unit_test(an_empty_store_has_not_heard_of_any_term),
        cmocka_unit_test(a_lower_term_is_late),
        cmocka_unit_test(another_tag_of_the_same_number_is_late),
        cmocka_unit_test(whoever_holds_the_home_is_sent_nothing),
        cmocka_unit_test(who_may_send_is_asked_before_where_to_go_on),
        cmocka_unit_test(a_replica_follows_a_higher_term_and_one_that_was_opened_anew),
        cmocka_unit_test(a_batch_goes_on_where_the_copy_stands),
        cmocka_unit_test(rule_20_whoever_has_nothing_in_a_batch_of_another_module_goes_along),
        cmocka_unit_test(rule_20_and_only_where_a_batch_of_its_own_would_be_taken),
        cmocka_unit_test(a_batch_goes_on_where_others_were_taken_before_it),
        cmocka_unit_test(rule_17_a_batch_that_lacks_tombstones_is_not_applied),
        cmocka_unit_test(a_batch_of_another_term_is_not_applied),
        cmocka_unit_test(a_copy_in_a_catch_up_goes_on_only_where_its_end_is_still_to_come),
        cmocka_unit_test(a_fork_in_one_module_is_a_fork_in_each),
        cmocka_unit_test(what_another_module_got_meanwhile_is_no_fork),
        cmocka_unit_test(a_batch_before_any_lineage_was_followed_is_not_applied),
        cmocka_unit_test(what_a_refilling_copy_does_not_have_is_not_taken_for_deleted),
        cmocka_unit_test(a_copy_has_everything_up_to_a_cookie_of_its_own_history),
        cmocka_unit_test(what_only_this_pool_knows_keeps_its_copy_from_going),
        cmocka_unit_test(a_replica_has_more_if_it_can_be_gone_on_from),
        cmocka_unit_test(the_first_and_the_last_of_them_are_what_counts),
        cmocka_unit_test(two_are_in_line_if_one_of_them_has_all_that_the_other_has),
        cmocka_unit_test(each_verdict_has_a_name_that_finds_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
