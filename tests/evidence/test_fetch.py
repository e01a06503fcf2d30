"""A store in a bucket, fetched into a folder and verified there; and everything that is wrong with the bucket, said."""

import datetime as dt
import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sealed_runs as made
from bucket_rig import ACCOUNT, CHAIN, NAME, REGION, STORE, Rig, refusal

from runbook_lib.cli import main
from runbook_lib.evidence.people.review import keep_review, review
from runbook_lib.evidence.run.contents import REVIEW
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.evidence.seal.chain import StoreFailed
from runbook_lib.evidence.seal.keys import local_signer
from runbook_lib.evidence.seal.linked import Addition, attach
from runbook_lib.evidence.seal.sealing import seal, seal_of
from runbook_lib.evidence.store.clients import EvidenceClients
from runbook_lib.evidence.store.fetch import Demand, Fetched, fetch
from runbook_lib.evidence.store.start import start
from runbook_lib.plan.approval import read_approval

SEVEN = Demand("7 years")


def filled(s3: Rig, root: Path, *, whole: bool = False) -> list[RunFolder]:
    """Two runs in the bucket, one of them with a start; small ones, unless they are to be whole."""
    runs = [made.ended_run(root, number) if whole else made.small_run(root) for number in range(2)]
    kept = runs[0].path / "20_guardduty" / "approval.json"
    approval = read_approval(kept) if whole else made.decide(runs[0], "20_guardduty", made.approval("20_guardduty"))
    start(runs[0], s3.desk(root), CHAIN, approval, {})
    for run in runs:
        seal(run, s3.desk(root))
    return runs


def fetched(s3: Rig, folder: Path, demand: Demand = SEVEN) -> Fetched:
    """The store in a folder, with the public key that an auditor has from elsewhere."""
    found = fetch(s3.bucket, STORE, folder, demand)
    shutil.copytree(folder.parent / "runs" / "keys", folder / "keys", dirs_exist_ok=True)
    return found


def test_what_is_fetched_is_what_was_sealed(s3: Rig, tmp_path: Path) -> None:
    runs = filled(s3, tmp_path / "runs", whole=True)
    attach(runs[0], Addition("witness report", "witness-config", {"report.json": b"{}"}), s3.desk(tmp_path / "runs"))
    s3.wire.calls.clear()
    for _ in range(2):
        found = fetched(s3, tmp_path / "copy")
        assert (found.faults, found.entries, found.runs) == ((), 4, 2)
        assert found.modes == {"GOVERNANCE": len(s3.keys())}
        assert found.until is not None
        assert found.until > dt.datetime.now(dt.UTC) + dt.timedelta(days=7 * 365)
    reads = ("get_", "list_", "head_")
    assert not [operation for operation, _ in s3.wire.calls if not operation.startswith(reads)]
    assert made.checked(tmp_path / "copy").faults == ()
    for run in runs:
        copy = tmp_path / "copy" / run.name
        assert {path.relative_to(copy) for path in copy.rglob("*")} == {path.relative_to(run.path) for path in run.path.rglob("*")}
    (tmp_path / "copy" / runs[0].name / "settings.yaml").write_text("mode: live")
    (fault,) = fetched(s3, tmp_path / "copy").faults
    assert str(fault).startswith(f"changed: {runs[0].name}/settings.yaml: differs in")


def test_the_latest_review_of_an_emergency_is_fetched_with_its_run(s3: Rig, tmp_path: Path) -> None:
    run = filled(s3, tmp_path / "runs", whole=True)[0]
    found = seal_of(run)
    assert found is not None
    for text in ("first", "second"):
        (run.path / REVIEW).write_bytes(review(found, text, local_signer(tmp_path, "reviewer"), made.BEGIN))
        for _ in range(2):
            keep_review(s3.store(tmp_path / "runs"), run.path, found)
    below = f"acme/files/{CHAIN}/{run.name}/review/"
    uploaded = {key for key in s3.keys() if key.startswith(below)}  # noqa: SIM118 the bucket's, not a dict's
    assert len(uploaded) == 2
    assert fetched(s3, tmp_path / "copy").faults == ()
    kept = (tmp_path / "copy" / run.name / REVIEW).read_bytes()
    assert below + hashlib.sha256(kept).hexdigest() in uploaded
    (tmp_path / "copy" / run.name / REVIEW).write_bytes(b"{}")
    (fault,) = fetched(s3, tmp_path / "copy").faults
    assert str(fault).startswith(f"changed: {run.name}/{REVIEW}: differs from the latest")


@pytest.mark.parametrize("key", ["chain/", "files/", "review/"])
def test_an_object_that_is_too_large_is_named_and_hides_no_other(s3: Rig, tmp_path: Path, key: str) -> None:
    run = filled(s3, tmp_path / "runs", whole=True)[0]
    found = seal_of(run)
    assert found is not None
    (run.path / REVIEW).write_bytes(review(found, "first", local_signer(tmp_path, "reviewer"), made.BEGIN))
    keep_review(s3.store(tmp_path / "runs"), run.path, found)
    large = next(each for each in sorted(s3.keys()) if key in each and ("review/" in each) == (key == "review/"))

    def answer(operation: str, parameters: dict[str, Any], call: Callable[[], Any]) -> Any:
        answered = call()
        if operation == "get_object" and parameters["Key"] == large:
            return answered | {"ContentLength": 2**40}
        return answered

    s3.wire.script = answer
    faults = [str(fault) for fault in fetched(s3, tmp_path / "copy").faults]
    judged = [fault for fault in faults if f"{large}: has 1,099,511,627,776 bytes" in fault]
    assert judged, "what lacks the file is named besides"
    assert len(set(judged)) == len(judged), "two files of one content are one object, and each is named"
    assert all(fault.startswith("cannot be judged: ") for fault in judged)


def put(s3: Rig, key: str, **others: Any) -> None:
    s3.owner.put_object(Bucket=NAME, Key=key, Body=b"x", ChecksumAlgorithm="SHA256", **others)


def remove(s3: Rig, key: str) -> None:
    version = s3.owner.head_object(Bucket=NAME, Key=key)["VersionId"]
    s3.owner.delete_object(Bucket=NAME, Key=key, VersionId=version, BypassGovernanceRetention=True)


def shorten(s3: Rig, key: str) -> None:
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(days=100)
    s3.owner.put_object_retention(Bucket=NAME, Key=key, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": soon})


def unlocked(s3: Rig, key: str) -> None:
    body = s3.owner.get_object(Bucket=NAME, Key=key)["Body"].read()
    remove(s3, key)
    s3.owner.put_object(Bucket=NAME, Key=key, Body=body, ChecksumAlgorithm="SHA256")


ENTRY = f"acme/chain/{CHAIN}/00000002.intoto.jsonl"
FILE = hashlib.sha256(b"mode: rehearsal\n").hexdigest()


@pytest.mark.parametrize(
    ("change", "kind", "says", "verified"),
    [
        (lambda s3, file: s3.owner.delete_object(Bucket=NAME, Key=ENTRY), "missing", "a delete marker hides it", set()),
        (lambda s3, file: put(s3, ENTRY), "changed", "written 1 more times", set()),
        (put, "changed", "written 1 more times", set()),
        (remove, "missing", "the bucket has no acme/files/", {"missing"}),
        (shorten, "not locked", "only until", set()),
        (unlocked, "not locked", "whoever may delete", set()),
        (lambda s3, file: unlocked(s3, ENTRY), "not locked", "whoever may delete", set()),
        (lambda s3, file: put(s3, "acme/chain/notes.txt"), "not locked", "whoever may delete", set()),
    ],
)
def test_what_happened_to_the_bucket_is_said(
    s3: Rig, tmp_path: Path, change: Callable[[Rig, str], None], kind: str, says: str, verified: set[str]
) -> None:
    run = filled(s3, tmp_path / "runs")[0]
    change(s3, f"acme/files/{CHAIN}/{run.name}/{FILE}")
    faults = fetched(s3, tmp_path / "copy").faults
    assert any(fault.kind == kind and says in fault.text for fault in faults), faults
    assert len(faults) == 1 + (verified == set() and any("notes.txt" in fault.where for fault in faults))
    assert made.kinds(made.checked(tmp_path / "copy")) == verified


def test_a_lock_that_somebody_may_lift_is_a_fault_where_that_was_asked(s3: Rig, tmp_path: Path) -> None:
    filled(s3, tmp_path / "runs")
    found = fetched(s3, tmp_path / "copy", Demand("7 years", compliance=True))
    assert {fault.text for fault in found.faults} == {"mode GOVERNANCE: whoever may bypass it can delete it"}
    assert len(fetched(s3, tmp_path / "copy", Demand("8 years")).faults) == len(s3.keys())


def test_nothing_there_and_nothing_readable_are_not_fetched(s3: Rig, tmp_path: Path) -> None:
    with pytest.raises(StoreFailed, match="no chain of evidence is there"):
        fetched(s3, tmp_path / "copy")
    filled(s3, tmp_path / "runs")

    def denied(operation: str, parameters: Any, call: Callable[[], Any]) -> Any:
        if operation == "get_object_retention":
            raise refusal("AccessDenied", 403, "GetObjectRetention")
        return call()

    s3.wire.script = denied
    with pytest.raises(StoreFailed, match="it takes s3:GetObjectRetention"):
        fetched(s3, tmp_path / "copy")


def run_command(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["evidence", *arguments])
    return int(ended.value.code or 0)


def test_the_command(s3: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    filled(s3, tmp_path / "runs")
    monkeypatch.setattr(EvidenceClients, "bucket", lambda *given: s3.bucket)
    copy = str(tmp_path / "copy")
    where = (STORE, copy, "--region", REGION, "--account", ACCOUNT)
    assert run_command("fetch", *where, "--retention", "7 years") == 0
    said = capsys.readouterr().out
    assert "2 runs; entries of chains: 3" in said
    assert "in mode GOVERNANCE; the first lock ends on 20" in said
    shutil.copytree(tmp_path / "runs" / "keys", tmp_path / "copy" / "keys")
    assert run_command("verify", "--runs", copy) == 0
    assert run_command("verify", "--runs", copy, "--store", str(tmp_path / "copy" / "chain")) == 0
    for elsewhere, says in ((STORE, "runbook evidence fetch"), (str(tmp_path / "nowhere"), "no such folder")):
        assert run_command("verify", "--runs", copy, "--store", elsewhere) == 1
        assert says in capsys.readouterr().err
    assert run_command("fetch", *where, "--retention", "8 years", "--compliance") == 1
    assert "not locked: acme/chain/" in capsys.readouterr().out
    for wrong in (("--retention", "7y"), ("--retention", "7 years", "--account", "acme")):
        assert run_command("fetch", *where, *wrong) == 1
    assert run_command("fetch", "https://acme", *where[1:], "--retention", "7 years") == 1


def test_another_address_is_refused_with_what_helps_a_command_that_reads_no_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://bucket.vpce-0example.s3.eu-central-1.vpce.amazonaws.com")
    where = (STORE, str(tmp_path / "copy"), "--region", REGION, "--account", ACCOUNT)
    assert run_command("fetch", *where, "--retention", "7 years") == 1
    said = capsys.readouterr().err
    assert "as the variable AWS_ENDPOINT_URL_S3 says" in said
    assert "Take that away: this command reads no settings" in said
    assert "network.endpoints" not in said
