#include "admin/user_filter.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/bytes.h"
#include "base/nearest.h"

DEFINE_OWNED(json_t *, json_decref)

enum { USER_PROPERTIES_MAX = 16 };

static enum failure check_properties(const struct filter *filter, struct error *e)
{
    static const struct account any;
    OWNED(json_decref) json_t *object = account_to_object(&any);
    const char *stranger = filter_stranger(filter, object), *names[USER_PROPERTIES_MAX], *name;
    if (!stranger)
        return OK;
    size_t count = 0;
    json_t *value;
    OWNED(buffer_free) struct buffer all = {0};
    json_object_foreach(object, name, value)
    {
        assert(count < USER_PROPERTIES_MAX);
        buffer_printf(&all, "%s%s", count ? ", " : "", name);
        names[count++] = name;
    }
    const char *nearest = nearest_word(stranger, names, count);
    fail(e, FAIL_INVALID, "Users have no property %s.", stranger);
    error_kept(e, "Nothing was done.");
    if (nearest)
        return error_next(e, "Was %s meant?", nearest);
    return error_next(e, "They have %.*s.", (int)all.size, (const char *)all.at);
}

enum failure user_filter_read(const char *text, struct filter **filter, struct error *e)
{
    *filter = NULL;
    enum failure bad = text ? filter_parse(text, filter, e) : OK;
    return bad || !text ? bad : check_properties(*filter, e);
}

enum failure user_filter_read_users(const char *text, const char *sip_domain,
                                    struct filter **filter, struct error *e)
{
    static const char scheme[] = "sip:";
    char address[SIP_ADDRESS_SIZE];
    struct error other; /* then it is a pattern, or a comparison */
    if (text && !sip_address_read(text, sip_domain, address, &other))
        return user_filter_read(address, filter, e);
    if (text && strncasecmp(text, scheme, strlen(scheme)) == 0)
        text += strlen(scheme);
    return user_filter_read(text, filter, e);
}

bool user_filter_fits(const struct filter *filter, const struct account *account)
{
    if (!filter)
        return true;
    OWNED(json_decref) json_t *object = account_to_object(account);
    return filter_fits(filter, object);
}
