"""What AWS limits of what these settings lead to: sizes of policies, and how often each call may be made. Pure."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from runbook_lib.aws.limits import rate_of
from runbook_lib.services.permissions import Names, statements
from runbook_lib.services.registry import signed_by
from runbook_lib.services.roles import needed
from runbook_lib.settings import Settings

MANAGED, INLINE, TRUST = 6_144, 10_240, 2_048
"""Most characters, without white space, of a managed policy, of a role's inline policies together, and of a trust policy [docs]."""


@dataclass(frozen=True)
class Quota:
    """One limit, and what these settings make of it ("" where that is not a number)."""

    what: str
    limit: str
    here: str
    source: str

    @property
    def row(self) -> tuple[str, str, str, str]:
        return self.what, self.limit, self.here, self.source


def quotas(settings: Settings, *, back_out: bool = False) -> tuple[Quota, ...]:
    """The sizes of every role's documents, then the rates of every call that may be made."""
    return (*_sizes(settings, back_out=back_out), *_rates(settings, back_out=back_out))


def _sizes(settings: Settings, *, back_out: bool) -> Iterator[Quota]:
    for role in needed(settings, back_out=back_out):
        most, kind = (MANAGED, "managed policy") if role.trust is None else (INLINE, "inline policies")
        yield Quota(f"{role.name}: characters of its {kind}", f"{most:,}", f"{_size(role.policy):,}", "docs")
        if role.trust is not None:
            yield Quota(f"{role.name}: characters of its trust policy", f"{TRUST:,}", f"{_size(role.trust):,}", "docs")


def _size(document: object) -> int:
    return len(json.dumps(document, separators=(",", ":")))


def _rates(settings: Settings, *, back_out: bool) -> Iterator[Quota]:
    actions = {action for each in statements(Names.of(settings, back_out=back_out)) for action in each.actions}
    for action in sorted(actions):
        prefix, _, operation = action.partition(":")
        rate = rate_of(signed_by().get(prefix, prefix), operation)
        if rate is not None:
            limit = f"{rate.per_second:g} a second, {rate.burst:g} at once"
            yield Quota(f"{action}: calls in an account and Region", limit, "half of it, live", rate.source)


def as_table(found: Iterable[Quota]) -> str:
    """Columns: what, AWS's limit, here, and how that limit is known."""
    rows = [("what", "limit", "here", "source"), *(each.row for each in found)]
    widths = [max(len(row[column]) for row in rows) + 2 for column in range(3)]
    return "".join("".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)) + row[3] + "\n" for row in rows)
