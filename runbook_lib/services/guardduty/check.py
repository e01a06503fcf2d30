"""How far a Wait's condition or an Action's effect has come in GuardDuty. Reads only; `CallFailed` means it could not be read."""

from collections.abc import Callable, Mapping
from typing import Any

from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.reader import Reader
from runbook_lib.plan import Action, Condition, Reference, Step, Wait
from runbook_lib.plan.outcome import Progress
from runbook_lib.services.designation import USABLE, check_designation, check_usable
from runbook_lib.services.guardduty.calls import ENROLLED, EXPORTING
from runbook_lib.services.guardduty.observe import (
    detector_found,
    forget_detectors,
    read_configuration,
    read_destinations,
    read_detector,
    read_features,
    read_members,
    read_named,
)
from runbook_lib.services.guardduty.spec import DESIGNATION, NAME
from runbook_lib.services.guardduty.texts import SPREADING
from runbook_lib.services.guardduty.wanted import items_of

WHOLE = frozenset({""})
NONE = frozenset[str]()
REFUSED = {"AccountSuspended", "RegionDisabled", "EmailVerificationFailed"}
DEAD = {"UNABLE_TO_PUBLISH_FIX_DESTINATION_PROPERTY", "STOPPED"}


def check(step: Step, reader: Reader) -> Progress:
    """The state of one step's targets."""
    try:
        return _state(step, reader)
    except CallFailed:
        forget_detectors(reader)
        raise


def _state(step: Step, reader: Reader) -> Progress:
    if isinstance(step, Wait):
        return _CONDITIONS[step.condition](step, reader)
    if step.operation in ("RegisterDelegatedAdministrator", DESIGNATION.enable_operation):
        return check_designation(DESIGNATION, step, reader)
    return _EFFECTS[step.operation](step, reader)


def resolve(reference: Reference, reader: Reader) -> str:
    """The id of an account's only detector, or of the delegated account's only destination, in the Region."""
    found = detector_found(reference.account, reference.region, reader)
    if reference.kind == "guardduty:destination" and found:
        destinations = read_destinations(reference.account, reference.region, found, reader)
        found = destinations[0].id if len(destinations) == 1 else ""
    if found:
        return found
    raise CallFailed(
        "NotFound", f"there is no {reference.kind.partition(':')[2]}", service=NAME, operation="ListDetectors",
        account=reference.account, region=reference.region, sent=False,
    )  # fmt: skip


def _usable(step: Wait, reader: Reader) -> Progress:
    found = detector_found(step.account, step.region, reader)
    if not found:
        return Progress(NONE, {}, "no detector yet")
    return check_usable(lambda: read_configuration(step.account, step.region, found, reader), SPREADING)


def _statuses(step: Step, reader: Reader) -> Mapping[str, str]:
    """Who is waited for is asked about alone. Whether a call is to be sent again is told by the list, which answers for all."""
    found = detector_found(step.account, step.region, reader)
    if not found:
        listed: Mapping[str, str] = {}
    elif isinstance(step, Wait):
        listed = read_named(step.account, step.region, found, step.targets, reader)
    else:
        listed = read_members(step.account, step.region, found, reader)
    return {target: listed.get(target, "none") for target in step.targets}


def _enrolled(step: Step, reader: Reader) -> Progress:
    statuses = _statuses(step, reader)
    reached = frozenset(account for account, status in statuses.items() if status == "Enabled")
    refused = {account: f"GuardDuty says {status}" for account, status in statuses.items() if status in REFUSED}
    return Progress(reached, refused, f"{len(reached)} of {len(statuses)} enabled")


def _created(step: Action, reader: Reader) -> Progress:
    statuses = _statuses(step, reader)
    there = ("Enabled", "Created", "Invited", "EmailVerificationInProgress", "Disabled")
    reached = frozenset(account for account, status in statuses.items() if status in there)
    return Progress(reached, {}, f"{len(reached)} of {len(statuses)} are members")


def _exporting(step: Wait, reader: Reader) -> Progress:
    found = detector_found(step.account, step.region, reader)
    statuses = {each.status for each in read_destinations(step.account, step.region, found, reader)} if found else set()
    seen = ", ".join(sorted(statuses)) or "no destination"
    refused = {"": f"the destination is {seen}"} if statuses & DEAD else {}
    return Progress(WHOLE if statuses == {"PUBLISHING"} else NONE, refused, seen)


def _exported(step: Action, reader: Reader) -> Progress:
    found = detector_found(step.account, step.region, reader)
    wanted = step.parameters["DestinationProperties"]
    listed = read_destinations(step.account, step.region, found, reader) if found else ()
    same = [each for each in listed if (each.bucket_arn, each.kms_key_arn) == (wanted["DestinationArn"], wanted["KmsKeyArn"])]
    if listed and not same:
        return Progress(NONE, {"": "another destination exists"}, listed[0].bucket_arn)
    return Progress(WHOLE if same else NONE, {}, same[0].status if same else "no destination")


def _detector(step: Action, reader: Reader) -> Progress:
    """CreateDetector, UpdateDetector: on, with each feature as the call says, and the frequency where it says one."""
    found = read_detector(step.account, step.region, reader)
    if found is None:
        return Progress(NONE, {}, "no detector")
    wanted = items_of(step.parameters.get("Features") or (), "Status")
    differs = [item for item, status in wanted.items() if status and (item in found.on) != (status == "ENABLED")]
    if step.parameters.get("FindingPublishingFrequency", found.frequency) != found.frequency:
        differs.append("FindingPublishingFrequency")
    if step.parameters.get("Enable", found.enabled) != found.enabled:
        differs.append("Enable")
    if not differs:
        return Progress(WHOLE, {}, "the detector is as planned")
    seen = f"the detector differs in {', '.join(differs)}"
    created = step.operation == "CreateDetector"
    return Progress(NONE, {"": f"a detector exists already; {seen}; plan again"} if created else {}, seen)


def _configuration(step: Action, reader: Reader) -> Progress:
    found = detector_found(step.account, step.region, reader)
    if not found:
        return Progress(NONE, {}, "no detector")
    now = read_configuration(step.account, step.region, found, reader)
    wanted = items_of(step.parameters.get("Features") or (), "AutoEnable")
    differs = sorted(item for item, choice in wanted.items() if choice and now.items.get(item, "NONE") != choice)
    same = now.auto_enable == step.parameters["AutoEnableOrganizationMembers"] and not differs
    return Progress(WHOLE if same else NONE, {}, f"auto-enable {now.auto_enable}; differing: {', '.join(differs) or 'nothing'}")


def _features(step: Action, reader: Reader) -> Progress:
    found = detector_found(step.account, step.region, reader)
    if not found:
        return Progress(NONE, {}, "no detector")
    now = read_features(step.account, step.region, found, step.targets, reader)
    reached = set(now.read)
    for item, status in items_of(step.parameters["Features"], "Status").items():
        holders = now.on.get(item, NONE)
        reached &= holders if status == "ENABLED" else reached - holders if status else reached
    return Progress(frozenset(reached), {}, f"{len(reached)} of {len(step.targets)} as planned")


_CONDITIONS: Mapping[Condition, Callable[[Wait, Reader], Progress]] = {USABLE: _usable, ENROLLED: _enrolled, EXPORTING: _exporting}
_EFFECTS: Mapping[str, Callable[[Any, Reader], Progress]] = {
    "CreateDetector": _detector,
    "UpdateDetector": _detector,
    "UpdateOrganizationConfiguration": _configuration,
    "CreateMembers": _created,
    "StartMonitoringMembers": _enrolled,
    "UpdateMemberDetectors": _features,
    "CreatePublishingDestination": _exported,
}
