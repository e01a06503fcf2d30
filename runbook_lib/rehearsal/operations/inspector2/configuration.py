"""Scan settings: EC2 scan mode, ECR re-scan, AMI, deep inspection. The administrator's reach members without their own."""

from typing import Any

from runbook_lib.rehearsal.operations.inspector2 import texts
from runbook_lib.rehearsal.operations.inspector2.state import (
    Configured,
    check_batch,
    is_administrator,
    require_administrator,
    state_of,
)
from runbook_lib.rehearsal.registry import Call, operation

PARTS = {"ec2": "ec2Configuration", "ecr": "ecrConfiguration", "ami": "amiConfiguration"}
MOST_PATHS = 5
"""[model]"""


@operation("inspector2", "GetConfiguration")
def get_configuration(call: Call, accountId: str | None = None) -> dict[str, Any]:
    """Scan settings of the own account, or of a member for its administrator [model].

    A part that was never activated is absent (assumed).
    """
    _require_reach(call, accountId)
    found = {part: _effective(call, accountId or call.account, part) for part in PARTS}
    shown = {"ec2": _ec2, "ecr": _ecr, "ami": _ami}
    return {PARTS[part]: shown[part](each) for part, each in found.items() if each is not None}


def _effective(call: Call, account: str, part: str) -> Configured | None:
    """An account's own setting where it was given one, else its administrator's [model].

    What the first activation set counts as given only while there is no administrator that has the setting.
    """
    state = state_of(call.world)
    own = state.configured.get((account, call.region, part))
    if (account, call.region, part) in state.individual or not state.associated(account, call.region):
        return own
    administrator = state.administrators.get(call.region)
    inherited = state.configured.get((administrator.account, call.region, part)) if administrator else None
    return inherited if own is not None and inherited is not None else own


def _ec2(found: Configured) -> dict[str, Any]:
    shown: dict[str, Any] = {"scanModeState": {"scanMode": found.values["scanMode"], "scanModeStatus": found.status.read()}}
    if "activateVMScanner" in found.values:
        shown["vmScannerState"] = {"activated": found.values["activateVMScanner"], "status": "SUCCESS"}
    return shown


def _ecr(found: Configured) -> dict[str, Any]:
    return {"rescanDurationState": {**found.values, "status": found.status.read(), "updatedAt": found.updated}}


def _ami(found: Configured) -> dict[str, Any]:
    return {**found.values, "status": found.status.read(), "updatedAt": found.updated}


@operation("inspector2", "UpdateConfiguration")
def update_configuration(
    call: Call,
    accountId: str | None = None,
    ec2Configuration: dict[str, Any] | None = None,
    ecrConfiguration: dict[str, Any] | None = None,
    amiConfiguration: dict[str, Any] | None = None,
    updateConfigurationInheritance: dict[str, str] | None = None,
) -> None:
    """Change scan settings: PENDING, then SUCCESS after polls. Members may not; the administrator may for one member [model]."""
    _require_reach(call, accountId)
    state = state_of(call.world)
    if state.associated(call.account, call.region):
        raise texts.denied(texts.UNCHANGEABLE_BY_MEMBER)
    asked = {"ec2": ec2Configuration, "ecr": ecrConfiguration, "ami": amiConfiguration}
    account = accountId or call.account
    if updateConfigurationInheritance is not None:
        _inherit(call, accountId, asked, updateConfigurationInheritance)
        return
    if all(values is None for values in asked.values()):
        constraint = "One configuration must be given"
        raise texts.invalid(texts.OUT_OF_RANGE.format(field="ec2Configuration", constraint=constraint))
    for part, values in asked.items():
        if values is not None:
            key = (account, call.region, part)
            before = state.configured[key].values if key in state.configured else {}
            status = call.world.settling("PENDING", "SUCCESS")
            state.configured[key] = Configured({**before, **values}, status, call.world.now())
            if accountId is not None:
                state.individual.add(key)


def _inherit(call: Call, account: str | None, asked: dict[str, Any], inheritance: dict[str, str]) -> None:
    """Give a member its administrator's settings back; not together with settings, and only for a named member [model]."""
    if account is None or asked["ec2"] is not None or asked["ecr"] is not None:
        constraint = "An accountId and no other configuration"
        raise texts.invalid(texts.OUT_OF_RANGE.format(field="updateConfigurationInheritance", constraint=constraint))
    for part, name in PARTS.items():
        if name in inheritance:
            state_of(call.world).individual.discard((account, call.region, part))


def _require_reach(call: Call, account: str | None) -> None:
    """Naming an account is for the administrator of that member [model]."""
    if account is None or account == call.account:
        return
    require_administrator(call, texts.CONFIGURE_MEMBER)
    if not state_of(call.world).associated(account, call.region):
        raise texts.no_access(texts.CONFIGURE_MEMBER)


@operation("inspector2", "GetEc2DeepInspectionConfiguration")
def get_ec2_deep_inspection_configuration(call: Call) -> dict[str, Any]:
    """Deep inspection of the own account; on wherever EC2 scanning is (assumed)."""
    state = state_of(call.world)
    reached = is_administrator(call) or state.associated(call.account, call.region)
    return {
        "packagePaths": [],
        "orgPackagePaths": state.paths.get(call.region, []) if reached else [],
        "status": _deep_status(call, call.account),
    }


@operation("inspector2", "UpdateOrgEc2DeepInspectionConfiguration")
def update_org_ec2_deep_inspection_configuration(call: Call, orgPackagePaths: list[str]) -> None:
    """Replace the organization's custom paths, at most five [model]."""
    require_administrator(call, texts.DEEP_INSPECTION)
    check_batch("orgPackagePaths", orgPackagePaths, MOST_PATHS)
    state_of(call.world).paths[call.region] = list(orgPackagePaths)


@operation("inspector2", "BatchGetMemberEc2DeepInspectionStatus")
def batch_get_member_ec2_deep_inspection_status(call: Call, accountIds: list[str] | None = None) -> dict[str, Any]:
    """Deep inspection of members; all of them when none are named (assumed)."""
    require_administrator(call, texts.DEEP_INSPECTION)
    check_batch("accountIds", accountIds or [])
    state = state_of(call.world)
    targets = accountIds or [each for each in sorted(state.members_of(call.region)) if state.associated(each, call.region)]
    found = [account for account in targets if state.associated(account, call.region)]
    return {
        "accountIds": [{"accountId": account, "status": _deep_status(call, account)} for account in found[:100]],
        "failedAccountIds": [
            {"accountId": account, "errorMessage": texts.NO_ACCOUNT_ACCESS} for account in targets if account not in found
        ],
    }


def _deep_status(call: Call, account: str) -> str:
    return "ACTIVATED" if state_of(call.world).of(account, call.region).now("EC2") == "ENABLED" else "DEACTIVATED"
