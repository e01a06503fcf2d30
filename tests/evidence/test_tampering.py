"""Whatever is done to sealed evidence is found, and what nobody touched is never accused."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import sealed_runs as made

from runbook_lib.audit.verify_chain import Anchor
from runbook_lib.evidence.run.contents import SEAL
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.evidence.seal import envelope
from runbook_lib.evidence.seal.chain import entry_name
from runbook_lib.evidence.seal.keys import local_signer
from runbook_lib.evidence.seal.reading import Entry
from runbook_lib.evidence.seal.sealing import seal

CHAIN = f"chain/rehearsal/{made.ORGANIZATION}"


@dataclass
class Kept:
    """Four sealed runs of one organization, one of another, and two chains."""

    root: Path
    runs: list[RunFolder]
    seals: list[Entry]

    def entry(self, number: int) -> Path:
        return self.root / CHAIN / entry_name(number)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    root = tmp_path_factory.mktemp("evidence") / "runs"
    pairs = [made.sealed_run(root, number) for number in range(4)]
    made.sealed_run(root, 8, organization="o-rehearsal002")
    return Kept(root, [run for run, _ in pairs], [sealed for _, sealed in pairs])


@pytest.fixture
def kept(pristine: Kept, tmp_path: Path) -> Kept:
    shutil.copytree(pristine.root, tmp_path / "runs", symlinks=True)
    root = tmp_path / "runs"
    return Kept(root, [RunFolder(root / run.name) for run in pristine.runs], pristine.seals)


def test_untouched_runs_are_not_accused(kept: Kept) -> None:
    seen = made.checked(kept.root)
    assert seen.faults == ()
    assert len(seen.runs) == 5
    assert seen.heads[f"rehearsal/{made.ORGANIZATION}"] == (4, kept.seals[3].digest)
    moved = kept.root.rename(kept.root.with_name("elsewhere"))
    assert made.checked(moved).faults == ()
    for path in moved.rglob("*"):
        os.utime(path, (1, 1))
    assert made.checked(moved).faults == ()


def test_a_chain_that_is_gone_is_named_and_one_that_is_kept_elsewhere_is_found(kept: Kept) -> None:
    elsewhere = (kept.root / "chain").rename(kept.root.with_name("store"))
    seen = made.checked(kept.root)
    assert [(fault.where, str(fault.kind)) for fault in seen.faults] == [
        (f"chain rehearsal/{organization}", "missing") for organization in (made.ORGANIZATION, "o-rehearsal002")
    ]
    assert made.kinds(made.checked(kept.root, kept.runs[0].name)) == {"missing"}
    assert made.checked(kept.root, chains=elsewhere).faults == ()


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes() or b"\0")
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def first_flipped(path: Path) -> None:
    data = bytearray(path.read_bytes() or b"\0")
    data[0] ^= 0x20
    path.write_bytes(data)


def appended(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def renamed(path: Path) -> None:
    path.rename(path.with_name(f"{path.name}.old"))


def linked(path: Path) -> None:
    root = next(each for each in path.parents if each.name == "runs")
    target = path.rename(root.with_name(f"{path.name}.outside"))
    path.symlink_to(target)


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


FILE_TAMPERINGS: dict[str, Callable[[Path], None]] = {
    "byte flipped": flipped, "first byte flipped": first_flipped, "appended": appended, "cut": cut, "emptied": emptied,
    "dropped": Path.unlink, "renamed": renamed, "linked": linked, "folder": as_folder,
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(FILE_TAMPERINGS))
def test_every_file_times_every_change_is_found(pristine: Kept, kept: Kept, name: str) -> None:
    run = kept.runs[1]
    targets = [*made.files(kept.root, run), kept.entry(2)]
    assert len(targets) > 18
    for target in targets:
        FILE_TAMPERINGS[name](target)
        found = made.checked(kept.root)
        assert found.faults, f"{name}: {target.name}"
        assert all(run.name in str(fault) or "chain" in fault.where for fault in found.faults)
        _put_back(pristine, kept, run, target)
    assert made.checked(kept.root).faults == ()


def _put_back(pristine: Kept, kept: Kept, run: RunFolder, target: Path) -> None:
    for folder in (run.path, kept.root / CHAIN):
        shutil.rmtree(folder)
        shutil.copytree(pristine.root / folder.relative_to(kept.root), folder)


def resealed(kept: Kept, number: int, key: str) -> None:
    """Number `number` sealed anew with another key, after one of its files was changed."""
    run = kept.runs[number - 1]
    for later in range(number, 5):
        kept.entry(later).unlink()
        (kept.runs[later - 1].path / SEAL).unlink()
    (run.path / "settings.yaml").write_text("mode: rehearsal # another\n")
    for later in range(number, 5):
        seal(kept.runs[later - 1], made.desk(kept.root, key=key))


def rewritten_old_run(kept: Kept) -> None:
    """The runner with its own key seals an old run anew and leaves the later ones."""
    run = kept.runs[1]
    (run.path / "settings.yaml").write_text("mode: rehearsal # another\n")
    old, number = kept.seals[1], 2
    desk = made.desk(kept.root)
    kept.entry(number).unlink()
    (run.path / SEAL).unlink()
    later = {each: kept.entry(each).read_bytes() for each in (3, 4)}
    for each in later:
        kept.entry(each).unlink()
    assert seal(run, desk).number == old.number
    for each, data in later.items():
        kept.entry(each).write_bytes(data)


def swapped_folders(kept: Kept) -> None:
    one, two = kept.runs[0].path, kept.runs[1].path
    aside = kept.root / "aside"
    one.rename(aside)
    two.rename(one)
    aside.rename(two)


def swapped_seals(kept: Kept) -> None:
    one, two = kept.runs[0].path / SEAL, kept.runs[1].path / SEAL
    first = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(first)


def swapped_entries(kept: Kept) -> None:
    first = kept.entry(2).read_bytes()
    kept.entry(2).write_bytes(kept.entry(3).read_bytes())
    kept.entry(3).write_bytes(first)


def gap(kept: Kept) -> None:
    kept.entry(2).unlink()
    shutil.rmtree(kept.runs[1].path)


def second_chain(kept: Kept) -> None:
    """Another run claims number 4: a chain that somebody kept apart."""
    apart = kept.root.with_name("apart")
    shutil.copytree(kept.root, apart)
    (apart / CHAIN / entry_name(4)).unlink()
    run, _ = made.sealed_run(apart, 7)
    shutil.copytree(run.path, kept.root / run.name)


def edited_statement(kept: Kept) -> None:
    """The statement is edited; the signature stays."""
    path = kept.runs[1].path / SEAL
    outer = json.loads(path.read_bytes())
    sealed = envelope.read(path.read_bytes())
    statement = json.loads(json.dumps(sealed.statement))
    statement["predicate"]["runDetails"]["byproducts"][0]["annotations"]["status"] = "done, really"
    forged = json.loads(envelope.sign(statement, local_signer(kept.root / "keys", "other")))
    outer["payload"] = forged["payload"]
    for place in (path, kept.entry(2)):
        place.write_bytes(json.dumps(outer, sort_keys=True, separators=(",", ":")).encode() + b"\n")


def duplicate_keys(kept: Kept) -> None:
    path = kept.runs[1].path / SEAL
    path.write_bytes(path.read_bytes().replace(b'{"payload":', b'{"payload":"e30=","payload":', 1))


def renamed_run(kept: Kept) -> None:
    kept.runs[1].path.rename(kept.runs[1].path.with_name("20261123T074711Z-rehearsal-0000"))


def hidden_run(kept: Kept) -> None:
    kept.runs[1].path.rename(kept.root / "elsewhere")


def linked_run(kept: Kept) -> None:
    kept.runs[1].path.rename(kept.root.with_name("outside"))
    kept.runs[1].path.symlink_to(kept.root.with_name("outside"))


def copied_run(kept: Kept) -> None:
    shutil.copytree(kept.runs[1].path, kept.root / "20261123T074711Z-rehearsal-0000")


def moved_to_another_organization(kept: Kept) -> None:
    shutil.copy(kept.entry(4), kept.root / "chain/rehearsal/o-rehearsal002/00000002.intoto.jsonl")


def unpinned(kept: Kept) -> None:
    for path in (kept.root / "keys").glob("*.pub.pem"):
        path.unlink()


def forgotten(kept: Kept) -> None:
    made.ended_run(kept.root, 9)


WHOLE: dict[str, tuple[Callable[[Kept], object], set[str]]] = {
    "second statement added": (lambda kept: (kept.runs[1].path / "notebook.intoto.jsonl").write_text("x"), {"added"}),
    "review forged": (lambda kept: (kept.runs[1].path / "review.intoto.jsonl").write_text("x"), {"approval defect"}),
    "file added": (lambda kept: (kept.runs[1].path / "20_guardduty" / "more.txt").write_text("x"), {"added"}),
    "hidden file added": (lambda kept: (kept.runs[1].path / ".more").write_text("x"), {"added"}),
    "folder added": (lambda kept: (kept.runs[1].path / "40_more").mkdir(), {"added"}),
    "link added": (lambda kept: (kept.runs[1].path / "more").symlink_to("run.json"), {"link instead of file"}),
    "pipe added": (lambda kept: os.mkfifo(kept.runs[1].path / "more"), {"link instead of file"}),
    "file renamed": (lambda kept: renamed(kept.runs[1].path / "run.json"), {"renamed"}),
    "entry added": (lambda kept: (kept.root / CHAIN / "notes.txt").write_text("x"), {"added"}),
    "two runs swapped": (swapped_folders, {"renamed"}),
    "two seals swapped": (swapped_seals, {"renamed"}),
    "two entries swapped": (swapped_entries, {"wrong order"}),
    "run and entry dropped": (gap, {"gap"}),
    "entry dropped": (lambda kept: kept.entry(2).unlink(), {"missing"}),
    "run dropped": (lambda kept: shutil.rmtree(kept.runs[1].path), {"missing"}),
    "newest run dropped": (lambda kept: shutil.rmtree(kept.runs[3].path), {"missing"}),
    "sealed again with another key": (lambda kept: resealed(kept, 2, "attacker"), {"wrong key"}),
    "newest sealed again with another key": (lambda kept: resealed(kept, 4, "attacker"), {"wrong key"}),
    "old run sealed again with the runner's key": (rewritten_old_run, {"wrong order"}),
    "second chain": (second_chain, {"second chain"}),
    "statement edited": (edited_statement, {"broken seal"}),
    "duplicate keys": (duplicate_keys, {"broken seal"}),
    "run renamed": (renamed_run, {"renamed"}),
    "run under a name of its own": (hidden_run, {"renamed"}),
    "run folder is a link": (linked_run, {"link instead of file"}),
    "run copied": (copied_run, {"renamed"}),
    "entry of another organization": (moved_to_another_organization, {"wrong order"}),
    "run that nobody sealed": (forgotten, {"not sealed"}),
    "key unpinned": (unpinned, {"wrong key"}),
}


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_every_kind_of_tampering_is_found_and_named(kept: Kept, name: str) -> None:
    tamper, wanted = WHOLE[name]
    tamper(kept)
    assert wanted <= made.kinds(made.checked(kept.root)), name


def test_a_chain_that_lost_its_end_needs_an_anchor(kept: Kept) -> None:
    anchor = Anchor(4, kept.seals[3].digest)
    assert made.checked(kept.root, anchors=[anchor]).faults == ()
    kept.entry(4).unlink()
    shutil.rmtree(kept.runs[3].path)
    assert made.checked(kept.root).faults == ()
    assert made.kinds(made.checked(kept.root, anchors=[anchor])) == {"cut-off end"}


def test_an_end_that_was_replaced_by_the_runner_itself_needs_an_anchor(kept: Kept) -> None:
    resealed(kept, 4, "rehearsal")
    assert made.checked(kept.root).faults == ()
    (fault,) = made.checked(kept.root, anchors=[Anchor(4, kept.seals[3].digest)]).faults
    assert "another digest" in fault.text


def test_only_what_was_asked_for_is_reported(kept: Kept) -> None:
    flipped(kept.runs[1].path / "run.json")
    assert made.checked(kept.root, kept.runs[0].name).faults == ()
    assert made.kinds(made.checked(kept.root, kept.runs[1].name)) == {"changed"}
    assert made.kinds(made.checked(kept.root, "20991123T074711Z-rehearsal-0000")) == {"missing"}


def test_verifying_writes_nothing(kept: Kept) -> None:
    for path in sorted(kept.root.rglob("*"), reverse=True):
        path.chmod(0o500 if path.is_dir() else 0o400)
    before = {path: path.stat().st_mtime_ns for path in kept.root.rglob("*")}
    try:
        made.checked(kept.root)
        assert {path: path.stat().st_mtime_ns for path in kept.root.rglob("*")} == before
    finally:
        for path in kept.root.rglob("*"):
            path.chmod(0o700)
