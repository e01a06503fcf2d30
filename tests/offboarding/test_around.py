"""What is around a service that is left: each is seen and named, and what could not be read is never taken for not there."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from leaving import REGIONS, SERVICES, Out
from losses import facts

from runbook_lib.base.observation import Known
from runbook_lib.rehearsal.inproc import session_for
from runbook_lib.rehearsal.internal import run
from runbook_lib.rehearsal.operations.events.state import Rule, state_of
from runbook_lib.rehearsal.operations.organizations import OrganizationsState
from runbook_lib.rehearsal.operations.securityhub.second import SecondState
from runbook_lib.rehearsal.operations.securityhub.state import state_of as securityhub
from runbook_lib.services import around
from runbook_lib.services.departures import departure_of
from runbook_lib.services.registry import by_name
from runbook_lib.services.response.names import HUB

Service = Callable[[str], Out]
HERE, DELEGATED, MEMBER = REGIONS[0], "222222222222", "444444444444"
ONE = SERVICES[2]
"""A service with members, of which everything around is tried."""
DISSOCIATING = f"{ONE}:DisassociateMember"


def policy(out: Out, statement: dict[str, Any], target: str = DELEGATED) -> None:
    """A service control policy of the organization's own."""
    content = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Resource": "*", **statement}]})
    made = {"id": "p-keepsiton", "name": "keeps-it-on", "type": "SERVICE_CONTROL_POLICY", "description": "", "content": content}
    out.world.of(OrganizationsState).policies.append({**made, "targets": [target]})


def allow_list(out: Out, statement: dict[str, Any], target: str, *, instead: bool = True) -> None:
    """A policy that allows, beside FullAWSAccess or in its place."""
    policy(out, {"Effect": "Allow", **statement}, target)
    out.world.of(OrganizationsState).without_full_access.update({target} if instead else ())


def notes(out: Out, level: str = "dissociate") -> list[str]:
    """What the table says beside the levels; the plan of a level says the same."""
    out.allow(by_name()[out.service].levels)
    stays = out.look().stays
    told = {each.reason.partition(" could not be read: ")[0] for each in out.plan(level).no_changes}
    about = [each for each in stays if "stays the delegated administrator" not in each]
    assert {each.partition(" could not be read: ")[0] for each in about} <= told
    return about


SAYS = [
    pytest.param({"Action": [DISSOCIATING]}, True, id="by name"),
    pytest.param({"Action": f"{ONE}:Disassociate*"}, True, id="by a pattern"),
    pytest.param({"Action": f"{ONE.upper()}:disassociatemember"}, True, id="in other letters"),
    pytest.param({"Action": f"{ONE}:Disassociate"}, False, id="not by a part of it"),
    pytest.param({"NotAction": ["sts:*"]}, True, id="by what it spares"),
    pytest.param({"NotAction": f"{ONE}:*"}, False, id="not where it is spared"),
    pytest.param({}, False, id="not where it is about nothing"),
]


@pytest.mark.parametrize(("statement", "about"), SAYS)
def test_a_statement_is_about_a_call_as_iam_reads_it(statement: dict[str, Any], about: bool) -> None:
    assert around.about(statement, frozenset({DISSOCIATING})) == ({DISSOCIATING} if about else set())


def test_a_policy_that_would_refuse_the_call_is_a_blocker_that_names_it_and_nothing_is_called(out: Service) -> None:
    leaving = out(ONE)
    leaving.allow(by_name()[ONE].levels)
    plan = leaving.plan("dissociate")
    policy(leaving, {"Action": [DISSOCIATING]})
    before, called, blocked = facts(leaving.world, ONE), len(leaving.simulated.mutating()), leaving.plan("dissociate")
    assert blocked.actions == ()
    assert {each.region for each in blocked.blockers} == set(REGIONS)
    assert all(f"keeps-it-on denies the delegated account {DISSOCIATING}" in each.reason for each in blocked.blockers)
    assert all(each.next_step and each.who for each in blocked.blockers)
    assert not leaving.apply("dissociate", plan).ok
    assert len(leaving.simulated.mutating()) == called
    assert facts(leaving.world, ONE) == before


@pytest.mark.parametrize("where", ["root", MEMBER])
def test_a_policy_binds_the_delegated_account_from_the_root_and_not_from_another_account(out: Service, where: str) -> None:
    leaving = out(ONE)
    leaving.allow(by_name()[ONE].levels)
    policy(leaving, {"Action": DISSOCIATING}, leaving.world.organization.root if where == "root" else where)
    plan = leaving.plan("dissociate")
    assert bool(plan.actions) is (where == MEMBER)
    assert any("keeps-it-on denies" in each.reason for each in plan.no_changes), "told all the same"


def test_a_policy_with_a_condition_is_told_and_stands_in_nobodys_way(out: Service) -> None:
    leaving = out(ONE)
    policy(leaving, {"Action": DISSOCIATING, "Condition": {"StringEquals": {"aws:RequestedRegion": ["eu-west-9"]}}})
    (said,) = [each for each in notes(leaving) if "keeps-it-on" in each]
    assert "under a condition" in said
    assert leaving.do("dissociate")[1].ok


ALL_BUT_IT = {"Effect": "Allow", "NotAction": [DISSOCIATING]}


def places(out: Out) -> dict[str, str]:
    """Where an allow list may lie: every level above the delegated account, itself, and beside it."""
    account = out.world.organization.accounts[DELEGATED]
    return {"root": out.world.organization.root, "unit": account.parent, "account": DELEGATED, "another": MEMBER}


@pytest.mark.parametrize("where", ["root", "unit", "account", "another"])
def test_an_allow_list_that_lacks_the_call_at_any_level_is_a_blocker_and_aws_would_refuse_it(out: Service, where: str) -> None:
    leaving = out(ONE)
    leaving.allow(by_name()[ONE].levels)
    target, before = places(leaving)[where], leaving.plan("dissociate")
    allow_list(leaving, ALL_BUT_IT, target)
    plan, called = leaving.plan("dissociate"), len(leaving.simulated.mutating())
    if where == "another":
        assert plan.actions == before.actions
        return
    assert plan.actions == ()
    assert {each.region for each in plan.blockers} == set(REGIONS)
    reason = f"no service control policy of {target} (keeps-it-on) allows the delegated account {DISSOCIATING}"
    assert all(reason in each.reason and each.who for each in plan.blockers)
    assert any(f"{reason.partition(' the ')[0]} {DISSOCIATING} in " in each.reason for each in plan.no_changes)
    assert not leaving.apply("dissociate", before).ok
    assert len(leaving.simulated.mutating()) == called
    with pytest.raises(ClientError, match=f"because no service control policy allows the {DISSOCIATING} action"):
        session_for(leaving.simulated.front, DELEGATED).client(ONE, region_name=HERE).disassociate_member(accountId=MEMBER)


@pytest.mark.parametrize(
    ("statement", "instead", "told"),
    [
        pytest.param(ALL_BUT_IT, False, False, id="FullAWSAccess stays beside it"),
        pytest.param({"Action": "*"}, True, False, id="it allows everything"),
        pytest.param({"NotAction": ["ec2:*"], "Resource": ["*"]}, True, False, id="it allows the call"),
        pytest.param(
            {"Action": "*", "Condition": {"StringEquals": {"aws:RequestedRegion": list(REGIONS)}}}, True, True, id="on a condition"
        ),
    ],
)
def test_an_allow_list_that_has_the_call_stands_in_nobodys_way(
    out: Service, statement: dict[str, Any], instead: bool, told: bool
) -> None:
    leaving = out(ONE)
    allow_list(leaving, {"Effect": "Allow", **statement}, places(leaving)["root"], instead=instead)
    said = [each for each in notes(leaving) if "no service control policy" in each and DISSOCIATING in each]
    assert ["but under a condition or on some resources" in each for each in said] == [True] * told
    assert leaving.plan("dissociate").blockers == ()


def test_the_management_account_is_bound_by_no_allow_list(station: Callable[[str, str], Out]) -> None:
    """It takes the administrator away, whatever the root allows."""
    leaving = station(ONE, "administrator")
    allow_list(leaving, {"Effect": "Allow", "NotAction": [f"{ONE}:Disable*"]}, leaving.world.organization.root)
    assert leaving.do("administrator")[1].ok


def test_of_members_that_are_entered_each_one_s_own_allow_list_is_told(out: Service) -> None:
    leaving = out(HUB)
    allow_list(leaving, {"Effect": "Allow", "NotAction": [f"{HUB}:DisableSecurityHub"]}, MEMBER)
    (said,) = [each for each in notes(leaving) if "no service control policy" in each]
    assert said.endswith(f"of {MEMBER} (keeps-it-on) allows {HUB}:DisableSecurityHub in {MEMBER}")


def findings(out: Out, severity: str, account: str = MEMBER) -> None:
    """A finding as the service's own product sends it, which somebody has to settle."""
    product = f"arn:aws:{HUB}:{HERE}::product/{by_name()[ONE].product}"
    now = "2026-06-01T00:00:00Z"
    finding = {
        "SchemaVersion": "2018-10-08", "Id": f"found-{severity}-{account}", "ProductArn": product, "GeneratorId": "tests",
        "AwsAccountId": account, "Types": ["Software and Configuration Checks"], "CreatedAt": now, "UpdatedAt": now,
        "Severity": {"Label": severity}, "Title": "t", "Description": "d", "Resources": [{"Type": "Other", "Id": "r"}],
        "Region": HERE, "RecordState": "ACTIVE", "WorkflowState": "NEW", "Workflow": {"Status": "NEW"},
    }  # fmt: skip
    securityhub(out.world).findings.setdefault((account, HERE), {})[product, str(finding["Id"])] = finding


def test_open_findings_are_counted_by_severity_and_only_those_of_the_service(out: Service) -> None:
    leaving = out(ONE)
    assert not [each for each in notes(leaving) if "are open in" in each]
    member = min(target for each in leaving.plan("dissociate").actions for target in each.targets if target != MEMBER)
    for severity in ("CRITICAL", "HIGH", "LOW"):
        findings(leaving, severity)
    findings(leaving, "HIGH", member)
    title = by_name()[ONE].title
    assert [each.partition(":")[0] for each in notes(leaving) if "are open in" in each] == [
        f"1 CRITICAL and 2 HIGH findings of {title} are open in {HERE}"
    ]
    other = out(SERVICES[1])
    findings(other, "HIGH")
    assert not [each for each in notes(other) if "are open in" in each]


def test_a_rule_of_somebody_else_s_that_hears_the_service_is_named_with_what_it_sends_to(out: Service) -> None:
    leaving = out(ONE)
    own = state_of(leaving.world).buses[DELEGATED, HERE]["default"].rules
    arn, target = own["runbook-urgent"].arn, f"arn:aws:sqs:{HERE}:{DELEGATED}:theirs"
    for name, source, state in (
        ("hears", [f"aws.{ONE}"], "ENABLED"), ("begins", [{"prefix": "aws."}], "ENABLED"), ("off", [f"aws.{ONE}"], "DISABLED"),
        ("deaf", ["aws.ec2"], "ENABLED"),
    ):  # fmt: skip
        targets = {"theirs": {"Id": "theirs", "Arn": target}}
        pattern = json.dumps({"source": source})
        own[name] = Rule(name, "default", arn.replace("runbook-urgent", name), DELEGATED, pattern, state=state, targets=targets)
    said = [each for each in notes(leaving) if each.startswith("rule ")]
    assert [each.split()[1] for each in said] == ["begins", "hears"]
    assert all(f"is not the runbook's and sends to {target}" in each for each in said)


def test_the_administrators_automation_rules_are_named(out: Service) -> None:
    leaving = out(HUB)
    asked = {
        "RuleName": "suppress-sandboxes", "Description": "d", "RuleOrder": 1,
        "Criteria": {"AwsAccountId": [{"Value": MEMBER, "Comparison": "EQUALS"}]},
        "Actions": [{"Type": "FINDING_FIELDS_UPDATE", "FindingFieldsUpdate": {"Workflow": {"Status": "SUPPRESSED"}}}],
    }  # fmt: skip
    run(leaving.world, HUB, "CreateAutomationRule", DELEGATED, HERE, asked)
    assert any("suppress-sandboxes" in each and HERE in each for each in notes(leaving))


@pytest.mark.parametrize("level", ["administrator", "delegation"])
def test_the_newer_security_hub_stands_in_the_way_of_what_would_take_it_along(
    station: Callable[[str, str], Out], level: str
) -> None:
    leaving = station(HUB, level)
    leaving.world.of(SecondState).administrators[HERE] = DELEGATED
    plan = leaving.plan(level)
    about = [each for each in plan.blockers if "Security Hub V2 has an administrator" in each.reason]
    assert about
    assert all(each.next_step == "Leave Security Hub V2 first." for each in about)
    assert not [each for each in plan.actions if each.region == HERE]


DENIABLE = {
    "organizations:ListPolicies": "service control policies could not be read",
    "events:ListRules": "rules of others could not be read",
    "securityhub:GetFindings": f"open findings in {HERE} could not be read",
    "securityhub:ListAutomationRules": f"automation rules in {HERE} could not be read",
}


@pytest.mark.parametrize("action", DENIABLE)
def test_what_could_not_be_read_is_said_and_never_taken_for_not_there(out: Service, action: str) -> None:
    leaving = out(HUB)
    denied = {"organizations": ("111111111111", "RunbookManagement")}.get(action.partition(":")[0], (DELEGATED, "RunbookDelegated"))
    leaving.simulated.front.control.deny(*denied, action)
    assert any(each.startswith(DENIABLE[action]) and action in each for each in notes(leaving))


def test_a_newer_security_hub_that_cannot_be_read_is_a_blocker(out: Service) -> None:
    leaving = out(HUB)
    leaving.simulated.front.control.deny("111111111111", "RunbookManagement", "securityhub:ListOrganizationAdminAccounts")
    leaving.allow(by_name()[HUB].levels)
    plan = leaving.plan("administrator")
    assert plan.actions == ()
    assert plan.blockers


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_all_of_it_looked_at(out: Service, service: str) -> None:
    leaving, departure = out(service), departure_of(service)
    leaving.allow(by_name()[service].levels)
    ground = leaving.ground(by_name()[service].levels[0])
    assert set(departure.told) <= set(ground.further)
    assert {"service control policies", "open findings", "rules of others"} <= set(departure.told)
    assert all(isinstance(ground.further[each], Known) for each in departure.told)
