"""The journal: chained, complete, readable after a crash, and without anything that must not be written down."""

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from runbook_lib.apply.journal import START, Journal, JournalBroken, JournalInUse, brief, read
from runbook_lib.base.clock import FakeClock
from runbook_lib.plan import ACCOUNT_EMAIL, ACCOUNT_ID, Action, BackOut, ForEach
from runbook_lib.plan.outcome import Outcome, Verdict

ACTION = Action(
    service="guardduty",
    operation="CreateMembers",
    account="222222222222",
    region="us-east-1",
    parameters={"DetectorId": "secret-parameter", "AccountDetails": ForEach({"AccountId": ACCOUNT_ID, "Email": ACCOUNT_EMAIL})},
    reason="a member is missing",
    affects=frozenset({"444444444444"}),
    before="",
    becomes="",
    back_out=BackOut("none"),
    stage="delegated",
    targets=("444444444444",),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.jsonl"


def write_two(path: Path) -> None:
    with Journal(path, "run-1", FakeClock()) as journal:
        journal.intent(ACTION, 1, "invocation-1")
        outcome = Outcome("444444444444", Verdict.FAILED, "BadRequestException", "the address someone@example.com is wrong")
        journal.outcome(ACTION, 1, "invocation-1", [outcome], status=200, request_id="request-1", date="a date")


def test_intent_and_outcome_say_what_was_called_and_what_became_of_it(path: Path) -> None:
    write_two(path)
    intent, outcome = read(path)
    assert (intent["seq"], intent["previous"], intent["kind"], intent["run"]) == (1, START, "intent", "run-1")
    assert intent["time"] == "2026-01-01T00:00:00Z"
    assert (intent["operation"], intent["targets"], intent["target_accounts"]) == ("CreateMembers", 1, ["444444444444"])
    assert (outcome["attempt"], outcome["invocation"], outcome["request_id"]) == (1, "invocation-1", "request-1")
    assert outcome["outcomes"][0]["verdict"] == "failed"


def test_no_parameter_and_no_address_is_written(path: Path) -> None:
    write_two(path)
    assert "secret-parameter" not in path.read_text()
    assert "@" not in path.read_text()


@pytest.mark.parametrize(
    ("message", "written"),
    [
        ("mail to a.b+c@example.com, please", "mail to [e-mail address], please"),
        ("account <x@example.com>", "account <[e-mail address]>"),
        ("password: hunter2-hunter2", "password: [secret]"),
        (f"{'x' * 280}AKIAIOSFODNN7EXAMPLE", f"{'x' * 280}[AWS key id]"),
        (f"{'x ' * 140}BEGIN RSA PRIVATE KEYS", f"{'x ' * 140}[private key]S"),
        ("arn:aws:iam::444444444444:role/R is refused", "arn:aws:iam::444444444444:role/R is refused"),
        ("x" * 1000, "x" * 300),
    ],
)
def test_messages_are_masked_and_short(message: str, written: str) -> None:
    assert brief(message) == written


def test_opening_again_continues_the_chain(path: Path) -> None:
    write_two(path)
    with Journal(path, "run-2") as journal:
        journal.note("resumed", resumes="run-1")
    assert [(line["seq"], line["run"]) for line in read(path)] == [(1, "run-1"), (2, "run-1"), (3, "run-2")]


@pytest.mark.parametrize(
    "tamper",
    [
        lambda lines: [lines[0].replace("CreateMembers", "DeleteMembers"), *lines[1:]],
        lambda lines: lines[1:],
        lambda lines: [lines[0], *lines],
        lambda lines: [lines[1], lines[0]],
        lambda lines: [lines[0], "not json"],
    ],
    ids=["changed", "first lost", "doubled", "swapped", "not JSON"],
)
def test_a_changed_journal_is_refused_by_reading_and_by_opening(path: Path, tamper: Callable[[list[str]], list[str]]) -> None:
    write_two(path)
    path.write_text("\n".join(tamper(path.read_text().splitlines())) + "\n")
    with pytest.raises(JournalBroken, match=r"journal\.jsonl, line"):
        read(path)
    with pytest.raises(JournalBroken):
        Journal(path, "run-2")


def test_a_torn_last_line_is_kept_aside_and_noted(path: Path) -> None:
    write_two(path)
    with path.open("a") as file:
        file.write('{"seq":3,"prev')
    with pytest.raises(JournalBroken, match="torn"):
        read(path)
    Journal(path, "run-2").close()
    note = read(path)[-1]
    assert (note["kind"], note["seq"], note["file"]) == ("note", 3, "journal.jsonl.torn-after-2")
    assert (path.parent / note["file"]).read_text() == '{"seq":3,"prev'


def test_threads_do_not_break_the_chain(path: Path) -> None:
    with Journal(path, "run-1") as journal:

        def write() -> None:
            for _ in range(20):
                journal.note("x")

        threads = [threading.Thread(target=write) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(read(path)) == 160


def test_each_line_is_on_disk_when_the_call_returns(path: Path) -> None:
    journal = Journal(path, "run-1")
    journal.intent(ACTION, 1, "invocation-1")
    assert json.loads(path.read_text())["kind"] == "intent"
    journal.close()


def test_a_line_that_could_not_be_written_whole_leaves_no_trace(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(path, "run-1")
    journal.note("first")

    def full(_: int) -> None:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", full)
        with pytest.raises(OSError, match="disk full"):
            journal.note("lost")
    journal.note("second")
    journal.close()
    assert [line["text"] for line in read(path)] == ["first", "second"]


def beside(journal: Journal, texts: list[str], outcomes: dict[str, str]) -> list[threading.Thread]:
    """Threads that write a note each and tell how that ended."""

    def write(text: str) -> None:
        try:
            journal.note(text)
        except OSError as error:
            outcomes[text] = str(error)
        else:
            outcomes[text] = "on disk"

    threads = [threading.Thread(target=write, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    return threads


@pytest.mark.parametrize("breaks", [False, True])
def test_lines_of_threads_that_wait_share_one_fsync_and_its_failure(
    path: Path, monkeypatch: pytest.MonkeyPatch, *, breaks: bool
) -> None:
    journal = Journal(path, "run-1")
    journal.note("before")
    outcomes: dict[str, str] = {}
    texts = [f"note {number}" for number in range(7)]
    syncs: list[int] = []
    threads: list[threading.Thread] = []

    def slow(_: int) -> None:
        """The first one ends when all the others wait; the second fails where asked."""
        syncs.append(1)
        if len(syncs) == 1:
            threads.extend(beside(journal, texts, outcomes))
            while journal._waiting.qsize() < len(texts):
                time.sleep(0.001)
            assert outcomes == {}
        elif breaks:
            raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr("os.fsync", slow)
        journal.note("first")
        for thread in threads:
            thread.join()
    assert len(syncs) == 2
    assert outcomes == dict.fromkeys(texts, "disk full" if breaks else "on disk")
    journal.note("after")
    journal.close()
    written = [line["text"] for line in read(path)]
    assert (written[:2], set(written[2:-1]), written[-1]) == (["before", "first"], set() if breaks else set(texts), "after")


def test_one_process_writes_a_journal_at_a_time(path: Path) -> None:
    """Two kernels that apply one phase of one run: the second would take the first one's half-written line for a torn one."""
    with Journal(path, "run-1") as first:
        first.intent(ACTION, 1, "invocation-1")
        with path.open("ab") as half:
            half.write(b'{"seq": 2')
        before = path.read_bytes()
        other = [
            sys.executable,
            "-c",
            "import sys, pathlib; from runbook_lib.apply.journal import Journal; Journal(pathlib.Path(sys.argv[1]), 'x')",
        ]
        done = subprocess.run([*other, str(path)], capture_output=True, text=True, check=False)
        assert "JournalInUse" in done.stderr
        with pytest.raises(JournalInUse, match="another process is applying this phase"):
            Journal(path, "run-1")
        assert path.read_bytes() == before
        assert list(path.parent.iterdir()) == [path]
    Journal(path, "run-1").close()
    assert [line["kind"] for line in read(path)] == ["intent", "note"]


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir])
def test_what_is_no_file_is_not_written(path: Path, make: Callable[[Path], object]) -> None:
    make(path)
    with pytest.raises(JournalBroken, match=re.escape(str(path))):
        Journal(path, "run-1")


def test_what_cannot_be_seen_in_a_line_is_shown_where_the_line_is_refused(tmp_path: Path) -> None:
    """A value with a no-break space in it looks like the right one; the model's own words repeat it."""
    file = tmp_path / "journal.jsonl"
    file.write_text(json.dumps({"seq": 1, "previous": START, "kind": "note\u00a0"}) + "\n", encoding="utf-8")
    with pytest.raises(JournalBroken, match=r"line 1: .*input tag 'note\\xa0' found"):
        read(file)
