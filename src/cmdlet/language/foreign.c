#include "cmdlet/language/foreign.h"

#include <strings.h>

#include "base/memory.h"
#include "cmdlet/language/grammar.h"

#define ON_THE_UNIX_SHELL "Type it on the Unix shell, where each command is a program: "
#define IN_A_SCRIPT                                                                                \
    "Write a script of the Unix shell, where each command is a program, or type the commands one " \
    "after the other."

struct foreign {
    const char *sign;
    const char *what, *next;
};

/* The first row that fits counts: longer signs stand before shorter ones. */
static const struct foreign signs[] = {
    {"&&", "\"&&\" is not understood here.", "Type the commands one after the other."},
    {"||", "\"||\" is not understood here.", "Type the commands one after the other."},
    {"&", "Commands are called by their names alone, without \"&\".",
     "Leave it out. In a value, put quotes around: \"R&D\"."},
    {"|", "There is no command in front of this pipe.",
     "Put the | at the end of the line before, behind its command."},
    {">", "This shell does not redirect.", ON_THE_UNIX_SHELL "Get-CsPool > FILE"},
    {"2>", "This shell does not redirect.", ON_THE_UNIX_SHELL "Get-CsPool 2> FILE"},
    {"*>", "This shell does not redirect.", ON_THE_UNIX_SHELL "Get-CsPool > FILE 2>&1"},
    {"< ", "This shell does not redirect.", "Type the value itself."},
    {"<", "What stands in angle brackets stands for a name that is to be filled in.",
     "Type the name itself, without the brackets: -PoolFqdn atl.example.com"},
    {"[", "Square brackets mark in a documentation what may be left out, and in PowerShell a type.",
     "Type what is in them without the brackets, or leave it out."},
    {"--", "Parameters begin with a single dash.", "Type -Name; -? for help."},
    {"@'", "Texts between @' and '@ are not understood here.", "Use plain quotes."},
    {"@\"", "Texts between @\" and \"@ are not understood here.", "Use plain quotes."},
    {")", "A bracket is closed here that was not opened.", "Leave it out, or put quotes around."},
    {"}", "A brace is closed here that was not opened.", "Leave it out, or put quotes around."},
    {",", "There is no value in front of this comma.", "Type the value, or leave the comma out."},
    {"==", "Comparisons are not understood here.", "Put quotes around a text: \"==\"."},
    {"=", "Only a variable can be assigned to, and its name begins with \"$\".",
     "Type $name = …, or put quotes around the \"=\"."},
    {"+=", "Variables can't be added to.", "Assign the whole value: $name = …"},
};

static const char *const keywords[] = {
    "if",     "else",     "elseif", "for",   "foreach", "while", "do",    "until",
    "switch", "function", "filter", "param", "return",  "break", "throw", "try",
    "catch",  "finally",  "trap",   "begin", "process", "end",   "class", "continue",
};

static const struct foreign *foreign_here(struct reader *r)
{
    for (size_t i = 0; i < COUNT_OF(signs); i++) {
        if (reader_at(r, signs[i].sign) || (signs[i].sign[0] == '-' && at_two_dashes(r)))
            return &signs[i];
    }
    return NULL;
}

bool refuse_foreign(struct reader *r)
{
    const struct foreign *f = foreign_here(r);
    if (f)
        reader_fail(r, r->place, f->next, "%s", f->what);
    return f != NULL;
}

void refuse_here(struct reader *r, const char *next, const char *what)
{
    if (!refuse_foreign(r))
        reader_fail(r, r->place, next, "%s", what);
}

bool refuse_keyword(struct reader *r)
{
    char word[16];
    size_t n = 0;
    reader_peek(r);
    while (n < sizeof word - 1 && letter_kind(reader_ahead(r, n)) == LETTER_LATIN) {
        word[n] = (char)reader_ahead(r, n);
        n++;
    }
    word[n] = '\0';
    enum letter_kind behind = letter_kind(reader_ahead(r, n));
    if (behind == LETTER_DASH || behind == LETTER_DIGIT)
        return false; /* the beginning of a longer word */
    for (size_t i = 0; i < COUNT_OF(keywords); i++) {
        if (strcasecmp(word, keywords[i]) != 0)
            continue;
        reader_fail(r, r->place, IN_A_SCRIPT,
                    "\"%s\" is not understood here: this shell has no "
                    "conditions, loops and functions.",
                    keywords[i]);
        return true;
    }
    return false;
}
