"""What scanners look for: controls by their own names, in which standards they are on, insights and invitations [model].

The controls are the sample of the catalogue. Nobody can switch one of them off here, make an insight or invite an account.
"""

from collections.abc import Iterator
from typing import Any

from runbook_lib.rehearsal.registry import Call, operation, page

from .catalogue import OfferedStandard
from .errors import invalid, missing
from .places import bounded
from .switching import offered_standards, require_hub

BATCH = 100
"""Controls, or pairs of control and standard, per call [model]."""
REMEDIATION = "https://docs.aws.amazon.com/console/securityhub/{control}/remediation"
Control = tuple[str, str, str]
"""Id, title, severity."""


def _controls(call: Call) -> dict[str, Control]:
    """All controls of the standards that the Region has, by id."""
    return {each[0]: each for offered in offered_standards(call).values() for each in sorted(offered.controls)}


def _definition(control: str, title: str, severity: str) -> dict[str, Any]:
    return {
        "SecurityControlId": control,
        "Title": title,
        "Description": title,
        "RemediationUrl": REMEDIATION.format(control=control),
        "SeverityRating": severity,
        "CurrentRegionAvailability": "AVAILABLE",
        "CustomizableProperties": [],
        "ParameterDefinitions": {},
    }


def _arn(call: Call, control: str) -> str:
    return f"arn:{call.partition}:securityhub:{call.region}:{call.account}:security-control/{control}"


def _within(call: Call, control: str) -> Iterator[tuple[str, OfferedStandard]]:
    for arn, offered in offered_standards(call).items():
        if any(each[0] == control for each in offered.controls):
            yield arn, offered


@operation("securityhub", "ListSecurityControlDefinitions")
def list_security_control_definitions(
    call: Call,
    StandardsArn: str | None = None,
    NextToken: str | None = None,
    MaxResults: int | None = None,
    Providers: list[str] | None = None,
) -> dict[str, Any]:
    """The controls of all standards, or of one; whether that needs a hub is not documented: it does not (assumed)."""
    bounded(MaxResults, 100)
    offered = offered_standards(call)
    if StandardsArn is not None and StandardsArn not in offered:
        raise invalid(f"Invalid StandardsArn: {StandardsArn}")  # assumed
    wanted = {each[0] for each in offered[StandardsArn].controls} if StandardsArn else set(_controls(call))
    if Providers is not None and "AWS" not in Providers:
        wanted = set()
    listed = [_definition(*each) for name, each in sorted(_controls(call).items()) if name in wanted]
    shown, token = page(listed, NextToken, MaxResults, 100)
    return {"SecurityControlDefinitions": shown, "NextToken": token}


@operation("securityhub", "GetSecurityControlDefinition")
def get_security_control_definition(call: Call, SecurityControlId: str) -> dict[str, Any]:
    found = _controls(call).get(SecurityControlId)
    if found is None:
        raise missing(f"Security control {SecurityControlId} was not found")  # code [model], text assumed
    return {"SecurityControlDefinition": _definition(*found)}


@operation("securityhub", "BatchGetSecurityControls")
def batch_get_security_controls(call: Call, SecurityControlIds: list[str]) -> dict[str, Any]:
    """Named controls, by id or ARN; the others come back unprocessed. One is on while a standard that has it is on [docs]."""
    hub = require_hub(call)
    _batch("SecurityControlIds", SecurityControlIds)
    names, known = [each.rpartition("/")[2] for each in SecurityControlIds], _controls(call)
    on = {each[0] for subscription in hub.standards.values() for each in subscription.offered.controls}
    return {
        "SecurityControls": [
            {
                **{name: value for name, value in _definition(*known[each]).items() if name in DESCRIBED},
                "SecurityControlArn": _arn(call, each),
                "SecurityControlStatus": "ENABLED" if each in on else "DISABLED",
                "UpdateStatus": "READY",
                "Parameters": {},
            }
            for each in names
            if each in known
        ],
        "UnprocessedIds": [
            {"SecurityControlId": each, "ErrorCode": "NOT_FOUND", "ErrorReason": "The security control was not found"}
            for each in names
            if each not in known
        ],
    }


DESCRIBED = ("SecurityControlId", "Title", "Description", "RemediationUrl", "SeverityRating")
"""What a control says of its definition."""


@operation("securityhub", "ListStandardsControlAssociations")
def list_standards_control_associations(
    call: Call, SecurityControlId: str, NextToken: str | None = None, MaxResults: int | None = None
) -> dict[str, Any]:
    """In which standards a control is, and whether it is on there: as far as the standard is on [docs]."""
    bounded(MaxResults, 100)
    require_hub(call)
    control = SecurityControlId.rpartition("/")[2]
    if control not in _controls(call):
        raise invalid(f"Invalid SecurityControlId: {SecurityControlId}")  # assumed
    listed = [_association(call, control, arn) for arn, _ in _within(call, control)]
    shown, token = page(listed, NextToken, MaxResults, 100)
    return {"StandardsControlAssociationSummaries": shown, "NextToken": token}


@operation("securityhub", "BatchGetStandardsControlAssociations")
def batch_get_standards_control_associations(call: Call, StandardsControlAssociationIds: list[dict[str, str]]) -> dict[str, Any]:
    """The same of named pairs; those that do not belong together come back unprocessed."""
    require_hub(call)
    _batch("StandardsControlAssociationIds", StandardsControlAssociationIds)
    found, unprocessed = [], []
    for pair in StandardsControlAssociationIds:
        control, standard = pair["SecurityControlId"].rpartition("/")[2], pair["StandardsArn"]
        if standard in dict(_within(call, control)):
            found.append(_association(call, control, standard))
        else:
            reason = "The security control is not part of the standard"
            unprocessed.append({"StandardsControlAssociationId": pair, "ErrorCode": "NOT_FOUND", "ErrorReason": reason})
    return {"StandardsControlAssociationDetails": found, "UnprocessedAssociations": unprocessed}


def _association(call: Call, control: str, standard: str) -> dict[str, Any]:
    hub, title = require_hub(call), _controls(call)[control][1]
    return {
        "StandardsArn": standard,
        "SecurityControlId": control,
        "SecurityControlArn": _arn(call, control),
        "AssociationStatus": "ENABLED" if standard in hub.standards else "DISABLED",
        "RelatedRequirements": [],
        "StandardsControlTitle": title,
        "StandardsControlDescription": title,
    }


def _batch(name: str, named: list[Any]) -> None:
    if not 1 <= len(named) <= BATCH:
        raise invalid(f"{name} must have 1 to {BATCH} items")


@operation("securityhub", "GetInsights")
def get_insights(
    call: Call, InsightArns: list[str] | None = None, NextToken: str | None = None, MaxResults: int | None = None
) -> dict[str, Any]:
    """The caller's own insights: none. Whether AWS lists its managed ones among them is not documented: not here (assumed)."""
    require_hub(call)
    bounded(MaxResults, 100)
    if InsightArns:
        raise missing(f"Insights {', '.join(InsightArns)} were not found")
    return {"Insights": [], "NextToken": None}


@operation("securityhub", "GetInvitationsCount")
def get_invitations_count(call: Call) -> dict[str, Any]:
    """Accounts of the organization receive no invitations [model]."""
    require_hub(call)
    return {"InvitationsCount": 0}
