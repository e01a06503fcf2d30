"""The permission preflight in the prerequisites: proved, expected, denied by which policy and who can change it, unknown."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from cells import Executed, executed
from doors import ROOT, Served, served
from simulated import copied

from runbook_lib.cli.simulation import today
from runbook_lib.evidence.run.folder import find_runs
from runbook_lib.rehearsal.world import World
from runbook_lib.services.roles import needed
from runbook_lib.settings.file import load

NAME = "00_prerequisites"
MANAGEMENT, DELEGATED = "111111111111", "222222222222"
ROLES = {MANAGEMENT: "RunbookManagement", DELEGATED: "RunbookDelegated"}
CHANGING = ("*:Create*", "*:Update*", "*:Enable*", "*:Start*", "*:Batch*", "*:Associate*", "*:Put*")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, World]]:
    with served("seven", tmp_path_factory.mktemp("preflight")) as organization:
        yield organization, copied(organization.front.world)


@pytest.fixture
def seven(made: tuple[Served, World]) -> Served:
    organization, world = made
    organization.front.adopt(copied(world))
    return organization


def attach(organization: Served, account: str, document: Any) -> None:
    organization.front.world.organization.accounts[account].roles[ROLES[account]].policies = (json.dumps(document),)


def as_printed(organization: Served, kind: str) -> None:
    printed = {each.name: each.policy for each in needed(load(organization.settings, today()))}
    attach(organization, MANAGEMENT, printed[f"runbook-management-{kind}"])
    attach(organization, DELEGATED, printed[f"runbook-delegated-{kind}"])


def looked(organization: Served) -> tuple[Executed, list[dict[str, str]]]:
    done = executed(ROOT / "notebooks" / f"{NAME}.ipynb", organization.environment, parameters_file=str(organization.settings))
    assert done.halted == ""
    folder = list(find_runs(organization.runs))[-1].phase(NAME).path
    kept = json.loads((folder / "permissions.json").read_text(encoding="utf-8"))
    return done, kept["findings"]


def test_under_the_printed_roles_everything_is_proved_or_expected(seven: Served) -> None:
    as_printed(seven, "change")
    done, found = looked(seven)
    assert [each for each in found if each["verdict"] != "pass"] == []
    assert "Permissions that need somebody" in done.shown["observe"]
    said = {(each["area"], each["said"].partition(" ")[0]): each["said"] for each in found}
    assert set(said) == {
        (area, account) for area in ("permissions", "changes", "reads") for account in ("management", "delegated")
    } | {("network", "AWS")}
    assert "proved in" in said["permissions", "management"]
    assert "expected to be allowed in us-east-1" in said["reads", "delegated"]
    assert "expected to be allowed in us-east-1" in said["changes", "delegated"]
    asked = [each for each in seven.front.log.entries if each.operation == "SimulatePrincipalPolicy"]
    assert asked
    assert not [each for each in seven.front.log.entries if each.mutating and each.service != "sts"]


def test_under_the_roles_that_read_no_change_is_allowed_and_that_is_no_fault(seven: Served) -> None:
    as_printed(seven, "read")
    _, found = looked(seven)
    assert [each for each in found if each["verdict"] != "pass"] == []
    assert sum("none is allowed: plans can be made" in each["said"] for each in found) == 2


def test_who_can_change_what_denies_a_read_that_was_not_made_yet(seven: Served) -> None:
    """A phase that comes later reads it: here it is a row, there it would be a blocker."""
    without = {"Effect": "Allow", "NotAction": ["guardduty:GetMemberDetectors"], "Resource": "*"}
    attach(seven, DELEGATED, {"Version": "2012-10-17", "Statement": [without]})
    done, found = looked(seven)
    (row,) = [each for each in found if each["verdict"] == "fail"]
    assert row == {
        "area": "reads",
        "verdict": "fail",
        "said": f"delegated {DELEGATED}: guardduty:GetMemberDetectors in us-east-1, us-east-2: no identity-based policy allows it, "
        "IAM's simulation says",
        "next_step": "Have whoever manages the role let the identity-based policy allow guardduty:GetMemberDetectors.",
    }
    assert "let the identity-based policy allow guardduty:GetMemberDetectors" in done.shown["observe"]


def test_a_region_in_which_the_administrator_may_change_nothing(seven: Served) -> None:
    seven.front.world.organization.region_denied = {"us-east-2": CHANGING}
    _, found = looked(seven)
    said = [each["said"] for each in found if each["verdict"] == "fail"]
    assert any("in us-east-2: denied by an explicit deny in the service control policy" in each for each in said)
    assert any(f"management {MANAGEMENT}: may designate in us-east-2" in each for each in said)


def test_who_may_not_ask_is_told_so_and_the_run_goes_on(seven: Served) -> None:
    without = {"Effect": "Allow", "NotAction": ["iam:SimulatePrincipalPolicy"], "Resource": "*"}
    for account in ROLES:
        attach(seven, account, {"Version": "2012-10-17", "Statement": [without]})
    done, found = looked(seven)
    unknown = [each for each in found if each["verdict"] == "unknown"]
    assert [each["area"] for each in unknown] == ["changes", "changes"]
    assert all("this door may not ask" in each["said"] for each in unknown)
    assert "4 calls planned" in done.shown["plan"]
