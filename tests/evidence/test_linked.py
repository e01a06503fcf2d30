"""What is attached to a sealed run: signed, chained, and found when it is touched."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import sealed_runs as made

from runbook_lib.base.files import write_bytes
from runbook_lib.evidence.run.contents import ATTACHED, SEAL
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.evidence.seal import envelope, linked
from runbook_lib.evidence.seal.chain import entry_name
from runbook_lib.evidence.seal.keys import local_signer
from runbook_lib.evidence.seal.linked import Addition, attach, linked_of
from runbook_lib.evidence.seal.reading import Entry
from runbook_lib.evidence.seal.sealing import NotSealed
from runbook_lib.plan.approval import read_approval

CHAIN = f"chain/rehearsal/{made.ORGANIZATION}"
REPORT = Addition(
    "witness report", "witness-config", {"report.json": b'{"seen": 1}\n', "report.html": b"<p>seen</p>"}, {"cells": 3}
)


@dataclass
class Kept:
    """Two sealed runs, the first with a report attached after the second was sealed."""

    root: Path
    runs: list[RunFolder]

    @property
    def run(self) -> RunFolder:
        return self.runs[0]

    @property
    def statement(self) -> Path:
        return self.run.path / ATTACHED / "witness-config.intoto.jsonl"

    def file(self, name: str) -> Path:
        return self.run.path / ATTACHED / "witness-config" / name

    def entry(self, number: int) -> Path:
        return self.root / CHAIN / entry_name(number)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    root = tmp_path_factory.mktemp("evidence") / "runs"
    kept = Kept(root, [made.sealed_run(root, number)[0] for number in range(2)])
    attach(kept.run, REPORT, made.desk(root))
    return kept


@pytest.fixture
def kept(pristine: Kept, tmp_path: Path) -> Kept:
    shutil.copytree(pristine.root, tmp_path / "runs")
    return Kept(tmp_path / "runs", [RunFolder(tmp_path / "runs" / run.name) for run in pristine.runs])


def test_an_attached_report_verifies_and_is_a_number_of_the_chain(kept: Kept) -> None:
    seen = made.checked(kept.root)
    assert seen.faults == ()
    assert seen.heads[f"rehearsal/{made.ORGANIZATION}"][0] == 3
    there = linked_of(kept.run, "witness-config")
    assert there is not None
    assert (there.kind, there.number, there.parameters["kind"], there.parameters["facts"]) == (
        "linked",
        3,
        "witness report",
        {"cells": 3},
    )
    assert set(there.subjects) == {SEAL, *(f"{ATTACHED}/witness-config/{name}" for name in REPORT.files)}
    elsewhere = (kept.root / "chain").rename(kept.root.with_name("store"))
    assert made.checked(kept.root, chains=elsewhere).faults == ()


def test_what_was_attached_stays(kept: Kept) -> None:
    again = attach(kept.run, replace(REPORT, files={"report.json": b"other"}), made.desk(kept.root))
    assert again.number == 3
    assert kept.file("report.json").read_bytes() == REPORT.files["report.json"]
    assert attach(kept.run, replace(REPORT, name="witness-scanner"), made.desk(kept.root)).number == 4
    made.sealed_run(kept.root, 5)
    assert made.checked(kept.root).faults == ()


def test_only_a_sealed_run_takes_an_addition_and_only_under_plain_names(tmp_path: Path) -> None:
    run = made.ended_run(tmp_path)
    with pytest.raises(NotSealed, match="is not sealed"):
        attach(run, REPORT, made.desk(tmp_path))
    assert not (run.path / ATTACHED).exists()
    for name, file in (("../x", "a"), ("x", "../a"), ("x", ".a"), ("", "a")):
        with pytest.raises(ValueError, match="no names"):
            Addition("k", name, {file: b""})


def test_a_file_with_a_secret_is_withheld_and_the_statement_says_so(tmp_path: Path) -> None:
    run, _ = made.sealed_run(tmp_path)
    files = {"report.json": b'{"key": "AKIA' + b'IOSFODNN7EXAMPLE"}', "good.txt": b"good"}
    there = attach(run, replace(REPORT, files=files), made.desk(tmp_path))
    assert all("aws access key" in found[0].lower() for found in there.withheld.values())
    assert [*there.withheld] == [f"{ATTACHED}/witness-config/report.json"]
    assert not (run.path / ATTACHED / "witness-config" / "report.json").exists()
    assert (tmp_path / "withheld" / run.name / ATTACHED / "witness-config" / "report.json").exists()
    assert made.checked(tmp_path).faults == ()


@pytest.mark.parametrize("moment", ["before the entry", "before the statement"])
def test_power_lost_while_attaching_is_made_good_by_the_next_try(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    run, _ = made.sealed_run(tmp_path)

    def write(path: Path, data: bytes) -> None:
        if path.name.endswith(".intoto.jsonl"):
            raise KeyboardInterrupt
        write_bytes(path, data)

    def no_entry(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as lost:
        lost.setattr(linked, *(("append", no_entry) if moment == "before the entry" else ("write_bytes", write)))
        with pytest.raises(KeyboardInterrupt):
            attach(run, replace(REPORT, files={"report.json": b"first"}), made.desk(tmp_path))
    assert made.kinds(made.checked(tmp_path)) == ({"added"} if moment == "before the entry" else {"missing"})
    (run.path / ATTACHED / ".witness-config.intoto.jsonl.0123.part").write_bytes(b"half")
    there = attach(run, REPORT, made.desk(tmp_path))
    assert there.number == 2
    assert made.checked(tmp_path).faults == ()
    first = (run.path / ATTACHED / "witness-config" / "report.json").read_bytes() == b"first"
    assert first == (moment == "before the statement")


def test_two_machines_say_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, _ = made.sealed_run(tmp_path)
    monkeypatch.setattr(linked, "linked_of", lambda run, name: None)
    first = attach(run, REPORT, made.desk(tmp_path))
    real, blind = linked._said, iter([True])
    monkeypatch.setattr(linked, "_said", lambda *given: None if next(blind, False) else real(*given))
    assert attach(run, REPORT, made.desk(tmp_path)).digest == first.digest
    assert made.checked(tmp_path).faults == ()


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def of_another_run(kept: Kept) -> None:
    shutil.copytree(kept.run.path / ATTACHED, kept.runs[1].path / ATTACHED)


def relinked(kept: Kept) -> None:
    """The statement names the seal of another run, signed anew with the runner's own key."""
    forged = rewritten(kept, lambda statement: _rename_seal(statement, kept))
    kept.statement.write_bytes(forged)
    kept.entry(3).write_bytes(forged)


def _rename_seal(statement: dict[str, object], kept: Kept) -> None:
    other = envelope.read((kept.runs[1].path / SEAL).read_bytes()).digest
    statement["subject"] = [
        {"name": SEAL, "digest": {"sha256": other}} if each["name"] == SEAL else each
        for each in statement["subject"]  # type: ignore[attr-defined]
    ]


def rewritten(kept: Kept, change: Callable[[dict[str, object]], object], key: str = "rehearsal") -> bytes:
    statement = json.loads(json.dumps(envelope.read(kept.statement.read_bytes()).statement))
    change(statement)
    return envelope.sign(statement, local_signer(kept.root / "keys", key))


def signed_by_another(kept: Kept) -> None:
    forged = rewritten(kept, lambda _: None, "attacker")
    kept.statement.write_bytes(forged)
    kept.entry(3).write_bytes(forged)


def dropped_whole(kept: Kept) -> None:
    shutil.rmtree(kept.run.path / ATTACHED)


def dropped_everywhere_in_the_middle(kept: Kept) -> None:
    made.sealed_run(kept.root, 5)
    shutil.rmtree(kept.run.path / ATTACHED)
    kept.entry(3).unlink()


def attached_by_hand(kept: Kept) -> None:
    there = kept.runs[1].path / ATTACHED
    there.mkdir()
    (there / "x").write_text("x")


def linked_file(kept: Kept) -> None:
    kept.file("report.json").unlink()
    kept.file("report.json").symlink_to("report.html")


def linked_folder(kept: Kept) -> None:
    there = kept.run.path / ATTACHED
    there.rename(kept.root / "elsewhere")
    there.symlink_to(kept.root / "elsewhere")


def seal_as_statement(kept: Kept) -> None:
    shutil.copy(kept.run.path / SEAL, kept.run.path / ATTACHED / "seal.intoto.jsonl")


TAMPERINGS: dict[str, tuple[Callable[[Kept], object], set[str]]] = {
    "file changed": (lambda kept: flipped(kept.file("report.json")), {"changed"}),
    "file dropped": (lambda kept: kept.file("report.json").unlink(), {"missing"}),
    "file renamed": (lambda kept: kept.file("report.json").rename(kept.file("r.json")), {"renamed"}),
    "file added": (lambda kept: kept.file("more.txt").write_text("x"), {"added"}),
    "hidden file added": (lambda kept: (kept.run.path / ATTACHED / ".more").write_text("x"), {"added"}),
    "statement-like file added": (lambda kept: kept.file("more.intoto.jsonl").write_text("x"), {"added"}),
    "folder added": (lambda kept: (kept.run.path / ATTACHED / "more").mkdir(), {"added"}),
    "attached to a run that has nothing": (attached_by_hand, {"added"}),
    "link in place of a file": (linked_file, {"link instead of file"}),
    "link in place of the folder": (linked_folder, {"link instead of file", "missing"}),
    "statement changed": (lambda kept: flipped(kept.statement), {"broken seal"}),
    "statement dropped": (lambda kept: kept.statement.unlink(), {"missing"}),
    "statement renamed": (lambda kept: kept.statement.rename(kept.statement.with_name("w.intoto.jsonl")), {"renamed", "missing"}),
    "a seal in place of a statement": (seal_as_statement, {"broken seal"}),
    "all dropped": (dropped_whole, {"missing"}),
    "entry dropped": (lambda kept: kept.entry(3).unlink(), {"missing"}),
    "all dropped, and the entry": (dropped_everywhere_in_the_middle, {"gap"}),
    "another key": (signed_by_another, {"wrong key"}),
    "another run": (of_another_run, {"linked to another run"}),
    "another run's seal": (relinked, {"linked to another run"}),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(TAMPERINGS))
def test_every_tampering_with_what_is_attached_is_found_and_named(kept: Kept, name: str) -> None:
    tamper, wanted = TAMPERINGS[name]
    tamper(kept)
    assert wanted <= made.kinds(made.checked(kept.root)), name


def test_a_linked_statement_neither_opens_nor_ends_a_live_run(tmp_path: Path) -> None:
    run = made.ended_run(tmp_path, mode="live")
    desk = made.desk(tmp_path)
    from runbook_lib.evidence.seal.sealing import seal
    from runbook_lib.evidence.store.start import open_starts, start

    chain = f"live/{made.ORGANIZATION}"
    start(run, desk, chain, read_approval(run.phase("20_guardduty").approval), {})
    assert [*open_starts(desk.store, chain)] == [run.name]
    seal(run, desk)
    there: Entry = attach(run, REPORT, desk)
    assert (there.chain, there.number) == (chain, 3)
    assert not open_starts(desk.store, chain)
    assert made.checked(tmp_path).faults == ()
