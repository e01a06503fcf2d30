import gzip
import hashlib
import json
import tracemalloc
from collections import Counter
from pathlib import Path

import pytest
import sealed_runs as made

from runbook_lib.evidence.run.contents import contents, files_in
from runbook_lib.evidence.seal import secret_scan
from runbook_lib.evidence.seal.sealing import seal
from runbook_lib.evidence.seal.secret_scan import Gate, held_credentials

KEY_ID = "AKIA" + "IOSFODNN7EXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2Vj" + "A" * 60


def test_a_file_with_a_finding_is_withheld_and_the_seal_says_where_but_not_what(tmp_path: Path) -> None:
    run = made.ended_run(tmp_path)
    (run.path / "20_guardduty" / "notes.txt").write_text(f"a\nb {SECRET}\n")
    (run.path / "answers.jsonl.gz").write_bytes(gzip.compress(json.dumps({"x": KEY_ID}).encode()))
    sealed = seal(run, made.desk(tmp_path, held=frozenset({SECRET})))
    assert sealed.withheld == {
        "20_guardduty/notes.txt": ("line 2: a credential that this process holds",),
        "answers.jsonl.gz": ("line 1: AWS access key id",),
    }
    assert not (run.path / "20_guardduty" / "notes.txt").exists()
    aside = tmp_path / "withheld" / run.name / "20_guardduty" / "notes.txt"
    assert SECRET in aside.read_text()
    assert aside.stat().st_mode & 0o077 == 0
    for path in made.files(tmp_path, run):
        assert SECRET.encode() not in path.read_bytes()
    assert made.checked(tmp_path).faults == ()


def test_a_withheld_file_that_comes_back_is_found(tmp_path: Path) -> None:
    run = made.ended_run(tmp_path)
    (run.path / "notes.txt").write_text(KEY_ID)
    seal(run, made.desk(tmp_path))
    (run.path / "notes.txt").write_text(KEY_ID)
    (fault,) = made.checked(tmp_path).faults
    assert (fault.kind, fault.text) == ("added", "was withheld from the seal")


def test_the_credentials_a_process_holds_are_known(tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text(
        f"[a]\naws_access_key_id = x\naws_secret_access_key = {SECRET}\n[b]\naws_session_token = short\n"
    )
    (tmp_path / "config").write_text("[profile c]\nregion = us-east-1\n")
    environment = {
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"), "AWS_CONFIG_FILE": str(tmp_path / "config"),
        "AWS_SESSION_TOKEN": TOKEN, "HOME": str(tmp_path),
    }  # fmt: skip
    assert held_credentials(environment) == {SECRET, TOKEN}
    (tmp_path / "credentials").write_text("not a file of that sort")
    assert held_credentials(environment) == {TOKEN}


def test_a_gate_without_findings_leaves_everything(tmp_path: Path) -> None:
    run = made.ended_run(tmp_path)
    before = {path: path.read_bytes() for path in made.files(tmp_path, run)}
    assert Gate(tmp_path / "withheld").withhold(run.path) == ()
    assert {path: path.read_bytes() for path in made.files(tmp_path, run)} == before


def test_each_file_is_read_once_for_what_is_in_it_and_for_its_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = made.ended_run(tmp_path)
    (run.path / "notes.txt").write_text(KEY_ID)
    read, told = Counter[str](), list[None]()
    for opened in ("data_of", "file_digest"):
        real = getattr(secret_scan, opened)
        monkeypatch.setattr(secret_scan, opened, lambda path, *rest, real=real: (read.update([str(path)]), real(path, *rest))[1])
    (withheld,), left = Gate(tmp_path / "withheld").passed(run.path, lambda: told.append(None))
    assert set(read.values()) == {1}
    assert (withheld.name, withheld.digest) == ("notes.txt", hashlib.sha256(KEY_ID.encode()).hexdigest())
    monkeypatch.undo()
    assert left == contents(run.path)
    assert len(told) == files_in(run.path) + 1


def test_what_unpacks_without_end_is_not_unpacked(tmp_path: Path) -> None:
    """It is looked at as it lies there, and sealing goes on."""
    run = made.ended_run(tmp_path)
    (run.path / "20_guardduty" / "answers-after.jsonl.gz").write_bytes(gzip.compress(b"\0" * 2**29, 9))
    tracemalloc.start()
    try:
        assert seal(run, made.desk(tmp_path)).withheld == {}
        assert tracemalloc.get_traced_memory()[1] < 2**29
    finally:
        tracemalloc.stop()
