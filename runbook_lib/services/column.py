"""One `Column` writes the cells of one aspect and item in one Region; what may be lowered is decided here for all services."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from runbook_lib.base.observation import NotYet, Unknown
from runbook_lib.coverage import Cell, Cells, Gap, Status
from runbook_lib.settings import Settings

OPERATOR = "the operator of the delegated account"
SETTINGS_OWNER = "the owner of the settings"
UNMANAGED = "not managed here"
BEYOND = "reaches beyond the notebook's scope: planned for the whole organization only"


@dataclass(frozen=True)
class Column:
    """Cells of one service, Region, aspect and item. Every method answers with no cell where there is no account."""

    service: str
    region: str
    aspect: str
    item: str = ""
    desired: str = ""

    def covered(self, accounts: Iterable[str], reason: str, observed: str = "") -> Cells:
        return self._cell(accounts, Status.COVERED, reason, observed)

    def to_do(self, accounts: Iterable[str], reason: str, observed: str = "") -> Cells:
        return self._cell(accounts, Status.GAP, reason, observed, Gap.TO_DO)

    def in_progress(self, accounts: Iterable[str], reason: str, observed: str = "") -> Cells:
        return self._cell(accounts, Status.GAP, reason, observed, Gap.IN_PROGRESS)

    def blocked(self, accounts: Iterable[str], reason: str, next_step: str, observed: str = "", who: str = OPERATOR) -> Cells:
        return self._cell(accounts, Status.GAP, reason, observed, Gap.BLOCKED, next_step=next_step, who=who)

    def not_applicable(self, accounts: Iterable[str], reason: str, observed: str = "") -> Cells:
        return self._cell(accounts, Status.NOT_APPLICABLE, reason, observed)

    def excluded(self, accounts: Iterable[str], reason: str) -> Cells:
        return self._cell(accounts, Status.EXCLUDED, reason, "")

    def unmanaged(self, accounts: Iterable[str], observed: str, reason: str = UNMANAGED) -> Cells:
        """Read and shown, but not asked for."""
        return self._cell(accounts, Status.NOT_APPLICABLE, reason, observed, in_scope=False)

    def unknown(self, accounts: Iterable[str], code: str, reason: str, next_step: str) -> Cells:
        return self._cell(accounts, Status.UNKNOWN, reason, "not read", code=code, next_step=next_step, who=OPERATOR)

    def unseen(self, accounts: Iterable[str], found: Unknown | NotYet, later: str, observed: str = "none yet") -> Cells:
        """What has no value: not read, or (`later` says so) not there before a planned step."""
        if isinstance(found, Unknown):
            return self.unknown(accounts, found.code, found.reason, found.next_step)
        return self.to_do(accounts, later, observed)

    def wider(self, accounts: Iterable[str], observed: str, settings: Settings) -> Cells:
        """AWS has more than settings ask: a gap to do where settings name exactly this under `allow_lowering`, else blocked."""
        more = f"AWS has {observed}, settings ask for less ({self.desired}): that lowers protection"
        if lowering_allowed(settings, self.service, self.aspect, self.item):
            return self.to_do(accounts, f"{more}, which settings allow", observed)
        named = f"service {self.service}, aspect {self.aspect}" + (f", item {self.item}" if self.item else "")
        next_step = f"Ask for {observed} in settings, or name exactly {named} under allow_lowering."
        return self.blocked(accounts, more, next_step, observed, SETTINGS_OWNER)

    def _cell(
        self,
        accounts: Iterable[str],
        status: Status,
        reason: str,
        observed: str,
        gap: Gap | None = None,
        code: str = "",
        next_step: str = "",
        who: str = "",
        in_scope: bool = True,
    ) -> Cells:
        named = frozenset(accounts)
        if not named:
            return ()
        return (
            Cell(
                self.service, self.region, self.aspect, named, status, reason, self.item, gap, observed, self.desired,
                code, next_step, who, in_scope,
            ),
        )  # fmt: skip


def lowering_allowed(settings: Settings, service: str, aspect: str, item: str) -> bool:
    """Whether settings name exactly this under `allow_lowering`."""
    return any((each.service, each.aspect, each.item) == (service, aspect, item) for each in settings.allow_lowering)


def to_do(cells: Iterable[Cell], region: str, *aspects: str) -> Sequence[Cell]:
    """The in-scope cells of one Region and these aspects that something is to be done about."""
    return [cell for cell in cells if cell.region == region and cell.aspect in aspects and cell.in_scope and cell.gap is Gap.TO_DO]


def under_way(cells: Iterable[Cell], region: str, *aspects: str) -> Sequence[Cell]:
    """The in-scope cells of one Region and these aspects that AWS is working on."""
    found = [cell for cell in cells if cell.region == region and cell.aspect in aspects]
    return [cell for cell in found if cell.in_scope and cell.gap is Gap.IN_PROGRESS]


def accounts_of(cells: Iterable[Cell]) -> frozenset[str]:
    """Every account of the cells."""
    return frozenset[str]().union(*(cell.accounts for cell in cells))
