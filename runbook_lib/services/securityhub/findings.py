"""One account's verdict, and how verdicts become cells: accounts with the same verdict share a cell."""

from collections.abc import Mapping
from typing import NamedTuple

from runbook_lib.base.observation import NotYet, Unknown
from runbook_lib.coverage import Cell, Cells, Gap, Status
from runbook_lib.services.column import UNMANAGED
from runbook_lib.services.securityhub.spec import NAME


class Finding(NamedTuple):
    """What a cell says of one account."""

    status: Status
    reason: str
    gap: str = ""
    """A Gap as text, so that findings sort."""
    observed: str = ""
    desired: str = ""
    code: str = ""
    next_step: str = ""
    who: str = ""
    in_scope: bool = True


def covered(reason: str, observed: str = "") -> Finding:
    return Finding(Status.COVERED, reason, observed=observed, desired=observed)


def to_do(reason: str, observed: str = "", desired: str = "") -> Finding:
    return Finding(Status.GAP, reason, Gap.TO_DO, observed, desired)


def in_progress(reason: str, observed: str = "", desired: str = "") -> Finding:
    return Finding(Status.GAP, reason, Gap.IN_PROGRESS, observed, desired)


def blocked(reason: str, next_step: str, who: str, observed: str = "", desired: str = "") -> Finding:
    return Finding(Status.GAP, reason, Gap.BLOCKED, observed, desired, "", next_step, who)


def unknown(observation: Unknown) -> Finding:
    """A failed read: its code and words go into the cell, and no call is planned."""
    return Finding(Status.UNKNOWN, observation.reason, code=observation.code, next_step=observation.next_step)


def not_managed(observed: str) -> Finding:
    """An absent settings key: shown, left alone."""
    return Finding(Status.NOT_APPLICABLE, UNMANAGED, observed=observed, in_scope=False)


def not_asked(finding: Finding, reason: str) -> Finding:
    """The same verdict where nobody asked: shown, never planned."""
    if finding.gap:
        return finding._replace(gap=Gap.NOT_ASKED_FOR, reason=f"{reason}; {finding.reason}", in_scope=False)
    return finding._replace(in_scope=False)


def waiting(observation: NotYet) -> str:
    """What an observation that cannot exist yet waits for, as part of a reason."""
    return f"only once {observation.step}"


def cells(region: str, aspect: str, findings: Mapping[str, Finding], item: str = "") -> Cells:
    """The findings of many accounts as cells, in a fixed order."""
    grouped: dict[Finding, set[str]] = {}
    for account, finding in findings.items():
        grouped.setdefault(finding, set()).add(account)
    return tuple(_cell(region, aspect, frozenset(accounts), finding, item) for finding, accounts in sorted(grouped.items()))


def _cell(region: str, aspect: str, accounts: frozenset[str], finding: Finding, item: str) -> Cell:
    return Cell(
        NAME, region, aspect, accounts, finding.status, finding.reason, item, Gap(finding.gap) if finding.gap else None,
        finding.observed, finding.desired, finding.code, finding.next_step, finding.who, finding.in_scope,
    )  # fmt: skip
