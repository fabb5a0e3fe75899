#include "cmdlet/shell/topics.h"

#include <string.h>
#include <strings.h>

#include "base/memory.h"
#include "base/nearest.h"

static const struct topic topics[] = {
#define TOPIC(name, synopsis, text) {name, synopsis, text},
#include "cmdlet/shell/topics.def"
};

const struct topic *topic_at(size_t i)
{
    return i < COUNT_OF(topics) ? &topics[i] : NULL;
}

const struct topic *topic_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(topics); i++) {
        if (strcasecmp(topics[i].name, name) == 0)
            return &topics[i];
    }
    return NULL;
}

const char *topic_nearest(const char *name)
{
    const char *names[COUNT_OF(topics)];
    for (size_t i = 0; i < COUNT_OF(topics); i++)
        names[i] = topics[i].name;
    return nearest_word(name, names, COUNT_OF(topics));
}

bool topic_lists_common(const struct topic *topic)
{
    return strcmp(topic->name, "about_CommonParameters") == 0;
}
