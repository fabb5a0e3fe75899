#include "cmdlet/answer/report.h"

#include <string.h>

#include "base/count.h"
#include "cmdlet/answer/text.h"

/* The page is read by a person in a hurry: first whether it was done, then what went wrong, then
 * the rest. It is HTML that is XML, too, so that programs of either kind can read it. */

static const char mark[] = "<meta name=\"generator\" content=\"pollux-report\"/>";

static const char style[] =
    "body{font:16px/1.45 sans-serif;color:#111;background:#fff;max-width:60em;margin:2em auto;"
    "padding:0 1em}\n"
    "h1{font-size:1.5em;margin:0 0 .3em}h2{font-size:1.1em;margin:1.6em 0 .4em}\n"
    ".result{font-weight:bold;padding:.6em .8em;border-left:.5em solid}\n"
    ".done{border-color:#176b2c;background:#eaf5ec}.failed{border-color:#a4161a;background:#fbeaea}"
    ".warned{border-color:#9a6700;background:#fff6dd}\n"
    "table{border-collapse:collapse;width:100%}\n"
    "th,td{text-align:left;vertical-align:top;padding:.25em .8em .25em 0;border-bottom:1px solid "
    "#ccc;overflow-wrap:anywhere}\n"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}\n"
    ".error{border-left:.25em solid #a4161a;padding-left:.8em;margin:.6em 0}\n"
    ".error p{margin:.1em 0}.warning{margin:.3em 0}\n"
    "@media "
    "print{body{margin:0;max-width:none;font-size:10pt}.result,.done,.warned,.failed{background:"
    "none}"
    "tr,.error{break-inside:avoid}h2{break-after:avoid}thead{display:table-header-group}}\n";

/* --- what may stand in a page --- */

static void put_text(struct buffer *page, const char *text)
{
    OWNED(free_memory) char *harmless = text_harmless(text); /* in XML most controls can't be */
    for (const char *at = harmless; *at; at++) {
        switch (*at) {
        case '<': buffer_printf(page, "&lt;"); break;
        case '>': buffer_printf(page, "&gt;"); break;
        case '&': buffer_printf(page, "&amp;"); break;
        case '"': buffer_printf(page, "&quot;"); break;
        case '\'': buffer_printf(page, "&#39;"); break;
        default: buffer_u8(page, (uint8_t)*at);
        }
    }
}

/* Nothing of it ends the element that it stands in, whatever a name contains. */
static void put_json(struct buffer *page, const json_t *facts)
{
    char *text = json_dumps(facts, JSON_INDENT(1) | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15));
    for (const char *at = text ? text : "{}"; *at; at++) {
        if (*at == '<' || *at == '>' || *at == '&')
            buffer_printf(page, "\\u%04x", *at);
        else
            buffer_u8(page, (uint8_t)*at);
    }
    free_memory(text);
}

static void put_value(struct buffer *page, const json_t *value)
{
    if (json_is_string(value)) {
        put_text(page, json_string_value(value));
    } else if (json_is_real(value)) {
        buffer_printf(page, "%.3f", json_real_value(value));
    } else if (value && !json_is_null(value)) {
        char *text = json_dumps(value, JSON_ENCODE_ANY);
        put_text(page, text ? text : "");
        free_memory(text);
    }
}

/* --- its parts --- */

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static void put_row(struct buffer *page, const char *name, const json_t *value)
{
    if (!value)
        return;
    buffer_printf(page, "<tr><th scope=\"row\">");
    put_text(page, name);
    buffer_printf(page, "</th><td%s>", json_is_number(value) ? " class=\"n\"" : "");
    put_value(page, value);
    buffer_printf(page, "</td></tr>\n");
}

/* What somebody sees who looks at nothing else. */
static void put_result(struct buffer *page, const json_t *facts)
{
    size_t warnings = json_array_size(json_object_get(facts, "Warnings"));
    const json_t *took = json_object_get(facts, "Seconds");
    bool done = strcmp(text_of(facts, "Result"), "done") == 0;
    const char *pool = text_of(json_object_get(facts, "Parameters"), "PoolFqdn");
    bool rehearsed = json_is_true(json_object_get(json_object_get(facts, "Parameters"), "WhatIf"));
    const char *sentence = !done       ? "It failed. What went wrong stands below."
                           : rehearsed ? "Nothing was done: this says what would be done."
                                       : "It was done.";
    buffer_printf(page, "<h1>");
    put_text(page, text_of(facts, "Command"));
    if (*pool)
        buffer_printf(page, " ");
    put_text(page, pool);
    const char *class = !done ? "failed" : warnings ? "warned" : "done";
    buffer_printf(page, "</h1>\n<p class=\"result %s\">%s", class, sentence);
    if (done && !rehearsed && json_is_real(took))
        buffer_printf(page, " It took %.3f s.", json_real_value(took));
    if (done && warnings)
        buffer_printf(page, " %s %s below.", COUNTED(warnings, "warning"),
                      count_word(warnings, "stands", "stand"));
    buffer_printf(page, "</p>\n");
}

static void put_errors(struct buffer *page, const json_t *errors)
{
    static const char *const parts[] = {"what", "kept", "next"};
    if (json_array_size(errors))
        buffer_printf(page, "<h2>Errors</h2>\n");
    for (size_t i = 0; i < json_array_size(errors); i++) {
        buffer_printf(page, "<div class=\"error\">");
        for (size_t part = 0; part < COUNT_OF(parts); part++) {
            const char *sentence = text_of(json_array_get(errors, i), parts[part]);
            if (!*sentence)
                continue;
            buffer_printf(page, "<p class=\"%s\">", parts[part]);
            put_text(page, sentence);
            buffer_printf(page, "</p>");
        }
        buffer_printf(page, "</div>\n");
    }
}

static void put_sentences(struct buffer *page, const char *title, const char *class,
                          const json_t *list)
{
    if (json_array_size(list))
        buffer_printf(page, "<h2>%s</h2>\n", title);
    for (size_t i = 0; i < json_array_size(list); i++) {
        buffer_printf(page, "<p class=\"%s\">", class);
        put_value(page, json_array_get(list, i));
        buffer_printf(page, "</p>\n");
    }
}

static void put_steps(struct buffer *page, const json_t *steps)
{
    if (!json_array_size(steps))
        return;
    buffer_printf(page, "<h2>Steps</h2>\n<table><thead><tr><th>Step</th><th>Began</th>"
                        "<th class=\"n\">Seconds</th><th>Result</th></tr></thead><tbody>\n");
    for (size_t i = 0; i < json_array_size(steps); i++) {
        static const char *const columns[] = {"Name", "Began", "Seconds", "Result"};
        const json_t *step = json_array_get(steps, i);
        buffer_printf(page, "<tr>");
        for (size_t n = 0; n < COUNT_OF(columns); n++) {
            const json_t *value = json_object_get(step, columns[n]);
            buffer_printf(page, "<td%s>", json_is_number(value) ? " class=\"n\"" : "");
            put_value(page, value);
            buffer_printf(page, "</td>");
        }
        buffer_printf(page, "</tr>\n");
    }
    buffer_printf(page, "</tbody></table>\n");
}

static void put_figures(struct buffer *page, const json_t *figures)
{
    if (!json_array_size(figures))
        return;
    buffer_printf(page, "<h2>Counted and found</h2>\n<table><tbody>\n");
    for (size_t i = 0; i < json_array_size(figures); i++) {
        const json_t *figure = json_array_get(figures, i);
        put_row(page, text_of(figure, "Name"), json_object_get(figure, "Value"));
    }
    buffer_printf(page, "</tbody></table>\n");
}

static void put_circumstances(struct buffer *page, const json_t *facts)
{
    static const struct {
        const char *name, *title;
    } rows[] = {{"Began", "Began"},
                {"Ended", "Ended"},
                {"Seconds", "Seconds"},
                {"GivenBy", "Given by"},
                {"GivenFrom", "Given from"},
                {"Pool", "Pool"},
                {"CarriedOutBy", "Carried out by"},
                {"Version", "Version of Pollux"}};
    const char *name;
    json_t *value;
    buffer_printf(page, "<h2>When, where and by whom</h2>\n<table><tbody>\n");
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        put_row(page, rows[i].title, json_object_get(facts, rows[i].name));
    json_object_foreach(json_object_get(facts, "Parameters"), name, value)
    {
        OWNED(free_memory) char *title = xasprintf("-%s", name);
        put_row(page, title, value);
    }
    buffer_printf(page, "</tbody></table>\n");
}

static void put_head(struct buffer *page, const json_t *facts)
{
    buffer_printf(page,
                  "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n"
                  "<head><meta charset=\"utf-8\"/>\n%s\n"
                  "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                  "style-src 'unsafe-inline'\"/>\n"
                  "<meta name=\"viewport\" content=\"width=device-width\"/>\n<title>",
                  mark);
    put_text(page, text_of(facts, "Command"));
    buffer_printf(page, ", ");
    put_text(page, text_of(facts, "Began"));
    buffer_printf(page, "</title>\n<style>\n%s</style></head>\n<body>\n", style);
}

char *report_page(const json_t *facts)
{
    struct buffer page = {0};
    put_head(&page, facts);
    put_result(&page, facts);
    put_errors(&page, json_object_get(facts, "Errors"));
    put_sentences(&page, "Warnings", "warning", json_object_get(facts, "Warnings"));
    put_sentences(&page, "What would be done", "whatif", json_object_get(facts, "WhatIf"));
    put_figures(&page, json_object_get(facts, "Figures"));
    put_steps(&page, json_object_get(facts, "Steps"));
    put_circumstances(&page, facts);
    buffer_printf(&page, "<script type=\"application/json\" id=\"facts\">");
    put_json(&page, facts);
    buffer_printf(&page, "</script>\n</body></html>\n");
    return buffer_take_text(&page);
}

bool report_is_page(struct bytes beginning)
{
    size_t size = beginning.size < REPORT_MARK_BYTES ? beginning.size : REPORT_MARK_BYTES;
    return size > 0 && memmem(beginning.at, size, mark, strlen(mark)) != NULL;
}
