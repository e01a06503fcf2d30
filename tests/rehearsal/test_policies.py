"""What policies allow, case by case (tests/cases/policies), and what holds of all policies together."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import table

from runbook_lib.rehearsal.policies.document import Kind, Policy, read
from runbook_lib.rehearsal.policies.evaluation import Attached, Decision, Principal, Request, Who, decide
from runbook_lib.rehearsal.policies.operators import condition
from runbook_lib.rehearsal.policies.wildcards import Context, PolicyError, Value

CASES = Path(__file__).parents[1] / "cases" / "policies"
OWN, OTHERS, MANAGEMENT = "111111111111", "222222222222", "999999999999"
ROLE = f"arn:aws:iam::{OWN}:role/Name"
SESSION, USER = f"arn:aws:sts::{OWN}:assumed-role/Name/run", f"arn:aws:iam::{OWN}:user/name"
PRINCIPALS = {
    "session": Principal(Who.SESSION, SESSION, OWN, ROLE),
    "user": Principal(Who.USER, USER, OWN),
    "root": Principal(Who.ROOT, f"arn:aws:iam::{OWN}:root", OWN),
    "linked": Principal(Who.LINKED, SESSION, OWN, ROLE),
    "service": Principal(Who.SERVICE, "events.amazonaws.com"),
}
NAMED = {"role": ROLE, "session": SESSION, "user": USER, "account": OWN, "others": f"arn:aws:iam::{OTHERS}:root"}
OBJECT = "arn:aws:s3:::bucket/key"
EVERYTHING = [{"Effect": "Allow", "Action": "*", "Resource": "*"}]


def cases(name: str) -> list[Any]:
    found = table(CASES / f"{name}.yaml")
    assert len(found) > 30
    return [pytest.param(each, id=each.get("name") or f"{number}: {each['operator']}") for number, each in enumerate(found)]


def context(values: Mapping[str, Any]) -> Context:
    """Knows these keys, and that a role session has no user name; everything else nobody knows."""
    known = {"aws:username": None, "aws:principalaccount": OWN, **{key.lower(): value for key, value in values.items()}}

    def value(key: str) -> Value:
        if key.lower() not in known:
            raise PolicyError(f"nobody knows {key}")
        given = known[key.lower()]
        return tuple(given) if isinstance(given, list) else given

    return value


def told(decision: Decision) -> str:
    if decision.allowed or decision.kind is None:
        return "allowed"
    return f"{'explicit' if decision.explicit else 'no'} {decision.kind.value}"


def outcome(request: Request, attached: Callable[[], Attached]) -> str:
    """The decision, or why there is none."""
    try:
        return told(decide(request, attached()))
    except PolicyError as error:
        return f"error: {error}"


def expect(case: Mapping[str, Any], request: Request, attached: Callable[[], Attached]) -> None:
    found, wanted = outcome(request, attached), case["expect"]
    assert (wanted.removeprefix("error: ") in found) if wanted.startswith("error: ") else found == wanted


def policy(kind: Kind, statements: list[Any], version: str = "2012-10-17") -> Policy:
    return read({"Version": version, "Statement": statements}, kind)


@pytest.mark.parametrize("case", cases("statements"))
def test_one_statement(case: dict[str, Any]) -> None:
    assert set(case) <= {"name", "source", "version", "statement", "identity", "resource", "context", "expect"}
    plain = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    given = case.get("statement", {})
    if "NotAction" in given:
        del plain["Action"]
    if "NotResource" in given and "Resource" not in given:
        del plain["Resource"]
    statements = case.get("identity", [{**plain, **given}])
    request = Request(PRINCIPALS["session"], "s3:GetObject", case.get("resource", OBJECT), OWN, context(case.get("context", {})))
    expect(case, request, lambda: Attached(identity=(policy(Kind.IDENTITY, statements, case.get("version", "2012-10-17")),)))


@pytest.mark.parametrize("case", cases("conditions"))
def test_one_condition(case: dict[str, Any]) -> None:
    assert set(case) <= {"operator", "wanted", "is", "holds", "source"}
    wanted = case["wanted"] if isinstance(case["wanted"], list) else [case["wanted"]]
    value = None if case["is"] == "absent" else case["is"]
    assert condition(case["operator"], "aws:Key", wanted).holds(context({"AWS:key": value})) is case["holds"]


def statement(case: Mapping[str, Any], kind: Kind) -> dict[str, Any]:
    """A statement of `together.yaml`: {Allow or Deny: actions, on: resources, to or but: principals, if: conditions}."""
    assert set(case) <= {"Allow", "Deny", "on", "to", "but", "if"}
    [effect] = set(case) & {"Allow", "Deny"}
    made: dict[str, Any] = {"Effect": effect, "Action": case[effect]}
    if kind is not Kind.TRUST or "on" in case:
        made["Resource"] = case.get("on", "*")
    if "to" in case:
        made["Principal"] = principal(case["to"])
    if "but" in case:
        made["NotPrincipal"] = {"AWS": [NAMED[each] for each in case["but"]]}
    return {**made, **({"Condition": case["if"]} if "if" in case else {})}


def principal(named: str) -> Any:
    if named in ("everybody", "service"):
        return "*" if named == "everybody" else {"Service": PRINCIPALS["service"].arn}
    return {"AWS": NAMED.get(named, named)}


RESOURCE_POLICIES = {"resource_policy": Kind.RESOURCE, "trust": Kind.TRUST, "key": Kind.KEY}


def attached(case: Mapping[str, Any]) -> Attached:
    def one(key: str, kind: Kind) -> Policy | None:
        return policy(kind, [statement(each, kind) for each in case[key]]) if key in case else None

    def levels(key: str, kind: Kind) -> tuple[tuple[Policy, ...], ...]:
        return tuple(tuple(policy(kind, [statement(each, kind)]) for each in level) for level in case.get(key, []))

    session = one("session", Kind.SESSION)
    resources = [made for key, kind in RESOURCE_POLICIES.items() if (made := one(key, kind))]
    return Attached(
        identity=(one("identity", Kind.IDENTITY) or policy(Kind.IDENTITY, EVERYTHING),) if case.get("identity", [1]) else (),
        boundary=one("boundary", Kind.BOUNDARY),
        session=(session,) if session else None,
        resource=resources[0] if resources else None,
        scps=levels("scps", Kind.SCP),
        rcps=levels("rcps", Kind.RCP),
        management=OWN if case.get("management") == "own" else MANAGEMENT,
    )


KEYS = {
    "name",
    "source",
    "who",
    "action",
    "owner",
    "management",
    "identity",
    "boundary",
    "session",
    "scps",
    "rcps",
    "context",
    "expect",
}


@pytest.mark.parametrize("case", cases("together"))
def test_policies_together(case: dict[str, Any]) -> None:
    assert set(case) <= KEYS | set(RESOURCE_POLICIES)
    owner = OTHERS if case.get("owner") == "others" else OWN
    asked = Request(
        PRINCIPALS[case.get("who", "session")], case.get("action", "s3:GetObject"), OBJECT, owner, context(case.get("context", {}))
    )
    expect(case, asked, lambda: attached(case))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not JSON"),
        ("[]", "an object of Version, Id and Statement"),
        ('{"Statement": [], "Statements": []}', "Statements"),
        ('{"Statement": [], "Statement": []}', "appears twice"),
        ('{"Statement": ["Allow"]}', "a statement is an object"),
        ('{"Statement": {"Effect": "Allow", "Action": [], "Resource": "*"}}', "Action is a text or a list of texts"),
        ('{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": []}}', "Condition is an object"),
        ('{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": {}}}}', "condition keys"),
        ('{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": {"a:b": []}}}}', "no value"),
        (
            '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": {"a b": true}}}}',
            "not a condition key",
        ),
        (
            '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Bool": {"a:b": {}}}}}',
            "compares texts",
        ),
    ],
)
def test_what_is_no_policy_is_refused(text: str, says: str) -> None:
    with pytest.raises(PolicyError, match=says):
        read(text, Kind.IDENTITY)


ACTIONS = ["*", "s3:*", "s3:Get*", "s3:GetObject", "S3:getOBJECT", "sts:AssumeRole", "sqs:SendMessage", "kms:Sign", "guardduty:*"]
RESOURCES = ["*", "arn:aws:s3:::*", "arn:aws:s3:::bucket/*", "arn:aws:s3:::other", OBJECT]
CONDITIONS: list[dict[str, Any]] = [
    {},
    {"StringEquals": {"aws:RequestedRegion": "us-east-1"}},
    {"StringNotEquals": {"aws:RequestedRegion": "us-east-1"}},
    {"ForAllValues:StringLike": {"aws:TagKeys": "a*"}},
    {"ForAnyValue:StringLike": {"aws:TagKeys": ["a*", "b"]}},
    {"Null": {"aws:username": "true"}},
    {"StringLikeIfExists": {"aws:username": "n*"}, "Bool": {"aws:SecureTransport": "true"}},
]
_effects = st.sampled_from(["Allow", "Deny"])


@st.composite
def statements(draw: st.DrawFn, kind: Kind, effects: st.SearchStrategy[str] = _effects) -> dict[str, Any]:
    made: dict[str, Any] = {"Effect": "Deny" if kind is Kind.RCP else draw(effects)}
    made[draw(st.sampled_from(["Action", "NotAction"]))] = draw(st.sampled_from(ACTIONS))
    if kind is not Kind.TRUST:
        made[draw(st.sampled_from(["Resource", "NotResource"]))] = draw(st.sampled_from(RESOURCES))
    if kind is Kind.RCP:
        made["Principal"] = "*"
    elif kind.names_principals:
        made["Principal"] = principal(draw(st.sampled_from(["everybody", "service", *NAMED])))
    return {**made, "Condition": draw(st.sampled_from(CONDITIONS))}


def policies(kind: Kind) -> st.SearchStrategy[Policy]:
    return st.lists(statements(kind), min_size=1, max_size=3).map(lambda made: policy(kind, made))


def levels_of(kind: Kind) -> st.SearchStrategy[tuple[tuple[Policy, ...], ...]]:
    return st.lists(st.lists(policies(kind), min_size=1, max_size=2).map(tuple), max_size=2).map(tuple)


attachments = st.builds(
    Attached,
    identity=st.lists(policies(Kind.IDENTITY), max_size=2).map(tuple),
    boundary=st.none() | policies(Kind.BOUNDARY),
    session=st.none() | policies(Kind.SESSION).map(lambda made: (made,)),
    resource=st.none() | st.sampled_from([Kind.RESOURCE, Kind.TRUST, Kind.KEY]).flatmap(policies),
    scps=levels_of(Kind.SCP),
    rcps=levels_of(Kind.RCP),
    management=st.sampled_from([OWN, OTHERS, MANAGEMENT]),
)
contexts = st.fixed_dictionaries(
    {
        "aws:RequestedRegion": st.sampled_from(["us-east-1", "us-east-2"]),
        "aws:TagKeys": st.lists(st.sampled_from(["a", "b", "c"]), max_size=2),
        "aws:username": st.none() | st.just("name"),
        "aws:SecureTransport": st.sampled_from(["true", "false"]),
    }
)
requests = st.builds(
    Request,
    principal=st.sampled_from(list(PRINCIPALS.values())),
    action=st.sampled_from(["s3:GetObject", "sts:AssumeRole", "sqs:SendMessage", "kms:Sign", "guardduty:ListDetectors"]),
    resource=st.sampled_from(["*", OBJECT, "arn:aws:s3:::other"]),
    owner=st.sampled_from([OWN, OTHERS, MANAGEMENT]),
    context=contexts.map(context),
)
places = st.sampled_from(["identity", "boundary", "session", "resource", "scps", "rcps"])


def with_more(there: Attached, place: str, more: dict[str, Any]) -> Attached:
    """The same policies with one more statement, in a policy that is there; the same ones where none is."""
    value = getattr(there, place)
    if not value:
        return there
    changed: Any
    if isinstance(value, Policy):
        changed = added(value, more)
    elif isinstance(value[0], Policy):
        changed = (added(value[0], more), *value[1:])
    else:
        changed = ((added(value[0][0], more), *value[0][1:]), *value[1:])
    return replace(there, **{place: changed})


def added(there: Policy, more: dict[str, Any]) -> Policy:
    suited = dict(more)
    if there.kind.names_principals:
        suited["Principal"] = "*"
    if there.kind is Kind.TRUST:
        suited = {key: value for key, value in suited.items() if key not in ("Resource", "NotResource")}
    return replace(there, statements=(*there.statements, *policy(there.kind, [suited]).statements))


@given(requests, attachments, places, statements(Kind.IDENTITY, st.just("Deny")))
@settings(max_examples=100, deadline=None)
def test_one_more_deny_never_allows_more(asked: Request, there: Attached, place: str, more: dict[str, Any]) -> None:
    if decide(asked, with_more(there, place, more)).allowed:
        assert decide(asked, there).allowed


@given(
    requests,
    attachments,
    st.sampled_from(["identity", "boundary", "session", "resource", "scps"]),
    statements(Kind.IDENTITY, st.just("Allow")),
)
@settings(max_examples=100, deadline=None)
def test_one_more_allow_never_allows_less(asked: Request, there: Attached, place: str, more: dict[str, Any]) -> None:
    if decide(asked, there).allowed:
        assert decide(asked, with_more(there, place, more)).allowed


@given(requests, attachments, policies(Kind.SCP), policies(Kind.RCP))
@settings(max_examples=60, deadline=None)
def test_a_further_guardrail_never_allows_more(asked: Request, there: Attached, scp: Policy, rcp: Policy) -> None:
    narrower = replace(there, scps=(*there.scps, (scp,)), rcps=(*there.rcps, (rcp,)))
    if decide(asked, narrower).allowed:
        assert decide(asked, there).allowed
    if decide(asked, replace(there, boundary=there.boundary or policy(Kind.BOUNDARY, EVERYTHING))).allowed:
        assert decide(asked, replace(there, boundary=None)).allowed


@given(requests, attachments)
@settings(max_examples=60, deadline=None)
def test_nothing_is_allowed_that_nobody_allows(asked: Request, there: Attached) -> None:
    silent = replace(there, identity=(), resource=None)
    decision = decide(asked, silent)
    assert not decision.allowed or (asked.principal.who is Who.ROOT and asked.owner == OWN)


@given(requests, attachments)
@settings(max_examples=40, deadline=None)
def test_a_deny_of_a_key_that_nobody_knows_is_an_error_and_no_allow(asked: Request, there: Attached) -> None:
    unknown = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:SourceVpce": "vpce-1"}}}
    asking = replace(there, identity=(policy(Kind.IDENTITY, [unknown]),))
    assert outcome(asked, lambda: asking) != "allowed"
