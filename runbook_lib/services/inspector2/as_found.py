"""Inspector as settings that ask for what is there."""

from collections.abc import Sequence
from typing import Any

from runbook_lib.coverage import Cells
from runbook_lib.services.as_found import AsFound, Asked, agreed, at_key, differing, shown
from runbook_lib.services.inspector2.spec import NAME, SPEC
from runbook_lib.services.inspector2.state import SCAN_TYPES, State
from runbook_lib.services.offers import offered
from runbook_lib.services.view import View

MODE, RESCAN, TYPES, AUTOMATIC = "ec2 scan mode", "ecr re-scan", "scan types", "auto-enable"


def _asking(_: State, view: View, cells: Cells) -> Asked:
    """Scan types that are on in every account alike, and for accounts that join; scan mode and re-scan where Regions agree."""
    section: dict[str, Any] = {}
    notes: list[str] = []
    existing, split = _existing(view, cells)
    notes += [f"existing_accounts: {each}" for each in split]
    if existing and not split:
        section["existing_accounts"] = existing
    automatic = {each: agreed(cells, AUTOMATIC, each) for each in SCAN_TYPES}
    varying = [f"new_accounts: {each} is {found}" for each in SCAN_TYPES if (found := differing(cells, AUTOMATIC, each))]
    notes += varying
    if not varying and "not read" not in automatic.values():
        section["new_accounts"] = [each for each, value in automatic.items() if value == "on"]
    for key, aspect in (("ec2_scan_mode", MODE), ("ecr_rescan_duration", RESCAN)):
        if value := agreed(cells, aspect):
            section[key] = value
        elif found := differing(cells, aspect):
            notes.append(f"{key}: {found}")
    return section, tuple(notes)


def _existing(view: View, cells: Cells) -> tuple[list[str], list[str]]:
    """The scan types that are on in all accounts of all Regions that have them; and where others are on."""
    found, split = [], []
    for scan_type in SCAN_TYPES:
        asked = {
            (region, account)
            for region in view.population.regions
            if offered(NAME, scan_type, region)
            for account in (*view.population.members[region], view.delegated)
        }
        on = {(cell.region, account) for cell in shown(cells, TYPES) if cell.item == scan_type for account in cell.accounts}
        if on and on >= asked:
            found.append(scan_type)
        elif on:
            split.append(f"{scan_type} is on in {len(on):,} of {len(asked):,} places (accounts in Regions)")
    return found, split


def _goal(regions: Sequence[str]) -> dict[str, Any]:
    return {
        "regions": list(regions),
        "management_account": True,
        "existing_accounts": ["EC2", "ECR", "LAMBDA"],
        "new_accounts": ["EC2", "ECR", "LAMBDA"],
        "ec2_scan_mode": "EC2_HYBRID",
    }


AS_FOUND = AsFound(
    spec=SPEC,
    rests_on=frozenset({"administrator", "membership"}),
    keys={
        MODE: at_key("ec2_scan_mode"),
        RESCAN: at_key("ecr_rescan_duration"),
        TYPES: at_key("existing_accounts"),
        AUTOMATIC: at_key("new_accounts"),
    },
    asking=_asking,
    goal=_goal,
)
