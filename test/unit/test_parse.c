/* The language of the commands: what is typed becomes the tree that was meant, or a sentence that
 * says where and why not. A tree is shown as a line:
 *
 *     bare  "quoted"  $name  (join …)  (list …)  (table name=… )  (. whole name)  (at whole index)
 *     (Get-CsPool -Name value -Name:value "- Name" …)  (run …)  … | …  $x = …  … ; … */
#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "cmdlet/language/letters.h"
#include "cmdlet/language/parse.h"
#include "cmdlet/language/words.h"

/* --- the tree as a line --- */

static void show_pipeline(struct buffer *b, const struct pipeline *p);

static void show_children(struct buffer *b, const char *word, const struct expression *x);

static void show(struct buffer *b, const struct expression *x)
{
    switch (x->kind) {
    case EXPRESSION_TEXT: buffer_printf(b, x->bare ? "%s" : "\"%s\"", x->text); break;
    case EXPRESSION_VARIABLE: buffer_printf(b, "$%s", x->text); break;
    case EXPRESSION_JOINED: show_children(b, "join", x); break;
    case EXPRESSION_LIST: show_children(b, "list", x); break;
    case EXPRESSION_TABLE: show_children(b, "table", x); break;
    case EXPRESSION_MEMBER: show_children(b, ".", x); break;
    case EXPRESSION_INDEX: show_children(b, "at", x); break;
    case EXPRESSION_PIPELINE:
        buffer_printf(b, "(run ");
        show_pipeline(b, x->pipeline);
        buffer_printf(b, ")");
        break;
    case EXPRESSIONS: fail_msg("no kind");
    }
}

static void show_children(struct buffer *b, const char *word, const struct expression *x)
{
    buffer_printf(b, "(%s", word);
    for (size_t i = 0; i < x->count; i++) {
        buffer_printf(b, " ");
        if (x->names)
            buffer_printf(b, "%s=", x->names[i]);
        show(b, x->children[i]);
    }
    if (x->kind == EXPRESSION_MEMBER)
        buffer_printf(b, " %s", x->text);
    buffer_printf(b, ")");
}

static void show_element(struct buffer *b, const struct element *element)
{
    buffer_printf(b, " ");
    if (element->parameter)
        buffer_printf(b, "-%s%s%s", element->gap ? " " : "", element->parameter,
                      element->colon ? ":" : "");
    if (element->value)
        show(b, element->value);
}

static void show_invocation(struct buffer *b, const struct invocation *i)
{
    buffer_printf(b, "(%s", i->name);
    for (size_t n = 0; n < i->count; n++)
        show_element(b, &i->elements[n]);
    buffer_printf(b, ")");
}

static void show_pipeline(struct buffer *b, const struct pipeline *p)
{
    if (p->input)
        show(b, p->input);
    for (size_t i = 0; i < p->count; i++) {
        if (i || p->input)
            buffer_printf(b, " | ");
        show_invocation(b, p->commands[i]);
    }
}

static char *show_script(const struct script *script)
{
    struct buffer b = {0};
    for (size_t i = 0; i < script->count; i++) {
        const struct statement *s = &script->statements[i];
        buffer_printf(&b, "%s", i ? " ; " : "");
        if (s->variable)
            buffer_printf(&b, "$%s = ", s->variable);
        show_pipeline(&b, s->pipeline);
    }
    return buffer_take_text(&b);
}

/* --- what is expected --- */

static void means_bytes(struct bytes text, const char *tree)
{
    OWNED(script_free) struct script *script;
    bool unfinished = true;
    struct error e = {0};
    if (parse_script(text, &script, &unfinished, &e) != OK)
        fail_msg("\"%.*s\": %s\n", (int)text.size, (const char *)text.at, e.what);
    assert_false(unfinished);
    OWNED(free_memory) char *shown = show_script(script);
    assert_string_equal(shown, tree);
}

static void means(const char *text, const char *tree)
{
    means_bytes(bytes_of_text(text), tree);
}

static void contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" does not contain \"%s\"\n", text, part);
}

static void fails_bytes(struct bytes text, bool open, const char *what, const char *next)
{
    struct script *script;
    bool unfinished = !open;
    struct error e = {0};
    if (parse_script(text, &script, &unfinished, &e) == OK)
        fail_msg("\"%.*s\" is taken\n", (int)text.size, (const char *)text.at);
    assert_null(script);
    assert_int_equal(e.kind, FAIL_INVALID);
    contains(e.what, what);
    assert_string_equal(e.kept, "Nothing was done.");
    contains(e.next, next);
    assert_true(e.next[0]);
    assert_int_equal(unfinished, open);
}

static void is_refused(const char *text, const char *what, const char *next)
{
    fails_bytes(bytes_of_text(text), false, what, next);
}

static void is_unfinished(const char *text, const char *what)
{
    fails_bytes(bytes_of_text(text), true, what, "");
}

enum { WORDS_SHOWN_MAX = 16 };

static enum failure parse_list(const char *const *list, struct invocation **i, struct error *e)
{
    char *words[WORDS_SHOWN_MAX] = {NULL};
    int count = 0;
    for (; list[count]; count++) {
        assert_true(count < WORDS_SHOWN_MAX);
        words[count] = xstrdup(list[count]);
    }
    enum failure bad = parse_words("Get-CsPool", count, words, i, e);
    while (count > 0)
        free(words[--count]);
    return bad;
}

static void list_means(const char *const *list, const char *tree)
{
    OWNED(invocation_free) struct invocation *i;
    struct error e = {0};
    if (parse_list(list, &i, &e) != OK)
        fail_msg("%s\n", e.what);
    OWNED(buffer_free) struct buffer b = {0};
    show_invocation(&b, i);
    buffer_u8(&b, 0);
    assert_string_equal((const char *)b.at, tree);
}

static void list_is_refused(const char *const *list, const char *what, const char *next)
{
    struct invocation *i;
    struct error e = {0};
    assert_int_equal(parse_list(list, &i, &e), FAIL_INVALID);
    assert_null(i);
    contains(e.what, what);
    assert_string_equal(e.kept, "Nothing was done.");
    contains(e.next, next);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* --- statements --- */

static void an_empty_text_is_an_empty_script(void **state)
{
    (void)state;
    means("", "");
    means(" \t\r\n\n ; ;\n", "");
    means("# only a comment", "");
    means("<# only\n a comment #>", "");
    means("\xef\xbb\xbf", "");
}

static void commands_stand_in_lines_or_between_semicolons(void **state)
{
    (void)state;
    means("Get-CsPool\nGet-CsSite", "(Get-CsPool) ; (Get-CsSite)");
    means("Get-CsPool\r\nGet-CsSite\r", "(Get-CsPool) ; (Get-CsSite)");
    means("Get-CsPool; Get-CsSite;", "(Get-CsPool) ; (Get-CsSite)");
    means("\xef\xbb\xbfGet-CsPool", "(Get-CsPool)");
}

static void comments_say_nothing(void **state)
{
    (void)state;
    means("Get-CsPool # all of \"them\nGet-CsSite", "(Get-CsPool) ; (Get-CsSite)");
    means("Get-CsPool a#b", "(Get-CsPool a#b)");
    means("Get-CsPool <# not\n -Here #> -There", "(Get-CsPool -There)");
    means("<##>Get-CsPool", "(Get-CsPool)");
}

static void a_backtick_continues_a_line(void **state)
{
    (void)state;
    means("Get-CsPool `\n -Fqdn `\r\n x", "(Get-CsPool -Fqdn x)");
    means("Get-CsPool `  \n -Fqdn x", "(Get-CsPool -Fqdn x)"); /* nobody sees these blanks */
    means("Get-CsPool -Fqdn`\n x", "(Get-CsPool -Fqdn x)");
    means("Get-CsPool x`\n y", "(Get-CsPool x y)");
}

static void a_pipe_or_a_comma_continues_a_line(void **state)
{
    (void)state;
    means("Get-CsPool |\n\n # each\n Format-List", "(Get-CsPool) | (Format-List)");
    means("Get-CsPool a,\n b", "(Get-CsPool (list a b))");
    means("$x =\n 5", "$x = 5");
}

static void a_pasted_prompt_is_stepped_over(void **state)
{
    (void)state;
    means("PS C:\\> Get-CsPool", "(Get-CsPool)");
    means("PS C:\\Users\\admin>Get-CsPool x", "(Get-CsPool x)");
    means("PS> $x = 5", "$x = 5");
    means("[PS] C:\\>Get-CsPool\nPS C:\\>\nPS C:\\>> a", "(Get-CsPool) ; (a)");
    means("PS-Drive x", "(PS-Drive x)");
    means("PS x", "(PS x)");
}

static void a_pipeline_begins_with_a_command_or_a_value(void **state)
{
    (void)state;
    means("Get-CsPool | Where-Object | Format-List",
          "(Get-CsPool) | (Where-Object) | (Format-List)");
    means("\"a\",\"b\" | Invoke-CsX", "(list \"a\" \"b\") | (Invoke-CsX)");
    means("$x.BackupModules", "(. $x BackupModules)");
    means("(Get-CsX -PoolFqdn y).BackupModules | Format-List",
          "(. (run (Get-CsX -PoolFqdn y)) BackupModules) | (Format-List)");
    means("5 | Out-Null", "5 | (Out-Null)");
    means("-5,7 | Out-Null", "(list -5 7) | (Out-Null)");
    means("@{a=1}", "(table a=1)");
    means("a | ? {$_.Name} | % { $_ }", "(a) | (? \"$_.Name\") | (% \" $_ \")");
}

static void a_variable_is_assigned_a_pipeline(void **state)
{
    (void)state;
    means("$x = Get-CsPool a | Format-List", "$x = (Get-CsPool a) | (Format-List)");
    means("$x=\"a\"", "$x = \"a\"");
    means("${the pool} = $y", "$the pool = $y");
    means("$x = 1; $x", "$x = 1 ; $x");
    is_refused("$x == 5", "Comparisons are not understood", "");
    is_refused("$x.y = 5", "Only a variable can be assigned", "$name =");
    is_refused("$x += 5", "can't be added to", "$name =");
    is_refused("x = 5", "Only a variable can be assigned", "$name =");
    is_refused("x=5", "Only a variable can be assigned", "$name =");
    is_refused("$x = atl.example.com", "can't be the name of a command", "quotes");
}

/* --- commands --- */

static void every_dash_of_unicode_is_a_dash_in_a_name(void **state)
{
    (void)state;
    static const char *const dashes[] = {"-", "‐", "‑", "‒", "–", "—", "―", "−", "﹘", "﹣", "－"};
    for (size_t i = 0; i < COUNT_OF(dashes); i++) {
        OWNED(free_memory)
        char *text =
            xasprintf("Get%sCsPool %sPool%sFqdn a%sb", dashes[i], dashes[i], dashes[i], dashes[i]);
        OWNED(free_memory)
        char *tree = xasprintf("(Get-CsPool -Pool-Fqdn a%sb)", dashes[i]);
        means(text, tree);
    }
}

static void a_dash_before_a_letter_makes_a_parameter(void **state)
{
    (void)state;
    means("a -Name", "(a -Name)");
    means("a -Name x -Other", "(a -Name x -Other)");
    means("a -?", "(a -?)");
    means("a –?", "(a -?)");
    means("a -5 -00:05 –5 -", "(a -5 -00:05 –5 -)");
    means("a -.5 -$x", "(a -.5 (join - $x))");
}

static void a_colon_ties_a_value_to_its_parameter(void **state)
{
    (void)state;
    means("a -Name:x y", "(a -Name:x y)");
    means("a -Name: x y", "(a -Name:x y)");
    means("a -Confirm:$false", "(a -Confirm:$false)");
    means("a -Name:\"x\",'y'", "(a -Name:(list \"x\" \"y\"))");
    means("a -Name:", "(a -Name:)");
    means("a -Name: -Other", "(a -Name: -Other)");
    means("a -Name:-Other", "(a -Name:-Other)");
    means("a -Name: | b", "(a -Name:) | (b)");
}

static void a_blank_behind_the_dash_is_told(void **state)
{
    (void)state;
    means("a - BackupSqlInstanceName \"RTC\"", "(a - BackupSqlInstanceName \"RTC\")");
    means("a –\xc2\xa0Name:x", "(a - Name:x)");
    means("a - 5", "(a - 5)"); /* two values */
    OWNED(script_free) struct script *script;
    parse_script(bytes_of_text("a - B"), &script, NULL, NULL);
    assert_true(script->statements[0].pipeline->commands[0]->elements[0].gap);
}

static void each_piece_knows_where_it_stood(void **state)
{
    (void)state;
    OWNED(script_free) struct script *script;
    const char *text = "\xef\xbb\xbf# ä\r\n\xc2\xa0$x = Get-CsPool -Fqdn \"ü\" `\r\n  b";
    assert_int_equal(parse_script(bytes_of_text(text), &script, NULL, NULL), OK);
    const struct statement *s = &script->statements[0];
    const struct invocation *i = s->pipeline->commands[0];
    assert_int_equal(s->line * 100 + s->column, 202);
    assert_int_equal(i->line * 100 + i->column, 207);
    assert_int_equal(i->elements[0].line * 100 + i->elements[0].column, 218);
    assert_int_equal(i->elements[1].line * 100 + i->elements[1].column, 224);
    assert_int_equal(i->elements[2].line * 100 + i->elements[2].column, 303);
    assert_int_equal(i->elements[2].value->line * 100 + i->elements[2].value->column, 303);
}

/* --- values --- */

static void quotes_of_word_are_quotes(void **state)
{
    (void)state;
    means("a “x y” „x” \"x“ ‘x’ ‚x‛ 'x’", "(a \"x y\" \"x\" \"x\" \"x\" \"x\" \"x\")");
    means("a “$x”", "(a (join $x))");
    means("a ‘$x’", "(a \"$x\")");
}

static void single_quotes_are_literal(void **state)
{
    (void)state;
    means("a 'it''s $x `n \"'", "(a \"it's $x `n \"\")");
    means("a ''", "(a \"\")");
    means("a 'two\r\nlines'", "(a \"two\nlines\")");
}

static void double_quotes_take_variables_and_escapes(void **state)
{
    (void)state;
    means("a \"x \"\"y\"\" `\"z`\" `$q ```t`r`n|\"", "(a \"x \"y\" \"z\" $q `\t\r\n|\")");
    means("a \"on $x.b and ${the pool}, ok\"",
          "(a (join \"on \" $x \".b and \" $the pool \", ok\"))");
    means("a \"$(Get-CsPool \"b c\") $\"", "(a (join (run (Get-CsPool \"b c\")) \" $\"))");
    means("a \"$x\"", "(a (join $x))");
    means("a \"$pool:5061 $($x.Name)\"", "(a (join $pool \":5061 \" (. $x Name)))");
    is_refused("a \"x`0\"", "control character", "backtick twice");
    is_refused("a C:`backup", "control character", "backtick twice");
    is_refused("a $env:HOME", "Only variables of this shell", "$name");
}

static void pieces_without_a_blank_are_one_word(void **state)
{
    (void)state;
    means("a x\"b c\"d", "(a \"xb cd\")");
    means("a \"x\"'y'", "(a \"xy\")");
    means("a pool$n.example.com", "(a (join pool $n .example.com))");
    means("a $x\\share", "(a (join $x \\share))");
    means("a x` y`,z", "(a x y,z)");
    means("a C:\\x\\*.txt user@host 50% a=b", "(a C:\\x\\*.txt user@host 50% a=b)");
    means("a $", "(a $)");
}

static void commas_make_a_list(void **state)
{
    (void)state;
    means("a x,y", "(a (list x y))");
    means("a \"x\" , \"y\",\n 'z' -B", "(a (list \"x\" \"y\" \"z\") -B)");
    means("a -B $x,(b),@{c=1}", "(a -B (list $x (run (b)) (table c=1)))");
    is_refused("a x,,y", "no value in front of this comma", "");
    is_refused("a ,y", "no value in front of this comma", "");
    is_refused("a x, -B", "value is missing behind this comma", "");
    is_refused("a x,; b", "value is missing behind this comma", "");
    is_refused("(a x,)", "value is missing behind this comma", "");
}

static void a_list_in_brackets_is_one_list(void **state)
{
    (void)state;
    means("a @(\"x\",\"y\")", "(a (list \"x\" \"y\"))");
    means("a @()", "(a (list))");
    means("a @('x')", "(a (list \"x\"))");
    means("a @(\n'x'\n'y','z'; Get-B\n)", "(a (list \"x\" \"y\" \"z\" (run (Get-B))))");
    means("@(Get-B).Count", "(. (list (run (Get-B))) Count)");
    is_refused("a @('x' 'y')", "can't stand behind a value", "comma between values");
}

static void a_table_has_names_and_values(void **state)
{
    (void)state;
    means("a @{Add=\"x\"}", "(a (table Add=\"x\"))");
    means("a @{Add=\"x\",\"y\";Remove='z'}", "(a (table Add=(list \"x\" \"y\") Remove=\"z\"))");
    means("a @{ 'Add' = x\n\n Remove =\n $y }", "(a (table Add=x Remove=$y))");
    means("a @{}", "(a (table))");
    is_refused("a @{Add}", "A name and \"=\"", "@{Add=");
    is_refused("a @{Add=}", "value is missing", "");
    is_refused("a @{Add=x y}", "does not belong into the bracket", "}");
    is_refused("a @{\"$x\"=y}", "A name and \"=\"", "@{Add=");
}

static void members_and_numbers_lead_into_a_value(void **state)
{
    (void)state;
    means("$x.A.B", "(. (. $x A) B)");
    means("$x[0].A", "(. (at $x 0) A)");
    means("$x[ -1 ]", "(at $x -1)");
    means("$x['a'][$i]", "(at (at $x \"a\") $i)");
    means("a $x.Count", "(a (. $x Count))");
    means("a ${x}.Count", "(a (. $x Count))");
    means("a $true,$null", "(a (list $true $null))");
    is_refused("$x[a]", "not the number", "$name[0]");
    is_refused("$x.ToString()", "directly behind a value", "methods");
}

static void brackets_hold_a_pipeline_over_lines(void **state)
{
    (void)state;
    means("a (Get-B\n -C\n | D)", "(a (run (Get-B -C) | (D)))");
    means("(\n\"x\"\n)", "\"x\"");
    means("a ((b))", "(a (run (b)))");
    means("a $(b)", "(a (run (b)))");
    is_refused("a ()", "nothing in these brackets", "");
    is_refused("a (b; c)", "does not belong into the bracket", ")");
}

static void braces_keep_their_text(void **state)
{
    (void)state;
    means("a -Filter {Name -eq \"x\"}", "(a -Filter \"Name -eq \"x\"\")");
    means("a { b { c } '}' `} }", "(a \" b { c } '}' `} \")");
    means("a {}", "(a \"\")");
    means("a {All|PresenceFocus}", "(a \"All|PresenceFocus\")");
}

static void what_cannot_be_seen_does_not_count(void **state)
{
    (void)state;
    means("Get-\xe2\x80\x8b"
          "CsPool\xc2\xa0-Fqdn\xe3\x80\x80x\xe2\x80\x8b",
          "(Get-CsPool -Fqdn x)");
    means("\xe2\x80\x8b$x\xe2\x80\x8b = 5", "$x = 5");
    means("a \"x\xe2\x80\x8by\"", "(a \"x\xe2\x80\x8by\")"); /* in quotes everything is meant */
    means("a b\xe2\x80\xa8"
          "c d",
          "(a b) ; (c d)");
}

/* --- what belongs elsewhere --- */

static void a_name_that_was_not_filled_in_is_told(void **state)
{
    (void)state;
    is_refused("a -PoolFqdn <pool-FQDN>",
               "Line 1, column 13, at “<pool-FQDN>”: ", "without the brackets");
    is_refused("a -PoolFqdn <Pool2 FQDN> -B", "stands for a name that is to be filled in",
               "without the brackets");
    is_refused("a -PoolFqdn:<x>", "filled in", "without the brackets");
    is_refused("a pool<n>", "filled in", "without the brackets");
}

static void brackets_of_a_documentation_are_told(void **state)
{
    (void)state;
    is_refused("a [-BackupModule {All|PresenceFocus}]",
               "Line 1, column 3, at “[-BackupModule {All|PresenceFocu…”: Square brackets",
               "leave it out");
    is_refused("[string]$x = 5", "Square brackets", "");
}

static void signs_of_other_shells_are_told(void **state)
{
    (void)state;
    is_refused("a > file", "does not redirect", "Unix shell");
    is_refused("a >> file", "does not redirect", "Unix shell");
    is_refused("a 2> file", "at “2> file”: This shell does not redirect", "Unix shell");
    is_refused("a x>file", "does not redirect", "Unix shell");
    is_refused("a < file", "does not redirect", "value itself");
    is_refused("$x > file", "does not redirect", "Unix shell");
    is_refused("a && b", "\"&&\" is not understood", "one after the other");
    is_refused("a || b", "\"||\" is not understood", "one after the other");
    is_refused("$x || b", "\"||\" is not understood", "one after the other");
    is_refused("& a", "without \"&\"", "Leave it out");
    is_refused("a R&D", "without \"&\"", "quotes");
    is_refused("a --name x", "single dash", "-Name");
    is_refused("a ––name x", "single dash", "-Name");
    is_refused("a --", "single dash", "-Name");
    is_refused("a @params", "@name", "one by one");
    is_refused("a @'\nx\n'@", "@'", "plain quotes");
}

static void keywords_are_told(void **state)
{
    (void)state;
    is_refused("if ($x) { a }", "\"if\" is not understood", "Unix shell");
    is_refused("ForEach ($p in $x) { a }", "\"foreach\" is not understood", "Unix shell");
    is_refused("while(1) {}", "\"while\"", "");
    is_refused("function f {}", "\"function\"", "");
    is_refused("$x = if ($y) {1}", "\"if\"", "");
    means("a | foreach {b}", "(a) | (foreach \"b\")");
    means("For-Each x", "(For-Each x)");
    means("format", "(format)");
}

static void a_sentence_stands_at_each_other_slip(void **state)
{
    (void)state;
    is_refused("-PoolFqdn x", "a command ends with its line", "backtick");
    is_refused("a\n| b", "Line 2, column 1, at “| b”: There is no command in front", "");
    is_refused("a | \"x\"", "value stands here where a command should", "");
    is_refused("a | | b", "no command in front of this pipe", "");
    is_refused("a -Name=x", "directly behind the name of a parameter", "blank");
    is_refused("a -Name\"x\"", "directly behind the name of a parameter", "blank");
    is_refused("a)", "closed here that was not opened", "");
    is_refused("a }", "closed here that was not opened", "");
    is_refused("_x", "can't be the name of a command", "Get-CsPool");
    is_refused("- - x", "can't be the name of a command", "Get-CsPool");
    is_refused("ls.exe", "at “ls.exe”: This can't be the name of a command", "Get-CsPool");
    is_refused("\"a\" \"b\"", "can't stand behind a value", "comma");
    is_refused("$x -eq 5", "can't stand behind a value", "comparisons");
    is_refused("a x(y)", "directly behind a value", "blank");
}

static void an_error_quotes_a_bounded_bit(void **state)
{
    (void)state;
    is_refused("a -B <"
               "ääääääääää"
               "ääääääääää"
               "ääääääääää"
               "ääääääääää",
               "at “<"
               "ääääääääää"
               "ääääääääää"
               "ääääääääää"
               "ä…”: ",
               "");
}

static void an_open_end_says_what_is_open(void **state)
{
    (void)state;
    is_unfinished("a \"x\n\ny", "Line 1, column 3, at “\"x”: This quote is not closed");
    is_unfinished("a ‘x", "This quote is not closed");
    is_unfinished("a\n (b -C", "Line 2, column 2, at “(b -C”: This bracket is not closed");
    is_unfinished("a (", "Line 1, column 3, at “(”: This bracket is not closed");
    is_unfinished("a @(\n'x'\n", "column 3, at “@(”: This bracket is not closed");
    is_unfinished("a @{", "This bracket is not closed");
    is_unfinished("a @{Add", "This bracket is not closed");
    is_unfinished("a @{Add=", "column 3, at “@{Add=”: This bracket is not closed");
    is_unfinished("a @{Add='x'", "This bracket is not closed");
    is_unfinished("a {b {c}", "Line 1, column 3, at “{b {c}”: This brace is not closed");
    is_unfinished("a {b 'c}", "This brace is not closed");
    is_unfinished("a ${b", "This brace is not closed");
    is_unfinished("$x[", "This bracket is not closed");
    is_unfinished("$x[0", "This bracket is not closed");
    is_unfinished("a <# b", "Line 1, column 3, at “<# b”: This comment is not closed");
    is_unfinished("a |", "Line 1, column 3, at “|”: A command is missing");
    is_unfinished("a |\n # b\n", "A command is missing");
    is_unfinished("a b,", "Line 1, column 4, at “,”: A value is missing");
    is_unfinished("a b,\n", "A value is missing");
    is_unfinished("a `", "Line 1, column 3, at “`”: The line goes on");
    is_unfinished("a `\n", "The line goes on");
    is_unfinished("$x =", "Line 1, column 4, at “=”: A value is missing");
    is_unfinished("a \"$(b", "at “$(b”: This bracket is not closed");
    is_unfinished("a \"`", "This quote is not closed");
}

/* --- what is no text --- */

static void what_is_no_text_is_refused(void **state)
{
    (void)state;
    is_refused("a\n b\xff", "Line 2, column 3, at the byte 0xff: this is not UTF-8", "UTF-8");
    is_refused("a \xc3", "Line 1, column 3, at the byte 0xc3", "UTF-8");
    is_refused("a \xc0\xaf", "not UTF-8", "UTF-8");
    is_refused("a \xed\xa0\x80", "not UTF-8", "UTF-8");
    is_refused("a \x1b[0m", "Line 1, column 3, at the byte 0x1b: this is a control character", "");
    is_refused("a \"\x7f\"", "control character", "");
    is_refused("a \xc2\x85", "control character", "");
    is_refused("\xff\xfe", "UTF-16", "UTF-8");
    fails_bytes(bytes_of("a\0b", 3), false, "Line 1, column 2, at the byte 0x00", "");
}

static char *repeated(const char *head, const char *piece, size_t count, const char *tail)
{
    struct buffer b = {0};
    buffer_printf(&b, "%s", head);
    for (size_t i = 0; i < count; i++)
        buffer_raw(&b, piece, strlen(piece));
    buffer_printf(&b, "%s", tail);
    return buffer_take_text(&b);
}

static void is_refused_beyond(const char *head, const char *piece, size_t limit, const char *what)
{
    OWNED(free_memory) char *fits = repeated(head, piece, limit, "");
    OWNED(free_memory) char *beyond = repeated(head, piece, limit + 1, "");
    OWNED(script_free) struct script *script;
    assert_int_equal(parse_script(bytes_of_text(fits), &script, NULL, NULL), OK);
    is_refused(beyond, what, "Split it");
}

static void every_limit_has_its_sentence(void **state)
{
    (void)state;
    is_refused_beyond("", " ", SCRIPT_BYTES_MAX, "longer than 1 MiB");
    is_refused_beyond("", "a;", STATEMENTS_MAX, "commands in a script");
    is_refused_beyond("a", "|a", STAGES_MAX - 1, "commands in a pipeline");
    is_refused_beyond("a", " b", ELEMENTS_MAX, "parameters and values of a command");
    is_refused_beyond("a b", ",b", VALUES_MAX - 1, "values in a list");
    is_refused_beyond("$x", ".b", MEMBERS_MAX, "members of members");
    OWNED(free_memory) char *deep = repeated("", "(", 100000, "");
    is_refused(deep, "brackets within brackets", "Split it");
    OWNED(free_memory) char *table = repeated("a @{", "b=1;", VALUES_MAX + 1, "}");
    is_refused(table, "entries in a table", "Split it");
    OWNED(free_memory) char *text = repeated("a \"", "$x", VALUES_MAX + 1, "\"");
    is_refused(text, "pieces of a text", "Split it");
}

/* --- words of a Unix shell --- */

static void words_are_parameters_or_values(void **state)
{
    (void)state;
    list_means(WORDS("-PoolFqdn", "atl.example.com", "-Force"),
               "(Get-CsPool -PoolFqdn atl.example.com -Force)");
    list_means(WORDS("–Pool‑Fqdn", "-?", "-5", "-", ""), "(Get-CsPool -Pool-Fqdn -? -5 - )");
    list_means(WORDS("-Name:x:y", "-Confirm:", "z"), "(Get-CsPool -Name:x:y -Confirm: z)");
    list_means(WORDS("-", "Name", "x"), "(Get-CsPool - Name x)");
    list_means(WORDS("-", "Name:x"), "(Get-CsPool - Name:x)");
    list_means(WORDS("$false", "a;b", "<x>", "R&D", "#5", "it's"),
               "(Get-CsPool $false a;b <x> R&D #5 it's)");
    list_means((const char *const[]){NULL}, "(Get-CsPool)");
}

static void a_comma_at_the_end_of_a_word_joins_the_next(void **state)
{
    (void)state;
    list_means(WORDS("-N", "a,", "b"), "(Get-CsPool -N a,b)");
    list_means(WORDS("-N", "a", ",b", ",", "c", "d"), "(Get-CsPool -N a,b,c d)");
    list_means(WORDS("-N:a,", "b"), "(Get-CsPool -N:a,b)");
    list_is_refused(WORDS("-N", "a,"), "In word 2 behind the command", "comma");
    list_is_refused(WORDS("a,", "-N"), "missing behind a comma", "comma");
    list_is_refused(WORDS("a,", "@{b=c}"), "missing behind a comma", "comma");
}

static void quotes_of_word_around_a_word_are_taken_off(void **state)
{
    (void)state;
    list_means(WORDS("“a b”", "‘c’", "“”", "-N:“d”"), "(Get-CsPool \"a b\" \"c\" \"\" -N:\"d\")");
    list_is_refused(WORDS("-N", "“a", "b”"),
                    "In word 2 behind the command: The Unix shell does not know this quote",
                    "quotes of the keyboard");
    list_is_refused(WORDS("“"), "does not know this quote", "quotes of the keyboard");
    list_is_refused(WORDS("“a”,“b”"), "does not know this quote", "quotes of the keyboard");
}

static void a_quoted_table_is_read(void **state)
{
    (void)state;
    list_means(WORDS("@{Add=\"a\",'b';Remove=c}"),
               "(Get-CsPool (table Add=(list \"a\" \"b\") Remove=c))");
    list_means(WORDS("-R:@{Add=CSAdministrator}"), "(Get-CsPool -R:(table Add=CSAdministrator))");
    list_means(WORDS("@(a)", "@(\"x\", \"y\")"),
               "(Get-CsPool (list (run (a))) (list \"x\" \"y\"))");
    list_means(WORDS("@sip", "@example.com"), "(Get-CsPool @sip @example.com)");
    list_is_refused(WORDS("@Add=x", "@Add=y"), "has changed what stood in these braces",
                    "'@{Add=\"a\",\"b\"}'");
    list_is_refused(WORDS("@{Add=x,", "y}"), "has split this value", "'@{Add=\"a\",\"b\"}'");
    list_is_refused(WORDS("@{Add=x}y"), "behind the end", "'@{Add=\"a\",\"b\"}'");
}

static void a_wrong_word_is_told(void **state)
{
    (void)state;
    list_is_refused(WORDS("--pool", "x"),
                    "In word 1 behind the command: Parameters begin with a single dash", "-Name");
    list_is_refused(WORDS("x", "[-Force]"), "In word 2", "leave it out");
    list_is_refused(WORDS("-Name=x"), "directly behind the name", "blank");
    list_is_refused(WORDS("a\xff"), "not UTF-8", "UTF-8");
    list_is_refused(WORDS("-N:a\x1b"), "control character", "");
}

static void nothing_of_a_word_is_shown(void **state)
{
    (void)state;
    static const char *const secrets[] = {"--hunter2", "@{hunter2", "“hunter2",
                                          "-hunter2=", "@(hunter2", "@hunter2=x"};
    for (size_t i = 0; i < COUNT_OF(secrets); i++) {
        struct invocation *none;
        struct error e = {0};
        assert_int_equal(parse_list(WORDS("-Pin", secrets[i]), &none, &e), FAIL_INVALID);
        contains(e.what, "In word 2 behind the command: ");
        assert_null(strstr(e.what, "hunter"));
        assert_null(strstr(e.next, "hunter"));
    }
}

static void more_words_than_the_limit_are_refused(void **state)
{
    (void)state;
    static char *words[ELEMENTS_MAX + 1];
    char x[] = "x";
    for (size_t i = 0; i < COUNT_OF(words); i++)
        words[i] = x;
    struct error e;
    OWNED(invocation_free) struct invocation *i;
    assert_int_equal(parse_words("a", ELEMENTS_MAX + 1, words, &i, &e), FAIL_INVALID);
    contains(e.what, "more than 1000 words");
    assert_int_equal(parse_words("a", ELEMENTS_MAX, words, &i, NULL), OK);
    assert_int_equal(i->elements[999].column, 1000);
}

static void a_letter_is_written_as_it_was_read(void **state)
{
    (void)state;
    for (uint32_t letter = 0; letter < 0x110000; letter += letter < 0x3000 ? 1 : 97) {
        if (letter >= 0xd800 && letter < 0xe000)
            continue;
        OWNED(buffer_free) struct buffer b = {0};
        letter_write(&b, letter);
        uint32_t back = 0;
        assert_int_equal(letter_read(buffer_view(&b), &back), b.size);
        assert_int_equal(back, letter);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_text_is_an_empty_script),
        cmocka_unit_test(commands_stand_in_lines_or_between_semicolons),
        cmocka_unit_test(comments_say_nothing),
        cmocka_unit_test(a_backtick_continues_a_line),
        cmocka_unit_test(a_pipe_or_a_comma_continues_a_line),
        cmocka_unit_test(a_pasted_prompt_is_stepped_over),
        cmocka_unit_test(a_pipeline_begins_with_a_command_or_a_value),
        cmocka_unit_test(a_variable_is_assigned_a_pipeline),
        cmocka_unit_test(every_dash_of_unicode_is_a_dash_in_a_name),
        cmocka_unit_test(a_dash_before_a_letter_makes_a_parameter),
        cmocka_unit_test(a_colon_ties_a_value_to_its_parameter),
        cmocka_unit_test(a_blank_behind_the_dash_is_told),
        cmocka_unit_test(each_piece_knows_where_it_stood),
        cmocka_unit_test(quotes_of_word_are_quotes),
        cmocka_unit_test(single_quotes_are_literal),
        cmocka_unit_test(double_quotes_take_variables_and_escapes),
        cmocka_unit_test(pieces_without_a_blank_are_one_word),
        cmocka_unit_test(commas_make_a_list),
        cmocka_unit_test(a_list_in_brackets_is_one_list),
        cmocka_unit_test(a_table_has_names_and_values),
        cmocka_unit_test(members_and_numbers_lead_into_a_value),
        cmocka_unit_test(brackets_hold_a_pipeline_over_lines),
        cmocka_unit_test(braces_keep_their_text),
        cmocka_unit_test(what_cannot_be_seen_does_not_count),
        cmocka_unit_test(a_name_that_was_not_filled_in_is_told),
        cmocka_unit_test(brackets_of_a_documentation_are_told),
        cmocka_unit_test(signs_of_other_shells_are_told),
        cmocka_unit_test(keywords_are_told),
        cmocka_unit_test(a_sentence_stands_at_each_other_slip),
        cmocka_unit_test(an_error_quotes_a_bounded_bit),
        cmocka_unit_test(an_open_end_says_what_is_open),
        cmocka_unit_test(what_is_no_text_is_refused),
        cmocka_unit_test(every_limit_has_its_sentence),
        cmocka_unit_test(words_are_parameters_or_values),
        cmocka_unit_test(a_comma_at_the_end_of_a_word_joins_the_next),
        cmocka_unit_test(quotes_of_word_around_a_word_are_taken_off),
        cmocka_unit_test(a_quoted_table_is_read),
        cmocka_unit_test(a_wrong_word_is_told),
        cmocka_unit_test(nothing_of_a_word_is_shown),
        cmocka_unit_test(more_words_than_the_limit_are_refused),
        cmocka_unit_test(a_letter_is_written_as_it_was_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
