"""Whether the accounts that settings name for the export are there: AWS itself says so only when it is too late."""

from collections.abc import Iterator, Sequence

from runbook_lib.organization import Organization
from runbook_lib.services.remarks import Remark, Severity
from runbook_lib.settings import Settings
from runbook_lib.settings.sections.macie2 import MacieSection


def preflight(organization: Organization, settings: Settings) -> Sequence[Remark]:
    """A key of a foreign account may be meant; more often a digit is wrong. Told, not refused."""
    return tuple(_keys(organization, settings.macie))


def _keys(organization: Organization, section: MacieSection | None) -> Iterator[Remark]:
    for region, destination in ((section.export if section else None) or {}).items():
        owner = destination.kms_key_arn.split(":")[4]
        account = organization.accounts.get(owner)
        if account is None or not account.active:
            said = "is not in the organization" if account is None else f"is {account.state.value}"
            message = f"Account {owner} {said}. Check the ARN, and that the key's policy lets Macie use it."
            yield Remark(Severity.NOTED, ("macie", "export", region, "kms_key_arn"), destination.kms_key_arn, message)
