"""Inspector at a glance: whether it is on, who administers an account, in which accounts it is on."""

from collections.abc import Mapping, Sequence

from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.reader import Reader
from runbook_lib.services.glance import Glance
from runbook_lib.services.inspector2.spec import NAME, SPEC

ON = ("ENABLED", "ENABLING")


def own(reader: Reader, account: str, region: str) -> str:
    """The account's state, in AWS's words."""
    return members(reader, account, region, "", [account]).get(account, "")


def above(reader: Reader, account: str, region: str, _: str) -> str:
    """The administrator that the account names."""
    try:
        found = reader.read(NAME, "GetDelegatedAdminAccount", account, region).get("delegatedAdmin") or {}
    except CallFailed as error:
        if error.code == "ResourceNotFoundException":
            return ""
        raise
    return str(found.get("accountId", ""))


def members(reader: Reader, administrator: str, region: str, _: str, accounts: Sequence[str]) -> Mapping[str, str]:
    """The accounts in which it is on; of one that is not associated AWS says nothing but that [model: failedAccounts]."""
    answer = reader.read(NAME, "BatchGetAccountStatus", administrator, region, accountIds=list(accounts))
    found = {each["accountId"]: str((each.get("state") or {}).get("status", "")) for each in answer.get("accounts") or ()}
    return {account: status for account, status in found.items() if status in ON}


GLANCE = Glance(
    SPEC,
    frozenset({f"{NAME}:{operation}" for operation in ("BatchGetAccountStatus", "GetDelegatedAdminAccount")}),
    own,
    above,
    members,
    SPEC.batches["BatchGetAccountStatus"],
    needs_own=False,
)
