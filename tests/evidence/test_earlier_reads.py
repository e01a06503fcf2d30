"""Members' opt-in Regions are read once for the notebooks of a run, and by the one that proves what was done."""

import datetime as dt
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import sealed_runs as made
from simulated import Simulated, fitting, simulated

from runbook_lib.audit.recompute import recompute
from runbook_lib.aws.errors import CallFailed
from runbook_lib.coverage.files import write_coverage
from runbook_lib.evidence.run.answers import Answers
from runbook_lib.evidence.run.earlier_reads import BEGUN, EarlierReads, earlier_reads
from runbook_lib.evidence.run.folder import RunFolder

NOW = dt.datetime(2026, 6, 1, 12, tzinfo=dt.UTC)
MANAGEMENT, MEMBER, OTHER = "111111111111", "333333333333", "444444444444"
REGIONS = {"Regions": [{"RegionName": "eu-south-1", "RegionOptStatus": "ENABLED"}]}
FAILED = CallFailed("AccessDenied", "no", service="account", operation="ListRegions", account=MANAGEMENT, region="us-east-1")


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "runs", "rehearsal", made.BEGIN, settings=b"", command=[])


def kept(run: RunFolder, phase: str, begun: dt.datetime | None, *answers: tuple[Any, str]) -> None:
    """A notebook's answers to ListRegions: (answer, account asked about)."""
    all_ = Answers()
    for answer, about in answers:
        page = {"NextToken": "2"} if isinstance(answer, CallFailed) else {}
        all_.keep(answer, "account", "ListRegions", MANAGEMENT, "us-east-1", {**({"AccountId": about} if about else {}), **page})
    all_.keep({}, "account", "Another", MANAGEMENT, "us-east-1", {"AccountId": MEMBER})
    all_.keep({}, "organizations", "ListAccounts", MANAGEMENT, "us-east-1", {})
    all_.write(run.phase(phase).path / "answers-before.jsonl.gz", {BEGUN: begun.isoformat()} if begun else {})


def ask(reads: EarlierReads, about: str, operation: str = "ListRegions") -> object:
    return reads.recall("account", operation, MANAGEMENT, "us-east-1", {"AccountId": about} if about else {})


def test_what_was_answered_about_members_serves_for_three_hours(run: RunFolder) -> None:
    kept(run, "10_security_hub", NOW - dt.timedelta(minutes=179), (REGIONS, MEMBER), (REGIONS, ""))
    reads = earlier_reads(run, NOW)
    assert ask(reads, MEMBER) == REGIONS
    assert [ask(reads, OTHER), ask(reads, ""), ask(reads, MEMBER, "Another")] == [None] * 3, "the acting accounts ask each time"
    assert reads.words == "read at 09:01 UTC by the notebook 10_security_hub, and not again"
    assert earlier_reads(run, NOW + dt.timedelta(minutes=1)) == EarlierReads()


def test_an_account_of_which_a_page_could_not_be_read_is_asked_again(run: RunFolder) -> None:
    kept(run, "10_security_hub", NOW, (REGIONS, MEMBER), (REGIONS, OTHER), (FAILED, OTHER))
    reads = earlier_reads(run, NOW)
    assert (ask(reads, MEMBER), ask(reads, OTHER)) == (REGIONS, None)


def test_the_newest_reading_counts(run: RunFolder) -> None:
    kept(run, "20_guardduty", NOW - dt.timedelta(minutes=30), (REGIONS, MEMBER))
    kept(run, "10_security_hub", NOW - dt.timedelta(minutes=5), ({"Regions": []}, MEMBER))
    assert ask(earlier_reads(run, NOW), MEMBER) == {"Regions": []}


@pytest.mark.parametrize("content", [b"", b"no gzip", None])
def test_what_cannot_be_read_is_asked_again(run: RunFolder, content: bytes | None) -> None:
    kept(run, "20_guardduty", NOW if content is not None else None, (REGIONS, MEMBER))
    if content is not None:
        (run.phase("20_guardduty").path / "answers-before.jsonl.gz").write_bytes(content)
    assert earlier_reads(run, NOW) == EarlierReads()


def test_a_file_that_ends_early_is_asked_again(run: RunFolder) -> None:
    kept(run, "20_guardduty", NOW, (REGIONS, MEMBER))
    file = run.phase("20_guardduty").path / "answers-before.jsonl.gz"
    file.write_bytes(file.read_bytes()[:-20])
    assert earlier_reads(run, NOW) == EarlierReads()


def test_the_second_notebook_asks_for_no_member_and_comes_to_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    organization = simulated("default", tmp_path, monkeypatch)
    text = fitting(organization.front)
    run = RunFolder.create(tmp_path / "runs", "rehearsal", made.BEGIN, settings=text.encode(), command=[])
    members = look(organization, run, "20_guardduty", EarlierReads()) - 2
    assert members > 50
    second = "30_inspector"
    assert look(organization, run, second, earlier_reads(run, organization.clock.now())) == 2
    again = earlier_reads(run, organization.clock.now())
    assert (again.phase, again.begun) == ("20_guardduty", NOW), "who really read them, and when"
    assert len(again.answers) == members
    assert list(recompute(run)) == [(f"{phase}/after", []) for phase in (again.phase, second)]


def look(organization: Simulated, run: RunFolder, phase: str, reads: EarlierReads) -> int:
    """Observe as a notebook does; how often Regions were asked for."""
    runbook, answers, folder = organization.runbook(phase), Answers(), run.phase(phase)
    runbook.access.on_answer, runbook.access.recall = answers.keep, reads.recall
    before = len(organization.front.log.entries)
    with runbook.access:
        seen = runbook.observe()
    write_coverage(folder.path, "after", seen.cells, seen.organization, {"mode": "rehearsal", "phase": phase, "run": run.name})
    about = {"scope": asdict(runbook.scope), "callers": dict(seen.organization.callers), BEGUN: (reads.begun or NOW).isoformat()}
    answers.write(folder.path / "answers-after.jsonl.gz", about)
    made_now = list(organization.front.log.entries)[before:]
    return sum(entry.operation == "ListRegions" and not entry.throttled for entry in made_now)
