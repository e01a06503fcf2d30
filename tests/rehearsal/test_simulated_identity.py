"""Who may call: keys, sessions that expire on the world's clock, AssumeRole's refusals, Regions, IAM and SCP denials."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import ClientError
from small_organization import DELEGATED, MANAGEMENT, MEMBER, RUNNER, SUSPENDED, role_arn

from runbook_lib.rehearsal.app import build_app
from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.identity import Credential, Credentials, access_key
from runbook_lib.rehearsal.inproc import session_for

Client = Callable[..., Any]
Session = Callable[[str, str], Credential]


def refusal(call: Callable[[], Any]) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as raised:
        call()
    response = raised.value.response
    return response["Error"]["Code"], response["Error"]["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_a_key_says_its_account_as_aws_keys_do() -> None:
    import base64

    key = access_key("ASIA", "123456789012", "salt")
    assert len(key) == 20
    assert (int.from_bytes(base64.b32decode(key[4:])[:6], "big") & 0x7FFFFFFFFF80) >> 7 == 123456789012


def test_a_session_acts_in_its_roles_account(client: Client) -> None:
    answer = client("sts", RUNNER).assume_role(RoleArn=role_arn(DELEGATED, "RunbookDelegated"), RoleSessionName="run-1")
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{DELEGATED}:assumed-role/RunbookDelegated/run-1"
    assert answer["Credentials"]["SessionToken"]


@pytest.mark.parametrize(
    ("caller", "arguments", "code"),
    [
        (RUNNER, {"RoleArn": role_arn(DELEGATED, "Missing")}, "AccessDenied"),
        (RUNNER, {"RoleArn": role_arn("999999999999", "RunbookMember")}, "AccessDenied"),
        (MEMBER, {"RoleArn": role_arn(DELEGATED, "RunbookDelegated")}, "AccessDenied"),
        (DELEGATED, {"RoleArn": role_arn(SUSPENDED, "RunbookMember")}, "AccessDenied"),
        (RUNNER, {"RoleArn": "arn:aws-us-gov:iam::222222222222:role/RunbookDelegated"}, "AccessDenied"),
        (RUNNER, {"RoleArn": role_arn(DELEGATED, "RunbookDelegated"), "DurationSeconds": 3601}, "ValidationError"),
        (RUNNER, {"RoleArn": role_arn(DELEGATED, "RunbookDelegated"), "DurationSeconds": 43201}, "ValidationError"),
        (RUNNER, {"RoleArn": role_arn(DELEGATED, "RunbookDelegated"), "RoleSessionName": "no spaces"}, "ValidationError"),
        (RUNNER, {"RoleArn": "arn:aws:iam::222222222222:user/somebody"}, "ValidationError"),
    ],
)
@pytest.mark.fact("ORG-3.2-32", "ORG-3.2-34", "SI-11-10")
def test_assume_role_refuses(client: Client, caller: str, arguments: dict[str, Any], code: str) -> None:
    asked = {"RoleSessionName": "run-1", **arguments}
    found, text, status = refusal(lambda: client("sts", caller).assume_role(**asked))
    assert found == code
    assert status == (403 if code == "AccessDenied" else 400)
    if code == "AccessDenied":
        assert "is not authorized to perform: sts:AssumeRole on resource" in text


@pytest.mark.fact("ORG-3.2-35")
def test_a_suspended_account_cannot_be_entered_any_more(client: Client, front: Front) -> None:
    front.world.organization.accounts[DELEGATED].state = "SUSPENDED"
    ask = client("sts", RUNNER).assume_role
    assert refusal(lambda: ask(RoleArn=role_arn(DELEGATED, "RunbookDelegated"), RoleSessionName="run"))[0] == "AccessDenied"


def test_the_external_id_must_be_right(client: Client, front: Front) -> None:
    front.world.organization.accounts[DELEGATED].roles["RunbookDelegated"].external_id = "our-secret"
    ask, arn = client("sts", RUNNER).assume_role, role_arn(DELEGATED, "RunbookDelegated")
    assert refusal(lambda: ask(RoleArn=arn, RoleSessionName="run"))[0] == "AccessDenied"
    assert refusal(lambda: ask(RoleArn=arn, RoleSessionName="run", ExternalId="another"))[0] == "AccessDenied"
    assert ask(RoleArn=arn, RoleSessionName="run", ExternalId="our-secret")["Credentials"]


@pytest.mark.fact("MF-10.1-10", "ORG-3.2-33")
def test_a_role_that_assumes_a_role_gets_an_hour_at_most(client: Client, front: Front, role_session: Session) -> None:
    front.world.organization.accounts[MEMBER].roles["RunbookMember"].max_session_seconds = 43200
    sts = client("sts", credential=role_session(DELEGATED, "RunbookDelegated"))
    arn = role_arn(MEMBER, "RunbookMember")
    assert "role chaining" in refusal(lambda: sts.assume_role(RoleArn=arn, RoleSessionName="run", DurationSeconds=3601))[1]
    assert sts.assume_role(RoleArn=arn, RoleSessionName="run", DurationSeconds=3600)["Credentials"]


@pytest.mark.fact("ORG-3.2-31", "ORG-3.2-37")
def test_sessions_expire_on_the_worlds_clock(client: Client, front: Front, role_session: Session) -> None:
    credential = role_session(DELEGATED, "RunbookDelegated")
    guardduty = client("guardduty", credential=credential)
    assert guardduty.list_detectors()["DetectorIds"] == []
    front.world.skip(3599)
    assert guardduty.list_detectors()["DetectorIds"] == []
    front.world.skip(2)
    assert refusal(guardduty.list_detectors)[0::2] == ("ExpiredTokenException", 403)
    assert refusal(client("sts", credential=credential).get_caller_identity)[0::2] == ("ExpiredToken", 403)


def test_a_fast_clock_expires_900_seconds_in_15() -> None:
    front = build_app("seven", moto=False, speed=60)
    before = time.time()
    sts = session_for(front, RUNNER).client("sts")
    answer = sts.assume_role(RoleArn=role_arn(DELEGATED, "RunbookDelegated"), RoleSessionName="run", DurationSeconds=900)
    expires = front.world.of(Credentials).by_key[answer["Credentials"]["AccessKeyId"]].expires
    assert expires is not None
    real_seconds = (expires - front.world.now()) / 60
    assert 14 < real_seconds <= 15
    assert answer["Credentials"]["Expiration"].timestamp() - before > 890


def test_unknown_keys_and_stolen_keys_without_their_token_are_refused(client: Client, role_session: Session) -> None:
    credential = role_session(DELEGATED, "RunbookDelegated")
    text = "The security token included in the request is invalid."
    for stranger in (
        Credential("AKIAUNKNOWN000000000", "s", DELEGATED, "", ""),
        Credential(credential.key, credential.secret, DELEGATED, "", "", token="other"),
    ):
        assert refusal(client("guardduty", credential=stranger).list_detectors) == ("UnrecognizedClientException", text, 403)
        assert refusal(client("sts", credential=stranger).get_caller_identity) == ("InvalidClientTokenId", text, 403)
        assert refusal(client("organizations", credential=stranger).describe_organization)[0] == "UnrecognizedClientException"


@pytest.mark.parametrize(
    ("service", "method", "code"),
    [
        ("s3", "list_buckets", "UnrecognizedClientException"),
        ("ec2", "describe_regions", "InvalidClientTokenId"),
        ("iam", "list_users", "InvalidClientTokenId"),
        ("kms", "list_keys", "UnrecognizedClientException"),
        ("events", "list_rules", "UnrecognizedClientException"),
        ("lambda", "list_functions", "UnrecognizedClientException"),
    ],
)
def test_services_behind_ours_refuse_unknown_keys_too(client: Client, service: str, method: str, code: str) -> None:
    stranger = Credential("AKIAUNKNOWN000000000", "s", DELEGATED, "", "")
    assert refusal(getattr(client(service, credential=stranger), method))[0] == code


@pytest.mark.fact("SI-11-10")
def test_a_region_that_is_not_enabled_does_not_know_the_token() -> None:
    front = build_app("default", moto=False)
    out = session_for(front, "131313131313", "eu-south-1")
    assert refusal(out.client("guardduty").list_detectors)[0] == "UnrecognizedClientException"
    assert refusal(out.client("sts").get_caller_identity)[0] == "InvalidClientTokenId"
    assert session_for(front, MEMBER, "eu-south-1").client("guardduty").list_detectors()["DetectorIds"] == []
    assert refusal(session_for(front, MEMBER, "eu-west-1").client("guardduty").list_detectors)[0] == "UnrecognizedClientException"


@pytest.mark.fact("GD-5.1-01")
def test_what_a_role_is_denied_is_said_as_iam_says_it(client: Client, front: Front, role_session: Session) -> None:
    front.world.organization.accounts[MANAGEMENT].roles["RunbookManagement"].denied = ("guardduty:List*",)
    credential = role_session(MANAGEMENT, "RunbookManagement")
    code, text, status = refusal(client("guardduty", credential=credential).list_detectors)
    assert (code, status) == ("AccessDeniedException", 403)
    assert text.startswith(f"User: {credential.principal} is not authorized to perform: guardduty:ListDetectors")
    assert client("organizations", credential=credential).describe_organization()


@pytest.mark.fact("MF-10.1-08")
def test_a_region_deny_policy_spares_the_management_account() -> None:
    front = build_app("region-deny", moto=False)
    code, text, _ = refusal(session_for(front, DELEGATED, "us-east-2").client("guardduty").list_detectors)
    assert code == "AccessDeniedException"
    assert text.endswith("with an explicit deny in a service control policy")
    assert session_for(front, MANAGEMENT, "us-east-2").client("guardduty").list_detectors()["DetectorIds"] == []
    assert session_for(front, DELEGATED, "us-east-1").client("guardduty").list_detectors()["DetectorIds"] == []
    assert session_for(front, DELEGATED, "us-east-2").client("sts").get_caller_identity()


def test_read_only_roles_may_read_and_nothing_else(role_session: Session) -> None:
    front = build_app("read-only", moto=False)
    for account, name in ((MANAGEMENT, "RunbookManagement"), (DELEGATED, "RunbookDelegated")):
        answer = session_for(front, RUNNER).client("sts").assume_role(RoleArn=role_arn(account, name), RoleSessionName="run")
        credential = front.world.of(Credentials).by_key[answer["Credentials"]["AccessKeyId"]]
        session = session_for(front, account, credential=credential)
        assert session.client("guardduty").list_detectors()["DetectorIds"] == []
        assert refusal(partial(session.client("guardduty").create_detector, Enable=True))[0] == "AccessDeniedException"
        assert refusal(session.client("securityhub").enable_security_hub)[0] == "AccessDeniedException"


@pytest.mark.fact("ORG-3.2-34")
def test_the_role_can_be_missing() -> None:
    sts = session_for(build_app("role-missing", moto=False), RUNNER).client("sts")
    assert (
        refusal(lambda: sts.assume_role(RoleArn=role_arn(DELEGATED, "RunbookDelegated"), RoleSessionName="run"))[0]
        == "AccessDenied"
    )
    assert sts.assume_role(RoleArn=role_arn(MANAGEMENT, "RunbookManagement"), RoleSessionName="run")["Credentials"]


def test_service_linked_roles_are_made_once(client: Client, front: Front) -> None:
    iam = client("iam", MANAGEMENT)
    assert refusal(lambda: iam.get_role(RoleName="AWSServiceRoleForAmazonInspector2"))[0] == "NoSuchEntity"
    made = iam.create_service_linked_role(AWSServiceName="inspector2.amazonaws.com")["Role"]
    assert made["Arn"].endswith("role/aws-service-role/inspector2.amazonaws.com/AWSServiceRoleForAmazonInspector2")
    assert iam.get_role(RoleName="AWSServiceRoleForAmazonInspector2")["Role"]["RoleId"] == made["RoleId"]
    code, text, status = refusal(lambda: iam.create_service_linked_role(AWSServiceName="inspector2.amazonaws.com"))
    assert (code, status) == ("InvalidInput", 400)
    assert "has been taken in this account" in text
    assert front.world.organization.accounts[MANAGEMENT].service_linked_roles == {"AWSServiceRoleForAmazonInspector2"}
