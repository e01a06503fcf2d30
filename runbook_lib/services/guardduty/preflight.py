"""Whether the accounts that settings name for the export of findings are there: AWS itself says so only when it is too late."""

from collections.abc import Iterator, Sequence

from runbook_lib.aws.reader import Reader
from runbook_lib.organization import Organization
from runbook_lib.plan import Scope
from runbook_lib.services.remarks import Remark, Severity
from runbook_lib.settings import Settings


def preflight(organization: Organization, settings: Settings, scope: Scope, reader: Reader) -> Sequence[Remark]:
    """A key of a foreign account may be meant; more often a digit is wrong. Told, not refused."""
    return tuple(_keys(organization, settings))


def _keys(organization: Organization, settings: Settings) -> Iterator[Remark]:
    export = settings.guardduty.export if settings.guardduty else None
    for region, destination in (export or {}).items():
        owner = destination.kms_key_arn.split(":")[4]
        account = organization.accounts.get(owner)
        if account is None or not account.active:
            said = "is not in the organization" if account is None else f"is {account.state.value}"
            message = f"Account {owner} {said}. Check the ARN, and that the key's policy lets GuardDuty use it."
            yield Remark(Severity.NOTED, ("guardduty", "export", region, "kms_key_arn"), destination.kms_key_arn, message)
