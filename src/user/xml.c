#include "user/xml.h"

#include <stdio.h>
#include <stdlib.h>

#include <expat.h>

#include "base/random.h"
#include "base/utf8.h"

struct check {
    XML_Parser parser;
    unsigned depth;
    const char *objection;
};

static void object(struct check *check, const char *objection)
{
    check->objection = objection;
    XML_StopParser(check->parser, XML_FALSE);
}

static void on_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
    (void)name, (void)attributes;
    struct check *check = context;
    if (++check->depth > XML_DEPTH_MAX)
        object(check, "elements lie too deep inside of each other");
}

static void on_end(void *context, const XML_Char *name)
{
    (void)name;
    struct check *check = context;
    check->depth--;
}

static void on_document_type(void *context, const XML_Char *name, const XML_Char *system,
                             const XML_Char *public, int has_more)
{
    (void)name, (void)system, (void)public, (void)has_more;
    object(context, "a document type is not allowed");
}

enum xml_verdict xml_check(struct bytes text, char phrase[XML_PHRASE_SIZE])
{
    phrase[0] = '\0';
    if (!utf8_valid((const char *)text.at, text.size)) {
        snprintf(phrase, XML_PHRASE_SIZE, "The document is not UTF-8.");
        return XML_NOT_UTF8;
    }
    struct check check = {.parser = XML_ParserCreateNS("UTF-8", ' ')};
    if (!check.parser)
        abort();
    XML_SetHashSalt(check.parser, (unsigned long)random_u64());
    XML_SetUserData(check.parser, &check);
    XML_SetElementHandler(check.parser, on_start, on_end);
    XML_SetStartDoctypeDeclHandler(check.parser, on_document_type);
    bool good =
        XML_Parse(check.parser, (const char *)text.at, (int)text.size, XML_TRUE) == XML_STATUS_OK;
    if (!good)
        snprintf(phrase, XML_PHRASE_SIZE, "Line %lu: %s.",
                 (unsigned long)XML_GetCurrentLineNumber(check.parser),
                 check.objection ? check.objection
                                 : XML_ErrorString(XML_GetErrorCode(check.parser)));
    XML_ParserFree(check.parser);
    return good ? XML_GOOD : XML_NOT_WELL_FORMED;
}
