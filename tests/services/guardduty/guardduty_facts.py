"""What accounts have of GuardDuty in a simulated world: each fact as a set of (account, Region)."""

from typing import Any

from runbook_lib.rehearsal.internal import run
from runbook_lib.rehearsal.operations.guardduty.state import Detector, state_of
from runbook_lib.rehearsal.world import World
from runbook_lib.settings.sections.guardduty import GuardDutySection


def facts(world: World) -> dict[str, set[tuple[str, str]]]:
    state = state_of(world)
    led = {region: each.account for region, each in state.administrators.items() if each.leaving is None}
    return {
        "administrator": {(account, region) for region, account in led.items()},
        "new accounts": {(account, region) for region, account in led.items() if state.configuration(region).members != "NONE"},
        "reached": {
            (member, region) for region, account in led.items() for member in state.members_of(region)
            if state.associated(member, region) and _kept(state.detectors[account, region])
        },
        "on": {place for place, detector in state.detectors.items() if detector.enabled},
        "watched": {
            (account, region) for region in led for account in state.members_of(region) if state.associated(account, region)
        },
    }  # fmt: skip


def _kept(detector: Detector) -> bool:
    """Whether a detector has anything that reaches the members of its owner."""
    return bool(detector.sets or detector.destinations or any(each["Action"] == "ARCHIVE" for each in detector.filters.values()))


def keep(world: World) -> None:
    """In one Region a suppression rule, a filter that suppresses nothing and a trusted list; in the other one threat lists."""
    first, second = sorted(state_of(world).administrators)[:2]
    for region, operation, given in (
        (first, "CreateFilter", {"Name": "known-scanner", "Action": "ARCHIVE", "FindingCriteria": {}}),
        (first, "CreateFilter", {"Name": "only-looks", "FindingCriteria": {}}),
        (first, "CreateIPSet", {"Name": "offices"}),
        (second, "CreateThreatIntelSet", {"Name": "feed"}),
        (second, "CreateThreatEntitySet", {"Name": "domains"}),
    ):
        account = state_of(world).administrators[region].account
        rest = {} if "FindingCriteria" in given else {"Format": "TXT", "Location": "s3://lists/one.txt", "Activate": True}
        detector = state_of(world).detectors[account, region].id
        run(world, "guardduty", operation, account, region, {"DetectorId": detector, **given, **rest})


NOTES = {
    "administrator suppression rules, trusted IP lists, threat lists and threat entity lists": (
        "us-east-1: suppression rules known-scanner, trusted IP lists offices; "
        "us-east-2: threat lists feed, threat entity lists domains."
    ),
}
READING = "guardduty:ListIPSets"


def emptied(world: World) -> None:
    for detector in state_of(world).detectors.values():
        detector.filters.clear()
        detector.sets.clear()


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
