"""What tests of the simulated Inspector do again and again."""

from small_world import DELEGATED, MANAGEMENT, POLLS, REGION, Caller, small_world

from runbook_lib.rehearsal.world import World

PRINCIPAL = "inspector2.amazonaws.com"
NO_ACCESS = "Invoking account does not have access to "
NO_ORGANIZATION = "Invoking account does not have access to describe the organization configuration."
ALREADY = f"Delegated administrator {DELEGATED} is already enabled for the organization"
FLAGS = {"ec2": True, "ecr": True, "lambda": True, "lambdaCode": True, "codeRepository": False, "ami": False}
STANDARD = ["EC2", "ECR", "LAMBDA"]


def trusting_world() -> World:
    """Trusted access is on; designation activates nothing, so that tests start from nothing."""
    made = small_world()
    made.organization.trusted[PRINCIPAL] = 0.0
    made.variants["inspector2 designation activates"] = "no"
    return made


def designate(call: Caller, region: str = REGION) -> None:
    """Designate, and poll until the administrator is usable."""
    call(MANAGEMENT, "EnableDelegatedAdminAccount", region, delegatedAdminAccountId=DELEGATED)
    for _ in range(POLLS):
        assert call.refused(DELEGATED, "DescribeOrganizationConfiguration", region) == ("AccessDeniedException", NO_ORGANIZATION)


def associate(call: Caller, *accounts: str, region: str = REGION) -> None:
    """Associate, and poll until settled."""
    for each in accounts:
        call(DELEGATED, "AssociateMember", region, accountId=each)
    for _ in range(POLLS):
        call(DELEGATED, "ListMembers", region)


def state(call: Caller, number: str, caller: str = DELEGATED, region: str = REGION) -> tuple[str, dict[str, str]]:
    answer = call(caller, "BatchGetAccountStatus", region, accountIds=[number])["accounts"][0]
    return answer["state"]["status"], {name: each["status"] for name, each in answer["resourceState"].items()}


def enable(call: Caller, accounts: list[str], kinds: list[str]) -> dict[str, str]:
    """Failures by account."""
    answer = call(DELEGATED, "Enable", accountIds=accounts, resourceTypes=kinds)
    return {each["accountId"]: each["errorCode"] for each in answer["failedAccounts"]}


def settle(call: Caller, number: str, region: str = REGION) -> None:
    for _ in range(POLLS + 2):
        call(number, "BatchGetAccountStatus", region)
