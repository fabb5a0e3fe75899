#include "cmdlet/elsewhere.h"

#include <strings.h>

#include "base/memory.h"

#define MIRRORS                                                                                    \
    "No database has a mirror here: the backup pool has the copy. Invoke-CsPoolFailOver and "      \
    "Invoke-CsManagementServerFailover have it serve."
#define INTO_A_FILE                                                                                \
    "Type the command on the Unix shell, where it is a program: Get-CsPool > FILE, or "            \
    "Get-CsPool -Output Json > FILE"
#define SERVICES                                                                                   \
    "Stop-CsPool and Start-CsPool end and begin the service of a pool; polluxd itself is "         \
    "systemd's: systemctl status polluxd"
#define ANY_MACHINE                                                                                \
    "A command can be typed on any machine of the deployment: it is passed on to the pool that "   \
    "carries it out."

static const struct {
    const char *name, *instead;
} known[] = {
    {"Move-CsUser",
     "A user stays with the pool that he was enabled for: to another one he is taken "
     "by Export-CsUserData, Disable-CsUser, Enable-CsUser, Set-CsClientPin and "
     "Import-CsUserData."},
    {"Invoke-CsDatabaseFailover", MIRRORS},
    {"Install-CsMirrorDatabase", MIRRORS},
    {"Uninstall-CsMirrorDatabase", MIRRORS},
    {"Get-CsDatabaseMirrorState", MIRRORS},
    {"Enable-CsTopology", "Publish-CsTopology is all that it takes."},
    {"Start-CsWindowsService", SERVICES},
    {"Stop-CsWindowsService", SERVICES},
    {"Get-CsWindowsService", "Get-CsService shows what runs. " SERVICES},
    {"Restart-Service", SERVICES},
    {"Get-Service", SERVICES},
    {"Get-EventLog", "On the Unix shell: journalctl -u polluxd"},
    {"Get-WinEvent", "On the Unix shell: journalctl -u polluxd"},
    {"Import-Module", "All commands are here from the beginning: Get-Command lists them."},
    {"Invoke-Command", ANY_MACHINE},
    {"Enter-PSSession", ANY_MACHINE},
    {"New-PSSession", ANY_MACHINE},
    {"Out-File", INTO_A_FILE},
    {"Set-Content", INTO_A_FILE},
    {"Add-Content", INTO_A_FILE},
    {"Export-Csv", INTO_A_FILE},
    {"Export-Clixml", INTO_A_FILE},
    {"ConvertTo-Json", INTO_A_FILE},
    {"ConvertTo-Csv", INTO_A_FILE},
    {"Tee-Object",
     "Type the command on the Unix shell, where it is a program: Get-CsPool | tee FILE"},
    {"Out-GridView", "Format-Table shows objects as a table, Where-Object picks some of them."},
    {"Out-String", "Leave it out: what is shown is text."},
    {"Out-Null", "Assign it instead: $nothing = …"},
    {"Start-Transcript",
     "On the Unix shell: script FILE -c pollux. Commands that change much write "
     "a report: -Report FILE"},
    {"Stop-Transcript", "On the Unix shell: script FILE -c pollux"},
    {"New-TimeSpan", "A time span is written as it is: 00:05:00 for five minutes."},
    {"Get-Date", "On the Unix shell: date"},
    {"Clear-Host", "Ctrl-L clears the screen."},
    {"cls", "Ctrl-L clears the screen."},
    {"clear", "Ctrl-L clears the screen."},
};

const char *command_elsewhere(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (strcasecmp(name, known[i].name) == 0)
            return known[i].instead;
    }
    return NULL;
}
