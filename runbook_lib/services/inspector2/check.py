"""How far a Wait's condition or an Action's effect has come in Inspector. Reads only; `CallFailed` means it could not be read."""

from collections.abc import Collection, Sequence

from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.reader import Reader
from runbook_lib.plan import Action, Step, Wait
from runbook_lib.plan.outcome import Progress
from runbook_lib.services.designation import USABLE, check_designation, check_usable
from runbook_lib.services.inspector2.calls import ASSOCIATED, NOTHING
from runbook_lib.services.inspector2.observe import read_configuration, read_members, read_organization, read_scans
from runbook_lib.services.inspector2.spec import DESIGNATION, NAME
from runbook_lib.services.inspector2.state import SCAN_TYPES, SETTLING
from runbook_lib.services.inspector2.texts import NO_ACCESS_YET

WHOLE = frozenset({""})
NONE = frozenset[str]()
REFUSED = {"ACCOUNT_SUSPENDED", "REGION_DISABLED", "EMAIL_VERIFICATION_FAILED", "CANNOT_CREATE_DETECTOR_IN_ORG_MASTER"}
ON_THE_WAY = {"ENABLED", "CREATED", "INVITED", "EMAIL_VERIFICATION_IN_PROGRESS"}


def check(step: Step, reader: Reader) -> Progress:
    """The state of one step's targets."""
    return _condition(step, reader) if isinstance(step, Wait) else _effect(step, reader)


def _condition(step: Wait, reader: Reader) -> Progress:
    if step.condition == USABLE:
        return check_usable(lambda: read_organization(step.account, step.region, reader), (NO_ACCESS_YET,))
    if step.condition == ASSOCIATED:
        return _members(step, {"ENABLED"}, reader)
    if step.condition.aspect == "scan types":
        return _scans(step, step.condition.wanted, {"ENABLED"}, reader)
    if step.condition.aspect == "auto-enable":
        return _automatic(step, reader)
    if step.condition.aspect in ("ec2 scan mode", "ecr re-scan"):
        return _setting(step, step.condition.aspect, step.condition.wanted[0], reader, settled=True)
    raise _unknown(step)


def _effect(step: Action, reader: Reader) -> Progress:
    if step.operation in ("RegisterDelegatedAdministrator", DESIGNATION.enable_operation):
        return check_designation(DESIGNATION, step, reader)
    if step.operation == "AssociateMember":
        return _members(step, ON_THE_WAY, reader)
    if step.operation == "Enable":
        return _scans(step, step.parameters["resourceTypes"], {"ENABLED", "ENABLING", SETTLING}, reader)
    if step.operation == "UpdateOrganizationConfiguration":
        return _organization(step, reader)
    if step.operation == "UpdateConfiguration":
        mode = step.parameters.get("ec2Configuration")
        if mode is not None:
            return _setting(step, "ec2 scan mode", mode["scanMode"], reader)
        return _setting(step, "ecr re-scan", step.parameters["ecrConfiguration"]["rescanDuration"], reader)
    raise _unknown(step)


def _unknown(step: Step) -> ValueError:
    return ValueError(f"{NAME} plans no such step: {step.operation}")


def _members(step: Step, good: Collection[str], reader: Reader) -> Progress:
    listed = read_members(step.account, step.region, reader)
    statuses = {target: listed.get(target, "none") for target in step.targets}
    reached = frozenset(account for account, status in statuses.items() if status in good)
    refused = {account: f"Inspector says {status}" for account, status in statuses.items() if status in REFUSED}
    return Progress(reached, refused, f"{len(reached)} of {len(statuses)} associated")


def _scans(step: Step, types: Sequence[str], good: Collection[str], reader: Reader) -> Progress:
    """Whether all these types are on, per target. A failed read of a batch raises what was said."""
    scans = read_scans(step.account, step.region, step.targets, reader)
    unread = frozenset[str]().union(*(accounts for _, _, accounts in scans.unread))
    if unread and unread >= set(step.targets):
        code, reason, _ = scans.unread[0]
        raise CallFailed(code, reason, service=NAME, operation="BatchGetAccountStatus", account=step.account, region=step.region)
    reached = set(step.targets) - unread - scans.unassociated
    refused: dict[str, str] = {}
    for scan_type in types:
        columns = scans.statuses.get(scan_type, {})
        reached &= frozenset[str]().union(*(columns.get(status, NONE) for status in good))
        governed = scans.governed.get(scan_type, NONE)
        refused |= dict.fromkeys(sorted(columns.get("SUSPENDED", NONE)), f"{scan_type} is suspended")
        refused |= dict.fromkeys(sorted(governed - columns.get("ENABLED", NONE)), f"{scan_type} is governed by policy")
    return Progress(frozenset(reached), refused, f"{len(reached)} of {len(step.targets)} accounts have {', '.join(types)} on")


def _automatic(step: Wait, reader: Reader) -> Progress:
    now = read_organization(step.account, step.region, reader).flags
    on = {scan_type for scan_type, name in SCAN_TYPES.items() if now.get(name, False)}
    return Progress(WHOLE if on == set(step.condition.wanted) else NONE, {}, f"on: {', '.join(sorted(on)) or NOTHING}")


def _organization(step: Action, reader: Reader) -> Progress:
    now = read_organization(step.account, step.region, reader).flags
    differs = sorted(name for name, on in step.parameters["autoEnable"].items() if now.get(name, False) != on)
    return Progress(NONE if differs else WHOLE, {}, f"differing: {', '.join(differs) or 'nothing'}")


def _setting(step: Step, aspect: str, wanted: str, reader: Reader, settled: bool = False) -> Progress:
    now = read_configuration(step.account, step.region, reader)
    value, status = (now.scan_mode, now.scan_mode_status) if aspect == "ec2 scan mode" else (now.rescan, now.rescan_status)
    seen = f"{value or 'not set'} {status}".strip()
    if settled and value == wanted and status == "FAILED":
        return Progress(NONE, {"": "AWS failed to apply the setting"}, seen)
    there = value == wanted and not (settled and status == "PENDING")
    return Progress(WHOLE if there else NONE, {}, seen)
