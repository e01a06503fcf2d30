"""A small sealed archive to tamper with, ways to do it, and what has to be so whatever was done.

One file of another run is altered besides in every case, and has to be named beside whatever the case is about.
"""

import json
import os
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sealed_runs as made
from click.testing import CliRunner
from fuzzing import unclear

from runbook_lib.audit.verify import verify
from runbook_lib.cli import cli
from runbook_lib.evidence.index_page import write_page
from runbook_lib.evidence.people.review import review
from runbook_lib.evidence.people.trust import pins_as_they_lie, read_policy, signed_policy
from runbook_lib.evidence.run import folder as run_folder
from runbook_lib.evidence.run.contents import REVIEW
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.evidence.seal.chain import entry_name
from runbook_lib.evidence.seal.keys import local_signer, pem
from runbook_lib.evidence.seal.linked import Addition, attach
from runbook_lib.evidence.seal.sealing import seal, seal_found
from runbook_lib.evidence.store.start import start
from runbook_lib.plan.approval import read_approval

PHASE = made.PHASES[1]


CHAIN = f"rehearsal/{made.ORGANIZATION}"


WITNESS = Addition("witness report", "witness-config", {"report.json": b"{}"})


@dataclass(frozen=True)
class Kept:
    """Three sealed runs. The second began with a start record, was an emergency and reviewed, and has something attached."""

    root: Path
    names: tuple[str, ...]

    @property
    def run(self) -> RunFolder:
        return RunFolder(self.root / self.names[1])

    @property
    def phase(self) -> Path:
        return self.run.path / PHASE

    @property
    def chain(self) -> Path:
        return self.root / "chain" / CHAIN

    @property
    def policy(self) -> Path:
        return self.root.with_name("trust.json")

    @property
    def pin(self) -> Path:
        return next((self.root / "keys").glob("rehearsal-*.pub.pem"))

    @property
    def entry(self) -> Path:
        """The entry of the chain that is the second run's seal."""
        return self.chain / entry_name(3)

    def signer(self, name: str) -> Any:
        return local_signer(self.root.with_name("people"), name)

    def faults(self, *, pins: bool = False) -> set[tuple[str, str]]:
        """(where, kind) of what verify finds beside what was altered elsewhere, which it has to find every time."""
        with soon():
            seen = verify(self.root, pins_as_they_lie(self.root / "keys") if pins else read_policy(self.policy))
        assert not any(unclear(str(fault)) for fault in seen.faults)
        found = {(fault.where, str(fault.kind)) for fault in seen.faults}
        assert (f"{self.names[2]}/settings.yaml", "changed") in found
        return {each for each in found if not each[0].startswith(self.names[2])}


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    root = tmp_path_factory.mktemp("campaign") / "runs"
    with pytest.MonkeyPatch.context() as patch:  # as small as runs can be
        patch.setattr(run_folder, "versions", lambda: {"runbook": "1", "git": None, "files": "0" * 64, "installed": {"x": "1"}})
        patch.setattr(made, "PHASES", (PHASE,))
        runs = [made.ended_run(root, number) for number in (0, 5, 9)]
    desk, kept = made.desk(root), Kept(root, tuple(run.name for run in runs))
    approval = read_approval(runs[1].phase(PHASE).approval).model_copy(update={"emergency": "an intruder"})
    approval.write(runs[1].phase(PHASE).approval)
    seal(runs[0], desk)
    start(runs[1], desk, CHAIN, approval, {})
    there = seal(runs[1], desk)
    attach(runs[1], WITNESS, desk)
    seal(runs[2], desk)
    person = {"name": "alice", "key": pem(kept.signer("alice").public_key), "may": ["approve", "review"]}
    policy = {
        "organization": made.ORGANIZATION, "owner": "", "people": [person], "emergency": True, "approvals": {"rehearsal": 0},
        "runners": [{"mode": "rehearsal", "key": pem(desk.signer.public_key)}],
    }  # fmt: skip
    kept.policy.write_bytes(signed_policy(json.dumps(policy).encode(), kept.signer("owner"), "policy"))
    (runs[1].path / REVIEW).write_bytes(review(there, "as it should be", kept.signer("alice"), made.BEGIN))
    return kept


@pytest.fixture
def kept(pristine: Kept, tmp_path: Path) -> Kept:
    copied = Path(shutil.copytree(pristine.root.parent, tmp_path / "archive")) / "runs"
    (copied / pristine.names[2] / "settings.yaml").write_text("mode: rehearsal # altered")
    return Kept(copied, pristine.names)


@contextmanager
def soon(seconds: int = 100) -> Iterator[None]:
    """Whoever waits for the other end of a pipe does not come back, however fast the machine is."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def still_work(kept: Kept) -> None:
    """`run list`, and the last steps of every command, whatever lies among the runs."""
    with soon():
        done = CliRunner().invoke(cli, ["run", "list", "--runs", str(kept.root)], standalone_mode=False)
        assert done.exception is None, done.exception
        write_page(kept.root)
        assert not any(map(unclear, seal_found(kept.root, "rehearsal", "", made.desk(kept.root))))


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def hollow(path: Path) -> None:
    """Eight gigabytes, of which the disk holds none."""
    path.write_bytes(b"")
    os.truncate(path, 8 * 2**30)


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def listening(path: Path) -> None:
    path.unlink()
    here = Path.cwd()
    os.chdir(path.parent)  # its whole path is too long for a socket
    try:
        with socket.socket(socket.AF_UNIX) as there:
            there.bind(path.name)
    finally:
        os.chdir(here)


def link_to(target: str) -> Callable[[Path], None]:
    def replace(path: Path) -> None:
        path.unlink()
        path.symlink_to(target)

    return replace


def link_outside(path: Path) -> None:
    path.symlink_to(path.rename(path.with_name(f"{path.name}.moved")).replace(path.parents[2] / f"outside-{path.name}"))


def rewritten(change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(change(path.read_bytes()))


def some(cases: list[Any], of: int) -> list[Any]:
    """One of so many in each test run, from every part of the list; the others in the soak."""
    return [case if number % of == 0 else pytest.param(*case, marks=pytest.mark.soak) for number, case in enumerate(cases)]
