"""Undoing one change: what one run applied of one phase is taken back, as far as it is still as that run left it.

The change is a plan that holds exactly the calls that the run's journal says were applied, each with its exact reverse. Whether a
call's effect is still there, the service says by the same read with which it confirmed the call. What anybody changed since is
said and left alone. Nothing that enables imports this.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from runbook_lib.aws.errors import CallFailed, unread
from runbook_lib.aws.reader import Reader
from runbook_lib.base.account_sets import count_of
from runbook_lib.base.observation import Known, Observation, Unknown
from runbook_lib.coverage import Cells, Gap, Status
from runbook_lib.organization import Organization
from runbook_lib.plan import Action, BackOut, Blocker, Condition, Direction, Loss, NoChange, Plan, Reference, Scope, Step, Wait
from runbook_lib.plan.outcome import Outcome, Progress, Verdict
from runbook_lib.services.answers import judge_error, outcomes
from runbook_lib.services.column import Column
from runbook_lib.services.departure import HAND_OVER, Ground, Level, Losing, still_associated
from runbook_lib.services.departure_levels import Administrator, Delegation, Dissociate, TrustedAccess
from runbook_lib.services.departures import undoing_calls
from runbook_lib.services.implementations import service_named
from runbook_lib.services.leaving import READS, Departure, Leaving, registered, ruled
from runbook_lib.services.not_enabling import NotEnabling
from runbook_lib.services.obstacles import Bar, explanations
from runbook_lib.services.registry import sentence, specs
from runbook_lib.services.view import View
from runbook_lib.settings import Settings

ASPECT = "back-out"
STAGES = ("delegated", "management", "members")
"""As administrator first, then about the administrator, then in accounts that are members no longer."""
ABOUT = (Administrator, Delegation, TrustedAccess)
"""Levels that say themselves how far a removal has come: AWS takes its time, and shows it."""
GONE = ("NotFound", "NonExistent", "does not exist", "not found")
"""Words of refusals that say it may be undone already; whether it is, a read says."""


@dataclass(frozen=True)
class Standing:
    """What was seen: the ground on which levels stand, where there are any, and for each call how its effect is now."""

    ground: Ground[Any] | None
    effects: Mapping[str, Observation[Progress]]
    """Id of the call that is undone → how far its effect is there."""
    registered: Mapping[str, Observation[frozenset[str]]]
    """Service principal whose trusted access would be taken back → who is registered in Organizations for its service."""


@dataclass(frozen=True)
class Undone:
    """One call of the change, and its reverse; none where it cannot be reversed."""

    call: Action
    reverse: Action | None
    level: Level[Any] | None
    """The level of the service's way out whose call the reverse is."""
    place: int
    """Where it came in the change."""

    @property
    def about(self) -> frozenset[str]:
        return frozenset(self.call.targets) or self.call.affects or frozenset({self.call.account})


class Undoing(NotEnabling):
    """The Service protocol for taking one change back. `change` says what it is about, and holds the calls that were applied."""

    def __init__(self, change: Plan, service: str, departure: Departure | None) -> None:
        self.change, self.departure = change, departure
        self._service = service_named(service)
        self._leaving = Leaving(departure) if departure else None
        self._taking = undoing_calls(service)

    @property
    def name(self) -> str:
        return self._service.name

    @property
    def title(self) -> str:
        return self._service.title

    @property
    def phase(self) -> str:
        return self._service.phase

    @property
    def principals(self) -> tuple[str, ...]:
        return self._service.principals

    @property
    def reads(self) -> frozenset[str]:
        return (self._leaving or self._service).reads | READS

    @property
    def mutations(self) -> frozenset[str]:
        """The reverse calls of this change, and no others."""
        return frozenset(_called(each.reverse) for each in self.undone if each.reverse)

    @property
    def member_role(self) -> str:
        return ""

    @property
    def about(self) -> str:
        return self.change.about

    @cached_property
    def undone(self) -> tuple[Undone, ...]:
        """Every call of the change with its reverse."""
        return tuple(self._undone(place, call) for place, call in enumerate(self.change.actions))

    @cached_property
    def _by_unit(self) -> Mapping[str, tuple[Undone, ...]]:
        found: dict[str, tuple[Undone, ...]] = {}
        for each in self.undone:
            if each.reverse:
                key = each.reverse.unit_key
                found[key] = (*found.get(key, ()), each)
        return found

    def _undone(self, place: int, call: Action) -> Undone:
        back, service = call.back_out, call.service
        called = f"{service}:{back.operation}"
        levels = self.departure.levels if self.departure else ()
        level = next((each for each in levels if called in each.operations and called not in self._service.mutations), None)
        if not back.operation or not (level or called in self._taking or called in self._service.mutations):
            return Undone(call, None, level, place)
        again = BackOut("Does it again.", call.operation, call.parameters)
        reverse = replace(
            call,
            operation=back.operation,
            parameters=back.parameters,
            reason=f"takes back {call.operation}: {back.why}".strip(),
            before=call.becomes,
            becomes=call.before,
            back_out=again,
            stage=self._stage(call, called, level),
            direction=Direction.RAISES if call.direction is Direction.LOWERS else Direction.LOWERS,
            after=(),
            inside_accounts="",
        )
        return Undone(call, reverse, level, place)

    def _stage(self, call: Action, called: str, level: Level[Any] | None) -> str:
        """AWS switches off neither a member's nor an administrator's own while it is one."""
        own = level is not None and level.name == "switch-off" and call.targets == (call.account,)
        inside = level is not None and level.stage == "members"
        deleted = self.departure is not None and called in self._taking and self._taking[called].for_good
        if own or inside or deleted:
            return "members"
        return "management" if call.stage == "management" else "delegated"

    def view(self, organization: Organization, settings: Settings, scope: Scope) -> View:
        """Of a service whoever is there, as for leaving it; else whomever it is asked about."""
        return (self._leaving or self._service).view(organization, settings, scope)

    def observe(self, view: View, reader: Reader) -> Standing:
        together = {call.unit_key: call for call in _merged(each.call for each in self.undone)}
        jobs: list[Any] = [partial(self._effect, call, reader) for call in together.values()]
        if self._leaving:
            jobs.append(partial(self._leaving.observe, view, reader))
        principals = sorted(str(each.call.parameters["ServicePrincipal"]) for each in self.undone if _trusting(each))
        jobs += [partial(_tried, partial(registered, _designated(each), view, reader)) for each in principals]
        found = reader.parallel(jobs)
        whose = dict(zip(principals, found[len(found) - len(principals) :], strict=True))
        del found[len(found) - len(principals) :]
        ground = replace(found.pop(), leave=HAND_OVER) if self._leaving else None
        seen = dict(zip(together, found, strict=True))
        return Standing(ground, {each.call.id: seen[each.call.unit_key] for each in self.undone}, whose)

    def _effect(self, call: Action, reader: Reader) -> Observation[Progress]:
        """Rules, queues and topics that are not there any more cannot be asked about, which says it."""
        found = _tried(partial(self._standing, call, reader))
        if self.departure is None and isinstance(found, Unknown) and any(words in found.code for words in GONE[:2]):
            return Known(Progress(frozenset(), {}, "not there"))
        return found

    def _standing(self, call: Action, reader: Reader) -> Progress:
        """How far the effect of a call is there: what was made is there whatever else was set in it since."""
        made = self.departure.made.get(call.operation) if self.departure else None
        return made(call, reader) if made else self._service.check(call, reader)

    def assess(self, state: Standing, view: View) -> Cells:
        """Covered: it is not as the run left it any longer. To do: it is, and can be taken back."""
        return tuple(cell for each in self.undone for cell in self._cells(each, state, view))

    def _cells(self, each: Undone, state: Standing, view: View) -> Cells:
        column, seen = Column(self.name, each.call.region, ASPECT, each.call.operation), state.effects[each.call.id]
        if isinstance(seen, Unknown):
            if self._went_along(each, state):
                return column.covered(each.about, "gone with the administrator", "no administrator")
            return column.unknown(each.about, seen.code, seen.reason, seen.next_step or "Make the read possible, then look again.")
        assert isinstance(seen, Known)
        there = self._effective(each, state)
        if each.reverse is None:
            why = f"cannot be taken back by a call: {each.call.back_out.why}"
            return column.not_applicable(there, why, each.call.becomes)
        made = column.covered(each.about - there, "not as the run left it any longer: nothing is taken back", seen.value.seen)
        excluded = there & view.population.excluded
        told = column.not_applicable(excluded, "settings exclude the account, so it is not touched", each.call.becomes)
        made += tuple(replace(cell, status=Status.EXCLUDED) for cell in told)
        if bar := self._bar(each, state, view):
            return made + column.blocked(there - excluded, bar.reason, bar.next_step, each.call.becomes, bar.who)
        return made + column.to_do(there - excluded, "as the run left it", each.call.becomes)

    def _there(self, each: Undone, seen: Progress) -> frozenset[str]:
        if each.call.targets:
            return seen.reached & frozenset(each.call.targets)
        return each.about if seen.reached else frozenset()

    def _went_along(self, each: Undone, state: Standing) -> bool:
        """Whether what the administrator set cannot be read because there is none any more, or AWS is taking it away."""
        ground, reverse = state.ground, each.reverse
        if ground is None or reverse is None or reverse.stage != "delegated":
            return False
        listed = ground.administrators.get(each.call.region)
        return isinstance(listed, Known) and (ground.delegated not in listed.value or bool(ground.going(each.call.region)))

    def _bar(self, each: Undone, state: Standing, view: View) -> Bar | None:
        """What stands in the way where AWS itself would not refuse, and somebody else would lose something."""
        ground, level = state.ground, each.level
        if _trusting(each):
            principal = str(each.call.parameters["ServicePrincipal"])
            return _still_registered(principal, state.registered[principal])
        if ground is None or level is None:
            return None
        if found := ruled(ground) or (self.departure and self.departure.held(level, ground)):
            return found
        if isinstance(level, Administrator):
            return self._members_of_others(each, ground, level, state)
        if isinstance(level, Delegation):
            return self._regions_of_others(ground, state, view)
        held = isinstance(level, Dissociate) and each.call.region in ground.seen and not self._frees(each.call.region, state)
        return level.bar(ground, ground.place(each.call.region)) if held and isinstance(level, Dissociate) else None

    def _frees(self, region: str, state: Standing) -> bool:
        """Whether the same change's auto-enable is taken back first."""
        return any(
            each.reverse
            and each.call.region == region
            and each.call.operation == "UpdateOrganizationConfiguration"
            and self._effective(each, state)
            for each in self.undone
        )

    def _effective(self, each: Undone, state: Standing) -> frozenset[str]:
        """For whom its effect is there: by a read, or because a later call of the change built on it, whose effect is there."""
        seen = state.effects[each.call.id]
        if not isinstance(seen, Known):
            return frozenset()
        there = self._there(each, seen.value)
        if there or each.call.targets:
            return there
        later = (one for one in self.undone[each.place + 1 :] if _same_thing(one.call, each.call))
        return each.about if any(self._effective(one, state) for one in later) else there

    def _members_of_others(self, each: Undone, ground: Ground[Any], level: Administrator[Any], state: Standing) -> Bar | None:
        """Whoever is a member by somebody else's doing would stand alone, and nobody has said so."""
        region = each.call.region
        if region not in ground.seen:
            return Bar(f"the members in {region} are not known: the Region is not enabled any longer", "Enable the Region first.")
        listed = level.of_members.members(ground.place(region))
        still = still_associated(listed, ground.delegated)
        if still is None:
            assert isinstance(listed, Unknown)
            return Bar(listed.reason, listed.next_step or "Make the read possible, then look again.")
        ours = frozenset[str]().union(
            *(self._effective(one, state) for one in self.undone if isinstance(one.level, Dissociate) and one.call.region == region)
        )
        if others := still - ours:
            return Bar(
                f"{count_of(others)} are members here, and not by this change",
                f"Back out the changes that made them members first, or leave {self.title} level by level (runbook offboard).",
            )
        return None

    def _regions_of_others(self, ground: Ground[Any], state: Standing, view: View) -> Bar | None:
        """Organizations would end the administrator of every Region, also where this change may not or did not."""
        if ground.spec.designation is None or not ground.spec.designation.list_operation:
            return None  # Organizations' registration is all there is
        unread = [region for region, listed in sorted(ground.administrators.items()) if not isinstance(listed, Known)]
        if unread:
            return Bar(
                f"the administrators of {sentence(tuple(unread))} could not be read", "Make the read possible, then look again."
            )
        ending = [one for one in self.undone if isinstance(one.level, Administrator) and self._effective(one, state)]
        ours = {one.call.region for one in ending if self._bar(one, state, view) is None}
        listed = {region: found.value for region, found in ground.administrators.items() if isinstance(found, Known)}
        there = {region for region, accounts in listed.items() if accounts and not ground.going(region)}
        if others := sorted(there - ours):
            return Bar(
                f"{sentence(tuple(others))} has an administrator that this change does not end: giving up the delegation would",
                f"Back out the changes that designated it first, or leave {self.title} level by level (runbook offboard).",
            )
        return None

    def _doing(self, cells: Cells) -> Iterator[tuple[Undone, frozenset[str]]]:
        """What is to be taken back, and for which accounts, by the cells that say so."""
        open_ = {
            (cell.region, cell.item, account)
            for cell in cells
            if cell.in_scope and cell.gap is Gap.TO_DO
            for account in cell.accounts
        }
        for each in self.undone:
            mine = frozenset(account for account in each.about if (each.call.region, each.call.operation, account) in open_)
            if each.reverse and mine:
                yield each, mine

    def plan(self, cells: Cells, state: Standing, view: View) -> Sequence[Step | NoChange | Blocker]:
        doing = [(each, mine & self._effective(each, state)) for each, mine in self._doing(cells)]
        steps: list[Step] = []
        for rank in sorted({self._rank(each) for each, mine in doing if mine}):
            steps += self._of_rank([(each, mine) for each, mine in doing if mine and self._rank(each) == rank], steps, state)
        return [*steps, *explanations(cells)]

    def _of_rank(self, doing: Sequence[tuple[Undone, frozenset[str]]], before: Sequence[Step], state: Standing) -> list[Step]:
        made: list[Step] = []
        for each, mine in doing:
            reverse = each.reverse
            assert reverse is not None
            anywhere = each.call.service == "organizations"
            after = tuple(dict.fromkeys(step.id for step in before if anywhere or step.region == reverse.region))
            call = replace(reverse, after=after)
            call = call.only(mine) if call.targets and mine != each.about else call
            if call.id not in {step.id for step in (*before, *made)}:  # one call may take two back
                made.append(call)
        return [*made, *self._waits([each for each in made if isinstance(each, Action)])]

    def _waits(self, calls: Sequence[Action]) -> Iterator[Wait]:
        """What comes later, and the last look, need AWS to have finished and to show it."""
        ids: dict[str, list[str]] = {}
        for call in calls:
            ids.setdefault(call.unit_key, []).append(call.id)
        for call in _merged(calls):
            several = self._by_unit[call.unit_key]
            words, reading = self._shown(several[0])
            if reading:
                condition = Condition(f"{call.unit_key}: {words}", ASPECT, (call.unit_key,))
                waits_for, after = f"{words} in {call.region}", (*call.after, *ids[call.unit_key])
                yield Wait(
                    call.service, reading, call.account, call.region, condition, waits_for, 900, call.stage, call.targets, after
                )

    def _shown(self, each: Undone) -> tuple[str, str]:
        """What is waited for, and by which read; no read where AWS shows it at once."""
        designation = self.departure.spec.designation if self.departure else None
        if isinstance(each.level, Administrator) and designation:
            return "no administrator is listed", designation.list_operation
        if isinstance(each.level, Dissociate):
            return "not members any longer", each.level.listing
        waited = (wait.operation for wait in self.change.waits if each.call.id in wait.after)
        return f"{each.call.operation} is taken back", next(waited, "")

    def _rank(self, each: Undone) -> tuple[int, int, int]:
        """Stage; then what only an administrator with members can set, last first; then the levels in the service's order."""
        reverse = each.reverse
        assert reverse is not None
        stage = STAGES.index(reverse.stage)
        levels = list(self.departure.levels) if self.departure else []
        if stage != STAGES.index("members") and each.level in levels:
            return stage, levels.index(each.level), 0
        several = [one.place for one in self.undone if one.call.operation == each.call.operation]
        return stage, -1, -(min(several) if each.call.targets else each.place)

    def losses(self, cells: Cells, state: Standing) -> tuple[Loss, ...]:
        """What the reverse calls take, in the words of the way out where they are its calls."""
        found: dict[tuple[str, bool, bool, str, bool], tuple[set[str], set[str]]] = {}
        for each, mine in self._doing(cells):
            for losing in self._losing(each, state):
                taken = losing.of(mine, each.call.region)
                if not taken:
                    continue
                key = (losing.name, losing.for_good, losing.typed, losing.note, losing.of_accounts)
                accounts, regions = found.setdefault(key, (set(), set()))
                accounts |= taken
                regions.add(each.call.region)
        return tuple(
            Loss(
                f"{name}{f' of {count_of(frozenset(accounts))}' if whose else ','} in {sentence(tuple(sorted(regions)))}",
                frozenset(accounts) if whose else frozenset(),
                tuple(sorted(regions)),
                note,
                for_good,
                typed,
            )
            for (name, for_good, typed, note, whose), (accounts, regions) in found.items()
        )

    def _losing(self, each: Undone, state: Standing) -> Sequence[Losing]:
        assert each.reverse is not None
        if each.level is not None:
            return each.level.loses(state.ground) if state.ground else each.level.losing
        if taking := self._taking.get(_called(each.reverse)):
            return (taking,)
        lowers = each.reverse.direction is Direction.LOWERS
        return (Losing(f"{self.title}: {each.call.becomes}", of_accounts=bool(each.call.targets)),) if lowers else ()

    def judge(self, action: Action, answer: Mapping[str, Any] | CallFailed) -> Iterable[Outcome]:
        """A way out's call as the way out judges it, a restoring one as the service does."""
        level = self._by_unit[action.unit_key][0].level
        own = _called(action) in self._taking
        if isinstance(answer, CallFailed):
            gone = own and any(words in answer.code or words in answer.message for words in GONE)
            if gone or (level is not None and level.says_already(answer)):
                return outcomes(action, Verdict.CONFIRM, answer.code, answer.message)
            return judge_error(action, answer) if own else self._service.judge(action, answer)
        if level is not None:
            return level.answered(action, answer)
        return outcomes(action, Verdict.APPLIED) if own else self._service.judge(action, answer)

    def check(self, step: Step, reader: Reader) -> Progress:
        """Whether the effect of what is taken back is there no longer."""
        key = step.unit_key if isinstance(step, Action) else step.condition.wanted[0]
        several = self._by_unit[key]
        level, reverse = several[0].level, several[0].reverse
        assert reverse is not None
        if isinstance(level, (*ABOUT, Dissociate)):
            return level.reached(step if isinstance(step, Action) else replace(reverse, targets=step.targets), reader)
        asked = frozenset(step.targets) or frozenset({""})
        left, seen = set[str](), ""
        for call in _merged(each.call for each in several):
            progress = self._standing(call, reader)
            left |= progress.reached if step.targets else ({""} if progress.reached else set())
            seen = progress.seen
        return Progress(asked - left, {}, seen)

    def resolve(self, reference: Reference, reader: Reader) -> str:
        return self._service.resolve(reference, reader)


def _merged(calls: Iterable[Action]) -> Iterable[Action]:
    """Each call once for all accounts that it is made for: one read tells of all of them."""
    found: dict[str, Action] = {}
    for call in calls:
        known = found.get(call.unit_key, call)
        found[call.unit_key] = replace(known, targets=tuple({*known.targets, *call.targets}))
    return found.values()


def _same_thing(one: Action, other: Action) -> bool:
    """Whether two calls set the same thing, to different values."""
    return (one.service, one.operation, one.account, one.region) == (other.service, other.operation, other.account, other.region)


def _called(action: Action) -> str:
    return f"{action.service}:{action.operation}"


def _trusting(each: Undone) -> bool:
    """Whether taking it back takes trusted access away."""
    return each.reverse is not None and each.reverse.operation == "DisableAWSServiceAccess"


def _designated(principal: str) -> str:
    """The principal by which the account is registered that administers the service of this one."""
    spec = next((each for each in specs() if principal in each.principals), None)
    return spec.designation.principal if spec and spec.designation else principal


def _tried(read: Any) -> Observation[Any]:
    try:
        return Known(read())
    except CallFailed as error:
        return unread(error)


def _still_registered(principal: str, found: Observation[frozenset[str]]) -> Bar | None:
    """Trusted access is not taken from a service that has an administrator: everything of it would end at once."""
    if isinstance(found, Unknown):
        return Bar(found.reason, found.next_step or "Make the read possible, then look again.")
    if isinstance(found, Known) and found.value:
        return Bar(
            f"{sentence(tuple(sorted(found.value)))} is registered for {principal} in Organizations",
            "Back out the change that registered it first, or leave the service level by level (runbook offboard).",
        )
    return None


__all__ = ["ASPECT", "STAGES", "Standing", "Undoing", "Undone"]
