"""Security Hub at a glance: whether it is on, who administers an account, which accounts are members."""

from collections.abc import Mapping, Sequence

from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.reader import Reader
from runbook_lib.services.glance import Glance
from runbook_lib.services.securityhub.spec import NAME, SPEC


def own(reader: Reader, account: str, region: str) -> str:
    """The hub's ARN."""
    try:
        return str(reader.read(NAME, "DescribeHub", account, region)["HubArn"])
    except CallFailed as error:
        code, words = SPEC.probe.not_on
        if error.code == code and words in error.message:
            return ""
        raise


def above(reader: Reader, account: str, region: str, _: str) -> str:
    """The administrator that the account names."""
    found = reader.read(NAME, "GetAdministratorAccount", account, region).get("Administrator") or {}
    return str(found.get("AccountId", ""))


def members(reader: Reader, administrator: str, region: str, _: str, accounts: Sequence[str]) -> Mapping[str, str]:
    """The accounts that are members [model: MemberStatus]."""
    answer = reader.read(NAME, "GetMembers", administrator, region, AccountIds=list(accounts))
    found = {each["AccountId"]: str(each.get("MemberStatus", "")) for each in answer.get("Members") or ()}
    return {account: status for account, status in found.items() if status == "Enabled"}


GLANCE = Glance(
    SPEC,
    frozenset({f"{NAME}:{operation}" for operation in ("DescribeHub", "GetAdministratorAccount", "GetMembers")}),
    own,
    above,
    members,
    SPEC.batches["GetMembers"],
)
