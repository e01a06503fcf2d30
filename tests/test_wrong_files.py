"""No file that a person, a scanner or another tool writes ends in a traceback or without end, whatever is in it."""

import datetime as dt
import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import value_samples
from botocore.session import Session
from fuzzing import AMOUNTS, as_json, as_lines, faults, mutations, unclear
from ruamel.yaml import YAML
from securesystemslib.signer import CryptoSigner

from runbook_lib.audit.against_cloudtrail import run_of
from runbook_lib.audit.cloudtrail import TrailProblem, read_trails
from runbook_lib.audit.witness_report import WitnessProblem, read_report
from runbook_lib.aws.configuration import BadConfiguration, configured
from runbook_lib.base.documents import DocumentError
from runbook_lib.base.documents.files import MIB, read_text
from runbook_lib.base.identity import written
from runbook_lib.cli.commands import described
from runbook_lib.cli.replay import _lines as replay_lines
from runbook_lib.evidence.people.trust import TrustProblem, read_policy, refuse_another, signed_policy
from runbook_lib.evidence.seal import envelope
from runbook_lib.evidence.seal.keys import KeyProblem, local_signer, pem, read_key
from runbook_lib.evidence.seal.secret_scan import held_credentials
from runbook_lib.phase_run.scope_parameter import BadParameter, read_scope
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import ApprovalRefused, approve, read_approval, refusals, window
from runbook_lib.plan.decision import given
from runbook_lib.plan.file import PlanFileError
from runbook_lib.services.response.replay import findings_of, replay
from runbook_lib.settings.file import SettingsError, load, parse
from runbook_lib.settings.register import read_workflow

ROOT = Path(__file__).parents[1]
TODAY = dt.date(2026, 11, 23)


@dataclass(frozen=True)
class Kind:
    """One kind of file: samples of it (bytes, or a document that is mutated by its structure), its parser, the errors allowed."""

    name: str
    samples: Callable[[], list[Any]]
    parse: Callable[[Path], object]
    errors: tuple[type[Exception], ...]
    ending: str = ".json"
    write: Callable[[Any], bytes] = as_json
    named: str = ""
    """What its errors name, where that is not the file."""


SETTINGS = (ROOT / "tests/cases/settings/base.yaml").read_text(encoding="utf-8").replace("2026-11-23", "'2026-11-23'")
SETTINGS_READ = parse(SETTINGS, TODAY, "settings.yaml")
DOCUMENTS = ROOT / "tests" / "cases" / "documents"
"""Each kind of document with as many of its keys as fit."""
SEED = (DOCUMENTS / "seed.yaml").read_text(encoding="utf-8")
INVENTORY = (DOCUMENTS / "inventory.yaml").read_text(encoding="utf-8")


def yaml_samples(text: str) -> Callable[[], list[Any]]:
    return lambda: [text.encode(), YAML(typ="safe", pure=True).load(text)]


SCENARIO = (DOCUMENTS / "scenario.yaml").read_text(encoding="utf-8")


def scenario_of(path: Path) -> object:
    from runbook_lib.rehearsal import scenario

    return scenario.load(path)


def seed_of(path: Path) -> object:
    from runbook_lib.rehearsal import seeds

    return seeds.load(path)


A, EAST = "111111111111", "us-east-1"
ASFF = [
    {
        "AwsAccountId": A,
        "Region": EAST,
        "GeneratorId": "security-control/GuardDuty.1",
        "RecordState": "ACTIVE",
        "Compliance": {"Status": status, "SecurityControlId": "GuardDuty.1"},
        "Resources": [{"Region": EAST}],
    }
    for status in ("PASSED", "FAILED")
]
OCSF = [
    {
        "class_uid": 2004,
        "metadata": {"event_code": check, "version": "1.4.0"},
        "status_code": "PASS",
        "cloud": {"account": {"uid": A}, "provider": "aws", "region": EAST},
    }
    for check in ("guardduty_is_enabled", "guardduty_s3_protection_enabled")
]
OWN = [{"account": A, "region": EAST, "service": "guardduty", "aspect": "features", "item": "S3_DATA_EVENTS", "state": "on"}] * 2
TABLE = f'account,region,check,state,details\n{A},{EAST},guardduty_is_enabled,PASS,"a, ""b"""\n012345678901,{EAST},x,FAIL,\n'


EVENT = {
    "eventID": "e-1",
    "eventTime": "2026-11-28T16:34:40Z",
    "eventSource": "guardduty.amazonaws.com",
    "eventName": "CreateDetector",
    "recipientAccountId": A,
    "awsRegion": EAST,
    "requestID": "r-1",
    "readOnly": False,
    "userAgent": "runbook/1 run/20261128T163440Z-rehearsal-7f3a",
    "userIdentity": {"type": "AssumedRole", "arn": f"arn:aws:sts::{A}:assumed-role/Runbook/runbook-1", "accountId": A},
}


def trail_of(path: Path) -> object:
    events = read_trails([path])
    for event in events:
        str(event.time - dt.datetime.now(dt.UTC)), run_of(event), written(event.caller)
    return events


def report_of(path: Path) -> object:
    report = read_report(path, {})
    assert not [why for sentence in report.odd if (why := unclear(sentence))]
    return report


def plan_of(path: Path) -> object:
    plan = plan_file.load(path)
    return plan_file.dumps(plan), plan.units, list(described(plan))


def honest_plan(path: Path) -> object:
    """A plan with the ids and the fingerprint that its content has, so that more than those are looked at."""
    text = path.read_text(encoding="utf-8", errors="replace")
    for _ in range(8):
        try:
            plan_file.loads(text, str(path))
        except PlanFileError as error:
            found = re.search(r"the file says '?([0-9a-f]+)'?, (?:its|the) content has '?([0-9a-f]+)", str(error))
            if not found:
                break
            text = text.replace(found.group(1), found.group(2))
    path.write_text(text, encoding="utf-8")
    return plan_of(path)


def plan_samples() -> list[Any]:
    text = plan_file.dumps(value_samples.plan())
    return [text.encode(), json.loads(text)]


APPROVAL = approve(value_samples.plan(), approver="Ada", ticket="T-1", now=dt.datetime(2026, 11, 28, tzinfo=dt.UTC))
"""An approval of a plan that does not lie beside it."""


def approval_of(path: Path) -> object:
    approval = read_approval(path)
    now = dt.datetime.now(dt.UTC)
    return refusals(approval, value_samples.plan(), mode="live", organization="o", phase="p", settings="s"), window(approval, now)


def decision_of(path: Path) -> object:
    (path.parent / "plan.json").write_text(plan_file.dumps(value_samples.plan()), encoding="utf-8")
    return given(path)


def scope_of(path: Path) -> object:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None  # a parameter is text already
    return read_scope(text, SETTINGS_READ)


KEYS = [CryptoSigner.generate_ecdsa() for _ in range(4)]
OWNER = KEYS[0]
POLICY = {
    "organization": "o-rehearsal001",
    "runners": [{"mode": "live", "key": pem(KEYS[1].public_key)}],
    "people": [
        {"name": "Ada", "key": pem(KEYS[2].public_key), "identities": ["ada"], "may": ["approve", "review"], "modes": ["live"]},
        {
            "name": "Bob",
            "key": pem(KEYS[3].public_key),
            "valid_from": "2026-01-01T00:00:00Z",
            "valid_until": "2027-01-01T00:00:00Z",
        },
    ],
    "approvals": {"live": 2},
    "emergency": True,
}


def policy_of(path: Path) -> object:
    return signed_policy(path.read_bytes(), OWNER, str(path))


def signed_policies() -> list[Any]:
    return [signed_policy(json.dumps(POLICY).encode(), OWNER, "policy")]


def statement_of_a_policy() -> list[Any]:
    return [dict(envelope.read(signed_policies()[0]).statement)]


def sealed(document: Any) -> bytes:
    """A statement as its owner would have signed it; what cannot be signed as plain JSON."""
    try:
        return envelope.sign(document, OWNER)
    except (TypeError, ValueError, RecursionError):
        return as_json(document)


def trust_of(path: Path) -> object:
    trust = read_policy(path)
    refuse_another(trust, None, None)
    return trust.obstacle("0" * 64, "approve", "live", dt.datetime.now(dt.UTC)), trust.needed("live")


AWS_CONFIG = b"""\
[default]
region = eu-central-1
[profile acme]
role_arn = arn:aws:iam::111111111111:role/Runbook
source_profile = default
s3 =
    max_concurrent_requests = 2
"""
AWS_CREDENTIALS = b"""\
[default]
aws_access_key_id = AKIDEXAMPLE
aws_secret_access_key = made-up-secret-of-nobody
[acme]
aws_session_token = made-up-token-of-nobody
"""


def configuration_of(path: Path) -> object:
    files = {"AWS_CONFIG_FILE": str(path), "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    with mock.patch.dict(os.environ, files), configured("acme"):
        session = Session(profile="acme")
        return session.get_scoped_config(), session.full_config


def credentials_of(path: Path) -> object:
    return held_credentials({"AWS_SHARED_CREDENTIALS_FILE": str(path), "AWS_CONFIG_FILE": str(path)})


def private_key_of(path: Path) -> object:
    path.chmod(0o600)
    return local_signer(path.parent, path.stem).public_key.keyid


ALL = ROOT / "parameters" / "rehearsal-all.yaml"
FINDINGS = [
    {
        **finding,
        "Id": f"f-{number}",
        "ProductArn": f"arn:aws:securityhub:{EAST}::product/aws/securityhub",
        "Types": ["Software and Configuration Checks/AWS Security Best Practices"],
        "CreatedAt": "2026-11-20T10:00:00Z",
        "UpdatedAt": "2026-11-20T10:00:00Z",
        "Severity": {"Label": "HIGH"},
        "Workflow": {"Status": "NEW"},
        "ProductFields": {"StandardsControlArn": "a"},
    }
    for number, finding in enumerate(ASFF)
]


def workflow_samples() -> list[Any]:
    text = min(ALL.with_suffix(".workflows").glob("*.yaml")).read_text(encoding="utf-8")
    return yaml_samples(re.sub(r"\b(\d{4}-\d\d-\d\d)\b", r'"\1"', text))()


def replayed(path: Path) -> object:
    made = replay(load(ALL, TODAY), findings_of(read_text(path, MIB, MIB), path), None)
    return made.messages, made.untold, list(replay_lines(made))


KINDS = (
    Kind("workflow", workflow_samples, read_workflow, (DocumentError,), ".yaml"),
    Kind("findings", lambda: [{"Findings": FINDINGS}, FINDINGS], replayed, (DocumentError,)),
    Kind("settings", yaml_samples(SETTINGS), lambda path: load(path, TODAY), (SettingsError,), ".yaml"),
    Kind("scenario", yaml_samples(SCENARIO), scenario_of, (DocumentError,), ".yaml"),
    Kind("organization", yaml_samples(SEED), seed_of, (DocumentError, ValueError), ".yaml"),
    Kind("inventory", yaml_samples(INVENTORY), seed_of, (DocumentError, ValueError), ".yaml"),
    Kind("asff", lambda: [{"Findings": ASFF}], report_of, (WitnessProblem,)),
    Kind("ocsf", lambda: [OCSF], report_of, (WitnessProblem,)),
    Kind("witness", lambda: [OWN], report_of, (WitnessProblem,)),
    Kind("witness lines", lambda: [ASFF], report_of, (WitnessProblem,), ".jsonl", as_lines),
    Kind(
        "scope",
        lambda: [{"accounts": [A], "regions": [EAST], "organizational_units": ["ou-abcd-12345678"]}],
        scope_of,
        (BadParameter,),
        named="scope",
    ),
    Kind("approval", lambda: [APPROVAL.model_dump(mode="json")], approval_of, (ApprovalRefused,)),
    Kind("approval and plan", lambda: [APPROVAL.model_dump(mode="json")], decision_of, (ApprovalRefused,), named=".json"),
    Kind("plan", plan_samples, plan_of, (PlanFileError,)),
    Kind("honest plan", lambda: plan_samples()[1:], honest_plan, (PlanFileError,)),
    Kind("trust policy", lambda: [POLICY], policy_of, (TrustProblem,)),
    Kind("signed trust policy", signed_policies, trust_of, (TrustProblem,)),
    Kind("trust statement", statement_of_a_policy, trust_of, (TrustProblem,), write=sealed),
    Kind("public key", lambda: [pem(OWNER.public_key).encode()], read_key, (KeyProblem,), ".pem"),
    Kind("private key", lambda: [OWNER.private_bytes], private_key_of, (KeyProblem,), ".pem"),
    Kind("AWS configuration", lambda: [AWS_CONFIG], configuration_of, (BadConfiguration,), "", named="A"),
    Kind("AWS credentials", lambda: [AWS_CREDENTIALS], credentials_of, (), ""),
    Kind("trail", lambda: [{"Records": [EVENT, {**EVENT, "eventID": "e-2"}]}], trail_of, (TrailProblem,)),
    Kind("trail lookup", lambda: [{"Events": [{"CloudTrailEvent": json.dumps(EVENT)}] * 2}], trail_of, (TrailProblem,)),
    Kind("trail lines", lambda: [[EVENT, EVENT]], trail_of, (TrailProblem,), ".jsonl", as_lines),
    Kind("witness table", lambda: [TABLE.encode()], report_of, (WitnessProblem,), ".csv"),
)


def inputs(kind: Kind, amount: int) -> Iterator[bytes]:
    samples = kind.samples()
    for sample in samples:
        yield from mutations(kind.name, sample, amount // len(samples) + 1, kind.write)


@AMOUNTS
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_whatever_is_in_a_file_it_is_read_or_refused_in_words(
    kind: Kind, amount: int, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    path = tmp_path / f"given{kind.ending}"

    def parse(data: bytes) -> None:
        path.write_bytes(data)
        kind.parse(path)

    for sample in kind.samples():
        path.write_bytes(sample if isinstance(sample, bytes) else kind.write(sample))
        kind.parse(path)
    found = faults(parse, inputs(kind, amount), kind.errors, name=kind.named or str(path))
    assert not found, "\n".join(map(str, found[:20]))
    record_property("mutated inputs", amount)
