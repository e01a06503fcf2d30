"""What accounts have of GuardDuty in a simulated world: each fact as a set of (account, Region)."""

from typing import Any

from runbook_lib.rehearsal.operations.guardduty.state import state_of
from runbook_lib.rehearsal.world import World
from runbook_lib.settings.sections.guardduty import GuardDutySection


def facts(world: World) -> dict[str, set[tuple[str, str]]]:
    state = state_of(world)
    led = {region: each.account for region, each in state.administrators.items() if each.leaving is None}
    return {
        "administrator": {(account, region) for region, account in led.items()},
        "new accounts": {(account, region) for region, account in led.items() if state.configuration(region).members != "NONE"},
        "on": {place for place, detector in state.detectors.items() if detector.enabled},
        "watched": {
            (account, region) for region in led for account in state.members_of(region) if state.associated(account, region)
        },
    }  # fmt: skip


def automatic(world: World, region: str) -> None:
    state_of(world).configuration(region).members = "ALL"


def one_plan_automatic(world: World, region: str) -> None:
    state_of(world).configuration(region).features["S3_DATA_EVENTS"].value = "ALL"


BROKEN = (
    ("auto-enable of a plan is ALL", "dissociate", one_plan_automatic, "auto-enable is ALL for S3_DATA_EVENTS", "hand-over"),
    ("auto-enable is ALL", "dissociate", automatic, "auto-enable is ALL for GuardDuty", "hand-over"),
    ("auto-enable is ALL", "switch-off", automatic, "auto-enable is ALL for GuardDuty", "off"),
)


def standing(session: Any, member: str) -> list[str]:
    """What the list of members says of one, where it has it."""
    client = session.client("guardduty")
    rows = client.list_members(DetectorId=client.list_detectors()["DetectorIds"][0], OnlyAssociated="false")["Members"]
    return [row["RelationshipStatus"] for row in rows if row["AccountId"] == member]


def lowered(section: GuardDutySection) -> GuardDutySection:
    """Off for a protection plan that is on."""
    feature = section.features["S3_DATA_EVENTS"].model_copy(update={"enabled": False, "auto_enable": "NONE"})
    return section.model_copy(update={"features": {**section.features, "S3_DATA_EVENTS": feature}})
