"""Automated sensitive data discovery: for whom it comes on by itself, and in which accounts it is on.

It reads objects of the accounts and costs by what it reads, so it is decided in a stage of its own. It comes after members, because
every account that becomes one under NEW or ALL gets it: who was there before gets it only where settings say so. Its value for
members is always sent, because silence means ALL [model].
"""

from collections.abc import Mapping, Sequence
from typing import Any

from runbook_lib.aws.reader import Reader
from runbook_lib.base.account_sets import count_of
from runbook_lib.base.observation import Known, NotYet, Unknown
from runbook_lib.base.privacy import masked
from runbook_lib.coverage import Cells
from runbook_lib.plan import ACCOUNT_ID, Action, BackOut, Condition, Direction, ForEach, Step, Wait, batches
from runbook_lib.plan.outcome import Outcome, Progress, Verdict
from runbook_lib.services.answers import judge_unprocessed, outcomes
from runbook_lib.services.aspect import NONE, WHOLE, Aspect, Place, Planned
from runbook_lib.services.column import BEYOND, OPERATOR, Column, accounts_of
from runbook_lib.services.macie2.inside import DISCOVERING
from runbook_lib.services.macie2.membership import STUCK
from runbook_lib.services.macie2.observe import read_discovering, read_discovery
from runbook_lib.services.macie2.spec import SPEC
from runbook_lib.services.macie2.state import RegionState
from runbook_lib.services.membership import MEMBERSHIP
from runbook_lib.settings.sections.macie2 import MacieSection

Here = Place[MacieSection, RegionState]
ORGANIZATION, ACCOUNTS = "organization", "accounts"
OFF = "DISABLED"
ORDER = (OFF, "NONE", "NEW", "ALL")
UPDATE, BATCH = "UpdateAutomatedDiscoveryConfiguration", "BatchUpdateAutomatedDiscoveryAccounts"
SWITCH = {status: {"accounts": ForEach({"accountId": ACCOUNT_ID, "status": status})} for status in ("ENABLED", OFF)}
"""Status → the parameters that give it to each target."""


def wants_accounts(section: MacieSection) -> bool:
    """Whether every account is to have it; else accounts keep what they have."""
    chosen = section.automated_discovery
    return chosen is not None and (chosen.members == "ALL" or chosen.existing_accounts is True)


class Discovery(Aspect[MacieSection, RegionState]):
    name = "automated discovery"
    calls = frozenset({UPDATE, BATCH})
    ranks = ORDER

    def of_members(self, section: MacieSection) -> bool:
        return wants_accounts(section)

    def cells(self, place: Here) -> Cells:
        return (*self._organization(place), *self._accounts(place))

    def _organization(self, place: Here) -> Cells:
        chosen, found, accounts = place.section.automated_discovery, place.seen.discovery, {place.delegated}
        column = place.column(self.name, ORGANIZATION, chosen.members if chosen else "")
        if chosen is None or not place.whole:
            shown = column.unmanaged(accounts, _word(found), BEYOND) if chosen else column.unmanaged(accounts, _word(found))
            return shown if isinstance(found, Known) else ()
        if not isinstance(found, Known):
            return column.unseen(accounts, found, "set after designation", OFF)
        return self.compared(place, column, found.value)

    def _accounts(self, place: Here) -> Cells:
        """Every account that is or is to be a member, and the delegated account, whose discovery is the organization's."""
        wanted, found = wants_accounts(place.section), place.seen.discovering
        column = place.column(self.name, ACCOUNTS, "on" if wanted else "")
        listed = found.value if isinstance(found, Known) else {}
        on = frozenset(account for account, status in listed.items() if status == "ENABLED") & place.everyone
        if not wanted:
            return column.unmanaged(on, "on")
        if isinstance(found, Unknown):
            return column.unknown(place.everyone, found.code, found.reason, found.next_step)
        off = (frozenset(listed) & place.everyone) - on
        return (*column.covered(on, "is on", "on"), *column.to_do(off, "is off", "off"), *self._unlisted(place, column, on | off))

    def _unlisted(self, place: Here, column: Column, listed: frozenset[str]) -> Cells:
        statuses = place.seen.members.value if isinstance(place.seen.members, Known) else {}
        rest = place.everyone - listed
        stuck = frozenset(account for account in rest if statuses.get(account) in STUCK)
        apart = frozenset(account for account in rest if statuses.get(account) == "RegionDisabled")
        return (
            *column.blocked(stuck, "the account cannot be a member (see membership)", "See the membership.", who=OPERATOR),
            *column.not_applicable(apart, "the account has not enabled the Region (see membership)"),
            *column.to_do(rest - stuck - apart, "comes after membership", "off"),
        )

    def steps(self, place: Here, cells: Cells, stage: str, planned: Planned) -> Sequence[Step]:
        if stage == "lowering":
            lowered = self.lowering(place, cells)
            return [self._update(place, cell.desired, cell.observed, cell.accounts, planned.usable, stage) for cell in lowered]
        return self._raise(place, cells, planned) if stage == "workloads" else []

    def _raise(self, place: Here, cells: Cells, planned: Planned) -> Sequence[Step]:
        chosen = place.section.automated_discovery
        if chosen is None:
            return []
        open_ = self.raising(place, cells)
        lacking = accounts_of(cell for cell in open_ if cell.item == ACCOUNTS)
        changed = any(cell.item == ORGANIZATION for cell in open_)
        everybody = chosen.members == "ALL"
        before = _word(place.seen.discovery)
        made: list[Action] = []
        # With ALL one call is for everybody; the delegated account's own discovery is the organization's.
        if changed or (lacking if everybody else lacking & {place.delegated}):
            members = max(chosen.members, before, key=ORDER.index)
            affected = frozenset({place.delegated}) | (lacking if everybody else NONE)
            made.append(self._update(place, members, before, affected, planned.usable))
        if not everybody:
            made += self._batches(place, lacking - {place.delegated}, planned, tuple(step.id for step in made))
        return [*made, *self._awaited(place, lacking, (*planned.usable, *(step.id for step in made)))]

    def _awaited(self, place: Here, accounts: frozenset[str], after: tuple[str, ...]) -> list[Wait]:
        if not accounts:
            return []
        sentence = f"automated discovery is on in {count_of(accounts)} in {place.region}"
        condition, targets = Condition("automated discovery on", self.name), tuple(accounts)
        listing = "ListAutomatedDiscoveryAccounts"
        return [place.wait(listing, condition, sentence, after, targets=targets, stage="workloads")]

    def _update(
        self, place: Here, members: str, before: str, affected: frozenset[str], after: tuple[str, ...], stage: str = "workloads"
    ) -> Action:
        off = BackOut(
            "Switches discovery off for all members; what it found is deleted after 30 days.", UPDATE, _parameters(OFF, "NONE")
        )
        back = BackOut("Sets the earlier choice; accounts keep what they have.", UPDATE, _parameters("ENABLED", before))
        return place.action(
            UPDATE,
            _parameters("ENABLED", members),
            stage=stage,
            after=after,
            affects=affected,
            reason=f"automated discovery in {place.region} is {before}, settings ask for {members}",
            before=before,
            becomes=f"on in the delegated account, for members {members}",
            back_out=off if before == OFF else back,
            direction=Direction.LOWERS if stage == "lowering" else Direction.RAISES,
            inside_accounts=DISCOVERING,
        )

    def _batches(self, place: Here, accounts: frozenset[str], planned: Planned, before: tuple[str, ...]) -> list[Action]:
        """Account by account, in batches: AWS takes these only with NEW or NONE."""
        return [
            place.action(
                BATCH,
                SWITCH["ENABLED"],
                targets=batch,
                affects=frozenset(batch),
                stage="workloads",
                after=(*planned.after(MEMBERSHIP, frozenset(batch)), *before),
                before="off",
                becomes="on",
                reason=f"automated discovery is off in {count_of(batch)} in {place.region}",
                back_out=BackOut("For the accounts in which it was off before.", BATCH, SWITCH[OFF]),
                inside_accounts=DISCOVERING,
            )
            for batch in batches(accounts, SPEC.batches[BATCH])
        ]

    def reached(self, wait: Wait, reader: Reader) -> Progress:
        return _on(wait, reader)

    def effect(self, action: Action, reader: Reader) -> Progress:
        if action.operation == BATCH:
            return _on(action, reader)
        found = read_discovery(action.account, action.region, reader)
        return Progress(WHOLE if found == action.parameters["autoEnableOrganizationMembers"] else NONE, {}, found)

    def answered(self, action: Action, answer: Mapping[str, Any]) -> list[Outcome]:
        """HTTP 200 is not success: see `errors`."""
        if action.operation == UPDATE:
            return outcomes(action, Verdict.APPLIED)
        return judge_unprocessed(action, {each["accountId"]: _handed_back(each) for each in answer.get("errors") or ()})


def _parameters(status: str, members: str) -> dict[str, str]:
    return {"status": status, "autoEnableOrganizationMembers": members}


def _word(found: Known[str] | Unknown | NotYet) -> str:
    return found.value if isinstance(found, Known) else OFF


def _handed_back(entry: Mapping[str, Any]) -> Outcome:
    """ACCOUNT_PAUSED and ACCOUNT_NOT_FOUND pass where the account has become a member a moment ago."""
    code = str(entry.get("errorCode", ""))
    return Outcome(str(entry["accountId"]), Verdict.RETRY, code, masked(f"Macie hands the account back: {code}"))


def _on(step: Step, reader: Reader) -> Progress:
    listed = read_discovering(step.account, step.region, reader)
    reached = frozenset(target for target in step.targets if listed.get(target) == "ENABLED")
    return Progress(reached, {}, f"automated discovery is on in {len(reached)} of {len(step.targets)} accounts")
