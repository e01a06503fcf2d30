"""A campaign of tampering on one small archive: none of it comes through, hangs, ends in a traceback, or hides anything else.

One file of another run is altered besides in every case, and has to be named beside whatever the case is about.
"""

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sealed_runs as made
from click.testing import CliRunner
from fuzzing import unclear

from runbook_lib.audit.verify import verify
from runbook_lib.cli import cli
from runbook_lib.evidence.listing import write_page
from runbook_lib.evidence.people.review import review
from runbook_lib.evidence.people.trust import pins_as_they_lie, read_policy, signed_policy
from runbook_lib.evidence.run import folder as run_folder
from runbook_lib.evidence.run.contents import ATTACHED, LINKED, REVIEW, SEAL
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.evidence.seal import envelope
from runbook_lib.evidence.seal.chain import entry_name
from runbook_lib.evidence.seal.keys import KeyProblem, local_signer, pem, read_key
from runbook_lib.evidence.seal.linked import Addition, attach
from runbook_lib.evidence.seal.sealing import seal, seal_found
from runbook_lib.evidence.store.start import start
from runbook_lib.plan.approval import read_approval

PHASE = made.PHASES[1]
CHAIN = f"rehearsal/{made.ORGANIZATION}"
WITNESS = Addition("witness report", "witness-config", {"report.json": b"{}"})


@dataclass(frozen=True)
class Kept:
    """Three sealed runs. The second began with a start record, was an emergency and reviewed, and has something attached."""

    root: Path
    names: tuple[str, ...]

    @property
    def run(self) -> RunFolder:
        return RunFolder(self.root / self.names[1])

    @property
    def phase(self) -> Path:
        return self.run.path / PHASE

    @property
    def chain(self) -> Path:
        return self.root / "chain" / CHAIN

    @property
    def policy(self) -> Path:
        return self.root.with_name("trust.json")

    @property
    def pin(self) -> Path:
        return next((self.root / "keys").glob("rehearsal-*.pub.pem"))

    @property
    def entry(self) -> Path:
        """The entry of the chain that is the second run's seal."""
        return self.chain / entry_name(3)

    def signer(self, name: str) -> Any:
        return local_signer(self.root.with_name("people"), name)

    def faults(self, *, pins: bool = False) -> set[tuple[str, str]]:
        """(where, kind) of what verify finds beside what was altered elsewhere, which it has to find every time."""
        with soon():
            seen = verify(self.root, pins_as_they_lie(self.root / "keys") if pins else read_policy(self.policy))
        assert not any(unclear(str(fault)) for fault in seen.faults)
        found = {(fault.where, str(fault.kind)) for fault in seen.faults}
        assert (f"{self.names[2]}/settings.yaml", "changed") in found
        return {each for each in found if not each[0].startswith(self.names[2])}


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    root = tmp_path_factory.mktemp("campaign") / "runs"
    with pytest.MonkeyPatch.context() as patch:  # as small as runs can be
        patch.setattr(run_folder, "versions", lambda: {"runbook": "1", "git": None, "files": "0" * 64, "installed": {"x": "1"}})
        patch.setattr(made, "PHASES", (PHASE,))
        runs = [made.ended_run(root, number) for number in (0, 5, 9)]
    desk, kept = made.desk(root), Kept(root, tuple(run.name for run in runs))
    approval = read_approval(runs[1].phase(PHASE).approval).model_copy(update={"emergency": "an intruder"})
    approval.write(runs[1].phase(PHASE).approval)
    seal(runs[0], desk)
    start(runs[1], desk, CHAIN, approval, {})
    there = seal(runs[1], desk)
    attach(runs[1], WITNESS, desk)
    seal(runs[2], desk)
    person = {"name": "alice", "key": pem(kept.signer("alice").public_key), "may": ["approve", "review"]}
    policy = {
        "organization": made.ORGANIZATION, "owner": "", "people": [person], "emergency": True, "approvals": {"rehearsal": 0},
        "runners": [{"mode": "rehearsal", "key": pem(desk.signer.public_key)}],
    }  # fmt: skip
    kept.policy.write_bytes(signed_policy(json.dumps(policy).encode(), kept.signer("owner"), "policy"))
    (runs[1].path / REVIEW).write_bytes(review(there, "as it should be", kept.signer("alice"), made.BEGIN))
    return kept


@pytest.fixture
def kept(pristine: Kept, tmp_path: Path) -> Kept:
    copied = Path(shutil.copytree(pristine.root.parent, tmp_path / "archive")) / "runs"
    (copied / pristine.names[2] / "settings.yaml").write_text("mode: rehearsal # altered")
    return Kept(copied, pristine.names)


@contextmanager
def soon(seconds: int = 100) -> Iterator[None]:
    """Whoever waits for the other end of a pipe does not come back, however fast the machine is."""

    def stop(*_: object) -> None:
        raise TimeoutError(f"more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def still_work(kept: Kept) -> None:
    """`run list`, and the last steps of every command, whatever lies among the runs."""
    with soon():
        done = CliRunner().invoke(cli, ["run", "list", "--runs", str(kept.root)], standalone_mode=False)
        assert done.exception is None, done.exception
        write_page(kept.root)
        assert not any(map(unclear, seal_found(kept.root, "rehearsal", "", made.desk(kept.root))))


def test_the_archive_itself_is_accused_of_nothing(pristine: Kept) -> None:
    assert verify(pristine.root, read_policy(pristine.policy)).faults == ()


# What lies in the place of a file.


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def hollow(path: Path) -> None:
    """Eight gigabytes, of which the disk holds none."""
    path.write_bytes(b"")
    os.truncate(path, 8 * 2**30)


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def listening(path: Path) -> None:
    path.unlink()
    here = Path.cwd()
    os.chdir(path.parent)  # its whole path is too long for a socket
    try:
        with socket.socket(socket.AF_UNIX) as there:
            there.bind(path.name)
    finally:
        os.chdir(here)


def link_to(target: str) -> Callable[[Path], None]:
    def replace(path: Path) -> None:
        path.unlink()
        path.symlink_to(target)

    return replace


def link_outside(path: Path) -> None:
    path.symlink_to(path.rename(path.with_name(f"{path.name}.moved")).replace(path.parents[2] / f"outside-{path.name}"))


def rewritten(change: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(change(path.read_bytes()))


INSTEAD: dict[str, Callable[[Path], object]] = {
    "a pipe": fifo, "8 GiB of nothing": hollow, "a folder": as_folder, "a socket": listening, "a link": link_outside,
    "a link to nothing": link_to("nothing"), "a link to itself": link_to("."), "a link to what never ends": link_to("/dev/zero"),
    "nothing": Path.unlink, "no bytes": rewritten(lambda data: b""), "one byte less": rewritten(lambda data: data[:-1]),
    "one byte more": rewritten(lambda data: data + b"\n"), "half": rewritten(lambda data: data[: len(data) // 2]),
    "UTF-16": rewritten(lambda data: data.decode("utf-8", "replace").encode("utf-16")),
    "a byte order mark": rewritten(lambda data: b"\xef\xbb\xbf" + data),
    "other ends of lines": rewritten(lambda data: data.replace(b"\n", b"\r\n") + b"\r\n"),
    "a wrong byte": rewritten(lambda data: data[: len(data) // 2] + b"\xff" + data[len(data) // 2 :]),
    "a deep nest": rewritten(lambda data: b"[" * 200_000 + b"]" * 200_000), "a long number": rewritten(lambda data: b"1" * 100_000),
    "an empty object": rewritten(lambda data: b"{}\n"), "a list": rewritten(lambda data: b"[null]\n"),
}  # fmt: skip
PLACES: dict[str, Callable[[Kept], Path]] = {
    "run.json": lambda kept: kept.run.record_file,
    "settings": lambda kept: kept.run.settings,
    "approval": lambda kept: kept.phase / "approval.json",
    "plan": lambda kept: kept.phase / "plan.json",
    "journal": lambda kept: kept.phase / "journal.jsonl",
    "coverage": lambda kept: kept.phase / "coverage-after.json",
    "notebook": lambda kept: kept.phase / "notebook.ipynb",
    "page": lambda kept: kept.phase / "notebook.html",
    "seal": lambda kept: kept.run.path / SEAL,
    "review": lambda kept: kept.run.path / REVIEW,
    "attached file": lambda kept: kept.run.path / ATTACHED / WITNESS.name / "report.json",
    "linked statement": lambda kept: kept.run.path / ATTACHED / f"{WITNESS.name}{LINKED}",
    "chain entry": lambda kept: kept.entry,
    "start record": lambda kept: kept.chain / entry_name(2),
    "linked entry": lambda kept: kept.chain / entry_name(4),
    "pinned key": lambda kept: kept.pin,
}
REPLACED = [(place, what) for place in PLACES for what in INSTEAD]


def some(cases: list[Any], of: int) -> list[Any]:
    """One of so many in each test run, from every part of the list; the others in the soak."""
    return [case if number % of == 0 else pytest.param(*case, marks=pytest.mark.soak) for number, case in enumerate(cases)]


@pytest.mark.parametrize(("place", "what"), some(REPLACED, 7))
def test_whatever_lies_in_the_place_of_a_file_is_named_and_hides_nothing(kept: Kept, place: str, what: str) -> None:
    path = PLACES[place](kept)
    INSTEAD[what](path)
    found = kept.faults(pins=place == "pinned key")
    if place == "pinned key":
        assert {"cannot be judged", "wrong key"} & {kind for _, kind in found} or same_key(path)
    else:
        about = "chain " if path.parent == kept.chain else path.name
        assert any(about in where for where, _ in found), (place, what, found)
    still_work(kept)


def same_key(path: Path) -> bool:
    """Whether a pinned key is still that key, however its file is written: no harm was done."""
    try:
        return path.name == f"rehearsal-{read_key(path).keyid[:16]}.pub.pem"
    except KeyProblem:
        return False


# Seals: what is not written as it was, what is signed by somebody else, and what a runner signs that is none.


def line(outer: dict[str, Any]) -> bytes:
    return json.dumps(outer, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def outer(**change: Any) -> Callable[[Kept, bytes], bytes]:
    return lambda kept, data: line(json.loads(data) | change)


def statement_of(data: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.b64decode(json.loads(data)["payload"]))
    return found


def payload(change: Callable[[bytes], bytes]) -> Callable[[Kept, bytes], bytes]:
    """Another payload under the same signature."""

    def changed(kept: Kept, data: bytes) -> bytes:
        found = json.loads(data)
        return line(found | {"payload": base64.b64encode(change(base64.b64decode(found["payload"]))).decode()})

    return changed


def signatures(change: Callable[[Kept, list[dict[str, str]]], list[Any]]) -> Callable[[Kept, bytes], bytes]:
    return lambda kept, data: line(json.loads(data) | {"signatures": change(kept, json.loads(data)["signatures"])})


def by_another(kept: Kept, data: bytes) -> bytes:
    return envelope.sign(statement_of(data), kept.signer("mallory"))


def by_another_under_the_true_id(kept: Kept, data: bytes) -> bytes:
    forged, true = json.loads(by_another(kept, data)), json.loads(data)
    return line(forged | {"signatures": [forged["signatures"][0] | {"keyid": true["signatures"][0]["keyid"]}]})


def signed(path: str, value: Any) -> Callable[[Kept, bytes], bytes]:
    """The runner itself signs a statement in which one value is another; `...` takes it out."""

    def changed(kept: Kept, data: bytes) -> bytes:
        statement = statement_of(data)
        *above, last = path.split("/")
        holder: Any = statement
        for each in above:
            holder = holder[int(each) if each.isdecimal() else each]
        place = int(last) if last.isdecimal() else last
        if value is ...:
            del holder[place]
        else:
            holder[place] = value
        return envelope.sign(statement, local_signer(kept.root / "keys", "rehearsal"))

    return changed


INNER = "predicate/buildDefinition/internalParameters"
DETAILS = "predicate/runDetails"
SEALS: dict[str, Callable[[Kept, bytes], bytes]] = {
    "spaces": lambda kept, data: data.replace(b'","', b'", "', 1),
    "a key twice": lambda kept, data: data.replace(b'{"payload":', b'{"payload":"e30=","payload":', 1),
    "an escape": lambda kept, data: data.replace(b'"payload":', b'"\\u0070ayload":', 1),
    "a second line": lambda kept, data: data + data,
    "no end of line": lambda kept, data: data[:-1],
    "other ends of lines": lambda kept, data: data[:-1] + b"\r\n",
    "another key": outer(more=1),
    "another type of payload": outer(payloadType="application/json"),
    "upper case in the type": outer(payloadType=envelope.PAYLOAD_TYPE.upper()),
    "no list of signatures": outer(signatures={}),
    "no signature": outer(signatures=[]),
    "the signature of nobody": outer(signatures=[{"keyid": "0" * 64, "sig": "AAAA"}]),
    "seventeen signatures": signatures(lambda kept, listed: listed * 17),
    "the signature twice": signatures(lambda kept, listed: listed * 2),
    "a signature more": signatures(lambda kept, listed: [*listed, {"keyid": "0" * 64, "sig": "AAAA"}]),
    "a key in the signature": signatures(lambda kept, listed: [listed[0] | {"more": ""}]),
    "a signature that is no base64": signatures(lambda kept, listed: [listed[0] | {"sig": "?"}]),
    "a signature with more padding": signatures(lambda kept, listed: [listed[0] | {"sig": listed[0]["sig"] + "===="}]),
    "a flipped signature": signatures(lambda kept, listed: [listed[0] | {"sig": listed[0]["sig"][::-1].lstrip("=") + "=="}]),
    "a number for a signature": signatures(lambda kept, listed: [7]),
    "base64 for addresses": lambda kept, data: line(
        json.loads(data)
        | {"payload": base64.urlsafe_b64encode(b"\xff\xff" + base64.b64decode(json.loads(data)["payload"])).decode()}
    ),
    "spaces in the payload": payload(lambda data: data.replace(b'":"', b'": "', 1)),
    "a key twice in the payload": payload(lambda data: data.replace(b'{"_type"', b'{"_type":"","_type"', 1)),
    "another word in the payload": payload(lambda data: data.replace(b'"done"', b'"failed"', 1)),
    "a float in the payload": payload(lambda data: data.replace(b'"number":3', b'"number":3.0', 1)),
    "a deep payload": payload(lambda data: b"[" * 200_000 + b"]" * 200_000),
    "a long number in the payload": payload(lambda data: data.replace(b'"number":3', b'"number":' + b"9" * 100_000, 1)),
    "no bytes in the payload": payload(lambda data: b""),
    "a list in the payload": payload(lambda data: b"[]"),
    "a mode swapped": payload(
        lambda data: data.replace(b'"mode":"rehearsal"', b'"mode":"live"').replace(b"rehearsal/o", b"live/o")
    ),
    "signed by another": by_another,
    "signed by another under the true id": by_another_under_the_true_id,
    "no predicate": signed("predicate", ...),
    "another predicate": signed("predicateType", "https://example.com/other"),
    "another kind of statement": signed("predicate/buildDefinition/buildType", "urn:other"),
    "no run": signed(f"{DETAILS}/metadata/invocationId", ...),
    "a run that is none": signed(f"{DETAILS}/metadata/invocationId", "../../etc"),
    "a run with an end of line": signed(f"{DETAILS}/metadata/invocationId", "20261123T075111Z-rehearsal-aaaa\n"),
    "a time without a zone": signed(f"{DETAILS}/metadata/startedOn", "2026-11-23T07:51:11"),
    "a time that is none": signed(f"{DETAILS}/metadata/startedOn", "yesterday"),
    "a list for a time": signed(f"{DETAILS}/metadata/finishedOn", ["2026-11-23T07:51:11Z"]),
    "a time before all": signed(f"{INNER}/sealed", "0001-01-01T00:00:00+23:59"),
    "number 0": signed(f"{INNER}/number", 0),
    "number -3": signed(f"{INNER}/number", -3),
    "number true": signed(f"{INNER}/number", True),
    "number in words": signed(f"{INNER}/number", "3"),
    "a number without end": signed(f"{INNER}/number", 2**53 - 1),
    "another number": signed(f"{INNER}/number", 7),
    "another chain": signed(f"{INNER}/chain", "rehearsal/o-rehearsal002"),
    "folders in words": signed(f"{INNER}/folders", "20_guardduty"),
    "a file without a digest": signed("subject/0/digest", {}),
    "a digest that is none": signed("subject/0/digest/sha256", "ABC"),
    "a file twice": lambda kept, data: signed("subject/1", statement_of(data)["subject"][0])(kept, data),
    "a file left out": signed("subject/0", ...),
    "a file more": signed("subject/0/name", "more"),
    "no byproducts": signed(f"{DETAILS}/byproducts", 1),
    "phases in words": signed(f"{DETAILS}/byproducts/0/annotations/phases", "all"),
    "a phase that is a list": signed(f"{DETAILS}/byproducts/0/annotations/phases", {"90_coverage": ["done"]}),
    "nobody built it": signed(f"{DETAILS}/builder", {}),
    "no word about the start": lambda kept, data: signed(
        "predicate/buildDefinition/resolvedDependencies",
        [
            each
            for each in statement_of(data)["predicate"]["buildDefinition"]["resolvedDependencies"]
            if each.get("name") != "start-record"
        ],
    )(kept, data),
}


@pytest.mark.parametrize("name", sorted(SEALS))
def test_a_seal_that_is_not_as_it_was_made_is_named(kept: Kept, name: str) -> None:
    data = kept.entry.read_bytes()
    changed = SEALS[name](kept, data)
    assert changed != data
    for path in (kept.entry, kept.run.path / SEAL):
        path.write_bytes(changed)
    assert kept.faults(), name
    still_work(kept)


# Runs, chains and names.


def add(name: str | bytes, *, folder: bool = False) -> Callable[[Kept], object]:
    def added(kept: Kept) -> None:
        path = os.path.join(os.fsencode(kept.run.path), name if isinstance(name, bytes) else name.encode())  # noqa: PTH118 bytes
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120 as above
        if folder:
            os.mkdir(path)  # noqa: PTH102 as above
        else:
            with open(path, "wb") as file:  # noqa: PTH123 as above
                file.write(b"x")

    return added


def deep(kept: Kept) -> None:
    """More folders in each other than a path may name."""
    here = Path.cwd()
    os.chdir(kept.run.path)
    try:
        for _ in range(2100):
            Path("a").mkdir()
            os.chdir("a")
    finally:
        os.chdir(here)


def copied_as(name: str) -> Callable[[Kept], object]:
    return lambda kept: shutil.copytree(kept.run.path, kept.root / name)


def unsealed_as(name: str, **record: Any) -> Callable[[Kept], object]:
    def copied(kept: Kept) -> None:
        path = Path(shutil.copytree(kept.root / kept.names[0], kept.root / name))
        (path / SEAL).unlink()
        data = json.loads((path / "run.json").read_text())
        (path / "run.json").write_text(json.dumps(data | {"run": name} | record))

    return copied


def moved(place: str) -> Callable[[Kept], object]:
    """What lies below the folder of runs at a place is a link now to where it was moved."""

    def move(kept: Kept) -> None:
        path = kept.root / place
        path.symlink_to(path.rename(kept.root.with_name(f"moved-{path.name}")))

    return move


def beside(name: str, data: bytes = b"x") -> Callable[[Kept], object]:
    """A file among the entries of the chain."""
    return lambda kept: (kept.chain / name).write_bytes(data)


def entry_as(name: str) -> Callable[[Kept], object]:
    return lambda kept: shutil.copy(kept.entry, kept.chain / name)


WIDE, ARABIC = "\uff19" * 8, "\u0660" * 7 + "\u0666"
MORE = "20261123T075111Z-rehearsal-0000"
"""The name of a run that nobody made."""
RUNNING = {
    "status": "running", "finished": None, "exit_code": None, "started": "2026-11-20T07:46:11Z", "host": "elsewhere",
}  # fmt: skip
TO_COME = RUNNING | {"started": "2099-11-20T07:46:11Z"}
WHOLE: dict[str, tuple[Callable[[Kept], object], str]] = {
    "a file": (add("more"), "added"),
    "a hidden file": (add(".more"), "added"),
    "a file in another case": (add("SETTINGS.YAML"), "added"),
    "a file with a combined letter": (add("settings\u0301.yaml"), "added"),
    "a file with an end of line": (add("settings.yaml\n"), "added"),
    "a file with a back slash": (add("20_guardduty\\plan.json"), "added"),
    "a file with a mark that turns round": (add("\u202esettings.yaml"), "added"),
    "a file whose name is no text": (add(b"\xff\xfe"), "link instead of file"),
    "a file with a long name": (add("a" * 255), "added"),
    "a file that looks like a part": (add(f".{SEAL}.0123456789ab.part"), "added"),
    "a folder": (add("more", folder=True), "added"),
    "a folder in a folder": (add("more/more", folder=True), "added"),
    "a hidden folder": (add(".git/config"), "added"),
    "a folder like the one for what comes later": (add("20_guardduty/attached/more"), "added"),
    "folders without end": (deep, "added"),
    "a statement that nobody attached": (add(f"{ATTACHED}/more{LINKED}"), "broken seal"),
    "a file that nobody attached": (add(f"{ATTACHED}/witness-config/more"), "added"),
    "a folder that nobody attached": (add(f"{ATTACHED}/more", folder=True), "added"),
    "a run copied": (copied_as(MORE), "renamed"),
    "a run copied under a name of its own": (copied_as("copy"), "renamed"),
    "a run copied under its name with an end of line": (copied_as(f"{MORE}\n"), "renamed"),
    "a run copied under foreign digits": (copied_as(f"{WIDE}T075111Z-rehearsal-0000"), "renamed"),
    "a file in the place of a run": (
        lambda kept: (kept.root / MORE).write_text(""),
        "link instead of file",
    ),
    "a link in the place of a run": (moved("{run}"), "link instead of file"),
    "an unsealed run": (unsealed_as(MORE), "not sealed"),
    "a run that runs elsewhere for days": (
        unsealed_as("20261120T074611Z-rehearsal-0000", **RUNNING),
        "not sealed",
    ),
    "a run that will begin": (
        unsealed_as("20991120T074611Z-rehearsal-0000", **TO_COME),
        "not sealed",
    ),
    "a run without a record": (lambda kept: (kept.root / MORE).mkdir(), "not sealed"),
    "a run whose record is of none": (unsealed_as(MORE, status="well"), "not sealed"),
    "a run dropped": (lambda kept: shutil.rmtree(kept.run.path), "missing"),
    "the chains dropped": (lambda kept: shutil.rmtree(kept.root / "chain"), "missing"),
    "one mode's chains dropped": (lambda kept: shutil.rmtree(kept.chain.parent), "missing"),
    "a chain dropped": (lambda kept: shutil.rmtree(kept.chain), "missing"),
    "a chain emptied": (lambda kept: list(map(Path.unlink, kept.chain.iterdir())), "missing"),
    "the chains are a link": (moved("chain"), "link instead of file"),
    "one mode's chains are a link": (moved("chain/rehearsal"), "link instead of file"),
    "a chain is a link": (moved(f"chain/{CHAIN}"), "link instead of file"),
    "a file among the chains": (lambda kept: (kept.root / "chain" / "more").write_text(""), "added"),
    "a folder among the chains": (lambda kept: (kept.root / "chain" / "more").mkdir(), "added"),
    "a file in the place of a chain": (lambda kept: (kept.chain.parent / "o-more").write_text(""), "link instead of file"),
    "a chain whose name is none": (lambda kept: shutil.copytree(kept.chain, kept.chain.parent / "o more"), "added"),
    "a chain under another organization": (lambda kept: shutil.copytree(kept.chain, kept.chain.parent / "o-more"), "wrong order"),
    "a chain under another mode": (lambda kept: shutil.copytree(kept.chain.parent, kept.root / "chain" / "live"), "wrong order"),
    "a file in a chain": (beside("notes.txt"), "added"),
    "an entry under its name with an end of line": (entry_as(f"{entry_name(6)}\n"), "added"),
    "an entry under foreign digits": (entry_as(f"{ARABIC}.intoto.jsonl"), "added"),
    "an entry under wide digits": (entry_as(f"{WIDE}.intoto.jsonl"), "added"),
    "an entry under nine digits": (entry_as("000000006.intoto.jsonl"), "added"),
    "an entry under number 0": (entry_as(entry_name(0)), "added"),
    "an entry under another number": (entry_as(entry_name(6)), "wrong order"),
    "what looks like a part": (beside(".x.part"), "added"),
    "an entry in a folder": (lambda kept: (kept.chain / entry_name(6)).mkdir(), "link instead of file"),
    "entries swapped": (lambda kept: swap(kept.entry, kept.chain / entry_name(1)), "wrong order"),
    "an entry dropped": (lambda kept: kept.entry.unlink(), "missing"),
    "the start dropped": (lambda kept: (kept.chain / entry_name(2)).unlink(), "gap"),
    "seals swapped": (lambda kept: swap(kept.run.path / SEAL, kept.root / kept.names[0] / SEAL), "renamed"),
    "runs swapped": (lambda kept: swap(kept.run.path, kept.root / kept.names[0]), "renamed"),
}


def swap(one: Path, two: Path) -> None:
    aside = one.with_name("aside")
    one.rename(aside)
    two.rename(one)
    aside.rename(two)


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_what_is_done_to_runs_and_chains_is_named(kept: Kept, name: str) -> None:
    tamper, wanted = WHOLE[name]
    if name == "a link in the place of a run":
        tamper = moved(kept.run.name)
    tamper(kept)
    try:
        assert wanted in {kind for _, kind in kept.faults()}, name
        still_work(kept)
    finally:
        if name == "folders without end":  # Python's own way of taking folders away does not get to the end either
            subprocess.run(["rm", "-rf", str(kept.run.path / "a")], check=True)


def test_foreign_digits_in_a_chain_do_not_stop_sealing(kept: Kept) -> None:
    for digits in (WIDE, ARABIC):
        shutil.copy(kept.entry, kept.chain / f"{digits}.intoto.jsonl")
    assert seal(made.ended_run(kept.root, 20), made.desk(kept.root)).number == 6
