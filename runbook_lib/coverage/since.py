"""What has changed between two coverages as they were written: new accounts, what is covered no more, exclusions that ended. Pure.

Only what both looked at is compared: a service, aspect or item that one of them has no row of is nobody's loss.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.base.account_sets import few_or_count, named
from runbook_lib.base.text import visible
from runbook_lib.coverage import Status

Key = tuple[str, str, str, str]
"""Service, Region, aspect, item."""
Groups = Mapping[tuple[Key, str], frozenset[str]]
"""(what and where, what the newer coverage says) → accounts."""


@dataclass(frozen=True)
class Changes:
    """What the newer coverage has other than the earlier one. Accounts are by id; `names` says how they are called."""

    new: Sequence[str] = ()
    gone: Sequence[str] = ()
    lost: Groups = field(default_factory=dict)
    """Covered then, and a gap or unknown now, in scope."""
    won: Groups = field(default_factory=dict)
    """The other way round."""
    ended: Groups = field(default_factory=dict)
    """Excluded then, and not excluded now."""
    names: Mapping[str, str] = field(default_factory=dict)

    def lines(self, since: str) -> Iterator[str]:
        """In words, for a terminal."""
        yield f"Since {since}:"
        yield f"  new accounts: {self._named(self.new)}"
        yield f"  accounts that are gone: {self._named(self.gone)}"
        for title, groups in (("lost", self.lost), ("exclusions ended", self.ended), ("won", self.won)):
            number = sum(map(len, groups.values()))
            yield f"  {title}: {f'{number:,} cells' if number != 1 else '1 cell'}" if groups else f"  {title}: none"
            if title == "won":
                continue
            for ((service, region, aspect, item), now), accounts in groups.items():
                what = f"{aspect} {item}".strip()
                whose = visible(few_or_count(accounts, names=self.names))
                yield f"    {service} {visible(what)}, {region}: {whose}: now {visible(now)}"

    def _named(self, accounts: Sequence[str]) -> str:
        return visible(named(accounts, self.names)) or "none"


def changes(then: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> Changes:
    """Compare what was written then (in one file or one for each phase) with what was written now."""
    before, after = _cells(then), _cells(now)
    shared = {key[:1] + key[2:] for key, _ in before} & {key[:1] + key[2:] for key, _ in after}
    lost: dict[tuple[Key, str], set[str]] = {}
    won: dict[tuple[Key, str], set[str]] = {}
    ended: dict[tuple[Key, str], set[str]] = {}
    for (key, account), (status, reason) in after.items():
        earlier = before.get((key, account))
        if earlier is None or key[:1] + key[2:] not in shared:
            continue
        where = (key, f"{status}: {reason}")
        if earlier[0] == Status.COVERED and status in (Status.GAP, Status.UNKNOWN):
            lost.setdefault(where, set()).add(account)
        if earlier[0] in (Status.GAP, Status.UNKNOWN) and status == Status.COVERED:
            won.setdefault(where, set()).add(account)
        if earlier[0] == Status.EXCLUDED != status:
            ended.setdefault(where, set()).add(account)
    known, there = _accounts(then), _accounts(now)
    return Changes(
        sorted(there.keys() - known.keys()),
        sorted(known.keys() - there.keys()),
        _sorted(lost),
        _sorted(won),
        _sorted(ended),
        {**known, **there},
    )


def _cells(files: Sequence[Mapping[str, Any]]) -> dict[tuple[Key, str], tuple[str, str]]:
    return {
        ((cell["service"], cell["region"], cell["aspect"], cell["item"]), account): (cell["status"], cell["reason"])
        for each in files
        for cell in each["cells"]
        if cell["in_scope"]
        for account in each["account_sets"][cell["account_set"]]
    }


def _accounts(files: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    return {account["id"]: account["name"] for each in files for account in each["accounts"]}


def _sorted(groups: Mapping[tuple[Key, str], set[str]]) -> dict[tuple[Key, str], frozenset[str]]:
    return {where: frozenset(accounts) for where, accounts in sorted(groups.items())}
