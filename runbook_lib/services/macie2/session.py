"""Whether Macie is on in the delegated account, and in the management account where it is to be a member; how often it publishes.

The delegated account begins, so that the frequency is what settings say and no default of a designation. The management
account is made a member with Macie on already, which is safe whether or not AWS asks for it [assumed: nothing is documented].
"""

from collections.abc import Mapping, Sequence

from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Observation, Unknown
from runbook_lib.coverage import Cell, Cells
from runbook_lib.plan import Action, BackOut, Direction
from runbook_lib.plan.outcome import Progress
from runbook_lib.services.aspect import NONE, WHOLE, Aspect, Place, Planned
from runbook_lib.services.column import BEYOND, Column, accounts_of
from runbook_lib.services.macie2.inside import ENABLING
from runbook_lib.services.macie2.observe import read_session
from runbook_lib.services.macie2.state import RegionState, Session
from runbook_lib.settings.sections.macie2 import MacieSection

Here = Place[MacieSection, RegionState]
ON, SUSPENDED, OFF = "ENABLED", "PAUSED", "off"
FREQUENCY = "findingPublishingFrequency"


def own_cells(column: Column, account: str, found: Observation[Session]) -> Cells:
    """Whether Macie is on in an account itself."""
    if not isinstance(found, Known):
        code, reason = (found.code, found.reason) if isinstance(found, Unknown) else ("NotRead", "not read")
        return column.unknown({account}, code, reason, "Make the read possible, then plan again.")
    if found.value.status == ON:
        return column.covered({account}, "Macie is on in the account itself", ON)
    suspended = found.value.status == SUSPENDED
    said = "Macie is suspended in the account itself" if suspended else "Macie is off in the account itself"
    return column.to_do({account}, said, SUSPENDED if suspended else OFF)


def _frequency(section: MacieSection) -> Mapping[str, str]:
    return {FREQUENCY: section.publishing_frequency} if section.publishing_frequency else {}


class OwnSession(Aspect[MacieSection, RegionState]):
    name = "session"
    calls = frozenset({"EnableMacie", "UpdateMacieSession"})

    def plans(self, action: Action) -> bool:
        return super().plans(action) and "status" in action.parameters

    def cells(self, place: Here) -> Cells:
        column = place.column(self.name, desired=ON)
        own = own_cells(column, place.delegated, place.seen.own)
        if place.management not in place.members:
            return own
        return (*own, *own_cells(column, place.management, place.seen.management))

    def _is_member(self, place: Here) -> bool:
        """A member's Macie is its administrator's to resume."""
        listed = place.seen.members.value if isinstance(place.seen.members, Known) else {}
        return listed.get(place.management) in ("Enabled", "Paused")

    def steps(self, place: Here, cells: Cells, stage: str, planned: Planned) -> Sequence[Action]:
        account = {"prepare": place.delegated, "management": place.management}.get(stage, "")
        if stage == "management" and self._is_member(place):
            return []
        mine = [cell for cell in self.raising(place, cells) if account in cell.accounts]
        return [self._switch_on(place, account, stage, suspended=cell.observed == SUSPENDED) for cell in mine]

    def _switch_on(self, place: Here, account: str, stage: str, *, suspended: bool) -> Action:
        """Macie on. A session that was suspended keeps its settings; a new one has the frequency from the start."""
        operation, rest = ("UpdateMacieSession", {}) if suspended else ("EnableMacie", _frequency(place.section))
        return place.action(
            operation,
            {"status": ON, **rest},
            account=account,
            stage=stage,
            affects=frozenset({account}),
            reason=f"Macie is {'suspended' if suspended else 'off'} in account {account} in {place.region}",
            before="suspended" if suspended else "off",
            becomes="Macie on",
            back_out=BackOut("Suspends it again.", "UpdateMacieSession", {"status": SUSPENDED})
            if suspended
            else BackOut(
                "Switches Macie off and deletes its findings and settings; only possible while the account is neither an "
                "administrator with members nor a member.",
                "DisableMacie",
            ),
            inside_accounts=ENABLING,
        )

    def effect(self, action: Action, reader: Reader) -> Progress:
        """On, with the frequency where the call says one."""
        found = read_session(action.account, action.region, reader)
        seen = f"{found.status or OFF} {found.frequency}".strip()
        if found.status != ON:
            return Progress(NONE, {}, seen)
        if action.parameters.get(FREQUENCY, found.frequency) != found.frequency:
            return Progress(NONE, {"": f"Macie is on already, and publishes {found.frequency}; plan again"}, seen)
        return Progress(WHOLE, {}, seen)


class Frequency(Aspect[MacieSection, RegionState]):
    name = "publishing frequency"
    calls = frozenset({"UpdateMacieSession"})
    ranks = ("SIX_HOURS", "ONE_HOUR", "FIFTEEN_MINUTES")

    def cells(self, place: Here) -> Cells:
        wanted, own = place.section.publishing_frequency or "", place.seen.own
        column, accounts = place.column(self.name, desired=wanted), {place.delegated}
        observed = own.value.frequency if isinstance(own, Known) else ""
        if not wanted or not place.whole:
            shown = column.unmanaged(accounts, observed, BEYOND) if wanted else column.unmanaged(accounts, observed)
            return shown if observed else ()
        if not isinstance(own, Known):
            return column.unseen(accounts, own, "set when Macie is switched on")
        if not own.value.status:
            return column.to_do(accounts, "set when Macie is switched on", OFF)
        return self.compared(place, column, observed)

    def steps(self, place: Here, cells: Cells, stage: str, planned: Planned) -> Sequence[Action]:
        """Where Macie is still off, switching it on says the frequency."""
        changed = self.raising(place, cells) if stage == "delegated" else self.lowering(place, cells) if stage == "lowering" else []
        return [self._change(place, cell, stage, planned) for cell in changed if cell.observed != OFF]

    def _change(self, place: Here, cell: Cell, stage: str, planned: Planned) -> Action:
        return place.action(
            "UpdateMacieSession",
            {FREQUENCY: cell.desired},
            stage=stage,
            after=planned.ids(OwnSession.name, "prepare"),
            affects=accounts_of([cell]),
            before=cell.observed,
            becomes=cell.desired,
            reason=f"updates of policy findings are published {cell.observed}, settings ask for {cell.desired}",
            direction=Direction.LOWERS if stage == "lowering" else Direction.RAISES,
            back_out=BackOut("Sets the earlier frequency.", "UpdateMacieSession", {FREQUENCY: cell.observed}),
        )

    def effect(self, action: Action, reader: Reader) -> Progress:
        found = read_session(action.account, action.region, reader).frequency
        return Progress(WHOLE if found == action.parameters[FREQUENCY] else NONE, {}, found or OFF)
