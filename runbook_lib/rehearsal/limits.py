"""Request rates of the simulated services, and planned refusals ("hiccups"), each answered in the service's own words."""

import time
from collections.abc import Callable, Iterable

from runbook_lib.rehearsal.conditions import Hiccup
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.simulated import Bucket, by_name, simulated

RATES: dict[str, Bucket] = {
    # requests per second, burst; aws-behaviour 3.1 [docs]
    "organizations:DescribeAccount": (20, 30),
    "organizations:DescribeOrganization": (1, 2),
    "organizations:ListAccounts": (8, 12),
    "organizations:ListRoots": (1, 2),
    "organizations:ListParents": (5, 8),
    "organizations:ListAccountsForParent": (5, 8),
    "organizations:ListOrganizationalUnitsForParent": (5, 8),
    "organizations:ListChildren": (6, 10),
    "organizations:EnableAWSServiceAccess": (1, 2),
    "organizations:DisableAWSServiceAccess": (1, 2),
    "organizations:ListAWSServiceAccessForOrganization": (1, 3),
    "organizations:ListDelegatedServicesForAccount": (1, 3),
    "organizations:ListDelegatedAdministrators": (5, 8),
    "organizations:RegisterDelegatedAdministrator": (1, 2),
    "organizations:DeregisterDelegatedAdministrator": (1, 2),
    "organizations:CreateAccount": (0.1, 3),
    **{f"{each.name}:{operation}": rate for each in simulated() for operation, rate in each.rates.items()},
    # nothing is published: [assumed]
    "account:*": (5, 10),
    "config:*": (5, 10),
    "organizations:*": (5, 10),
}

ORGANIZATIONS_TEXT = "You have sent too many requests in too short a period of time. Try again later."
THROTTLE: dict[str, Callable[[], ApiError]] = {
    "organizations": lambda: ApiError(
        "TooManyRequestsException", ORGANIZATIONS_TEXT, Type="RATE_LIMIT_EXCEEDED"
    ),  # aws-behaviour 3.1
    "account": lambda: ApiError("TooManyRequestsException", "Too Many Requests", 429),  # aws-behaviour 3.2
    "config": lambda: ApiError("ThrottlingException", "Rate exceeded", 400),
    "sts": lambda: ApiError("Throttling", "Rate exceeded", 400),
}
"""What the organization's own services say when they are asked too often; the enabling services' words are in their `about`.

All of these botocore's standard mode sends again (aws-behaviour 2)."""


class Limits:
    """Token buckets per (account, Region, service, operation); without `rates` only the planned refusals.

    `clock` gives seconds: real ones, since callers really wait, plus what a test let pass at once. A fast world's clock does not
    make AWS more patient.
    """

    def __init__(
        self,
        rates: dict[str, Bucket] | None = None,
        hiccups: Iterable[Hiccup] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._rates = rates
        self._hiccups = tuple(hiccups)
        self._levels: dict[tuple[str, str, str, str], tuple[float, float]] = {}
        self._counts: dict[tuple[str, str], int] = {}

    def admit(self, account: str, region: str, service: str, operation: str) -> None:
        """Take one token, or raise the service's throttling error. Call it under the world's lock."""
        count = self._counts[service, operation] = self._counts.get((service, operation), 0) + 1
        for hiccup in self._hiccups:
            if (hiccup.service, hiccup.operation) == (service, operation) and hiccup.call <= count < hiccup.call + hiccup.times:
                raise throttled(service)
        rates = self._rates or {}
        rate = rates.get(f"{service}:{operation}") or rates.get(f"{service}:*")
        if rate and not self._take((account, region, service, operation), *rate):
            raise throttled(service)

    def _take(self, key: tuple[str, str, str, str], per_second: float, burst: float) -> bool:
        now = self._clock()
        level, since = self._levels.get(key, (burst, now))
        level = min(burst, level + (now - since) * per_second)
        allowed = level >= 1
        self._levels[key] = (level - 1 if allowed else level, now)
        return allowed


def throttled(service: str) -> ApiError:
    if about := by_name().get(service):
        return about.throttle()
    return THROTTLE.get(service, lambda: ApiError("ThrottlingException", "Rate exceeded", 400))()
