"""Random policies, judged a second time by a naive reading of the IAM user guide that shares nothing with the simulation's.

The naive one takes documents as they are, matches text letter by letter and asks the questions of AWS's flow chart in their order.
"""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from runbook_lib.rehearsal.policies.document import Kind, read
from runbook_lib.rehearsal.policies.evaluation import Attached, Principal, Request, Who, decide

OWN, OTHERS = "111111111111", "222222222222"
ROLE = f"arn:aws:iam::{OWN}:role/Name"
SESSION, USER, ROOT = f"arn:aws:sts::{OWN}:assumed-role/Name/run", f"arn:aws:iam::{OWN}:user/name", f"arn:aws:iam::{OWN}:root"
PRINCIPALS = {
    SESSION: Principal(Who.SESSION, SESSION, OWN, ROLE),
    USER: Principal(Who.USER, USER, OWN),
    ROOT: Principal(Who.ROOT, ROOT, OWN),
}
ACTIONS = ("s3:GetObject", "s3:PutObject", "s3:ListBucket", "sqs:SendMessage")
RESOURCES = ("arn:aws:s3:::bucket/key", "arn:aws:s3:::bucket", "arn:aws:s3:::other/key", "arn:aws:sqs:us-east-1:111111111111:queue")
ACTION_PATTERNS = ("*", "s3:*", "s3:Get*", "S3:getobject", "s3:?etObject", "s3:ListBucket", "sqs:*", "sqs:Send*age")
RESOURCE_PATTERNS = (
    "*",
    "arn:aws:s3:::*",
    "arn:aws:s3:::bucket/*",
    "arn:aws:s3:::bucket",
    "arn:*:sqs:*:*:*",
    "arn:aws:s3:::bucke?",
)
VALUES = {
    "aws:RequestedRegion": ("us-east-1", "eu-west-1"),
    "aws:PrincipalTag/team": ("Red", "red", "blue"),
    "s3:max-keys": ("5", "50"),
}
MANY = "aws:TagKeys"
TAGS = ("owner", "cost", "team")
Document = dict[str, Any]
Values = Mapping[str, Any]
Judgement = tuple[str, str]
GUARDRAIL = "service control policy"


# The second judge.


def fits(pattern: str, text: str) -> bool:
    """Letter by letter: * is any characters, ? any one."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(fits(pattern[1:], text[start:]) for start in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and fits(pattern[1:], text[1:])


def listed(statement: Document, element: str) -> list[str]:
    value = statement[element]
    return value if isinstance(value, list) else [value]


def one_holds(operator: str, wanted: str, value: str) -> bool:
    if operator == "StringEquals":
        return wanted == value
    if operator == "StringEqualsIgnoreCase":
        return wanted.casefold() == value.casefold()
    if operator == "StringLike":
        return fits(wanted, value)
    assert operator == "NumericLessThan"
    return int(value) < int(wanted)


def condition_holds(operator: str, wanted: list[str], value: Any) -> bool:
    if operator == "Null":
        return (value is None) == (wanted == ["true"])
    several = ""
    if ":" in operator:
        several, operator = operator.split(":")
    lenient = operator.endswith("IfExists")
    operator = operator.removesuffix("IfExists")
    negated = "Not" in operator
    plain = operator.replace("Not", "")
    if value is None:
        return several == "ForAllValues" if several else lenient or negated
    answers = []
    for each in value if isinstance(value, list) else [value]:
        matched = any(one_holds(plain, one, each) for one in wanted)
        answers.append(not matched if negated else matched)
    return any(answers) if several == "ForAnyValue" else all(answers)


def speaks(statement: Document, action: str, resource: str, values: Values) -> bool:
    """Whether a statement is about this action on this resource now."""
    if "Action" in statement and not any(fits(each.lower(), action.lower()) for each in listed(statement, "Action")):
        return False
    if "NotAction" in statement and any(fits(each.lower(), action.lower()) for each in listed(statement, "NotAction")):
        return False
    if "Resource" in statement and not any(fits(each, resource) for each in listed(statement, "Resource")):
        return False
    if "NotResource" in statement and any(fits(each, resource) for each in listed(statement, "NotResource")):
        return False
    return all(
        condition_holds(operator, wanted if isinstance(wanted, list) else [wanted], values.get(key))
        for operator, keys in statement.get("Condition", {}).items()
        for key, wanted in keys.items()
    )


def names(statement: Document, who: str) -> str:
    """How a resource's policy names the principal: "itself", by its "role" or everybody, by its "account", or ""."""
    given = statement["Principal"]
    named = ["*"] if given == "*" else listed(given, "AWS")
    if who in named and who != ROOT:
        return "itself"
    if "*" in named or (who == SESSION and ROLE in named):
        return "role"
    return "account" if OWN in named or ROOT in named else ""


def judged(who: str, owner: str, action: str, resource: str, values: Values, there: Mapping[str, Any]) -> Judgement:
    """Allowed or not, and by which kind of policy; in the order of AWS's flow chart."""

    def about(document: Document, effect: str) -> list[Document]:
        return [
            each for each in document["Statement"]
            if each["Effect"] == effect and speaks(each, action, resource, values) and ("Principal" not in each or names(each, who))
        ]  # fmt: skip

    scps = [(GUARDRAIL, level) for level in there["scps"]]
    own = [
        ("resource-based policy", [there["resource"]] if there["resource"] else []),
        ("identity-based policy", there["identity"]),
        ("permissions boundary", [there["boundary"]] if there["boundary"] else []),
        ("session policy", there["session"] or []),
    ]
    denying = [kind for kind, documents in (*scps, *own) if any(about(each, "Deny") for each in documents)]
    if denying:
        return "denied", denying[0]
    granted = [names(each, who) for each in about(there["resource"], "Allow")] if there["resource"] else []
    needed = [*scps, *(own[:1] if owner != OWN else [])]
    if owner != OWN or "itself" not in granted:
        spared = who == ROOT or (owner == OWN and "role" in granted)
        needed += [
            *([] if spared else own[1:2]),
            *(own[2:3] if there["boundary"] else []),
            *(own[3:] if there["session"] is not None else []),
        ]
    silent = [kind for kind, documents in needed if not any(about(each, "Allow") for each in documents)]
    return ("not allowed", silent[0]) if silent else ("allowed", "")


# What is judged.


def made_condition(draw: random.Random) -> Document:
    key = draw.choice(list(VALUES))
    if draw.random() < 0.3:
        operator = (
            f"{draw.choice(['ForAllValues', 'ForAnyValue'])}:{draw.choice(['StringEquals', 'StringNotEquals', 'StringLike'])}"
        )
        return {operator: {MANY: draw.sample(TAGS, draw.randint(1, 2))}}
    if draw.random() < 0.2:
        return {"Null": {key: draw.choice(["true", "false"])}}
    if key == "s3:max-keys":
        return {draw.choice(["NumericLessThan", "NumericLessThanIfExists"]): {key: draw.choice(["10", "100"])}}
    operator = draw.choice(["StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringLike", "StringNotLike"])
    wanted = [draw.choice(["us-*", "*e*", "?ed", *VALUES[key]]) for _ in range(draw.randint(1, 2))]
    return {operator + draw.choice(["", "IfExists"]): {key: draw.choice([wanted, wanted[0]])}}


def made_statement(draw: random.Random, *, principals: bool) -> Document:
    found: Document = {"Effect": "Deny" if draw.random() < 0.25 else "Allow"}
    some = draw.sample(ACTION_PATTERNS, draw.randint(1, 3))
    found["NotAction" if draw.random() < 0.2 else "Action"] = draw.choice([some, some[0]])
    where = draw.sample(RESOURCE_PATTERNS, draw.randint(1, 2))
    found["NotResource" if draw.random() < 0.2 else "Resource"] = draw.choice([where, where[0]])
    if draw.random() < 0.5:
        found["Condition"] = made_condition(draw)
    if principals:
        named = draw.sample([OWN, ROOT, ROLE, USER, SESSION, "*", f"arn:aws:iam::{OTHERS}:root"], draw.randint(1, 2))
        found["Principal"] = "*" if draw.random() < 0.2 else {"AWS": named}
    return found


def made_policy(draw: random.Random, *, principals: bool = False) -> Document:
    listed_ = [made_statement(draw, principals=principals) for _ in range(draw.randint(1, 3))]
    return {"Version": "2012-10-17", "Statement": listed_}


def made(draw: random.Random) -> dict[str, Any]:
    """Everything that is attached; wide policies are among it, for else nearly nothing would be allowed."""
    wide = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}

    def some() -> Document:
        return wide if draw.random() < 0.4 else made_policy(draw)

    return {
        "identity": [some() for _ in range(draw.randint(0, 2))],
        "boundary": some() if draw.random() < 0.3 else None,
        "session": [some()] if draw.random() < 0.3 else None,
        "resource": made_policy(draw, principals=True) if draw.random() < 0.5 else None,
        "scps": [[some(), *([made_policy(draw)] if draw.random() < 0.3 else [])] for _ in range(draw.randint(0, 2))],
    }


def asked(draw: random.Random) -> tuple[str, str, str, str, dict[str, Any]]:
    """Who asks what of whom, and what the request has of the keys that policies name."""
    values: dict[str, Any] = {key: draw.choice([None, *found]) for key, found in VALUES.items()}
    values[MANY] = draw.choice([None, draw.sample(TAGS, 1), draw.sample(TAGS, 2)])
    owner = OWN if draw.random() < 0.7 else OTHERS
    return draw.choice(list(PRINCIPALS)), owner, draw.choice(ACTIONS), draw.choice(RESOURCES), values


def attached(there: Mapping[str, Any]) -> Attached:
    return Attached(
        identity=tuple(read(each, Kind.IDENTITY) for each in there["identity"]),
        boundary=read(there["boundary"], Kind.BOUNDARY) if there["boundary"] else None,
        session=tuple(read(each, Kind.SESSION) for each in there["session"]) if there["session"] is not None else None,
        resource=read(there["resource"], Kind.RESOURCE) if there["resource"] else None,
        scps=tuple(tuple(read(each, Kind.SCP) for each in level) for level in there["scps"]),
    )


def known(values: Values) -> Callable[[str], Any]:
    def value(key: str) -> Any:
        found = values[key]
        return tuple(found) if isinstance(found, list) else found

    return value


def simulated(who: str, owner: str, action: str, resource: str, values: Values, there: Attached) -> Judgement:
    decision = decide(Request(PRINCIPALS[who], action, resource, owner, known(values)), there)
    if decision.allowed or decision.kind is None:
        return "allowed", ""
    return "denied" if decision.explicit else "not allowed", decision.kind.value


@pytest.mark.parametrize("start", range(0, 200, 50))
def test_two_hundred_random_policies_are_judged_alike(start: int) -> None:
    """Each with twenty requests; and the two are not alike because everything is denied."""
    seen: Counter[str] = Counter()
    for seed in range(start, start + 50):
        draw = random.Random(seed)
        there = made(draw)
        policies = attached(there)
        for _ in range(20):
            request = asked(draw)
            by_simulation, by_hand = simulated(*request, policies), judged(*request, there)
            assert by_simulation == by_hand, (seed, request, there)
            seen[by_hand[0]] += 1
    assert min(seen[each] for each in ("allowed", "denied", "not allowed")) > 50, seen
