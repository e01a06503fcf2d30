"""IAM Access Analyzer on the wire, in the organization, and as an inventory saw it; the rest are cases."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from small_world import CLOSED, DELEGATED, MANAGEMENT, MEMBERS, REGION, SUSPENDED, Caller, refused_at_last

from runbook_lib.rehearsal import cloudtrail, events, simulated
from runbook_lib.rehearsal.account_sets import Sets
from runbook_lib.rehearsal.conditions import Conditions
from runbook_lib.rehearsal.events import add_account
from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.identify import REST
from runbook_lib.rehearsal.operations.accessanalyzer import replica
from runbook_lib.rehearsal.operations.accessanalyzer.state import SERVICE_ROLE
from runbook_lib.rehearsal.registry import HANDLERS
from runbook_lib.rehearsal.world import World

SERVICE = "accessanalyzer"
PRINCIPAL = "access-analyzer.amazonaws.com"
CALLED = {
    "CreateAnalyzer",
    "DeleteAnalyzer",
    "GetAnalyzer",
    "GetFindingsStatistics",
    "ListAnalyzers",
    "ListFindings",
    "ListFindingsV2",
    "ListTagsForResource",
    "UpdateAnalyzer",
}
Client = Callable[..., Any]


def test_what_is_simulated_is_listed() -> None:
    assert {name for service, name in HANDLERS if service == SERVICE} == CALLED


def holders(world: World) -> set[str]:
    return {each.id for each in world.organization.accounts.values() if SERVICE_ROLE in each.service_linked_roles}


@pytest.mark.fact("AA-S3-21")
def test_roles_come_with_analyzers(world: World, call: Caller) -> None:
    call(MEMBERS[0], "CreateAnalyzer", analyzerName="mine", type="ACCOUNT")
    assert holders(world) == {MEMBERS[0]}
    add_account(world, "161616161616")
    assert holders(world) == {MEMBERS[0]}
    world.organization.trusted[PRINCIPAL] = 0.0
    call(MANAGEMENT, "CreateAnalyzer", analyzerName="all", type="ORGANIZATION")
    assert holders(world) == set(world.organization.accounts) - {SUSPENDED, CLOSED}
    for _ in range(3):
        call(MANAGEMENT, "ListAnalyzers")
    add_account(world, "171717171717")
    assert "171717171717" in holders(world)


@pytest.mark.fact("AA-S3-24")
@pytest.mark.parametrize("name", ["1st", "a b", "a" * 256, "-a", "ä"])
def test_names_are_held_to_the_models_pattern(call: Caller, name: str) -> None:
    assert call.refused(MEMBERS[0], "CreateAnalyzer", analyzerName=name, type="ACCOUNT")[0] == "ValidationException"


@pytest.mark.fact("AA-S3-16")
def test_two_thousand_accounts_can_be_excluded(world: World, call: Caller) -> None:
    world.organization.trusted[PRINCIPAL] = 0.0

    def make(name: str, count: int) -> dict[str, Any]:
        accounts = [f"{number:012}" for number in range(count)]
        rule = {"unusedAccess": {"analysisRule": {"exclusions": [{"accountIds": accounts}]}}}
        return {"analyzerName": name, "type": "ORGANIZATION_UNUSED_ACCESS", "configuration": rule}

    assert call.refused(MANAGEMENT, "CreateAnalyzer", **make("more", 2001))[0] == "ValidationException"
    call(MANAGEMENT, "CreateAnalyzer", **make("most", 2000))


@pytest.mark.fact("AA-S3-25")
def test_another_administrator_comes_by_organizations(world: World, call: Caller) -> None:
    events.designate(world, SERVICE, REGION, DELEGATED)
    assert list(world.organization.delegated[PRINCIPAL]) == [DELEGATED]
    world.skip(600)
    call(DELEGATED, "CreateAnalyzer", analyzerName="all", type="ORGANIZATION")
    events.withdraw(world, SERVICE, REGION, DELEGATED)
    assert world.organization.delegated[PRINCIPAL] == {}
    assert call(DELEGATED, "ListAnalyzers")["analyzers"][0]["status"] == "DISABLED"


@pytest.mark.parametrize(
    ("operation", "parameters", "status", "code", "members"),
    [
        ("get_analyzer", {"analyzerName": "none"}, 404, "ResourceNotFoundException", {"resourceId": "none"}),
        ("create_analyzer", {"analyzerName": "mine", "type": "ACCOUNT"}, 409, "ConflictException", {"resourceId": "mine"}),
        (
            "create_analyzer",
            {"analyzerName": "two", "type": "ACCOUNT"},
            402,
            "ServiceQuotaExceededException",
            {"resourceId": "ACCOUNT"},
        ),
        (
            "create_analyzer",
            {"analyzerName": "all", "type": "ORGANIZATION"},
            400,
            "ValidationException",
            {"reason": "FIELD_VALIDATION_FAILED", "message": "Service not enabled for AWS Organizations"},
        ),
        ("list_analyzers", {"type": "NONE"}, 400, "ValidationException", {"reason": "FIELD_VALIDATION_FAILED"}),
        ("list_archive_rules", {"analyzerName": "mine"}, 501, "NotSimulated", {}),
        ("create_service_linked_analyzer", {"type": "ACCOUNT_UNUSED_ACCESS"}, 501, "NotSimulated", {}),
    ],
)
@pytest.mark.fact("AA-S3-01", "AA-S3-09", "AA-S3-10", "AA-S3-18")
def test_refusals_on_the_wire(
    client: Client, operation: str, parameters: dict[str, Any], status: int, code: str, members: dict[str, str]
) -> None:
    made = client(SERVICE)
    made.create_analyzer(analyzerName="mine", type="ACCOUNT")
    with pytest.raises(ClientError) as caught:
        getattr(made, operation)(**parameters)
    found = caught.value.response
    assert (found["ResponseMetadata"]["HTTPStatusCode"], found["Error"]["Code"]) == (status, code)
    assert found["ResponseMetadata"]["HTTPHeaders"]["x-amzn-errortype"] == code
    assert {name: found.get(name) for name in members} == members


@pytest.mark.fact("AA-S3-23")
def test_throttling_says_when_to_come_back(front: Front, client: Client) -> None:
    front.world.conditions = Conditions()
    front.adopt(front.world)
    made = client(SERVICE)
    found = refused_at_last(made.list_analyzers)
    assert (found["Error"]["Code"], found["ResponseMetadata"]["HTTPStatusCode"]) == ("ThrottlingException", 429)
    assert found["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "1"


@pytest.mark.fact("AA-S3-22")
def test_it_is_signed_and_permitted_by_another_name(front: Front, client: Client) -> None:
    client(SERVICE).list_analyzers()
    assert front.log.select()[-1].service == SERVICE
    [record] = cloudtrail.export(front.log.select())["Records"]
    assert record["eventSource"] == PRINCIPAL
    front.world.organization.region_denied["us-east-1"] = ("access-analyzer:List*",)
    with pytest.raises(ClientError, match="access-analyzer:ListAnalyzers on resource") as caught:
        client(SERVICE, "444444444444").list_analyzers()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert "access-analyzer" not in REST


@pytest.mark.fact("AA-S3-22")
@pytest.mark.parametrize("partition", ["aws", "aws-us-gov", "aws-cn"])
def test_it_is_in_every_region(partition: str) -> None:
    about = simulated.by_name()[SERVICE]
    found = boto3.Session().get_available_regions(SERVICE, partition)
    assert found
    assert all(about.exists_in(each) for each in found)


def test_an_inventory_is_put_back(world: World, call: Caller) -> None:
    world.organization.trusted[PRINCIPAL] = 0.0
    seen = replica.Seen.model_validate(
        {
            "regions": {
                REGION: {
                    "analyzers": [
                        {"account": MANAGEMENT, "name": "all", "type": "ORGANIZATION"},
                        {"account": MANAGEMENT, "name": "new", "type": "ACCOUNT", "status": "CREATING"},
                        {"account": MANAGEMENT, "name": "unused", "type": "ORGANIZATION_UNUSED_ACCESS", "unused_access_age": 30,
                         "excluded": "closing"},
                        {"account": MANAGEMENT, "name": "bad", "type": "ORGANIZATION", "status": "FAILED",
                         "reason": "SERVICE_LINKED_ROLE_CREATION_FAILED"},
                        {"account": DELEGATED, "name": "lost", "type": "ORGANIZATION"},
                    ]
                }
            }
        }
    )  # fmt: skip
    assert [accounts for _, accounts in seen.regions[REGION].lists() if accounts] == ["closing"]
    replica.put(world, seen, Sets({"closing": (SUSPENDED,)}))
    listed = call(MANAGEMENT, "ListAnalyzers")["analyzers"]
    assert [(each["name"], each["status"]) for each in listed] == [
        ("all", "ACTIVE"),
        ("new", "CREATING"),
        ("unused", "ACTIVE"),
        ("bad", "FAILED"),
    ]
    unused = call(MANAGEMENT, "GetAnalyzer", analyzerName="unused")["analyzer"]["configuration"]["unusedAccess"]
    assert unused == {"unusedAccessAge": 30, "analysisRule": {"exclusions": [{"accountIds": [SUSPENDED]}]}}
    assert call(DELEGATED, "ListAnalyzers")["analyzers"][0]["statusReason"]["code"] == "DELEGATED_ADMINISTRATOR_DEREGISTERED"
    assert json.loads(seen.model_dump_json()) == seen.model_dump(mode="json")
