#include "cmdlet/shell/secret.h"

#include <string.h>

#include "base/memory.h"
#include "cmdlet/shell/person.h"

static const struct parameter *secret_of(const struct command *command)
{
    for (size_t i = 0; i < command->parameter_count; i++) {
        if (command->parameters[i].type == SECRET)
            return &command->parameters[i];
    }
    return NULL;
}

static json_int_t descriptor_of(const struct binding *b)
{
    for (size_t i = 0; i < b->command->parameter_count; i++) {
        const struct parameter *p = &b->command->parameters[i];
        const json_t *value = json_object_get(b->bound, p->name);
        if (p->type == DESCRIPTOR && value)
            return json_integer_value(value);
    }
    return -1;
}

/* Whose it is, if that is known: several can come through the pipe. */
static enum failure ask_secret(const struct binding *b, const char *name, char secret[SECRET_SIZE],
                               struct error *e)
{
    const char *whose = bound_text(b, "Identity");
    OWNED(free_memory)
    char *what = whose ? xasprintf("%s of %.320s", name, whose) : xstrdup(name);
    enum failure bad = person_secret(what, secret, e);
    if (bad && !*e->next)
        error_next(e,
                   "Type it at a terminal, or have it read from an open file: see "
                   "Get-Help %s -Examples",
                   b->command->name);
    return bad;
}

enum failure secret_get(struct binding *b, const char **got, struct error *e)
{
    const struct parameter *p = secret_of(b->command);
    char secret[SECRET_SIZE];
    json_int_t fd = descriptor_of(b);
    if (!p || bound_switch(b, "WhatIf"))
        return OK;
    if (json_object_get(b->bound, p->name)) {
        if (fd < 0)
            return OK;
        fail(e, FAIL_INVALID, "-%s was given, and an open file to read it from as well.", p->name);
        return error_kept(e, "Nothing was done.");
    }
    enum failure bad =
        fd >= 0 ? secret_from_descriptor((int)fd, secret, e) : ask_secret(b, p->name, secret, e);
    struct word words = {.parameter = p->name, .colon = true};
    json_t *value = bad ? NULL : json_string(secret);
    words.value = value;
    if (!bad)
        bad = bind_one(b, &words, e);
    *got = bad ? NULL : p->name;
    json_decref(value);
    explicit_bzero(secret, sizeof secret);
    return bad;
}
