"""One slice in this process, on seven simulated accounts: done, repeated, killed at a call, too late, asked to stop."""

import datetime as dt
import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from doors import Served, served
from stack_function import STACK, Account

from runbook_lib.audit.verify import verify
from runbook_lib.coverage import Gap, Status
from runbook_lib.evidence.people.trust import pins_as_they_lie
from runbook_lib.evidence.run.contents import SEAL
from runbook_lib.evidence.seal.archive import KEYS
from runbook_lib.phase_run.opening import begin, opened
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import approve
from runbook_lib.stack import work
from runbook_lib.stack.accept import stop_key
from runbook_lib.stack.orders import APPROVAL, SETTINGS, Order, key, stamp
from runbook_lib.stack.work import Slice

PHASES = ("00_prerequisites", "10_security_hub")


@dataclass
class Working:
    """An organization, the account of the stack, and the folder that stands for the function's disk."""

    organization: Served
    account: Account
    disk: Path
    execution: str = "abc-1"

    def order(self, phase: str) -> str:
        """Plan a phase as on a laptop, approve it, and put the order into the bucket; its name."""
        run = opened(begin(phase, self.organization.settings, "", "", ""))
        run.observe()
        run.plan()
        run.leave()
        run.finish()
        file = run.record.folder.plan_json
        now = dt.datetime.now(dt.UTC)
        given = approve(plan_file.load(file), approver="Ada", ticket="T-1", now=now)
        given.write(self.disk / "approval.json")
        files = {SETTINGS: self.organization.settings, APPROVAL: self.disk / "approval.json", "plan.json": file}
        named = {name: self._put(path.read_bytes()) for name, path in files.items()}
        made = Order(phase, "", stamp(now), named)
        assert made.name == f"{made.made}-{self._put(made.text)}"
        return made.name

    def _put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self.account.objects[key(digest)] = data
        return digest

    def slice(self, order: str, seconds: float = 890, left: float = 3000, **more: Any) -> dict[str, Any]:
        """One slice on a disk of its own, as each new function has."""
        shutil.rmtree(self.disk, ignore_errors=True)
        until = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=left)
        event = {"execution": self.execution, "order": order, "until": until.isoformat(), "resource": STACK, "slice": 0, **more}
        return Slice(self.account, event, seconds, self.disk).result()

    def journal(self) -> list[dict[str, Any]]:
        """Every line that lies in the bucket, by when it was put."""
        kept = [data for name, data in self.account.objects.items() if "/journal/" in name]
        return [json.loads(line) for data in kept for line in data.splitlines()]


@pytest.fixture
def working(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Working]:
    with at_work(tmp_path, monkeypatch) as made:
        yield made


@contextmanager
def at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Working]:
    with served("seven", tmp_path) as organization:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        for name, value in organization.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("RUNBOOK_PROJECT", str(tmp_path))
        (tmp_path / "disk").mkdir()
        yield Working(organization, Account(), tmp_path / "disk")


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


def killed_at_a_call_the_next_slice_goes_on(working: Working, monkeypatch: pytest.MonkeyPatch, after: int) -> bool:
    """The line that announces a call is in the bucket before it: without that, the call is not made.

    False where there are not so many calls, and nothing was killed.
    """
    assert working.slice(working.order(PHASES[0]))["status"] == "SUCCESS"
    working.execution = "abc-2"
    order = working.order(PHASES[1])
    put, intents = Account.put_object, 0

    class Killed(BaseException):
        """The function is gone: nothing of it runs any more."""

    def killing(self: Account, **given: Any) -> None:
        nonlocal intents
        intents += "/journal/" in given["Key"] and b'"kind":"intent"' in given["Body"]
        if intents >= after:
            raise Killed
        put(self, **given)

    with monkeypatch.context() as patched:
        patched.setattr(Account, "put_object", killing)
        try:
            assert working.slice(order)["status"] == "SUCCESS"
        except Killed:
            pass
        else:
            return False
    announced = [line for line in working.journal() if line["kind"] == "intent"]
    assert len(working.organization.changes) <= len(announced), "no call is made whose line is not kept"
    done = working.slice(order)
    assert (done["status"], done["data"]["Gaps"]) == ("SUCCESS", 0)
    sent = Counter(line["unit"] for line in working.journal() if line["kind"] == "intent")
    assert set(sent.values()) == {1}, "no call twice, over both runs"
    assert sum(sent.values()) == len(working.organization.changes)
    restored = [path.parent for path in (working.disk / "runs").glob(f"*/{SEAL}")]
    assert len(restored) == 2, "the run that was killed is put together and sealed as what it is"
    return True


@pytest.mark.parametrize("after", [1, 3, 9])
def test_killed_at_a_call_the_next_slice_goes_on_and_calls_nothing_twice(
    working: Working, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    assert killed_at_a_call_the_next_slice_goes_on(working, monkeypatch, after)


@pytest.mark.soak
def test_killed_at_every_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each k on an organization of its own, until there are no more calls."""
    after, going = 0, True
    while going:
        after += 1
        folder = tmp_path / str(after)
        folder.mkdir()
        with monkeypatch.context() as patched, at_work(folder, patched) as working:
            going = killed_at_a_call_the_next_slice_goes_on(working, patched, after)
    assert after > 10


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
