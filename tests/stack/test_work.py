"""One slice in this process, on seven simulated accounts: done, repeated, killed at a call, too late, asked to stop."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from simulated import ENABLING, copied
from stack_function import STACK
from stack_working import Working, at_work, killed

from runbook_lib.audit.verify import verify
from runbook_lib.coverage import Gap, Status
from runbook_lib.evidence.people.trust import pins_as_they_lie
from runbook_lib.evidence.run.contents import SEAL
from runbook_lib.evidence.seal.archive import KEYS
from runbook_lib.stack import work
from runbook_lib.stack.accept import stop_key
from runbook_lib.stack.orders import key

PHASES = ("00_prerequisites", "10_security_hub")
RESOURCES = ENABLING
"""The phases of the custom resources, in their order."""


@pytest.fixture
def working(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Working]:
    with at_work(tmp_path, monkeypatch) as made:
        yield made


def test_a_slice_does_what_was_approved_and_says_how_it_ended(working: Working) -> None:
    order = working.order(PHASES[0])
    assert working.organization.changes == []
    done = working.slice(order)
    assert (done["ended"], done["status"], done["data"]["Status"]) == (True, "SUCCESS", "done")
    calls = len(working.organization.changes)
    assert done["data"]["Calls"] == calls > 0
    assert (done["data"]["Coverage"], done["data"]["Gaps"], done["data"]["Unknown"]) == ("100.0 %", 0, 0)
    run = working.disk / "runs" / str(done["data"]["Run"])
    assert done["data"]["SealDigest"] == hashlib.sha256((run / SEAL).read_bytes()).hexdigest()
    there = {name.partition(f"runs/{run.name}/")[2] for name in working.account.objects if name.startswith(f"runs/{run.name}/")}
    assert {path.relative_to(run).as_posix() for path in run.rglob("*") if path.is_file()} <= there, "the whole run is kept"
    assert not verify(run.parent, pins_as_they_lie(run.parent / KEYS), [run.name]).faults
    working.execution = "abc-2"
    again = working.slice(working.order(PHASES[0]))
    assert (again["status"], again["data"]["Calls"]) == ("SUCCESS", 0)
    assert len(working.organization.changes) == calls


def gone_on_to_the_end(working: Working, order: str, before: int, kills: int) -> None:
    """The next slice converges; over all runs of the execution no call was sent twice, and none that was not announced before."""
    done = working.slice(order)
    assert (done["status"], done["data"]["Gaps"]) == ("SUCCESS", 0)
    intents = [line for line in working.journal(working.execution) if line["kind"] == "intent"]
    sent = Counter((line["unit"], target) for line in intents for target in line["target_accounts"] or [""])
    assert set(sent.values()) <= {1}, "no call twice, over all runs"
    assert len(intents) == len(working.organization.changes) - before
    restored = [path.parent for path in (working.disk / "runs").glob(f"*/{SEAL}")]
    assert len(restored) == kills + 1, "each run that was killed is put together and sealed as what it is"


def test_killed_at_three_calls_of_each_resource_it_goes_on_and_calls_nothing_twice(working: Working) -> None:
    """The line that announces a call is in the bucket before it. First, half-way and last: of each resource three functions die."""
    for number, phase in enumerate(RESOURCES):
        working.execution, before = f"abc-{number}", len(working.organization.changes)
        order = working.order(phase)
        kills = 0
        for after in (1, len(working.planned.actions) // 2, len(working.planned.actions) // 4):
            kills += killed(working, order, max(1, after))
            announced = [line for line in working.journal(working.execution) if line["kind"] == "intent"]
            assert len(working.organization.changes) - before <= len(announced), "no call is made whose line is not kept"
        assert kills == 3, phase
        gone_on_to_the_end(working, order, before, kills)


def test_a_function_that_was_ended_after_its_work_is_answered_for_by_the_next(working: Working) -> None:
    """Its approval is used up, and its answer lost; what is there is done, and nothing is called again."""
    trusted = working.organization.front.world.organization.trusted
    order, before = working.order(PHASES[0]), set(trusted)
    first = working.slice(order)
    called = len(working.organization.changes)
    again = working.slice(order)
    assert (first["status"], again["status"], again["data"]["Status"]) == ("SUCCESS", "SUCCESS", "done")
    assert (again["data"]["Coverage"], again["data"]["Fingerprint"]) == ("100.0 %", first["data"]["Fingerprint"])
    assert len(working.organization.changes) == called
    del trusted[min(set(trusted) - before)]
    lost = working.slice(order)
    assert (lost["status"], len(working.organization.changes)) == ("FAILED", called), "a used approval lets nothing be called"
    assert "left over: 1 more to call since; deploy again" in lost["reason"]


@pytest.mark.soak
@pytest.mark.parametrize("phase", RESOURCES)
def test_killed_at_every_call_of_a_resource(working: Working, phase: str) -> None:
    """Each k in a world of its own, until there are no more calls."""
    for number, earlier in enumerate(RESOURCES[: RESOURCES.index(phase)]):
        working.execution = f"before-{number}"
        assert working.slice(working.order(earlier))["status"] == "SUCCESS"
    front, after, going = working.organization.front, 0, True
    world = copied(front.world)
    while going:
        after += 1
        front.world = copied(world)
        order, working.execution, before = working.order(phase), f"abc-{after}", len(working.organization.changes)
        going = killed(working, order, after)
        gone_on_to_the_end(working, order, before, 1)  # where none was killed, it had come to its end
    assert after > len(working.planned.actions) > 1


def test_too_late_or_asked_to_stop_it_calls_nothing(working: Working) -> None:
    order = working.order(PHASES[0])
    assert working.slice(order, left=-1)["reason"].startswith("timed out: ")
    working.account.objects[stop_key(working.execution)] = b""
    assert working.slice(order)["reason"].startswith("stopped: ")
    assert working.organization.changes == []


def test_while_another_execution_works_on_the_resource_it_waits(working: Working) -> None:
    working.account.executions = {f"{STACK}-1": {"status": "RUNNING"}}
    assert working.slice(working.order(PHASES[0])) == {"ended": False, "slice": 0}
    assert working.organization.changes == []


def test_while_another_run_is_open_on_the_organization_it_waits_and_says_for_whom(
    working: Working, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One lease for all doors: the start record on the chain, whoever wrote it."""
    other = "run 20261129T080000Z-live-ab12 began at … on a laptop by Ada (10_security_hub, ticket CHG-7) and has not ended"
    order = working.order(PHASES[0])
    with monkeypatch.context() as patched:
        patched.setattr(work, "open_run", lambda runs, settings: other)
        waiting = working.slice(order)
    assert waiting == {"ended": False, "slice": 0, "waiting": other}
    assert [name for name in working.account.objects if name.startswith("executions/")] == [], "no run is begun for it"
    late = working.slice(order, left=-1, result=waiting)
    assert late["reason"].startswith(f"timed out: waited for another run: {other}")
    assert working.organization.changes == []


def test_a_slice_without_time_ends_in_order_and_the_next_goes_on(working: Working) -> None:
    order = working.order(PHASES[0])
    over = working.slice(order, seconds=0.001)
    assert over == {"ended": False, "slice": 1}
    assert working.slice(order)["status"] == "SUCCESS"
    runs = sorted((working.disk / "runs").glob("*-rehearsal-*"))
    assert json.loads((runs[-1] / "run.json").read_text())["resumes"] == runs[-2].name


def test_an_approval_binds_what_is_needed_since_is_refused(working: Working) -> None:
    """A stack runs no plan that nobody saw: one call more than approved, and nothing of the stage is called."""
    trusted = working.organization.front.world.organization.trusted
    before = set(trusted)
    assert working.slice(working.order(PHASES[0]))["status"] == "SUCCESS"
    first, second = sorted(set(trusted) - before)[:2]
    del trusted[first]
    order = working.order(PHASES[0])
    del trusted[second]
    called = len(working.organization.changes)
    working.execution = "abc-2"
    done = working.slice(order)
    assert (done["status"], done["data"]["Status"]) == ("FAILED", "refused")
    assert "not in the approved plan: organizations:EnableAWSServiceAccess" in done["reason"]
    assert len(working.organization.changes) == called


def gap(kind: Gap | None) -> Any:
    return SimpleNamespace(
        in_scope=True, status=Status.GAP, gap=kind, reason="not a member", service="guardduty", region="us-east-1"
    )


@pytest.mark.parametrize(
    ("code", "cells", "blockers", "status", "word"),
    [
        (0, [], [], "SUCCESS", "done"),
        (2, [gap(Gap.IN_PROGRESS)], [], "SUCCESS", "in progress"),
        (2, [gap(Gap.IN_PROGRESS), gap(None)], [], "FAILED", "left over"),
        (2, [gap(None)], [], "FAILED", "left over"),
        (2, [gap(Gap.IN_PROGRESS)], [SimpleNamespace(reason="denied", next_step="allow it")], "FAILED", "blocked"),
        (1, [], [], "FAILED", "stopped"),
    ],
)  # fmt: skip
def test_the_stack_succeeds_where_the_phase_has_and_nowhere_else(
    code: int, cells: list[Any], blockers: list[Any], status: str, word: str
) -> None:
    """Not before members are done: SUCCESS is for what is done, or what AWS alone is still working on."""
    record = SimpleNamespace(state="stopped", error="", run=SimpleNamespace(name="r"))
    run: Any = SimpleNamespace(cells=cells, planned=SimpleNamespace(blockers=blockers), report=None, record=record)
    assert work.verdict(run, code)[:2] == (status, word)


def test_what_was_not_deployed_is_not_carried_out(working: Working) -> None:
    """Changed in the bucket, of another version, approved for something else: one sentence, and no call."""
    order = working.order(PHASES[0])
    digest = order.partition("-")[2]
    changed = json.loads(working.account.objects[key(digest)])
    plan = changed["files"]["plan.json"]
    kept = working.account.objects[key(plan)]
    working.account.objects[key(plan)] = kept + b" "
    assert "plan.json in the bucket is not what was deployed" in working.slice(order)["reason"]
    working.account.objects[key(plan)] = kept
    assert "does not name an order" in working.slice("latest")["reason"]
    assert "made at another time" in working.slice(f"20200101T000000Z-{digest}")["reason"]
    working.account.objects[key(digest)] += b" "
    assert "the order in the bucket is not what was deployed" in working.slice(order)["reason"]
    assert working.organization.changes == []
