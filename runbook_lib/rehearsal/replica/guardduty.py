"""GuardDuty as an inventory saw it: administrators, detectors, members with their features, auto-enable, export."""

from collections.abc import Collection, Mapping
from typing import Any

from runbook_lib.rehearsal.operations.guardduty.features import Settings
from runbook_lib.rehearsal.operations.guardduty.state import (
    ASSOCIATED,
    Administrator,
    Destination,
    Detector,
    Member,
    add_detector,
    bare_features,
    settled,
    state_of,
)
from runbook_lib.rehearsal.replica.sets import Sets, only_administrator, state
from runbook_lib.rehearsal.world import World


def put(world: World, seen: Mapping[str, Any], sets: Sets) -> None:
    for region, found in seen.get("regions", {}).items():
        for account, said in found.get("detectors", {}).items():
            _detector(world, account, region, said)
        if (designated := only_administrator(found)) is not None:
            _administrator(world, region, *designated)
            _automatic(world, region, found.get("auto_enable") or {})
            _members(world, region, designated[0], found, sets)


def _administrator(world: World, region: str, account: str, leaving: bool) -> None:
    gone = world.settling("DISABLE_IN_PROGRESS", "gone") if leaving else None
    state_of(world).administrators[region] = Administrator(account, settled("yes"), gone)


def _detector(world: World, account: str, region: str, said: Mapping[str, Any]) -> None:
    detector = add_detector(world, account, region, features=bare_features(world, region), enabled=bool(said["enabled"]))
    detector.frequency = str(said["frequency"])
    _switch(detector.features, frozenset(said.get("on", ())))
    if said.get("governed"):
        state_of(world).governed.add(account)
    for number, each in enumerate(said.get("destinations", ())):
        name = f"{number:032x}"
        properties = {"DestinationArn": str(each["bucket_arn"]), "KmsKeyArn": str(each["kms_key_arn"])}
        detector.destinations[name] = Destination(name, properties, state(world, str(each["status"])))


def _switch(features: Settings, on: Collection[str]) -> None:
    for name, setting in features.items():
        setting.value = "ENABLED" if name in on else "DISABLED"
        for part, inner in setting.parts.items():
            inner.value = "ENABLED" if f"{name}/{part}" in on else "DISABLED"


def _automatic(world: World, region: str, said: Mapping[str, Any]) -> None:
    configuration = state_of(world).configuration(region)
    configuration.members = str(said.get("members", "NONE"))
    items = said.get("items", {})
    for name, setting in configuration.features.items():
        setting.value = str(items.get(name, "NONE"))
        for part, inner in setting.parts.items():
            inner.value = str(items.get(f"{name}/{part}", "NONE"))


def _members(world: World, region: str, administrator: str, found: Mapping[str, Any], sets: Sets) -> None:
    known = state_of(world)
    members = known.members_of(region)
    own = known.detectors.get((administrator, region))
    features = {item: frozenset(sets.accounts(said)) for item, said in found.get("features", {}).items()}
    for said in found.get("governed", {}).values():
        known.governed |= set(sets.accounts(said))
    for status, said in found.get("members", {}).items():
        for account in sets.accounts(said):
            email = world.organization.accounts[account].email if account in world.organization.accounts else ""
            members[account] = Member(account, email, state(world, status), world.now())
            if status in ASSOCIATED:
                _member_detector(world, account, region, own, status == "Disabled", features)


def _member_detector(
    world: World, account: str, region: str, own: Detector | None, suspended: bool, features: Mapping[str, Collection[str]]
) -> None:
    """A member's detector: with the features seen, and its administrator's publishing frequency."""
    known = state_of(world)
    detector = known.detectors.get((account, region))
    if detector is None:
        detector = add_detector(world, account, region, features=bare_features(world, region))
        detector.frequency = own.frequency if own else detector.frequency
    detector.enabled = not suspended
    _switch(detector.features, {item for item, accounts in features.items() if account in accounts})
