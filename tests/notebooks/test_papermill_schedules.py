"""Schedules of faults through papermill: a failed notebook executed again under the same approval, then planned afresh."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from doors import PAPERMILL, ROOT, Served, served
from schedules import OF_PHASE, Begun, check_record, check_truth, prepared, schedule
from simulated import ENABLING, copied

from runbook_lib.base.clock import Clock
from runbook_lib.evidence.run.folder import PhaseFolder, find_runs
from runbook_lib.plan import Plan
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import Approval, approve
from runbook_lib.rehearsal.draws import whole
from runbook_lib.rehearsal.scenario import Scenario
from runbook_lib.rehearsal.world import World

FAULTS = 5


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory, seven_before: Callable[[str], World]) -> Iterator[Begun]:
    with pytest.MonkeyPatch.context() as patch:
        yield prepared(tmp_path_factory.mktemp("begun"), patch, seven_before)


@dataclass
class Papered:
    """One phase under one schedule, driven by nothing but papermill and files."""

    served: Served
    phase: str
    out: Path
    approved: list[Plan] = field(default_factory=list)
    executions: int = 0

    def execute(self, approval: Path | None = None) -> PhaseFolder | None:
        """Execute the notebook; the folder that it recorded in, if it came so far."""
        self.executions += 1
        given = {"parameters_file": str(self.served.settings), **({"approval": str(approval)} if approval else {})}
        options = [part for name, value in given.items() for part in ("-r", name, value)]
        notebook = str(ROOT / "notebooks" / f"{self.phase}.ipynb")
        before = len(find_runs(self.served.runs))
        self.served.run([*PAPERMILL, notebook, str(self.out / f"{self.executions}.ipynb"), "--no-progress-bar", *options])
        runs = find_runs(self.served.runs)[before:]
        return runs[-1].phase(self.phase) if runs else None

    def approval(self) -> Path | None:
        """Plan, and approve what was planned; None where the notebook did not come to a plan."""
        folder = self.execute()
        if folder is None or not folder.plan_json.is_file():
            return None
        plan = plan_file.load(folder.plan_json)
        self.approved.append(plan)
        made: Approval = approve(plan, approver="tests", ticket="T-1", now=Clock().now())
        made.write(folder.approval)
        return folder.approval

    def state(self, folder: PhaseFolder | None) -> dict[str, object]:
        assert folder is not None
        results: dict[str, object] = json.loads((folder.path.parent / "run.json").read_text())["phases"][self.phase]["results"]
        return results


def outlives(begun: Begun, folder: Path, phase: str, number: int) -> None:
    """Plan, approve and apply under faults; then again until nothing is left."""
    with served("seven", folder) as there:
        front = there.front
        drawn = whole(schedule((phase,), number, FAULTS), ["100000000001", "100000000002"], sorted(front.world.regions))
        # A socket that is silent for a minute shows no more than one that is silent for a moment.
        faults = tuple(fault.model_copy(update={"silence": 0.2}) for fault in drawn.faults)
        front.scenario = Scenario(name="drawn", seed=number, faults=faults, events=drawn.events)
        front.adopt(copied(begun.worlds[phase]))
        papered = Papered(there, phase, folder)
        approval = papered.approval()
        results = papered.state(papered.execute(approval)) if approval else {}
        front.faults.end()
        if approval and results.get("state") != "applied":
            papered.execute(approval)
        papered.execute(papered.approval())
        results = papered.state(papered.execute())
        assert (results["gap"], results["unknown"], results["actions"]) == (0, 0, 0)
        announced = [json.loads(line) for path in there.journals() for line in path.read_text().splitlines()]
        check_record(there.changes, [line for line in announced if line["kind"] == "intent"], papered.approved)
        check_truth(there.changes, [line for line in announced if line["kind"] == "outcome"])


@pytest.mark.soak
@pytest.mark.parametrize("number", range(10))
def test_notebooks_outlive_many_faults(begun: Begun, tmp_path: Path, number: int, record_property: Any) -> None:
    outlives(begun, tmp_path, ENABLING[number % len(OF_PHASE)], 100 + number)
    record_property("papermill schedules", 1)
