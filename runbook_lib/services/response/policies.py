"""Whether the policy of a channel lets EventBridge deliver, and the statement that does. Pure.

No Condition in a topic's policy: AWS's page says that it cannot be used for EventBridge there, and an alert path with one looks
installed and delivers nothing. A queue's and a function's take the ARN of the rule.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from runbook_lib.services.response.names import QUEUES, SID, TOPICS

PRINCIPAL = "events.amazonaws.com"
SENDING = {"sqs": "sqs:SendMessage", "sns": "sns:Publish", "lambda": "lambda:InvokeFunction"}
Policy = Mapping[str, Any]


def statement(kind: str, arn: str, rules: Iterable[str]) -> dict[str, Any]:
    """What lets these rules deliver to a queue, or EventBridge to a topic."""
    condition = {"Condition": {"ArnEquals": {"aws:SourceArn": sorted(rules)}}} if kind == QUEUES else {}
    who = {"Sid": SID, "Effect": "Allow", "Principal": {"Service": PRINCIPAL}}
    return {**who, "Action": SENDING[kind], "Resource": arn, **condition}


def trust(sources: Iterable[str], account: str, service: str = PRINCIPAL) -> dict[str, Any]:
    """What lets a service assume a role for these sources (EventBridge: rules) of this account, and for no other."""
    condition = {"ArnEquals": {"aws:SourceArn": sorted(sources)}, "StringEquals": {"aws:SourceAccount": account}}
    who = {"Sid": SID, "Effect": "Allow", "Principal": {"Service": service}}
    return {"Version": "2012-10-17", "Statement": [{**who, "Action": "sts:AssumeRole", "Condition": condition}]}


def use_of(action: str, arn: str, passed: str = "") -> dict[str, Any]:
    """The policy of a role that may do one thing with one target, and give one role on to Systems Manager."""
    statements: list[dict[str, Any]] = [{"Sid": SID, "Effect": "Allow", "Action": action, "Resource": arn}]
    if passed:
        condition = {"StringEquals": {"iam:PassedToService": "ssm.amazonaws.com"}}
        giving = {"Sid": f"{SID}Pass", "Effect": "Allow", "Action": "iam:PassRole", "Resource": passed}
        statements.append({**giving, "Condition": condition})
    return {"Version": "2012-10-17", "Statement": statements}


def uses(asked: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The policy of a role that may do these things: action and ARN."""
    statements = [
        {"Sid": f"{SID}{number}", "Effect": "Allow", "Action": action, "Resource": arn}
        for number, (action, arn) in enumerate(asked)
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def same(one: Policy, other: Policy) -> bool:
    """Whether two policies say the same; one value and a list of it are the same."""
    return bool(_plain(one) == _plain(other))


def owner_statement(partition: str, account: str, arn: str) -> dict[str, Any]:
    """What a topic's own default policy says: its account may use it."""
    actions = ("GetTopicAttributes", "ListSubscriptionsByTopic", "Publish", "SetTopicAttributes", "Subscribe")
    return {
        "Sid": "Owner", "Effect": "Allow", "Principal": {"AWS": f"arn:{partition}:iam::{account}:root"},
        "Action": [f"sns:{each}" for each in actions], "Resource": arn,
    }  # fmt: skip


def written(statements: Sequence[Any]) -> str:
    """A policy as it is sent."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, sort_keys=True, separators=(",", ":"))


def read(text: str) -> Policy:
    """A policy as AWS gives it; none is empty."""
    found: Policy = json.loads(text) if text else {}
    return found


def merged(policy: Policy, ours: Mapping[str, Any]) -> str:
    """The policy with our statement in the place of an older one of ours; what others wrote stays."""
    return written([*(each for each in listed(policy.get("Statement")) if each.get("Sid") != SID), ours])


def has(policy: Policy, wanted: Mapping[str, Any]) -> bool:
    """Whether exactly our statement is there."""
    return any(_plain(each) == _plain(wanted) for each in listed(policy.get("Statement")))


def statement_id(rule: str) -> str:
    """The id of the statement that lets EventBridge invoke a function for one rule."""
    return f"{SID}-{rule.rpartition('/')[2]}"


def permission(function: str, rule: str) -> dict[str, str]:
    """The parameters of AddPermission for one rule."""
    return {
        "FunctionName": function, "StatementId": statement_id(rule), "Action": SENDING["lambda"], "Principal": PRINCIPAL,
        "SourceArn": rule,
    }  # fmt: skip


def ours_in(policy: Policy) -> frozenset[str]:
    """The ids of our statements in a function's policy."""
    named = (str(each.get("Sid", "")) for each in listed(policy.get("Statement")))
    return frozenset(each for each in named if each.startswith(f"{SID}-"))


def has_sid(policy: Policy, sid: str) -> bool:
    """Whether a statement has this id, whatever it says."""
    return any(each.get("Sid") == sid for each in listed(policy.get("Statement")))


def denied(policy: Policy, kind: str, arn: str) -> str:
    """Why nobody could be let in; "" where nothing says so."""
    if any(map(denies, about(policy, SENDING[kind], arn))):
        return "a statement of its policy denies sending, under conditions that cannot be judged from here"
    return ""


def denies(statement: Mapping[str, Any]) -> bool:
    """Whether a statement may deny EventBridge something: all do but those against requests without TLS, which it never makes."""
    conditions: Mapping[str, Mapping[str, Any]] = statement.get("Condition") or {}
    asked = [(kind, key.lower(), _plain(value)) for kind, keys in conditions.items() for key, value in keys.items()]
    return statement.get("Effect") == "Deny" and asked != [("Bool", "aws:securetransport", ["false"])]


def refuses(policy: Policy, kind: str, arn: str, rules: Iterable[str]) -> str:
    """Why EventBridge could not deliver for one of these rules; "" where it could."""
    if why := denied(policy, kind, arn):
        return why
    allowing = [each for each in about(policy, SENDING[kind], arn) if each.get("Effect") == "Allow"]
    if not allowing:
        return f"its policy does not let EventBridge call {SENDING[kind]}"
    if kind == TOPICS:
        if any(not each.get("Condition") for each in allowing):
            return ""
        return "its policy lets EventBridge publish under a Condition, which AWS does not support in a topic's policy"
    left = [rule for rule in rules if not any(_met(each.get("Condition") or {}, rule) for each in allowing)]
    return f"its policy does not let EventBridge send for {left[0].rpartition('/')[2]}" if left else ""


def statements_of(policy: Policy) -> list[Mapping[str, Any]]:
    """The statements of a policy."""
    return listed(policy.get("Statement"))


def trusting(trust: Policy) -> list[Mapping[str, Any]]:
    """The statements of a trust policy that let EventBridge assume its role, under whatever condition."""
    found = []
    for each in statements_of(trust):
        principal = each.get("Principal")
        who = listed(principal.get("Service")) if isinstance(principal, Mapping) else []
        assumes = any(fnmatchcase("sts:assumerole", str(one).lower()) for one in listed(each.get("Action")))
        if each.get("Effect") == "Allow" and PRINCIPAL in who and assumes:
            found.append(each)
    return found


def not_trusted(trust: Policy, rules: Iterable[str]) -> str:
    """Why EventBridge could not assume a role for one of these rules; "" where it could."""
    letting = trusting(trust)
    left = [rule for rule in rules if not any(_met(each.get("Condition") or {}, rule) for each in letting)]
    return f"its trust policy does not let EventBridge assume it for {left[0].rpartition('/')[2]}" if left else ""


def allowed(policy: Policy, action: str, arn: str) -> bool:
    """Whether the statements of a role's policies let it do something: by one without a condition, and with none that denies it."""
    effects = set()
    for each in statements_of(policy):
        acts = any(fnmatchcase(action.lower(), str(one).lower()) for one in listed(each.get("Action")))
        there = any(fnmatchcase(arn, str(one)) for one in listed(each.get("Resource")))
        if acts and there and (each.get("Effect") == "Deny" or not _unmet(each, action)):
            effects.add(each.get("Effect"))
    return effects == {"Allow"}


def _unmet(statement: Mapping[str, Any], action: str) -> bool:
    """Whether a condition may stand in the way: of handing on a role, to whom it is handed is known."""
    passed = {"StringEquals": {"iam:PassedToService": ["ssm.amazonaws.com"]}}
    condition = statement.get("Condition") or {}
    return bool(condition) and not (action == "iam:PassRole" and _plain(condition) == _plain(passed))


def about(policy: Policy, action: str, arn: str) -> list[Mapping[str, Any]]:
    """The statements of a policy that are about EventBridge, one action and one resource."""
    found = []
    for each in listed(policy.get("Statement")):
        principal = each.get("Principal")
        who = listed(principal.get("Service")) if isinstance(principal, Mapping) else [principal]
        anybody = principal == "*" or (isinstance(principal, Mapping) and "*" in listed(principal.get("AWS")))
        there = any(fnmatchcase(action.lower(), str(one).lower()) for one in listed(each.get("Action")))
        if (anybody or PRINCIPAL in who) and there and any(fnmatchcase(arn, str(one)) for one in listed(each.get("Resource"))):
            found.append(each)
    return found


def _met(condition: Mapping[str, Any], rule: str) -> bool:
    """Whether a request of EventBridge for this rule meets a statement's condition; what is not known is not met."""
    facts = {"aws:sourcearn": rule, "aws:sourceaccount": rule.split(":")[4]}
    for operator, keys in condition.items():
        like = operator in ("ArnEquals", "ArnLike", "StringLike")
        if not like and operator != "StringEquals":
            return False
        for key, values in keys.items():
            fact = facts.get(key.lower())
            if fact is None or not any(fnmatchcase(fact, each) if like else fact == each for each in listed(values)):
                return False
    return True


def listed(value: Any) -> list[Any]:
    """One value and a list of it are the same in a policy."""
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]


def _plain(value: Any) -> Any:
    """A statement in which one value and a list of it are the same."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in sorted(value.items())}
    if isinstance(value, list | tuple):
        return sorted((_plain(each) for each in value), key=repr)
    return [value]
