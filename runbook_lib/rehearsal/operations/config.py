"""config: whether a recorder runs in an account and Region, and what the organization's aggregator holds of recorders.

Security Hub's standards evaluate little without a recorder.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.organization import account_of
from runbook_lib.rehearsal.regions import enabled_by_default
from runbook_lib.rehearsal.registry import Call, PassOn, operation, page
from runbook_lib.rehearsal.world import World

MOST = 100
"""Largest page of aggregators, sources and results [model]."""
FEWEST = 25
"""Results of a query on one page where no limit is given [model]."""
RECORDER = "AWS::Config::ConfigurationRecorder"


@dataclass
class RecordersState:
    """(account, Region) where somebody set up a recorder, or an aggregator, by hand: moto keeps it, and tells of it from then on.

    What standards evaluate, and what the organization's aggregator holds, follows the seed's recorders alone.
    """

    by_hand: set[tuple[str, str]] = field(default_factory=set)
    aggregators_by_hand: set[tuple[str, str]] = field(default_factory=set)
    aggregators: dict[tuple[str, str], "Aggregator"] = field(default_factory=dict)
    service_rules: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    """(account, Region) → rules that an AWS service made there: name → its principal."""


@dataclass(frozen=True)
class Aggregator:
    """An aggregator of the whole organization. `regions` None: all."""

    name: str
    created: float
    regions: tuple[str, ...] | None = None


def aggregate(world: World, account: str, region: str, name: str = "organization", regions: tuple[str, ...] | None = None) -> None:
    """Give an account an aggregator of the organization, as PutConfigurationAggregator does for a delegated administrator."""
    world.of(RecordersState).aggregators[account, region] = Aggregator(name, world.now(), regions)


@operation("config", "PutConfigurationRecorder")
def put_recorder(call: Call, **_: Any) -> dict[str, Any]:
    call.world.of(RecordersState).by_hand.add((call.account, call.region))
    raise PassOn


@operation("config", "DescribeConfigurationRecorders")
def describe_recorders(call: Call, ConfigurationRecorderNames: list[str] | None = None, **_: Any) -> dict[str, Any]:
    group = {"allSupported": True, "includeGlobalResourceTypes": True, "resourceTypes": []}
    role = f"arn:{call.partition}:iam::{call.account}:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"
    recorder = {"arn": _arn(call), "name": "default", "roleARN": role, "recordingGroup": group, "recordingScope": "PAID"}
    return {"ConfigurationRecorders": [recorder] if _recorder(call, ConfigurationRecorderNames) is not None else []}


@operation("config", "DescribeConfigurationRecorderStatus")
def describe_recorder_status(call: Call, ConfigurationRecorderNames: list[str] | None = None, **_: Any) -> dict[str, Any]:
    recording = _recorder(call, ConfigurationRecorderNames)
    status = {
        "arn": _arn(call),
        "name": "default",
        "recording": recording,
        "lastStatus": "Success",
        "lastStatusChangeTime": call.world.now(),
    }
    return {"ConfigurationRecordersStatus": [status] if recording is not None else []}


def _recorder(call: Call, names: list[str] | None) -> bool | None:
    """Whether the account's recorder records; None where it has none."""
    if (call.account, call.region) in call.world.of(RecordersState).by_hand:
        raise PassOn
    found = account_of(call.world, call.account)
    recording = None
    if found is not None and call.region in found.config_recorders | found.stopped_recorders:
        recording = call.region in found.config_recorders
    for name in names or ():
        if name != "default" or recording is None:
            text = f"Cannot find configuration recorder with the specified name '{name}'."
            raise ApiError("NoSuchConfigurationRecorderException", text)
    return recording


def _arn(call: Call) -> str:
    return f"arn:{call.partition}:config:{call.region}:{call.account}:configuration-recorder/default/recorder00000001"


def make_service_rule(world: World, account: str, region: str, name: str, principal: str) -> None:
    """A rule that a service makes for itself, and that the account cannot take away [docs: service-linked rules]."""
    world.of(RecordersState).service_rules.setdefault((account, region), {})[name] = principal


def end_service_rule(world: World, account: str, region: str, name: str) -> None:
    """The service takes its rule away."""
    world.of(RecordersState).service_rules.get((account, region), {}).pop(name, None)


@operation("config", "DescribeConfigRules")
def describe_rules(call: Call, ConfigRuleNames: list[str] | None = None, NextToken: str | None = None, **_: Any) -> dict[str, Any]:
    """Rules that services made; where there is none, or another is asked for, moto tells what was made by hand."""
    there = call.world.of(RecordersState).service_rules.get((call.account, call.region), {})
    if not there or set(ConfigRuleNames or ()) - set(there):
        raise PassOn
    place = f"arn:{call.partition}:config:{call.region}:{call.account}:config-rule/aws-service-rule"
    source = {"Owner": "AWS", "SourceIdentifier": "CLOUD_TRAIL_ENABLED"}
    rows = [
        {
            "ConfigRuleName": name,
            "ConfigRuleArn": f"{place}/{by}/{name}",
            "ConfigRuleState": "ACTIVE",
            "CreatedBy": by,
            "Source": source,
        }
        for name, by in sorted(there.items())
        if not ConfigRuleNames or name in ConfigRuleNames
    ]
    shown, token = page(rows, NextToken, None, MOST)
    return {"ConfigRules": shown, "NextToken": token}


@operation("config", "DeleteConfigRule")
def delete_rule(call: Call, ConfigRuleName: str) -> None:
    """A service's rule cannot be deleted by hand [issue gruntwork-io/cloud-nuke#410]."""
    there = call.world.of(RecordersState).service_rules.get((call.account, call.region), {})
    if ConfigRuleName not in there:
        raise PassOn
    text = f"An AWS service owns ServiceLinkedConfigRule {ConfigRuleName}. You do not have permissions to take action on this rule."
    raise ApiError("AccessDeniedException", text)


@operation("config", "PutConfigurationAggregator")
def put_aggregator(call: Call, **_: Any) -> dict[str, Any]:
    call.world.of(RecordersState).aggregators_by_hand.add((call.account, call.region))
    raise PassOn


@operation("config", "DescribeConfigurationAggregators")
def describe_aggregators(
    call: Call, ConfigurationAggregatorNames: list[str] | None = None, NextToken: str | None = None, Limit: int | None = None
) -> dict[str, Any]:
    """The account's aggregators of this Region; another name than the given one is not found [model]."""
    state = call.world.of(RecordersState)
    if (call.account, call.region) in state.aggregators_by_hand:
        raise PassOn
    held = state.aggregators.get((call.account, call.region))
    for name in ConfigurationAggregatorNames or ():
        _aggregator(call, name)
    shown, token = page([_shown(call, held)] if held else [], NextToken, _limit(Limit), MOST)
    return {"ConfigurationAggregators": shown, "NextToken": token}


def _shown(call: Call, held: Aggregator) -> dict[str, Any]:
    role = f"arn:{call.partition}:iam::{call.account}:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"
    where = {"AllAwsRegions": True} if held.regions is None else {"AwsRegions": list(held.regions), "AllAwsRegions": False}
    return {
        "ConfigurationAggregatorName": held.name,
        "ConfigurationAggregatorArn": f"arn:{call.partition}:config:{call.region}:{call.account}:config-aggregator/"
        "config-aggregator-rehearsal",
        "OrganizationAggregationSource": {"RoleArn": role, **where},
        "CreationTime": held.created,
        "LastUpdatedTime": held.created,
    }


@operation("config", "DescribeConfigurationAggregatorSourcesStatus")
def describe_sources(
    call: Call,
    ConfigurationAggregatorName: str,
    UpdateStatus: list[str] | None = None,
    NextToken: str | None = None,
    Limit: int | None = None,
) -> dict[str, Any]:
    """The organization, and every account × Region, with how the last update went.

    What is said of an account without a recorder is not documented: variant "config source without recorder", "succeeded" (the
    account was reached, and has nothing) or "failed".
    """
    held = _aggregator(call, ConfigurationAggregatorName)
    found = [each for each in _sources(call, held) if not UpdateStatus or each["LastUpdateStatus"] in UpdateStatus]
    shown, token = page(found, NextToken, _limit(Limit), MOST)
    return {"AggregatedSourceStatusList": shown, "NextToken": token}


def _sources(call: Call, held: Aggregator) -> Iterator[dict[str, Any]]:
    world, now = call.world, call.world.now()
    good = {"LastUpdateStatus": "SUCCEEDED", "LastUpdateTime": now}
    lacking = good
    if world.variants.get("config source without recorder", "succeeded") == "failed":
        words = "AWS Config is not recording in the source account and Region."  # [assumed]
        lacking = {"LastUpdateStatus": "FAILED", "LastUpdateTime": now, "LastErrorCode": "NO_RECORDER", "LastErrorMessage": words}
    yield {"SourceId": world.organization.id, "SourceType": "ORGANIZATION", "AwsRegion": call.region, **good}
    for account, region, recording in _collected(world, held):
        yield {"SourceId": account, "SourceType": "ACCOUNT", "AwsRegion": region, **(lacking if recording is None else good)}


def _collected(world: World, held: Aggregator) -> Iterator[tuple[str, str, bool | None]]:
    """Account, Region, whether its recorder records (None: there is none), of the active accounts and Regions collected from."""
    always = enabled_by_default(world.partition)
    for account in sorted(world.organization.accounts.values(), key=lambda each: each.id):
        for region in sorted(world.regions) if account.state == "ACTIVE" else ():
            here = region in always or account.regions.get(region) == "ENABLED"
            if not here or (held.regions is not None and region not in held.regions):
                continue
            recording = region in account.config_recorders
            yield account.id, region, recording if recording or region in account.stopped_recorders else None


COLUMNS = ("accountId", "awsRegion", "configuration.Name", "configuration.Recording", "resourceId", "resourceType")
"""What the simulated inventory holds of a recorder, of AWS's schema of the type [code]."""
QUERY = re.compile(r"\s*SELECT\s+(?P<fields>[\w.,\s]+?)(?:\s+WHERE\s+(?P<where>.+?))?\s*;?\s*", re.IGNORECASE | re.DOTALL)
CONDITION = re.compile(r"\s*([\w.]+)\s*=\s*(?:'([^']*)'|(true|false))\s*", re.IGNORECASE)


@operation("config", "SelectAggregateResourceConfig")
def select(
    call: Call,
    Expression: str,
    ConfigurationAggregatorName: str,
    Limit: int | None = None,
    MaxResults: int | None = None,
    NextToken: str | None = None,
) -> dict[str, Any]:
    """Recorders, the only resources that the simulated inventory holds: fields of them, where each of some equals a value."""
    held = _aggregator(call, ConfigurationAggregatorName)
    fields, wanted = _parsed(Expression)
    rows = [row for row in _recorders(call.world, held) if all(str(row[name]).lower() == value for name, value in wanted)]
    results = [json.dumps(_nested({name: row[name] for name in fields})) for row in rows]
    shown, token = page(results, NextToken, _limit(Limit or MaxResults) or FEWEST, MOST)
    return {"Results": shown, "QueryInfo": {"SelectFields": [{"Name": name} for name in fields]}, "NextToken": token}


def _recorders(world: World, held: Aggregator) -> Iterator[dict[str, Any]]:
    for account, region, recording in _collected(world, held):
        if recording is not None:
            values = (account, region, "default", recording, "default", RECORDER)
            yield dict(zip(COLUMNS, values, strict=True))


def _parsed(expression: str) -> tuple[list[str], list[tuple[str, str]]]:
    """The fields, and what must equal what. Anything else of AWS's query language is refused, never guessed."""
    found = QUERY.fullmatch(expression)
    parts = re.split(r"\s+AND\s+", found["where"], flags=re.IGNORECASE) if found and found["where"] else []
    conditions = [CONDITION.fullmatch(part) for part in parts]
    fields = [name.strip() for name in found["fields"].split(",")] if found else []
    named = [*fields, *(each[1] for each in conditions if each)]
    if not fields or not all(conditions) or any(name not in COLUMNS for name in named):
        raise ApiError("InvalidExpressionException", f"Not simulated, or no valid query: {expression}")
    return fields, [(each[1], (each[2] if each[2] is not None else each[3]).lower()) for each in conditions if each]


def _nested(row: dict[str, Any]) -> dict[str, Any]:
    """A row as AWS shows it: a dotted field inside its parent."""
    made: dict[str, Any] = {}
    for name, value in row.items():
        parent, _, child = name.rpartition(".")
        (made.setdefault(parent, {}) if parent else made)[child] = value
    return made


def _aggregator(call: Call, name: str) -> Aggregator:
    held = call.world.of(RecordersState).aggregators.get((call.account, call.region))
    if held is None or held.name != name:
        text = "The configuration aggregator does not exist. Check the configuration aggregator name and try again."
        raise ApiError("NoSuchConfigurationAggregatorException", text)
    return held


def _limit(size: int | None) -> int | None:
    """0 means the default; more than the largest page is refused [model]."""
    if size is not None and not 0 <= size <= MOST:
        raise ApiError("InvalidLimitException", f"The limit has to be between 0 and {MOST}")
    return size or None
