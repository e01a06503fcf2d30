"""The chain in a bucket. moto takes shorter locks and any owner: what is sent is looked at, and answers are made up."""

import datetime as dt
import hashlib
import json
import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import bucket_rig as rigs
import pytest
import sealed_runs as made
from botocore.exceptions import ClientError
from bucket_rig import CHAIN, LOST, NAME, Power, Rig, refusal

from runbook_lib.evidence.run.contents import SEAL
from runbook_lib.evidence.run.folder import RunFolder, RunStatus
from runbook_lib.evidence.seal.chain import StoreFailed, append
from runbook_lib.evidence.seal.keys import local_signer
from runbook_lib.evidence.seal.sealing import NotSealed, seal, seal_found
from runbook_lib.evidence.seal.statement import stamp
from runbook_lib.evidence.store import bucket
from runbook_lib.evidence.store.retention import Retained, retained_until
from runbook_lib.evidence.store.start import start
from runbook_lib.plan.approval import ApprovalRefused

pytestmark = pytest.mark.usefixtures("no_credentials")
FIRST = f"acme/chain/{CHAIN}/00000001.intoto.jsonl"


def machine(tmp_path: Path, name: str) -> Path:
    """A folder of runs of its own, with the one key that all machines sign with."""
    root = tmp_path / name
    local_signer(tmp_path / "first" / "keys", "rehearsal")
    if name != "first":
        (root / "keys").mkdir(parents=True)
        shutil.copy2(tmp_path / "first" / "keys" / "rehearsal.pem", root / "keys")
    return root


def test_files_go_up_before_the_entry_that_names_them_and_all_is_locked(s3: Rig, tmp_path: Path) -> None:
    run = made.ended_run(tmp_path)
    sealed = seal(run, s3.desk(tmp_path))
    puts = s3.wire.of("put_object")
    assert [each["Key"] for each in puts][-1] == FIRST
    below = f"acme/files/{CHAIN}/{run.name}/"
    assert {each["Key"] for each in puts[:-1]} == {below + digest for digest in sealed.subjects.values()}
    needed = dt.datetime.now(dt.UTC).replace(year=dt.datetime.now(dt.UTC).year + 7)
    for each in puts:
        assert (each["IfNoneMatch"], each["ChecksumAlgorithm"], each["ObjectLockMode"]) == ("*", "SHA256", "GOVERNANCE")
        held = s3.bucket.retained(each["Key"])
        assert held is not None
        assert abs(held.until - needed) < dt.timedelta(minutes=5)
    assert all(each["ExpectedBucketOwner"] == rigs.ACCOUNT for _, each in s3.wire.calls)
    assert made.checked(tmp_path, chains=s3.store(tmp_path).local(CHAIN)).faults == ()


def test_two_machines_share_one_chain_and_verify_what_is_theirs(s3: Rig, tmp_path: Path) -> None:
    roots = [machine(tmp_path, name) for name in ("first", "second")]
    runs = [made.small_run(roots[number % 2]) for number in range(6)]
    with ThreadPoolExecutor(3) as pool:
        seals = list(pool.map(lambda run: seal(run, s3.desk(run.path.parent)), runs))
    assert sorted(each.number for each in seals) == list(range(1, 7))
    for root in roots:
        s3.store(root).local(CHAIN)
        own = [run.name for run in runs if run.path.parent == root]
        assert made.checked(root, *own).faults == ()
        assert made.kinds(made.checked(root)) == {"missing"}


def test_the_start_of_a_run_locks_out_other_machines(s3: Rig, tmp_path: Path) -> None:
    first, second = (made.small_run(machine(tmp_path, name)) for name in ("first", "second"))
    approval = made.approval("20_guardduty")
    start(first, s3.desk(first.path.parent), CHAIN, approval, {})
    start(first, s3.desk(first.path.parent), CHAIN, approval, {})
    with pytest.raises(NotSealed, match=f"run {first.name} began at"):
        start(second, s3.desk(second.path.parent), CHAIN, approval, {})
    seal(first, s3.desk(first.path.parent))
    start(second, s3.desk(second.path.parent), CHAIN, approval, {})
    assert s3.store(tmp_path / "first").numbers(CHAIN) == (1, 2, 3)


def test_an_approval_that_another_machine_has_used_up_is_refused(s3: Rig, tmp_path: Path) -> None:
    approval = made.approval("20_guardduty")
    first, second = (
        RunFolder.create(machine(tmp_path, name), "rehearsal", made.BEGIN, settings=b"", command=[], organization=made.ORGANIZATION)
        for name in ("first", "second")
    )
    start(first, s3.desk(first.path.parent), CHAIN, approval, {})
    made.apply_phase(first, "20_guardduty", made.BEGIN, approval)
    first.finish(RunStatus.DONE, made.BEGIN)
    made.of_process(first, made.ended_process())
    seal(first, s3.desk(first.path.parent))
    with pytest.raises(ApprovalRefused, match=f"it was completed by run {first.name}"):
        start(second, s3.desk(second.path.parent), CHAIN, approval, {})
    assert s3.store(tmp_path / "second").numbers(CHAIN) == (1, 2)


def answers(*given: Any, operation: str = "put_object") -> Callable[..., Any]:
    """A script: the first calls of an operation go as told, the others through. LOST comes after the call was carried out."""
    left = list(given)

    def script(name: str, parameters: dict[str, Any], call: Callable[[], Any]) -> Any:
        if name != operation or not left:
            return call()
        step = left.pop(0)
        if step is LOST:
            with suppress(ClientError):
                call()
        if isinstance(step, BaseException):
            raise step
        return call() | step

    return script


BYTES = b"entry\n"


@pytest.mark.parametrize("failures", [[refusal("ConditionalRequestConflict", 409)] * 3, [LOST], [refusal("InternalError", 500)]])
def test_what_may_succeed_later_is_tried_again_and_what_is_ours_is_recognised(s3: Rig, tmp_path: Path, failures: list[Any]) -> None:
    s3.wire.script = answers(*failures)
    assert s3.store(tmp_path).create(CHAIN, 1, BYTES)
    assert s3.keys() == [FIRST]
    assert not s3.store(tmp_path).create(CHAIN, 1, b"of another\n")
    assert s3.owner.get_object(Bucket=NAME, Key=FIRST)["Body"].read() == BYTES
    assert s3.store(tmp_path).create(CHAIN, 1, BYTES), "the same bytes are the same entry, whoever asks"


def test_a_number_that_another_took_in_between_is_not_taken_twice(s3: Rig, tmp_path: Path) -> None:
    other = made.small_run(machine(tmp_path, "second"))

    def script(name: str, parameters: dict[str, Any], call: Callable[[], Any]) -> Any:
        if name == "put_object" and parameters["Key"] == FIRST:
            s3.wire.script = lambda name, parameters, call: call()
            seal(other, s3.desk(other.path.parent))
        return call()

    s3.wire.script = script
    run = made.small_run(machine(tmp_path, "first"))
    assert seal(run, s3.desk(run.path.parent)).number == 2


def test_an_answer_lost_for_good_leaves_a_run_that_the_next_command_mends(s3: Rig, tmp_path: Path) -> None:
    run = made.small_run(tmp_path)
    script = answers(*[LOST] * 5)
    s3.wire.script = lambda name, parameters, call: (
        script(name, parameters, call) if parameters.get("Key") == FIRST or name != "put_object" else call()
    )
    with pytest.raises(StoreFailed, match="Connection was closed"):
        seal(run, s3.desk(tmp_path))
    assert not (run.path / SEAL).exists()
    (said,) = seal_found(tmp_path, "rehearsal", "", s3.desk(tmp_path))
    assert said.endswith("sealed it as number 1.")
    assert s3.store(tmp_path).numbers(CHAIN) == (1,)


def test_another_checksum_in_the_answer_is_no_seal(s3: Rig, tmp_path: Path) -> None:
    run = made.small_run(tmp_path)
    s3.wire.script = answers({"ChecksumSHA256": "AAAA"})
    with pytest.raises(StoreFailed, match="another checksum"):
        seal(run, s3.desk(tmp_path))
    s3.wire.script = answers({"ChecksumSHA256": None})
    with pytest.raises(StoreFailed, match="another checksum"):
        s3.store(tmp_path).create(CHAIN, 1, BYTES)


def test_what_was_read_is_held_against_its_checksum(s3: Rig, tmp_path: Path) -> None:
    s3.store(tmp_path).create(CHAIN, 1, BYTES)
    s3.wire.script = answers({"ChecksumSHA256": "AAAA"}, operation="get_object")
    with pytest.raises(StoreFailed, match="not that of what was read"):
        s3.store(tmp_path).read(CHAIN, 1)


def test_a_file_that_changes_while_it_is_uploaded_is_noticed(s3: Rig, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"now")
    digest = hashlib.sha256(b"before").hexdigest()
    with pytest.raises(StoreFailed, match="BadDigest"):
        s3.store(tmp_path / "other").keep(CHAIN, tmp_path, {"file": digest})
    s3.owner.put_object(Bucket=NAME, Key=f"acme/files/{CHAIN}/{tmp_path.name}/{digest}", Body=b"x", ChecksumAlgorithm="SHA256")
    (tmp_path / "file").write_bytes(b"before")
    with pytest.raises(StoreFailed, match="other content than this digest"):
        s3.store(tmp_path / "other").keep(CHAIN, tmp_path, {"file": digest})


def test_what_cannot_be_listed_is_not_empty(s3: Rig, tmp_path: Path) -> None:
    s3.wire.script = answers(refusal("AccessDenied", 403, "ListObjectVersions"), operation="list_object_versions")
    with pytest.raises(StoreFailed, match="s3:ListBucketVersions, and a bucket of account 123456789012"):
        seal(made.small_run(tmp_path), s3.desk(tmp_path))
    assert s3.keys() == []


@pytest.mark.parametrize("status", ["Enabled", "Suspended"])
def test_a_bucket_without_versions_or_lock_is_refused(status: str) -> None:
    with rigs.rig(locked=False) as s3:
        for wanted in ("versioning is not enabled", "put-object-lock-configuration" if status == "Enabled" else "versioning"):
            with pytest.raises(StoreFailed, match=wanted):
                s3.bucket.refuse_unlocked()
            s3.owner.put_bucket_versioning(Bucket=NAME, VersioningConfiguration={"Status": status})
    with rigs.rig() as s3:
        s3.bucket.refuse_unlocked()
        s3.wire.script = answers(refusal("AccessDenied", 403), operation="get_object_lock_configuration")
        with pytest.raises(StoreFailed, match="s3:GetBucketObjectLockConfiguration"):
            s3.bucket.refuse_unlocked()


def test_the_list_is_read_to_its_end(s3: Rig, tmp_path: Path) -> None:
    for number in range(1, 6):
        s3.store(tmp_path).create(CHAIN, number, b"%d\n" % number)
    small = Rig(s3.owner, rigs.Wire(s3.wire.client))
    small.wire.script = lambda name, parameters, call: (
        s3.wire.client.list_object_versions(**parameters, MaxKeys=2) if name == "list_object_versions" else call()
    )
    assert small.store(tmp_path).numbers(CHAIN) == (1, 2, 3, 4, 5)
    assert len(small.wire.of("list_object_versions")) == 3
    small.wire.calls.clear()
    store = small.store(tmp_path)
    assert [store.read(CHAIN, number) for number in store.numbers(CHAIN)] == [b"%d\n" % number for number in range(1, 6)]
    assert [each["Key"] for each in small.wire.of("get_object")] == [FIRST.replace("1.", "5.")], "what was seen is not read again"


def test_a_deleted_or_overwritten_entry_stays_what_it_was(s3: Rig, tmp_path: Path) -> None:
    store = s3.store(tmp_path)
    for number in (1, 2):
        store.create(CHAIN, number, b"%d\n" % number)
    second = FIRST.replace("00000001", "00000002")
    s3.owner.put_object(Bucket=NAME, Key=FIRST, Body=b"laid upon it")
    s3.owner.delete_object(Bucket=NAME, Key=second)
    fresh = s3.store(tmp_path / "another machine")
    assert fresh.numbers(CHAIN) == (1, 2), "a hidden number is not taken again"
    assert [fresh.read(CHAIN, number) for number in (1, 2)] == [b"1\n", b"2\n"]


def test_an_entry_that_this_machine_has_seen_cannot_go_or_change(s3: Rig, tmp_path: Path) -> None:
    s3.store(tmp_path).create(CHAIN, 1, BYTES)
    s3.store(tmp_path).local(CHAIN)
    version = s3.owner.head_object(Bucket=NAME, Key=FIRST)["VersionId"]
    s3.owner.delete_object(Bucket=NAME, Key=FIRST, VersionId=version, BypassGovernanceRetention=True)
    with pytest.raises(StoreFailed, match="lacks number 1, which this machine has"):
        s3.store(tmp_path).numbers(CHAIN)
    s3.store(tmp_path).create(CHAIN, 1, b"another\n")
    with pytest.raises(StoreFailed, match="not what this machine has read"):
        s3.store(tmp_path).read(CHAIN, 1)


def test_nothing_loops_on_a_number_that_is_taken_and_not_listed(s3: Rig, tmp_path: Path) -> None:
    s3.store(tmp_path).create(CHAIN, 1, BYTES)
    s3.wire.script = answers(*[{"Versions": []}] * 3, operation="list_object_versions")
    with pytest.raises(StoreFailed, match="does not list it"):
        append(s3.store(tmp_path), CHAIN, lambda number, previous: b"mine\n")


def test_power_may_go_before_and_after_any_call(tmp_path: Path) -> None:
    ended = RunFolder.create(
        tmp_path / "before", "rehearsal", made.BEGIN, settings=b"x", command=[], organization=made.ORGANIZATION
    )
    made.of_process(ended, made.ended_process(), status="done")
    local_signer(tmp_path / "before" / "keys", "rehearsal")
    point, dead = 0, True
    while dead:
        root = tmp_path / str(point)
        shutil.copytree(tmp_path / "before", root)
        left = [point]

        def script(name: str, parameters: dict[str, Any], call: Callable[[], Any], left: list[int] = left) -> Any:
            left[0] -= 1
            if left[0] == -1:
                raise Power
            answer = call()
            left[0] -= 1
            if left[0] == -1:
                raise Power
            return answer

        with rigs.rig() as rig:
            rig.wire.script = script
            dead = False
            try:
                seal(RunFolder(root / ended.name), rig.desk(root))
            except Power:
                dead = True
            rig.wire.script = lambda name, parameters, call: call()
            said = list(seal_found(root, "rehearsal", "", rig.desk(root)))
            assert len(said) == dead
            assert rig.store(root).numbers(CHAIN) == (1,)
            assert made.checked(root, chains=rig.store(root).local(CHAIN)).faults == ()
            versions = rig.owner.list_object_versions(Bucket=NAME)["Versions"]
            assert len({each["Key"] for each in versions}) == len(versions), "nothing is written twice"
        point += 1
    assert point > 10


def test_a_file_kept_before_stays_locked_for_as_long_as_its_run_needs(s3: Rig, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    digest = hashlib.sha256(b"x").hexdigest()
    key = f"acme/files/{CHAIN}/{tmp_path.name}/{digest}"
    early = Retained("GOVERNANCE", dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(days=30))
    s3.bucket.put(key, b"x", digest, early)
    s3.store(tmp_path / "runs").keep(CHAIN, tmp_path, {"file": digest})
    (asked,) = s3.wire.of("put_object_retention")
    assert asked["Retention"]["Mode"] == "GOVERNANCE"
    held = s3.bucket.retained(key)
    assert held is not None
    assert held.covers(retained_until("7 years", dt.datetime.now(dt.UTC)))
    s3.store(tmp_path / "runs").keep(CHAIN, tmp_path, {"file": digest})
    assert len(s3.wire.of("put_object_retention")) == 1


@pytest.mark.parametrize(
    ("retention", "since", "until"),
    [
        ("1 day", "2026-11-24T10:00:00Z", "2026-11-25T10:00:01Z"),
        ("7 years", "2026-11-24T10:00:00Z", "2033-11-24T10:00:01Z"),
        ("1 year", "2028-02-29T10:00:00Z", "2029-03-01T10:00:01Z"),
    ],
)
def test_a_retention_ends_when_a_calendar_says(retention: str, since: str, until: str) -> None:
    assert stamp(retained_until(retention, dt.datetime.fromisoformat(since))) == until


def test_compliance_is_what_its_sentence_says_and_nothing_else(s3: Rig, tmp_path: Path) -> None:
    meant = rigs.LOCK.model_copy(update={"mode": rigs.LOCK.compliance})
    modes = list[str]()
    for lock in (meant, meant.model_copy(update={"retention": "70 years"}), meant.model_copy(update={"mode": "COMPLIANCE"})):
        s3.store(tmp_path, lock).create(CHAIN, len(modes) + 1, BYTES)
        modes.append(s3.wire.of("put_object")[-1]["ObjectLockMode"])
    assert modes == ["COMPLIANCE", "GOVERNANCE", "GOVERNANCE"]


def test_the_documentation_names_every_permission_and_its_policy_is_one() -> None:
    text = (Path(bucket.__file__).parents[2] / "docs" / "evidence.md").read_text(encoding="utf-8")
    asked = re.findall(r"\bs3:[A-Z]\w+", Path(bucket.__file__).read_text(encoding="utf-8"))
    assert [each for each in asked if f"`{each}`" not in text] == []
    found = re.search(r'```json\n(\{\n  "Version".*?)```', text, re.DOTALL)
    assert found is not None
    policy = json.loads(found.group(1))
    assert {each["Effect"] for each in policy["Statement"]} == {"Deny"}
