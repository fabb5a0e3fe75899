/* A command's secret that was not typed with it: read from an open file, or asked for. */
#ifndef POLLUX_CMDLET_SHELL_SECRET_H
#define POLLUX_CMDLET_SHELL_SECRET_H

#include "cmdlet/bind.h"

/* Binds it, if the command has one. `*got`: its name, if it was got here; else NULL. */
enum failure secret_get(struct binding *binding, const char **got, struct error *e);

#endif
