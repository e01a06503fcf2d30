"""Automation rules (V1): the administrator's, each in the Region where it was made, applied before EventBridge sees a finding.

[model] botocore's words, [docs] the user guide; what neither says is [assumed]. A rule changes new findings and those that their
providers update, none that were there before [docs]. Whether BatchUpdateFindings makes rules run: variant "securityhub rules on
updates", "no" or "yes".
"""

import copy
import hashlib
from collections.abc import Iterator
from typing import Any

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.registry import Call, operation, page
from runbook_lib.rehearsal.world import World, get_or_make

from .errors import invalid
from .finding_filters import compile_criteria
from .places import bounded
from .state import AutomationRule, Place, state_of
from .switching import require_hub

MOST_RULES = 100
"""Of an administrator account in a Region [docs]."""
MOST_ITEMS = {"AwsAccountId": 100, "GeneratorId": 100, "Title": 100, "ResourceId": 100}
"""Items of one criterion; 20 of all others [model]."""
LONGEST_NAME = 256
"""Characters of a name [assumed]."""


def _rules(call: Call) -> dict[str, AutomationRule]:
    """The caller's rules here, if it is an administrator with Security Hub on: nobody else has any [docs]."""
    require_hub(call)
    state = state_of(call.world)
    designated = state.administrations.get(call.region)
    administrates = designated is not None and designated.account == call.account and designated.usable.over
    if not administrates and not state.members_of(call.account, call.region):
        text = f"Account {call.account} is not an administrator account"  # code [model], text [assumed]
        raise ApiError("AccessDeniedException", text, 403)
    return get_or_make(state.automation_rules, (call.account, call.region), dict[str, AutomationRule])


def _check(name: str | None, criteria: dict[str, Any] | None, actions: list[dict[str, Any]] | None, order: int | None) -> None:
    if name is not None and len(name) > LONGEST_NAME:
        raise invalid(f"RuleName can have up to {LONGEST_NAME} characters")
    if order is not None and not 1 <= order <= 1000:
        raise invalid("RuleOrder must be between 1 and 1000")
    if criteria is not None:
        _check_criteria(criteria)
    if actions is not None:
        _check_actions(actions)


def _check_criteria(criteria: dict[str, Any]) -> None:
    if not any(criteria.values()):
        raise invalid("Criteria must name at least one attribute")  # [assumed]
    for attribute, items in criteria.items():
        most = MOST_ITEMS.get(attribute, 20)
        if len(items) > most:
            raise invalid(f"{attribute} can have up to {most} items")
    compile_criteria(criteria, 0.0)


def _check_actions(actions: list[dict[str, Any]]) -> None:
    if len(actions) != 1 or actions[0].get("Type") != "FINDING_FIELDS_UPDATE":
        raise invalid("Actions must have exactly one item of type FINDING_FIELDS_UPDATE")
    if not actions[0].get("FindingFieldsUpdate"):
        raise invalid("FindingFieldsUpdate must change at least one field")  # [assumed]


@operation("securityhub", "CreateAutomationRule")
def create_automation_rule(
    call: Call,
    RuleName: str,
    Description: str,
    RuleOrder: int,
    Criteria: dict[str, Any],
    Actions: list[dict[str, Any]],
    RuleStatus: str = "ENABLED",
    IsTerminal: bool = False,
    Tags: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Every call makes a rule, also of a name that is there already [assumed]."""
    rules = _rules(call)
    _check(RuleName, Criteria, Actions, RuleOrder)
    if len(rules) >= MOST_RULES:
        raise ApiError("LimitExceededException", f"The limit of {MOST_RULES} automation rules is reached", 429)
    state = state_of(call.world)
    state.rules_made += 1
    digest = hashlib.sha256(f"{call.account}/{call.region}/{state.rules_made}".encode()).hexdigest()
    token = f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"
    arn = f"arn:{call.partition}:securityhub:{call.region}:{call.account}:automation-rule/{token}"
    now = call.world.now()
    described = {
        "RuleArn": arn,
        "RuleStatus": RuleStatus,
        "RuleOrder": RuleOrder,
        "RuleName": RuleName,
        "Description": Description,
        "IsTerminal": IsTerminal,
        "Criteria": copy.deepcopy(Criteria),
        "Actions": copy.deepcopy(Actions),
        "CreatedAt": now,
        "UpdatedAt": now,
        "CreatedBy": call.principal,
    }
    rules[arn] = AutomationRule(described, dict(Tags or {}))
    return {"RuleArn": arn}


@operation("securityhub", "ListAutomationRules")
def list_automation_rules(call: Call, NextToken: str | None = None, MaxResults: int | None = None) -> dict[str, Any]:
    """The caller's rules of this Region, without criteria and actions."""
    listed = [
        {name: value for name, value in each.described.items() if name not in ("Criteria", "Actions")}
        for each in _rules(call).values()
    ]
    shown, token = page(listed, NextToken, bounded(MaxResults, 100), 100)
    return {"AutomationRulesMetadata": shown, "NextToken": token}


def _sorted(call: Call, arns: list[str]) -> tuple[list[AutomationRule], list[dict[str, Any]]]:
    """The rules of ARNs, and the entries of those that are not there: their ErrorCode is a number [model]."""
    if not 1 <= len(arns) <= 100:
        raise invalid("1 to 100 automation rules can be named")
    rules = _rules(call)
    found = [rules[each] for each in arns if each in rules]
    missing = [
        {"RuleArn": each, "ErrorCode": 404, "ErrorMessage": "Automation rule was not found"} for each in arns if each not in rules
    ]
    return found, missing


@operation("securityhub", "BatchGetAutomationRules")
def batch_get_automation_rules(call: Call, AutomationRulesArns: list[str]) -> dict[str, Any]:
    found, missing = _sorted(call, AutomationRulesArns)
    return {"Rules": [copy.deepcopy(each.described) for each in found], "UnprocessedAutomationRules": missing}


@operation("securityhub", "BatchUpdateAutomationRules")
def batch_update_automation_rules(call: Call, UpdateAutomationRulesRequestItems: list[dict[str, Any]]) -> dict[str, Any]:
    """What an item leaves out stays as it is [model]."""
    items = UpdateAutomationRulesRequestItems
    found, missing = _sorted(call, [each["RuleArn"] for each in items])
    for each in items:
        _check(each.get("RuleName"), each.get("Criteria"), each.get("Actions"), each.get("RuleOrder"))
    changes = {each["RuleArn"]: each for each in items}
    for rule in found:
        rule.described |= {**copy.deepcopy(changes[rule.described["RuleArn"]]), "UpdatedAt": call.world.now()}
    return {"ProcessedAutomationRules": [each.described["RuleArn"] for each in found], "UnprocessedAutomationRules": missing}


@operation("securityhub", "BatchDeleteAutomationRules")
def batch_delete_automation_rules(call: Call, AutomationRulesArns: list[str]) -> dict[str, Any]:
    found, missing = _sorted(call, AutomationRulesArns)
    for each in found:
        del _rules(call)[each.described["RuleArn"]]
    return {"ProcessedAutomationRules": [each.described["RuleArn"] for each in found], "UnprocessedAutomationRules": missing}


def tags_of(world: World, place: Place, arn: str) -> dict[str, str] | None:
    """The tags of a rule, to be changed in place; None where it is not there."""
    found = state_of(world).automation_rules.get(place, {}).get(arn)
    return found.tags if found else None


def changes_of(world: World, account: str, region: str, finding: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What rules change of a finding, in order: each rule's ARN and fields.

    The lower number comes first, of equal ones the one that was edited earlier, so the latest edited wins; after a terminal rule
    none is looked at [docs]. Each rule sees what those before it have changed [assumed].
    """
    state = state_of(world)
    rules: list[AutomationRule] = []
    for each in dict.fromkeys(filter(None, (state.administrator_of.get((account, region)), account))):
        rules += state.automation_rules.get((each, region), {}).values()
    changed = dict(finding)
    for rule in sorted(rules, key=lambda each: (each.described["RuleOrder"], each.described["UpdatedAt"])):
        said = rule.described
        if said["RuleStatus"] != "ENABLED" or not compile_criteria(said["Criteria"], world.now())(changed):
            continue
        fields = copy.deepcopy(said["Actions"][0]["FindingFieldsUpdate"])
        changed |= fields
        yield said["RuleArn"], fields
        if said["IsTerminal"]:
            return
