/* What a parameter takes, checked and put into its one form: by the program that is typed at, so
 * that a mistake is told at once, and by the daemon, which believes nobody.
 *
 *     TEXT, SECRET   a string; its length in characters within the limits
 *     FQDN           a string in lower case
 *     SWITCH, BOOLEAN  true or false; also "$true", "True", "1" and their opposites
 *     INTEGER        a whole number within the limits; also as a string
 *     TIME_SPAN      a string "00:03:00", whatever way it was written (base/timespan.h)
 *     CHOICE         one of the words as the limits spell it
 *     LIST           an array of strings; if it is CHANGEABLE, also an object with some of "Add",
 *                    "Remove", "Replace", each an array of strings
 *     VARIABLE       a name of letters, digits and _, with a + in front if it is added to
 *     FILE_TEXT      a string (whoever is typed at reads the file)
 *     REPORT_FILE    a path; whoever is typed at writes the file, when the report comes
 *     FILE_SENT, FILE_KEPT  the file's name; its length as TEXT */
#ifndef POLLUX_CMDLET_PARAMETER_H
#define POLLUX_CMDLET_PARAMETER_H

#include <jansson.h>

#include "base/error.h"
#include "cmdlet/commands.h"

enum {
    PARAMETER_TEXT_MAX = 512 << 10, /* bytes of one value: a topology file is the longest */
    LIST_TEXT_MAX = 256,            /* bytes of one entry of a list */
    VARIABLE_NAME_MAX = 128,
    CHOICES_MAX = 16,
    CHOICE_SIZE = 64,
};

/* `*checked` is owned by the caller. FAIL_INVALID says what would be right. */
enum failure parameter_check(const struct parameter *p, const json_t *given, json_t **checked,
                             struct error *e);

/* Do those that were given go together? */
enum failure parameters_check_rules(const struct command *command, const json_t *given,
                                    struct error *e);

/* The words of a CHOICE, for completion; returns how many. */
size_t parameter_choices(const struct parameter *p, char words[CHOICES_MAX][CHOICE_SIZE]);

/* The values that were given, by name, without what nobody may see (secrets) and what nobody would
 * read (files); owned by the caller. */
json_t *parameters_presentable(const struct command *command, const json_t *given);

/* The command as it can be typed once more: without a report's file, and without secrets, which are
 * asked for. Owned by the caller. */
char *parameters_typed(const struct command *command, const json_t *given);

/* "<time span>": what it takes, as help and errors name it; "" for a switch. */
const char *parameter_kind(const struct parameter *p);

#endif
