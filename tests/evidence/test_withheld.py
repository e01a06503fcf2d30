"""What is withheld is named: as a fault where it is the proof of what was done; and withheld copies are held against the seal."""

import json
import shutil
from pathlib import Path

import pytest
import sealed_runs as made
from click.testing import CliRunner

from runbook_lib.cli import cli
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.evidence.seal.linked import Addition, attach
from runbook_lib.evidence.seal.sealing import seal

KEY_ID = "AKIA" + "IOSFODNN7EXAMPLE"
PHASE = "20_guardduty"


def withholding(root: Path, *names: str) -> RunFolder:
    """A sealed run from which these files were withheld."""
    run = made.ended_run(root)
    for name in names:
        if name == "run.json":
            made.of_process(run, made.ended_process(), error=KEY_ID)
            continue
        with (run.path / name).open("a") as file:
            file.write(f"\n{KEY_ID}\n")
    seal(run, made.desk(root))
    return run


def said(root: Path) -> tuple[int, list[str]]:
    done = CliRunner().invoke(cli, ["evidence", "verify", "--all", "--runs", str(root)], standalone_mode=False)
    return done.return_value, done.output.splitlines()


def test_what_is_withheld_is_named_and_is_no_success(tmp_path: Path) -> None:
    run = withholding(tmp_path, f"{PHASE}/coverage-after.csv", f"{PHASE}/notebook.html")
    seen = made.checked(tmp_path)
    assert seen.faults == ()
    why = "was withheld when it was sealed (line 3: AWS access key id)"
    lines = [f"withheld: {run.name}/{PHASE}/{name}: {why}" for name in ("coverage-after.csv", "notebook.html")]
    assert list(map(str, seen.notes)) == lines
    code, output = said(tmp_path)
    assert (code, output[:2], output[-1]) == (2, lines, "1 run: verified, 2 files withheld")
    shutil.rmtree(tmp_path / "withheld")
    assert made.checked(tmp_path) == seen, "copies may be taken away"


@pytest.mark.parametrize(
    "name", [f"{PHASE}/journal.jsonl", f"{PHASE}/plan.json", f"{PHASE}/approval.json", f"{PHASE}/rejection.json", "run.json"]
)
def test_a_withheld_proof_is_a_fault(tmp_path: Path, name: str) -> None:
    run = withholding(tmp_path, name)
    (fault,) = [each for each in made.checked(tmp_path).faults if each.kind == "missing proof"]
    assert fault.where == f"{run.name}/{name}"
    assert "so what was done and who approved it cannot be verified" in fault.text
    assert said(tmp_path)[0] == 1


def test_withheld_copies_are_held_against_the_seal(tmp_path: Path) -> None:
    run = withholding(tmp_path, f"{PHASE}/coverage-after.csv")
    copy = tmp_path / "withheld" / run.name / PHASE / "coverage-after.csv"
    copy.write_text("another")
    (fault,) = made.checked(tmp_path, run.name).faults
    assert (fault.kind, fault.where) == ("changed", f"{run.name}/{PHASE}/coverage-after.csv")
    copy.unlink()
    copy.symlink_to(tmp_path / "elsewhere")
    (fault,) = made.checked(tmp_path).faults
    assert (fault.kind, fault.where) == ("cannot be judged", f"{run.name}/{PHASE}/coverage-after.csv")


def test_what_was_withheld_from_an_attachment_is_named_too(tmp_path: Path) -> None:
    run, _ = made.sealed_run(tmp_path)
    attach(run, Addition("witness", "witness-x", {"report.csv": KEY_ID.encode()}), made.desk(tmp_path))
    seen = made.checked(tmp_path)
    assert [(each.where, each.kind) for each in seen.notes] == [(f"{run.name}/attached/witness-x/report.csv", "withheld")]
    (tmp_path / "withheld" / run.name / "attached" / "witness-x" / "report.csv").write_text("another")
    assert {str(each.kind) for each in made.checked(tmp_path).faults} == {"changed"}


def summarized(root: Path, **results: object) -> RunFolder:
    """A sealed run of two phases with one call each, whose record was edited before it was sealed; None takes a key away."""
    run = made.ended_run(root)
    record = run.record()
    for name, value in results.items():
        record["phases"][PHASE]["results"].pop(name) if value is None else record["phases"][PHASE]["results"].update({name: value})
    run.record_file.write_text(json.dumps(record))
    seal(run, made.desk(root))
    return run


@pytest.mark.parametrize(
    ("results", "text"),
    [
        ({"calls": 0}, "run.json counts 0 calls, the journal has 1"),
        ({"calls": 41}, "run.json counts 41 calls, the journal has 1"),
        ({"calls": 0, "state": "not attempted"}, "run.json counts 0 calls, the journal has 1"),
        ({"state": "not attempted"}, "run.json says that nothing was attempted, and the journal has 1 call"),
    ],
)
def test_a_summary_that_its_journal_contradicts_is_a_fault(tmp_path: Path, results: dict[str, object], text: str) -> None:
    run = summarized(tmp_path, **results)
    (fault,) = made.checked(tmp_path).faults
    assert (fault.where, fault.kind, fault.text) == (f"{run.name}/{PHASE}", "summary differs", text)
    assert said(tmp_path)[0] == 1


def test_what_an_earlier_version_left_of_a_command_that_was_cut_off_is_a_note(tmp_path: Path) -> None:
    run = summarized(tmp_path, calls=None, state="not attempted")
    seen = made.checked(tmp_path)
    assert seen.faults == ()
    (note,) = seen.notes
    assert (note.where, note.kind) == (f"{run.name}/{PHASE}", "as an earlier version left it")
    assert said(tmp_path)[0] == 0


def test_an_earlier_versions_counts_are_not_asked_for(tmp_path: Path) -> None:
    summarized(tmp_path, calls=None)
    assert (made.checked(tmp_path).faults, made.checked(tmp_path).notes) == ((), ())
