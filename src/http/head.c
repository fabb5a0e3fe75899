#include "http/head.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/memory.h"

static const char blanks[] = " \t";

/* --- what was said --- */

void head_add(struct head_pairs *pairs, const char *name, const char *value)
{
    pairs->list = xrealloc(pairs->list, (pairs->count + 1) * sizeof *pairs->list);
    pairs->list[pairs->count++] =
        (struct head_pair){.name = xstrdup(name), .value = xstrdup(value), .lines = 1};
}

static struct head_pair *find(const struct head_pairs *headers, const char *name)
{
    for (size_t i = 0; i < headers->count; i++) {
        if (strcasecmp(headers->list[i].name, name) == 0)
            return &headers->list[i];
    }
    return NULL;
}

static void cut_behind(char *value)
{
    size_t size = strlen(value);
    while (size && strchr(blanks, value[size - 1]))
        value[--size] = '\0';
}

void head_add_header(struct head_pairs *headers, const char *name, const char *value)
{
    OWNED(free_memory) char *bare = xstrdup(value + strspn(value, blanks));
    cut_behind(bare);
    struct head_pair *pair = find(headers, name);
    if (!pair) {
        head_add(headers, name, bare);
        return;
    }
    char *all = xasprintf("%s, %s", pair->value, bare);
    free_memory(pair->value);
    pair->value = all;
    pair->lines++;
}

void head_free(struct head_pairs *pairs)
{
    for (size_t i = 0; i < pairs->count; i++) {
        free_memory(pairs->list[i].name);
        free_memory(pairs->list[i].value);
    }
    free_memory(pairs->list);
    *pairs = (struct head_pairs){0};
}

const char *head_header(const struct head_pairs *headers, const char *name)
{
    const struct head_pair *pair = find(headers, name);
    return pair ? pair->value : NULL;
}

const char *head_parameter(const struct head_pairs *query, const char *name)
{
    for (size_t i = 0; i < query->count; i++) {
        if (strcmp(query->list[i].name, name) == 0)
            return query->list[i].value;
    }
    return NULL;
}

const char *head_origin_form(const char *target)
{
    static const char *const schemes[] = {"https://", "http://"};
    for (size_t i = 0; i < COUNT_OF(schemes); i++) {
        size_t size = strlen(schemes[i]);
        if (strncasecmp(target, schemes[i], size) == 0)
            return target + size + strcspn(target + size, "/");
    }
    return target;
}

/* --- whether it can be answered --- */

struct asked {
    const struct head_pairs *headers;
    const char *version, *target;
};

static bool has(const struct asked *a, const char *name)
{
    return find(a->headers, name);
}

static bool is_long(const struct asked *a)
{
    return strlen(a->target) > HTTP_TARGET_MAX;
}

/* A proxy may take "Content-Length : 5" for what we do not. */
static bool has_odd_name(const struct asked *a)
{
    for (size_t i = 0; i < a->headers->count; i++) {
        const char *name = a->headers->list[i].name;
        if (!name[0] || strpbrk(name, blanks))
            return true;
    }
    return false;
}

static bool has_two(const struct asked *a)
{
    static const char *const single[] = {"Authorization", "Content-Length",    "Content-Range",
                                         "Host",          "Transfer-Encoding", "If-Range",
                                         "Range"};
    for (size_t i = 0; i < COUNT_OF(single); i++) {
        const struct head_pair *pair = find(a->headers, single[i]);
        if (pair && pair->lines > 1)
            return true;
    }
    return false;
}

static bool has_no_host(const struct asked *a)
{
    return strcmp(a->version, "HTTP/1.1") == 0 && !has(a, "Host");
}

static bool has_two_lengths(const struct asked *a)
{
    return has(a, "Content-Length") && has(a, "Transfer-Encoding");
}

static bool has_no_number(const struct asked *a)
{
    const char *length = head_header(a->headers, "Content-Length");
    return length && (!length[0] || length[strspn(length, "0123456789")]);
}

static bool is_coded_otherwise(const struct asked *a)
{
    const char *coding = head_header(a->headers, "Transfer-Encoding");
    return coding && strcasecmp(coding, "chunked") != 0;
}

/* A part of a thing, which would be taken for the whole (RFC 9110, 14.5). */
static bool is_a_part(const struct asked *a)
{
    return has(a, "Content-Range");
}

/* What is kept is what was sent: nobody would know that it is to be unpacked. */
static bool is_packed(const struct asked *a)
{
    const char *coding = head_header(a->headers, "Content-Encoding");
    return coding && strcasecmp(coding, "identity") != 0;
}

struct rule {
    bool (*is_so)(const struct asked *a);
    unsigned status;
    const char *what, *next;
};

static const struct rule rules[] = {
    {is_long, 414, "What is asked for is longer than a request may name.", "Ask for less."},
    {has_odd_name, 400, "The name of a header has blanks in it.", "Write \"Name: value\"."},
    {has_two, 400, "A header that can have one value only was sent twice.", "Send it once."},
    {has_no_host, 400, "The request has no Host.", "Send one, as HTTP/1.1 asks for."},
    {has_two_lengths, 400, "The request has a Content-Length and a Transfer-Encoding.",
     "Send one of them."},
    {has_no_number, 400, "The Content-Length is no number.", "Send how many bytes there are."},
    {is_coded_otherwise, 501, "The Transfer-Encoding is not chunked.",
     "Send it chunked, or with a Content-Length."},
    {is_a_part, 400, "The request has a Content-Range, and a part alone can't be taken.",
     "Send all of it."},
    {is_packed, 415, "The request has a Content-Encoding, and nothing is unpacked here.",
     "Send it as it is."},
};

unsigned head_refusal(const struct head_pairs *headers, const char *version, const char *target,
                      struct error *e)
{
    const struct asked a = {headers, version, target};
    for (size_t i = 0; i < COUNT_OF(rules); i++) {
        if (!rules[i].is_so(&a))
            continue;
        fail(e, FAIL_INVALID, "%s", rules[i].what);
        error_kept(e, "Nothing was done.");
        error_next(e, "%s", rules[i].next);
        return rules[i].status;
    }
    return 0;
}
