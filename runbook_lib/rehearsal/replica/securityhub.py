"""Security Hub as an inventory saw it: administrators, hubs, members, standards, aggregator, central configuration."""

from collections.abc import Mapping
from typing import Any

from runbook_lib.rehearsal.operations.securityhub.associating import associate
from runbook_lib.rehearsal.operations.securityhub.catalogue import OFFERED
from runbook_lib.rehearsal.operations.securityhub.membership import new_member
from runbook_lib.rehearsal.operations.securityhub.state import Administration, Aggregator, Central, state_of
from runbook_lib.rehearsal.operations.securityhub.switching import subscribe, switch_on
from runbook_lib.rehearsal.replica.sets import Sets, only_administrator
from runbook_lib.rehearsal.world import Settling, World

ASSOCIATED = ("Enabled", "Created")


def put(world: World, seen: Mapping[str, Any], sets: Sets) -> None:
    for region, found in seen.get("regions", {}).items():
        _region(world, region, found, sets)
    if aggregator := seen.get("aggregator"):
        account, home = str(aggregator["account"]), str(aggregator["home"])
        state_of(world).aggregators[account] = Aggregator(
            str(aggregator["arn"]), account, home, aggregator["mode"], list(aggregator.get("regions", ()))
        )


def _region(world: World, region: str, found: Mapping[str, Any], sets: Sets) -> None:
    state = state_of(world)
    for account in found.get("hubs", ()):
        switch_on(world, account, region, default_standards=False)
    if (designated := only_administrator(found)) is not None:
        account, leaving = designated
        administration = Administration(account, 0, leaving=world.settling("DISABLE_IN_PROGRESS", "") if leaving else None)
        state.administrations[region] = administration
        _configure(world, region, administration, found.get("configuration") or {})
        for status, said in found.get("members", {}).items():
            for member in sets.accounts(said):
                _member(world, account, region, member, status)
    for account, standards in found.get("standards", {}).items():
        for item, (status, _) in standards.items():
            _standard(world, account, region, item, status)


def _member(world: World, administrator: str, region: str, account: str, status: str) -> None:
    member = new_member(world, administrator, account, status)
    if status in ASSOCIATED:
        associate(world, region, member)
    else:
        state_of(world).members_of(administrator, region)[account] = member
    if status == "Enabled":
        switch_on(world, account, region, default_standards=False)


def _configure(world: World, region: str, administration: Administration, said: Mapping[str, Any]) -> None:
    administration.auto_enable = bool(said.get("auto_enable", False))
    administration.auto_enable_standards = str(said.get("standards", "DEFAULT"))
    if said.get("kind") == "CENTRAL":
        status = str(said.get("status", "ENABLED"))
        state_of(world).central = state_of(world).central or Central(region, Settling(status, status, 0))
    elif said.get("status") == "DISABLED":
        world.variants["securityhub organizations policy"] = "on"


def _standard(world: World, account: str, region: str, item: str, status: str) -> None:
    name, _, version = item.rpartition("/")
    offered = next((each for each in OFFERED if (each.name, each.version) == (name, version)), None)
    if offered is None or (account, region) not in state_of(world).hubs:
        return
    subscription = subscribe(world, account, region, offered)
    if status != "PENDING":
        subscription.enabling = Settling("SETTLED", "SETTLED", 0)
