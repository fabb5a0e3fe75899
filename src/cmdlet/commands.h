/* The table of commands (commands.def) as data. Knows nothing of how they are typed or done. */
#ifndef POLLUX_CMDLET_COMMANDS_H
#define POLLUX_CMDLET_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>

/* What a parameter takes. The limits of each are a text for people that the check reads as well:
 * cmdlet/parameter.h. */
enum parameter_type {
    TEXT,        /* "1 to 256": how many characters */
    FQDN,        /* "pool", "machine" or "home": what it names, for completion */
    SWITCH,      /* there or not; "-Name:$false" is not there */
    BOOLEAN,     /* $true or $false */
    INTEGER,     /* "1 to 100" */
    TIME_SPAN,   /* "00:00:05 to 03:00:00" */
    CHOICE,      /* "One, Other": the words, in any case */
    LIST,        /* "0 to 64": how many texts */
    FILE_TEXT,   /* a file of the caller's, whose text is sent along */
    FILE_SENT,   /* one of any size, which polluxd asks for part by part (shell/transfer.h) */
    FILE_KEPT,   /* one that the records of the answer are kept in */
    REPORT_FILE, /* "1 to 4096" characters: a file of the caller's that a report is written to */
    SECRET,      /* "5 to 128" characters; never shown, logged or kept in a history */
    DESCRIPTOR,  /* the number of an open file whose first line is the command's SECRET */
    VARIABLE,    /* the name of one */
    OBJECT,      /* whatever comes through the pipe */
};
enum { PARAMETER_TYPES = OBJECT + 1 };

/* Traits of a parameter. */
enum {
    REQUIRED = 1,
    FIRST = 2,  /* may be given as the first value without a name … */
    SECOND = 4, /* … or the second */
    PIPED = 8,  /* is taken from what comes through the pipe */
    /* The original has no such parameter: a beginning that fits one of the original's means that
     * one, so that what was unambiguous stays so. */
    OURS = 16,
    AUTHORISES = 32, /* changes who may do what: for those with RIGHT_SUPREME alone */
    OF_CHANGES = 64, /* a common one of commands that change something */
    OF_SHELL = 128,  /* a common one that makes sense only where there are pipes and variables */
    SENT = 256,      /* a common one that polluxd must know of */
    /* A list that is kept: @{Add=…}, @{Remove=…} and @{Replace=…} change what is there. */
    CHANGEABLE = 512,
    /* A CHOICE of what an error or a warning does: scripts write PowerShell's numbers for its words
     * as well, -ErrorAction 0 for SilentlyContinue. */
    NUMBERED = 1024,
    /* A REPORT_FILE: without it the report goes to a place of its own, for it may be all that tells
     * afterwards what was done. */
    ALWAYS_WRITTEN = 2048,
};

enum command_effect {
    READS,
    BRINGS, /* copies up to date: it changes nothing, and is more than to read */
    CHANGES,
    DESTROYS, /* what nothing brings back: it asks first, unless -Force or -Confirm:$false is given
               */
};

/* Who may: permission.c of the admin room says which roles have which. */
enum command_right {
    RIGHT_READ,
    RIGHT_ADMINISTER,
    RIGHT_BACKUP, /* nobody but RTCUniversalServerAdmins, unless the configuration grants it */
    RIGHT_SUPREME,
};
enum { COMMAND_RIGHTS = RIGHT_SUPREME + 1 };

enum command_place {
    HERE,        /* the machine that is asked */
    AT_POOL,     /* the pool that -PoolFqdn names */
    FOR_POOL,    /* the same; if it does not answer, its partner: only for what changes nothing */
    AT_HOLDER,   /* the one that holds that pool's home now */
    AT_BACKUP,   /* the backup pool of that pool: who takes its users over */
    AT_TAKER,    /* whichever of the two does not hold that home: who would take it now; if nothing
                    listens there, this one, by what it knows */
    FOR_HOME,    /* this pool, if it has a part in that home; else one that has and answers; else
                    this one, by what it has heard: only for what changes nothing */
    AT_CENTRAL,  /* the holder of the Central Management Store */
    FOR_CENTRAL, /* the same; if it does not answer, the machine that is asked, by its copy: only
                    for what changes nothing */
    AT_CENTRAL_TAKER, /* the other one of the two that may hold it: who would take it now */
    ANYWHERE,         /* `pollux` itself; no daemon is needed */
    IN_SHELL,         /* the same, and only where there are pipes and variables */
};

struct parameter {
    const char *name;
    const char *alias; /* "" for none */
    enum parameter_type type;
    unsigned traits;
    const char *limits;
    const char *help;
};

/* Which of a command's parameters go together. */
enum parameter_relation { NEEDS, NOT_WITH };

struct parameter_rule {
    const char *name;
    enum parameter_relation relation;
    const char *other;
    const char *what, *next; /* if it is not kept */
};

struct example {
    const char *line;
    const char *explanation;
};

struct command {
    const char *name;
    enum command_effect effect;
    enum command_right right;
    enum command_place place;
    const char *synopsis;
    const char *description;
    const struct parameter *parameters; /* its own */
    size_t parameter_count;
    const struct parameter_rule *rules;
    size_t rule_count;
    const struct example *examples;
    size_t example_count;
};

enum {
    COMMAND_PARAMETERS_MAX = 16, /* of its own */
    COMMAND_NAME_MAX = 63,
};

/* The order is that of the table. */
enum command_id {
#define COMMAND(id, name, effect, right, place, synopsis, description) COMMAND_##id,
#define LOCAL(id, name, place, synopsis, description)                  COMMAND_##id,
#include "cmdlet/commands.def"
    COMMANDS
};

const struct command *command_at(size_t i);
/* By its full name, in any case, with or without the folder of a program; -1: there is none. */
int command_find(const char *name);
/* "Was … meant?": the nearest name, or NULL. */
const char *command_nearest(const char *name);
/* Does polluxd carry it out? */
bool command_is_remote(const struct command *command);
bool command_changes(const struct command *command); /* or destroys */
bool command_acts(const struct command *command);    /* does more than to read */

/* What the program says to polluxd beside what was typed, for a command with a FILE_SENT: nobody
 * types it, so it stands in no help. NULL: this is none. */
const struct parameter *command_hidden(const struct command *command, const char *name);

/* Is it for polluxd, or for the program that is typed at? */
bool parameter_is_sent(const struct parameter *parameter);

/* Is it about a file of any size, FILE_SENT or FILE_KEPT? It ends with its caller. */
bool command_has_file(const struct command *command);
/* Does it name a file of the caller's? */
bool parameter_is_file(const struct parameter *parameter);

/* What it takes: its own, then the common ones. NULL behind the last. */
const struct parameter *command_parameter_at(const struct command *command, size_t i);
/* By its full name or alias, in any case; or by the beginning of a name that fits no other (one of
 * the original's goes before one of ours). NULL: none, or `*ambiguous`. */
const struct parameter *command_parameter(const struct command *command, const char *name,
                                          bool *ambiguous);
/* Does `name` begin the name of this one? For saying which ones it could be. */
bool parameter_begins_with(const struct parameter *parameter, const char *name);
const char *command_nearest_parameter(const struct command *command, const char *name);
/* The one by which it takes what comes through the pipe, or what stands there without a name; NULL:
 * none. */
const struct parameter *command_piped(const struct command *command);
const struct parameter *command_positional(const struct command *command, unsigned which);

#endif
