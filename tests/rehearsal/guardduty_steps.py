"""What tests of the simulated GuardDuty do again and again."""

from typing import Any

from small_world import DELEGATED, MANAGEMENT, POLLS, REGION, Caller

GENERIC = "The request is rejected because an invalid or out-of-range value is specified as an input parameter."
NOT_ENABLED = "The request failed because a delegated administrator account has not been enabled"
NO_PERMISSION = "The request failed because you do not have required AWS Organization master permission."
NOT_MASTER = "The request failed because you are not the master account for your AWS Organization."
SAME = "The request failed because the account is already enabled as the GuardDuty delegated administrator for the organization."
ANOTHER = "The request failed because another account is already enabled as GuardDuty delegated administrator for the organization."
TOO_EARLY = "The request is rejected because the given account ID is not an associated member of account the current account."
MEMBER = "The request is rejected because the given account ID is already a member or associated member of the current account."
BUCKET = {"DestinationArn": "arn:aws:s3:::findings", "KmsKeyArn": f"arn:aws:kms:{REGION}:{DELEGATED}:key/k"}
ALL_OFF = {"S3_DATA_EVENTS", "EKS_AUDIT_LOGS", "EBS_MALWARE_PROTECTION", "RDS_LOGIN_EVENTS", "LAMBDA_NETWORK_LOGS", "AI_PROTECTION"}
RUNTIMES = [{"Name": "RUNTIME_MONITORING", "Status": "ENABLED"}, {"Name": "EKS_RUNTIME_MONITORING", "Status": "ENABLED"}]


def designate(call: Caller, region: str = REGION) -> str:
    """Designate, poll until the administrator is usable; its detector id."""
    call(MANAGEMENT, "EnableOrganizationAdminAccount", region, AdminAccountId=DELEGATED)
    return wait(call, region)


def wait(call: Caller, region: str = REGION) -> str:
    ids: list[str] = []
    while not ids:
        ids = call(DELEGATED, "ListDetectors", region)["DetectorIds"]
    for _ in range(POLLS):
        assert call.refused(DELEGATED, "DescribeOrganizationConfiguration", region, DetectorId=ids[0])[1] == NOT_ENABLED
    return ids[0]


def details(*accounts: str) -> list[dict[str, str]]:
    return [{"AccountId": each, "Email": f"a{each}@example.com"} for each in accounts]


def add(call: Caller, detector: str, *accounts: str, region: str = REGION) -> list[dict[str, str]]:
    answer = call(DELEGATED, "CreateMembers", region, DetectorId=detector, AccountDetails=details(*accounts))
    found: list[dict[str, str]] = answer["UnprocessedAccounts"]
    return found


def settle(call: Caller, detector: str, *accounts: str) -> None:
    for _ in range(POLLS):
        call(DELEGATED, "GetMembers", DetectorId=detector, AccountIds=list(accounts))


def relationship(call: Caller, detector: str, number: str) -> str:
    answer = call(DELEGATED, "GetMembers", DetectorId=detector, AccountIds=[number])
    return str(answer["Members"][0]["RelationshipStatus"])


def own(call: Caller, number: str, region: str = REGION) -> dict[str, Any]:
    ids = call(number, "ListDetectors", region)["DetectorIds"]
    return call(number, "GetDetector", region, DetectorId=ids[0])


def statuses(detector: dict[str, Any]) -> dict[str, str]:
    return {each["Name"]: each["Status"] for each in detector["Features"]}


def configure(call: Caller, detector: str, members: str = "NEW", **features: str) -> None:
    call(
        DELEGATED,
        "UpdateOrganizationConfiguration",
        DetectorId=detector,
        AutoEnableOrganizationMembers=members,
        Features=[{"Name": name, "AutoEnable": value} for name, value in features.items()],
    )


def list_all(call: Caller, detector: str, **parameters: Any) -> dict[str, str]:
    found: dict[str, str] = {}
    token: dict[str, str] = {}
    while True:
        answer = call(DELEGATED, "ListMembers", DetectorId=detector, **parameters, **token)
        found |= {each["AccountId"]: each["RelationshipStatus"] for each in answer["Members"]}
        if not answer["NextToken"]:
            return found
        token = {"NextToken": answer["NextToken"]}
