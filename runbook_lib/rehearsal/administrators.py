"""Delegated administrators by Region, of the services that designate one in each: who is listed, and when a designation is over."""

from typing import Protocol, TypeVar

from runbook_lib.rehearsal.world import Settling, current


class Designated(Protocol):
    """One service's administrator in one Region."""

    account: str
    leaving: Settling | None
    """Settles to "gone" while the designation is being ended."""


D = TypeVar("D", bound=Designated)


def forget_leaving(administrators: dict[str, D], region: str, *, poll: bool) -> None:
    """Forget an administrator whose disabling is over, in GuardDuty within a minute [code LZA]; `poll` counts one look at it."""
    found = administrators.get(region)
    if found and found.leaving and (found.leaving.read() if poll else current(found.leaving)) == "gone":
        del administrators[region]


def listed(administrators: dict[str, D], region: str, leaving: str) -> list[tuple[str, str]]:
    """Account and status of a Region's administrator, or nobody, as its list shows it: one look at it. `leaving`: while it ends."""
    forget_leaving(administrators, region, poll=True)
    found = administrators.get(region)
    return [(found.account, leaving if found.leaving else "ENABLED")] if found else []


def deregistered(administrators: dict[str, D], account: str) -> list[str]:
    """End an account's designation in every Region at once, as Organizations' Deregister does; the Regions that had it."""
    regions = [region for region, each in administrators.items() if each.account == account]
    for region in regions:
        del administrators[region]
    return regions
