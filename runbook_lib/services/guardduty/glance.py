"""GuardDuty at a glance: whether there is a detector, who administers an account, which accounts are members."""

from collections.abc import Mapping, Sequence

from runbook_lib.aws.reader import Reader
from runbook_lib.services.glance import Glance
from runbook_lib.services.guardduty.spec import NAME, SPEC

BATCH = 50
"""Accounts of one GetMembers [model]."""


def own(reader: Reader, account: str, region: str) -> str:
    """The detector's id: an account has one at most in a Region."""
    listed = reader.read(NAME, "ListDetectors", account, region).get("DetectorIds") or ()
    return str(next(iter(listed), ""))


def above(reader: Reader, account: str, region: str, detector: str) -> str:
    """The administrator that the account names."""
    found = reader.read(NAME, "GetAdministratorAccount", account, region, DetectorId=detector).get("Administrator") or {}
    return str(found.get("AccountId", ""))


def members(reader: Reader, administrator: str, region: str, detector: str, accounts: Sequence[str]) -> Mapping[str, str]:
    """The accounts that are members [model: RelationshipStatus]."""
    answer = reader.read(NAME, "GetMembers", administrator, region, DetectorId=detector, AccountIds=list(accounts))
    found = {each["AccountId"]: str(each.get("RelationshipStatus", "")) for each in answer.get("Members") or ()}
    return {account: status for account, status in found.items() if status == "Enabled"}


GLANCE = Glance(
    SPEC,
    frozenset({f"{NAME}:{operation}" for operation in ("ListDetectors", "GetAdministratorAccount", "GetMembers")}),
    own,
    above,
    members,
    BATCH,
)
