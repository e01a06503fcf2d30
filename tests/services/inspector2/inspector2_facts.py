"""What accounts have of Inspector in a simulated world: each fact as a set of (account, Region)."""

from typing import Any

from runbook_lib.rehearsal.operations.inspector2.state import state_of
from runbook_lib.rehearsal.world import World
from runbook_lib.settings.sections.inspector2 import InspectorSection


def facts(world: World) -> dict[str, set[tuple[str, str]]]:
    state = state_of(world)
    led = {region: each.account for region, each in state.administrators.items() if each.leaving is None}
    return {
        "administrator": {(account, region) for region, account in led.items()},
        "new accounts": {(account, region) for region, account in led.items() if any(state.organization(region).flags.values())},
        "on": {place for place, found in state.scanning.items() if any(found.now(kind) != "DISABLED" for kind in found.scans)},
        "watched": {
            (account, region) for region in led for account in state.members_of(region) if state.associated(account, region)
        },
    }  # fmt: skip


def standing(session: Any, member: str) -> list[str]:
    """What the list of members says of one, where it has it."""
    rows = session.client("inspector2").list_members(onlyAssociated=False)["members"]
    return [row["relationshipStatus"] for row in rows if row["accountId"] == member]


def lowered(section: InspectorSection) -> InspectorSection:
    """Fewer scan types than are on."""
    return section.model_copy(update={"new_accounts": ("EC2", "ECR"), "existing_accounts": ("EC2", "ECR")})
