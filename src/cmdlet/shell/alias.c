#include "cmdlet/shell/alias.h"

#include <stddef.h>
#include <strings.h>

#include "base/memory.h"

static const char *const aliases[][2] = {
    {"fl", "Format-List"},     {"ft", "Format-Table"},   {"select", "Select-Object"},
    {"where", "Where-Object"}, {"?", "Where-Object"},    {"measure", "Measure-Object"},
    {"help", "Get-Help"},      {"man", "Get-Help"},      {"gcm", "Get-Command"},
    {"sort", "Sort-Object"},   {"%", "ForEach-Object"},  {"foreach", "ForEach-Object"},
    {"gm", "Get-Member"},      {"echo", "Write-Output"}, {"sleep", "Start-Sleep"},
    {"ipmo", "Import-Module"},
};

const char *alias_of(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(aliases); i++) {
        if (strcasecmp(name, aliases[i][0]) == 0)
            return aliases[i][1];
    }
    return name;
}
