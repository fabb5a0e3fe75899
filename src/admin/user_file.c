#include "admin/user_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/document.h"
#include "user/presence.h"

DEFINE_OWNED(json_t *, json_decref)

static const char what[] = "pollux", what_it_is[] = "users' data", version[] = "version",
                  of_pool[] = "pool", user[] = "user", text[] = "text", document[] = "document";

/* --- writing --- */

json_t *user_file_head(const char *pool)
{
    return json_pack("{s:s, s:i, s:s}", what, what_it_is, version, USER_FILE_VERSION, of_pool,
                     pool);
}

json_t *user_file_end(uint64_t users, uint64_t items)
{
    return json_pack("{s:I, s:I}", "users", (json_int_t)users, "items", (json_int_t)items);
}

/* Without what the line says already, and without what means nothing elsewhere. */
static json_t *conference_shown(const json_t *value)
{
    json_t *shown = json_copy((json_t *)(uintptr_t)value);
    json_object_del(shown, CONFERENCE_ORGANISER);
    json_object_del(shown, CONFERENCE_IDS);
    return shown;
}

static json_t *object_of(struct bytes value)
{
    json_t *object = json_loadb((const char *)value.at, value.size, 0, NULL);
    if (json_is_object(object))
        return object;
    json_decref(object);
    return NULL;
}

static json_t *line_of(const char *address, const char *kind, json_t *value)
{
    return value ? json_pack("{s:o, s:o}", user, json_sprintf("sip:%s", address), kind, value)
                 : NULL;
}

static json_t *document_line(const char *address, const char *name, struct bytes value)
{
    json_t *kept = json_stringn((const char *)value.at, value.size);
    json_t *line = kept ? line_of(address, document, json_string(name)) : NULL;
    if (line)
        json_object_set_new(line, text, kept);
    return line;
}

json_t *user_file_line(const char *address, struct bytes rest, struct bytes value, bool *derived)
{
    char key[USER_KEY_SIZE];
    snprintf(key, sizeof key, "%.*s", (int)rest.size, (const char *)rest.at);
    char *slash = strchr(key, '/');
    const char *name = slash ? slash + 1 : "";
    if (slash)
        *slash = '\0';
    *derived = strcmp(key, USER_INVITED) == 0 || strcmp(key, USER_USAGE) == 0 ||
               strcmp(key, USER_HISTORY) == 0;
    if (*derived)
        return NULL;
    if (strcmp(key, USER_DOCUMENT) == 0)
        return document_line(address, name, value);
    OWNED(json_decref) json_t *object = object_of(value);
    if (object && strcmp(key, USER_CONFERENCE) == 0)
        return line_of(address, key, conference_shown(object));
    bool known = strcmp(key, USER_PRESENCE) == 0 || strcmp(key, USER_SETTINGS) == 0;
    return known && object ? line_of(address, key, json_incref(object)) : NULL;
}

/* --- reading: what the file is --- */

enum failure user_file_check_head(const json_t *line, char pool[FQDN_SIZE], struct error *e)
{
    const char *is = json_string_value(json_object_get(line, what));
    const char *of = json_string_value(json_object_get(line, of_pool));
    const json_t *number = json_object_get(line, version);
    if (!is || strcmp(is, what_it_is) != 0 || !json_is_integer(number) || !of) {
        fail(e, FAIL_INVALID, "This is no file of users' data: its first line does not say so.");
        error_kept(e, "Nothing was imported.");
        return error_next(e, "Export-CsUserData writes such files.");
    }
    snprintf(pool, FQDN_SIZE, "%s", of);
    if (json_integer_value(number) == USER_FILE_VERSION)
        return OK;
    fail(e, FAIL_INVALID, "The file has version %lld; this pool reads version %d.",
         (long long)json_integer_value(number), USER_FILE_VERSION);
    error_kept(e, "Nothing was imported.");
    return error_next(e, "Import it at a pool of the version that wrote it, or export it anew.");
}

bool user_file_is_end(const json_t *line)
{
    return json_object_size(line) == 2 && json_is_integer(json_object_get(line, "users")) &&
           json_is_integer(json_object_get(line, "items"));
}

/* --- reading: what it says of a user --- */

void user_entry_free(struct user_entry *entry)
{
    free(entry->text);
    json_decref(entry->given);
    *entry = (struct user_entry){0};
}

const char *user_entry_name(const struct user_entry *entry)
{
    return entry->name[0] ? entry->name : entry->kind;
}

static enum failure not_well_formed(const char *phrase, struct error *e)
{
    return fail(e, FAIL_INVALID, "The document is no well-formed XML in UTF-8: %s", phrase);
}

static enum failure read_document(const json_t *line, struct user_entry *entry, struct error *e)
{
    const char *name = json_string_value(json_object_get(line, document));
    const json_t *given = json_object_get(line, text);
    const char *slash = name ? strchr(name, '/') : NULL;
    char auid[64], phrase[XML_PHRASE_SIZE];
    snprintf(auid, sizeof auid, "%.*s", slash ? (int)(slash - name) : 0, slash ? name : "");
    if (!slash || !document_application(auid) || !document_name_valid(slash + 1))
        return fail(e, FAIL_INVALID,
                    "A document is named like resource-lists/index; there are "
                    "%s.",
                    DOCUMENT_APPLICATIONS);
    if (!json_is_string(given))
        return fail(e, FAIL_INVALID, "The document has no \"%s\".", text);
    struct bytes body = bytes_of(json_string_value(given), json_string_length(given));
    if (body.size > DOCUMENT_MAX)
        return fail(e, FAIL_INVALID, "A document can have %d bytes.", DOCUMENT_MAX);
    if (xml_check(body, phrase) != XML_GOOD)
        return not_well_formed(phrase, e);
    snprintf(entry->kind, sizeof entry->kind, "%s", USER_DOCUMENT);
    snprintf(entry->name, sizeof entry->name, "%s", name);
    entry->text = xstrdup(json_string_value(given));
    return OK;
}

static enum failure read_conference(json_t *given, struct user_entry *entry, struct error *e)
{
    const char *id = json_string_value(json_object_get(given, CONFERENCE_ID));
    if (!id || !conference_id_valid(id))
        return fail(e, FAIL_INVALID,
                    "The conference has no %s of 32 hexadecimal figures in lower case.",
                    CONFERENCE_ID);
    snprintf(entry->kind, sizeof entry->kind, "%s", USER_CONFERENCE);
    snprintf(entry->name, sizeof entry->name, "%s", id);
    entry->given = json_incref(given);
    return OK;
}

static enum failure read_object(const char *kind, json_t *given, struct user_entry *entry,
                                struct error *e)
{
    OWNED(free_memory) char *as_text = json_dumps(given, JSON_COMPACT);
    if (!json_is_object(given))
        return fail(e, FAIL_INVALID, "What it has as %s is no object.", kind);
    if (!as_text || strlen(as_text) > USER_JSON_MAX)
        return fail(e, FAIL_INVALID, "What it has as %s has more than %d bytes.", kind,
                    USER_JSON_MAX);
    if (strcmp(kind, USER_CONFERENCE) == 0)
        return read_conference(given, entry, e);
    OWNED(json_decref)
    json_t *kept =
        strcmp(kind, USER_PRESENCE) == 0 ? presence_read_kept(given, e) : json_incref(given);
    if (!kept)
        return e->kind;
    snprintf(entry->kind, sizeof entry->kind, "%s", kind);
    entry->text = json_dumps(kept, JSON_COMPACT);
    return OK;
}

static enum failure read_value(const json_t *line, struct user_entry *entry, struct error *e)
{
    static const char *const kinds[] = {USER_PRESENCE, USER_SETTINGS, USER_CONFERENCE};
    size_t members = json_object_size(line);
    if (members == 3 && json_object_get(line, document) && json_object_get(line, text))
        return read_document(line, entry, e);
    for (size_t i = 0; members == 2 && i < COUNT_OF(kinds); i++) {
        json_t *given = json_object_get(line, kinds[i]);
        if (given)
            return read_object(kinds[i], given, entry, e);
    }
    return fail(e, FAIL_INVALID,
                "Beside the %s a line has one of %s, %s, %s, or %s with %s, and nothing else.",
                user, USER_PRESENCE, USER_SETTINGS, USER_CONFERENCE, document, text);
}

enum failure user_file_read(const json_t *line, const char *sip_domain,
                            char address[SIP_ADDRESS_SIZE], struct user_entry *entry,
                            struct error *e)
{
    const char *whose = json_string_value(json_object_get(line, user));
    address[0] = '\0';
    *entry = (struct user_entry){0};
    if (!whose)
        return fail(e, FAIL_INVALID, "The line does not say whose it is, by \"%s\".", user);
    enum failure bad = sip_address_read(whose, sip_domain, address, e);
    if (bad)
        address[0] = '\0';
    return bad ? bad : read_value(line, entry, e);
}

bool user_file_same_conference(const json_t *given, const json_t *value)
{
    OWNED(json_decref) json_t *shown = conference_shown(value);
    return json_equal(shown, (json_t *)(uintptr_t)given);
}
