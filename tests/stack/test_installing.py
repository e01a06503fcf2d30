"""The installer: what it refuses before anything is changed, and deploying, looking and deleting from the command line."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner
from stack_deployed import BUCKET, Deployed, deployable
from stack_in_process import nothing

from runbook_lib.base.errors import RunbookError
from runbook_lib.cli import cli, stack_deploying
from runbook_lib.cli.stack_deploying import Approver, deploy_planned
from runbook_lib.phase_run.opening import begin, opened
from runbook_lib.plan import Blocker, Plan
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.cost import Costs
from runbook_lib.rehearsal.operations.cloudformation.state import CloudFormationState
from runbook_lib.settings import Settings
from runbook_lib.stack import deployment, installing, template
from runbook_lib.stack.template import Task


def said(*words: str, typed: str | None = None) -> tuple[int, str]:
    """Exit code and output of a command, or what it refused; with somebody at the terminal where something is `typed`."""
    with pytest.MonkeyPatch.context() as terminal:
        if typed is not None:
            terminal.setattr("click.testing._NamedTextIOWrapper.isatty", lambda stream: True, raising=False)
        done = CliRunner().invoke(cli, ["stack", *words], standalone_mode=False, input=typed)
    if done.exception is None:
        return int(done.return_value or 0), done.output
    assert isinstance(done.exception, RunbookError), done.exception
    return 1, f"{done.output}{done.exception.said}"


def planned(settings: Path) -> Plan:
    """The plan of the first phase, as `runbook plan` leaves it."""
    run = opened(begin("00_prerequisites", settings, "", "", ""))
    run.observe()
    run.plan()
    run.leave()
    run.finish()
    return plan_file.load(run.record.folder.plan_json)


def here(deployed: Deployed) -> list[str]:
    return ["-p", str(deployed.organization.settings), "--profile", "administrator", "--runs", str(deployed.organization.runs)]


def deploy(deployed: Deployed, *more: str, bucket: str = BUCKET, typed: str | None = None) -> tuple[int, str]:
    return said("deploy", *here(deployed), "--bucket", bucket, "--installed", *more, typed=typed)


def refused_at_first(deployed: Deployed) -> None:
    """What does not fit is said in one sentence, and begins no run."""
    assert said("status", *here(deployed)) == (1, "runbook: there is no such stack\n")
    there_is_none = "there is no stack runbook in account 111111111111 in us-east-1 to update: runbook stack deploy"
    assert there_is_none in said("update", *here(deployed), "--installed")[1]
    at, runs = str(deployed.organization.settings), str(deployed.organization.runs)
    bad = deployed.organization.runs.parent / "settings-with-profile.yaml"
    bad.write_text(Path(at).read_text().replace("  delegated:", "  management:\n    profile: mine\n  delegated:"))
    assert "access.management.profile" in said("deploy", "-p", str(bad), "--runs", runs, "--bucket", BUCKET)[1]
    assert list(deployed.organization.runs.glob("*-rehearsal-*")) == []


def foretold(deployed: Deployed, plan: Plan) -> None:
    """What would be done and whether it could: the plan, the change set's lines, and nothing written at AWS."""
    before, objects = len(deployed.organization.changes), deployed.objects()
    code, text = deploy(deployed, "--dry-run")
    assert (code, "It could be deployed, as stack runbook in account 111111111111:" in text) == (2, True), text
    for words in (f"fingerprint: {plan.fingerprint}", "  Add AWS::IAM::Role WorkRole", "  Add Custom::RunbookPhase Prerequisites"):
        assert words in text
    assert (len(deployed.organization.changes), deployed.objects()) == (before, objects)
    assert deployed.organization.front.world.of(CloudFormationState).stacks == {}


def foretold_of_a_stack(deployed: Deployed, plan: Plan) -> None:
    """Of one that is there: no changes, or exactly what an approval would bring."""
    update, before = ["update", *here(deployed), "--installed", "--dry-run"], len(deployed.organization.changes)
    code, text = said(*update)
    assert (code, "No changes: the stack is as it was deployed last" in text) == (0, True), text
    code, text = said(*update, "--approval", plan.fingerprint)
    lines = [line for line in text.splitlines() if line.startswith(("  Add ", "  Modify ", "  Remove "))]
    assert (code, lines) == (2, ["  Modify Custom::RunbookPhase Prerequisites"]), text
    assert len(deployed.organization.changes) == before


def asked_and_not_answered(deployed: Deployed, plan: Plan) -> None:
    """Nobody at the terminal, or somebody who types another word: everything was shown, and nothing is left."""
    code, text = deploy(deployed)
    assert (code, f"--approval {plan.fingerprint}" in text, "Nobody is here to be asked" in text) == (2, True, True), text
    assert "Add AWS::IAM::Role WorkRole" in text, "what would change is shown all the same"
    code, text = deploy(deployed, typed="yes\n")
    assert (code, "Nothing was deployed: nobody said yes" in text) == (2, True), text
    stacks = deployed.organization.front.world.of(CloudFormationState).stacks
    assert {each.status for each in stacks.values()} == {"DELETE_COMPLETE"}
    assert [each for each in deployed.objects() if each.startswith("inputs/")] == [], "an order is written after the yes"
    assert deployed.organization.front.world.organization.delegated == {}


def deployed_and_updated(deployed: Deployed, plan: Plan) -> None:
    before = len(deployed.organization.changes)
    code, text = deploy(deployed, "--ticket", "T-1", typed="runbook\n")
    assert code == 0, text
    assert re.search(r"    00_prerequisites: \d of \d steps; organizations:\w+ in us-east-1", text), text
    for words in (f"fingerprint: {plan.fingerprint}", "Prerequisites: CREATE_COMPLETE", "PrerequisitesCoverage: 100.0 %"):
        assert words in text
    assert len(deployed.organization.changes) > before
    run = max(deployed.organization.runs.glob("*-rehearsal-*"))
    record = json.loads((run / "stack.json").read_text())
    assert (record["kind"], record["outputs"]["PrerequisitesStatus"]) == ("CREATE", "done")
    assert record["events"][-1]["ResourceStatus"] == "CREATE_COMPLETE"
    update = ["update", *here(deployed), "--installed"]
    assert "No changes: the stack is as it was deployed last" in said(*update)[1], "planned again, there is nothing to call"
    assert said("status", *here(deployed))[0] == 0
    code, text = said(*update, "--approval", plan.fingerprint)
    assert (code, "PrerequisitesCalls: 0" in text) == (0, True), "the order is another, and what it asks for is there"


def refused_later(deployed: Deployed, plan: Plan) -> None:
    changed = deployed.organization.settings.read_text().replace("FIFTEEN_MINUTES", "ONE_HOUR")
    deployed.organization.settings.with_name("changed.yaml").write_text(changed)
    words = ["-p", str(deployed.organization.settings.with_name("changed.yaml")), *here(deployed)[2:]]
    text = said("deploy", *words, "--bucket", BUCKET, "--approval", plan.fingerprint)[1]
    assert "the settings have changed since the plan was made" in text


def recovered(deployed: Deployed) -> None:
    """From a rollback that failed, which changes nothing in the organization."""
    deployed.stack.status = "UPDATE_ROLLBACK_FAILED"
    assert "runbook stack recover" in deploy(deployed)[1]
    deployed.stack.failed_in_rollback = {"Prerequisites"}
    assert "did not fail in the rollback" in said("recover", *here(deployed), "--skip", "Work")[1]
    called = [each for each in deployed.organization.changes if each.service == "organizations"]
    code, text = said("recover", *here(deployed))
    assert (code, "Prerequisites: UPDATE_COMPLETE" in text) == (0, True), text
    assert deployed.stack.status == "UPDATE_ROLLBACK_COMPLETE"
    assert [each for each in deployed.organization.changes if each.service == "organizations"] == called
    assert "no rollback to go on with: deploy" in said("recover", *here(deployed))[1]


def test_a_stack_is_deployed_looked_at_and_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing, "LOOK", 0.2)
    whole = template.tasks

    def first(settings: Settings) -> tuple[Task, ...]:
        return whole(settings)[:1]

    for module in (template, deployment, stack_deploying):
        monkeypatch.setattr(module, "tasks", first)
    monkeypatch.setattr(stack_deploying, "pack", lambda libraries: nothing())
    with deployable(tmp_path, monkeypatch, here=True) as deployed:
        refused_at_first(deployed)
        plan = planned(deployed.organization.settings)
        foretold(deployed, plan)
        asked_and_not_answered(deployed, plan)
        deployed_and_updated(deployed, plan)
        foretold_of_a_stack(deployed, plan)
        refused_later(deployed, plan)
        recovered(deployed)
        code, text = said("delete", *here(deployed), "--confirm", "runbook")
        assert (code, "stays on" in text) == (0, True)
        assert "00_prerequisites: 100.0 % covered" in text
        assert deployed.stack.status == "DELETE_COMPLETE"
        assert said("status", *here(deployed))[0] == 1


class Shown:
    """A deployment whose plans are given; what is proposed and withdrawn is noted."""

    def __init__(self, *plans: Any) -> None:
        self.plans, self.said, self.done = plans, list[str](), list[str]()
        self.settings = SimpleNamespace(concurrency=8)
        self.installer = SimpleNamespace(say=self.said.append, name="runbook", account="111111111111")
        self.proposal = SimpleNamespace(lines=lambda: iter(["Modify Custom::RunbookPhase Prerequisites"]))

    def plan(self) -> Any:
        return iter(self.plans)

    def wanted(self, plans: list[Any]) -> list[Any]:
        return plans

    def order(self, planned: Any, approver: str, ticket: str) -> None:
        self.done.append(f"{planned.title} approved by {approver} under {ticket}")

    def propose(self, bundle: Any) -> bool:
        self.done.append("proposed")
        return True

    def withdraw(self) -> None:
        self.done.append("withdrawn")


def shown(*blockers: Blocker) -> Any:
    """A plan without calls, as a task has it."""
    plan = SimpleNamespace(actions=(), blockers=blockers, fingerprint="f" * 64)
    given = {"title": "00_prerequisites", "costs": Costs(), "file": Path("plan.json")}
    return SimpleNamespace(plan=plan, beyond_the_hour=lambda concurrency: "", **given)


BLOCKED = Blocker(
    "organizations", "us-east-1", "trusted access", frozenset(), "the organization has not all features", "enable them", "owner"
)


def test_a_blocked_plan_is_not_deployed() -> None:
    """What would fail in the stack after minutes is said before: prerequisites are not found out by failing."""
    made: Any = Shown(shown(), shown(BLOCKED))
    assert deploy_planned(made, made, Approver("Ada", "T-1", lambda wanted: True)) == 2
    assert made.done == []
    assert "  blocked: the organization has not all features" in made.said
    assert made.said[-1].startswith("Nothing was deployed: 00_prerequisites would be blocked")


def test_where_another_person_has_to_approve_nothing_is_proposed() -> None:
    made: Any = Shown(shown())
    assert deploy_planned(made, made, Approver("Ada", "T-1", lambda wanted: True, "another person has to approve")) == 2
    assert (made.done, "another person has to approve" in made.said[-1]) == ([], True)


def test_who_leaves_the_question_leaves_no_trace() -> None:
    made: Any = Shown(shown())

    def leave(wanted: Any) -> bool:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deploy_planned(made, made, Approver("Ada", "T-1", leave))
    assert made.done == ["00_prerequisites approved by Ada under T-1", "proposed", "withdrawn"]
