"""Request rates, planned refusals, calls at the same time, what is not simulated, and the log that tests read."""

import contextlib
import json
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
import twins
from botocore.config import Config
from botocore.exceptions import ClientError
from small_organization import DELEGATED, MANAGEMENT, MEMBER

from runbook_lib.rehearsal.app import build_app
from runbook_lib.rehearsal.conditions import Conditions, Hiccup
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.identify import READS
from runbook_lib.rehearsal.inproc import session_for
from runbook_lib.rehearsal.limits import RATES, Limits
from runbook_lib.rehearsal.log import Log
from runbook_lib.rehearsal.server import serve
from runbook_lib.rehearsal.state import authorization
from runbook_lib.services.registry import specs

Client = Callable[..., Any]


def throttles(limits: Limits, service: str, operation: str, calls: int, account: str = MEMBER, region: str = "us-east-1") -> int:
    refused = 0
    for _ in range(calls):
        try:
            limits.admit(account, region, service, operation)
        except ApiError:
            refused += 1
    return refused


@pytest.mark.parametrize(
    ("service", "operation", "burst"),
    [
        ("organizations", "DescribeOrganization", 2),
        ("organizations", "EnableAWSServiceAccess", 2),
        ("organizations", "ListAccounts", 12),
        *((service, *row) for service, row in twins.rows("simulation", "bursts")),
    ],
)
@pytest.mark.fact("GD-5.1-02", "IN-6.1-04", "ORG-3.1-01", "ORG-3.1-03", "SH-4.1-01", "SH-4.1-03")
def test_a_burst_is_let_through_and_no_more(service: str, operation: str, burst: int) -> None:
    assert throttles(Limits(RATES), service, operation, burst) == 0
    assert throttles(Limits(RATES), service, operation, burst + 10) >= 7


@pytest.mark.fact("SH-4.1-03")
def test_accounts_and_regions_have_buckets_of_their_own() -> None:
    limits = Limits(RATES)
    assert throttles(limits, "securityhub", "BatchEnableStandards", 1) == 0
    assert throttles(limits, "securityhub", "BatchEnableStandards", 1, region="us-east-2") == 0
    assert throttles(limits, "securityhub", "BatchEnableStandards", 1, account=DELEGATED) == 0
    assert throttles(limits, "securityhub", "BatchEnableStandards", 1) == 1


@pytest.mark.fact("ORG-3.1-07")
def test_skipped_time_fills_the_buckets_too(front: Front, client: Client) -> None:
    front.world.conditions = Conditions(throttled=True)
    front.adopt(front.world)
    organizations = client("organizations")
    for _ in range(2):
        organizations.describe_organization()
    with pytest.raises(ClientError, match="too many requests"):
        organizations.describe_organization()
    front.world.skip(2)
    assert organizations.describe_organization()


def test_a_bucket_fills_again() -> None:
    now = [100.0]
    limits = Limits({"organizations:DescribeOrganization": (1, 2)}, clock=lambda: now[0])
    assert throttles(limits, "organizations", "DescribeOrganization", 3) == 1
    now[0] += 1
    assert throttles(limits, "organizations", "DescribeOrganization", 2) == 1


@pytest.mark.parametrize(
    ("service", "method", "code", "status"),
    [
        ("organizations", "describe_organization", "TooManyRequestsException", 400),
        *((service, *row) for service, row in twins.rows("simulation", "throttled")),
        ("account", "list_regions", "TooManyRequestsException", 429),
        ("sts", "get_caller_identity", "Throttling", 400),
    ],
)
@pytest.mark.fact("IN-6.1-01", "ORG-3.1-07")
def test_each_service_throttles_in_its_own_words_and_botocore_tries_again(
    front: Front, client: Client, service: str, method: str, code: str, status: int
) -> None:
    operation = client(service).meta.method_to_api_mapping[method]
    front.world.conditions = Conditions(throttled=False, hiccups=(Hiccup(service, operation, 1, 2),))
    front.adopt(front.world)
    with pytest.raises(ClientError) as raised:
        getattr(client(service), method)()
    assert raised.value.response["Error"]["Code"] == code
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    patient = session_for(front, MANAGEMENT).client(service, config=Config(retries={"total_max_attempts": 2, "mode": "standard"}))
    with contextlib.suppress(ClientError):  # the second attempt is answered, if only with a refusal of its own
        getattr(patient, method)()
    assert [(entry.throttled, entry.attempt) for entry in front.log.entries] == [(True, 1), (True, 1), (False, 2)]
    assert len({entry.invocation for entry in front.log.entries}) == 2


def test_the_default_seed_throttles_each_service_at_least_once() -> None:
    hiccups = build_app("default", moto=False).world.conditions.hiccups
    assert {each.service for each in hiccups} == {"organizations", "account", *(spec.name for spec in specs())}


@pytest.mark.fact("ORG-3.2-38", "SI-11-03")
def test_two_changes_of_the_organization_at_the_same_time_are_refused(front: Front) -> None:
    front.world.conditions = Conditions(throttled=False, designation_seconds=0.3)
    front.adopt(front.world)
    started = threading.Barrier(2)
    codes: list[str] = []

    def change(service: str, method: str, parameters: dict[str, str]) -> None:
        made = session_for(front, MANAGEMENT).client(service, config=Config(retries={"total_max_attempts": 1}))
        started.wait()
        try:
            getattr(made, method)(**parameters)
            codes.append("")
        except ClientError as error:
            codes.append(error.response["Error"]["Code"])

    changes = [("organizations", "enable_aws_service_access", {"ServicePrincipal": spec.principals[0]}) for spec in specs()[:2]]
    threads = [threading.Thread(target=change, args=each) for each in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == ["", "ConcurrentModificationException"]


@pytest.mark.parametrize(
    ("service", "method", "parameter", "code"),
    [(service, *row) for service, row in twins.rows("simulation", "designated")],
)
@pytest.mark.fact("SH-4.3-06", "SI-11-03")
def test_designation_meanwhile_is_refused_in_the_services_form(
    front: Front, client: Client, service: str, method: str, parameter: str, code: str
) -> None:
    with (
        front.designation.alone("organizations", "EnableAWSServiceAccess", mutating=True),
        pytest.raises(ClientError, match="conflicts with another attempt") as raised,
    ):
        getattr(client(service), method)(**{parameter: DELEGATED})
    assert raised.value.response["Error"]["Code"] == code
    assert client("organizations").list_delegated_administrators()["DelegatedAdministrators"] == []


def test_reads_pass_while_the_organization_changes(front: Front, client: Client) -> None:
    with front.designation.alone("organizations", "EnableAWSServiceAccess", mutating=True):
        assert client("organizations").list_accounts()["Accounts"]
        assert client("guardduty", DELEGATED).list_detectors()["DetectorIds"] == []


def test_what_is_not_simulated_says_so_and_is_counted(front: Front, client: Client) -> None:
    with pytest.raises(ClientError, match="guardduty:ListMalwareScans is not simulated") as raised:
        client("guardduty").list_malware_scans()
    assert raised.value.response["Error"]["Code"] == "NotSimulated"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501
    with pytest.raises(ClientError, match="organizations:ListHandshakesForAccount is not simulated"):
        client("organizations").list_handshakes_for_account()
    with pytest.raises(ClientError, match="s3:"):
        client("s3").list_buckets()
    assert front.log.unhandled == {"guardduty:ListMalwareScans": 1, "organizations:ListHandshakesForAccount": 1, "s3:GET /": 1}


def test_what_needs_no_signature_and_is_not_simulated_says_so_in_xml(client: Client) -> None:
    with pytest.raises(ClientError, match="sts:AssumeRoleWithWebIdentity is not simulated"):
        client("sts").assume_role_with_web_identity(
            RoleArn=f"arn:aws:iam::{MEMBER}:role/x", RoleSessionName="run", WebIdentityToken="t" * 8
        )


def test_the_log_holds_what_a_test_asks_for(front: Front, client: Client) -> None:
    client("organizations").list_accounts(MaxResults=5)
    with pytest.raises(ClientError):
        client("securityhub", MEMBER, "us-east-1").create_members(AccountDetails=[{"AccountId": DELEGATED}] * 3)
    listing, creation = front.log.entries
    assert (listing.account, listing.page, listing.answered, listing.more, listing.mutating) == (MANAGEMENT, 5, 5, True, False)
    assert (creation.items, creation.mutating, creation.region) == (3, True, "us-east-1")
    assert creation.code
    assert creation.status >= 400
    assert "Boto3" in listing.user_agent
    assert front.log.select(service="organizations", mutating="False") == [listing]


def test_the_log_is_a_file_too_where_asked(tmp_path: Path) -> None:
    log = tmp_path / "calls.jsonl"
    front = build_app("seven", moto=False, log=log)
    session_for(front, MANAGEMENT).client("sts").get_caller_identity()
    assert json.loads(log.read_text(encoding="utf-8"))["operation"] == "GetCallerIdentity"
    front.log.close()


@pytest.mark.parametrize(
    "name", ["CreateMembers", "EnableSecurityHub", "UpdateDetector", "BatchEnableStandards", "StartMonitoringMembers"]
)
def test_changes_are_known_as_such(name: str) -> None:
    assert not READS.match(name)


@pytest.mark.parametrize("name", ["ListMembers", "GetDetector", "DescribeHub", "BatchGetAccountStatus", "AssumeRole"])
def test_reads_are_known_as_such(name: str) -> None:
    assert READS.match(name)


def test_control_pages_change_the_world_by_name(front: Front, client: Client) -> None:
    with serve(front) as url:

        def ask(method: str, page: str) -> Any:
            headers = {"Authorization": authorization(front.control.token)}
            data = b"" if method == "POST" else None
            request = urllib.request.Request(f"{url}/_rehearsal/{page}", method=method, data=data, headers=headers)
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request) as answer:
                return json.loads(answer.read())

        assert ask("GET", "health")["organization"] == "o-rehearsal001"
        ask("POST", f"suspend-account?account={MEMBER}")
        ask("POST", "add-account?account=123123123123")
        ask("POST", f"move-account?account={DELEGATED}&parent=ou-reh1-sandbox01")
        ask("POST", f"foreign-administrator?service=guardduty&region=us-east-2&account={DELEGATED}")
        ask("POST", f"deny?account={MANAGEMENT}&role=RunbookManagement&pattern=*:*")
        before = front.world.now()
        ask("POST", "clock?seconds=3600")
        assert front.world.now() >= before + 3600
        accounts = {each["Id"]: each["State"] for each in client("organizations").list_accounts()["Accounts"]}
        assert (accounts[MEMBER], accounts["123123123123"]) == ("SUSPENDED", "ACTIVE")
        assert client("organizations").list_parents(ChildId=DELEGATED)["Parents"][0]["Id"] == "ou-reh1-sandbox01"
        admins = client("guardduty", MANAGEMENT, "us-east-2").list_organization_admin_accounts()["AdminAccounts"]
        assert [each["AdminAccountId"] for each in admins] == [DELEGATED]
        assert [each["operation"] for each in ask("GET", "log?service=guardduty")] == ["ListOrganizationAdminAccounts"]
        ask("POST", "reset")
        assert front.world.organization.accounts[MEMBER].state == "ACTIVE"
        assert ask("GET", "log") == []


def test_many_clients_at_once_lose_and_double_nothing() -> None:
    front = build_app("seven", moto=False)
    session = session_for(front, MEMBER)
    session.client("securityhub").enable_security_hub(EnableDefaultStandards=False)
    codes: list[str] = []

    def create(url: str, names: list[str]) -> None:
        keys = session.get_credentials()
        plain = boto3.Session(keys.access_key, keys.secret_key, region_name="us-east-1")
        made = plain.client("securityhub", endpoint_url=url, config=Config(retries={"total_max_attempts": 1}, proxies={}))
        for name in names:
            try:
                made.create_action_target(Name=name, Description="d", Id=name)
                codes.append("")
            except ClientError as error:
                codes.append(error.response["Error"]["Code"])

    with serve(front) as url:
        threads = [threading.Thread(target=create, args=(url, [f"t{one}x{two}" for two in range(8)])) for one in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(codes) == [""] * 50 + ["LimitExceededException"] * 14
    listed = session.client("securityhub").describe_action_targets(MaxResults=100)["ActionTargets"]
    assert len({each["ActionTargetArn"] for each in listed}) == 50
    assert len(front.log.select(operation="CreateActionTarget")) == 64


def test_the_log_forgets_the_oldest_first() -> None:
    from dataclasses import fields

    from runbook_lib.rehearsal.log import Entry

    blank = dict.fromkeys((each.name for each in fields(Entry)), "")
    log = Log(largest=2)
    for operation in ("first", "second", "third"):
        log.add(Entry(**{**blank, "operation": operation}))  # type: ignore[arg-type]
    assert [entry.operation for entry in log.entries] == ["second", "third"]
