import datetime as dt
from pathlib import Path

import sealed_runs as made
from click.testing import CliRunner

from runbook_lib.cli import cli
from runbook_lib.evidence.listing import coverage_of, page, rows, text, write_page
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
    assert page([]).count("<tr>") == 1


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
    assert (code, said.splitlines()[-1]) == (0, "1 runs: verified")
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
