import io
import subprocess
import sys

import pytest

from runbook_lib.apply.report import Tick
from runbook_lib.display import progress as module
from runbook_lib.display.progress import Bar, Lines, Quiet, progress
from runbook_lib.display.sections import tick


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines_of(updates: list[tuple[float, int, str]], total: int = 60) -> list[str]:
    """Lines that come of updates (seconds since the start, done, text), then a close."""
    clock, stream = Clock(), io.StringIO()
    shown = Lines("Reading", stream, clock)
    for seconds, done, text in updates:
        clock.now = 100 + seconds
        shown.update(done, total, text)
    shown.close()
    return stream.getvalue().splitlines()


def test_lines_are_rare_but_the_first_and_the_last_always_come() -> None:
    assert lines_of([(second, second, "") for second in range(61)]) == [
        "Reading: 0 of 60",
        "Reading: 10 of 60, about 50 s left",
        "Reading: 20 of 60, about 40 s left",
        "Reading: 30 of 60, about 30 s left",
        "Reading: 40 of 60, about 20 s left",
        "Reading: 50 of 60, about 10 s left",
        "Reading: 60 of 60, took 60 s",
    ]


def test_work_that_breaks_off_says_how_far_it_came() -> None:
    assert lines_of([(0, 0, ""), (3, 7, "us-east-1")])[-1] == "Reading: 7 of 60, us-east-1, about 23 s left"


def test_what_was_said_is_not_said_twice_at_the_end() -> None:
    assert lines_of([(0, 60, "")]) == ["Reading: 60 of 60, took 1 s"]


def test_an_unknown_total_is_only_counted() -> None:
    assert lines_of([(0, 5, ""), (20, 9, "")], total=0) == ["Reading: 5", "Reading: 9"]


def test_nothing_said_is_nothing_shown() -> None:
    assert lines_of([]) == []


def test_hostile_texts_stay_on_their_line() -> None:
    assert lines_of([(0, 60, "two\nlines \x1b[31m")]) == ["Reading: 60 of 60, two\\nlines \\x1b[31m, took 1 s"]


def test_a_terminal_gets_a_bar_that_goes_away() -> None:
    terminal = Terminal()
    with progress("Reading", terminal) as shown:
        assert isinstance(shown, Bar)
        shown.update(30, 60, "us-east-1")
        shown.update(60, 60)
    assert "Reading" in terminal.getvalue()
    assert terminal.getvalue().split("\r")[-1].strip() == ""


def test_a_log_gets_lines_also_when_the_work_fails() -> None:
    log = io.StringIO()

    def failing() -> None:
        with progress("Reading", log) as shown:
            shown.update(1, 3)
            shown.update(2, 3)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        failing()
    assert log.getvalue().splitlines() == ["Reading: 1 of 3", "Reading: 2 of 3"]


def test_lines_go_to_standard_error_and_in_a_kernel_to_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "ipykernel.kernelapp", raising=False)
    assert module._stream() is sys.stderr
    monkeypatch.setitem(sys.modules, "ipykernel.kernelapp", sys)
    assert module._stream() is sys.stdout


def test_quiet_is_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    Quiet().update(1, 2, "x")
    Quiet().close()
    assert capsys.readouterr() == ("", "")


def test_no_progress_needs_widgets() -> None:
    program = (
        "import sys\nsys.modules['IPython'] = sys.modules['ipywidgets'] = None\n"
        "from runbook_lib.display.progress import progress\nwith progress('Reading') as shown: shown.update(1, 1)"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, timeout=60, capture_output=True, text=True)
    assert done.stdout == ""
    assert done.stderr.strip() == "Reading: 1 of 1, took 1 s"


@pytest.mark.parametrize(
    ("done", "operation", "said"),
    [
        (1, "CreateMembers", "guardduty:CreateMembers us-east-1, 2.0 calls/s, 1 throttled"),
        (1, "", "waiting, 2.0 calls/s, 1 throttled"),
        (3, "", "2.0 calls/s, 1 throttled"),
    ],
)
def test_a_stage_says_what_it_does_until_it_is_done(done: int, operation: str, said: str) -> None:
    assert tick(Tick(done, 3, "guardduty", operation, "us-east-1", failed=0, throttles=1, rate=2.0)) == said
