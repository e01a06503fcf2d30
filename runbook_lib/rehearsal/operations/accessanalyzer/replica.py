"""Access Analyzer as an inventory saw it: the analyzers of the accounts that were looked into."""

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from runbook_lib.rehearsal.account_sets import Accounts, Part, Sets, state
from runbook_lib.rehearsal.operations.accessanalyzer.configuration import defaults
from runbook_lib.rehearsal.operations.accessanalyzer.state import Analyzer, state_of
from runbook_lib.rehearsal.world import World


class SeenAnalyzer(Part):
    account: str
    name: str
    type: str
    status: str = "ACTIVE"
    reason: str = ""
    managed_by: str = ""
    unused_access_age: Annotated[int, Field(strict=True)] | None = None
    excluded: Accounts = ()


class SeenRegion(Part):
    analyzers: tuple[SeenAnalyzer, ...] = ()

    def lists(self) -> Iterator[tuple[tuple[str, ...], Accounts]]:
        """Every list of accounts, with its keys."""
        yield from ((("analyzers", str(number), "excluded"), each.excluded) for number, each in enumerate(self.analyzers))


class Seen(Part):
    regions: dict[str, SeenRegion] = Field(default={})


def put(world: World, seen: Seen, sets: Sets) -> None:
    for region, found in seen.regions.items():
        for each in found.analyzers:
            made = Analyzer(each.account, region, each.name, each.type, state(world, each.status), world.now())
            made.reason, made.managed_by, made.configuration = each.reason, each.managed_by, defaults(each.type)
            if unused := made.configuration.get("unusedAccess"):
                unused["unusedAccessAge"] = each.unused_access_age or unused["unusedAccessAge"]
                if excluded := list(sets.accounts(each.excluded)):
                    unused["analysisRule"] = {"exclusions": [{"accountIds": excluded}]}
            state_of(world).of(each.account, region)[each.name] = made
