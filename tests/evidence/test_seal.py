import base64
import datetime as dt
import hashlib
import json
import os
import shutil
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sealed_runs as made

from runbook_lib.apply.journal import Journal
from runbook_lib.base.clock import FakeClock
from runbook_lib.evidence.run.contents import SEAL
from runbook_lib.evidence.run.folder import RunFolder, RunStatus
from runbook_lib.evidence.seal import envelope
from runbook_lib.evidence.seal.chain import ChainBroken, FolderStore, StoreFailed, append, chain_name
from runbook_lib.evidence.seal.keys import KeyProblem, local_signer, pin, pinned
from runbook_lib.evidence.seal.sealing import NotSealed, seal, seal_found, seal_of

STATEMENT = {"_type": envelope.STATEMENT, "subject": [], "text": "ü", "number": 7}


def test_the_statement_names_every_file_and_the_facts_of_the_run(tmp_path: Path) -> None:
    run, sealed = made.sealed_run(tmp_path)
    on_disk = {p.relative_to(run.path).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in made.files(tmp_path, run)}
    del on_disk[SEAL]
    assert sealed.subjects == on_disk
    statement = json.loads(base64.b64decode(json.loads((run.path / SEAL).read_bytes())["payload"]))
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://slsa.dev/provenance/v1"
    definition = statement["predicate"]["buildDefinition"]
    assert definition["externalParameters"]["mode"] == "rehearsal"
    assert definition["internalParameters"]["number"] == 1
    named = {each.get("name") for each in definition["resolvedDependencies"]}
    assert {"approval/00_prerequisites", "approval/20_guardduty", "installed-library"} <= named
    assert any(each.get("uri", "").startswith("pkg:pypi/securesystemslib@") for each in definition["resolvedDependencies"])
    assert sealed.result["status"] == "done"
    assert sealed.approvals["20_guardduty"]["annotations"]["ticket"] == "CHG-1"


def test_numbers_follow_each_other_per_organization_and_mode(tmp_path: Path) -> None:
    seals = [made.sealed_run(tmp_path, number)[1] for number in range(3)]
    assert [(each.number, each.previous) for each in seals] == [(1, ""), (2, seals[0].digest), (3, seals[1].digest)]
    _, other = made.sealed_run(tmp_path, 9, organization="o-rehearsal002")
    assert (other.number, other.previous, other.chain) == (1, "", "rehearsal/o-rehearsal002")
    assert not made.checked(tmp_path).faults


def test_sealing_again_changes_nothing(tmp_path: Path) -> None:
    run, sealed = made.sealed_run(tmp_path)
    before = (run.path / SEAL).read_bytes()
    assert seal(run, made.desk(tmp_path)).digest == sealed.digest
    assert (run.path / SEAL).read_bytes() == before
    assert FolderStore(tmp_path / "chain").numbers(sealed.chain) == (1,)


@pytest.mark.parametrize("status", [RunStatus.DONE, RunStatus.LEFT_OVER, RunStatus.FAILED, RunStatus.STOPPED])
def test_every_end_is_sealed(tmp_path: Path, status: RunStatus) -> None:
    run = RunFolder.create(tmp_path, "rehearsal", made.BEGIN, settings=b"", command=[], organization=made.ORGANIZATION)
    run.finish(status, made.BEGIN, error="refused")
    assert seal(run, made.desk(tmp_path)).status == status.value
    assert not made.checked(tmp_path).faults


def test_a_killed_run_is_sealed_when_found_and_a_running_one_is_not(tmp_path: Path) -> None:
    killed, running = (
        RunFolder.create(tmp_path, "rehearsal", made.BEGIN, settings=b"", command=[], organization=made.ORGANIZATION) for _ in "ab"
    )
    made.of_process(killed, made.ended_process())
    (said,) = seal_found(tmp_path, "rehearsal", made.ORGANIZATION, made.desk(tmp_path))
    assert said == f"Found {killed.name} (killed); sealed it as number 1."
    assert seal_of(running) is None
    with pytest.raises(NotSealed, match="still running"):
        seal(running, made.desk(tmp_path))
    assert not made.checked(tmp_path).faults


def test_calls_without_an_answer_are_counted_for_a_killed_run(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "rehearsal", made.BEGIN, settings=b"", command=[], organization=made.ORGANIZATION)
    journaled = run.phase("20_guardduty").journal
    with Journal(journaled, run.name, FakeClock(made.BEGIN)) as journal:
        journal.intent(made.plan("20_guardduty").actions[0], 1, "invocation")
    journaled.write_text(journaled.read_text() + '{"seq":2,"prev')
    made.of_process(run, made.ended_process())
    (said,) = seal_found(tmp_path, "rehearsal", "", made.desk(tmp_path))
    assert "1 call without a recorded answer" in said


def test_only_runs_of_the_mode_and_organization_are_found(tmp_path: Path) -> None:
    made.ended_run(tmp_path, mode="live")
    made.ended_run(tmp_path, 1, organization="o-rehearsal002")
    assert not list(seal_found(tmp_path, "rehearsal", made.ORGANIZATION, made.desk(tmp_path)))
    assert len(list(seal_found(tmp_path, "rehearsal", "", made.desk(tmp_path)))) == 1


def test_two_at_once_never_take_one_number(tmp_path: Path) -> None:
    runs = [made.ended_run(tmp_path, number) for number in range(12)]
    with ThreadPoolExecutor(6) as pool:
        seals = list(pool.map(lambda run: seal(run, made.desk(tmp_path)), runs))
    assert sorted(each.number for each in seals) == list(range(1, 13))
    assert not made.checked(tmp_path).faults


def test_nothing_follows_a_head_that_cannot_be_read(tmp_path: Path) -> None:
    made.sealed_run(tmp_path)
    (entry,) = (tmp_path / "chain").rglob("*.jsonl")
    entry.write_bytes(b"{}\n")
    with pytest.raises(ChainBroken, match="number 1"):
        append(FolderStore(tmp_path / "chain"), f"rehearsal/{made.ORGANIZATION}", lambda number, previous: b"")


def test_what_cannot_name_a_chain_is_refused() -> None:
    with pytest.raises(StoreFailed, match="cannot name"):
        chain_name("rehearsal", "../../elsewhere")


def test_a_local_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = {signer.public_key.keyid for signer in pool.map(lambda _: local_signer(tmp_path / "keys", "rehearsal"), range(16))}
    assert len(keys) == 1
    (path,) = (tmp_path / "keys").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    with pytest.raises(KeyProblem, match="chmod 600"):
        local_signer(tmp_path / "keys", "rehearsal")


def test_keys_are_pinned_by_mode(tmp_path: Path) -> None:
    key = local_signer(tmp_path, "rehearsal").public_key
    pin(tmp_path, "rehearsal", key)
    assert [each.keyid for each in pinned(tmp_path, "rehearsal")] == [key.keyid]
    pin(tmp_path, "rehearsal", key)
    assert pinned(tmp_path, "live") == ()
    with pytest.raises(KeyProblem, match="another key than the pinned one"):
        pin(tmp_path, "rehearsal", local_signer(tmp_path, "other").public_key)
    assert len(pinned(tmp_path, "rehearsal")) == 1
    (tmp_path / "live-0.pub.pem").write_text("nothing")
    with pytest.raises(KeyProblem, match="live-0"):
        pinned(tmp_path, "live")


def envelope_of(tmp_path: Path) -> bytes:
    return envelope.sign(STATEMENT, local_signer(tmp_path, "k"))


def test_an_envelope_reads_back(tmp_path: Path) -> None:
    sealed = envelope.read(envelope_of(tmp_path))
    assert sealed.statement == STATEMENT
    assert sealed.signed_by([local_signer(tmp_path, "k").public_key])
    assert not sealed.signed_by([local_signer(tmp_path, "other").public_key])


def again(data: bytes, change: Callable[[dict[str, Any]], Any]) -> bytes:
    outer = json.loads(data)
    change(outer)
    return json.dumps(outer, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def payload(text: bytes) -> Callable[[dict[str, Any]], None]:
    return lambda outer: outer.update(payload=base64.b64encode(text).decode())


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data + b"\n",
        lambda data: b" " + data,
        lambda data: data[:-1],
        lambda data: data[:-2],
        lambda data: b"",
        lambda data: b"[]\n",
        lambda data: data.replace(b'{"payload":', b'{"payload":"","payload":', 1),
        lambda data: again(data, lambda outer: outer.update(more=1)),
        lambda data: again(data, lambda outer: outer.update(payloadType="text/plain")),
        lambda data: again(data, lambda outer: outer.update(signatures=[])),
        lambda data: again(data, lambda outer: outer["signatures"].append(outer["signatures"][0])),
        lambda data: again(data, lambda outer: outer["signatures"][0].update(sig="####")),
        lambda data: again(data, payload(b'{"_type":"https://in-toto.io/Statement/v1","_type":"https://in-toto.io/Statement/v1"}')),
        lambda data: again(data, payload(b'{"_type":"https://in-toto.io/Statement/v1","a":NaN}')),
        lambda data: again(data, payload(b'{"_type":"https://in-toto.io/Statement/v1","a":7.0}')),
        lambda data: again(data, payload(b'{"_type": "https://in-toto.io/Statement/v1"}')),
        lambda data: again(data, payload(b'{"_type":"other"}')),
        lambda data: again(data, payload(b"[" * 20000)),
        lambda data: again(data, payload(b"\xff")),
    ],
)
def test_an_envelope_is_read_in_one_spelling_only(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    with pytest.raises(envelope.EnvelopeBroken):
        envelope.read(change(envelope_of(tmp_path)))


POINTS = ("open", "fsync", "link", "replace", "unlink", "mkdir")


def dies_at(point: int, root: Path, run: RunFolder) -> bool:
    """Seal in another process that loses power before its `point`-th change on disk; whether it did."""
    child = os.fork()
    if child == 0:
        left = [point]

        def counted(real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **options: Any) -> Any:
                left[0] -= 1
                if left[0] < 0:
                    os._exit(9)
                return real(*arguments, **options)

            return call

        for name in POINTS:
            setattr(os, name, counted(getattr(os, name)))
        seal(run, made.desk(root))
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


@pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.soak)])
@pytest.mark.parametrize("secret", [False, True])
def test_power_may_go_at_any_moment_of_sealing(tmp_path: Path, secret: bool, step: int) -> None:
    """One moment in four; every moment: `make soak`."""
    point, repaired = 0, 0
    made.sealed_run(tmp_path / "before")
    ended = made.ended_run(tmp_path / "before", 1)
    if secret:
        (ended.path / "log.jsonl").write_text("AKIAIOSFODNN7EXAMPLE\n")
    while True:
        root = tmp_path / str(point)
        shutil.copytree(tmp_path / "before", root)
        run = RunFolder(root / ended.name)
        died = dies_at(point, root, run)
        said = list(seal_found(root, "rehearsal", "", made.desk(root)))
        assert made.checked(root).faults == ()
        mended = seal_of(run)
        assert mended is not None
        assert (mended.number, "log.jsonl" in mended.withheld) == (2, secret)
        repaired += bool(said)
        if not died:
            break
        point += step
    assert point > 10
    assert repaired > point // step - 6
    assert repaired


def test_times_are_utc(tmp_path: Path) -> None:
    elsewhere = dt.timezone(dt.timedelta(hours=9))
    from runbook_lib.evidence.seal.statement import stamp

    assert stamp(made.BEGIN.astimezone(elsewhere)) == "2026-11-23T07:46:11Z"
