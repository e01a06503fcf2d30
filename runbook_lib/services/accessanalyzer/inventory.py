"""Access Analyzer as an inventory writes it."""

from typing import Any

from runbook_lib.services.accessanalyzer.state import Analyzer, RegionState, State
from runbook_lib.services.inventory import Writer, filled


def written(state: State, writer: Writer) -> dict[str, Any]:
    """The analyzers of the delegated and of the management account."""
    return {"regions": {region: _region(seen, writer) for region, seen in state.regions.items()}}


def _region(seen: RegionState, writer: Writer) -> dict[str, Any]:
    found = [each for account in (seen.own, seen.management) for each in writer.known(account) or ()]
    return filled({"analyzers": [_analyzer(each, writer) for each in found]})


def _analyzer(each: Analyzer, writer: Writer) -> dict[str, Any]:
    about: dict[str, Any] = {"account": each.owner, "name": each.name, "type": each.kind, "status": each.status}
    about |= {key: value for key, value in (("reason", each.reason), ("managed_by", each.managed_by)) if value}
    if configuration := writer.known(each.configuration):
        about |= {"unused_access_age": configuration.age}
        about |= {"excluded": writer.lists.of(configuration.excluded)} if configuration.excluded else {}
    return about
