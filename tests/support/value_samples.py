"""Plans, organizations and coverage cells that several tests write to files: ordinary ones, hostile ones, and any at all."""

from typing import Any

from hypothesis import strategies as st

from runbook_lib.base.observation import Known
from runbook_lib.coverage import Cell, Cells, Gap, Status
from runbook_lib.organization import Account, AccountState, Organization
from runbook_lib.plan import (
    ACCOUNT_EMAIL,
    ACCOUNT_ID,
    EACH,
    Action,
    BackOut,
    Blocker,
    Condition,
    Direction,
    ForEach,
    NoChange,
    Plan,
    Reference,
    Scope,
    Wait,
)
from runbook_lib.services.registry import by_name

FIRST, _SECOND, LAST, *_REST = by_name()
"""Services beside the one that most samples are of."""
MANAGEMENT, DELEGATED = "111111111111", "222222222222"
HOSTILE = (
    "<script>alert(1)</script>",
    "a|b",
    "=1+1",
    "two\nlines",
    "right\u200fto\u202eleft",
    "+44",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "`code` *bold* [x](https://example.com)",
    "a;=1+1",
    "\x1b[31mred",
    "',\"=1",
)
MEMBERS = tuple(f"{number:012d}" for number in range(1, len(HOSTILE) + 1))
"""Ids with leading zeros, which a careless reader turns into small numbers."""


def organization() -> Organization:
    """One account per hostile name, in three units; two are suspended."""
    accounts = {
        number: Account(
            number,
            name,
            AccountState.SUSPENDED if number in MEMBERS[-2:] else AccountState.ACTIVE,
            ("r-abcd", f"ou-abcd-{int(number) % 3}0000000"),
            f"{number}@example.com",
        )
        for number, name in zip((MANAGEMENT, DELEGATED, *MEMBERS), ("management", "security", *HOSTILE), strict=True)
    }
    return Organization(
        id="o-rehearsal001",
        arn="arn:made-up",
        partition="aws",
        feature_set="ALL",
        management_account=MANAGEMENT,
        delegated_account=DELEGATED,
        accounts=accounts,
        regions={},
        trusted_access=Known(frozenset()),
        delegated_administrators={},
    )


def action(operation: str, parameters: dict[str, Any], **others: Any) -> Action:
    """An Action of GuardDuty in us-east-1 unless said otherwise."""
    defaults: dict[str, Any] = {
        "service": "guardduty",
        "account": DELEGATED,
        "region": "us-east-1",
        "reason": "settings ask for it",
        "affects": frozenset(others.get("targets", (DELEGATED,))),
        "before": "off",
        "becomes": "on",
        "back_out": BackOut("turn it off again"),
        "stage": "delegated",
    }
    return Action(operation=operation, parameters=parameters, **(defaults | others))


def detector(region: str) -> Reference:
    return Reference("guardduty:detector", DELEGATED, region)


def members_action(region: str, targets: tuple[str, ...], **others: Any) -> Action:
    return action(
        "CreateMembers",
        {"DetectorId": detector(region), "AccountDetails": ForEach({"AccountId": ACCOUNT_ID, "Email": ACCOUNT_EMAIL})},
        region=region,
        targets=targets,
        reason="the account is no member",
        back_out=BackOut(
            "they become standalone accounts",
            "DisassociateMembers",
            {"DetectorId": detector(region), "AccountIds": ForEach(ACCOUNT_ID)},
        ),
        **others,
    )


def plan(**others: Any) -> Plan:
    """Designation, a wait, members in two Regions, a feature; something left alone, something blocked; hostile reasons."""
    designate = [
        action(
            "EnableOrganizationAdminAccount",
            {"AdminAccountId": DELEGATED},
            account=MANAGEMENT,
            region=region,
            stage="management",
            lane="designation",
            back_out=BackOut("remove it", "DisableOrganizationAdminAccount", {"AdminAccountId": DELEGATED}),
        )
        for region in ("us-east-1", "us-east-2")
    ]
    wait = Wait(
        "guardduty",
        "DescribeOrganizationConfiguration",
        DELEGATED,
        "us-east-1",
        Condition("administrator usable"),
        "the delegated account can act as administrator",
        300,
        "delegated",
        after=(designate[0].id,),
    )
    members = [members_action(region, MEMBERS, after=(wait.id,)) for region in ("us-east-1", "us-east-2")]
    feature = action(
        "UpdateOrganizationConfiguration",
        {"DetectorId": detector("us-east-1"), "AutoEnableOrganizationMembers": "NEW"},
        after=(members[0].id,),
        direction=Direction.EQUAL,
        back_out=BackOut("the earlier value is not known"),
        inside_accounts="snapshots of volumes are taken | and <b>scanned</b>",
    )
    defaults: dict[str, Any] = {
        "phase": "20_guardduty",
        "organization": "o-rehearsal001",
        "settings_digest": "5" * 64,
        "scope": Scope(),
        "population": frozenset({MANAGEMENT, DELEGATED, *MEMBERS}),
        "steps": (*designate, wait, *members, feature),
        "no_changes": (NoChange("guardduty", "us-east-1", "detector", frozenset({DELEGATED}), "is on already | `really`"),),
        "blockers": tuple(
            Blocker("guardduty", "us-east-1", "membership", frozenset({number}), f"refused: {name}", f"ask {name}", f"owner {name}")
            for number, name in zip(MEMBERS, HOSTILE, strict=True)
        ),
        "requires": ("00_prerequisites",),
        "mode": "rehearsal",
        "created": "2026-11-23T07:46:11Z",
    }
    return Plan(**(defaults | others))


def cells() -> Cells:
    """Every status and kind of gap, with hostile words in each text."""
    these, rest = frozenset(MEMBERS[:4]), frozenset(MEMBERS[4:])
    return (
        Cell("guardduty", "us-east-1", "membership", rest, Status.COVERED, "is a member", observed="Enabled", desired="Enabled"),
        Cell("guardduty", "us-east-1", "membership", these, Status.GAP, "=1+1 is no member", gap=Gap.TO_DO, desired="Enabled"),
        Cell("guardduty", "us-east-2", "membership", these, Status.GAP, "=1+1 is no member", gap=Gap.TO_DO, desired="Enabled"),
        Cell(
            "guardduty",
            "us-east-1",
            "features",
            these,
            Status.UNKNOWN,
            "<b>no|answer</b>",
            item="S3",
            code="AccessDenied",
            who="you",
        ),
        Cell(LAST, "us-east-1", "scan types", rest, Status.EXCLUDED, "agreed\nwith @owner", item="EC2"),
        Cell(LAST, "us-east-2", "scan types", rest, Status.NOT_APPLICABLE, "not offered", item="LAMBDA_CODE"),
        Cell(
            FIRST,
            "us-west-2",
            "hub",
            frozenset({DELEGATED}),
            Status.GAP,
            "not asked for",
            gap=Gap.NOT_ASKED_FOR,
            in_scope=False,
        ),
    )


_WORD = st.text(max_size=12)
_ID = st.integers(0, 10**12 - 1).map(lambda number: f"{number:012d}")
_IDS = st.frozensets(_ID, max_size=5)
_REFERENCE = st.builds(Reference, _WORD, st.sampled_from([EACH]) | _ID, _WORD)
_KEY = st.text(max_size=8).filter(lambda key: key not in {"$reference", "$for_each"})
_LEAF = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False) | _WORD
_VALUE = st.recursive(
    _LEAF | _REFERENCE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEY, inner, max_size=3) | st.builds(ForEach, inner),
    max_leaves=8,
)
_PARAMETERS = st.dictionaries(_KEY, _VALUE, max_size=4)
_BACK_OUT = st.builds(BackOut, _WORD, _WORD, _PARAMETERS)
_ACTION = st.builds(
    Action,
    service=_WORD,
    operation=_WORD,
    account=_ID,
    region=_WORD,
    parameters=_PARAMETERS,
    reason=_WORD,
    affects=_IDS,
    before=_WORD,
    becomes=_WORD,
    back_out=_BACK_OUT,
    stage=_WORD,
    direction=st.sampled_from(Direction),
    targets=st.lists(_ID, max_size=4).map(tuple),
    after=st.lists(_WORD, max_size=2).map(tuple),
    lane=_WORD,
    inside_accounts=_WORD,
)
_WAIT = st.builds(
    Wait,
    _WORD,
    _WORD,
    _ID,
    _WORD,
    st.builds(Condition, _WORD),
    _WORD,
    st.integers(0, 10**6),
    _WORD,
    st.lists(_ID, max_size=3).map(tuple),
    st.just(()),
)
PLANS = st.builds(
    Plan,
    phase=_WORD,
    organization=_WORD,
    settings_digest=_WORD,
    scope=st.builds(Scope, *[st.lists(_WORD, max_size=2).map(tuple)] * 3),
    population=_IDS,
    steps=st.lists(_ACTION | _WAIT, max_size=3).map(tuple),
    no_changes=st.lists(st.builds(NoChange, _WORD, _WORD, _WORD, _IDS, _WORD), max_size=2).map(tuple),
    blockers=st.lists(st.builds(Blocker, _WORD, _WORD, _WORD, _IDS, _WORD, _WORD, _WORD), max_size=2).map(tuple),
    requires=st.lists(_WORD, max_size=2).map(tuple),
    mode=_WORD,
    created=_WORD,
)
