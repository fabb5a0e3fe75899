/* Answers as they look: each story is a stream of messages, and all that is written for it. */
#include "unit.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cmdlet/answer/render.h"
#include "cmdlet/answer/table.h"

DEFINE_OWNED(json_t *, json_decref)

#define TWO_POOLS                                                                                  \
    "{'object': {'Identity': 'north.example.com', 'State': 'Serving'}}\n"                          \
    "{'object': {'Identity': 'south.example.com', 'State': 'Standby'}}\n"

static uint64_t time_stands(void)
{
    return 1;
}

static const struct render_options usual = {
    .command = "Get-CsPool",
    .show = {[NOTICE_WARNING] = true, [NOTICE_INFORMATION] = true},
    .show_errors = true,
    .now = time_stands,
};

static struct render_options in_form(enum render_form form)
{
    struct render_options options = usual;
    options.form = form;
    return options;
}

/* JSON lines with ' for ", so that they can be read here. */
static void send(struct render *r, const char *messages)
{
    OWNED(free_memory) char *lines = xstrdup(messages);
    for (char *at = lines; *at; at++)
        *at = *at == '\'' ? '"' : *at;
    char *rest = lines;
    for (char *line; (line = strsep(&rest, "\n"));) {
        if (!*line)
            continue;
        OWNED(json_decref) json_t *message = json_loads(line, 0, NULL);
        assert_non_null(message);
        render_message(r, message);
    }
}

/* `err` NULL: a terminal that shows both. */
static void expect(struct render_options options, const char *messages, const char *out,
                   const char *err)
{
    char *out_text = NULL, *err_text = NULL;
    size_t size;
    options.out = open_memstream(&out_text, &size);
    options.err = err ? open_memstream(&err_text, &size) : options.out;
    struct render *r = render_begin(&options);
    send(r, messages);
    render_end(r);
    fclose(options.out);
    assert_string_equal(out_text, out);
    if (err) {
        fclose(options.err);
        assert_string_equal(err_text, err);
    }
    free(out_text);
    free(err_text);
}

static void an_empty_answer_shows_nothing(void **state)
{
    (void)state;
    for (enum render_form form = RENDER_AUTO; form <= RENDER_JSON; form++)
        expect(in_form(form), "{'status': 'done'}\n", "", "");
    expect(usual, "{'object': {}}\n{'object': null}\n{'unheard': 'of'}\n", "", "");
}

static void few_properties_are_a_table(void **state)
{
    (void)state;
    expect(usual, TWO_POOLS,
           "Identity           State\n"
           "--------           -----\n"
           "north.example.com  Serving\n"
           "south.example.com  Standby\n",
           "");
}

static void many_properties_are_a_list(void **state)
{
    (void)state;
    expect(usual,
           "{'object': {'Identity': 'north', 'Fqdn': 'n.example.com', 'Users': 12, 'Up': true,"
           " 'Backup': null}}\n"
           "{'object': {'Identity': 'south', 'Fqdn': 's.example.com', 'Users': 0, 'Up': false,"
           " 'Backup': 'north'}}\n",
           "Identity : north\n"
           "Fqdn     : n.example.com\n"
           "Users    : 12\n"
           "Up       : True\n"
           "Backup   : \n"
           "\n"
           "Identity : south\n"
           "Fqdn     : s.example.com\n"
           "Users    : 0\n"
           "Up       : False\n"
           "Backup   : north\n",
           "");
}

static void a_list_can_be_asked_for(void **state)
{
    (void)state;
    expect(in_form(RENDER_LIST), TWO_POOLS,
           "Identity : north.example.com\n"
           "State    : Serving\n"
           "\n"
           "Identity : south.example.com\n"
           "State    : Standby\n",
           "");
}

static void a_table_can_be_asked_for(void **state)
{
    (void)state;
    expect(in_form(RENDER_TABLE), "{'object': {'A': 1, 'B': 2, 'C': null, 'D': 4, 'E': null}}\n",
           "A  B  C  D  E\n"
           "-  -  -  -  -\n"
           "1  2     4\n",
           "");
}

static void texts_and_numbers_have_a_line_each(void **state)
{
    (void)state;
    expect(usual, "{'object': 'one'}\n{'object': 2}\n{'object': ['a', 'b']}\n{'object': 'x\\ny'}\n",
           "one\n2\n{a, b}\nx\ny\n", "");
}

static void another_shape_has_a_header_of_its_own(void **state)
{
    (void)state;
    expect(usual,
           "{'object': {'Pool': 'north'}}\n"
           "{'object': {'Pool': 'south'}}\n"
           "{'object': {'User': 'Ada'}}\n"
           "{'object': {'A': 1, 'B': 2, 'C': 3, 'D': 4, 'E': 5}}\n"
           "{'object': 'text'}\n"
           "{'object': 'more'}\n"
           "{'object': {'User': 'Ada'}}\n",
           "Pool\n"
           "----\n"
           "north\n"
           "south\n"
           "\n"
           "User\n"
           "----\n"
           "Ada\n"
           "\n"
           "A : 1\n"
           "B : 2\n"
           "C : 3\n"
           "D : 4\n"
           "E : 5\n"
           "\n"
           "text\n"
           "more\n"
           "\n"
           "User\n"
           "----\n"
           "Ada\n",
           "");
}

static void columns_are_as_wide_as_they_look(void **state)
{
    (void)state;
    expect(usual,
           "{'object': {'City': '東京', 'Größe': 'L', 'N': 1}}\n"
           "{'object': {'City': 'Zürich', 'Größe': 'M', 'N': 2}}\n",
           "City    Größe  N\n"
           "----    -----  -\n"
           "東京    L      1\n"
           "Zürich  M      2\n",
           "");
    expect(in_form(RENDER_LIST), "{'object': {'Größe': 'L', 'City': '東京'}}\n",
           "Größe : L\n"
           "City  : 東京\n",
           "");
}

static void nested_values_stand_in_one_line(void **state)
{
    (void)state;
    expect(in_form(RENDER_LIST),
           "{'object': {'Identity': 'north', 'Services': ['Registrar:n', 'Web:n'], 'States': "
           "[{'Name': 'Presence', 'Export': 'Final', 'Import': 'Normal'}], 'With': {'Add': 1}}}\n",
           "Identity : north\n"
           "Services : {Registrar:n, Web:n}\n"
           "States   : {Presence:[Final,Normal]}\n"
           "With     : @{Add=1}\n",
           "");
}

static void lines_of_a_value_stay_below_each_other(void **state)
{
    (void)state;
    static const char message[] = "{'object': {'Name': 'Ada\\nLovelace\\n', 'Pool': 'north'}}\n";
    expect(in_form(RENDER_LIST), message,
           "Name : Ada\n"
           "       Lovelace\n"
           "Pool : north\n",
           "");
    expect(in_form(RENDER_TABLE), message,
           "Name           Pool\n"
           "----           ----\n"
           "Ada Lovelace   north\n",
           "");
}

static void a_name_can_not_give_orders_to_the_terminal(void **state)
{
    (void)state;
    static const char message[] = "{'object': {'Na\\u001bme': '\\u001b[2JAda\\r', 'N': 1}}\n"
                                  "{'warning': '\\u001b[31mred\\nERROR: no'}\n"
                                  "{'error': {'what': '\\u0007', 'kept': '\\u009b'}}\n"
                                  "{'whatif': '\\u001b\\nIt is done.'}\n";
    static const char beside[] = "WARNING: ?[31mred\n"
                                 "         ERROR: no\n"
                                 "Get-CsPool : ?\n"
                                 "    ?\n";
    expect(in_form(RENDER_LIST), message,
           "Na?me : ?[2JAda?\n"
           "N     : 1\n"
           "\n"
           "What if: ? It is done.\n",
           beside);
    expect(in_form(RENDER_TABLE), message,
           "Na?me     N\n"
           "-----     -\n"
           "?[2JAda?  1\n"
           "\n"
           "What if: ? It is done.\n",
           beside);
}

/* --- terminals and pipes --- */

static struct render_options on_terminal(size_t width)
{
    struct render_options options = usual;
    options.out_is_terminal = options.err_is_terminal = true;
    options.width = width;
    return options;
}

static void a_narrow_terminal_cuts_the_widest_columns(void **state)
{
    (void)state;
    static const char message[] =
        "{'object': {'Identity': 'north', 'Description': 'The pool in the north', 'N': 1, "
        "'Site': 'A site with a long name'}}\n";
    expect(on_terminal(45), message,
           "Identity  Description      N  Site\n"
           "--------  -----------      -  ----\n"
           "north     The pool in th…  1  A site with a …\n",
           NULL);
    expect(on_terminal(80), message,
           "Identity  Description            N  Site\n"
           "--------  -----------            -  ----\n"
           "north     The pool in the north  1  A site with a long name\n",
           NULL);
    expect(on_terminal(5), message,
           "Ide…  Des…  N  Site\n"
           "----  ----  -  ----\n"
           "nor…  The…  1  A s…\n",
           NULL);
}

static void as_few_columns_give_way_as_possible(void **state)
{
    (void)state;
    static const char message[] =
        "{'object': {'UpToDate': true, 'ReplicaFqdn': 'redmond-cs-001.litwareinc.com',"
        " 'LastStatusReport': '2026-11-27T11:42:40.312Z',"
        " 'LastUpdateCreation': '2026-11-27T11:42:38.345Z'}}\n";
    expect(on_terminal(80), message,
           "UpToDate  ReplicaFqdn         LastStatusReport          LastUpdateCreation\n"
           "--------  -----------         ----------------          ------------------\n"
           "True      redmond-cs-001.li…  2026-11-27T11:42:40.312Z  2026-11-27T11:42:38.345Z\n",
           NULL);
    /* The name would be too short to tell anything. */
    expect(on_terminal(68), message,
           "UpToDate  ReplicaFqdn         LastStatusReport    LastUpdateCreation\n"
           "--------  -----------         ----------------    ------------------\n"
           "True      redmond-cs-001.li…  2026-11-27T11:42:…  2026-11-27T11:42:…\n",
           NULL);
    /* Those of the same width alike. */
    expect(on_terminal(50),
           "{'object': {'Pool': 'atl-cs-001.litwareinc.com', 'N': 1,"
           " 'Holder': 'atl-cs-001.litwareinc.com'}}\n",
           "Pool                    N  Holder\n"
           "----                    -  ------\n"
           "atl-cs-001.litwareinc…  1  atl-cs-001.litwareinc.…\n",
           NULL);
}

static void a_pipe_has_no_width(void **state)
{
    (void)state;
    struct render_options options = usual;
    options.width = 10;
    expect(options, TWO_POOLS,
           "Identity           State\n"
           "--------           -----\n"
           "north.example.com  Serving\n"
           "south.example.com  Standby\n",
           "");
}

static void what_came_first_stands_first_on_a_screen(void **state)
{
    (void)state;
    expect(on_terminal(80),
           "{'object': {'Pool': 'north'}}\n"
           "{'warning': 'It is late.'}\n"
           "{'object': {'Pool': 'south'}}\n"
           "{'verbose': 'Nobody asked.'}\n"
           "{'object': {'Pool': 'east'}}\n"
           "{'error': {'error': 'refused', 'what': 'No.', 'kept': 'All is as it was.',"
           " 'next': 'Go home.'}}\n",
           "Pool\n"
           "----\n"
           "north\n"
           "WARNING: It is late.\n"
           "\n"
           "Pool\n"
           "----\n"
           "south\n"
           "east\n"
           "Get-CsPool : No.\n"
           "    All is as it was.\n"
           "    Go home.\n",
           NULL);
}

static void a_table_in_a_pipe_is_not_torn_by_warnings(void **state)
{
    (void)state;
    expect(usual,
           "{'object': {'Pool': 'north'}}\n"
           "{'warning': 'It is late.'}\n"
           "{'object': {'Pool': 'south'}}\n",
           "Pool\n"
           "----\n"
           "north\n"
           "south\n",
           "WARNING: It is late.\n");
}

static void progress_is_removed_before_anything_else_is_written(void **state)
{
    (void)state;
    struct render_options options = on_terminal(80);
    options.show_progress = true;
    expect(options,
           "{'progress': {'activity': 'Looking'}}\n"
           "{'object': {'Pool': 'north'}}\n"
           "{'warning': 'It is late.'}\n"
           "{'progress': {'activity': 'Counting', 'status': '1 of 2', 'done': 1, 'total': 2}}\n"
           "{'object': 'text'}\n",
           "\rLooking\033[K"
           "\r\033[K" /* the table begins */
           "Pool\n"
           "----\n"
           "north\n"
           "WARNING: It is late.\n"
           "\rCounting [##########----------] 50 %  1 of 2\033[K"
           "\r\033[K"
           "\n"
           "text\n",
           NULL);
}

/* --- many rows --- */

static void rows_beyond_the_limit_are_shown_at_once(void **state)
{
    (void)state;
    char *text = NULL, *expected = NULL;
    size_t size = 0, expected_size;
    struct render_options options = usual;
    options.out = open_memstream(&text, &size);
    options.err = stderr;
    FILE *wanted = open_memstream(&expected, &expected_size);
    fputs("User  N\n----  -\n", wanted);
    struct render *r = render_begin(&options);
    for (int i = 0; i < TABLE_HELD_ROWS_MAX; i++) {
        send(r, "{'object': {'User': 'Ada', 'N': 100}}\n");
        fputs("Ada   100\n", wanted);
    }
    fflush(options.out);
    assert_int_equal(size, 0);
    send(r, "{'object': {'User': 'Augusta', 'N': 7}}\n");
    send(r, "{'object': {'User': 'Bo', 'N': 8}}\n");
    fflush(options.out);
    assert_true(size > 0);
    fputs("Augusta  7\nBo    8\n", wanted);
    fclose(wanted);
    render_end(r);
    fclose(options.out);
    assert_string_equal(text, expected);
    free(text);
    free(expected);
}

static void late_rows_keep_to_their_columns_on_a_terminal(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size;
    struct render_options options = on_terminal(20);
    options.out = options.err = open_memstream(&text, &size);
    struct render *r = render_begin(&options);
    for (int i = 0; i < TABLE_HELD_ROWS_MAX; i++)
        send(r, "{'object': {'User': 'Ada', 'N': 100}}\n");
    send(r, "{'object': {'User': 'Augusta', 'N': 'It has room up to the edge'}}\n");
    render_end(r);
    fclose(options.out);
    assert_string_equal(strstr(text, "Aug"), "Aug…  It has room u…\n");
    free(text);
}

/* --- beside the answer --- */

/* A clock on which each look takes long: nothing is over before anybody could read it. */
static uint64_t time_flies(void)
{
    static uint64_t now;
    return now += PROGRESS_LINE_MS;
}

static void only_what_is_wanted_is_said(void **state)
{
    (void)state;
    static const char messages[] = "{'warning': 'w'}\n{'verbose': 'v'}\n{'debug': 'd'}\n"
                                   "{'information': 'i'}\n{'error': {'what': 'e'}}\n"
                                   "{'progress': {'activity': 'p', 'status': 's'}}\n";
    struct render_options options = usual;
    options.now = time_flies;
    expect(options, messages, "", "WARNING: w\ni\nGet-CsPool : e\n");
    memset(options.show, 0, sizeof options.show);
    options.show_errors = false;
    expect(options, messages, "", "");
    options.show[NOTICE_VERBOSE] = options.show[NOTICE_DEBUG] = options.show_progress = true;
    expect(options, messages, "", "VERBOSE: v\nDEBUG: d\np: s.\n");
}

static void an_error_without_words_is_still_said(void **state)
{
    (void)state;
    expect(usual, "{'error': {'error': 'unheard of'}}\n", "",
           "Get-CsPool : polluxd reports an error without a sentence.\n");
}

static void what_would_be_done_is_an_answer(void **state)
{
    (void)state;
    static const char messages[] = "{'whatif': 'Moving Ada.'}\n{'whatif': 'Moving Bo.'}\n";
    expect(usual, messages, "What if: Moving Ada.\nWhat if: Moving Bo.\n", "");
    expect(in_form(RENDER_JSON), messages, "", "What if: Moving Ada.\nWhat if: Moving Bo.\n");
}

static void programs_get_json_lines_and_nothing_else(void **state)
{
    (void)state;
    expect(in_form(RENDER_JSON),
           TWO_POOLS "{'warning': 'It is late.'}\n"
                     "{'object': 'text'}\n"
                     "{'object': {'List': [1, {'a': null}]}}\n",
           "{\"Identity\":\"north.example.com\",\"State\":\"Serving\"}\n"
           "{\"Identity\":\"south.example.com\",\"State\":\"Standby\"}\n"
           "\"text\"\n"
           "{\"List\":[1,{\"a\":null}]}\n",
           "WARNING: It is late.\n");
}

int main(void)
{
    setlocale(LC_ALL, "C.UTF-8");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_answer_shows_nothing),
        cmocka_unit_test(few_properties_are_a_table),
        cmocka_unit_test(many_properties_are_a_list),
        cmocka_unit_test(a_list_can_be_asked_for),
        cmocka_unit_test(a_table_can_be_asked_for),
        cmocka_unit_test(texts_and_numbers_have_a_line_each),
        cmocka_unit_test(another_shape_has_a_header_of_its_own),
        cmocka_unit_test(columns_are_as_wide_as_they_look),
        cmocka_unit_test(nested_values_stand_in_one_line),
        cmocka_unit_test(lines_of_a_value_stay_below_each_other),
        cmocka_unit_test(a_name_can_not_give_orders_to_the_terminal),
        cmocka_unit_test(a_narrow_terminal_cuts_the_widest_columns),
        cmocka_unit_test(as_few_columns_give_way_as_possible),
        cmocka_unit_test(a_pipe_has_no_width),
        cmocka_unit_test(what_came_first_stands_first_on_a_screen),
        cmocka_unit_test(a_table_in_a_pipe_is_not_torn_by_warnings),
        cmocka_unit_test(progress_is_removed_before_anything_else_is_written),
        cmocka_unit_test(rows_beyond_the_limit_are_shown_at_once),
        cmocka_unit_test(late_rows_keep_to_their_columns_on_a_terminal),
        cmocka_unit_test(only_what_is_wanted_is_said),
        cmocka_unit_test(an_error_without_words_is_still_said),
        cmocka_unit_test(what_would_be_done_is_an_answer),
        cmocka_unit_test(programs_get_json_lines_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
