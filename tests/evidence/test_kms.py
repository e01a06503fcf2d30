"""Signing by KMS. moto hashes a digest once more before it signs (AWS does not): the tests mend that and nothing else."""

import datetime as dt
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3
import pytest
import sealed_runs as made
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from moto import mock_aws
from moto.kms.utils import ECDSAPrivateKey
from test_verify_by_hand import RUN

from runbook_lib.audit.ending import sealing
from runbook_lib.evidence.run.contents import SEAL
from runbook_lib.evidence.run.folder import RunFolder, RunStatus
from runbook_lib.evidence.seal.chain import StoreFailed
from runbook_lib.evidence.seal.sealing import NotSealed, seal
from runbook_lib.evidence.store.desk import desk_for, local_chains
from runbook_lib.evidence.store.start import begin, open_run
from runbook_lib.plan.approval import ApprovalRefused, read_approval
from runbook_lib.services.remarks import PreconditionsFailed
from runbook_lib.settings import EvidenceSection, OrganizationSection, Settings
from runbook_lib.settings.object_lock import ObjectLockSection

REGION = "eu-central-1"
ORGANIZATION = "o-exampleorgid"


def prehashed(self: Any, message: bytes, signing_algorithm: str) -> bytes:
    assert len(message) == 32, "KMS is sent a digest"
    signature: bytes = self.private_key.sign(message, ec.ECDSA(utils.Prehashed(SHA256())))
    return signature


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(ECDSAPrivateKey, "sign", prehashed)
    with mock_aws():
        yield boto3.client("kms", region_name=REGION)


def key(kms: Any, spec: str = "ECC_NIST_P256") -> str:
    return str(kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec=spec)["KeyMetadata"]["Arn"])


def settings(arn: str = "", **others: Any) -> Settings:
    organization = OrganizationSection(id=ORGANIZATION, management_account="1" * 12, delegated_account="2" * 12)
    part = EvidenceSection(signing_key=arn, **others) if arn else None
    return Settings(mode="live", organization=organization, evidence=part)


def sealed(root: Path, given: Settings, number: int = 0) -> Any:
    run = made.ended_run(root, number, mode="live", organization=ORGANIZATION)
    with ExitStack() as resources:
        return run, seal(run, desk_for(root, given, made.environment(), resources))


def test_live_runs_are_signed_by_kms_and_verify_with_its_public_key(kms: Any, tmp_path: Path) -> None:
    given = settings(key(kms))
    run, first = sealed(tmp_path / "runs", given)
    _, second = sealed(tmp_path / "runs", given, 1)
    assert (first.chain, second.previous) == (f"live/{ORGANIZATION}", first.digest)
    assert made.checked(tmp_path / "runs").faults == ()
    (public,) = (tmp_path / "runs" / "keys").iterdir()
    assert public.name.startswith("live-")
    assert "PRIVATE" not in public.read_text()
    (run.path / "20_guardduty" / "plan.md").write_text("{}")
    assert made.kinds(made.checked(tmp_path / "runs")) == {"changed"}


def test_a_role_of_its_own_signs_and_the_chain_lies_aboutsettings_say(kms: Any, tmp_path: Path) -> None:
    role = "arn:aws:iam::123456789012:role/RunbookEvidence"
    given = settings(key(kms), role_arn=role, store=str(tmp_path / "shared"))
    run, _ = sealed(tmp_path / "one machine", given)
    _, second = sealed(tmp_path / "another machine", given, 1)
    assert second.number == 2
    assert made.checked(tmp_path / "one machine", run.name, chains=tmp_path / "shared").faults == ()
    assert made.kinds(made.checked(tmp_path / "one machine", chains=tmp_path / "shared")) == {"missing"}


def test_a_live_run_begins_and_ends_in_a_bucket(kms: Any, tmp_path: Path) -> None:
    s3 = boto3.client("s3", region_name=REGION)
    where = {"CreateBucketConfiguration": {"LocationConstraint": REGION}}
    s3.create_bucket(Bucket="acme-evidence", ObjectLockEnabledForBucket=True, **where)
    lock = ObjectLockSection(account="123456789012", region=REGION, retention="400 days")
    role = "arn:aws:iam::123456789012:role/RunbookEvidence"
    given = settings(key(kms), role_arn=role, store="s3://acme-evidence/acme/", object_lock=lock)
    run = made.ended_run(tmp_path / "runs", mode="live", organization=ORGANIZATION)
    record = run.record_file.read_text()
    run.record_file.write_text(record.replace('"status": "done"', '"status": "running"', 1))
    begin(run, given, read_approval(run.phase("20_guardduty").approval), {}, made.environment())
    assert run.record()["endpoints"] == {
        service: {f"{service}.{{region}}.amazonaws.com": [REGION]} for service in ("kms", "s3", "sts")
    }  # fmt: skip
    run.finish(RunStatus.DONE, made.BEGIN)
    (said,) = sealing(run, given, made.environment())
    assert said.startswith(f"Evidence: number 2 of live/{ORGANIZATION}, head digest ")
    assert said.endswith(", verified")
    sealed = run.record_file.read_bytes()
    assert [each.endswith(", verified") for each in sealing(run, given, made.environment())] == [True]
    assert run.record_file.read_bytes() == sealed, "what is sealed stays as it is"
    found = [each["Key"] for each in s3.list_objects_v2(Bucket="acme-evidence", Prefix="acme/chain/")["Contents"]]
    assert found == [f"acme/chain/live/{ORGANIZATION}/0000000{number}.intoto.jsonl" for number in (1, 2)]
    head = s3.head_object(Bucket="acme-evidence", Key=found[1])
    assert head["ObjectLockMode"] == "GOVERNANCE"
    assert made.checked(tmp_path / "runs").faults == ()


def test_where_a_run_that_only_planned_was_sealed_is_in_its_record(kms: Any, tmp_path: Path) -> None:
    """It has no start record, and no command around it where it was executed by papermill or at the screen."""
    run = made.ended_run(tmp_path / "runs", mode="live", organization=ORGANIZATION)
    assert "endpoints" not in run.record()
    (said,) = sealing(run, settings(key(kms), store=str(tmp_path / "shared")), made.environment())
    assert said.endswith(", verified")
    assert run.record()["endpoints"] == {"kms": {"kms.{region}.amazonaws.com": [REGION]}}


@pytest.mark.parametrize("kind", ["folder", "bucket"])
def test_what_one_machine_began_or_used_up_no_other_may(kms: Any, tmp_path: Path, kind: str) -> None:
    """As `Permit` asks it for every door: by settings alone, whatever folder of runs it is."""
    arn = key(kms)
    if kind == "folder":
        given = settings(arn, store=str(tmp_path / "shared"))
    else:
        where = {"CreateBucketConfiguration": {"LocationConstraint": REGION}}
        boto3.client("s3", region_name=REGION).create_bucket(Bucket="acme-evidence", ObjectLockEnabledForBucket=True, **where)
        lock = ObjectLockSection(account="123456789012", region=REGION, retention="400 days")
        given = settings(arn, store="s3://acme-evidence", object_lock=lock)
    now = dt.datetime.now(dt.UTC)
    about = {"mode": "live", "organization": ORGANIZATION}
    window = {"not_before": now, "not_after": now + dt.timedelta(hours=12)}
    approval = made.approval("20_guardduty", fingerprint=made.plan("20_guardduty", **about).fingerprint, **about, **window)
    first, second = (
        RunFolder.create(tmp_path / name, "live", now, settings=b"", command=[], organization=ORGANIZATION)
        for name in ("first", "second")
    )
    begin(first, given, approval, {}, made.environment())
    who = rf"run {first.name} began at .* by .+ \(20_guardduty, ticket {approval.ticket}\) and has not ended"
    assert re.match(who, open_run(tmp_path / "second", given)), "whoever would rather wait reads the same"
    with pytest.raises(PreconditionsFailed, match=who):
        begin(second, given, made.approval("30_inspector", id="b", **about), {}, made.environment())
    made.apply_phase(first, "20_guardduty", now, approval)
    first.finish(RunStatus.DONE, now)
    made.of_process(first, made.ended_process())
    (said,) = sealing(first, given, made.environment())
    assert said.endswith(", verified")
    assert open_run(tmp_path / "second", given) == ""
    with pytest.raises(ApprovalRefused, match=f"it was completed by run {first.name} \\(number 2 of live/{ORGANIZATION}\\)"):
        begin(second, given, approval, {}, made.environment())
    rehearsal = RunFolder.create(tmp_path / "second", "rehearsal", now, settings=b"", command=[], organization=ORGANIZATION)
    with pytest.raises(PreconditionsFailed, match=r"run\.json says mode rehearsal .* settings say mode live"):
        begin(rehearsal, given, approval, {}, made.environment())


@pytest.mark.parametrize("bucket", ["without Object Lock", "not there"])
def test_without_a_bucket_that_locks_nothing_live_is_applied(kms: Any, tmp_path: Path, bucket: str) -> None:
    if bucket == "without Object Lock":
        where = {"CreateBucketConfiguration": {"LocationConstraint": REGION}}
        boto3.client("s3", region_name=REGION).create_bucket(Bucket="acme-evidence", **where)
    lock = ObjectLockSection(account="123456789012", region=REGION, retention="400 days")
    given = settings(key(kms), store="s3://acme-evidence", object_lock=lock)
    run = made.ended_run(tmp_path / "runs", mode="live", organization=ORGANIZATION)
    approval = made.approval("20_guardduty", mode="live", organization=ORGANIZATION)
    with pytest.raises(PreconditionsFailed, match=r"so nothing is applied: s3://acme-evidence.*(versioning|NoSuchBucket)"):
        begin(run, given, approval, {}, made.environment())


def test_aboutthe_chain_lies_on_this_machine(tmp_path: Path) -> None:
    arn = f"arn:aws:kms:{REGION}:222222222222:alias/e"
    for given, folder in (
        (settings(), tmp_path / "chain"),
        (settings(arn), tmp_path / "chain"),
        (settings(arn, store="/srv/evidence"), Path("/srv/evidence")),
        (settings(arn, store="s3://acme-evidence"), tmp_path / "chain"),
        (settings(arn, store="/srv/evidence").model_copy(update={"mode": "rehearsal"}), tmp_path / "chain"),
    ):
        assert local_chains(tmp_path, given) == folder


def test_openssl_verifies_what_kms_signed(kms: Any, tmp_path: Path) -> None:
    run, _ = sealed(tmp_path / "runs", settings(key(kms)))
    (public,) = (tmp_path / "runs" / "keys").iterdir()
    done = subprocess.run(["sh", "-c", RUN, "sh", str(run.path), str(public)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "verified")


def test_another_sort_of_key_and_a_key_that_is_not_there_are_refused(kms: Any, tmp_path: Path) -> None:
    with pytest.raises(StoreFailed, match="ECC_NIST_P256, which is needed"):
        sealed(tmp_path, settings(key(kms, "ECC_SECG_P256K1")))
    with pytest.raises(StoreFailed, match="cannot be read"):
        sealed(tmp_path, settings(f"arn:aws:kms:{REGION}:222222222222:key/00000000-0000-0000-0000-000000000000"), 1)
    assert not list(tmp_path.rglob(SEAL))


def test_a_live_run_is_not_sealed_with_a_rehearsals_key(tmp_path: Path) -> None:
    with pytest.raises(NotSealed, match=r"evidence\.signing_key"):
        sealed(tmp_path, settings())
