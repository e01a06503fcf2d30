"""The prerequisites: every check passes, fails or is unknown, and only trusted access is ever planned."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import pytest
from test_scope import DELEGATED, MANAGEMENT, OPEN, ORGANIZATION, OTHER

from runbook_lib.aws.errors import CallFailed
from runbook_lib.base.observation import Known, Unknown
from runbook_lib.coverage import Cell, Gap, Status
from runbook_lib.plan import Action, Blocker, NoChange
from runbook_lib.plan.outcome import Verdict
from runbook_lib.services.organizations.observe import State
from runbook_lib.services.organizations.service import SERVICE
from runbook_lib.services.recording import Aggregator, Recording
from runbook_lib.services.registry import by_name, specs
from runbook_lib.services.view import view_of
from runbook_lib.settings import OrganizationSection, Settings
from runbook_lib.settings.sections.guardduty import GuardDutyFeature, GuardDutySection
from runbook_lib.settings.sections.inspector2 import InspectorSection
from runbook_lib.settings.sections.securityhub import SecurityHubSection, Standard

REGIONS = ("us-east-1", "eu-south-1")
FSBP = Standard(name="aws-foundational-security-best-practices", version="1.0.0")
SETTINGS = Settings(
    mode="rehearsal",
    organization=OrganizationSection(id="o-rehearsal001", management_account=MANAGEMENT, delegated_account=DELEGATED),
    security_hub=SecurityHubSection(regions=REGIONS, management_account=True, delegated_account_standards=(FSBP,)),
    guardduty=GuardDutySection(
        regions=REGIONS, management_account=True, features={"S3_DATA_EVENTS": GuardDutyFeature(enabled=True)}
    ),
    inspector=InspectorSection(regions=REGIONS, management_account=True, existing_accounts=("EC2", "LAMBDA", "LAMBDA_CODE")),
)
SERVICES = tuple(SETTINGS.sections())
CENTRAL = next(spec.name for spec in specs() if spec.central)
POLICED = next(spec.name for spec in reversed(specs()) if spec.policy_type and spec.name in SERVICES)
PRINCIPALS = frozenset(principal for name in SERVICES for principal in by_name()[name].principals)
GOOD = State(
    administrators={(service, region): Known(frozenset()) for service in SERVICES for region in REGIONS},
    usable={(service, region): Known(value=True) for service in SERVICES for region in REGIONS},
    central={},
    policies={service: Known(0) for service in SERVICES},
    roles={(MANAGEMENT, "AWSServiceRoleForSecurityHub"): Known(value=False)},
    recorders={region: Known(value=True) for region in REGIONS},
    recording=Recording(
        aggregator=Known(Aggregator("all", REGIONS[0], None)),
        recorders={region: Known(dict.fromkeys(ORGANIZATION.accounts, True)) for region in REGIONS},
    ),
)
TRUSTED = dataclasses.replace(
    ORGANIZATION,
    trusted_access=Known(PRINCIPALS),
    delegated_administrators={"securityhub.amazonaws.com": Known(frozenset[str]())},
    callers={MANAGEMENT: "arn:aws:sts::111111111111:assumed-role/A/b"},
)
DENIED = Unknown("AccessDeniedException", "no", "allow it")


def cells(state: State = GOOD, organization: Any = TRUSTED) -> tuple[Cell, ...]:
    return SERVICE.assess(state, view_of(organization, SETTINGS, "organizations"))


def of(found: tuple[Cell, ...], aspect: str) -> list[Cell]:
    return [cell for cell in found if cell.aspect == aspect]


def test_all_well() -> None:
    assert {cell.status for cell in cells()} == {Status.COVERED, Status.NOT_APPLICABLE}
    assert not SERVICE.missing(GOOD, view_of(TRUSTED, SETTINGS, "organizations"))


@pytest.mark.parametrize(
    ("aspect", "changed", "status"),
    [
        ("nobody else delegated", {"administrators": {(SERVICES[1], "us-east-1"): Known(frozenset({OTHER}))}}, Status.GAP),
        ("nobody else delegated", {"administrators": {(SERVICES[1], "us-east-1"): DENIED}}, Status.UNKNOWN),
        ("delegated account may read", {"usable": {(POLICED, "eu-south-1"): DENIED}}, Status.UNKNOWN),
        ("central configuration", {"central": {(CENTRAL, "us-east-1"): Known("CENTRAL ENABLED")}}, Status.GAP),
        ("central configuration", {"central": {(CENTRAL, "us-east-1"): Known("LOCAL DISABLED")}}, Status.GAP),
        ("central configuration", {"central": {(CENTRAL, "us-east-1"): DENIED}}, Status.UNKNOWN),
        ("Organizations policy", {"policies": {POLICED: Known(1)}}, Status.GAP),
        ("Organizations policy", {"policies": {POLICED: DENIED}}, Status.UNKNOWN),
        ("service-linked role", {"roles": {(MANAGEMENT, "AWSServiceRoleForSecurityHub"): DENIED}}, Status.UNKNOWN),
        ("AWS Config records", {"recorders": {"us-east-1": Known(value=False)}}, Status.GAP),
        ("AWS Config records", {"recorders": {"us-east-1": DENIED}}, Status.UNKNOWN),
    ],
)
def test_what_is_wrong_in_the_services_blocks(aspect: str, changed: Mapping[str, Any], status: Status) -> None:
    (name, values), *_ = changed.items()
    merged: dict[str, Any] = {name: {**getattr(GOOD, name), **values}}
    state = dataclasses.replace(GOOD, **merged)
    blocking(cells(state), TRUSTED, state, aspect, status)


@pytest.mark.parametrize(
    ("aspect", "changed", "status"),
    [
        ("all features", {"feature_set": "CONSOLIDATED_BILLING"}, Status.GAP),
        ("nobody else delegated", {"delegated_administrators": {"guardduty.amazonaws.com": Known(frozenset({OTHER}))}}, Status.GAP),
        ("nobody else delegated", {"delegated_administrators": {"guardduty.amazonaws.com": DENIED}}, Status.UNKNOWN),
        ("Region enabled", {"regions": {**ORGANIZATION.regions, DELEGATED: Known({**OPEN, "eu-south-1": "DISABLED"})}}, Status.GAP),
        ("Region enabled", {"regions": {**ORGANIZATION.regions, MANAGEMENT: DENIED}}, Status.UNKNOWN),
        ("trusted access", {"trusted_access": DENIED}, Status.UNKNOWN),
    ],
)
def test_what_is_wrong_in_the_organization_blocks(aspect: str, changed: Mapping[str, Any], status: Status) -> None:
    organization = dataclasses.replace(TRUSTED, **changed)
    blocking(cells(GOOD, organization), organization, GOOD, aspect, status)


def blocking(found: tuple[Cell, ...], organization: Any, state: State, aspect: str, status: Status) -> None:
    """The aspect has a cell of that status; each such cell is a Blocker with a next step, and nothing is called because of it."""
    bad = [cell for cell in of(found, aspect) if cell.status is status]
    assert bad
    assert all(cell.next_step and cell.who for cell in bad)
    planned = SERVICE.plan(found, state, view_of(organization, SETTINGS, "organizations"))
    blockers = [each for each in planned if isinstance(each, Blocker)]
    assert {blocker.reason for blocker in blockers} >= {cell.reason for cell in bad}
    assert not [each for each in planned if isinstance(each, Action)]


@pytest.mark.parametrize(
    ("recording", "status", "words"),
    [
        (dataclasses.replace(GOOD.recording, recorders={"us-east-1": Known({})}), Status.GAP, "no configuration recorder records"),
        (dataclasses.replace(GOOD.recording, recorders={"us-east-1": DENIED}), Status.UNKNOWN, "no"),
        (dataclasses.replace(GOOD.recording, aggregator=Known(None)), Status.UNKNOWN, "no organization aggregator"),
        (dataclasses.replace(GOOD.recording, aggregator=DENIED), Status.UNKNOWN, "no"),
    ],
)
def test_config_is_looked_at_where_the_accounts_are_and_holds_up_nothing(recording: Recording, status: Status, words: str) -> None:
    state = dataclasses.replace(GOOD, recording=recording)
    told = [cell for cell in of(cells(state), "AWS Config records") if cell.item == "members" and cell.region == "us-east-1"]
    assert [(cell.status, words in cell.reason, bool(cell.next_step and cell.who)) for cell in told] == [(status, True, True)]
    assert told[0].gap is (Gap.NOT_EVALUATING if status is Status.GAP else None)
    assert DELEGATED not in told[0].accounts
    planned = SERVICE.plan(tuple(told), state, view_of(TRUSTED, SETTINGS, "organizations"))
    assert [type(each) for each in planned] == [NoChange]
    assert told[0].next_step in planned[0].reason  # type: ignore[union-attr]


def test_trusted_access_is_planned_once_per_principal_and_nothing_else() -> None:
    bare = dataclasses.replace(TRUSTED, trusted_access=Known(frozenset({"securityhub.amazonaws.com"})))
    view = view_of(bare, SETTINGS, "organizations")
    planned = SERVICE.plan(cells(GOOD, bare), GOOD, view)
    actions = [each for each in planned if isinstance(each, Action)]
    assert {action.parameters["ServicePrincipal"] for action in actions} == PRINCIPALS - {"securityhub.amazonaws.com"}
    assert {(action.operation, action.account, action.lane) for action in actions} == {
        ("EnableAWSServiceAccess", MANAGEMENT, "designation")
    }
    assert all(isinstance(each, Action | NoChange) for each in planned)
    assert len(SERVICE.missing(GOOD, view)) == 3


def test_what_a_region_lacks_is_told_and_blocks_nothing() -> None:
    found = {(cell.item, cell.region): cell for cell in of(cells(), "offered in the Region")}
    assert found["Inspector", "eu-south-1"].status is Status.NOT_APPLICABLE
    assert "LAMBDA_CODE" in found["Inspector", "eu-south-1"].reason
    assert found["Inspector", "us-east-1"].status is Status.COVERED


@pytest.mark.parametrize(
    ("code", "status", "verdict"),
    [
        ("ConcurrentModificationException", 400, Verdict.RETRY),
        ("TooManyRequestsException", 400, Verdict.RETRY),
        ("AccessDeniedException", 400, Verdict.FAILED),
        ("InvalidInputException", 400, Verdict.FAILED),
    ],
)
def test_answers(code: str, status: int, verdict: Verdict) -> None:
    bare = dataclasses.replace(TRUSTED, trusted_access=Known(frozenset[str]()))
    view = view_of(bare, SETTINGS, "organizations")
    action = next(each for each in SERVICE.plan(cells(GOOD, bare), GOOD, view) if isinstance(each, Action))
    error = CallFailed(
        code, "text", service="organizations", operation=action.operation, account=MANAGEMENT, region="us-east-1", status=status
    )
    (outcome,) = SERVICE.judge(action, error)
    assert (outcome.account, outcome.verdict) == ("", verdict)
    (applied,) = SERVICE.judge(action, {})
    assert applied.verdict is Verdict.APPLIED


def test_gap_kinds() -> None:
    bare = dataclasses.replace(TRUSTED, trusted_access=Known(frozenset[str]()))
    assert {cell.gap for cell in cells(GOOD, bare) if cell.status is Status.GAP} == {Gap.TO_DO}
