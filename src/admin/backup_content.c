#include "admin/backup_content.h"

#include "pool/content.h"

static const char pending_files[] = "PendingFiles", pending_bytes[] = "PendingBytes",
                  partner_files[] = "PartnerPendingFiles", partner_bytes[] = "PartnerPendingBytes";

static void put(json_t *object, const char *name, uint64_t value)
{
    json_object_set_new(object, name, json_integer((json_int_t)value));
}

/* What keeps a file store from being used comes before what only a copy can't do. */
static void put_trouble(json_t *detail, const struct error *trouble)
{
    char line[3 * ERROR_TEXT_MAX];
    if (trouble->kind)
        json_object_set_new(detail, "LastError",
                            json_string(error_line(trouble, line, sizeof line)));
}

void backup_content_describe(const struct front_end *fe, const char *home, enum module module,
                             json_t *detail)
{
    struct content *content = front_end_content(fe);
    if (module != MODULE_DATA_CONF)
        return;
    const struct content_left left = content_left(content, home);
    const struct content_counts counts = content_counts(content, home);
    const struct error trouble = content_trouble(content, home);
    put(detail, pending_files, left.files);
    put(detail, pending_bytes, left.bytes);
    json_object_set_new(detail, "Scanned", json_boolean(!left.unsure));
    put(detail, "FilesTakenUp", counts.taken_up);
    put(detail, "FilesBrought", counts.fetched);
    put(detail, "BytesFetched", counts.bytes_fetched);
    put(detail, "BytesFoundHere", counts.bytes_found);
    put(detail, "FilesSetAside", counts.aside);
    put_trouble(detail, &trouble);
}

void backup_content_describe_partner(const struct exporting *x, json_t *detail)
{
    struct export_status s;
    const struct error trouble = exporting_files_trouble(x);
    if (exporting_module(x) != MODULE_DATA_CONF)
        return;
    export_status(exporting_core(x), &s);
    put(detail, partner_files, s.there.files);
    put(detail, partner_bytes, s.there.bytes);
    if (!json_is_string(json_object_get(detail, "LastError")))
        put_trouble(detail, &trouble);
}

static uint64_t sum(const json_t *details, const char *name)
{
    uint64_t all = 0;
    for (size_t i = 0; i < json_array_size(details); i++)
        all += (uint64_t)json_integer_value(json_object_get(json_array_get(details, i), name));
    return all;
}

json_t *backup_content_progress(const json_t *details)
{
    uint64_t here = sum(details, pending_files), there = sum(details, partner_files);
    if (!here && !there)
        return NULL;
    return json_pack("{s:I, s:I, s:I, s:I}", pending_files, (json_int_t)here, pending_bytes,
                     (json_int_t)sum(details, pending_bytes), partner_files, (json_int_t)there,
                     partner_bytes, (json_int_t)sum(details, partner_bytes));
}
