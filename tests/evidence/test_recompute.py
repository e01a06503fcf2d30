import datetime as dt
import gzip
import json
from dataclasses import asdict
from pathlib import Path

import pytest
import sealed_runs as made
from simulated import Simulated, fitting, simulated

from runbook_lib.audit.recompute import recompute
from runbook_lib.aws.errors import CallFailed
from runbook_lib.base.privacy import findings
from runbook_lib.coverage.files import write_coverage
from runbook_lib.evidence.run.answers import Answers, key
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.evidence.run.kept_answers import read_answers


@pytest.fixture
def looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run that looked at one service and at everything, of a simulated organization, and kept the answers."""
    return look_at("seven", tmp_path, monkeypatch)


def look_at(seed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    organization = simulated(seed, tmp_path, monkeypatch)
    text = fitting(organization.front)
    run = RunFolder.create(tmp_path / "runs", "rehearsal", made.BEGIN, settings=text.encode(), command=[])
    for phase in ("20_guardduty", "90_coverage"):
        look(organization, run, phase)
    return run


def look(organization: Simulated, run: RunFolder, phase: str) -> None:
    runbook, answers, folder = organization.runbook(phase), Answers(), run.phase(phase)
    runbook.access.on_answer = answers.keep
    with runbook.access:
        if phase == "90_coverage":
            seen, cells = runbook.survey()
        else:
            assessed = runbook.observe()
            seen, cells = assessed.organization, assessed.cells
    write_coverage(folder.path, "after", cells, seen, {"mode": "rehearsal", "phase": phase, "run": run.name})
    answers.write(folder.path / "answers-after.jsonl.gz", {"scope": asdict(runbook.scope), "callers": dict(seen.callers)})


def test_coverage_comes_out_the_same_offline(looked: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    assert list(recompute(looked)) == [("20_guardduty/after", []), ("90_coverage/after", [])]


@pytest.mark.parametrize("seed", ["role-missing", "region-deny"])
def test_a_read_that_failed_for_another_call_comes_out_the_same(seed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A role that nobody may assume: what the coverage says of it names sts:AssumeRole, not the read that was wanted."""
    run = look_at(seed, tmp_path, monkeypatch)
    for name in ("AWS_ENDPOINT_URL", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    assert list(recompute(run)) == [("20_guardduty/after", []), ("90_coverage/after", [])]
    failures = [said["failure"] for said in read_answers(run.phase("90_coverage").path / "answers-after.jsonl.gz")[1].values()
                if "failure" in said]  # fmt: skip
    assert failures
    assert any("failed" in each for each in failures) is (seed == "role-missing")


def test_answers_hold_no_addresses_and_are_the_same_bytes_each_time(looked: RunFolder, tmp_path: Path) -> None:
    for path in looked.path.rglob("answers-*"):
        text = gzip.decompress(path.read_bytes()).decode()
        assert "[e-mail address 1]" in text
        assert findings(text) == []
    for name in ("one", "two"):
        answers = Answers()
        answers.keep({"at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "raw": b"x"}, "s3", "Get", "1", "us-east-1", {"b": 1, "a": 2})
        answers.write(tmp_path / name, {})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert read_answers(tmp_path / "one")[1][key("s3", "Get", "1", "us-east-1", {"a": 2, "b": 1})] == {
        "answer": {"at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "raw": b"x"}
    }


@pytest.mark.parametrize("text", ["plain", "höher", "one\u2028line\u0085only", "\ud800", "someone@example.com"])
@pytest.mark.parametrize("number", [0.5, 2**70])
def test_every_answer_is_read_back_from_its_line(tmp_path: Path, text: str, number: float) -> None:
    answers = Answers()
    answers.keep({"b": [text, None, True], "a": {"é": number}}, "s3", "Get", "1", "r", {})
    answers.write(tmp_path / "a", {})
    _, kept = read_answers(tmp_path / "a")
    assert list(kept.values()) == [
        {"answer": {"a": {"é": number}, "b": [text.replace("someone@example.com", "[e-mail address 1]"), None, True]}}
    ]


def test_the_newest_answer_counts_and_failures_are_kept(tmp_path: Path) -> None:
    answers = Answers()
    answers.keep({"a": 1}, "s3", "Get", "1", "r", {})
    failed = CallFailed("AccessDenied", "someone@example.com may not", service="s3", operation="Get", account="1", region="r")
    answers.keep(failed, "s3", "Get", "1", "r", {})
    answers.write(tmp_path / "a", {"x": 1})
    about, kept = read_answers(tmp_path / "a")
    assert about.model_extra == {"x": 1}
    (found,) = kept.values()
    assert found["failure"]["message"] == "[e-mail address 1] may not"


def test_another_coverage_or_other_answers_show(looked: RunFolder) -> None:
    written = looked.phase("20_guardduty").coverage("after", "json")
    data = json.loads(written.read_text())
    data["cells"][0]["status"] = {"covered": "gap"}.get(data["cells"][0]["status"], "covered")
    written.write_text(json.dumps(data))
    assert dict(recompute(looked))["20_guardduty/after"] == ["cells differs"]
    data["cells"][0]["status"] = "covered, really"
    written.write_text(json.dumps(data))
    (said,) = dict(recompute(looked))["20_guardduty/after"]
    assert said.startswith("coverage-after.json: cells.0.status: 'covered, really'")
    written.unlink()
    assert dict(recompute(looked))["20_guardduty/after"] == ["coverage-after.json is missing"]


def test_answers_that_are_cut_or_of_another_sort_are_refused(looked: RunFolder) -> None:
    path = looked.phase("20_guardduty").path / "answers-after.jsonl.gz"
    whole = path.read_bytes()
    for data in (whole[:-20], b"", gzip.compress(b'{"format": "other"}\n')):
        path.write_bytes(data)
        (said,) = dict(recompute(looked))["20_guardduty/after"]
        assert said.startswith("answers-after.jsonl.gz: ")
    assert dict(recompute(looked))["90_coverage/after"] == []
