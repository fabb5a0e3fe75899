/* What a configuration must agree with: the topology that it names, and the files around it.
 * Private to the reading of configurations; `root` is the text that `c` was read from. */
#ifndef POLLUX_POOL_CONFIG_CHECK_H
#define POLLUX_POOL_CONFIG_CHECK_H

#include "conf/conf.h"
#include "pool/config.h"

/* Sets `self` and `database_path`. Does nothing if the topology could not be read. */
void config_check_topology(struct config *c, const struct conf_section *root,
                           struct faults *faults);

/* Looks at the files and folders. Changes nothing, on disk or in `c`. */
void config_check_files(const struct config *c, const struct conf_section *root,
                        struct faults *faults);

#endif
