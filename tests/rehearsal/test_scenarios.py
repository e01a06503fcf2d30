"""Scenario files, and what each kind of fault and event does to callers: in process and over a socket."""

import json
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError, ReadTimeoutError
from pydantic import ValidationError
from simulated import ASKED
from small_organization import DELEGATED, MANAGEMENT, MEMBER

from runbook_lib import cli
from runbook_lib.base.documents import DocumentError
from runbook_lib.rehearsal import draws, environment, scenario
from runbook_lib.rehearsal.app import build_app
from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.identity import Credential
from runbook_lib.rehearsal.inproc import session_for
from runbook_lib.rehearsal.scenario import Scenario
from runbook_lib.rehearsal.server import serve

Client = Callable[..., Any]
ACTION = ("CreateActionTarget", {"Name": "Look", "Description": "d", "Id": "Look"})


def set_scenario(front: Front, **said: Any) -> None:
    front.scenario = Scenario.model_validate(said)
    front.adopt(front.world)


def hub(client: Client, account: str = MEMBER) -> Any:
    """A Security Hub client of an account whose hub is on, though the calls that switch it on may count for a fault."""
    return client("securityhub", account)


def targets(made: Any) -> int:
    return len(made.describe_action_targets()["ActionTargets"])


@pytest.fixture
def subscribed(front: Front, client: Client) -> Any:
    made = hub(client)
    made.enable_security_hub(EnableDefaultStandards=False)
    return made


def add(made: Any, name: str = "Look") -> None:
    made.create_action_target(Name=name, Description="d", Id=name)


@pytest.mark.parametrize("name", scenario.names())
def test_scenarios_that_come_along_are_well_formed(name: str) -> None:
    assert scenario.load(name).name == name


def test_the_documented_example_has_every_key_and_every_kind() -> None:
    example = scenario.load("every-kind")
    assert example.model_fields_set == set(Scenario.model_fields)
    kinds = {each.kind for each in example.faults} | {each.kind for each in example.events} | {each.kind for each in example.stack}
    of_kinds: tuple[Any, ...] = (scenario.Fault, scenario.Event, scenario.StackFault)
    declared = {value for part in of_kinds for value in part.model_fields["kind"].annotation.__args__}
    assert kinds == declared


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"faults": [{"kind": "thunder"}]}, "kind"),
        ({"faults": [{"kind": "throttle", "effect": "after"}]}, "before a call has any effect"),
        ({"faults": [{"kind": "reset", "calls": 3}]}, "calls"),
        ({"events": [{"kind": "suspend-account", "account": "444444444444"}]}, "say either"),
        ({"events": [{"kind": "suspend-account", "account": "4444", "at": 1}]}, "account id"),
        ({"events": [{"kind": "foreign-administrator", "account": "444444444444", "at": 1}]}, "in which"),
        ({"weather": "bad"}, "weather"),
    ],
)
@pytest.mark.fact("MF-10.1-25")
def test_what_is_wrong_with_a_scenario_is_named(said: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Scenario.model_validate(said)


def test_a_file_is_told_where_it_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text("weather: bad\nevents: [{ kind: add-account, account: 161616161616, at: 3 }]\nfaults: [{ kind: thunder }]\n")
    with pytest.raises(DocumentError) as told:
        scenario.load(file)
    lines = str(told.value).splitlines()
    assert lines[0].startswith(f"{file}, line 3: faults[0].kind: 'thunder': Not one of the values known here.")
    assert "Allowed: throttle, error, reset, timeout, deny" in lines[0]
    assert lines[1] == (
        f"{file}, line 2: events[0].account: '161616161616': "
        'This is not text (an account id would lose its leading zeros). Put it in quotes: "161616161616".'
    )
    assert lines[2].startswith(f"{file}, line 1: weather: 'bad': Unknown key in the file.")
    assert lines[3].endswith("every-kind.yaml.")


def test_the_example_of_the_documentation_is_one(tmp_path: Path) -> None:
    text = (Path(scenario.__file__).parents[1] / "docs" / "scenarios.md").read_text(encoding="utf-8")
    lines = text.partition("# bad-day.yaml\n")[2].partition("\n\n")[0]
    (tmp_path / "bad-day.yaml").write_text(textwrap.dedent(lines))
    example = scenario.load(tmp_path / "bad-day.yaml")
    assert (len(example.faults), len(example.events), example.seed) == (2, 2, 3)


def test_a_scenario_that_is_not_there_or_not_yaml_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there are: every-kind"):
        scenario.load("calm")
    (tmp_path / "list.yaml").write_text("[1, 2]")
    with pytest.raises(DocumentError, match="not a mapping"):
        scenario.load(tmp_path / "list.yaml")
    (tmp_path / "torn.yaml").write_text("faults: [")
    with pytest.raises(DocumentError, match="line 1: This is not YAML"):
        scenario.load(tmp_path / "torn.yaml")


@pytest.mark.parametrize(
    ("fault", "code", "status", "carried_out"),
    [
        ({"kind": "throttle"}, "TooManyRequestsException", 429, False),
        ({"kind": "error"}, "InternalException", 500, False),
        ({"kind": "error", "status": 503}, "ServiceUnavailable", 503, False),
        ({"kind": "error", "effect": "after"}, "InternalException", 500, True),
        ({"kind": "deny"}, "AccessDeniedException", 403, False),
        ({"kind": "deny", "by": "policy"}, "AccessDeniedException", 403, False),
    ],
)
def test_a_refusal_comes_before_or_after_the_effect(
    front: Front, subscribed: Any, fault: dict[str, Any], code: str, status: int, carried_out: bool
) -> None:
    set_scenario(front, faults=[{**fault, "on": {"operation": "CreateActionTarget"}}])
    with pytest.raises(ClientError) as caught:
        add(subscribed)
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    assert targets(subscribed) == int(carried_out)
    add(subscribed, "Again")
    assert [entry.fault for entry in front.log.select(operation="CreateActionTarget")] == [
        f"faults[0] {fault['kind']}" + (" after" if carried_out else ""),
        "",
    ]


@pytest.mark.parametrize(("kind", "error"), [("reset", ConnectionClosedError), ("timeout", ReadTimeoutError)])
@pytest.mark.parametrize("effect", ["before", "after"])
def test_a_cut_connection_has_no_answer(front: Front, subscribed: Any, kind: str, error: type[Exception], effect: str) -> None:
    set_scenario(front, faults=[{"kind": kind, "effect": effect, "on": {"operation": "CreateActionTarget"}}])
    with pytest.raises(error):
        add(subscribed)
    assert targets(subscribed) == (effect == "after")
    cut = front.log.select(operation="CreateActionTarget")[0]
    assert (cut.status, cut.code) == (0, "ConnectionCut")


@pytest.mark.parametrize(("kind", "error", "seconds"), [("reset", ConnectionClosedError, 0.0), ("timeout", ReadTimeoutError, 1.0)])
@pytest.mark.parametrize("effect", ["before", "after"])
def test_a_socket_is_cut_too(kind: str, error: type[Exception], seconds: float, effect: str) -> None:
    fault = {"kind": kind, "effect": effect, "silence": 2.0, "on": {"operation": "CreateActionTarget"}}
    front = build_app("seven", moto=False, scenario=Scenario.model_validate({"faults": [fault]}))
    session = session_for(front, MEMBER)
    session.events.unregister("before-send")
    with serve(front) as url:
        plain = boto3.Session(session.get_credentials().access_key, session.get_credentials().secret_key, region_name="us-east-1")
        config = Config(retries={"total_max_attempts": 1}, read_timeout=1, proxies={})
        made = plain.client("securityhub", endpoint_url=url, config=config)
        made.enable_security_hub(EnableDefaultStandards=False)
        began = time.monotonic()
        with pytest.raises(error):
            add(made)
        assert seconds <= time.monotonic() - began < 10
        assert targets(made) == (effect == "after")


def test_a_policy_spares_the_management_account_and_a_role_does_not(front: Front, client: Client) -> None:
    set_scenario(front, faults=[{"kind": "deny", "by": "policy", "times": None, "on": {"region": "us-east-2"}}])
    with pytest.raises(ClientError, match="explicit deny in a service control policy"):
        client("guardduty", MEMBER, "us-east-2").list_detectors()
    assert client("guardduty", MEMBER).list_detectors()["DetectorIds"] == []
    assert client("guardduty", MANAGEMENT, "us-east-2").list_detectors()["DetectorIds"] == []
    set_scenario(front, faults=[{"kind": "deny", "by": "role", "times": None}])
    with pytest.raises(ClientError, match="no identity-based policy allows"):
        client("guardduty", MANAGEMENT, "us-east-2").list_detectors()


def test_a_fault_comes_at_its_call_and_as_often_as_it_says(front: Front, client: Client) -> None:
    set_scenario(front, faults=[{"kind": "error", "call": 2, "times": 2, "on": {"operation": "ListDetectors"}}])
    assert outcomes(client("guardduty"), 5) == "+--++"


def test_a_fault_comes_in_its_time(front: Front, client: Client) -> None:
    set_scenario(front, faults=[{"kind": "error", "at": 10, "until": 20, "times": None}])
    seen = ""
    for _ in range(4):
        seen += outcomes(client("guardduty"), 1)
        front.world.skip(7)
    assert seen == "++-+"


def test_chance_depends_on_the_number_alone(client: Client, front: Front) -> None:
    fault = {"kind": "error", "times": None, "probability": 0.5}

    def with_number(number: int) -> str:
        set_scenario(front, seed=number, faults=[fault])
        return outcomes(client("guardduty"), 24)

    first, again, other = with_number(1), with_number(1), with_number(2)
    assert first == again != other
    assert 4 <= first.count("-") <= 20


def outcomes(made: Any, calls: int) -> str:
    seen = ""
    for _ in range(calls):
        try:
            made.list_detectors()
            seen += "+"
        except ClientError:
            seen += "-"
    return seen


@pytest.mark.fact("UV-13-12")
def test_rates_replace_aws_s_own(front: Front, client: Client) -> None:
    assert outcomes(client("guardduty"), 12) == "+" * 12  # the seed asks for none
    set_scenario(front, throttled=True)
    assert outcomes(client("guardduty"), 12).count("-") >= 1
    set_scenario(front, throttled=True, rates={"guardduty:*": {"per_second": 0.01, "burst": 3}})
    assert outcomes(client("guardduty"), 12) == "+++---------"


def test_latency_passes_before_the_answer(front: Front, client: Client) -> None:
    passed: list[float] = []
    front.pause = passed.append
    set_scenario(
        front, latency=[{"milliseconds": 50, "jitter": 10}, {"on": {"operation": "ListRoots"}, "milliseconds": 200}], seed=3
    )
    client("guardduty").list_detectors()
    client("organizations").list_roots()
    client("guardduty").list_detectors()
    assert 0.04 <= passed[0] <= 0.06
    assert passed[1] == 0.2
    assert passed[0] != passed[2]


@pytest.fixture
def administered(front: Front, client: Client) -> dict[str, Any]:
    """All three services administered from the delegated account, with settled designation."""
    front.world.settle_polls = 0
    for service in ASKED.sections():
        client("organizations").enable_aws_service_access(ServicePrincipal=f"{service}.amazonaws.com")
    client("securityhub").enable_organization_admin_account(AdminAccountId=DELEGATED)
    client("guardduty").enable_organization_admin_account(AdminAccountId=DELEGATED)
    client("inspector2").enable_delegated_admin_account(delegatedAdminAccountId=DELEGATED)
    return {service: client(service, DELEGATED) for service in ASKED.sections()}


MEMBERS = [
    {"AccountId": "333333333333", "Email": "account-333333333333@example.com"},
    {"AccountId": MEMBER, "Email": "account-444444444444@example.com"},
]


def test_accounts_are_handed_back_and_the_others_are_done(front: Front, administered: dict[str, Any]) -> None:
    set_scenario(front, faults=[{"kind": "unprocessed", "times": None, "accounts": ["4444*"]}])
    made = administered["securityhub"]
    answer = made.create_members(AccountDetails=MEMBERS)
    assert [each["AccountId"] for each in answer["UnprocessedAccounts"]] == [MEMBER]
    assert [each["AccountId"] for each in made.list_members()["Members"]] == ["333333333333"]
    guardduty = administered["guardduty"]
    detector = guardduty.list_detectors()["DetectorIds"][0]
    answer = guardduty.create_members(DetectorId=detector, AccountDetails=MEMBERS)
    assert [each["AccountId"] for each in answer["UnprocessedAccounts"]] == [MEMBER]
    answer = guardduty.create_members(DetectorId=detector, AccountDetails=MEMBERS[1:])
    assert [each["AccountId"] for each in answer["UnprocessedAccounts"]] == [MEMBER]
    inspector = administered["inspector2"]
    for each in MEMBERS:
        inspector.associate_member(accountId=each["AccountId"])
    answer = inspector.enable(accountIds=[each["AccountId"] for each in MEMBERS], resourceTypes=["EC2"])
    assert [(each["accountId"], each["errorCode"]) for each in answer["failedAccounts"]] == [(MEMBER, "INTERNAL_ERROR")]
    assert [each["accountId"] for each in answer["accounts"]] == ["333333333333"]


@pytest.mark.fact("IN-6.2-12")
def test_some_members_never_settle_until_the_faults_end(front: Front, administered: dict[str, Any]) -> None:
    set_scenario(front, never_settle=[{"service": "inspector2", "accounts": ["4444*"]}])
    made = administered["inspector2"]
    for each in MEMBERS:
        made.associate_member(accountId=each["AccountId"])

    def states() -> list[str]:
        for _ in range(5):
            listed = made.list_members(onlyAssociated=False)["members"]
        return [each["relationshipStatus"] for each in listed]

    assert states() == ["ENABLED", "CREATED"]
    front.faults.end()
    assert states() == ["ENABLED", "ENABLED"]


def test_sessions_end_in_the_middle(front: Front, client: Client, role_session: Callable[[str, str], Credential]) -> None:
    session = role_session(DELEGATED, "RunbookDelegated")
    made = client("guardduty", DELEGATED, credential=session)
    set_scenario(front, events=[{"kind": "expire-credentials", "on": {"operation": "ListDetectors"}, "call": 2}])
    made.list_detectors()
    with pytest.raises(ClientError) as caught:
        made.list_detectors()
    assert caught.value.response["Error"]["Code"] == "ExpiredTokenException"
    assert client("guardduty", DELEGATED).list_detectors() is not None


def test_accounts_come_and_go(front: Front, client: Client) -> None:
    on = {"operation": "ListRoots"}
    set_scenario(
        front,
        events=[
            {"kind": "suspend-account", "account": MEMBER, "on": on, "call": 1},
            {"kind": "add-account", "account": "161616161616", "at": 5},
            {"kind": "close-account", "account": "333333333333", "at": 5},
        ],
    )
    made = client("organizations")

    def states() -> dict[str, str]:
        return {each["Id"]: each["State"] for each in made.list_accounts()["Accounts"]}

    before = states()
    made.list_roots()
    assert {account for account, state in states().items() if before[account] != state} == {MEMBER}
    front.world.skip(6)
    after = states()
    assert after["161616161616"] == "ACTIVE"
    assert after["333333333333"] == "CLOSED"
    assert "RunbookMember" in front.world.organization.accounts["161616161616"].roles


def test_another_administrator_appears_and_is_gone_when_the_faults_end(front: Front, client: Client) -> None:
    front.world.settle_polls = 0
    client("organizations").enable_aws_service_access(ServicePrincipal="inspector2.amazonaws.com")
    event = {"kind": "foreign-administrator", "service": "inspector2", "region": "us-east-1", "account": MEMBER, "at": 0}
    set_scenario(front, events=[event])
    made = client("inspector2")
    assert [each["accountId"] for each in made.list_delegated_admin_accounts()["delegatedAdminAccounts"]] == [MEMBER]
    front.faults.end()
    assert made.list_delegated_admin_accounts()["delegatedAdminAccounts"] == []
    assert client("organizations").list_delegated_administrators()["DelegatedAdministrators"] == []


def test_a_schedule_is_drawn_from_its_number_and_begins_alike() -> None:
    accounts, regions = ["444444444444", "555555555555"], ["us-east-1", "us-east-2"]

    def drawn(number: int, faults: int) -> set[str]:
        made = draws.whole(Scenario.model_validate({"seed": number, "drawn": {"faults": faults}}), accounts, regions)
        return {repr(each) for each in (*made.faults, *made.events)}

    assert drawn(5, 12) == drawn(5, 12)
    assert drawn(5, 6) < drawn(5, 12)
    assert drawn(6, 12) != drawn(5, 12)


def test_a_server_process_has_a_scenario(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("seed: 3\nfaults: [{ kind: error, on: { operation: GetCallerIdentity } }]\n", encoding="utf-8")
    running = environment.start(tmp_path / "server", "seven", scenario=own)
    try:
        assert running.control("GET", "health")["scenario"] == "own (seed 3)"
    finally:
        environment.stop(tmp_path / "server")


def test_a_server_does_not_start_with_a_scenario_that_is_wrong(tmp_path: Path) -> None:
    with pytest.raises(environment.ServerFailed, match="no scenario is called 'calm'"):
        environment.start(tmp_path, "seven", scenario="calm")


def test_the_command_takes_a_scenario_and_refuses_another_meanwhile(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def runbook(*arguments: str) -> Any:
        with pytest.raises(SystemExit) as end:
            cli.main(["simulate", "--runs", str(tmp_path), *arguments])
        return end.value.code

    try:
        assert runbook("--organization", "seven", "--scenario", "patient") == 0
        running = environment.find(tmp_path / "simulated-organization")
        assert running is not None
        assert running.control("GET", "health")["scenario"] == "patient (seed 0)"
        assert runbook("--scenario", "rough") == 1
        assert "leave out --scenario" in capsys.readouterr().err
    finally:
        assert runbook("--stop") == 0


def test_log_and_health_name_the_schedule(tmp_path: Path) -> None:
    front = build_app("seven", moto=False, scenario="rough", log=tmp_path / "log.jsonl")
    assert front.control.health()["scenario"] == "rough (seed 1, 12 drawn faults)"
    front.log.close()
    assert json.loads((tmp_path / "log.jsonl").read_text()) == {"scenario": "rough (seed 1, 12 drawn faults)"}
