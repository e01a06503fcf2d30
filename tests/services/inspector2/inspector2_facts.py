"""What accounts have of Inspector in a simulated world: each fact as a set of (account, Region)."""

from typing import Any

from runbook_lib.rehearsal.internal import run
from runbook_lib.rehearsal.operations.inspector2.state import InspectorState, state_of
from runbook_lib.rehearsal.world import World
from runbook_lib.settings.sections.inspector2 import InspectorSection

FOR_GOOD = frozenset({"filters", "paths", "reached"})
"""What coming back does not bring back."""


def facts(world: World) -> dict[str, set[tuple[str, str]]]:
    state = state_of(world)
    led = {region: each.account for region, each in state.administrators.items() if each.leaving is None}
    return {
        "administrator": {(account, region) for region, account in led.items()},
        "new accounts": {(account, region) for region, account in led.items() if any(state.organization(region).flags.values())},
        "reached": {
            (member, region) for region, account in led.items() for member in state.members_of(region)
            if state.associated(member, region) and (state.paths.get(region) or _suppressing(state, account, region))
        },
        "filters": {place for place, filters in state.filters.items() if filters},
        "paths": {("", region) for region, paths in state.paths.items() if paths},
        "on": {place for place, found in state.scanning.items() if any(found.now(kind) != "DISABLED" for kind in found.scans)},
        "watched": {
            (account, region) for region in led for account in state.members_of(region) if state.associated(account, region)
        },
    }  # fmt: skip


def _suppressing(state: InspectorState, account: str, region: str) -> bool:
    return any(each["action"] == "SUPPRESS" for each in state.filters.get((account, region), {}).values())


def keep(world: World) -> None:
    """In one Region a suppression rule and another filter; in the other one a path of deep inspection."""
    first, second = sorted(state_of(world).administrators)[:2]
    account = state_of(world).administrators[first].account
    for name, action in (("accepted-risk", "SUPPRESS"), ("only-looks", "NONE")):
        run(world, "inspector2", "CreateFilter", account, first, {"name": name, "action": action, "filterCriteria": {}})
    run(world, "inspector2", "UpdateOrgEc2DeepInspectionConfiguration", account, second, {"orgPackagePaths": ["/opt/own"]})


NOTES = {
    "administrator suppression rules and deep-inspection paths": (
        "us-east-1: suppression rules accepted-risk; us-east-2: deep-inspection paths /opt/own."
    ),
    "Inspector suppression rules and filters of the administrator": (
        "us-east-1: suppression rules accepted-risk, filters only-looks."
    ),
    "Inspector deep-inspection paths of the organization": "us-east-2: deep-inspection paths /opt/own.",
}
READING = "inspector2:ListFilters"


def emptied(world: World) -> None:
    state_of(world).filters.clear()
    state_of(world).paths.clear()


def standing(session: Any, member: str) -> list[str]:
    """What the list of members says of one, where it has it."""
    rows = session.client("inspector2").list_members(onlyAssociated=False)["members"]
    return [row["relationshipStatus"] for row in rows if row["accountId"] == member]


def lowered(section: InspectorSection) -> InspectorSection:
    """Fewer scan types than are on."""
    return section.model_copy(update={"new_accounts": ("EC2", "ECR"), "existing_accounts": ("EC2", "ECR")})
