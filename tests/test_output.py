"""Output that cannot be written: the work goes on, its record tells the truth, and so does the exit code."""

import errno
import io
import json
import os
import re
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from doors import PATIENCE, ROOT, RUNBOOK, Served, lines, served

from runbook_lib.audit.verify import verify
from runbook_lib.cli.output import CLOSED, given_up, lasting_output, truthful
from runbook_lib.evidence.people.trust import pinned_trust
from runbook_lib.evidence.run.folder import RunFolder, find_runs
from runbook_lib.evidence.seal.archive import KEYS
from runbook_lib.plan import file as plan_file

PHASES = ("00_prerequisites", "10_security_hub")
IN_A_TERMINAL = """\
import fcntl, os, signal, sys, termios
signal.signal(signal.SIGHUP, signal.SIG_DFL)
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
"""Makes the terminal on its stdin its own, as a shell's is, then becomes the command; also where the tests run under nohup."""


class Breaking(io.RawIOBase):
    """A stream that takes so many bytes, and then breaks."""

    def __init__(self, number: int, most: int = 0) -> None:
        super().__init__()
        self.number, self.left, self.taken = number, most, b""

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        if not self.left:
            raise OSError(self.number, os.strerror(self.number))
        part = bytes(data)[: self.left]
        self.taken, self.left = self.taken + part, self.left - len(part)
        return len(part)


class Kept(io.BytesIO):
    """What was written, for whoever asks when the text around it is gone."""

    def close(self) -> None:
        pass


def text_to(raw: Any, encoding: str = "utf-8") -> io.TextIOWrapper:
    return io.TextIOWrapper(raw, encoding=encoding)


def printed(
    monkeypatch: pytest.MonkeyPatch, stdout: Any, stderr: Any, said: Sequence[str] = ("one", "two")
) -> tuple[int, dict[str, str]]:
    """The exit code of a command that did its work and printed these lines to both streams, and what it gave up."""
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", stdout)
        patch.setattr(sys, "stderr", stderr)
        with lasting_output() as lasting:
            for stream in (sys.stdout, sys.stderr):
                for line in said:
                    print(line, file=stream, flush=True)
            lost = given_up()
        return truthful(0, lasting), lost


def test_a_character_that_the_encoding_lacks_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = Kept(), Kept()
    assert printed(monkeypatch, text_to(out, "ascii"), text_to(err, "ascii"), ["3 × A", "\ud800"]) == (0, {})
    assert out.getvalue() == err.getvalue() == b"3 \\xd7 A\n\\ud800\n"


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        (errno.EPIPE, 0, b""),
        (errno.ENOSPC, 1, b"What was printed to stdout is not whole: No space left on device\n"),
        (errno.EIO, 1, b"What was printed to stdout is not whole: Input/output error\n"),
    ],
)
def test_what_is_lost_is_said_unless_nobody_wants_it(monkeypatch: pytest.MonkeyPatch, number: int, code: int, said: bytes) -> None:
    out, err = Breaking(number, most=6), Kept()
    assert printed(monkeypatch, text_to(out), text_to(err)) == (code, {"stdout": os.strerror(number)})
    assert out.taken == b"one\ntw"
    assert err.getvalue() == b"one\ntwo\n" + said


def test_streams_that_were_closed_beforehand_are_given_up_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    assert printed(monkeypatch, None, None) == (0, {"stdout": CLOSED, "stderr": CLOSED})


def test_nothing_is_raised_where_stderr_is_lost_too(monkeypatch: pytest.MonkeyPatch) -> None:
    full = Breaking(errno.ENOSPC)
    assert printed(monkeypatch, text_to(full), text_to(full))[0] == 1


def test_a_slow_reader_that_is_not_to_be_waited_for_gets_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    got: list[bytes] = []

    def read() -> None:
        with open(reading, "rb") as pipe:  # noqa: PTH123 a descriptor
            got.append(pipe.read())

    reader = threading.Thread(target=read)
    with open(writing, "wb", buffering=0) as pipe:  # noqa: PTH123 as above
        reader.start()
        stdout = text_to(pipe)
        assert printed(monkeypatch, stdout, text_to(Kept()), ["x" * 1_000_000]) == (0, {})
        stdout.detach()
    reader.join()
    assert len(got[0]) == 1_000_001


@pytest.mark.parametrize(
    ("redirected", "code", "said"),
    [("| head -1", 0, ""), ("> /dev/full", 1, "No space left on device"), (">&-", 0, ""), (">&- 2>&- <&-", 0, "")],
)
def test_a_command_that_only_prints(redirected: str, code: int, said: str) -> None:
    command = f"{' '.join(RUNBOOK)} schema {redirected}"
    done = subprocess.run(
        ["/bin/bash", "-o", "pipefail", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == code
    assert done.stderr.count("\n") == bool(said)
    assert said in done.stderr


@pytest.fixture(scope="module")
def seven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served("seven", tmp_path_factory.mktemp("output")) as organization:
        yield organization


def latest(organization: Served) -> RunFolder:
    return find_runs(organization.runs)[-1]


def fingerprint(organization: Served, phase: str) -> str:
    """The newest plan of a phase."""
    made = [plan_file.load(path) for path in sorted(organization.runs.glob(f"*/{phase}/plan.json"))]
    return made[-1].fingerprint


def logged(run: RunFolder) -> list[dict[str, Any]]:
    return [json.loads(line) for line in run.log.read_text(encoding="utf-8").splitlines()]


def holds_what_was_done(organization: Served, run: RunFolder, phase: str) -> None:
    """The apply went on to Verify, the summary and the journal agree, and the run is sealed and without a fault."""
    results = run.record()["phases"][phase]["results"]
    intents = [line for line in lines(run.phase(phase).journal) if line["kind"] == "intent"]
    assert (results["state"], results["calls"]) == ("applied", len(intents))
    assert intents
    assert results["covered"] > 0
    assert run.phase(phase).coverage("after", "json").is_file()
    seen = verify(organization.runs, pinned_trust(organization.runs / KEYS), [run.name])
    assert (seen.held, seen.faults) == ((run.name,), ())


class TestOneAfterTheOther:
    """Each test goes on from where the one before left the organization."""

    def test_plans_are_made_though_the_reader_goes_away(self, seven: Served) -> None:
        command = [*RUNBOOK, "plan", "-p", str(seven.settings), *(part for phase in PHASES for part in ("--phase", phase))]
        with subprocess.Popen(
            command, cwd=ROOT, env=dict(seven.environment), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            assert process.stdout.readline().startswith("REHEARSAL: ")
            process.stdout.close()
            assert process.wait(PATIENCE) == 2, "the plans are made, and something is to be done"
            assert process.stderr.read() == ""
        run = latest(seven)
        assert (run.record()["status"], run.record()["error"]) == ("left-over", None)
        assert all(run.phase(phase).plan_json.is_file() for phase in PHASES)
        (given,) = [each["fields"] for each in logged(run) if each["event"] == "output given up"]
        assert given == {"stream": "stdout", "reason": "Broken pipe"}
        assert logged(run)[-1]["fields"]["output given up"] == {"stdout": "Broken pipe"}

    def test_a_plan_is_made_though_the_disk_behind_is_full(self, seven: Served) -> None:
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [*RUNBOOK, "plan", "-p", str(seven.settings), "--phase", PHASES[0]], cwd=ROOT, env=dict(seven.environment),
                stdout=full, stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False,
            )  # fmt: skip
        assert done.returncode == 1, "who reads what was printed would take a part for the whole"
        assert done.stderr == "What was printed to stdout is not whole: No space left on device\n"
        assert latest(seven).record()["status"] == "left-over"
        assert latest(seven).phase(PHASES[0]).plan_json.is_file()

    def test_an_apply_goes_on_though_its_terminal_is_gone(self, seven: Served) -> None:
        command = [*RUNBOOK, "apply", "-p", str(seven.settings), "--approval", fingerprint(seven, PHASES[0])]
        ours, theirs = os.openpty()
        termios.tcsetwinsize(theirs, (24, 120))
        with subprocess.Popen(
            [sys.executable, "-c", IN_A_TERMINAL, *command], cwd=ROOT, env=dict(seven.environment),
            stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        ) as process:  # fmt: skip
            os.close(theirs)
            said = b""
            while b"Apply" not in said:
                said += os.read(ours, 1024)
            os.close(ours)
            assert process.wait(PATIENCE) == 1, "not ended by SIGHUP, and what was printed is lost"
        run = latest(seven)
        assert (run.record()["status"], run.record()["exit_code"]) == ("done", 0)
        holds_what_was_done(seven, run, PHASES[0])
        assert logged(run)[-1]["fields"] | {"status": ""} == {
            "status": "", "output given up": {"stdout": "Input/output error"}, "terminal gone": True
        }  # fmt: skip

    def test_an_apply_goes_on_though_the_reader_goes_away(self, seven: Served) -> None:
        command = [*RUNBOOK, "apply", "-p", str(seven.settings), "--approval", fingerprint(seven, PHASES[1])]
        with subprocess.Popen(command, cwd=ROOT, env=dict(seven.environment), stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if re.search(r"^  .+: \d+ of \d+\b", line):
                    break
            process.stdout.close()
            assert process.wait(PATIENCE) == 0
        holds_what_was_done(seven, latest(seven), PHASES[1])


LEFT_HALF_MADE = """
import sys
from runbook_lib import cli

class HalfMade:
    def __del__(self):
        raise AttributeError("_closed")

left = HalfMade()
sys.argv = ["runbook", "--version"]
cli.main()
"""


def test_what_an_interrupt_left_half_made_shows_nobody_a_traceback() -> None:
    done = subprocess.run([sys.executable, "-c", LEFT_HALF_MADE], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("runbook")
    assert done.stderr == ""
