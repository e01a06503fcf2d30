"""One slice of the function that works, in this process, on seven simulated accounts: its bucket a table, its disk a folder."""

import datetime as dt
import hashlib
import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from doors import Served, served
from stack_function import STACK, Account

from runbook_lib.phase_run.opening import begin, opened
from runbook_lib.plan import Plan
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import approve
from runbook_lib.stack.orders import APPROVAL, SETTINGS, Order, key, stamp
from runbook_lib.stack.work import Slice


@dataclass
class Working:
    """An organization, the account of the stack, and the folder that stands for the function's disk."""

    organization: Served
    account: Account
    disk: Path
    execution: str = "abc-1"
    planned: Plan = field(init=False)
    """What the latest order is about."""

    def order(self, phase: str, scope: str = "", later: int = 0) -> str:
        """Plan a phase as on a laptop, approve it, and put the order into the bucket; its name.

        `later`: seconds from now at which it says it was made.
        """
        run = opened(begin(phase, self.organization.settings, scope, "", ""))
        run.observe()
        run.plan()
        run.leave()
        run.finish()
        file = run.record.folder.plan_json
        now = dt.datetime.now(dt.UTC)
        self.planned = plan_file.load(file)
        given = approve(self.planned, approver="Ada", ticket="T-1", now=now)
        given.write(self.disk / "approval.json")
        files = {SETTINGS: self.organization.settings, APPROVAL: self.disk / "approval.json", "plan.json": file}
        named = {name: self._put(path.read_bytes()) for name, path in files.items()}
        made = Order(phase, scope, stamp(now + dt.timedelta(seconds=later)), named)
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

    def journal(self, execution: str) -> list[dict[str, Any]]:
        """Every line of an execution's runs that lies in the bucket, by when it was put."""
        runs = {name.rpartition("/")[2] for name in self.account.objects if name.startswith(f"executions/{execution}/")}
        kept = [data for name, data in self.account.objects.items() if "/journal/" in name and name.split("/")[1] in runs]
        return [json.loads(line) for data in kept for line in data.splitlines()]


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


class Killed(BaseException):
    """The function is gone: nothing of it runs any more."""


def killed(working: Working, order: str, after: int, **more: Any) -> bool:
    """One slice whose function is gone when that call is announced; False where there are not so many, and it came to an end."""
    put, lock, intents = Account.put_object, threading.Lock(), 0

    def killing(self: Account, **given: Any) -> None:
        nonlocal intents
        with lock:
            intents += given["Body"].count(b'"kind":"intent"') if "/journal/" in given["Key"] else 0
            if intents >= after:
                raise Killed
            put(self, **given)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Account, "put_object", killing)
        try:
            working.slice(order, **more)
        except Killed:
            return True
    return False
