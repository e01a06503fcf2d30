"""iam:SimulatePrincipalPolicy: the evaluator that decides about requests, asked beforehand, and as blind as AWS's."""

from typing import Any

import pytest
from botocore.exceptions import ClientError
from small_organization import DELEGATED, MANAGEMENT, role_arn
from test_simulated_permissions import ROLES, As, allow, denied, document, govern

from runbook_lib.rehearsal.front import Front

EVERYTHING = document(allow("*"))


def result(client: As, account: str, action: str, region: str = "us-east-1", **more: Any) -> dict[str, Any]:
    context = [{"ContextKeyName": "aws:RequestedRegion", "ContextKeyType": "string", "ContextKeyValues": [region]}]
    answer = client("iam").simulate_principal_policy(
        PolicySourceArn=role_arn(account, ROLES[account]), ActionNames=[action], ContextEntries=context, **more
    )
    (found,) = answer["EvaluationResults"]
    assert found["EvalActionName"] == action
    return dict(found)


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        (document(allow("guardduty:Create*", "iam:*")), "allowed"),
        (document(allow("iam:*")), "implicitDeny"),
        (document(allow("*"), {**allow("guardduty:*"), "Effect": "Deny"}), "explicitDeny"),
    ],
)
def test_identity_policies_decide_as_they_do_about_the_request(front: Front, policy: str, says: str) -> None:
    client = As(front, MANAGEMENT, policy)
    assert result(client, MANAGEMENT, "guardduty:CreateDetector")["EvalDecision"] == says
    assert bool(denied(lambda: client("guardduty").create_detector(Enable=True))) is (says != "allowed")


def test_a_boundary_is_told_apart(front: Front) -> None:
    found = result(As(front, MANAGEMENT, EVERYTHING, boundary=document(allow("iam:*"))), MANAGEMENT, "guardduty:CreateDetector")
    assert found["EvalDecision"] == "implicitDeny"
    assert found["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    assert "OrganizationsDecisionDetail" not in found


def test_service_control_policies_count_by_region_and_never_for_the_management_account(front: Front) -> None:
    there = {"Condition": {"StringEquals": {"aws:RequestedRegion": "us-east-2"}}}
    govern(
        front,
        "SERVICE_CONTROL_POLICY",
        document({**allow("guardduty:*"), "Effect": "Deny", **there}),
        front.world.organization.root,
    )
    client = As(front, DELEGATED, EVERYTHING)
    allowed = {
        region: result(client, DELEGATED, "guardduty:CreateDetector", region)["OrganizationsDecisionDetail"][
            "AllowedByOrganizations"
        ]
        for region in ("us-east-1", "us-east-2")
    }
    assert allowed == {"us-east-1": True, "us-east-2": False}
    manager = result(As(front, MANAGEMENT, EVERYTHING), MANAGEMENT, "guardduty:CreateDetector", "us-east-2")
    assert manager["EvalDecision"] == "allowed"
    assert "OrganizationsDecisionDetail" not in manager


def test_session_and_resource_control_policies_are_not_seen(front: Front) -> None:
    govern(front, "RESOURCE_CONTROL_POLICY", document({**allow("kms:*"), "Effect": "Deny", "Principal": "*"}), DELEGATED)
    client = As(front, DELEGATED, EVERYTHING, session=document(allow("iam:*")))
    assert result(client, DELEGATED, "kms:Sign")["EvalDecision"] == "allowed"
    assert "no session policy allows" in denied(client("guardduty").list_detectors)


def test_what_the_question_does_not_say_is_missing(front: Front) -> None:
    only = {"Condition": {"StringEquals": {"organizations:ServicePrincipal": "guardduty.amazonaws.com"}}}
    client = As(front, MANAGEMENT, document(allow("organizations:EnableAWSServiceAccess", **only), allow("iam:*")))
    found = result(client, MANAGEMENT, "organizations:EnableAWSServiceAccess")
    assert (found["EvalDecision"], found["MissingContextValues"]) == ("implicitDeny", ["organizations:ServicePrincipal"])


def test_there_is_one_result_for_an_action_and_a_decision_for_each_resource(front: Front) -> None:
    key = "arn:aws:kms:us-east-1:111111111111:key/"
    client = As(front, MANAGEMENT, document({**allow("kms:Sign"), "Resource": f"{key}a"}, allow("iam:*")))
    found = result(client, MANAGEMENT, "kms:Sign", ResourceArns=[f"{key}a", f"{key}b"])
    assert found["EvalDecision"] == "implicitDeny"
    decided = {each["EvalResourceName"]: each["EvalResourceDecision"] for each in found["ResourceSpecificResults"]}
    assert decided == {f"{key}a": "allowed", f"{key}b": "implicitDeny"}


def test_results_come_in_pages(front: Front) -> None:
    client = As(front, MANAGEMENT, EVERYTHING)("iam")
    names = [f"guardduty:Get{number}" for number in range(5)]
    pages = client.get_paginator("simulate_principal_policy").paginate(
        PolicySourceArn=role_arn(MANAGEMENT, ROLES[MANAGEMENT]), ActionNames=names, PaginationConfig={"PageSize": 2}
    )
    found = [[each["EvalActionName"] for each in page["EvaluationResults"]] for page in pages]
    assert found == [names[:2], names[2:4], names[4:]]


def test_whoever_may_not_ask_is_told_so_about_that_role(front: Front) -> None:
    client = As(front, MANAGEMENT, document(allow("guardduty:*")))
    said = denied(lambda: result(client, MANAGEMENT, "guardduty:CreateDetector"))
    assert said.startswith(
        f"iam:SimulatePrincipalPolicy on resource: {role_arn(MANAGEMENT, ROLES[MANAGEMENT])} because no identity"
    )


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"PolicySourceArn": "arn:aws:sts::111111111111:assumed-role/RunbookManagement/run"}, "InvalidInput"),
        ({"PolicySourceArn": role_arn(DELEGATED, "RunbookDelegated")}, "NoSuchEntity"),
        ({"PolicySourceArn": role_arn(MANAGEMENT, "Nobody")}, "NoSuchEntity"),
        ({"ActionNames": ["CreateDetector"]}, "InvalidInput"),
        ({"ContextEntries": [{"ContextKeyName": "aws:RequestedRegion"}]}, "InvalidInput"),
    ],
)
def test_what_aws_refuses_of_a_question(front: Front, more: dict[str, Any], code: str) -> None:
    client = As(front, MANAGEMENT, EVERYTHING)("iam")
    asked = {"PolicySourceArn": role_arn(MANAGEMENT, ROLES[MANAGEMENT]), "ActionNames": ["guardduty:CreateDetector"]}
    with pytest.raises(ClientError) as refused:
        client.simulate_principal_policy(**{**asked, **more})
    assert refused.value.response["Error"]["Code"] == code
