"""Runs that end early: signals, time-outs, kills. What is left must be the truth, and the same approval must go on from there."""

import json
import os
import random
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import nbformat
import pytest
from doors import PAPERMILL, PATIENCE, ROOT, RUNBOOK, Gate, Served, lines, outputs, served, states, wait_for
from simulated import Simulated, open_cells, settings_for

from runbook_lib.apply.journal import read
from runbook_lib.base.clock import Clock
from runbook_lib.base.log import json_log
from runbook_lib.cli.headless import Executed, execute
from runbook_lib.cli.kernels import Kernels
from runbook_lib.evidence.run.folder import RunFolder, find_runs
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import approve

FIRST = "00_prerequisites"
SECONDS = 5.0
"""How late a change is answered where a run is to end meanwhile: so long a signal has to be heeded before the next call."""
IN_FLIGHT = 2
"""So many calls at most are out at one moment where runs are killed (`concurrency` in settings)."""


@pytest.fixture(scope="module")
def gate() -> Gate:
    """What keeps calls in flight until a test has done what is to happen meanwhile."""
    return Gate()


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory, gate: Gate) -> Iterator[Served]:
    with served("seven", tmp_path_factory.mktemp("slow"), slow=gate) as organization:
        yield organization


def runbook(served: Served, command: str, *more: str) -> list[str]:
    return [*RUNBOOK, command, "-p", str(served.settings), "--runs", str(served.runs), *more]


def intents(path: Path) -> list[dict[str, Any]]:
    return [line for line in lines(path) if line["kind"] == "intent"]


@pytest.fixture(scope="module")
def approval(slow: Served) -> Path:
    """An approval of the first phase's plan."""
    return approved(slow, FIRST)


def approved(served: Served, phase: str) -> Path:
    """An approval of what a phase plans now, beside the plan."""
    with here(served) as made:
        plan = made.plan(phase)
    assert plan.actions
    folder = served.runs.parent / f"approved-{phase}"
    folder.mkdir()
    (folder / "plan.json").write_text(plan_file.dumps(plan), encoding="utf-8")
    approve(plan, approver="tests", ticket="T-1", now=Clock().now()).write(folder / "approval.json")
    return folder / "approval.json"


@contextmanager
def here(served: Served) -> Iterator[Simulated]:
    """The runbook in this process on what is served: for what need not be a command, which takes seconds to start."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in served.environment.items():
            patch.setenv(name, value)
        yield Simulated(served.front, settings_for(served.front, served.settings.read_text(encoding="utf-8")), served.runs.parent)


def longest_cell(notebook: Path) -> float:
    """Seconds that the slowest cell of an executed notebook took."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return max(float(cell["metadata"]["papermill"]["duration"]) for cell in cells if cell["cell_type"] == "code")


class TestStopped:
    """One approval, and two runs that are stopped in the middle of a call; a third one goes on to the end."""

    seen: list[str] = []  # noqa: RUF012 invocation ids of the runs so far

    def stopped(self, slow: Served, gate: Gate, command: list[str], number: signal.Signals) -> tuple[RunFolder, str]:
        """Run a command; when its first call is out, send it a signal; return its run and what it said.

        The call is held until the signal is sent.
        """
        before = {run.name for run in find_runs(slow.runs)}

        def started() -> RunFolder | None:
            made = [run for run in find_runs(slow.runs) if run.name not in before]
            return made[0] if made and intents(made[0].path / FIRST / "journal.jsonl") else None

        gate.seconds = SECONDS
        gate.close()
        with slow.begun(command) as process:
            run: RunFolder = wait_for(started, process)
            wait_for(lambda: gate.reached, process)
            process.send_signal(number)
            gate.open()
            said = process.communicate(timeout=PATIENCE)[0]
        gate.seconds = 0.0
        assert process.returncode == 1, said
        return run, said

    def check(self, slow: Served, run: RunFolder, said: str) -> None:
        folder = run.phase(FIRST)
        journal = read(folder.journal)
        announced = [line["invocation"] for line in journal if line["kind"] == "intent"]
        answered = [line["invocation"] for line in journal if line["kind"] == "outcome"]
        assert announced == answered, "the call in flight was ended and recorded"
        assert announced
        self.seen += announced
        assert [entry.invocation for entry in slow.changes] == self.seen
        record = run.record()
        assert (record["status"], record["exit_code"]) == ("stopped", 1)
        phase = record["phases"][FIRST]
        assert phase["status"] == "stopped"
        assert phase["results"]["state"] == "stopped"
        assert phase["results"]["applied"] == len(announced)
        assert phase["results"]["not attempted"] > 0
        shown = outputs(folder.notebook())
        assert any("Stopped: interrupted" in each for each in shown)
        assert "stopped" in said
        assert "Traceback" not in said
        # The apply cell ended in order, so verify and back-out ran too; the last cell fails, for the pipeline.
        assert states(folder.notebook())[-4:] == ["completed", "completed", "completed", "failed"]
        assert folder.notebook_html().exists()
        after = json.loads(folder.coverage("after", "json").read_text(encoding="utf-8"))
        assert after

    def test_sigint(self, slow: Served, gate: Gate, approval: Path) -> None:
        self.check(slow, *self.stopped(slow, gate, runbook(slow, "apply", "--approval", str(approval)), signal.SIGINT))

    def test_sigterm(self, slow: Served, gate: Gate, approval: Path) -> None:
        self.check(slow, *self.stopped(slow, gate, runbook(slow, "apply", "--approval", str(approval)), signal.SIGTERM))

    def test_the_same_approval_goes_on_from_there(self, slow: Served, approval: Path) -> None:
        done = slow.run(runbook(slow, "apply", "--approval", str(approval)))
        assert done.returncode == 0, done.stdout + done.stderr
        sent = Counter(line["unit"] for path in slow.journals() for line in intents(path))
        assert set(sent.values()) == {1}, "nothing that was applied is sent again"
        assert len(slow.changes) == len(plan_file.load(approval.parent / "plan.json").actions)


def test_a_cell_that_takes_too_long_ends_in_order(tmp_path: Path) -> None:
    """The time-out is longer than any other cell takes. The call in flight meanwhile ends, and no more are made."""
    gate = Gate()
    with served("seven", tmp_path, slow=gate) as organization:
        planned = organization.run(runbook(organization, "plan", "--phase", FIRST))
        assert planned.returncode == 2, planned.stdout + planned.stderr
        folder = find_runs(organization.runs)[0].phase(FIRST)
        limit = max(6, round(5 * longest_cell(folder.notebook())))
        plan = plan_file.load(folder.plan_json)
        gate.seconds = SECONDS
        gate.close()
        command = runbook(organization, "apply", "--approval", plan.fingerprint, "--cell-timeout", str(limit))
        with organization.begun(command) as process:
            assert process.stdout is not None
            said = next((line for line in process.stdout if "interrupting it" in line), "")
            gate.open()
            rest = process.stdout.read()
            assert process.wait(PATIENCE) == 1, rest
        assert f"has taken {limit} s" in said, rest
        run = find_runs(organization.runs)[-1]
        journal = read(run.phase(FIRST).journal)
        kinds = Counter(line["kind"] for line in journal)
        assert 1 <= kinds["intent"] == kinds["outcome"] == len(organization.changes) < len(plan.actions)
        assert run.record()["status"] == "stopped"
        assert run.phase(FIRST).coverage("after", "json").exists()


def test_interrupted_while_it_reads_the_cells_that_never_ran_are_pending(slow: Served, gate: Gate) -> None:
    """papermill alone would call them completed."""
    before = {run.name for run in find_runs(slow.runs)}

    def opening() -> RunFolder | None:
        made = [run for run in find_runs(slow.runs) if run.name not in before and run.record_file.exists()]
        return made[0] if made and "30_inspector" in made[0].record()["phases"] else None

    gate.close(fits=lambda entry: entry.service == "inspector2")
    with slow.begun(runbook(slow, "plan", "--phase", "30")) as process:
        run: RunFolder = wait_for(opening, process)
        wait_for(lambda: gate.reached, process)
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(SECONDS)
        gate.open()
        said = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 1, said
    assert run.record()["status"] == "stopped"
    record = states(run.phase("30_inspector").notebook())
    assert record[-1] == "pending"
    assert "failed" in record or record.count("pending") > 6
    assert run.phase("30_inspector").notebook_html().exists()
    assert "Traceback" not in said


def test_interrupted_before_the_kernel_is_there(slow: Served) -> None:
    before = {run.name for run in find_runs(slow.runs)}
    with slow.begun(runbook(slow, "plan", "--phase", "30")) as process:
        run: RunFolder = wait_for(lambda: next((run for run in find_runs(slow.runs) if run.name not in before), None), process)
        wait_for(lambda: run.log.exists() and run.log.stat().st_size, process)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 1, said
    assert run.record()["status"] == "stopped", said
    assert "Traceback" not in said


class TestKilled:
    """A real SIGKILL at seeded moments of one phase, each followed by a new start with the same approval.

    The first kills papermill alone, whose kernel then ends by itself; the others end command and kernel at once, as the end of a
    container does. Plain papermill and our command take turns.
    """

    @pytest.mark.parametrize("kills", [2, pytest.param(5, marks=pytest.mark.soak)])
    def test_restarts_converge_and_send_nothing_twice_but_what_was_in_flight(self, kills: int, tmp_path: Path) -> None:
        gate = Gate()
        with served("seven", tmp_path, slow=gate) as organization:
            organization.settings.write_text(f"{organization.settings.read_text(encoding='utf-8')}\nconcurrency: {IN_FLIGHT}\n")
            with here(organization) as made:
                made.enable([FIRST])
            approval = approved(organization, "10_security_hub")
            organization.front.log.clear()
            moments = random.Random(20261123)
            for attempt in range(kills):
                self.kill_after(organization, gate, approval, moments.randint(1, 4), attempt)
            last = organization.run(runbook(organization, "apply", "--approval", str(approval)))
            assert last.returncode == 0, last.stdout + last.stderr
            self.check(organization, kills)
            with here(organization) as made:
                plan = made.plan("10_security_hub")
                assert (plan.steps, plan.blockers) == ((), ())
                assert open_cells(made.phase_cells("10_security_hub")) == []

    def kill_after(self, organization: Served, gate: Gate, approval: Path, count: int, attempt: int) -> None:
        """SIGKILL once this run's own journal has so many lines.

        Calls are held from there on: a kernel that outlives its papermill, by a second or so, comes no further meanwhile.
        """
        before = set(organization.journals())
        notebook = ROOT / "notebooks" / "10_security_hub.ipynb"
        given = ["-r", "parameters_file", str(organization.settings), "-r", "approval", str(approval)]
        papermill = [*PAPERMILL, str(notebook), str(organization.runs.parent / "out.ipynb"), "--no-progress-bar", *given]
        command = papermill if attempt % 2 == 0 else runbook(organization, "apply", "--approval", str(approval))

        def so_far() -> bool:
            return any(len(lines(path)) >= count for path in organization.journals() if path not in before)

        gate.close(count // 2 + 1)
        with organization.begun(command) as process:
            wait_for(so_far, process)
            kernels = children(process.pid)
            process.kill()
            for kernel in kernels if attempt else ():
                os.kill(kernel, signal.SIGKILL)
            process.communicate(timeout=PATIENCE)
        assert kernels
        for kernel in kernels:
            gone(kernel)
        gate.open()

    def check(self, organization: Served, kills: int) -> None:
        told = [line for path in organization.journals() for line in lines(path)]
        announced = {line["invocation"]: line for line in told if line["kind"] == "intent"}
        answered = {line["invocation"]: line for line in told if line["kind"] == "outcome"}
        assert {entry.invocation for entry in organization.changes} <= set(announced), "no call without an intent before it"
        applied: dict[tuple[str, str], str] = {}
        for line in told:
            if line["kind"] == "intent":
                again = {(line["unit"], account) for account in line["target_accounts"] or [""]} & set(applied)
                assert not again, f"{line['operation']} was applied by {[applied[unit] for unit in again]} and sent again"
            for each in line.get("outcomes", ()):
                if each["verdict"] in ("applied", "already so"):
                    applied[line["unit"], each["account"]] = line["invocation"]
        assert len(set(announced) - set(answered)) <= kills * IN_FLIGHT, "at most what was in flight each time"


def test_a_kernel_that_dies_is_said_and_recorded(slow: Served) -> None:
    before = set(slow.runs.glob("*/run.json"))
    with slow.begun(runbook(slow, "plan", "--phase", "20")) as process:
        # From its notebook's first cell on: one that dies while it waits for a notebook is replaced.
        wait_for(lambda: any("20_guardduty" in path.read_text() for path in set(slow.runs.glob("*/run.json")) - before), process)
        kernel = children(process.pid)[0]
        os.kill(kernel, signal.SIGKILL)
        said = process.communicate(timeout=PATIENCE)[0]
    assert process.returncode == 1, said
    assert "the kernel died" in said
    assert "Traceback" not in said
    run = find_runs(slow.runs)[-1]
    assert run.record()["status"] == "failed"


class TestPastTheNotebook:
    """What a kernel writes on its own streams: ipykernel's threads complain there while it ends, and Python that cannot start."""

    ASIDE = "import os, sys\nos.write(sys.stderr._original_stdstream_copy, b'Traceback: aside, someone@example.com')\n"
    KEPT = "Traceback: aside, [e-mail address]"

    def ended(self, folder: Path, source: str) -> tuple[Executed, list[str], list[str]]:
        """How a notebook of one cell ended, what was said, and what was kept in the log."""
        kernelspec = {"name": "python3", "display_name": "Python 3"}
        cells = [nbformat.v4.new_code_cell(source)]  # type: ignore[no-untyped-call]  # nbformat has no types
        document = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernelspec})  # type: ignore[no-untyped-call]  # as above
        nbformat.write(document, folder / "in.ipynb")  # type: ignore[no-untyped-call]  # as above
        # A kernel that sees this variable leaves its streams as they are.
        environment = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
        said: list[str] = []
        with json_log(folder / "log.jsonl"):
            done = execute(folder / "in.ipynb", folder / "out.ipynb", {}, kernels=Kernels(environment), say=said.append)
        return done, said, [line["fields"]["text"] for line in lines(folder / "log.jsonl")]

    def test_is_kept_in_the_log_and_not_said(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        done, said, kept = self.ended(tmp_path, self.ASIDE)
        assert (done.error, said, kept) == ("", [], [self.KEPT])
        assert "aside" not in "".join(capfd.readouterr())

    LATE = (
        "import time\nfrom ipykernel.kernelapp import IPKernelApp\nthread = IPKernelApp.instance().iopub_thread\n"
        "def late(message, send=thread._really_send, **how):\n"
        "    time.sleep(6 if any(b'idle' in part for part in message) else 0)\n    send(message, **how)\n"
        "thread._really_send = late\nprint('late')\n"
    )
    """Holds up what a kernel prints for longer than nbclient waits, as a machine does that has too much to do."""

    def test_output_that_comes_late_is_waited_for(self, tmp_path: Path) -> None:
        done, said, _ = self.ended(tmp_path, self.LATE)
        assert (done.error, said) == ("", ["late"])

    @pytest.mark.parametrize("temporary", ["", "an-organization-wide-security-platform" * 4])
    def test_a_kernel_has_sockets_and_settings_of_its_own(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, temporary: str
    ) -> None:
        """Also where TMPDIR is longer than the path of a socket may be, as on build machines."""
        (startup := tmp_path / "ipython" / "profile_default" / "startup").mkdir(parents=True)
        (startup / "00.py").write_text("mine = 1\n", encoding="utf-8")
        monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
        if temporary:
            (tmp_path / temporary).mkdir()
            monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / temporary))
        done, _, _ = self.ended(tmp_path, self.FACTS.format(file=str(tmp_path / "facts.json")))
        assert done.error == ""
        said = json.loads((tmp_path / "facts.json").read_text(encoding="utf-8"))
        assert (said["transport"], said["mine"], said["mode"]) == ("ipc", False, "0o700")
        assert not Path(said["ip"]).parent.exists(), "gone with its kernel"

    FACTS = (
        "import json, os\nfrom ipykernel.kernelapp import IPKernelApp\napp = IPKernelApp.instance()\n"
        "facts = {{'transport': app.transport, 'ip': app.ip, 'mine': 'mine' in globals(),"
        " 'mode': oct(os.stat(os.path.dirname(app.ip)).st_mode & 0o777)}}\n"
        "with open({file!r}, 'w') as file:\n    json.dump(facts, file)\n"
    )

    def test_is_said_where_the_kernel_died(self, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
        done, said, kept = self.ended(tmp_path, f"{self.ASIDE}os.kill(os.getpid(), 9)")
        assert "the kernel died" in done.error
        assert (said, kept) == ([self.KEPT], [self.KEPT])
        assert "aside" not in "".join(capfd.readouterr())


def children(pid: int) -> list[int]:
    found = subprocess.run(["pgrep", "-P", str(pid), "-f", "ipykernel"], capture_output=True, text=True, check=False)
    return [int(each) for each in found.stdout.split()]


def gone(pid: int, seconds: float = PATIENCE) -> None:
    """Wait for a kernel whose command was killed: it ends by itself, and only then is a restart a restart."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return
        if state == "Z":
            return
        time.sleep(0.05)
    raise AssertionError(f"kernel {pid} outlives its command")
