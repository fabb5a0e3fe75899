/* What scripts do besides giving commands about pools: Write-Output, Write-Host, Start-Sleep,
 * Import-Module. */
#ifndef POLLUX_CMDLET_SHELL_SCRIPT_COMMAND_H
#define POLLUX_CMDLET_SHELL_SCRIPT_COMMAND_H

#include "cmdlet/shell/stage.h"

void script_write_output(struct stage *stage);
void script_write_host(struct stage *stage);
enum failure script_sleep_check(const struct binding *b, struct error *e);
void script_sleep(struct stage *stage);
void script_import_module(struct stage *stage);

#endif
