"""The policies of the simulated organization at work: on roles and sessions, on accounts, on what services do for their caller."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from small_organization import DELEGATED, MANAGEMENT, MEMBER, RUNNER, role_arn

from runbook_lib.base.documents import DocumentError
from runbook_lib.rehearsal import seeds
from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.identity import Credential, Credentials
from runbook_lib.rehearsal.inproc import session_for
from runbook_lib.rehearsal.operations.organizations import OrganizationsState

ROLES = {MANAGEMENT: "RunbookManagement", DELEGATED: "RunbookDelegated"}


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(*actions: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}


def denied(call: Callable[[], Any]) -> str:
    """What a refused call says after "not authorized to perform:"; "" when it is not refused."""
    try:
        call()
    except ClientError as error:
        said = error.response["Error"]
        return said["Message"].partition("not authorized to perform: ")[2] if said["Code"].startswith("AccessDenied") else ""
    return ""


class As:
    """Clients of the runbook's role in an account, with these policies."""

    def __init__(self, front: Front, account: str, *policies: str, boundary: str = "", session: str | None = None) -> None:
        role = front.world.organization.accounts[account].roles[ROLES[account]]
        role.policies, role.boundary = policies, boundary
        sts = session_for(front, RUNNER).client("sts")
        narrowed = {} if session is None else {"Policy": session}
        answer = sts.assume_role(RoleArn=role_arn(account, role.name), RoleSessionName="run", **narrowed)["Credentials"]
        self.credential: Credential = front.world.of(Credentials).by_key[answer["AccessKeyId"]]
        self._session = session_for(front, account, credential=self.credential)

    def __call__(self, service: str, region: str = "us-east-1") -> Any:
        return self._session.client(service, region_name=region)


def govern(front: Front, kind: str, content: str, target: str) -> None:
    front.world.of(OrganizationsState).policies.append(
        {"id": "p-test0001", "name": "Guardrail", "type": kind, "content": content, "targets": [target]}
    )


def test_a_role_may_do_what_its_policies_say_and_nothing_else(front: Front) -> None:
    client = As(front, MANAGEMENT, document(allow("guardduty:List*")), document(allow("account:*")))
    assert client("guardduty").list_detectors()["DetectorIds"] == []
    assert denied(lambda: client("guardduty").create_detector(Enable=True)) == (
        "guardduty:CreateDetector on resource: * because no identity-based policy allows the guardduty:CreateDetector action"
    )
    assert client("account").list_regions()


def test_an_explicit_deny_says_so(front: Front) -> None:
    client = As(front, MANAGEMENT, document(allow("*"), {**allow("guardduty:*"), "Effect": "Deny"}))
    said = denied(client("guardduty").list_detectors)
    assert said == "guardduty:ListDetectors on resource: * with an explicit deny in an identity-based policy"


def test_boundary_and_session_policy_narrow_a_role(front: Front) -> None:
    everything = document(allow("*"))
    bound = As(front, MANAGEMENT, everything, boundary=document(allow("organizations:*")))
    assert "no permissions boundary allows" in denied(bound("guardduty").list_detectors)
    narrowed = As(front, MANAGEMENT, everything, session=document(allow("guardduty:*")))
    assert narrowed("guardduty").list_detectors()
    assert "no session policy allows" in denied(narrowed("organizations").describe_organization)


def test_a_session_policy_that_is_none_is_refused(front: Front) -> None:
    with pytest.raises(ClientError, match="MalformedPolicyDocument"):
        As(front, MANAGEMENT, session='{"Statement": {"Effect": "Allow", "Action": "*"}}')
    with pytest.raises(ClientError, match="PolicyArns is not simulated"):
        session_for(front, RUNNER).client("sts").assume_role(
            RoleArn=role_arn(MANAGEMENT, ROLES[MANAGEMENT]),
            RoleSessionName="run",
            PolicyArns=[{"arn": "arn:aws:iam::aws:policy/ReadOnly"}],
        )


def test_conditions_look_at_region_and_parameters(front: Front) -> None:
    principal = {"StringEquals": {"organizations:ServicePrincipal": "guardduty.amazonaws.com"}}
    there = {"StringEquals": {"aws:RequestedRegion": "us-east-2"}}
    client = As(
        front, MANAGEMENT,
        document(allow("organizations:EnableAWSServiceAccess", Condition=principal), allow("guardduty:*", Condition=there)),
    )  # fmt: skip
    client("organizations").enable_aws_service_access(ServicePrincipal="guardduty.amazonaws.com")
    assert denied(lambda: client("organizations").enable_aws_service_access(ServicePrincipal="config.amazonaws.com"))
    assert client("guardduty", "us-east-2").list_detectors()
    assert denied(client("guardduty", "us-east-1").list_detectors)


def test_resources_are_compared_where_they_are_known(front: Front) -> None:
    administrator = f"arn:aws:organizations::{MANAGEMENT}:account/o-rehearsal001/{DELEGATED}"
    registering = {**allow("organizations:RegisterDelegatedAdministrator"), "Resource": administrator}
    client = As(front, MANAGEMENT, document(allow("organizations:EnableAWSServiceAccess"), registering))
    organizations = client("organizations")
    organizations.enable_aws_service_access(ServicePrincipal="guardduty.amazonaws.com")
    other = denied(
        lambda: organizations.register_delegated_administrator(AccountId=MEMBER, ServicePrincipal="guardduty.amazonaws.com")
    )
    assert f"/{MEMBER} because no identity-based policy" in other
    organizations.register_delegated_administrator(AccountId=DELEGATED, ServicePrincipal="guardduty.amazonaws.com")


def test_a_parameter_that_is_no_good_is_refused_by_whoever_may_call(front: Front) -> None:
    one = f"arn:aws:organizations::{MANAGEMENT}:account/o-rehearsal001/{DELEGATED}"
    may = As(front, MANAGEMENT, document(allow("organizations:*")))
    with pytest.raises(ClientError, match="InvalidInputException"):
        may("organizations").describe_account(AccountId="no account")
    may_one = As(front, MANAGEMENT, document({**allow("organizations:*"), "Resource": one}))
    assert "no identity-based policy" in denied(lambda: may_one("organizations").describe_account(AccountId="no account"))


def test_what_nobody_can_judge_is_an_error_of_the_simulation(front: Front) -> None:
    client = As(front, MANAGEMENT, document(allow("*", Condition={"StringEquals": {"aws:SourceVpce": "vpce-1"}})))
    with pytest.raises(ClientError, match=r"SimulationError.*aws:SourceVpce is not simulated"):
        client("guardduty").list_detectors()
    client = As(front, MANAGEMENT, document({**allow("*"), "Resource": "arn:aws:securityhub:*:*:hub/default"}))
    with pytest.raises(ClientError, match="the resource of securityhub:DescribeHub is not simulated"):
        client("securityhub").describe_hub()


@pytest.mark.parametrize("operation", ["organizations:RegisterDelegatedAdministrator", "organizations:DescribeAccount"])
def test_designation_takes_what_the_service_does_for_its_caller(front: Front, operation: str) -> None:
    needed = document(allow("*"))
    client = As(front, MANAGEMENT, needed, document({**allow(operation), "Effect": "Deny"}))
    said = denied(lambda: client("guardduty").enable_organization_admin_account(AdminAccountId=DELEGATED))
    assert said.startswith(operation)
    assert not front.world.organization.delegated
    As(front, MANAGEMENT, needed)("guardduty").enable_organization_admin_account(AdminAccountId=DELEGATED)


def enables_with_its_role_only(front: Front, service: str, enable: Callable[[Any], Any]) -> None:
    """Enabling is refused where iam:CreateServiceLinkedRole is allowed for another service's role, and goes through for its own."""
    own = allow(f"{service}:*")
    other = allow("iam:CreateServiceLinkedRole", Condition={"StringEquals": {"iam:AWSServiceName": "macie.amazonaws.com"}})
    client = As(front, DELEGATED, document(own, other))
    assert denied(lambda: enable(client(service))).startswith("iam:CreateServiceLinkedRole on resource: arn:aws:iam::")
    right = allow("iam:CreateServiceLinkedRole", Condition={"StringEquals": {"iam:AWSServiceName": f"{service}.amazonaws.com"}})
    enable(As(front, DELEGATED, document(own, right))(service))


def test_the_first_hub_makes_the_service_linked_role_as_its_caller(front: Front) -> None:
    enables_with_its_role_only(front, "securityhub", lambda client: client.enable_security_hub())


def test_the_first_detector_makes_the_service_linked_role_as_its_caller(front: Front) -> None:
    enables_with_its_role_only(front, "guardduty", lambda client: client.create_detector(Enable=True))


def test_scps_bind_members_and_not_the_management_account(front: Front) -> None:
    govern(front, "SERVICE_CONTROL_POLICY", document({**allow("guardduty:*"), "Effect": "Deny"}), front.world.organization.root)
    assert session_for(front, MANAGEMENT).client("guardduty").list_detectors()
    said = denied(session_for(front, DELEGATED).client("guardduty").list_detectors)
    assert said == "guardduty:ListDetectors on resource: * with an explicit deny in a service control policy"
    assert session_for(front, DELEGATED).client("account").list_regions()


def test_an_scp_binds_below_its_target_only(front: Front) -> None:
    unit = front.world.organization.accounts[DELEGATED].parent
    govern(front, "SERVICE_CONTROL_POLICY", document({**allow("guardduty:*"), "Effect": "Deny"}), unit)
    assert denied(session_for(front, DELEGATED).client("guardduty").list_detectors)
    assert session_for(front, MEMBER).client("guardduty").list_detectors()


def test_an_rcp_keeps_outsiders_from_a_role(front: Front) -> None:
    condition = {"StringNotEquals": {"aws:PrincipalAccount": MANAGEMENT}}
    deny = {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole", "Resource": "*", "Condition": condition}
    govern(front, "RESOURCE_CONTROL_POLICY", document(deny), DELEGATED)
    sts = session_for(front, RUNNER).client("sts")
    assert denied(lambda: sts.assume_role(RoleArn=role_arn(DELEGATED, ROLES[DELEGATED]), RoleSessionName="run"))
    assert sts.assume_role(RoleArn=role_arn(MANAGEMENT, ROLES[MANAGEMENT]), RoleSessionName="run")


def test_a_role_needs_leave_to_assume_another(front: Front) -> None:
    other = role_arn(MEMBER, "RunbookMember")
    silent = As(front, DELEGATED, document(allow("guardduty:*")))
    assert denied(lambda: silent("sts").assume_role(RoleArn=other, RoleSessionName="run"))
    allowed = As(front, DELEGATED, document({**allow("sts:AssumeRole"), "Resource": other}))
    assert allowed("sts").assume_role(RoleArn=other, RoleSessionName="run")


def test_iam_shows_the_trust_policy_that_decides(front: Front) -> None:
    role = front.world.organization.accounts[MANAGEMENT].roles["RunbookManagement"]
    role.external_id = "ours"
    shown = session_for(front, MANAGEMENT).client("iam").get_role(RoleName=role.name)["Role"]["AssumeRolePolicyDocument"]
    [statement] = shown["Statement"]
    assert statement["Principal"] == {"AWS": [RUNNER]}
    assert statement["Condition"] == {"StringEquals": {"sts:ExternalId": "ours"}}


def test_a_seed_may_give_roles_policies(tmp_path: Any) -> None:
    path = tmp_path / "seed.yaml"
    lines = [
        "extends: seven",
        "roles:",
        "  - name: Reader",
        '    account: "111111111111"',
        '    trusts: ["333333333333"]',
        "    policies: [{ Version: '2012-10-17', Statement: [{ Effect: Allow, Action: 'guardduty:*', Resource: '*' }] }]",
    ]
    path.write_text("\n".join(lines))
    role = seeds.load(path).organization.accounts[MANAGEMENT].roles["Reader"]
    assert role.policies is not None
    assert "guardduty:*" in role.policies[0]
    path.write_text("\n".join(lines).replace("Effect: Allow", "Effect: Permit"))
    with pytest.raises(DocumentError, match=r"roles\[0\]\.policies\[0\].*Effect is Allow or Deny"):
        seeds.load(path)
