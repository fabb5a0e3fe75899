/* What Get-CsBackupServiceStatus says of the files of conferences, beside what it says of their
 * manifests. */
#ifndef POLLUX_ADMIN_BACKUP_CONTENT_H
#define POLLUX_ADMIN_BACKUP_CONTENT_H

#include <jansson.h>

#include "pool/exporting.h"

/* Into the details of a home's module: what is to be done still, and what was done. Of other
 * modules nothing. */
void backup_content_describe(const struct front_end *fe, const char *home, enum module module,
                             json_t *detail);
/* The same of the other side, as it said itself last. */
void backup_content_describe_partner(const struct exporting *x, json_t *detail);
/* For whoever reads only the answer's first lines: how many files are to be brought where they
 * belong, here and at the partner. NULL: none. */
json_t *backup_content_progress(const json_t *details);

#endif
