"""Security Hub V2, the newer service behind the same endpoint, as far as it is read: whether it is on, its rules and connectors.

Nothing here is switched on by a call: the control page `v2` says what somebody has done in the console.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.rehearsal.answers import iso8601
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.registry import Call, operation, page
from runbook_lib.rehearsal.world import World

from .errors import missing
from .state import Place

PROVIDERS = ("JIRA_CLOUD", "SERVICENOW")


@dataclass
class SecondHub:
    """Security Hub V2 of an account in a Region."""

    arn: str
    subscribed_at: float
    rules: list[dict[str, Any]] = field(default_factory=list)
    connectors: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class SecondState:
    hubs: dict[Place, SecondHub] = field(default_factory=dict)
    administrators: dict[str, str] = field(default_factory=dict)
    """Region → the administrator of the organization's V2; designating one is not simulated."""


def switch_on_v2(world: World, account: str, region: str, rule: str = "", connector: str = "") -> None:
    """Let V2 be on, perhaps with an automation rule of a name, and a connector to a provider, which waits for a sign-in."""
    if connector and connector not in PROVIDERS:
        raise ValueError(f"connector: {connector}: one of {', '.join(PROVIDERS)} is expected")
    hubs = world.of(SecondState).hubs
    arn = f"arn:{world.partition}:securityhub:{region}:{account}:hubv2/{_token(account, region, 'hub')}"
    hub = hubs.setdefault((account, region), SecondHub(arn, world.now()))
    now, head = world.now(), f"arn:{world.partition}:securityhub:{region}:{account}"
    if rule:
        token = _token(account, region, rule)
        described = {"RuleArn": f"{head}:automation-rulev2/{token}", "RuleId": token, "RuleName": rule, "RuleOrder": 1.0}
        hub.rules.append({**described, "RuleStatus": "ENABLED", "Description": rule, "CreatedAt": now, "UpdatedAt": now})
    if connector:
        token = _token(account, region, connector)
        summary = {"ProviderName": connector, "ConnectorStatus": "PENDING_AUTHORIZATION"}
        described = {"ConnectorArn": f"{head}:connectorv2/{token}", "ConnectorId": token, "Name": connector.lower()}
        hub.connectors.append({**described, "ProviderSummary": summary, "CreatedAt": now})


def _token(*parts: str) -> str:
    return hashlib.sha256("/".join(parts).encode()).hexdigest()[:32]


def _hub(call: Call) -> SecondHub | None:
    return call.world.of(SecondState).hubs.get((call.account, call.region))


def _required(call: Call) -> SecondHub:
    hub = _hub(call)
    if hub is None:
        raise ApiError("ConflictException", f"Security Hub V2 is not enabled for {call.account}")
    return hub


@operation("securityhub", "DescribeSecurityHubV2")
def describe_security_hub_v2(call: Call) -> dict[str, Any]:
    """Off in this organization unless somebody switched it on: then ResourceNotFoundException [model]."""
    hub = _hub(call)
    if hub is None:
        raise missing("You are not subscribed to HubV2")
    return {"HubV2Arn": hub.arn, "SubscribedAt": iso8601(hub.subscribed_at)}


@operation("securityhub", "ListAggregatorsV2")
def list_aggregators_v2(call: Call, NextToken: str | None = None, MaxResults: int | None = None) -> dict[str, Any]:
    _required(call)
    return {"AggregatorsV2": []}


@operation("securityhub", "GetFindingsV2")
def get_findings_v2(
    call: Call,
    Filters: dict[str, Any] | None = None,
    Scopes: dict[str, Any] | None = None,
    SortCriteria: list[dict[str, Any]] | None = None,
    NextToken: str | None = None,
    MaxResults: int | None = None,
) -> dict[str, Any]:
    """Refused where V2 is off; where it is on nothing makes findings of its own here, and no list would be a true one."""
    _required(call)
    raise ApiError("NotSimulated", "securityhub:GetFindingsV2 is not simulated where Security Hub V2 is on", 501)


@operation("securityhub", "ListAutomationRulesV2")
def list_automation_rules_v2(call: Call, NextToken: str | None = None, MaxResults: int | None = None) -> dict[str, Any]:
    shown, token = page(_required(call).rules, NextToken, MaxResults, 100)
    return {"Rules": shown, "NextToken": token}


@operation("securityhub", "ListConnectorsV2")
def list_connectors_v2(
    call: Call,
    NextToken: str | None = None,
    MaxResults: int | None = None,
    ProviderName: str | None = None,
    ConnectorStatus: str | None = None,
    EnablementStatus: str | None = None,
) -> dict[str, Any]:
    found = [
        each
        for each in _required(call).connectors
        if ProviderName in (None, each["ProviderSummary"]["ProviderName"])
        and ConnectorStatus in (None, each["ProviderSummary"]["ConnectorStatus"])
        and EnablementStatus in (None, "ENABLED")
    ]
    shown, token = page(found, NextToken, MaxResults, 100)
    return {"Connectors": shown, "NextToken": token}
