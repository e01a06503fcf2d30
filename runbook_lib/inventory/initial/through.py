"""An organization as its administrator alone sees it: what the management account would be asked is asked of the administrator.

Organizations answers a delegated administrator like the management account [docs]. The services' own lists of administrators it
does not see; that it is registered is taken for being listed, and that it may act in a Region is proved by acting there: where it
is not designated, AWS refuses it the organization's configuration.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from runbook_lib.aws.access import Access
from runbook_lib.aws.errors import CallFailed
from runbook_lib.inventory.survey.standing import Standing
from runbook_lib.services.registry import by_name

T = TypeVar("T")
ITS_OWN = frozenset({"account:ListRegions", "ec2:DescribeRegions"})
"""What both accounts are told of themselves: the administrator's Regions stand for those of the management account."""
NOT_SHOWN = "is shown to the management account alone, and nothing that was given leads there"


class ThroughAdministrator:
    """Implements `Reader`, and what an observer needs besides."""

    def __init__(self, access: Access, standing: Standing) -> None:
        self._access, self._standing = access, standing
        self._management, self._administrator = standing.organization.management_account, standing.account

    def read(self, service: str, operation: str, account: str, region: str, **parameters: Any) -> dict[str, Any]:
        if (listed := self._listed(service, operation)) is not None and account == self._management:
            return listed
        return self._access.read(service, operation, self._asking(service, operation, account, region), region, **parameters)

    def pages(self, service: str, operation: str, account: str, region: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        if (listed := self._listed(service, operation)) is not None and account == self._management:
            return iter([listed])
        return self._access.pages(service, operation, self._asking(service, operation, account, region), region, **parameters)

    def parallel(self, jobs: Iterable[Callable[[], T]]) -> list[T]:
        return self._access.parallel(jobs)

    def begin(self, job: Callable[[], T]) -> Callable[[], T]:
        return self._access.begin(job)

    def reaches(self, account: str) -> bool:
        return account in (self._management, self._administrator)

    def caller(self, account: str) -> str:
        return self._access.caller(self._asking("sts", "GetCallerIdentity", account, ""))

    def _asking(self, service: str, operation: str, account: str, region: str) -> str:
        """Whom to ask in the place of the management account. Raises CallFailed for what nobody else is shown."""
        if account != self._management:
            return account
        if service == "organizations" or f"{service}:{operation}" in ITS_OWN:
            return self._administrator
        raise CallFailed(
            "NotShown", f"it {NOT_SHOWN}", service=service, operation=operation, account=account, region=region, sent=False
        )

    def _listed(self, service: str, operation: str) -> dict[str, Any] | None:
        """The service's list of administrators, as the registration has it; None for every other read."""
        spec = by_name()[service].designation if service in by_name() else None
        if spec is None or operation != spec.list_operation:
            return None
        entry = {spec.account_field: self._administrator, **({spec.status_field: "ENABLED"} if spec.status_field else {})}
        return {spec.list_key: [entry] if self._standing.administers(service) else []}
