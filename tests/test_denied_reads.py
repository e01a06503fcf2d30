"""What policies deny is asked once, shrinks nothing, and is got another way where there is one."""

import json
from collections import Counter
from pathlib import Path

import pytest
from simulated import ENABLING, PARAMETERS, Simulated, fitting, settings_for, simulated

from runbook_lib.coverage import Cell, Status, count
from runbook_lib.rehearsal.log import Entry
from runbook_lib.rehearsal.policies import managed
from runbook_lib.services.registry import specs

DOORS = {"RunbookManagement", "RunbookDelegated"}


def attach(made: Simulated, *documents: dict[str, object]) -> None:
    """Let both doors' roles have these policies and no other."""
    for account in made.front.world.organization.accounts.values():
        for role in account.roles.values():
            if role.name in DOORS:
                role.policies = tuple(map(json.dumps, documents))


def attach_after_first_change(made: Simulated, document: dict[str, object]) -> None:
    """Take a permission away as soon as something has been changed: the plan, and the look before it, were made with it."""
    inner = made.front.log.add

    def add(entry: Entry) -> None:
        inner(entry)
        if entry.mutating and entry.service == "inspector2":
            attach(made, document)

    made.front.log.add = add  # type: ignore[method-assign] # of this one log


def looked(made: Simulated) -> tuple[tuple[Cell, ...], Counter[str]]:
    """The whole coverage, and what was denied on the way."""
    before = len(made.front.log.entries)
    cells = tuple(each for each in made.cells() if each.in_scope)
    asked = list(made.front.log.entries)[before:]
    return cells, Counter(f"{each.service}:{each.operation}" for each in asked if each.code.startswith("AccessDenied"))


def population(cells: tuple[Cell, ...]) -> set[tuple[str, str, str, str]]:
    return {(each.service, each.region, each.aspect, account) for each in cells for account in each.accounts}


def size(cells: tuple[Cell, ...]) -> int:
    return sum(len(each.accounts) for each in cells)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulated:
    return simulated("half-done", tmp_path, monkeypatch)


def test_first_contact_under_aws_s_own_policies(made: Simulated) -> None:
    everything, none = looked(made)
    assert not none
    attach(made, managed.document("ReadOnlyAccess"))
    assert looked(made) == (everything, none)
    attach(made, managed.document("SecurityAudit"))
    cells, denied = looked(made)
    assert population(cells) == population(everything), "a denied read takes nobody out of what is counted"
    assert size(cells) >= size(everything), "what may be so, or not applicable, counts item by item"
    assert count(cells).covered == count(everything).covered
    # Of the two accounts themselves, once of the members for all; one list of Inspector's in the Region that it is on in.
    assert denied == {"account:ListRegions": 3, "inspector2:ListMembers": 1}
    unknown = [each for each in cells if each.status is Status.UNKNOWN]
    assert all(("account:ListRegions" in each.reason) or ("inspector2:ListMembers" in each.reason) for each in unknown)


def test_without_either_list_of_regions_nothing_is_guessed(made: Simulated) -> None:
    """Neither Account Management nor EC2 may be asked: each is asked once for each account, and nobody is left uncounted."""
    everything, _ = looked(made)
    statement = {"Effect": "Allow", "NotAction": ["account:ListRegions", "ec2:DescribeRegions"], "Resource": "*"}
    attach(made, {"Version": "2012-10-17", "Statement": [statement]})
    cells, denied = looked(made)
    assert denied == {"account:ListRegions": 3, "ec2:DescribeRegions": 2}
    of_members = {each for each in population(everything) if each[2] == "membership"}
    assert of_members <= population(cells)


def test_a_wait_that_is_denied_ends_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot become true before somebody changes a policy, which the run would never see."""
    made = simulated("seven", tmp_path, monkeypatch)
    made.enable(ENABLING[: ENABLING.index("30_inspector")])
    plan = made.plan("30_inspector")
    statement = {"Effect": "Allow", "NotAction": ["inspector2:BatchGetAccountStatus"], "Resource": "*"}
    approval = made.approve(plan)
    began = made.clock.monotonic()
    before = len(made.front.log.entries)
    attach_after_first_change(made, {"Version": "2012-10-17", "Statement": [statement]})
    report = made.apply("30_inspector", plan, approval)
    assert not report.ok
    asked = [each for each in list(made.front.log.entries)[before:] if each.code.startswith("AccessDenied")]
    kinds = Counter((each.session, each.account, each.region, each.operation) for each in asked)
    assert set(kinds.values()) == {1}
    assert made.clock.monotonic() - began < min(wait.deadline for wait in plan.waits)


@pytest.mark.parametrize("denied", ["*", "reads"])
def test_in_a_region_where_the_delegated_account_is_denied_nobody_is_designated(
    denied: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the service: no service control policy binds the management account, so AWS would let it designate."""
    one = simulated("seven", tmp_path, monkeypatch)
    one.settings = settings_for(one.front, fitting(one.front, PARAMETERS.with_name("rehearsal-all.yaml")))
    probes = tuple(f"{spec.signing_name or spec.name}:{spec.probe.operation}" for spec in specs())
    one.front.world.organization.region_denied = {"us-east-2": ("*",) if denied == "*" else probes}
    for spec in specs():
        plan = one.plan(spec.phase)
        regions = {action.region for action in plan.actions}
        assert "us-east-1" in regions
        assert "us-east-2" not in regions, spec.name
        assert [each for each in plan.blockers if each.region == "us-east-2"] or spec.designation is None
