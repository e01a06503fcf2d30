"""Macie on the wire, in the organization, and as an inventory saw it; the rest are cases."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError
from small_world import DELEGATED, MANAGEMENT, MEMBERS, OPT_IN, OUTSIDER, REGION, Caller, refused_at_last

from runbook_lib.rehearsal import events, simulated
from runbook_lib.rehearsal.account_sets import Sets
from runbook_lib.rehearsal.app import build_app
from runbook_lib.rehearsal.conditions import Conditions
from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.identity import session_credential
from runbook_lib.rehearsal.inproc import session_for
from runbook_lib.rehearsal.operations.macie2 import replica
from runbook_lib.rehearsal.operations.macie2.state import SERVICE_ROLE
from runbook_lib.rehearsal.operations.storage import Shelf, Storage
from runbook_lib.rehearsal.registry import HANDLERS
from runbook_lib.rehearsal.scenario import Scenario
from runbook_lib.rehearsal.world import SimulatedRole, World

SERVICE = "macie2"
CALLED = {
    "BatchUpdateAutomatedDiscoveryAccounts",
    "CreateMember",
    "DeleteMember",
    "DescribeOrganizationConfiguration",
    "DisableMacie",
    "DisableOrganizationAdminAccount",
    "DisassociateFromAdministratorAccount",
    "DisassociateMember",
    "EnableMacie",
    "EnableOrganizationAdminAccount",
    "GetAdministratorAccount",
    "GetAutomatedDiscoveryConfiguration",
    "GetClassificationExportConfiguration",
    "GetFindingsPublicationConfiguration",
    "GetMacieSession",
    "GetMember",
    "GetUsageStatistics",
    "GetUsageTotals",
    "ListAutomatedDiscoveryAccounts",
    "ListMembers",
    "ListOrganizationAdminAccounts",
    "PutClassificationExportConfiguration",
    "PutFindingsPublicationConfiguration",
    "UpdateAutomatedDiscoveryConfiguration",
    "UpdateMacieSession",
    "UpdateMemberSession",
    "UpdateOrganizationConfiguration",
}
Client = Callable[..., Any]


def test_what_is_simulated_is_listed() -> None:
    assert {name for service, name in HANDLERS if service == SERVICE} == CALLED


def administer(world: World, *places: str) -> None:
    """Designate, usable at once."""
    world.settle_polls, polls = 0, world.settle_polls
    for region in places:
        events.designate(world, SERVICE, region, DELEGATED)
    world.settle_polls = polls


def add(call: Caller, number: str, region: str = REGION) -> None:
    call(DELEGATED, "CreateMember", region, account={"accountId": number, "email": f"a{number}@example.com"})


@pytest.mark.fact("MC-S2-34")
def test_roles_come_with_macie(world: World, call: Caller) -> None:
    def holders() -> set[str]:
        return {each.id for each in world.organization.accounts.values() if SERVICE_ROLE in each.service_linked_roles}

    call(MEMBERS[1], "EnableMacie")
    administer(world, REGION)
    add(call, MEMBERS[0])
    assert holders() == {DELEGATED, MEMBERS[0], MEMBERS[1]}
    front = Front(world)
    found = session_for(front, MEMBERS[0]).client("iam").get_role(RoleName=SERVICE_ROLE)["Role"]
    assert found["Path"] == "/aws-service-role/macie.amazonaws.com/"


@pytest.mark.fact("MC-S2-25")
def test_auto_enable_is_for_accounts_that_join(world: World, call: Caller) -> None:
    administer(world, REGION, OPT_IN)
    for region in (REGION, OPT_IN):
        call(DELEGATED, "UpdateOrganizationConfiguration", region, autoEnable=True)
    call(DELEGATED, "UpdateAutomatedDiscoveryConfiguration", status="ENABLED", autoEnableOrganizationMembers="NEW")
    assert call(DELEGATED, "ListMembers")["members"] == []
    events.add_account(world, "161616161616")
    assert [each["accountId"] for each in call(DELEGATED, "ListMembers")["members"]] == ["161616161616"]
    assert call(DELEGATED, "ListMembers", OPT_IN)["members"] == []
    items = call(DELEGATED, "ListAutomatedDiscoveryAccounts", accountIds=["161616161616"])["items"]
    assert items == [{"accountId": "161616161616", "status": "ENABLED"}]
    call(DELEGATED, "UpdateOrganizationConfiguration", autoEnable=False)
    events.add_account(world, "171717171717")
    assert call.refused("171717171717", "GetMacieSession")[0] == "AccessDeniedException"


@pytest.mark.fact("MC-S2-16", "MC-S2-29")
def test_members_come_in_pages_of_25(world: World, call: Caller) -> None:
    administer(world, REGION)
    for number in MEMBERS:
        add(call, number)
    for operation, listed, count in (("ListMembers", "members", 60), ("ListAutomatedDiscoveryAccounts", "items", 61)):
        sizes, seen, token = list[int](), set[str](), None
        while token is not None or not sizes:
            answer = call(DELEGATED, operation, **({"nextToken": token} if token else {}))
            sizes.append(len(answer[listed]))
            seen |= {each["accountId"] for each in answer[listed]}
            token = answer["nextToken"]
        assert (sizes, len(seen)) == ([25, 25, count - 50], count)


@pytest.mark.fact("MC-S2-29")
def test_a_list_may_ask_for_fifty_accounts(world: World, call: Caller) -> None:
    administer(world, REGION)
    call(DELEGATED, "ListAutomatedDiscoveryAccounts", accountIds=list(MEMBERS[:50]))
    found = call.refused(DELEGATED, "ListAutomatedDiscoveryAccounts", accountIds=list(MEMBERS[:51]))
    assert found[0] == "ValidationException"


@pytest.mark.parametrize("variant", ["named", "unchanged", "absent"])
@pytest.mark.fact("MC-S2-14")
def test_a_member_that_is_closed(world: World, call: Caller, variant: str) -> None:
    world.variants["suspended members"] = variant
    administer(world, REGION)
    add(call, MEMBERS[0])
    for _ in range(3):
        call(DELEGATED, "ListMembers")
    world.organization.accounts[MEMBERS[0]].state = "SUSPENDED"
    world.tell("account closed", account=MEMBERS[0])
    found = [each["relationshipStatus"] for each in call(DELEGATED, "ListMembers", onlyAssociated="false")["members"]]
    assert found == {"named": ["AccountSuspended"], "unchanged": ["Enabled"], "absent": []}[variant]


@pytest.mark.fact("MC-S2-31")
def test_a_bucket_that_does_not_let_macie_in(world: World, call: Caller) -> None:
    call(MEMBERS[0], "EnableMacie")
    key = f"arn:aws:kms:{REGION}:{MEMBERS[0]}:key/k"
    world.tell("bucket and key exist", bucket="shut", key=key)
    store = world.of(Storage).store
    assert isinstance(store, Shelf)
    store.buckets["shut"] = replace(store.buckets["shut"], policy="")
    refused = {"s3Destination": {"bucketName": "shut", "kmsKeyArn": key}}
    assert call.refused(MEMBERS[0], "PutClassificationExportConfiguration", configuration=refused)[0] == "ValidationException"


@pytest.mark.fact("MC-S2-33")
@pytest.mark.parametrize("region", ["ap-southeast-3", "eu-central-2", "mx-central-1"])
def test_a_region_without_macie_has_no_endpoint(front: Front, client: Client, region: str) -> None:
    front.world.regions = frozenset({*front.world.regions, region})
    for account in front.world.organization.accounts.values():
        account.regions[region] = "ENABLED"
    with pytest.raises(ConnectionClosedError):
        client(SERVICE, region=region).get_macie_session()
    assert front.log.select()[-1].status == 0
    client("accessanalyzer", region=region).list_analyzers()


@pytest.mark.fact("MC-S2-33")
def test_govcloud_has_no_macie() -> None:
    front = build_app("govcloud", moto=False)
    made = session_for(front, MANAGEMENT, "us-gov-west-1").client
    with pytest.raises(ConnectionClosedError):
        made("macie2").list_organization_admin_accounts()
    assert made("accessanalyzer").list_analyzers()["analyzers"] == []


@pytest.mark.parametrize(
    ("operation", "parameters", "status", "code", "message"),
    [
        ("get_macie_session", {}, 403, "AccessDeniedException", "Macie is not enabled"),
        ("list_members", {}, 403, "AccessDeniedException", "Macie is not enabled"),
        ("list_organization_admin_accounts", {"maxResults": 26}, 400, "ValidationException", None),
        ("disable_organization_admin_account", {"adminAccountId": OUTSIDER}, 404, "ResourceNotFoundException", None),
        ("enable_organization_admin_account", {"adminAccountId": OUTSIDER}, 400, "ValidationException", None),
        ("create_invitations", {"accountIds": [OUTSIDER]}, 501, "NotSimulated", None),
        ("list_findings", {}, 501, "NotSimulated", None),
    ],
)
@pytest.mark.fact("MC-S2-01", "MC-S2-35")
def test_refusals_on_the_wire(
    client: Client, operation: str, parameters: dict[str, Any], status: int, code: str, message: str | None
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(client(SERVICE), operation)(**parameters)
    found = caught.value.response
    assert (found["ResponseMetadata"]["HTTPStatusCode"], found["Error"]["Code"]) == (status, code)
    assert found["ResponseMetadata"]["HTTPHeaders"]["x-amzn-errortype"] == code
    assert message in (None, found["Error"]["Message"])


@pytest.mark.fact("MC-S2-13", "MC-S2-35")
def test_conflicts_quotas_and_throttling_on_the_wire(front: Front, client: Client) -> None:
    front.world.variants["macie2 member limit"] = "0"
    administer(front.world, "us-east-1")
    made = client(SERVICE, DELEGATED)
    front.world.conditions = Conditions()
    front.adopt(front.world)

    def refused(operation: Callable[..., Any], **parameters: Any) -> tuple[int, str]:
        found = refused_at_last(operation, **parameters)
        return found["ResponseMetadata"]["HTTPStatusCode"], found["Error"]["Code"]

    account = {"accountId": "444444444444", "email": "account-444444444444@example.com"}
    assert refused(made.create_member, account=account) == (402, "ServiceQuotaExceededException")
    assert refused(made.enable_macie) == (409, "ConflictException")
    assert refused(made.get_macie_session) == (429, "ThrottlingException")


@pytest.mark.fact("MC-S2-29")
def test_a_scenario_hands_accounts_of_a_batch_back(front: Front, client: Client) -> None:
    administer(front.world, "us-east-1")
    fault = {"kind": "unprocessed", "on": {"service": SERVICE}, "accounts": ["4*"]}
    front.scenario = Scenario.model_validate({"faults": [fault]})
    front.adopt(front.world)
    made = client(SERVICE, DELEGATED)
    account = {"accountId": "444444444444", "email": "account-444444444444@example.com"}
    made.create_member(account=account)
    made.update_automated_discovery_configuration(status="ENABLED", autoEnableOrganizationMembers="NONE")
    wanted = [{"accountId": "444444444444", "status": "ENABLED"}]
    answers = [made.batch_update_automated_discovery_accounts(accounts=wanted) for _ in range(2)]
    assert [each.get("errors", []) for each in answers] == [[{"accountId": "444444444444", "errorCode": "ACCOUNT_PAUSED"}], []]


@pytest.mark.parametrize("services", [(), (SERVICE,)])
def test_nothing_is_drawn_for_it_unless_it_is_named(front: Front, services: tuple[str, ...]) -> None:
    front.scenario = Scenario.model_validate({"seed": 7, "drawn": {"faults": 80, "services": services}})
    front.adopt(front.world)
    drawn = front.faults.scenario
    named = {each.on.service for each in drawn.faults} | {
        each.service for each in drawn.events if each.kind == "foreign-administrator"
    }
    unasked = {name for name, about in simulated.by_name().items() if not about.drawn_unasked}
    assert SERVICE in unasked
    assert named & unasked == set(services)
    assert named


def test_another_administrator_is_an_event(world: World, call: Caller) -> None:
    world.settle_polls = 0
    events.designate(world, SERVICE, REGION, MEMBERS[0])
    assert call(MANAGEMENT, "ListOrganizationAdminAccounts")["adminAccounts"][0]["accountId"] == MEMBERS[0]
    events.withdraw(world, SERVICE, REGION, MEMBERS[0])
    assert call(MANAGEMENT, "ListOrganizationAdminAccounts")["adminAccounts"] == []
    assert world.organization.delegated["macie.amazonaws.com"] == {}


def test_an_inventory_is_put_back(world: World, call: Caller) -> None:
    key = f"arn:aws:kms:{REGION}:{DELEGATED}:key/k"
    seen = replica.Seen.model_validate(
        {
            "regions": {
                REGION: {
                    "administrators": {DELEGATED: "ENABLED"},
                    "members": {
                        "Enabled": "most",
                        "Paused": [MEMBERS[2]],
                        "Created": [MEMBERS[3]],
                        "Removed": [MEMBERS[4]],
                        "RegionDisabled": [MEMBERS[20]],
                    },
                    "enabled": True,
                    "frequency": "ONE_HOUR",
                    "auto_enable": True,
                    "discovery": True,
                    "discovery_members": "NEW",
                    "discovers": [MEMBERS[0]],
                    "publication": {"publishClassificationFindings": True},
                    "export": {"bucketName": "results", "kmsKeyArn": key},
                },
                OPT_IN: {"administrators": {DELEGATED: "DISABLING_IN_PROGRESS"}},
            }
        }
    )
    assert {accounts for _, accounts in seen.regions[REGION].lists() if isinstance(accounts, str)} == {"most"}
    replica.put(world, seen, Sets({"most": MEMBERS[:2]}))
    listed = call(DELEGATED, "ListMembers", onlyAssociated="false")["members"]
    assert {each["accountId"]: each["relationshipStatus"] for each in listed} == {
        MEMBERS[0]: "Enabled",
        MEMBERS[1]: "Enabled",
        MEMBERS[2]: "Paused",
        MEMBERS[3]: "Created",
        MEMBERS[4]: "Removed",
        MEMBERS[20]: "RegionDisabled",
    }
    assert call(DELEGATED, "GetMacieSession")["findingPublishingFrequency"] == "ONE_HOUR"
    assert call(MEMBERS[2], "GetMacieSession")["status"] == "PAUSED"
    assert call.refused(MEMBERS[20], "GetMacieSession")[0] == "AccessDeniedException"
    assert call(DELEGATED, "DescribeOrganizationConfiguration")["autoEnable"] is True
    assert call(DELEGATED, "GetAutomatedDiscoveryConfiguration")["autoEnableOrganizationMembers"] == "NEW"
    items = call(DELEGATED, "ListAutomatedDiscoveryAccounts")["items"]
    assert {each["accountId"] for each in items if each["status"] == "ENABLED"} == {DELEGATED, MEMBERS[0]}
    published = call(DELEGATED, "GetFindingsPublicationConfiguration")["securityHubConfiguration"]
    assert published == {"publishPolicyFindings": True, "publishClassificationFindings": True}
    exported = call(DELEGATED, "GetClassificationExportConfiguration")["configuration"]["s3Destination"]
    assert exported == {"bucketName": "results", "kmsKeyArn": key}
    assert call(MANAGEMENT, "ListOrganizationAdminAccounts", OPT_IN)["adminAccounts"][0]["status"] == "DISABLING_IN_PROGRESS"


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        (SERVICE, "enable_macie", {}),
        ("accessanalyzer", "create_analyzer", {"analyzerName": "mine", "type": "ACCOUNT"}),
    ],
)
def test_the_role_is_made_with_the_callers_permissions(
    front: Front, client: Client, service: str, operation: str, parameters: dict[str, Any]
) -> None:
    role = SimulatedRole("Narrow", {MANAGEMENT}, denied=("iam:CreateServiceLinkedRole",))
    front.world.organization.accounts["444444444444"].roles["Narrow"] = role
    front.world.organization.accounts["444444444444"].service_linked_roles.clear()
    held = session_credential(front.world, "444444444444", role, "test", 3600)
    with pytest.raises(ClientError, match="permission to create the service-linked role") as caught:
        getattr(client(service, "444444444444", credential=held), operation)(**parameters)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
