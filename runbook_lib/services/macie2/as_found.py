"""Macie as settings that ask for what is there."""

from collections.abc import Sequence
from typing import Any

from runbook_lib.base.documents import Path
from runbook_lib.coverage import Cells
from runbook_lib.services.as_found import AsFound, Asked, agreed, at_key, differing, put, shown
from runbook_lib.services.macie2.discovery import ACCOUNTS, OFF, ORGANIZATION
from runbook_lib.services.macie2.spec import SPEC
from runbook_lib.services.macie2.state import State
from runbook_lib.services.view import View

FREQUENCY, AUTOMATIC, PUBLICATION, EXPORT = "publishing frequency", "auto-enable", "findings publication", "export"
DISCOVERY = "automated discovery"


def _asking(_: State, view: View, cells: Cells) -> Asked:
    """Auto-enable, frequency, what is published and discovered, each where all Regions agree."""
    section: dict[str, Any] = {}
    notes: list[str] = []
    if frequency := agreed(cells, FREQUENCY):
        section["publishing_frequency"] = frequency
    if (automatic := agreed(cells, AUTOMATIC)) in ("on", "off"):
        section["auto_enable"] = automatic == "on"
    for item in ("policy", "sensitive data"):
        if value := agreed(cells, PUBLICATION, item):
            put(section, _published(item), value == "on")
    members = agreed(cells, DISCOVERY, ORGANIZATION)
    if members and members != OFF:
        section["automated_discovery"] = {"members": members}
        if members != "ALL" and _everywhere(view, cells):
            section["automated_discovery"]["existing_accounts"] = True
    for aspect, item in (
        (FREQUENCY, ""),
        (AUTOMATIC, ""),
        (PUBLICATION, "policy"),
        (PUBLICATION, "sensitive data"),
        (DISCOVERY, ORGANIZATION),
    ):
        if split := differing(cells, aspect, item):
            notes.append(f"{aspect} {item}".strip() + f": {split}")
    notes += [f"export: results of {cell.region} go to {cell.observed}" for cell in shown(cells, EXPORT)]
    return section, tuple(notes)


def _everywhere(view: View, cells: Cells) -> bool:
    """Whether automated discovery is on in every account of every Region."""
    on = {(cell.region, account) for cell in shown(cells, DISCOVERY) if cell.item == ACCOUNTS for account in cell.accounts}
    places = {(region, account) for region in view.population.regions for account in view.population.members[region]}
    return on >= places | {(region, view.delegated) for region in view.population.regions}


def _published(item: str) -> Path:
    return ("publication", item.replace(" ", "_"))


def _goal(regions: Sequence[str]) -> dict[str, Any]:
    return {
        "regions": list(regions),
        "management_account": True,
        "auto_enable": True,
        "publishing_frequency": "FIFTEEN_MINUTES",
        "publication": {"policy": True, "sensitive_data": True},
    }


AS_FOUND = AsFound(
    spec=SPEC,
    rests_on=frozenset({"administrator", "session", "membership"}),
    keys={
        FREQUENCY: at_key("publishing_frequency"),
        AUTOMATIC: at_key("auto_enable"),
        PUBLICATION: _published,
        EXPORT: at_key("export"),
        DISCOVERY: lambda item: ("automated_discovery", "existing_accounts") if item == ACCOUNTS else ("automated_discovery",),
    },
    asking=_asking,
    goal=_goal,
)
