#include "web/xcap_path.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "web/utf8.h"

/* Contact lists (RFC 4826, both), and who may see whose presence (RFC 5025). */
static const struct xcap_application applications[] = {
    {"resource-lists", "application/resource-lists+xml"},
    {"rls-services", "application/rls-services+xml"},
    {"pres-rules", "application/auth-policy+xml"},
};

static enum failure no_document(const char *why, struct error *e)
{
    fail(e, FAIL_NOT_FOUND, "There is no such document: %s.", why);
    error_kept(e, "Nothing was done.");
    return error_next(e, "Paths look like this: "
                         "/xcap/resource-lists/users/sip:kenmyer@litwareinc.com/index");
}

/* What is between here and the next '/' or the end; false: nothing, or too much. Goes on behind
 * the '/', or at the end. */
static bool take_segment(const char **at, char *out, size_t size)
{
    size_t length = strcspn(*at, "/");
    if (length == 0 || length >= size)
        return false;
    memcpy(out, *at, length);
    out[length] = '\0';
    *at += length + ((*at)[length] == '/');
    return true;
}

/* A name that is a name and nothing else, wherever it is shown or kept. */
static bool name_is_plain(const char *name)
{
    for (const char *c = name; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f || *c == '\\')
            return false;
    }
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && utf8_valid(name, strlen(name));
}

static enum failure refuse_selector(struct error *e)
{
    fail(e, FAIL_INVALID, "Parts of documents (what is behind ~~) can't be asked for here.");
    error_kept(e, "Nothing was done.");
    return error_next(e, "Read the whole document, change it, and write it with If-Match.");
}

enum failure xcap_path_read(const char *text, struct xcap_path *path, struct error *e)
{
    char auid[64], tree[16];
    *path = (struct xcap_path){0};
    if (!take_segment(&text, auid, sizeof auid))
        return no_document("the application's name is missing", e);
    for (size_t i = 0; i < COUNT_OF(applications); i++) {
        if (strcmp(applications[i].auid, auid) == 0)
            path->application = &applications[i];
    }
    if (!path->application)
        return no_document("the applications are resource-lists, rls-services and pres-rules", e);
    if (!take_segment(&text, tree, sizeof tree) || strcmp(tree, "users") != 0)
        return no_document("documents belong to users", e);
    if (!take_segment(&text, path->user, sizeof path->user))
        return no_document("the user's address is missing", e);
    if (!take_segment(&text, path->name, sizeof path->name) || !name_is_plain(path->name) ||
        strcmp(path->name, "~~") == 0)
        return no_document("a document's name has 1 to 255 bytes of plain text", e);
    if (strcmp(text, "~~") == 0 || strncmp(text, "~~/", 3) == 0)
        return refuse_selector(e);
    return *text || text[-1] == '/' ? no_document("a document's name has no '/' in it", e) : OK;
}
