"""Security Hub as an inventory saw it: administrators, hubs, members, standards, aggregator, central configuration."""

from pydantic import Field

from runbook_lib.rehearsal.account_sets import Administered, Part, Sets, only_administrator
from runbook_lib.rehearsal.operations.securityhub.associating import associate
from runbook_lib.rehearsal.operations.securityhub.catalogue import OFFERED
from runbook_lib.rehearsal.operations.securityhub.membership import new_member
from runbook_lib.rehearsal.operations.securityhub.state import Administration, Aggregator, Central, state_of
from runbook_lib.rehearsal.operations.securityhub.switching import subscribe, switch_on
from runbook_lib.rehearsal.world import Settling, World, settled

ASSOCIATED = ("Enabled", "Created")


class SeenAggregator(Part):
    account: str
    arn: str
    home: str
    mode: str
    regions: tuple[str, ...] = ()


class SeenConfiguration(Part):
    """How accounts that join are treated; `kind` CENTRAL where policies decide it."""

    auto_enable: bool = False
    standards: str = "DEFAULT"
    kind: str = ""
    status: str | None = None


class SeenRegion(Administered):
    hubs: tuple[str, ...] = ()
    configuration: SeenConfiguration = SeenConfiguration()
    standards: dict[str, dict[str, tuple[str, str]]] = Field(default={})
    """Account → standard → status and its reason."""


class Seen(Part):
    regions: dict[str, SeenRegion] = Field(default={})
    aggregator: SeenAggregator | None = None


def put(world: World, seen: Seen, sets: Sets) -> None:
    for region, found in seen.regions.items():
        _region(world, region, found, sets)
    if (one := seen.aggregator) is not None:
        state_of(world).aggregators[one.account] = Aggregator(one.arn, one.account, one.home, one.mode, list(one.regions))


def _region(world: World, region: str, found: SeenRegion, sets: Sets) -> None:
    state = state_of(world)
    for account in found.hubs:
        switch_on(world, account, region, default_standards=False)
    if (designated := only_administrator(found)) is not None:
        account, leaving = designated
        administration = Administration(
            account, settled("yes"), leaving=world.settling("DISABLE_IN_PROGRESS", "") if leaving else None
        )
        state.administrations[region] = administration
        _configure(world, region, administration, found.configuration)
        for status, said in found.members.items():
            for member in sets.accounts(said):
                _member(world, account, region, member, status)
    for account, standards in found.standards.items():
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


def _configure(world: World, region: str, administration: Administration, said: SeenConfiguration) -> None:
    administration.auto_enable = said.auto_enable
    administration.auto_enable_standards = said.standards
    if said.kind == "CENTRAL":
        status = said.status or "ENABLED"
        state_of(world).central = state_of(world).central or Central(region, Settling(status, status, 0))
    elif said.status == "DISABLED":
        world.variants["securityhub organizations policy"] = "on"


def _standard(world: World, account: str, region: str, item: str, status: str) -> None:
    name, _, version = item.rpartition("/")
    offered = next((each for each in OFFERED if (each.name, each.version) == (name, version)), None)
    if offered is None or (account, region) not in state_of(world).hubs:
        return
    subscription = subscribe(world, account, region, offered)
    if status != "PENDING":
        subscription.enabling = Settling("SETTLED", "SETTLED", 0)
