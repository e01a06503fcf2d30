"""The notebook of the stack: planned only, rejected, deployed at the screen, and deleted by its name; and what it refuses."""

import asyncio
import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import loops
import pytest
from cells import Executed, executed
from doors import ROOT
from stack_deployed import BUCKET, Deployed, deployable
from stack_in_process import nothing

from runbook_lib.cli import stack_deploying
from runbook_lib.evidence.run.folder import RunFolder, find_runs
from runbook_lib.notebook import OPEN, stack, stack_operations
from runbook_lib.notebook.stack import StackNotebook, open_stack
from runbook_lib.phase_run.halt import Halt
from runbook_lib.rehearsal.operations.cloudformation.state import CloudFormationState
from runbook_lib.settings import Settings
from runbook_lib.stack import deployment, installing, template
from runbook_lib.stack.template import Task

NOTEBOOK = ROOT / "notebooks" / "80_stack.ipynb"


@pytest.fixture
def deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Deployed]:
    """An organization for a stack of one phase."""
    whole = template.tasks

    def first(settings: Settings) -> tuple[Task, ...]:
        return whole(settings)[:1]

    monkeypatch.setattr(installing, "LOOK", 0.2)
    for module in (template, deployment, stack_deploying, stack, stack_operations):
        monkeypatch.setattr(module, "tasks", first)
    monkeypatch.setattr(stack_operations, "pack", lambda libraries: nothing())
    with deployable(tmp_path, monkeypatch, here=True) as made:
        yield made
        while OPEN:
            OPEN.pop().abandon()


def headless(deployed: Deployed, **parameters: str) -> Executed:
    """The notebook as a pipeline runs it."""
    given = {"parameters_file": str(deployed.organization.settings), "bucket": BUCKET, **parameters}
    return executed(NOTEBOOK, dict(os.environ), **given)


def latest(deployed: Deployed) -> RunFolder:
    return list(find_runs(deployed.organization.runs))[-1]


def answered(deployed: Deployed, **answer: Any) -> StackNotebook:
    """The notebook at the screen, up to the answer to its panel."""
    notebook = open_stack("80_stack", str(deployed.organization.settings), "", "", "", "", "", BUCKET, "", "")
    notebook.plan()

    async def pressed() -> None:
        task = asyncio.ensure_future(notebook.confirm())
        for _ in range(6000):
            if notebook._asked is not None or task.done():
                break
            await asyncio.sleep(0.01)
        if notebook._asked is not None:
            given = {"approved": True, "ticket": "", "reason": "", "typed": "", "now": dt.datetime.now(dt.UTC), **answer}
            assert notebook._asked.ballot.cast(**given) == ""
        await task

    loops.run(pressed())
    return notebook


def stacks(deployed: Deployed) -> set[str]:
    return {each.status for each in deployed.organization.front.world.of(CloudFormationState).stacks.values()}


def nobody_there(deployed: Deployed) -> None:
    """Without an approval it plans, and changes nothing; what it cannot do is said in two lines."""
    done = headless(deployed)
    assert ([*done.shown][-1], done.halted) == ("finish", "")
    assert "00_prerequisites: 4 calls, plan " in done.shown["plan"]
    assert "Not attempted: no approval was given." in done.shown["apply"]
    record = latest(deployed).record()
    assert (record["status"], record["phases"]["80_stack"]["results"]["state"]) == ("left-over", "not attempted")
    assert record["phases"]["00_prerequisites"]["status"] == "left-over"
    assert "give one of deploy, update, status, recover, delete" in headless(deployed, operation="destroy").halted
    assert "a stack is about the whole organization" in headless(deployed, scope='{"regions": ["us-east-1"]}').halted
    assert "there is no stack runbook" in headless(deployed, operation="update").halted
    assert "there is no rollback to go on with" in headless(deployed, operation="recover").halted
    assert "access.delegated.profile" in headless(deployed, parameters_file="parameters/rehearsal.yaml").halted
    assert "to delete a stack takes none" in headless(deployed, operation="delete", approval="one.json").halted
    looked = headless(deployed, operation="status")
    assert "left: stack runbook: there is no such stack" in looked.shown["verify"]
    assert stacks(deployed) == set()


def at_the_screen(deployed: Deployed) -> None:
    """A no leaves no trace; a yes deploys, with the ticket that was given with it."""
    with pytest.raises(Halt, match=r"Rejected by .*: not today\nNothing was called"):
        answered(deployed, approved=False, reason="not today")
    assert stacks(deployed) == {"DELETE_COMPLETE"}
    assert [each for each in deployed.objects() if each.startswith("inputs/")] == []
    notebook = answered(deployed, typed="runbook", ticket="CHG-9")
    assert stacks(deployed) == {"DELETE_COMPLETE", "REVIEW_IN_PROGRESS"}
    loops.run(notebook.apply())
    assert "100.0 %" in repr(notebook.verify())
    ended = notebook.finish()
    assert (ended.title, "NOT verified" in repr(ended), "head digest" in repr(ended)) == ("Done", False, True)
    assert deployed.stack.status == "CREATE_COMPLETE"
    orders = [each for each in deployed.objects() if each.startswith("inputs/")]
    texts = [deployed.client("s3").get_object(Bucket=BUCKET, Key=each)["Body"].read() for each in orders]
    assert any(b'"ticket": "CHG-9"' in each for each in texts), "the approval that the functions go by"
    again = answered(deployed)
    assert "there is nothing to change" in repr(loops.run(again.apply()))
    assert again.finish().title == "Done"


def deleted(deployed: Deployed) -> None:
    """Named once more, it goes; what stays, and the way out, is said before."""
    before = len([each for each in deployed.organization.changes if each.service == "organizations"])
    without = headless(deployed, operation="delete")
    assert "Not attempted: confirmed has to be the stack's name." in without.shown["apply"]
    done = headless(deployed, operation="delete", confirmed="runbook")
    assert "00_prerequisites: 100.0 % covered" in done.shown["plan"]
    assert (done.halted, deployed.stack.status) == ("", "DELETE_COMPLETE")
    assert len([each for each in deployed.organization.changes if each.service == "organizations"]) == before


def test_it_plans_asks_deploys_and_deletes(deployed: Deployed, monkeypatch: pytest.MonkeyPatch) -> None:
    nobody_there(deployed)
    with monkeypatch.context() as screen:
        screen.setattr(stack, "headless", lambda: False)
        at_the_screen(deployed)
    deleted(deployed)
