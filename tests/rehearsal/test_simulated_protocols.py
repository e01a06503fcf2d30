"""Requests as botocore writes them arrive with the model's members; answers as the model allows them come back whole."""

import datetime as dt
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import twins
from botocore.exceptions import ClientError

from runbook_lib.rehearsal import answers, codec, query
from runbook_lib.rehearsal.answers import SimulationError
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.registry import HANDLERS, Call
from runbook_lib.services.registry import by_name

Client = Callable[..., Any]
ENABLING = tuple(by_name())
ROLE = "arn:aws:iam::111111111111:role/R"
ROUND_TRIPS: list[tuple[str, str, dict[str, Any]]] = [
    *((service, *row) for service, row in twins.rows("simulation", "arriving")),
    ("account", "ListRegions", {"MaxResults": 5, "RegionOptStatusContains": ["ENABLED", "DISABLED"]}),
    ("organizations", "ListAccounts", {"MaxResults": 5, "NextToken": "5"}),
    ("organizations", "CreateAccount", {"Email": "n@example.com", "AccountName": "New", "Tags": [{"Key": "a", "Value": "b"}]}),
    ("sts", "AssumeRole", {"RoleArn": ROLE, "RoleSessionName": "me", "DurationSeconds": 900, "PolicyArns": [{"arn": "a" * 20}]}),
]  # fmt: skip


class Seen(Exception):
    """Carries the parameters out of a replaced handler."""


@pytest.fixture
def replaced() -> Iterator[dict[tuple[str, str], Any]]:
    """Handlers that a test puts in the place of others."""
    before = dict(HANDLERS)
    yield HANDLERS
    HANDLERS.clear()
    HANDLERS.update(before)


@pytest.mark.parametrize(("service", "operation", "parameters"), ROUND_TRIPS, ids=[f"{s}:{o}" for s, o, _ in ROUND_TRIPS])
def test_parameters_arrive_as_they_were_given(
    client: Client, replaced: dict[tuple[str, str], Any], service: str, operation: str, parameters: dict[str, Any]
) -> None:
    seen: list[dict[str, Any]] = []

    def handler(call: Call, **given: Any) -> dict[str, Any]:
        seen.append(given)
        raise ApiError("AccessDeniedException", "enough seen")

    replaced[service, operation] = handler
    made = client(service)
    method = next(name for name, api in made.meta.method_to_api_mapping.items() if api == operation)
    with pytest.raises(ClientError, match="enough seen"):
        getattr(made, method)(**parameters)
    for token in ({"ClientToken", "clientToken"} - set(parameters)) & set(seen[0]):
        assert seen[0].pop(token)
    assert seen == [parameters]


def test_every_operation_of_every_rest_service_is_found_by_its_own_path() -> None:
    for service in (*ENABLING, "account"):
        for name in codec.service_model(service).operation_names:
            http = codec.operation_model(service, name).http
            path = http["requestUri"].replace("+}", "}")
            filled = "".join(
                "x%2Fy" if part.startswith("{") else part for part in path.replace("{", "\0{").replace("}", "}\0").split("\0")
            )
            found = codec.route(service, http["method"], filled)
            assert found is not None, (service, name)
            assert found[0] == name


def test_a_path_of_no_operation_is_not_found() -> None:
    assert codec.route("guardduty", "GET", "/nothing/of/the/kind") is None


@pytest.mark.parametrize(
    ("service", "operation", "answer", "said"),
    [
        *((service, *row) for service, row in twins.rows("simulation", "outside the model")),
        ("organizations", "ListAccounts", {"Accounts": [{"JoinedTimestamp": "today"}]}, "wrong type"),
        ("organizations", "EnableAWSServiceAccess", {"Anything": 1}, "no output"),
    ],
)
def test_an_answer_outside_the_model_is_a_fault_of_the_simulation(
    service: str, operation: str, answer: dict[str, Any], said: str
) -> None:
    with pytest.raises(SimulationError, match=said):
        answers.success(service, operation, answer)


def test_a_fault_of_the_simulation_reaches_the_caller_as_500(
    client: Client, front: Front, replaced: dict[tuple[str, str], Any]
) -> None:
    replaced["securityhub", "DescribeHub"] = lambda call: {"Invented": True}
    with pytest.raises(ClientError) as raised:
        client("securityhub").describe_hub()
    assert raised.value.response["Error"]["Code"] == "SimulationError"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert front.log.entries[-1].code == "SimulationError"


def test_timestamps_reach_the_client_as_points_in_time(client: Client, front: Front) -> None:
    joined = front.world.organization.accounts["222222222222"].joined
    found = client("organizations").describe_account(AccountId="222222222222")["Account"]["JoinedTimestamp"]
    assert found == dt.datetime.fromtimestamp(joined, dt.UTC)


ERRORS = [
    *(
        (service, operation, ApiError(code, text, **dict(*members)), status)
        for service, (operation, code, text, status, *members) in twins.rows("simulation", "errors")
    ),
    ("organizations", "ListAccounts", ApiError("AccessDeniedException", "no"), 400),
    ("organizations", "ListAccounts", ApiError("InvalidInputException", "no", Reason="INVALID_ENUM"), 400),
    ("account", "ListRegions", ApiError("AccessDeniedException", "no"), 403),
    ("sts", "GetCallerIdentity", ApiError("AccessDenied", "no & <never>", 403), 403),
]


@pytest.mark.parametrize(("service", "operation", "error", "status"), ERRORS, ids=[f"{s}:{e.code}" for s, _, e, _ in ERRORS])
@pytest.mark.fact("IN-6.1-01")
def test_errors_keep_code_text_status_and_members(
    client: Client, replaced: dict[tuple[str, str], Any], service: str, operation: str, error: ApiError, status: int
) -> None:
    def handler(call: Call, **_: Any) -> None:
        raise error

    replaced[service, operation] = handler
    made = client(service)
    method = next(name for name, api in made.meta.method_to_api_mapping.items() if api == operation)
    with pytest.raises(ClientError) as raised:
        getattr(made, method)()
    response: Any = raised.value.response
    assert (response["Error"]["Code"], response["Error"]["Message"]) == (error.code, error.message)
    metadata = response["ResponseMetadata"]
    assert metadata["HTTPStatusCode"] == status
    assert metadata["RequestId"]
    assert metadata["HTTPHeaders"].get("date") or service == "sts"
    for name, value in error.members.items():
        assert response[name] == value


@pytest.mark.fact("GD-5.1-01", "SH-4.1-06")
def test_error_bodies_are_shaped_as_each_service_shapes_them() -> None:
    hub = json.loads(answers.failure("securityhub", ApiError("InvalidInputException", "t"))[1])
    assert (hub["Code"], hub["Message"]) == ("InvalidInputException", "t")
    detector = json.loads(answers.failure("guardduty", ApiError("BadRequestException", "t"))[1])
    assert detector == {"message": "t", "__type": "InvalidInputException"}
    organization = json.loads(answers.failure("organizations", ApiError("ConstraintViolationException", "t", Reason="R"))[1])
    assert organization == {"Message": "t", "Reason": "R", "__type": "ConstraintViolationException"}


@pytest.mark.parametrize(
    ("service", "operation", "body", "code"),
    [
        *((service, operation, body.encode(), code) for service, (operation, body, code) in twins.rows("simulation", "ruled out")),
        ("organizations", "RegisterDelegatedAdministrator", b'{"AccountId": "1"}', "InvalidInputException"),
        ("account", "ListRegions", b'{"MaxResults": 0}', "ValidationException"),
    ],
)
@pytest.mark.fact("GD-5.2-23")
def test_what_the_model_rules_out_is_refused_in_the_services_own_code(service: str, operation: str, body: bytes, code: str) -> None:
    with pytest.raises(ApiError) as raised:
        codec.parameters(service, operation, {}, "", body)
    assert raised.value.code == code


def test_list_maxima_are_left_to_the_service() -> None:
    body = json.dumps({"accountDetails": [{"accountId": f"{n:012}", "email": "a@example.com"} for n in range(60)]}).encode()
    assert len(codec.parameters("guardduty", "CreateMembers", {"DetectorId": "d"}, "", body)["AccountDetails"]) == 60


def test_xml_answers_are_held_to_the_model_too() -> None:
    with pytest.raises(SimulationError, match="no member Colour"):
        query.success("sts", "GetCallerIdentity", {"Colour": "blue"}, "id")
