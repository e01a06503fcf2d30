"""GuardDuty as settings that ask for what is there."""

from collections.abc import Callable, Sequence
from typing import Any

from runbook_lib.base.documents import Path
from runbook_lib.coverage import Cells
from runbook_lib.services.as_found import AsFound, Asked, agreed, at_key, differing, put, shown
from runbook_lib.services.guardduty.spec import SPEC
from runbook_lib.services.guardduty.state import State
from runbook_lib.services.guardduty.wanted import NEWER, OLDER, ORGANIZATION_FEATURES
from runbook_lib.services.view import View
from runbook_lib.settings.sections.guardduty import AGENTS_OF

FREQUENCY, AUTOMATIC, FEATURES, EXPORT = "publishing frequency", "auto-enable", "features", "export"
ON, NONE = "ENABLED", "NONE"


def _of_feature(key: str) -> Callable[[str], Path]:
    """The place of a feature's or an agent's key; of the whole service's where there is no item."""

    def path(item: str) -> Path:
        name, _, agent = item.partition("/")
        return ("features", name, *(("agents", agent) if agent else ()), key) if item else (key,)

    return path


def _known(item: str) -> bool:
    """Whether settings have a key for it: what AWS has always on, or calls by a name of its own, they have not."""
    name, _, agent = item.partition("/")
    return name in ORGANIZATION_FEATURES and (not agent or agent in AGENTS_OF.get(name, ()))


def _asking(_: State, view: View, cells: Cells) -> Asked:
    """Features that are on in every account alike, auto-enable where all Regions agree, and how often findings are published."""
    section: dict[str, Any] = {}
    notes: list[str] = []
    if frequency := agreed(cells, FREQUENCY):
        section["publishing_frequency"] = frequency
    whole = agreed(cells, AUTOMATIC)
    if whole:
        section["auto_enable"] = whole
    elif split := differing(cells, AUTOMATIC):
        notes.append(f"auto_enable: {split}")
    everywhere = _everywhere(view, cells, notes)
    for item in sorted({cell.item for cell in shown(cells, AUTOMATIC) if _known(cell.item)}):
        choice = agreed(cells, AUTOMATIC, item)
        if split := differing(cells, AUTOMATIC, item):
            notes.append(f"auto_enable of {item}: {split}")
        elif whole and choice and (choice != NONE or item in everywhere):
            put(section, _of_feature("auto_enable")(item), choice)
    for item in everywhere:
        put(section, _of_feature("enabled")(item), True)
    features = section.get("features", {})
    if NEWER in features and features.pop(OLDER, None):
        notes.append(f"{OLDER}: {NEWER} includes it, and AWS refuses the two together")
    notes += [f"export: findings of {cell.region} go to {cell.observed}" for cell in shown(cells, EXPORT)]
    return section, tuple(notes)


def _everywhere(view: View, cells: Cells, notes: list[str]) -> list[str]:
    """The items that are on in all accounts of all Regions; of the others that are on, `notes` get where."""
    on: dict[str, dict[str, frozenset[str]]] = {}
    for cell in shown(cells, FEATURES):
        if _known(cell.item) and cell.observed == ON:
            regions = on.setdefault(cell.item, {})
            regions[cell.region] = regions.get(cell.region, frozenset()) | cell.accounts
    asked = {region: view.population.members[region] | {view.delegated} for region in view.population.regions}
    total, found = sum(map(len, asked.values())), []
    for item, regions in sorted(on.items()):
        here = sum(len(regions.get(region, frozenset()) & accounts) for region, accounts in asked.items())
        if here == total:
            found.append(item)
        else:
            notes.append(f"{item}: on in {here:,} of {total:,} places (accounts in Regions)")
    return [item for item in found if "/" not in item or item.partition("/")[0] in found]


def _goal(regions: Sequence[str]) -> dict[str, Any]:
    on = {"auto_enable": "NEW", "enabled": True}
    return {
        "regions": list(regions),
        "management_account": True,
        "auto_enable": "NEW",
        "features": {name: dict(on) for name in ("S3_DATA_EVENTS", "RDS_LOGIN_EVENTS", "LAMBDA_NETWORK_LOGS")},
        "publishing_frequency": "FIFTEEN_MINUTES",
    }


AS_FOUND = AsFound(
    spec=SPEC,
    rests_on=frozenset({"administrator", "detector", "membership"}),
    keys={
        FREQUENCY: at_key("publishing_frequency"),
        AUTOMATIC: _of_feature("auto_enable"),
        FEATURES: _of_feature("enabled"),
        EXPORT: at_key("export"),
    },
    asking=_asking,
    goal=_goal,
)
