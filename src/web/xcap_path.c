#include "web/xcap_path.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

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
    path->application = document_application(auid);
    if (!path->application)
        return no_document("the applications are " DOCUMENT_APPLICATIONS, e);
    if (!take_segment(&text, tree, sizeof tree) || strcmp(tree, "users") != 0)
        return no_document("documents belong to users", e);
    if (!take_segment(&text, path->user, sizeof path->user))
        return no_document("the user's address is missing", e);
    if (!take_segment(&text, path->name, sizeof path->name) || !document_name_valid(path->name))
        return no_document("a document's name has 1 to 255 bytes of plain text", e);
    if (strcmp(text, "~~") == 0 || strncmp(text, "~~/", 3) == 0)
        return refuse_selector(e);
    return *text || text[-1] == '/' ? no_document("a document's name has no '/' in it", e) : OK;
}
