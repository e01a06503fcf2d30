"""One phase of the runbook on one organization: observe, plan, apply, verify. Knows no service, widget or file format."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from runbook_lib.apply import run_stage
from runbook_lib.apply.journal import Journal
from runbook_lib.apply.once import Memo
from runbook_lib.apply.report import NEXT_PLAN, Final, Result, StageReport, Tick
from runbook_lib.aws.access import Access
from runbook_lib.aws.errors import CallFailed
from runbook_lib.base.account_sets import count_of, few_or_count
from runbook_lib.base.clock import Clock, Stop
from runbook_lib.base.garbage import collected_rarely
from runbook_lib.base.text import counted
from runbook_lib.coverage import Cells, Status
from runbook_lib.organization import Organization
from runbook_lib.plan import Action, Blocker, NoChange, Plan, Reference, Scope, Step, Wait
from runbook_lib.plan.approval import Approval, ApprovalRefused, Covered, cover, refusals, window
from runbook_lib.plan.cost import Costs, Trials, costs
from runbook_lib.runbook.observer import MOMENT, Assessment, Observer
from runbook_lib.runbook.one_door import own_part
from runbook_lib.runbook.phases import FIRST_LIVE_RUN, PHASES, PREREQUISITES, RESPONSE, Phase, phase_named
from runbook_lib.runbook.remediating import emergency_refusals
from runbook_lib.runbook.wave_progress import WaveProgress
from runbook_lib.services.implementations import service_named
from runbook_lib.services.protocol import Procedure, Service
from runbook_lib.services.remarks import PreconditionsFailed, Remark
from runbook_lib.services.spec import place_of
from runbook_lib.services.waves import Wave, earlier, wave_of, waves
from runbook_lib.settings import Settings, settings_digest

SETTLE_SECONDS = 300
"""How long a restart waits for AWS to show what an earlier attempt's journal says was applied, before sending it again."""
PREPARING = "prepare"
"""The stage in which the delegated account does what is its own before anybody designates it. In a run with its door alone no
other phase has to come first for that: all services are prepared in one go, and their designations handed over together."""
LIMITS = "limits"
"""The aspect of the Blocker of a plan that would touch too much."""


Permit = Callable[[Approval], None]
"""Raises ApprovalRefused or PreconditionsFailed unless calls may be made under an approval now; see evidence.permit."""


@dataclass
class ApplyReport:
    """What became of each stage: calls made, approved units that needed none, accounts left out, refusals."""

    stages: list[tuple[str, StageReport]] = field(default_factory=list)
    covered: list[tuple[str, Covered]] = field(default_factory=list)
    refused: tuple[str, ...] = ()
    stopped: str = ""

    @property
    def ok(self) -> bool:
        return not self.refused and not self.stopped and all(report.ok for _, report in self.stages)

    @property
    def orderly(self) -> bool:
        """Whether nothing was refused, stopped or failed; something may be left to the next plan."""
        return not self.refused and not self.stopped and all(report.orderly for _, report in self.stages)

    @property
    def later(self) -> tuple[tuple[Step, Result], ...]:
        """What is left to the next plan: states that were waited for and take another call, or else what depends on such."""
        left = [(step, result) for _, report in self.stages for step, result in report.problems if result.is_later]
        return tuple([each for each in left if each[1].code == NEXT_PLAN] or left)

    @property
    def later_words(self) -> list[str]:
        """The same in sentences, one for each service, Region and reason."""
        accounts: dict[tuple[str, str, str], set[str]] = {}
        for step, result in self.later:
            accounts.setdefault((step.service, step.region, result.message), set()).add(result.account or step.account)
        return [
            f"{few_or_count(found)} in {place_of(service, region)}: {why}" for (service, region, why), found in accounts.items()
        ]

    @property
    def counted(self) -> dict[str, int]:
        """Units by final outcome, for the run's record."""
        sums: Counter[str] = Counter()
        for _, each in self.stages:
            sums.update({final.value: number for final, number in each.counts.items()})
        sums["already so"] += sum(len(covered.already_so) for _, covered in self.covered)
        return {final.value: sums[final.value] for final in Final}

    @property
    def calls(self) -> int:
        """How many planned calls were sent, each counted once however often it was tried."""
        return sum(bool(each.attempts) for _, stage in self.stages for each in stage.steps if isinstance(each.step, Action))

    @property
    def unsettled(self) -> int:
        """States that were waited for and did not come."""
        return sum(
            result.final is Final.FAILED
            for _, stage in self.stages for each in stage.steps if not isinstance(each.step, Action) for result in each.results
        )  # fmt: skip

    def with_more(self, other: "ApplyReport") -> "ApplyReport":
        """Both, where one phase was applied gate by gate."""
        return ApplyReport(
            [*self.stages, *other.stages],
            [*self.covered, *other.covered],
            self.refused + other.refused,
            self.stopped or other.stopped,
        )


def _of_all(progress: Callable[[Tick], None], planned: Mapping[str, int], begun: Sequence[str]) -> Callable[[Tick], None]:
    """What a stage tells, as a part of all that was approved: stages before it, and steps of it that need no call, are done."""

    def tell(tick: Tick) -> None:
        done = sum(planned[stage] for stage in begun) - tick.total + tick.done
        progress(replace(tick, done=done, total=sum(planned.values())))

    return tell


def managed(settings: Settings) -> tuple[Phase, ...]:
    """The phases that settings ask for, in order."""
    asked = {*settings.sections(), *([RESPONSE.service] if settings.response else [])}
    return tuple(phase for phase in PHASES if not phase.covers or phase.service in asked)


class Runbook:
    """One phase on one organization. Every method reads afresh; only `apply` makes mutating calls."""

    def __init__(
        self, phase: Phase, settings: Settings, access: Access, clock: Clock, scope: Scope, doing: Procedure | None = None,
        register: str = "",
    ) -> None:  # fmt: skip
        self.phase, self.settings, self.access, self.clock, self.scope = phase, settings, access, clock, scope
        self.register = register if phase == RESPONSE else ""
        """The digest of the register of workflows, where a changed one is another plan."""
        self.doing = doing
        """What does the work of a procedure; None in a phase, whose own service does it."""
        self.observer = Observer(settings, access, clock, scope)
        self._latest: tuple[float, Assessment] | None = None
        self._planned: tuple[Assessment, Plan] | None = None

    @property
    def service(self) -> Service:
        """What does the work."""
        return self.doing or service_named(self.phase.service)

    @property
    def digest(self) -> str:
        """What a plan made here says of the settings."""
        return settings_digest(self.settings, leaving=self.doing is not None)

    def organization(self) -> Organization:
        """Read the organization; refuse when it is not the one that settings name. Raises Contradicted."""
        return self.observer.organization()

    def preflight(self) -> tuple[Organization, tuple[Remark, ...]]:
        """Hold everything that settings and scope name against AWS, before any plan. Raises Contradicted, with all at once.

        The remarks that refuse nothing are returned. A phase that plans nothing needs no more than the organization to be right,
        and its survey is made meanwhile; one that asks about AWS makes none.
        """
        if self.doing is not None:
            return self.observer.preflight([service_named(PREREQUISITES.service)])
        if self.phase == FIRST_LIVE_RUN:
            return self.organization(), ()
        if not self.phase.plans:
            return self.observer.preflight([service_named(PREREQUISITES.service)], self._surveyed())
        return self.observer.preflight([service_named(phase.service) for phase in managed(self.settings)])

    @collected_rarely()
    def observe(self, *, told: bool = True) -> Assessment:
        """Observe this phase's service; without `told` only what decides about calls. Whoever enters accounts has to know them."""
        if self.doing is not None and self.doing.member_role and not self.observer.knows_accounts:
            self.observer.organization()
        _, (seen,) = self.observer.look([self.service], told=told)
        self._latest = self.clock.monotonic(), seen
        return seen

    def _of_a_moment_ago(self) -> Assessment | None:
        """The latest observation, where it is fresh: what a plan was just made from need not be read again for its first stage."""
        if self._latest is None or self.clock.monotonic() - self._latest[0] >= MOMENT:
            return None
        return self._latest[1]

    @collected_rarely()
    def survey(self) -> tuple[Organization, Cells]:
        """Observe every service that settings manage: the whole coverage, and what is watched of the resources behind it."""
        services = self._surveyed()
        organization, looks = self.observer.look(services)
        jobs: list[Callable[[], Any]] = [partial(self.observer.named, organization)]
        jobs += [partial(each.resources, seen.state, seen.view, self.access) for each, seen in zip(services, looks, strict=True)]
        named, *behind = self.access.parallel(jobs)
        return named, tuple(cell for seen, more in zip(looks, behind, strict=True) for cell in (*seen.cells, *more))

    def _surveyed(self) -> list[Service]:
        return [service_named(phase.service) for phase in managed(self.settings) if phase.covers]

    def within(self, scope: Scope) -> "Runbook":
        """The same phase on a part of the organization."""
        return Runbook(self.phase, self.settings, self.access, self.clock, scope, self.doing, self.register)

    def narrowed(self, seen: Assessment) -> Assessment:
        """What an observation of the whole means for this runbook's part of it. Pure: nothing is read again."""
        service = self.service
        view = self.observer.view(service, seen.organization)
        return Assessment(view, seen.state, service.assess(seen.state, view))

    @property
    def in_waves(self) -> bool:
        """Whether this phase is rolled out in waves: what holds for the whole organization at once is not."""
        return bool(self.settings.waves) and self.phase.enables

    def wave_progress(self, seen: Assessment) -> tuple[WaveProgress, ...]:
        """How far each wave has come, by one observation of the whole. Pure."""
        return tuple(self.within(wave.scope).progress_of(wave, seen) for wave in waves(self.settings)) if self.in_waves else ()

    def progress_of(self, wave: Wave, seen: Assessment) -> WaveProgress:
        """How far the wave that is this runbook's part has come, by an observation of at least that part. Pure."""
        here = self.narrowed(seen)
        plan = self.plan(here)
        unread = any(cell.in_scope and cell.status is Status.UNKNOWN for cell in here.cells)
        return WaveProgress(wave, len(plan.actions), len(plan.waits), unread or any(b.aspect == LIMITS for b in plan.blockers))

    def plan(self, seen: Assessment) -> Plan:
        """Decide what to call. Pure but for the time it carries; from the same observation it is the same plan."""
        if self._planned is None or self._planned[0] is not seen:
            self._planned = seen, self._decided(seen)
        return self._planned[1]

    def _decided(self, seen: Assessment) -> Plan:
        service = self.service
        decided = service.plan(seen.cells, seen.state, seen.view)
        order = {stage.name: number for number, stage in enumerate(self.phase.stages)}
        steps = sorted((each for each in decided if isinstance(each, Action | Wait)), key=lambda step: order[step.stage])
        blockers = [each for each in decided if isinstance(each, Blocker)]
        if (other := self.access.other) is not None:
            steps, handed = own_part(steps, other, self.access.reaches)
            blockers += handed
        if too_wide := self._too_wide(steps):
            steps, blockers = [], [*blockers, too_wide]
        return Plan(
            phase=self.phase.name,
            organization=seen.organization.id,
            settings_digest=self.digest,
            scope=self.scope,
            population=seen.population.accounts | {seen.organization.management_account},
            steps=tuple(steps),
            no_changes=tuple(each for each in decided if isinstance(each, NoChange)),
            blockers=tuple(blockers),
            requires=self.phase.requires,
            mode=self.settings.mode,
            created=self.clock.now().isoformat(timespec="seconds"),
            about=self.doing.about if self.doing else "",
            losses=self.doing.losses(seen.cells, seen.state) if self.doing and steps else (),
            register=self.register,
        )

    def trials(self, seen: Assessment, plan: Plan) -> Trials:
        """What AWS says of trials of what the plan switches on: a few reads, and none where nothing paid is switched on."""
        service = self.service
        charged = service.charges(plan.actions, seen.cells, seen.state, seen.view)
        return service.trials(charged, seen.state, seen.view, self.access, self.clock.now())

    def costs(self, seen: Assessment, plan: Plan, trials: Trials) -> Costs:
        """What the plan, or a part of the one for which trials were read, may cost."""
        service = self.service
        charged = service.charges(plan.actions, seen.cells, seen.state, seen.view)
        return costs(charged, trials, self.settings.prices, service.not_estimated)

    def _too_wide(self, steps: Sequence[Step]) -> Blocker | None:
        """Settings' limits on the blast radius of one plan; a plan beyond them has no step at all."""
        limits = self.settings.limits
        touched = frozenset(account for step in steps if isinstance(step, Action) for account in step.affects)
        regions = {step.region for step in steps if isinstance(step, Action)}
        if limits is None or (len(touched) <= limits.accounts and len(regions) <= limits.regions):
            return None
        return Blocker(
            self.service.name, "global", LIMITS, touched,
            reason=f"the plan would touch {count_of(touched)} in {counted(len(regions), 'Region')}; "
            f"limits in settings are {counted(limits.accounts, 'account')} and {counted(limits.regions, 'Region')}",
            next_step="plan a part (scope), or raise limits.accounts or limits.regions in a reviewed change of settings",
            who="the owner of the settings",
        )  # fmt: skip

    def refuse(self, approval: Approval, approved: Plan) -> None:
        """Raise ApprovalRefused unless this approval may be used here and now."""
        where = {"mode": self.settings.mode, "organization": self.settings.organization.id, "phase": self.phase.name}
        reasons = refusals(approval, approved, settings=self.digest, register=self.register, **where)
        if approved.about != (about := self.doing.about if self.doing else ""):
            reasons += (f"the approved plan is about {approved.about or 'a phase'}, this is about {about or 'a phase'}",)
        if approved.scope != self.scope:
            reasons += ("the scope is another one than the approved plan's; give the same scope",)
        reasons += (*emergency_refusals(approval, approved), *window(approval, self.clock.now()))
        if reasons:
            raise ApprovalRefused(reasons)

    def requirements(self) -> None:
        """Raise PreconditionsFailed when a phase that must come first has not been applied, or an earlier wave is not done."""
        latest = self._of_a_moment_ago()
        organization = latest.organization if latest else self.organization()
        phases = [phase for phase in map(phase_named, self.phase.requires) if phase in managed(self.settings)]
        looks = self.access.parallel([partial(self._missing, service_named(phase.service), organization) for phase in phases])
        found = [f"apply {phase.name} first: {each}" for phase, missing in zip(phases, looks, strict=True) for each in missing]
        if found := found or list(self._waves_before(organization)):
            raise PreconditionsFailed(found)

    def _waves_before(self, organization: Organization) -> Iterator[str]:
        """Why it is not this wave's turn, by what AWS says now of the waves before it."""
        wave = wave_of(self.scope, self.settings) if self.in_waves else None
        for before in earlier(wave, self.settings) if wave else ():
            here = self.within(before.scope)
            progress = here.progress_of(before, here.observer.assess(self.service, organization))
            if not progress.done:
                yield f"{before.title} comes before {wave.name if wave else ''}, and is not done ({progress.words}); apply it first"

    def _missing(self, service: Service, organization: Organization) -> Sequence[str]:
        view = self.observer.view(service, organization)
        return service.missing(service.foundation(view, self.access), view)

    def apply(
        self, approval: Approval, approved: Plan, *, permit: Permit, journal: Journal, stop: Stop,
        progress: Callable[[Tick], None], applied_before: frozenset[tuple[str, str]] = frozenset(),
    ) -> ApplyReport:  # fmt: skip
        """Make the approved calls that are still to be made, stage by stage, each after a fresh observation and plan.

        An observation of this runbook's that is not a minute old is fresh, unless something was called after it. The accounts for
        the look before a stage are listed from when the stage before is ending.

        `permit` is asked whether this approval may be used at all, now and right before the first call of each stage.
        `applied_before` are units which journals of earlier attempts under this approval record as applied. Raises ApprovalRefused
        or PreconditionsFailed before any call; a stage that goes beyond the approval, or is not permitted any more, is refused and
        ends the report.
        """
        self.refuse(approval, approved)
        permit(approval)
        report = ApplyReport()
        planned = Counter(step.stage for step in approved.steps)
        stages = [stage.name for stage in self.phase.stages if planned[stage.name]]
        if stages != [PREPARING] or self.access.other is None:
            self.requirements()
        for number, stage in enumerate(stages):
            through = _of_all(progress, planned, stages[: number + 1])
            covered, organization = self._cover(approved, stage, applied_before)
            report.covered.append((stage, covered))
            if covered.refused:
                report.refused = covered.refused
                return report
            ahead = self.observer.list_ahead if stage != stages[-1] else None
            ask = partial(permit, approval)
            try:
                made = self._run(covered, stage, organization, approval.not_after, ask, journal, stop, through, ahead)
            except (ApprovalRefused, PreconditionsFailed) as refused:
                report.refused = (str(refused),)
                return report
            report.stages.append((stage, made))
            if stop.is_set():
                report.stopped = stop.reason
                return report
        return report

    def _cover(self, approved: Plan, stage: str, applied_before: frozenset[tuple[str, str]]) -> tuple[Covered, Organization]:
        """Observe and plan again; wait a while for AWS to show what an earlier attempt already applied."""
        patience = self.clock.now() + dt.timedelta(seconds=SETTLE_SECONDS)
        pause = 1.0
        seen = self._of_a_moment_ago() or self.observe(told=False)
        while True:
            covered = cover(approved, self.plan(seen), stage)
            again = {unit for step in covered.steps if isinstance(step, Action) and step.stage == stage for unit in step.units}
            if not again & applied_before or self.clock.now() >= patience:
                return covered, seen.organization
            self.clock.sleep(pause)
            pause = min(pause * 1.6, 15)
            seen = self.observe(told=False)

    def _run(
        self, covered: Covered, stage: str, organization: Organization, not_after: dt.datetime, permit: Callable[[], None],
        journal: Journal, stop: Stop, progress: Callable[[Tick], None], ending: Callable[[], None] | None,
    ) -> StageReport:  # fmt: skip
        self._latest = self._planned = None
        service = self.service
        assigned = Memo(lambda reference: service.resolve(reference, self.access))

        def resolve(reference: Reference) -> str:
            if reference.kind == "account-email":
                if not (email := organization.accounts[reference.account].email):
                    raise CallFailed(
                        "NotHandedOver", "an account's e-mail address is handed over by nobody", service="organizations",
                        operation="ListAccounts", account=self.settings.organization.delegated_account, region="", sent=False,
                        next_step="Allow organizations:ListAccounts to the delegated account's roles.",
                    )  # fmt: skip
                return email
            return assigned(reference)

        return run_stage(
            covered.steps, stage, service=service, access=self.access, resolve=resolve,
            permit=permit, journal=journal, stop=stop, progress=progress, clock=self.clock, not_after=not_after, ending=ending,
        )  # fmt: skip
