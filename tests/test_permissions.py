"""The runbook runs with exactly the policies that its table of statements gives its roles, and needs each of them."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from simulated import ENABLING, Simulated, open_cells, simulated
from tables import table

from runbook_lib.rehearsal import permissions as simulation
from runbook_lib.rehearsal.operations.config import aggregate
from runbook_lib.rehearsal.policies.document import Kind, Policy, read
from runbook_lib.rehearsal.policies.evaluation import Attached, Decision, Request, decide
from runbook_lib.services.permissions import OFFBOARDING, ROLES, Names, Statement, document, statements
from runbook_lib.services.registry import specs
from runbook_lib.settings import EvidenceSection, MemberDoor
from runbook_lib.settings.sections.securityhub import Standard

MANAGEMENT, DELEGATED = "111111111111", "222222222222"
DOORS = {"management": "RunbookManagement", "delegated": "RunbookDelegated"}
LONGEST = 6_144
"""Characters of a managed policy [docs: IAM quotas]."""


def unasked() -> dict[str, str]:
    """Statement, action and account that no call of this rehearsal needs → why they stand in the table all the same."""
    here = Path(__file__).parent
    files = [here / "cases" / "permissions.yaml", *sorted((here / "services").glob("*/permissions.yaml"))]
    return {key: reason for path in files for key, reason in table(path).items()}


@dataclass
class Asked:
    """Every request that policies decided on, by the role that made it."""

    requests: dict[str, list[tuple[Request, Attached]]] = field(default_factory=lambda: defaultdict(list))
    denied: list[str] = field(default_factory=list)
    policies: dict[Policy, str] = field(default_factory=dict)

    def decide(self, request: Request, attached: Attached) -> Decision:
        decision = decide(request, attached)
        role = next((self.policies[each] for each in attached.identity if each in self.policies), "")
        self.requests[role].append((request, attached))
        if not decision.allowed:
            self.denied.append(f"{role}: {request.action} on {request.resource}")
        return decision


@dataclass
class Rehearsal:
    """Seven accounts whose roles have the table's policies, planned with those that read and applied with those that change."""

    made: Simulated
    table: tuple[Statement, ...]
    asked: Asked

    def as_role(self, kind: str) -> None:
        """From now on the doors lead to the roles of this kind: "read" or "change"."""
        accounts = self.made.front.world.organization.accounts
        for account, (door, name) in zip((MANAGEMENT, DELEGATED), DOORS.items(), strict=True):
            self._given(f"runbook-{door}-{kind}", accounts[account].roles[name])
        for member in accounts.values():
            if "RunbookMember" in member.roles:
                self._given("runbook-member", member.roles["RunbookMember"])

    def _given(self, name: str, role: Any) -> None:
        text = json.dumps(document(name, self.table))
        role.policies = (text,)
        self.asked.policies[read(text, Kind.IDENTITY)] = name


@pytest.fixture
def rehearsal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rehearsal:
    made = simulated("seven", tmp_path, monkeypatch)
    for account in made.front.world.organization.accounts.values():
        account.config_recorders = {"us-east-1", "us-east-2"}
    # The aggregator leaves one Region out, so that members are asked themselves there, and findings looked at.
    aggregate(made.front.world, "222222222222", "us-east-1", regions=("us-east-1",))
    settings = made.settings
    assert settings.security_hub is not None
    wanted = Standard(name="pci-dss", version="4.0.1")
    made.settings = settings.model_copy(
        update={
            "access": settings.access.model_copy(update={"members": MemberDoor(role_name="RunbookMember", via="delegated")}),
            "security_hub": settings.security_hub.model_copy(update={"existing_account_standards": (wanted,)}),
        }
    )
    asked = Asked()
    monkeypatch.setattr(simulation, "decide", asked.decide)
    return Rehearsal(made, statements(Names.of(made.settings)), asked)


def run(rehearsal: Rehearsal) -> None:
    """Every phase: planned as those who may read, applied as those who may change; then coverage."""
    for phase in ENABLING:
        rehearsal.as_role("read")
        plan = rehearsal.made.plan(phase)
        assert plan.blockers == ()
        rehearsal.as_role("change")
        assert rehearsal.made.apply(phase, plan, rehearsal.made.approve(plan)).ok
    rehearsal.as_role("read")
    assert open_cells(rehearsal.made.cells()) == []


def test_nothing_is_denied_and_every_action_is_needed(rehearsal: Rehearsal) -> None:
    run(rehearsal)
    assert rehearsal.asked.denied == []
    assert set(rehearsal.asked.requests) >= set(ROLES) - {"runbook-evidence", "runbook-response", *OFFBOARDING.values()}
    assert sorted(each for each, missed in without_each_action(rehearsal) if not missed) == sorted(unasked())


def without_each_action(rehearsal: Rehearsal) -> Iterator[tuple[str, bool]]:
    """Account, statement and action → whether a request of the rehearsal is denied where it is left out.

    What a reading and a changing role share is needed if one of them misses it.
    """
    for statement in rehearsal.table:
        if statement.roles == ("runbook-evidence",):
            continue
        for account, roles in groupby(statement.roles, lambda role: role.split("-")[1]):
            shared = list(roles)
            for action in statement.actions:
                yield f"{statement.sid} {action} {account}", any(missed(rehearsal, role, statement, action) for role in shared)


def missed(rehearsal: Rehearsal, role: str, statement: Statement, action: str) -> bool:
    left = tuple(each for each in statement.actions if each != action)
    rest = [replace(each, actions=left) if each == statement else each for each in rehearsal.table]
    policy = read(json.dumps(document(role, [each for each in rest if each.actions])), Kind.IDENTITY)
    about = [each for each in rehearsal.asked.requests[role] if each[0].action == action]
    return any(not decide(request, replace(attached, identity=(policy,))).allowed for request, attached in about)


def without_registering(table: tuple[Statement, ...]) -> tuple[Statement, ...]:
    return tuple(each for each in table if each.sid != "RegisterAdministrator")


def without_trusting(table: tuple[Statement, ...]) -> tuple[Statement, ...]:
    return tuple(
        replace(each, condition={"organizations:ServicePrincipal": ("macie.amazonaws.com",)})
        if each.sid == "TrustServices"
        else each
        for each in table
    )


@pytest.mark.parametrize(("less", "phase"), [(without_registering, "10_security_hub"), (without_trusting, "00_prerequisites")])
def test_without_a_statement_the_stage_does_not_end_well(
    rehearsal: Rehearsal, less: Callable[[tuple[Statement, ...]], tuple[Statement, ...]], phase: str
) -> None:
    rehearsal.table = less(rehearsal.table)
    rehearsal.as_role("change")
    for each in ENABLING[: ENABLING.index(phase) + 1]:
        plan = rehearsal.made.plan(each)
        report = rehearsal.made.apply(each, plan, rehearsal.made.approve(plan))
    assert not report.ok
    assert rehearsal.asked.denied


def test_every_role_has_a_policy_that_fits_and_that_iam_takes() -> None:
    table = statements(Names())
    assert {role for each in table for role in each.roles} == set(ROLES)
    for role in ROLES:
        text = json.dumps(document(role, table), separators=(",", ":"))
        assert 0 < len(text) <= LONGEST
        assert read(text, Kind.IDENTITY)
    sids = [each.sid for each in table]
    assert len(sids) == len(set(sids))
    assert all(sid.isalnum() for sid in sids)


def test_every_service_with_roles_of_its_own_names_their_principals() -> None:
    for spec in specs():
        assert len(spec.role_principals) == len(spec.roles)


def test_settings_narrow_the_table(rehearsal: Rehearsal) -> None:
    names = Names.of(rehearsal.made.settings)
    fewer = replace(names, services=frozenset({"guardduty"}), member_role="", member_via="")
    left_out = {spec.name for spec in specs()} - fewer.services | {"sts"}
    prefixes = {action.partition(":")[0] for each in statements(fewer) for action in each.actions}
    assert "guardduty" in prefixes
    assert not prefixes & left_out
    [registering] = [each for each in statements(names) if each.sid == "RegisterAdministrator"]
    assert registering.resources == (f"arn:aws:organizations::{MANAGEMENT}:account/o-rehearsal001/{DELEGATED}",)


def test_evidence_by_alias_and_in_a_bucket(rehearsal: Rehearsal) -> None:
    key = f"arn:aws:kms:eu-central-1:{MANAGEMENT}:alias/runbook-evidence"
    evidence = EvidenceSection.model_construct(signing_key=key, store="s3://runbook-evidence/acme")
    found = {each.sid: each for each in statements(replace(Names.of(rehearsal.made.settings), evidence=evidence))}
    assert found["Sign"].resources == (f"arn:aws:kms:eu-central-1:{MANAGEMENT}:key/*",)
    assert found["Sign"].condition == {"kms:RequestAlias": ("alias/runbook-evidence",)}
    assert found["KeepEvidence"].resources == ("arn:aws:s3:::runbook-evidence/acme/*",)
    in_a_folder = replace(Names(), evidence=EvidenceSection.model_construct(signing_key=key, store="evidence"))
    assert "ReadStore" not in {each.sid for each in statements(in_a_folder)}
