import datetime as dt
import os
import pty
import re
import subprocess
import sys
import termios
from pathlib import Path

import pytest
import sealed_runs as made
from click.testing import CliRunner

from runbook_lib.cli import cli
from runbook_lib.evidence.index_page import FILES, LINKED, page, write_page
from runbook_lib.evidence.listing import COLUMNS, Row, coverage_of, rows, text
from runbook_lib.evidence.run.contents import SEAL
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.evidence.seal.sealing import seal


def test_each_run_is_a_row_with_what_an_auditor_asks_for(tmp_path: Path) -> None:
    run, _ = made.sealed_run(tmp_path)
    (row,) = rows(tmp_path)
    assert row.cells == (
        "1", run.name, "2026-11-23 07:46:11", "REHEARSAL", made.ORGANIZATION, "00, 20", "done", "6/6 (100.0 %)",
        "second person", "CHG-1",
    )  # fmt: skip


def test_what_is_not_sealed_killed_withheld_or_unreadable_says_so(tmp_path: Path) -> None:
    made.ended_run(tmp_path)
    killed = RunFolder.create(tmp_path, "live", made.BEGIN + dt.timedelta(hours=1), settings=b"", command=[], organization="o-a")
    made.of_process(killed, made.ended_process())
    broken, _ = made.sealed_run(tmp_path, 120)
    (broken.path / SEAL).write_text("{}")
    (tmp_path / "20261123T124611Z-live-0000").mkdir()
    secret = made.ended_run(tmp_path, 600)
    (secret.path / "x").write_text("AKIA" + "IOSFODNN7EXAMPLE")
    seal(secret, made.desk(tmp_path))
    said = [(row.number, row.result) for row in rows(tmp_path)]
    assert said == [
        ("not sealed", "done"), ("not sealed", "killed"), ("broken seal", "done"), ("", "unreadable"), ("2", "done, files withheld")
    ]  # fmt: skip


def test_the_page_has_the_mode_in_its_title_and_runs_nothing(tmp_path: Path) -> None:
    run = made.ended_run(tmp_path)
    made.approval("20_guardduty", approver="<script>alert(1)</script>").write(run.phase("20_guardduty").approval)
    seal(run, made.desk(tmp_path))
    written = write_page(tmp_path).read_text()
    assert "<title>Runs (REHEARSAL)</title>" in written
    assert "<script" not in written
    assert "&lt;script&gt;" in written
    assert "http://" not in written
    assert "https://" not in written
    assert "<table" not in page(tmp_path / "none")


def test_the_page_leads_to_all_that_each_run_left_newest_first_and_marks_live(tmp_path: Path) -> None:
    run = made.ended_run(tmp_path)
    folder = run.phase("20_guardduty").path
    for _, names in FILES:
        (folder / names[-1]).touch()
    (folder / "x?y#z").touch()
    live = RunFolder.create(tmp_path, "live", made.BEGIN + dt.timedelta(hours=1), settings=b"", command=[], organization="o-a")
    written = write_page(tmp_path).read_text()
    assert written.index(f'<tr id="{live.name}" class="live">') < written.index(f'<tr id="{run.name}">')
    assert "2 runs, of which 1 live." in written
    links = re.findall(r'href="([^"]+)"', written)
    assert links
    assert all((tmp_path / each).exists() for each in links), "a link leads nowhere"
    assert {f"{run.name}/20_guardduty/{names[-1]}" for _, names in FILES} <= set(links)
    assert not [each for each in links if each.startswith("/")]


def test_a_page_of_many_runs_stays_small(tmp_path: Path) -> None:
    for hour in range(LINKED + 2):
        run = RunFolder.create(tmp_path, "live", made.BEGIN + dt.timedelta(hours=hour), settings=b"", command=[])
        for name in ("00_one", "10_two", "20_three", "30_four", "40_five", "90_six"):
            folder = run.phase(name).path
            for _, names in FILES:
                (folder / names[0]).touch()
    written = page(tmp_path)
    assert written.count("<b>") == 6 * LINKED
    assert written.count("<tr id=") == LINKED + 2
    assert len(written) < 400_000


LONG = Row(
    "12", "20261123T074611Z-rehearsal-7f3a", "2026-11-23 07:46:11", "REHEARSAL", "o-rehearsal001", "00, 10, 20, 30, 90",
    "left-over, notebook not attached", "2628/2628 (100.0 %)", "second person", "CHG-1",
)  # fmt: skip


@pytest.mark.parametrize("width", [40, 80, 100, 132, 200])
def test_the_list_fits_a_terminal_and_says_what_it_left_out(width: int) -> None:
    said = text([LONG], width)
    assert max(map(len, said.splitlines())) <= width
    assert "20261123T074611Z-rehearsal-7f3a" in said
    shown, _, left_out = said.partition("Left out")
    named = " ".join(left_out.split()).removeprefix("for want of room: ").partition(". ")[0].split(", ")
    head, line = shown.splitlines()[:2]
    for name, value in zip(COLUMNS, LONG.cells, strict=True):
        assert (name in head) != (name in named) or width == 40
        assert value in line or name not in head or name == "result" or width == 40
    assert "left-over" in said or width == 40
    assert text([LONG]).count("\n") == 1
    assert len(text([LONG])) > 250


def test_the_width_is_that_of_the_terminal_and_a_program_gets_all(tmp_path: Path) -> None:
    """In a terminal of its own, 80 columns wide, and through a pipe."""
    made.sealed_run(tmp_path)
    command = [sys.executable, "-m", "runbook_lib", "run", "list", "--runs", str(tmp_path)]
    piped = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    assert max(map(len, piped.splitlines())) > 80
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    done = subprocess.run(command, stdout=theirs, stderr=subprocess.PIPE, check=True, timeout=120, env=environment)
    os.close(theirs)
    seen = os.read(ours, 10_000).decode()
    os.close(ours)
    assert done.returncode == 0
    assert max(map(len, seen.splitlines())) <= 80
    assert "Left out for want of room" in seen


def test_coverage_is_that_of_the_last_look() -> None:
    whole = {"results": {"covered": 2, "gap": 1, "unknown": 0}}
    phase = {"results": {"covered": 5, "gap": 0, "unknown": 5}}
    assert coverage_of({"20_guardduty": phase, "90_coverage": whole}) == "2/3 (66.6 %)"
    assert coverage_of({"20_guardduty": phase}) == "5/10 (50.0 %)"
    assert coverage_of({"20_guardduty": {"results": {}}}) == ""


def call(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli, list(words), standalone_mode=False)
    return (done.return_value if done.exception is None else 1), done.output + str(done.exception or "")


def test_the_commands_list_verify_and_seal(tmp_path: Path) -> None:
    run, sealed = made.sealed_run(tmp_path)
    runs = ("--runs", str(tmp_path))
    code, said = call("run", "list", *runs)
    assert (code, said) == (0, text(rows(tmp_path)) + "\n")
    assert call("run", "list", "--format", "html", *runs)[1].startswith("<!DOCTYPE html>")
    code, said = call("evidence", "verify", "--all", *runs)
    assert (code, said.splitlines()[-1]) == (0, "1 run: verified")
    assert f"head digest {sealed.digest}" in said
    assert call("evidence", "verify", "--anchor", f"1:{sealed.digest}", *runs)[0] == 0
    assert call("evidence", "verify", "--anchor", f"2:{sealed.digest}", *runs)[0] == 1
    assert call("evidence", "verify", "--cadence", "24h", "--from", "2026-11-23", "--to", "2026-11-30", *runs)[0] == 1
    (run.path / "settings.yaml").write_text("other")
    code, said = call("evidence", "verify", str(run.path), *runs)
    assert (code, said.splitlines()[0]) == (1, f"changed: {run.name}/settings.yaml: differs from what was sealed")


def test_wrong_options_are_refused(tmp_path: Path) -> None:
    runs = ("--runs", str(tmp_path))
    for words, said in (
        (("--anchor", "12"), "NUMBER:DIGEST"), (("--cadence", "often"), "24h"), (("--from", "2026-11-23"), "--cadence"),
        (("--all", "run"), "--all"),
    ):  # fmt: skip
        code, output = call("evidence", "verify", *words, *runs)
        assert (code, said in output) == (1, True), output
