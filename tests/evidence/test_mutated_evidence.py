"""Whatever stands in a file of a run, chain or store, reading it back ends in words, soon, and hides nothing else.

The mutated inputs are the same for the same seed. Structured ones keep what their readers look at first (links of a journal,
signatures of a statement), so that they get as far as a file can get that somebody made on purpose.
"""

import base64
import gzip
import hashlib
import json
import random
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sealed_runs as made
from fuzzing import AMOUNTS, as_json, as_lines, documents, faults, mutations, unclear
from rfc8785 import CanonicalizationError
from simulated import fitting, simulated
from test_recompute import look

from runbook_lib.apply.journal import START, Journal, JournalBroken, complete_lines
from runbook_lib.audit.against_cloudtrail import against
from runbook_lib.audit.recompute import recompute
from runbook_lib.audit.verify import Verified, verify
from runbook_lib.audit.verify_copy import verify_copy
from runbook_lib.base.own_files import FileBroken
from runbook_lib.coverage.kept import CoverageBroken, read_coverage
from runbook_lib.display import sections
from runbook_lib.evidence.index_page import page
from runbook_lib.evidence.listing import rows, text
from runbook_lib.evidence.people.review import review
from runbook_lib.evidence.people.trust import TrustProblem, read_policy, signed_policy
from runbook_lib.evidence.run import folder as run_folder
from runbook_lib.evidence.run.attempts import applied_before, read_record
from runbook_lib.evidence.run.contents import REVIEW, SEAL
from runbook_lib.evidence.run.executed_cells import read_cells
from runbook_lib.evidence.run.folder import RunFolder, RunFolderError
from runbook_lib.evidence.run.kept_answers import AnswersBroken, read_about, read_answers
from runbook_lib.evidence.seal import envelope
from runbook_lib.evidence.seal.chain import ChainBroken, FolderStore, StoreFailed, entry_name
from runbook_lib.evidence.seal.keys import local_signer, pem
from runbook_lib.evidence.seal.reading import entry
from runbook_lib.evidence.seal.sealing import NotSealed, seal, seal_found, seal_of
from runbook_lib.evidence.store.start import open_starts, start
from runbook_lib.notebook.second_person import confirmed

PHASE = made.PHASES[1]
CHAIN = f"rehearsal/{made.ORGANIZATION}"


@dataclass(frozen=True)
class Archive:
    """One sealed run, another that ended and has no seal, a trust policy, and people."""

    root: Path

    @property
    def sealed(self) -> RunFolder:
        return RunFolder(next(path.parent for path in self.root.glob(f"*/{SEAL}")))

    @property
    def ended(self) -> RunFolder:
        return RunFolder(next(path for path in self.root.glob("2026*") if not (path / SEAL).exists()))

    @property
    def entry(self) -> Path:
        return self.root / "chain" / CHAIN / entry_name(1)

    @property
    def policy(self) -> Path:
        return self.root.with_name("trust.json")

    def signer(self, name: str) -> Any:
        return local_signer(self.root.with_name("people"), name)

    def verified(self) -> Verified:
        return verify(self.root, read_policy(self.policy))


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    there = Archive(tmp_path_factory.mktemp("mutated") / "runs")
    with pytest.MonkeyPatch.context() as patch:  # as small as runs can be: each is verified hundreds of times
        patch.setattr(run_folder, "versions", lambda: {"runbook": "1", "git": None, "files": "0" * 64, "installed": {"x": "1"}})
        patch.setattr(made, "PHASES", (PHASE,))
        made.sealed_run(there.root)
        made.ended_run(there.root, 5)
    people = [
        {"name": name, "key": pem(there.signer(name).public_key), "may": ["approve", "review"], "identities": [name]}
        for name in ("alice", "bob")
    ]
    policy = {
        "organization": made.ORGANIZATION, "owner": "", "people": people, "emergency": True, "approvals": {"rehearsal": 0},
        "runners": [{"mode": "rehearsal", "key": pem(local_signer(there.root / "keys", "rehearsal").public_key)}],
    }  # fmt: skip
    there.policy.write_bytes(signed_policy(json.dumps(policy).encode(), there.signer("owner"), "policy"))
    return there


@pytest.fixture
def kept(pristine: Archive, tmp_path: Path) -> Archive:
    there = Archive(Path(shutil.copytree(pristine.root.parent, tmp_path / "archive")) / "runs")
    there.sealed.settings.write_text("mode: rehearsal # another")
    return there


def never(kept: Archive, parse: Callable[[Any], object], inputs: Iterable[Any], expected: Iterable[type[Exception]] = ()) -> None:
    found = faults(parse, inputs, expected)
    assert not found, "\n".join(map(str, found[:10]))


@contextmanager
def in_words(*expected: type[Exception], name: str = "") -> Iterator[None]:
    """What is expected to go wrong is said so that a person can use it, with the name of the file."""
    try:
        yield
    except expected as error:
        if why := unclear(str(error), name):
            raise AssertionError(why) from error


def judged(kept: Archive, *, hides: bool = False) -> None:
    """Verify names what was altered elsewhere too, in words that a person can use. `hides`: the seal itself is what is wrong."""
    seen = kept.verified()
    for fault in seen.faults:
        assert not unclear(str(fault)), fault
    altered = (f"{kept.sealed.name}/settings.yaml", "changed")
    assert hides or altered in {(fault.where, str(fault.kind)) for fault in seen.faults}


@AMOUNTS
def test_whatever_stands_in_a_run_json_is_judged_and_ends_no_command(kept: Archive, amount: int) -> None:
    record = kept.ended.record_file
    sample, run = json.loads(record.read_text()), kept.ended
    assert run.status == "done"

    def read(data: bytes) -> None:
        record.write_bytes(data)
        listed = rows(kept.root)
        assert len(listed) == 2
        assert text(listed)
        assert page(kept.root)
        with in_words(RunFolderError, name=str(run.path)):
            run.record()
        judged(kept)

    def sealed(data: bytes) -> None:
        record.write_bytes(data)
        shutil.rmtree(kept.root / "chain", ignore_errors=True)
        assert all(not unclear(line) for line in seal_found(kept.root, "rehearsal", "", made.desk(kept.root)))
        (run.path / SEAL).unlink(missing_ok=True)

    never(kept, read, mutations("run.json", sample, amount))
    never(kept, sealed, documents_as_json("sealed run.json", sample, amount // 10))


def documents_as_json(seed: str, sample: Any, amount: int) -> Iterator[bytes]:
    return (as_json(each) for each in documents(seed, sample, amount))


def chained(lines: Any) -> bytes:
    """Lines that follow from each other again, as far as they are lines."""
    previous, whole = START, b""
    for number, line in enumerate(lines if isinstance(lines, list) else [lines], start=1):
        if isinstance(line, dict):
            line = {**line, "seq": number, "previous": previous}  # noqa: PLW2901 the same line, linked
        content = json.dumps(line, separators=(",", ":")).encode()
        previous, whole = hashlib.sha256(content).hexdigest(), whole + content + b"\n"
    return whole


@AMOUNTS
def test_whatever_stands_in_a_journal_is_judged(kept: Archive, amount: int) -> None:
    run = kept.sealed
    folder = run.phase(PHASE)
    sample = [json.loads(line) for line in folder.journal.read_text().splitlines()]
    sample.append({"seq": 3, "previous": "", "time": sample[0]["time"], "run": run.name, "kind": "note", "text": "x", "file": "y"})

    def read(data: bytes) -> None:
        folder.journal.write_bytes(data)
        with in_words(JournalBroken, name=str(folder.journal)):
            sections.recorded(run.name, [], [], complete_lines(folder.journal))
        applied_before(kept.root, f"{run.name}-{PHASE}")
        against(run, [])
        with in_words(JournalBroken, name=str(folder.journal)):
            Journal(folder.journal, run.name).close()
        for path in folder.path.glob("journal.jsonl.torn*"):
            path.unlink()

    def verified(data: bytes) -> None:
        folder.journal.write_bytes(data)
        judged(kept)

    never(kept, read, mutations("journal", sample, amount, as_lines))
    never(kept, read, map(chained, documents("journal that holds", sample, amount)))
    never(kept, verified, map(chained, documents("verified journal", sample, amount // 4)))


@AMOUNTS
def test_whatever_stands_in_an_approval_hides_nothing_else(kept: Archive, amount: int) -> None:
    run = kept.sealed
    approval = run.phase(PHASE).approval
    sample = json.loads(approval.read_text())

    def read(data: bytes) -> None:
        approval.write_bytes(data)
        judged(kept)
        assert len(rows(kept.root)) == 2

    never(kept, read, mutations("approval", sample, amount))


@AMOUNTS
def test_whatever_stands_in_an_envelope_is_one_or_is_refused(kept: Archive, amount: int) -> None:
    data = (kept.sealed.path / SEAL).read_bytes()
    outer = json.loads(data)
    never(kept, envelope.read, mutations("envelope", data, amount), [envelope.EnvelopeBroken])

    def line(document: Any) -> bytes:
        return json.dumps(document, sort_keys=True, separators=(",", ":")).encode() + b"\n"

    never(kept, envelope.read, mutations("outer envelope", outer, amount, line), [envelope.EnvelopeBroken])


def signed(kept: Archive, signer: Any, statements: Iterable[Any]) -> Iterator[bytes]:
    """Statements as the holder of a key signs them; what canonical JSON cannot say is left out."""
    for statement in statements:
        if isinstance(statement, dict):
            try:
                yield envelope.sign(statement, signer)
            except (CanonicalizationError, RecursionError):
                continue


def unsealed(data: bytes) -> dict[str, Any]:
    return json.loads(base64.b64decode(json.loads(data)["payload"]))  # type: ignore[no-any-return]


@AMOUNTS
def test_whatever_a_runner_signs_as_a_seal_is_judged(kept: Archive, amount: int) -> None:
    run, signer = kept.sealed, local_signer(kept.root / "keys", "rehearsal")
    sample = unsealed((run.path / SEAL).read_bytes())
    inputs = list(signed(kept, signer, documents("seal", sample, amount)))
    assert len(inputs) > amount * 0.7
    never(kept, lambda data: entry(envelope.read(data)), inputs, [envelope.EnvelopeBroken])

    ended = kept.ended

    def once(data: bytes) -> None:
        (run.path / SEAL).write_bytes(data)
        kept.entry.write_bytes(data)
        judged(kept, hides=True)
        assert len(rows(kept.root)) == 2
        for each in kept.entry.parent.iterdir():
            if each != kept.entry:
                each.unlink()
        with in_words(ChainBroken, NotSealed):
            seal(ended, made.desk(kept.root))
        (ended.path / SEAL).unlink(missing_ok=True)

    never(kept, once, inputs[: amount // 3])


@AMOUNTS
def test_whatever_a_runner_signs_as_a_start_is_judged(kept: Archive, amount: int) -> None:
    run, desk = kept.ended, made.desk(kept.root)
    second = kept.entry.with_name(entry_name(2))
    start(run, desk, CHAIN, read_record(run.phase(PHASE))[0][0], {"111111111111": "arn:x"})
    sample = unsealed(second.read_bytes())

    def read(data: bytes) -> None:
        second.write_bytes(data)
        judged(kept)
        with in_words(ChainBroken, StoreFailed):
            open_starts(FolderStore(kept.root / "chain"), CHAIN)

    never(kept, read, signed(kept, desk.signer, documents("start", sample, amount)))


@AMOUNTS
def test_whatever_lies_in_the_place_of_a_chain_entry_is_judged(kept: Archive, amount: int) -> None:
    data = kept.entry.read_bytes()

    def read(mutated: bytes) -> None:
        kept.entry.write_bytes(mutated)
        judged(kept)
        with in_words(ChainBroken, StoreFailed):
            open_starts(FolderStore(kept.root / "chain"), CHAIN)

    never(kept, read, mutations("entry", data, amount))


@AMOUNTS
def test_whatever_somebody_signs_as_a_review_is_judged(kept: Archive, amount: int) -> None:
    run, alice = kept.sealed, kept.signer("alice")
    there = seal_of(run)
    assert there is not None
    good = review(there, "as it should be", alice, made.BEGIN)
    (run.path / REVIEW).write_bytes(good)
    assert all(not fault.where.endswith(REVIEW) for fault in kept.verified().faults)

    def read(data: bytes) -> None:
        (run.path / REVIEW).write_bytes(data)
        judged(kept)

    never(kept, read, signed(kept, alice, documents("review", unsealed(good), amount)))


@AMOUNTS
def test_whatever_an_owner_signs_as_a_policy_is_judged(kept: Archive, amount: int, tmp_path: Path) -> None:
    sample, path = unsealed(kept.policy.read_bytes()), tmp_path / "policy.json"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        verify(kept.root, read_policy(path))

    found = faults(read, signed(kept, kept.signer("owner"), documents("policy", sample, amount)), [TrustProblem], name=str(path))
    found += faults(read, mutations("policy file", kept.policy.read_bytes(), amount), [TrustProblem], name=str(path))
    assert not found, "\n".join(map(str, found[:10]))


def answers(path: Path) -> list[Any]:
    """A file of answers as a list of its lines, with some of each kind."""
    about = {"format": "runbook answers 1", "scope": {"regions": [], "accounts": [], "organizational_units": []}, "callers": {}}
    call = ["s3", "Get", "111111111111", "us-east-1", {"Name": "x"}]
    said = {"answer": {"At": {"$time": "2026-11-23T07:46:11+00:00"}, "Raw": {"$bytes": "eA=="}, "Deep": [{"a": [1, None, True]}]}}
    failed = {"failure": {"code": "AccessDenied", "message": "no", "status": 403, "sent": True}}
    return [about, [json.dumps(call), said], [json.dumps([*call[:4], {}]), failed]]


@AMOUNTS
def test_whatever_stands_in_a_file_of_answers_is_judged(tmp_path: Path, amount: int) -> None:
    path, sample = tmp_path / "answers-after.jsonl.gz", answers(tmp_path)
    whole = gzip.compress(as_lines(sample))

    def read(data: bytes) -> None:
        path.write_bytes(data)
        read_about(path)
        read_answers(path)

    inputs = [gzip.compress(each, 1) for each in mutations("answers", sample, amount, as_lines)]
    for given in (inputs, mutations("packed answers", whole, amount)):
        found = faults(read, given, [AnswersBroken], name=str(path))
        assert not found, "\n".join(map(str, found[:10]))


@pytest.mark.parametrize("bomb", [b"\0" * 2**28 * 2, b"[]\n" * 2**26], ids=["one line", "many lines"])
def test_answers_that_unpack_without_end_are_not_unpacked(tmp_path: Path, bomb: bytes) -> None:
    path = tmp_path / "answers-after.jsonl.gz"
    path.write_bytes(gzip.compress(bomb, 1))
    assert not faults(read_answers, [path], [AnswersBroken], name=str(path), seconds=20)


@AMOUNTS
def test_whatever_stands_in_a_record_of_cells_is_judged(tmp_path: Path, amount: int) -> None:
    at = "2026-11-23T07:46:11.000+00:00"
    sample = [
        {"kind": "opened", "notebook": "x.ipynb", "compared_with": "x", "came": [["a", "0" * 64, ""]], "at": at},
        {"kind": "before", "count": 1, "source": "0" * 64, "at": at},
        {"kind": "began", "count": 2, "cell": "a", "source": "0" * 64, "at": at},
        {"kind": "ended", "count": 2, "success": True, "at": at},
        {"kind": "sealed", "count": 2, "at": at},
    ]

    def read(data: bytes) -> None:
        (tmp_path / "cells.jsonl").write_bytes(data)
        read_cells(tmp_path / "cells.jsonl")

    read(as_lines(sample))
    found = faults(read, mutations("cells", sample, amount, as_lines), [FileBroken])
    assert not found, "\n".join(map(str, found[:10]))


@AMOUNTS
def test_whatever_stands_in_coverage_that_is_read_back_is_judged(tmp_path: Path, amount: int) -> None:
    path = tmp_path / "coverage-after.json"
    cell = {
        "region": "us-east-1", "service": "guardduty", "aspect": "detector", "item": "", "status": "covered", "gap": "",
        "reason": "", "code": "", "in_scope": True, "account_set": 0,
    }  # fmt: skip
    sample = {
        "format": "runbook coverage 1", "facts": {"mode": "rehearsal"}, "cells": [cell, cell], "account_sets": [["111111111111"]],
        "accounts": [{"id": "111111111111", "name": "A", "state": "ACTIVE"}],
    }  # fmt: skip

    def read(data: bytes) -> None:
        path.write_bytes(data)
        found = read_coverage(path)
        assert all(found["account_sets"][each["account_set"]] is not None for each in found["cells"])

    read(as_json(sample))
    found = faults(read, mutations("coverage", sample, amount), [CoverageBroken], name=str(path))
    assert not found, "\n".join(map(str, found[:10]))


@AMOUNTS
@pytest.mark.parametrize("name", ["rejection.json", "confirmation.json"])
def test_whatever_stands_in_a_decision_that_is_read_back_is_judged(tmp_path: Path, name: str, amount: int) -> None:
    folder = made.small_run(tmp_path).phase(PHASE)
    names = ("phase", "fingerprint", "mode", "organization", "rejected_by", "ticket", "reason", "at")
    sample: dict[str, Any] = dict.fromkeys(names, "x")
    if name == "confirmation.json":
        sample = {"approved_by": ["alice"], "confirmed_by": "bob", "at": "2026-11-23T07:46:11Z"}
    path = folder.path / name

    def read(data: bytes) -> None:
        path.write_bytes(data)
        sections.recorded("run", *read_record(folder))
        confirmed(folder)

    read(as_json(sample))
    found = faults(read, mutations(name, sample, amount), [RunFolderError], name=str(path))
    assert not found, "\n".join(map(str, found[:10]))


@AMOUNTS
def test_whatever_seals_a_copy_is_judged(kept: Archive, amount: int, tmp_path: Path) -> None:
    copy, signer = tmp_path / "copy", local_signer(kept.root / "keys", "rehearsal")
    copy.mkdir()
    (copy / "file").write_text("x")
    sample = {
        "_type": envelope.STATEMENT, "subject": [{"name": "file", "digest": {"sha256": hashlib.sha256(b"x").hexdigest()}}],
        "predicateType": "urn:incident-detection-runbook:redacted:1",
        "predicate": {
            "original": {"name": kept.sealed.name, "digest": {"sha256": hashlib.sha256(kept.entry.read_bytes()).hexdigest()}},
            "mode": "rehearsal", "sealed": "2026-11-23T07:46:11Z", "folders": [],
        },
    }  # fmt: skip
    trust = read_policy(kept.policy)

    def read(data: bytes) -> None:
        (copy / SEAL).write_bytes(data)
        for fault in verify_copy(copy, trust, kept.root).faults:
            assert not unclear(str(fault)), fault

    good = envelope.sign(sample, signer)
    (copy / SEAL).write_bytes(good)
    assert verify_copy(copy, trust, kept.root).faults == ()
    never(kept, read, signed(kept, signer, documents("copy", sample, amount)))
    never(kept, read, mutations("copy file", good, amount))


@pytest.fixture
def looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunFolder:
    """A run that looked at one service of a simulated organization, and kept the answers."""
    organization = simulated("seven", tmp_path, monkeypatch)
    settings = fitting(organization.front).encode()
    run = RunFolder.create(tmp_path / "runs", "rehearsal", made.BEGIN, settings=settings, command=[])
    look(organization, run, PHASE)
    return run


@AMOUNTS
def test_whatever_was_answered_is_judged_again_or_said_to_be_no_answer(looked: RunFolder, amount: int) -> None:
    """Each input takes a whole look at an organization, so there are fewer of them."""
    path = looked.phase(PHASE).path / "answers-after.jsonl.gz"
    whole = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    chance, differ = random.Random("recompute"), 0
    for number in range(amount // 4):
        place = chance.randrange(len(whole))
        (altered,) = documents(f"recompute {number}", whole[place], 1)
        path.write_bytes(gzip.compress(as_lines([*whole[:place], altered, *whole[place + 1 :]]), 1))
        ((_, said),) = list(recompute(looked))
        assert not any(map(unclear, said)), (number, said)
        differ += bool(said)
    assert differ
