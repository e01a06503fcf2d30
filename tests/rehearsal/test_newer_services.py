"""Security Hub V2 and AWS Security Incident Response as far as they are read, and services whose protocol is CBOR."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from small_organization import DELEGATED, MEMBER

from runbook_lib.rehearsal.app import build_app
from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.inproc import session_for
from runbook_lib.rehearsal.operations.security_ir import MANAGED_BY, join
from runbook_lib.rehearsal.operations.securityhub.second import switch_on_v2

HOME = "us-east-1"


@pytest.fixture
def front() -> Front:
    return build_app("seven", moto=False)


def client(front: Front, service: str) -> Any:
    once = Config(retries={"total_max_attempts": 1})
    return session_for(front, DELEGATED, HOME).client(service, region_name=HOME, config=once)


def refused(call: Callable[..., Any], **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


@pytest.mark.fact("SI-NS-01")
def test_security_hub_v2_is_read_and_off_until_somebody_switches_it_on(front: Front) -> None:
    hub = client(front, "securityhub")
    assert refused(hub.describe_security_hub_v2) == "ResourceNotFoundException"
    off = (hub.list_automation_rules_v2, hub.list_connectors_v2, hub.get_findings_v2)
    assert [refused(each) for each in off] == ["ConflictException"] * 3
    switch_on_v2(front.world, DELEGATED, HOME, rule="quiet", connector="JIRA_CLOUD")
    assert hub.describe_security_hub_v2()["HubV2Arn"].startswith(f"arn:aws:securityhub:{HOME}:{DELEGATED}:hubv2/")
    assert refused(hub.get_findings_v2) == "NotSimulated", "an empty list would say that there are none"
    assert [each["RuleName"] for each in hub.list_automation_rules_v2()["Rules"]] == ["quiet"]
    [connector] = hub.list_connectors_v2(ProviderName="JIRA_CLOUD")["Connectors"]
    assert connector["ProviderSummary"]["ConnectorStatus"] == "PENDING_AUTHORIZATION"
    assert hub.list_connectors_v2(ProviderName="SERVICENOW")["Connectors"] == []
    with pytest.raises(ValueError, match="connector: PAGER"):
        switch_on_v2(front.world, DELEGATED, HOME, connector="PAGER")


@pytest.mark.fact("SI-NS-02")
def test_incident_response_is_read_and_manages_a_rule(front: Front) -> None:
    response = client(front, "security-ir")
    assert response.list_memberships()["items"] == []
    join(front.world, DELEGATED, HOME, whole="false")
    [found] = response.list_memberships()["items"]
    assert (found["accountId"], found["region"], found["membershipStatus"]) == (DELEGATED, HOME, "Active")
    assert response.get_membership(membershipId=found["membershipId"])["numberOfAccountsCovered"] == 1
    asked = {"membershipId": found["membershipId"], "accountIds": [DELEGATED, MEMBER, "999999999999"]}
    details = response.batch_get_member_account_details(**asked)
    assert [each["relationshipStatus"] for each in details["items"]] == ["Associated", "Unassociated"]
    assert [each["accountId"] for each in details["errors"]] == ["999999999999"]
    asked["accountIds"] = [MEMBER] * 101
    assert refused(response.batch_get_member_account_details, **asked) == "ValidationException"
    assert refused(response.get_membership, membershipId="m-0123456789") == "ResourceNotFoundException"
    assert refused(response.cancel_membership, membershipId=found["membershipId"]) == "NotSimulated"
    assert [each["ManagedBy"] for each in client(front, "events").list_rules()["Rules"]] == [MANAGED_BY]


@pytest.mark.fact("SI-NS-03")
def test_a_service_that_speaks_cbor_is_refused_in_cbor(front: Front) -> None:
    service = client(front, "eventbridgev2")
    operations = {
        name: service.meta.service_model.operation_model(name).input_shape for name in service.meta.service_model.operation_names
    }
    plain = next(name for name, shape in sorted(operations.items()) if name.startswith("List") and not shape.required_members)
    method = next(each for each, name in service.meta.method_to_api_mapping.items() if name == plain)
    assert refused(getattr(service, method)) == "NotSimulated"
