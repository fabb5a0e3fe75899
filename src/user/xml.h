/* Is it a well-formed XML document that does no harm to whoever reads it next? What it says, nobody
 * here understands. */
#ifndef POLLUX_USER_XML_H
#define POLLUX_USER_XML_H

#include "base/bytes.h"

enum { XML_DEPTH_MAX = 64, XML_PHRASE_SIZE = 160 };

enum xml_verdict { XML_GOOD, XML_NOT_WELL_FORMED, XML_NOT_UTF8 };

/* UTF-8, no document type (so there are no entities to expand), not deeper than XML_DEPTH_MAX. The
 * phrase says what is wrong, and in which line. */
enum xml_verdict xml_check(struct bytes text, char phrase[XML_PHRASE_SIZE]);

#endif
