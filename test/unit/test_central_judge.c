/* What of the Central Management Store is carried over together (protocol, rule 19), as stories:
 * both pools had the same; then each was changed without the other, and one brings the other what
 * it has. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "pool/central.h"
#include "pool/central_judge.h"
#include "store/memory.h"
#include "store/tail_reader.h"
#include "store_check.h"

#define OTHER           "tokyo-cs-001.litwareinc.com"
#define ALICE           "account/alice@litwareinc.com"
#define ALEX            "account/alex@litwareinc.com"
#define BOB             "account/bob@litwareinc.com"
#define X               "00000000000000000000000000000001"
#define Y               "00000000000000000000000000000002"
#define SECRET_OF_ALICE "credential/alice@litwareinc.com"

static struct store *holder, *copy;
static struct txn *txn; /* under way */

/* --- what is typed at either --- */

static void begin(uint64_t term)
{
    txn = txn_new(HOME_CENTRAL);
    txn_as_holder(txn, term);
}

static void put(const char *key, const char *value)
{
    txn_put(txn, MODULE_CMS_MASTER, bytes_of_text(key), bytes_of_text(value));
}

static void gone(const char *key)
{
    txn_delete(txn, MODULE_CMS_MASTER, bytes_of_text(key));
}

static void account_at(const char *key, const char *id, const char *name, const char *pool)
{
    char value[512];
    snprintf(value, sizeof value,
             "{\"Id\":\"%s\",\"DisplayName\":\"%s\",\"RegistrarPool\":\"%s\",\"Enabled\":true,"
             "\"WhenCreated\":\"2026-01-01T00:00:00.000Z\"}",
             id, name, pool);
    put(key, value);
}

static void account(const char *key, const char *id, const char *name)
{
    account_at(key, id, name, HOME);
}

static void left(const char *id, const char *address)
{
    char key[64], value[256];
    snprintf(key, sizeof key, CENTRAL_DEPARTED "%s", id);
    snprintf(value, sizeof value,
             "{\"Address\":\"%s\",\"RegistrarPool\":\"" HOME
             "\",\"When\":\"2026-01-02T00:00:00.000Z\"}",
             address);
    put(key, value);
}

static const char *topology_with(const char *third, const char *backup)
{
    static char text[4096];
    size_t at = (size_t)snprintf(text, sizeof text,
                                 "sip_domain = \"litwareinc.com\"\ncentral = \"" HOME "\"\n");
    const char *const pools[] = {HOME, PARTNER, third};
    const char *const backups[] = {backup, *backup ? HOME : "", ""};
    for (size_t i = 0; i < COUNT_OF(pools); i++) {
        if (!*pools[i])
            continue;
        at += (size_t)snprintf(text + at, sizeof text - at,
                               "pool \"%s\" {\n database = '%s\\RTC'\n", pools[i], pools[i]);
        if (*backups[i])
            at += (size_t)snprintf(text + at, sizeof text - at, " backup_pool = \"%s\"\n",
                                   backups[i]);
        at += (size_t)snprintf(text + at, sizeof text - at,
                               " machine \"%s\" {\n  address = \"127.0.0.1\"\n  link_port = %zu\n"
                               "  users_port = %zu\n }\n}\n",
                               pools[i], 7001 + i, 8001 + i);
    }
    return text;
}

/* --- the two stores --- */

/* Two pools, Alice with a secret, Bob without. */
static int set_up(void **state)
{
    (void)state;
    struct store **const both[] = {&holder, &copy};
    for (size_t i = 0; i < COUNT_OF(both); i++) {
        assert_int_equal(store_open(memory_engine_open(), both[i], NULL), OK);
        open_term(*both[i], HOME_CENTRAL, 2);
        begin(2);
        put("topology", topology_with("", PARTNER));
        put("home/" HOME, "created");
        put("home/" PARTNER, "created");
        account(ALICE, X, "Alice");
        put(SECRET_OF_ALICE, "old");
        account(BOB, Y, "Bob");
        put("config/one", "old");
        put("config/two", "old");
        commit_as(*both[i], TAKE(txn), OK);
    }
    open_term(holder, HOME_CENTRAL, 4);
    open_term(copy, HOME_CENTRAL, 3);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    store_close(holder);
    store_close(copy);
    return 0;
}

static void here(void)
{
    begin(4);
}

static void there(void)
{
    begin(3);
}

static void typed_here(void)
{
    commit_as(holder, TAKE(txn), OK);
}

static void typed_there(void)
{
    commit_as(copy, TAKE(txn), OK);
}

static void go_back(void)
{
    struct hold ours, theirs;
    struct home_state state = state_of(copy, HOME_CENTRAL, &ours);
    state_of(holder, HOME_CENTRAL, &theirs);
    const struct tail tail = {
        .id = 77, .base = {2, 8}, .head = state.head, .lineage = ours.lineage};
    ours.mode = MODE_STANDBY;
    ours.term = theirs.term;
    ours.seen = theirs.term.number;
    ours.lineage = theirs.lineage;
    ours.revision++;
    struct txn *back = txn_new(HOME_CENTRAL);
    txn_hold(back, &ours);
    txn_as_copy(back, theirs.term.number);
    txn_rewind(back, &tail);
    commit_as(copy, back, OK);
}

static enum tail_step next(struct tail_reader *reader, uint32_t items, struct tail_packet **packet)
{
    OWNED(view_close) struct view *view = NULL;
    enum tail_step step;
    struct bytes bytes;
    assert_int_equal(store_view(copy, &view, NULL), OK);
    assert_int_equal(tail_reader_step(reader, view, items, &step, &bytes, NULL), OK);
    if (step == TAIL_TELL)
        assert_int_equal(tail_packet_open(bytes, packet, NULL), OK);
    return step;
}

static uint64_t take(struct tail_packet *packet, struct salvage_mark *sum)
{
    OWNED(view_close) struct view *view = NULL;
    struct hold hold;
    struct item mark;
    char key[SALVAGE_KEY_SIZE];
    state_of(holder, HOME_CENTRAL, &hold);
    assert_int_equal(store_view(holder, &view, NULL), OK);
    const struct salvage_place place = {
        .view = view, .hold = &hold, .now_ms = 1, .judge = central_judge};
    begin(4);
    OWNED(salvage_free) struct salvage *s = salvage_begin(txn, &place);
    uint64_t upto = 0, end = tail_end_of(&packet->tail, batch_head(packet->batches[0])->upto);
    assert_int_equal(salvage_packet(s, packet, &upto, NULL), OK);
    assert_int_equal(salvage_end(s, NULL), OK);
    view_close(TAKE(view));
    commit_as(holder, TAKE(txn), OK);
    assert_int_equal(store_view(holder, &view, NULL), OK);
    salvage_mark_key(&packet->tail, end, key);
    assert_int_equal(
        view_item(view, HOME_CENTRAL, MODULE_CMS_MASTER, bytes_of_text(key), &mark, NULL), OK);
    assert_int_equal(salvage_mark_decode(sum, mark.value, NULL), OK);
    return upto;
}

/* The copy goes back, and brings what it had, so many changes at once. */
static struct salvage_mark brought(uint32_t items)
{
    OWNED(tail_reader_free) struct tail_reader *reader = tail_reader_new(HOME_CENTRAL);
    struct salvage_mark sum = {0};
    go_back();
    for (;;) {
        OWNED(tail_packet_free) struct tail_packet *packet = NULL;
        if (next(reader, items, &packet) != TAIL_TELL)
            return sum;
        tail_reader_told(reader, take(packet, &sum));
    }
}

static void has(const char *key, const char *part)
{
    OWNED(view_close) struct view *view = NULL;
    struct item item;
    assert_int_equal(store_view(holder, &view, NULL), OK);
    bool known =
        view_item(view, HOME_CENTRAL, MODULE_CMS_MASTER, bytes_of_text(key), &item, NULL) == OK &&
        !item.deleted;
    if (known != (part != NULL))
        fail_msg("%s is %s", key, known ? "there" : "not there");
    if (part && !memmem(item.value.at, item.value.size, part, strlen(part)))
        fail_msg("%s is %.*s", key, (int)item.value.size, (const char *)item.value.at);
}

/* So many were carried over, so many kept as conflicts; none is left out. */
static void comes_to(uint64_t carried, uint64_t conflicts)
{
    const struct salvage_mark sum = brought(100);
    assert_int_equal(sum.carried, carried);
    assert_int_equal(sum.conflicts, conflicts);
    assert_sound(holder, HOME_CENTRAL);
}

/* --- accounts --- */

static void what_only_one_of_both_changed_is_carried_over_account_by_account(void **state)
{
    (void)state;
    there();
    account(ALICE, X, "Alice Ciccu");
    put(SECRET_OF_ALICE, "new");
    put("config/one", "new");
    typed_there();
    here();
    account(BOB, Y, "Robert");
    put("config/two", "newer");
    typed_here();
    comes_to(3, 0);
    has(ALICE, "Ciccu");
    has(SECRET_OF_ALICE, "new");
    has(BOB, "Robert");
    has("config/one", "new");
    has("config/two", "newer");
}

static void an_account_and_its_secret_stay_together(void **state)
{
    (void)state;
    there();
    account(ALICE, X, "Alice Ciccu");
    put(SECRET_OF_ALICE, "new");
    account(BOB, Y, "Robert");
    typed_there();
    here();
    put(SECRET_OF_ALICE, "another");
    typed_here();
    comes_to(1, 2);
    has(ALICE, "\"Alice\"");
    has(SECRET_OF_ALICE, "another");
    has(BOB, "Robert");
}

static void a_secret_is_not_set_for_an_account_that_was_changed_or_is_gone(void **state)
{
    (void)state;
    there();
    put(SECRET_OF_ALICE, "new");
    put("credential/bob@litwareinc.com", "first");
    typed_there();
    here();
    account(ALICE, X, "Alice Ciccu");
    gone(BOB);
    left(Y, "bob@litwareinc.com");
    typed_here();
    comes_to(0, 2);
    has(SECRET_OF_ALICE, "old");
    has("credential/bob@litwareinc.com", NULL);
}

static void removes_alice(void)
{
    gone(ALICE);
    gone(SECRET_OF_ALICE);
    left(X, "alice@litwareinc.com");
}

static void who_left_has_left_and_what_he_had_is_known_to_go(void **state)
{
    (void)state;
    there();
    removes_alice();
    typed_there();
    comes_to(3, 0);
    has(ALICE, NULL);
    has(SECRET_OF_ALICE, NULL);
    has("departed/" X, "alice@");
}

static void who_left_and_was_changed_elsewhere_stays_for_people_to_decide(void **state)
{
    (void)state;
    there();
    removes_alice();
    typed_there();
    here();
    account(ALICE, X, "Alice Ciccu");
    typed_here();
    comes_to(0, 3);
    has(ALICE, "Ciccu");
    has("departed/" X, NULL);
}

/* Her data would be removed, and she has an account. */
static void who_left_and_has_another_address_elsewhere_stays(void **state)
{
    (void)state;
    there();
    removes_alice();
    typed_there();
    here();
    gone(ALICE);
    gone(SECRET_OF_ALICE);
    account(ALEX, X, "Alex");
    typed_here();
    const struct salvage_mark sum = brought(100);
    assert_int_equal(sum.carried, 0);
    has(ALEX, "Alex");
    has("departed/" X, NULL);
}

static void nobody_is_removed_without_a_word_of_what_becomes_of_the_rest(void **state)
{
    (void)state;
    there();
    removes_alice();
    typed_there();
    there();
    gone("departed/" X); /* all of it was removed by then, in another home that may be lost, too */
    typed_there();
    const struct salvage_mark sum = brought(100);
    assert_int_equal(sum.carried, 0);
    has(ALICE, "Alice");
    has(SECRET_OF_ALICE, "old");
}

static void renames_alice(void)
{
    account(ALEX, X, "Alex");
    gone(ALICE);
    gone(SECRET_OF_ALICE);
}

static void a_new_address_takes_the_old_one_away(void **state)
{
    (void)state;
    there();
    renames_alice();
    typed_there();
    comes_to(3, 0);
    has(ALEX, X);
    has(ALICE, NULL);
    has(SECRET_OF_ALICE, NULL);
}

static void a_new_address_that_somebody_else_got_leaves_the_old_one(void **state)
{
    (void)state;
    there();
    renames_alice();
    typed_there();
    here();
    account(ALEX, "00000000000000000000000000000003", "Alexander");
    typed_here();
    comes_to(0, 3);
    has(ALEX, "Alexander");
    has(ALICE, X);
    has(SECRET_OF_ALICE, "old");
}

static void nobody_has_two_addresses(void **state)
{
    (void)state;
    there();
    renames_alice();
    typed_there();
    here();
    gone(ALICE);
    gone(SECRET_OF_ALICE);
    account("account/alicia@litwareinc.com", X, "Alicia");
    typed_here();
    const struct salvage_mark sum = brought(100);
    assert_int_equal(sum.carried, 0);
    assert_int_equal(sum.conflicts, 1);
    has("account/alicia@litwareinc.com", X);
    has(ALEX, NULL);
}

static void who_left_here_does_not_come_back_with_a_new_address(void **state)
{
    (void)state;
    there();
    renames_alice();
    typed_there();
    here();
    removes_alice();
    typed_here();
    const struct salvage_mark sum = brought(100);
    assert_int_equal(sum.carried, 0);
    has(ALEX, NULL);
}

static void an_address_that_was_given_to_somebody_else_goes_along(void **state)
{
    (void)state;
    there();
    account(ALEX, X, "Alex");
    account(ALICE, "00000000000000000000000000000003", "The other Alice");
    gone(SECRET_OF_ALICE);
    typed_there();
    comes_to(3, 0);
    has(ALEX, X);
    has(ALICE, "The other");
}

/* --- the topology --- */

static void publishes_a_third_pool(void)
{
    put("topology", topology_with(OTHER, PARTNER));
    put("home/" OTHER, "new");
}

static void a_topology_comes_with_the_homes_that_it_names(void **state)
{
    (void)state;
    there();
    publishes_a_third_pool();
    account_at("account/yuki@litwareinc.com", "00000000000000000000000000000004", "Yuki", OTHER);
    typed_there();
    comes_to(3, 0);
    has("topology", OTHER);
    has("home/" OTHER, "new");
    has("account/yuki@litwareinc.com", "Yuki");
}

static void of_two_topologies_the_holders_stays_with_its_homes_and_users(void **state)
{
    (void)state;
    there();
    publishes_a_third_pool();
    account_at("account/yuki@litwareinc.com", "00000000000000000000000000000004", "Yuki", OTHER);
    account(ALICE, X, "Alice Ciccu");
    typed_there();
    here();
    put("topology", topology_with("oslo-cs-001.litwareinc.com", PARTNER));
    put("home/oslo-cs-001.litwareinc.com", "new");
    typed_here();
    comes_to(1, 3);
    has("topology", "oslo-cs");
    has("home/" OTHER, NULL);
    has("account/yuki@litwareinc.com", NULL);
    has(ALICE, "Ciccu");
}

static void a_topology_stays_if_one_of_its_homes_was_changed(void **state)
{
    (void)state;
    there();
    publishes_a_third_pool();
    typed_there();
    here();
    put("home/" OTHER, "created");
    typed_here();
    comes_to(0, 2);
    has("topology", PARTNER);
    has("home/" OTHER, "created");
}

static void a_topology_that_makes_no_sense_here_is_kept_beside(void **state)
{
    (void)state;

    there();
    put("topology", "nonsense {");
    put("home/" OTHER, "new");
    typed_there();
    comes_to(0, 2);
    has("topology", PARTNER);
}

static void a_topology_without_the_homes_of_its_pools_is_kept_beside(void **state)
{
    (void)state;
    there();
    put("topology", topology_with(OTHER, PARTNER));
    typed_there();
    comes_to(0, 1);
}

static void a_topology_that_takes_the_store_from_its_pair_is_kept_beside(void **state)
{
    (void)state;
    there();
    put("topology", topology_with("", ""));
    typed_there();
    comes_to(0, 1);
}

/* --- packets --- */

/* Term 5 of the copy: it was started again, and nobody was there to ask. */
static void there_again(void)
{
    open_term(copy, HOME_CENTRAL, 5);
    begin(5);
}

static void what_was_accepted_across_a_restart_comes_together(void **state)
{
    (void)state;
    there();
    gone(ALICE);
    gone(SECRET_OF_ALICE);
    put("config/one", "new");
    typed_there();
    there_again();
    account(ALEX, X, "Alex");
    put("credential/alex@litwareinc.com", "new");
    typed_there();
    const struct salvage_mark sum = brought(100);
    assert_int_equal(sum.carried, 3); /* of the first term */
    assert_int_equal(sum.conflicts, 0);
    has(ALICE, NULL);
    has(SECRET_OF_ALICE, NULL);
    has(ALEX, X);
    has("credential/alex@litwareinc.com", "new");
    has("config/one", "new");
    assert_sound(holder, HOME_CENTRAL);
}

static void and_stays_together_if_one_of_both_terms_met_a_change(void **state)
{
    (void)state;
    there();
    gone(ALICE);
    gone(SECRET_OF_ALICE);
    put("config/one", "new");
    typed_there();
    there_again();
    account(ALEX, X, "Alex");
    typed_there();
    here();
    put(SECRET_OF_ALICE, "another");
    typed_here();
    const struct salvage_mark sum = brought(100);
    assert_int_equal(sum.conflicts, 2); /* of the first term */
    has(ALICE, X);
    has(SECRET_OF_ALICE, "another");
    has(ALEX, NULL);
    has("config/one", "new");
    assert_sound(holder, HOME_CENTRAL);
}

/* More than a batch, and what belongs together is at both ends. */
static void a_long_tail_comes_together_in_several_batches(void **state)
{
    (void)state;
    for (int touched = 0; touched < 2; touched++) {
        char key[32];
        there();
        account(ALICE, X, "Alice Ciccu");
        for (int i = 0; i < BATCH_ITEMS_MAX; i++) {
            snprintf(key, sizeof key, "config/more-%d", i);
            put(key, "new");
        }
        put(SECRET_OF_ALICE, "new");
        typed_there();
        if (touched) {
            here();
            put(SECRET_OF_ALICE, "another");
            typed_here();
        }
        const struct salvage_mark sum = brought(TAIL_TOGETHER_MAX);
        assert_int_equal(sum.conflicts, touched ? 2 : 0);
        assert_int_equal(sum.carried, BATCH_ITEMS_MAX + (touched ? 0 : 2));
        has(ALICE, touched ? "\"Alice\"" : "Ciccu");
        has("config/more-9999", "new");
        tear_down(NULL);
        set_up(NULL);
    }
}

static void a_tail_in_pieces_is_kept_as_conflicts_as_a_whole(void **state)
{
    (void)state;
    for (uint32_t items = 1; items <= 3; items++) {
        there();
        renames_alice();
        account(BOB, Y, "Robert");
        typed_there();
        const struct salvage_mark sum = brought(items);
        assert_int_equal(sum.carried, 0);
        assert_int_equal(sum.conflicts, 4);
        has(ALICE, X);
        has(BOB, "Bob");
        tear_down(NULL);
        set_up(NULL);
    }
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(what_only_one_of_both_changed_is_carried_over_account_by_account),
        STORY(an_account_and_its_secret_stay_together),
        STORY(a_secret_is_not_set_for_an_account_that_was_changed_or_is_gone),
        STORY(who_left_has_left_and_what_he_had_is_known_to_go),
        STORY(who_left_and_was_changed_elsewhere_stays_for_people_to_decide),
        STORY(who_left_and_has_another_address_elsewhere_stays),
        STORY(nobody_is_removed_without_a_word_of_what_becomes_of_the_rest),
        STORY(a_new_address_takes_the_old_one_away),
        STORY(a_new_address_that_somebody_else_got_leaves_the_old_one),
        STORY(nobody_has_two_addresses),
        STORY(who_left_here_does_not_come_back_with_a_new_address),
        STORY(an_address_that_was_given_to_somebody_else_goes_along),
        STORY(a_topology_comes_with_the_homes_that_it_names),
        STORY(of_two_topologies_the_holders_stays_with_its_homes_and_users),
        STORY(a_topology_stays_if_one_of_its_homes_was_changed),
        STORY(a_topology_that_makes_no_sense_here_is_kept_beside),
        STORY(a_topology_without_the_homes_of_its_pools_is_kept_beside),
        STORY(a_topology_that_takes_the_store_from_its_pair_is_kept_beside),
        STORY(what_was_accepted_across_a_restart_comes_together),
        STORY(and_stays_together_if_one_of_both_terms_met_a_change),
        STORY(a_long_tail_comes_together_in_several_batches),
        STORY(a_tail_in_pieces_is_kept_as_conflicts_as_a_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
