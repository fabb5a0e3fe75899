"""The runbooks of the original, typed from top to bottom as its documents print them: planned and
after a disaster, a pool and the Central Management Store, and files that one side lost. Whatever is
said must be what a tired person needs, and nothing else.

Prints TAP."""

import sys

from failovers import *
from test_content import Files
from web_client import Client, curl

tests.clear()

# As the document of Invoke-CsManagementServerFailover prints it, with its blank after the dash.
DISASTER_OF_CMS = ('Invoke-CsManagementServerFailover -BackupSqlServerFqdn "redmond-cs-001.litwareinc.com" '
                   '- BackupSqlInstanceName "RTC" -Force')
BLANK = "A blank stands behind the dash; it was understood as -BackupSqlInstanceName."
FILES = "ConfServices.DataConf"
STEADY = ("SteadyState", "FinalState")


def typed(world, line, at="redmond"):
    """Pasted on a Linux shell of a machine of the backup pool."""
    return run("bash", "-c", line, cwd=world.folder,
               env={**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}",
                    "POLLUX_SERVER": str(world[at].socket)})


def types(world, line, *sentences, at="redmond", warned=()):
    """It does what it should, and warns of nothing else."""
    outcome = typed(world, line, at).must(0, *sentences)
    lines = [said for said in outcome.err.splitlines() if said]
    unexpected = [said for said in lines if not any(word in said for word in warned)]
    assert not unexpected, f"{line} says besides: {unexpected}"
    for word in warned:
        assert word in outcome.err, f"{line} does not say {word!r}: {outcome}"
    return outcome


def refused(world, line, *sentences, at="redmond"):
    outcome = typed(world, line, at).must(1, *sentences)
    assert outcome.out == "", outcome
    return outcome


def status_is(world, pool, *words, module="", at="redmond"):
    """Typed again until it is so, as the documents tell."""
    line = f"Get-CsBackupServiceStatus -PoolFqdn {name_of(pool)}{module and ' -BackupModule ' + module}"
    return until(f"{line} to say {words}", lambda: any(
        f"OverallExportStatus : {word}\n" in types(world, line, at=at).out for word in words))


def begun(world):
    """A pair with users, one of whom shared a file."""
    world.build(["atl", "redmond"])
    files = {pool: Files(world, pool).configure() for pool in world.pools}
    world.begin()
    enable(world, "kenmyer")
    enable(world, "ann", "redmond")
    files["atl"].write("atl", "budget/plan.txt", "what nobody may lose")
    until("the file to be copied", lambda: files["redmond"].tree("atl"))
    return files


def signs_on_at(world, pool, name="kenmyer"):
    """The other pool says where that is; there everything works."""
    for other in world.pools:
        if other != pool and world[other].runs:
            curl(world, other, "/v1/session", "-X", "POST", "--basic", "-u", f"{name}:{SECRET}").must(
                307, f"Location: https://{name_of(pool)}:")
    Client(world, name, pool).ask("PUT", "/v1/settings", body={"at": pool}).must(200)


def where_it_is(world, pool):
    """Every machine that runs tells the same story."""
    for at in world.pools:
        if not world[at].runs:
            continue
        until(f"{at} to know that {pool} holds it", lambda: f"PoolFqdn      : {name_of(pool)}\n" in
              types(world, "Get-CsManagementConnection", at=at).out)
        services = types(world, "Get-CsService -CentralManagement", at=at).out.split("\n\n")
        active = [s for s in services if re.search(r"^Active +: True$", s, re.M)]
        assert len(active) == 1 and f"CentralManagement:{name_of(pool)}\n" in active[0], services
        types(world, "Get-CsManagementStoreReplicationStatus -CentralManagementStoreStatus",
              f"ActiveMasterFqdn  : {name_of(pool)}", at=at)


@test
def planned_the_store_first_and_then_the_pool(world):
    begun(world)
    signs_on_at(world, "atl")
    types(world, "Invoke-CsManagementServerFailover -WhatIf",
          f"The Central Management Store is held by {ATL}, in {ATL}\\RTC.",
          f"{REDMOND} would hold the Central Management Store")
    types(world, f'Get-CsPoolBackupRelationship -PoolFQDN "{ATL}"', REDMOND)
    until("the replicas to be up to date", lambda: "False" not in
          types(world, "Get-CsManagementStoreReplicationStatus", ATL, REDMOND).out)
    status_is(world, "atl", *STEADY)
    where_it_is(world, "atl")
    types(world, "Invoke-CsManagementServerFailover", "Verified       : True")
    where_it_is(world, "redmond")
    types(world, f'Invoke-CsPoolFailOver -PoolFqdn "{ATL}"', "Verified       : True")
    holds(world, "redmond")
    signs_on_at(world, "redmond")
    # What it was done for.
    world.stop("atl")
    types(world, "Set-CsUser -Identity kenmyer -DisplayName Kenneth")
    world.start("atl")
    world.wait_mode("atl", "atl", "Standby")
    status_is(world, "redmond", *STEADY)
    types(world, f'Invoke-CsPoolFailBack -PoolFqdn "{ATL}"', "Verified       : True", at="atl")
    holds(world, "atl")
    signs_on_at(world, "atl")
    # The store may stay where it is, or be brought back on a machine of the pool that it is to.
    where_it_is(world, "redmond")
    types(world, "Invoke-CsManagementServerFailover", "Verified       : True", at="atl")
    where_it_is(world, "atl")


@test
def planned_the_pool_alone_and_the_store_stays(world):
    begun(world)
    types(world, f'Invoke-CsPoolFailOver -PoolFqdn "{ATL}"', "Verified       : True",
          warned=[f"The Central Management Store is held by {ATL} and stays there."])
    where_it_is(world, "atl")
    types(world, f'Invoke-CsPoolFailBack -PoolFqdn "{ATL}"', "Verified       : True")


@test
def after_a_disaster_the_store_first_and_then_the_pool(world):
    files = begun(world)
    status_is(world, "atl", *STEADY)
    world.kill("atl")
    types(world, DISASTER_OF_CMS, warned=[BLANK, "did not give the home away"])
    where_it_is(world, "redmond")
    types(world, f'Invoke-CsPoolFailOver -PoolFqdn "{ATL}" -DisasterMode',
          warned=["did not give the home away"])
    signs_on_at(world, "redmond")
    types(world, "Set-CsUser -Identity kenmyer -DisplayName Kenneth")
    # A pool that lost its disk with the files of its conferences.
    for file in files["atl"].home("atl").glob("*/*"):
        file.unlink()
    world.start("atl")
    holds(world, "redmond", CENTRAL)
    holds(world, "redmond")
    types(world, f"Invoke-CsBackupServiceSync -PoolFqdn {REDMOND} -BackupModule {FILES}")
    status_is(world, "redmond", *STEADY, module=FILES)
    assert files["atl"].tree("atl") == files["redmond"].tree("atl") != {}
    types(world, f'Invoke-CsPoolFailBack -PoolFqdn "{ATL}"', "Verified       : True")
    signs_on_at(world, "atl")
    assert types(world, "Get-CsUser -Identity kenmyer", at="atl").out.count("Kenneth\n") == 1
    where_it_is(world, "redmond")


@test
def after_a_disaster_the_pool_first_says_how_the_store_is_taken(world):
    begun(world)
    status_is(world, "atl", *STEADY)
    world.kill("atl")
    until("redmond to have missed it", lambda: "ask there" not in
          typed(world, f"Get-CsBackupServiceStatus -PoolFqdn {ATL}").must(0, "ErrorState").out and
          not world.hears("redmond", "atl"))
    said = types(world, f'Invoke-CsPoolFailOver -PoolFqdn "{ATL}" -DisasterMode', warned=[
        "did not give the home away", f"The Central Management Store was held by {ATL}, too"])
    takeover = re.search(r"taken over as well: (Invoke-.*)", said.err)[1]
    types(world, takeover, warned=["did not give the home away"])
    types(world, "Set-CsUser -Identity kenmyer -DisplayName Kenneth")
    where_it_is(world, "redmond")


@test
def files_that_one_side_lost_come_back_from_the_other(world):
    """The documents' Pool1 is Atlanta."""
    files = begun(world)
    before = files["redmond"].tree("atl")
    for file in files["atl"].home("atl").glob("*/*"):
        file.unlink()
    types(world, f"Invoke-CsBackupServiceSync -PoolFqdn {REDMOND} -BackupModule {FILES}")
    status_is(world, "redmond", *STEADY, module=FILES)
    assert files["atl"].tree("atl") == files["redmond"].tree("atl") == before


@test
def while_nobody_holds_the_store_it_is_read_from_the_copies_and_changed_by_nobody(world):
    """And whoever wants to change something is told what to type, which works as it is told."""
    begun(world)
    status_is(world, "atl", *STEADY)
    everything = ["Get-CsUser", f"Get-CsPoolBackupRelationship -PoolFqdn {ATL}", "Get-CsTopology",
                  "Get-CsBackupServiceConfiguration", "Get-CsUserPoolInfo -Identity ann"]
    by_hand = lambda line: [said for said in typed(world, line).must(0).out.splitlines()
                            if "RunsByIt" not in said and "AnsweredBy" not in said]
    before = {line: by_hand(line) for line in everything}
    world.kill("atl")
    copy = f"{ATL}, which holds the Central Management Store, does not answer. This is what the copy"
    for line in everything * 2:  # at once, and when it is known to be silent
        types(world, line, warned=[f"{copy} at {REDMOND} has"])
        assert by_hand(line) == before[line], line
        world.wait_silent("redmond", "atl")
    said = refused(world, "Set-CsUser -Identity ann -DisplayName Anna",
                   f"{ATL}, which holds the Central Management Store, does not answer",
                   "Nothing was sent.", "If it is lost: Invoke-CsManagementServerFailover").err
    refused(world, "Get-CsManagementStoreReplicationStatus", "which holds the Central Management Store")
    refused(world, "Invoke-CsManagementServerFailover -WhatIf", f"{ATL}, which holds the home",
            f'-BackupSqlServerFqdn "{REDMOND}" -BackupSqlInstanceName "RTC" -Force')
    types(world, said.split("If it is lost: ")[1].strip(), warned=["did not give the home away"])
    types(world, "Set-CsUser -Identity ann -DisplayName Anna")


@test
def what_is_typed_twice_is_told_to_be_done(world):
    """At 3 a.m. nobody knows any more whether the first window had it."""
    begun(world)
    world.kill("atl")
    types(world, DISASTER_OF_CMS, warned=[BLANK, "did not give the home away"])
    already = f"{REDMOND} holds the Central Management Store already"
    refused(world, DISASTER_OF_CMS, already)
    types(world, f'Invoke-CsPoolFailOver -PoolFqdn "{ATL}" -DisasterMode',
          warned=["did not give the home away"])
    refused(world, f'Invoke-CsPoolFailOver -PoolFqdn "{ATL}" -DisasterMode', "failed over already")
    refused(world, "Invoke-CsManagementServerFailover", already)
    where_it_is(world, "redmond")
    world.start("atl")
    holds(world, "redmond", CENTRAL)
    for at in world.pools:
        refused(world, DISASTER_OF_CMS, already, at=at)
    holds(world, "redmond", CENTRAL)


if __name__ == "__main__":
    sys.exit(main())
