/* Users' data as a file: a line of JSON for each item, between one that says what the file is and
 * one that says how much of it there is. docs/user-data.md describes it for people.
 *
 * Users stand in it by their addresses, and a conference without the Ids of those who take part:
 * both are found again where it is read. What is derived from other items (who is invited, how much
 * there is) is not in it. No I/O. */
#ifndef POLLUX_ADMIN_USER_FILE_H
#define POLLUX_ADMIN_USER_FILE_H

#include <stdint.h>

#include "user/conference.h"

enum {
    USER_FILE_VERSION = 1,
    /* The longest document, each letter of it escaped, has half of it. */
    USER_FILE_LINE_MAX = 1 << 20,
};

/* --- writing; each line is owned by the caller --- */

json_t *user_file_head(const char *pool);
json_t *user_file_end(uint64_t users, uint64_t items);
/* `rest` is the key behind "user/<Id>/". `*derived`: there is none, and need not be; NULL without
 * it: this version does not know such an item, or can't read it. */
json_t *user_file_line(const char *address, struct bytes rest, struct bytes value, bool *derived);

/* --- reading --- */

enum failure user_file_check_head(const json_t *line, char pool[FQDN_SIZE], struct error *e);
bool user_file_is_end(const json_t *line);

/* What one line says of a user. */
struct user_entry {
    char kind[16];            /* USER_DOCUMENT, … */
    char name[USER_KEY_SIZE]; /* of the document or conference; "": neither */
    char *text;               /* what is kept; NULL: a conference, which is … */
    json_t *given;            /* … made from this when it is known who is who */
    unsigned long long line;
};
void user_entry_free(struct user_entry *entry);
const char *user_entry_name(const struct user_entry *entry); /* for people */

/* The address is known even if the rest is wrong, or "". What is wrong is what the users' own
 * service would refuse, too. */
enum failure user_file_read(const json_t *line, const char *sip_domain,
                            char address[SIP_ADDRESS_SIZE], struct user_entry *entry,
                            struct error *e);

/* Would the two be one line? `value` is what is kept of a conference. */
bool user_file_same_conference(const json_t *given, const json_t *value);

#endif
