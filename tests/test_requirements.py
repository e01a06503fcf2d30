"""`runbook requirements`: the roles that settings need, in every form the same, and such that what they grant is what works."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore import xform_name
from granted import denials
from simulated import ENABLING, simulated

from runbook_lib.aws.clients import Clients
from runbook_lib.aws.pace import Pace
from runbook_lib.base.clock import Clock
from runbook_lib.cli import main
from runbook_lib.cli.simulation import today
from runbook_lib.rehearsal import permissions as simulation
from runbook_lib.rehearsal.policies.document import Kind, read
from runbook_lib.services import hosts
from runbook_lib.services.departures import undoing_calls
from runbook_lib.services.registry import RESPONSE, action_name
from runbook_lib.services.response.names import EVENTS, HUB
from runbook_lib.services.roles import needed
from runbook_lib.settings.file import load

EXAMPLE = Path(__file__).parents[1] / "parameters" / "example.yaml"
ROLES = [
    "runbook-management-read", "runbook-management-change", "runbook-delegated-read", "runbook-delegated-change", "RunbookMember",
    "runbook-response", "runbook-offboarding-management", "runbook-offboarding-delegated", "runbook-evidence",
]  # fmt: skip
INLINE = 10_240
"""Characters of all inline policies of a role [docs: IAM quotas]."""


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["requirements", "-p", str(EXAMPLE), *arguments])
    out, said = capsys.readouterr()
    assert ended.value.code == 0, said
    return out


@pytest.fixture
def documents(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(printed(capsys, "--format", "json"))
    return found


def test_every_role_of_the_example_is_one_that_iam_takes(documents: dict[str, Any]) -> None:
    assert list(documents) == ROLES
    for each in documents.values():
        text = json.dumps(each["policy"], separators=(",", ":"))
        assert len(text) <= INLINE
        assert read(text, Kind.IDENTITY)
        assert not [action for statement in each["policy"]["Statement"] for action in statement["Action"] if "*" in action]
        if "trust_policy" in each:
            assert read(json.dumps(each["trust_policy"]).replace("RUNNER", "arn:aws:iam::111122223333:role/ci"), Kind.TRUST)
    assert not re.search(r"PARTITION|MANAGEMENT|DELEGATED|ORGANIZATION|BUCKET", json.dumps(documents))


def test_who_is_reached_by_way_of_whom_is_granted_and_trusted(documents: dict[str, Any]) -> None:
    """Settings reach the delegated account by way of the management account, and members by way of the delegated one."""
    assert documents["runbook-management-read"]["trust_policy"]["Statement"][0]["Principal"] == {"AWS": "RUNNER"}
    for kind in ("read", "change"):
        trust = documents[f"runbook-delegated-{kind}"]["trust_policy"]["Statement"][0]
        assert trust["Principal"] == {"AWS": [f"arn:aws:iam::111122223333:role/runbook-management-{kind}"]}
        assumed = [
            each["Resource"] for each in documents[f"runbook-management-{kind}"]["policy"]["Statement"] if "Assume" in each["Sid"]
        ]
        assert assumed == [[f"arn:aws:iam::444455556666:role/runbook-delegated-{kind}"]]
    member = documents["RunbookMember"]["trust_policy"]["Statement"][0]
    assert member["Principal"]["AWS"] == [f"arn:aws:iam::444455556666:role/runbook-delegated-{kind}" for kind in ("read", "change")]
    assert member["Condition"] == {"StringEquals": {"sts:ExternalId": "runbook-acme"}}


def test_terraform_and_cloudformation_hold_the_same_documents(
    documents: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    terraform = json.loads(printed(capsys, "--format", "terraform"))["resource"]
    for name, made in documents.items():
        key = name.replace("-", "_")
        kind = "aws_iam_role_policy" if "trust_policy" in made else "aws_iam_policy"
        assert json.loads(terraform[kind][key]["policy"]) == made["policy"]
        if "trust_policy" in made:
            trust = terraform["aws_iam_role"][key]["assume_role_policy"].replace("${var.runner}", "RUNNER")
            assert json.loads(trust) == made["trust_policy"]
    template = json.loads(printed(capsys, "--format", "cloudformation"))["Resources"]
    assert [each["Properties"].get("RoleName") or each["Properties"]["ManagedPolicyName"] for each in template.values()] == ROLES
    one = json.loads(printed(capsys, "--format", "cloudformation", "--role", "runbook-evidence"))
    assert list(one["Resources"]) == ["RunbookEvidence"]
    assert one["Resources"]["RunbookEvidence"]["Properties"]["AssumeRolePolicyDocument"]["Statement"][0]["Principal"] == {
        "AWS": {"Ref": "Runner"}
    }


def test_the_table_names_every_action(documents: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    table = printed(capsys)
    for each in documents.values():
        assert all(action in table for statement in each["policy"]["Statement"] for action in statement["Action"])


def test_a_role_that_settings_do_not_need_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["requirements", "-p", str(EXAMPLE), "--role", "runbook-stack"])
    assert ended.value.code == 1
    assert "these settings need no such role; they need runbook-management-read" in capsys.readouterr().err


def test_a_rehearsal_ends_well_under_exactly_what_is_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = simulated("seven", tmp_path, monkeypatch)
    roles = {each.name: json.dumps(each.policy) for each in needed(made.settings)}
    accounts = made.front.world.organization.accounts
    told = made.settings.organization
    for account, door in ((told.management_account, "management"), (told.delegated_account, "delegated")):
        accounts[account].roles[f"Runbook{door.title()}"].policies = (roles[f"runbook-{door}-change"],)
    denied = denials(monkeypatch)
    assert all(each.report.ok for each in made.enable(ENABLING))
    assert denied == []


LEAVING = [f"runbook-offboarding-{account}" for account in ("management", "delegated", "member")]


def test_leaving_takes_policies_of_its_own_and_only_for_what_settings_allow() -> None:
    settings = load(EXAMPLE.with_name("rehearsal-offboarding.yaml"), today())
    found = {each.name: each for each in needed(settings)}
    assert [each for each in LEAVING if each in found] == LEAVING[:2], "what Inspector's levels call, no member calls"
    text = json.dumps([found[each].policy for each in LEAVING[:2]])
    assert "inspector2:DisassociateMember" in text
    assert "organizations:DeregisterDelegatedAdministrator" in text
    named = set(re.findall(r'"([a-z0-9-]+):[A-Za-z]+"', text))
    assert named == {"inspector2", "organizations", EVENTS, HUB}
    beside = re.findall(rf'"(?:{EVENTS}|{HUB}):([A-Za-z]+)"', text)
    assert all(each.startswith(("List", "Get")) for each in beside), (
        "what is around the service is looked at, and nothing of it changed"
    )
    assert "DisableAWSServiceAccess" not in text, "no level that is allowed calls it"
    assert all(found[each].trust is None for each in LEAVING[:2])
    assert not any(role.name in LEAVING for role in needed(load(EXAMPLE.with_name("rehearsal.yaml"), today())))


def test_taking_changes_back_is_granted_only_where_it_is_asked_for() -> None:
    settings = load(EXAMPLE, today())
    plain, asked = ({each.name: json.dumps(each.policy) for each in needed(settings, back_out=also)} for also in (False, True))
    for service in ("organizations", *settings.sections(), RESPONSE):
        calls = {action_name(*each.split(":")) for each in undoing_calls(service)}
        assert not [each for each in calls if f'"{each}"' in plain[LEAVING[1]]]
        assert not [each for each in calls if f'"{each}"' not in asked[LEAVING[0]] + asked[LEAVING[1]]]


# What is needed besides roles.


class NotSent(Exception):
    """Holds the address at which a request would have gone out."""


def called(client: Any) -> str:
    """Where a client's first request without parameters goes; what the client says of itself leaves out newer rules."""
    model = client.meta.service_model
    shapes = {each: model.operation_model(each).input_shape for each in model.operation_names}
    operation = next(name for name, shape in shapes.items() if shape is None or not shape.required_members)

    def hold(request: Any, **_: object) -> None:
        raise NotSent(request.url)

    client.meta.events.register_first("before-send", hold)
    with pytest.raises(NotSent) as held:
        getattr(client, xform_name(operation))()
    return urlsplit(str(held.value)).netloc


def test_the_hosts_are_those_that_clients_call() -> None:
    """Each name is what a live run's own client has, settings' endpoints, FIPS and dual-stack included."""
    settings = load(EXAMPLE, today())
    assert settings.network is not None
    network = settings.network.model_copy(update={"ca_bundle": None, "proxy": None})
    clients = Clients("live", "hosts", 1, Pace(Clock(), 1.0), None, network=network)
    session = clients.session(None)
    session.set_credentials("key", "secret")
    named = {each.name for each in hosts.hosts(settings)}
    assert "vpce-0123456789abcdef0-abcd1234.securityhub.eu-central-1.vpce.amazonaws.com" in named
    for service, region, _ in hosts._asked(settings):
        assert called(clients.client(session, "", service, region)) in named, (service, region)
    clients.close()
    assert "acme-runbook-evidence.s3.eu-central-1.amazonaws.com" in named
    assert len(hosts.as_table(hosts.hosts(settings)).splitlines()) == len(named) + 2


def test_the_quotas_count_the_documents_that_are_printed(documents: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    table = printed(capsys, "--about", "quotas")
    for name, each in documents.items():
        size = len(json.dumps(each["policy"], separators=(",", ":")))
        assert re.search(rf"{name}: characters of its .* (6,144|10,240) +{size:,} +docs", table)
    assert re.search(r"organizations:ListAccounts: .* 8 a second, 12 at once", table)


def may(statements: list[dict[str, Any]], service: str, action: str, resource: str, source: str) -> bool:
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return simulation.service_may(policy, service, action, resource, source)


def test_keys_and_buckets_grant_what_is_asked_for_and_to_nobody_else(capsys: pytest.CaptureFixture[str]) -> None:
    printed_ = {arn: each["Statement"] for arn, each in json.loads(printed(capsys, "--about", "grants")).items()}
    settings = load(EXAMPLE, today())
    assert settings.evidence is not None
    assert settings.evidence.signing_key in printed_
    assert {each["Sid"] for each in printed_["arn:aws:s3:::acme-runbook-evidence"]} == {"ReadStore", "KeepEvidence", "TlsAlone"}
    told, section = settings.organization, settings.sections()["guardduty"]
    (region, destination), *_ = sorted(section.export.items())  # type: ignore[attr-defined] # GuardDuty's own section
    bucket, key = destination.bucket_arn.partition("/")[0], destination.kms_key_arn
    ours, theirs = (f"arn:aws:guardduty:{region}:{each}:detector/d" for each in (told.delegated_account, "999999999999"))
    elsewhere = f"arn:aws:guardduty:us-west-2:{told.delegated_account}:detector/d"
    service, written = "guardduty.amazonaws.com", f"{destination.bucket_arn}/x"
    for statements, action, resource in (
        (printed_[bucket], "s3:GetBucketLocation", bucket), (printed_[bucket], "s3:PutObject", written),
        (printed_[key], "kms:GenerateDataKey", key),
    ):  # fmt: skip
        assert may(statements, service, action, resource, ours)
        assert not may(statements, service, action, resource, theirs)
        assert not may(statements, service, action, resource, elsewhere)
        assert not may(statements, "macie.amazonaws.com", action, resource, ours)


@pytest.mark.parametrize("option", [("--role", "runbook-management-read"), ("--format", "json"), ("--back-out",)])
def test_what_is_about_roles_is_refused_elsewhere(option: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["requirements", "-p", str(EXAMPLE), "--about", "hosts", *option])
    assert ended.value.code == 1
    assert f"{option[0]} is about roles" in capsys.readouterr().err


def test_settings_of_a_rehearsal_need_no_evidence_and_no_response() -> None:
    found = needed(load(EXAMPLE.with_name("rehearsal.yaml"), today()))
    assert {each.name for each in found} <= {*ROLES[:4], "RunbookMember"}
