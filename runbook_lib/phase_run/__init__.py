"""What a notebook does without showing: one phase observed, planned, applied and verified, with everything left in a run folder.

Every door uses it: the notebooks at the screen and headless, and whatever runs without a kernel. So it imports no tables, widgets,
notebooks or templates; what it returns are values, which a door shows in its own way.
"""

import datetime as dt
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Literal

from runbook_lib.apply.journal import Journal
from runbook_lib.apply.report import Tick
from runbook_lib.aws.other_door import OTHER_DOOR
from runbook_lib.base.clock import Stop
from runbook_lib.base.files import write_bytes, write_text
from runbook_lib.base.text import counted
from runbook_lib.coverage import Cells, Status, count
from runbook_lib.coverage.files import text_table, write_coverage
from runbook_lib.coverage.page import Around
from runbook_lib.evidence.index_page import ways_from
from runbook_lib.evidence.people import four_eyes
from runbook_lib.evidence.people.permit import Permit
from runbook_lib.evidence.run.answers import Answers
from runbook_lib.evidence.run.attempts import applied_before, refuse_second
from runbook_lib.evidence.run.called import CALLS, NOTHING_CALLED, called
from runbook_lib.evidence.run.earlier_reads import BEGUN, EarlierReads
from runbook_lib.evidence.run.folder import RunStatus
from runbook_lib.inventory.handover import Left
from runbook_lib.organization import Organization
from runbook_lib.phase_run.handing_over import hand_over
from runbook_lib.phase_run.partial_plans import PartialPlans
from runbook_lib.phase_run.plan_files import write_plan
from runbook_lib.phase_run.record import RunRecord
from runbook_lib.plan import Plan
from runbook_lib.plan.cost import Costs, Trials
from runbook_lib.plan.decision import Decision, given
from runbook_lib.plan.document import Change
from runbook_lib.runbook import ApplyReport, Runbook
from runbook_lib.runbook.observer import Assessment
from runbook_lib.runbook.one_door import HAND_OVER, by_reason
from runbook_lib.runbook.way_back import way_back
from runbook_lib.services.remarks import Remark
from runbook_lib.services.waves import waiting_waves, wave_words

EXITS = {0: RunStatus.DONE, 1: RunStatus.FAILED, 2: RunStatus.LEFT_OVER}


@dataclass(eq=False)
class PhaseRun:
    """One phase on one organization: observe, plan, take up a decision, apply, verify, finish, in that order."""

    record: RunRecord
    runbook: Runbook
    """The phase on what the door was asked for."""
    organization: Organization
    remarks: tuple[Remark, ...]
    """What AWS says of the settings that refuses nothing."""
    answers: Answers
    earlier_reads: EarlierReads
    begun: dt.datetime
    acting: Runbook = field(init=False)
    """The phase on what is decided about: the same, or a part that was chosen."""
    _seen: Assessment | None = field(init=False, default=None)
    _trials: Trials = field(init=False, default=Trials())
    """What was seen, and of trials, where that plan was made."""
    before: Assessment | None = None
    cells: Cells = ()
    """The newest look."""
    cells_before: Cells = ()
    looked: Literal["before", "after", ""] = ""
    planned: Plan | None = None
    partial: PartialPlans | None = None
    decision: Decision | None = None
    """The latest that was taken up."""
    report: ApplyReport | None = None

    def __post_init__(self) -> None:
        self.acting = self.runbook

    def observe(self) -> None:
        """Read what is there, and keep it as coverage."""
        self._look("before" if self.runbook.phase.plans else "after")

    def _look(self, which: Literal["before", "after"]) -> None:
        self.record.must_run()
        if self.runbook.phase.plans:
            self.before = self.runbook.observe()
            self.cells, self.organization = self.before.cells, self.runbook.observer.named(self.before.organization)
            if which == "before":
                self.cells_before = self.cells
        else:
            self.organization, self.cells = self.runbook.survey()
        self.looked = which
        self._keep_coverage(which)

    def _keep_coverage(self, which: Literal["before", "after"]) -> None:
        record, folder = self.record, self.record.folder
        facts = {"mode": record.settings.mode, "phase": folder.name, "run": record.run.name}
        if door := record.scope.door:
            facts["door"] = f"the {door} account's alone; {record.taken.words}"
        plans = self.runbook.phase.plans and which == "before"
        ways = ways_from(record.run, folder, f"coverage-{which}.html", following="plan.html" if plans else "")
        around = Around(ways, record.settings.exclusions, record.clock.now().date())
        write_coverage(folder.path, which, self.cells, self.organization, facts, around)
        write_text(folder.path / f"coverage-{which}.txt", text_table(self.cells, self.organization))
        about = {
            "scope": {name: said for name, said in asdict(self.runbook.scope).items() if said or name != "door"},
            "callers": dict(self.organization.callers),
            BEGUN: (self.earlier_reads.begun or self.begun).isoformat(),
        }
        self.answers.write(folder.path / f"answers-{which}.jsonl.gz", about)
        seen = count(cell for cell in self.cells if cell.in_scope)
        record.results |= {
            "covered": seen.covered,
            "gap": seen.gap,
            "unknown": seen.unknown,
            "excluded": seen.excluded,
            "not applicable": seen.not_applicable,
        }

    def plan(self) -> Costs:
        """Decide what to call, and keep it; what it may cost. Under an approval, plan.json stays the approved plan."""
        assert self.before is not None, "run observe() first"
        self.record.must_run()
        self.partial = PartialPlans(self.runbook, self.before)
        return self.take_up(self.runbook, self.runbook.plan(self.before))

    def take_up(self, acting: Runbook, plan: Plan) -> Costs:
        """Make a plan, of the whole or of a part that was chosen, the one that is decided about; what it may cost."""
        assert self.before is not None, "run observe() first"
        self.acting, self.planned = acting, plan
        self._seen = self.before if acting is self.runbook else acting.narrowed(self.before)
        self._trials = acting.trials(self._seen, plan)
        costs = self.costs_of(plan)
        self._keep(plan, "plan-at-apply" if self.record.approval else "plan", costs)
        self.record.results |= {
            "actions": len(plan.actions),
            "blockers": len(plan.blockers),
            "fingerprint": plan.fingerprint,
            "may cost": costs.words,
        }
        self.record.state = "planned"
        return costs

    def costs_of(self, plan: Plan) -> Costs:
        """What the plan that is decided about, or the part of it at one gate, may cost; nothing is read for it."""
        assert self._seen is not None, "run plan() first"
        return self.acting.costs(self._seen, plan, self._trials)

    def _keep(self, plan: Plan, stem: str, costs: Costs | None = None) -> None:
        """Write a plan for machines and for a change board."""
        settings, runbook = self.record.settings, self.runbook
        organization = settings.organization
        change = Change(
            title=f"{runbook.phase.title}{f': {plan.about},' if plan.about else ''} across organization {organization.id}",
            purpose=runbook.phase.purpose,
            roles={organization.management_account: "management account", organization.delegated_account: "delegated account"},
            concurrency=settings.concurrency,
            wave=wave_words(plan.scope, settings) if runbook.in_waves else "",
            later=waiting_waves(plan.scope, settings) if runbook.in_waves else "",
            stages={stage.name: stage.title for stage in runbook.phase.stages},
            costs=costs,
            names=self.organization.account_names,
        )
        write_plan(self.record.run, self.record.folder, stem, plan, change)

    def take_given(self) -> Decision:
        """Take up the approval file that was given. Raises ApprovalRefused when it may not be used here and now."""
        record = self.record
        assert record.approval is not None
        self.decision = given(record.approval)
        self.runbook.refuse(self.decision.approval, self.decision.approved)
        four_eyes.refuse(self.decision.approval, record.settings, record.run, self.organization.callers.values())
        if self.decision.approval_file.parent.resolve() != record.folder.path.resolve():
            self.decision = self._brought(self.decision)
        return self.decision

    def _brought(self, decision: Decision) -> Decision:
        """An approval and its plan in this run's own folder: the very file that was approved, under the name that is signed."""
        folder, approval = self.record.folder, decision.approval
        refuse_second(folder, approval)
        data = decision.plan_file.read_bytes()
        name = approval.plan_name if approval.version > 1 else folder.plan_json.name
        self._keep(decision.approved, name.removesuffix(".json"))
        write_bytes(folder.path / name, data)
        approval.model_copy(update={"plan": name}).write(folder.approval)
        return given(folder.approval)

    def apply(self, decision: Decision, stop: Stop, progress: Callable[[Tick], None]) -> ApplyReport:
        """Make the calls of one decision that are still to be made; what became of them."""
        record = self.record
        record.state, self.decision = "failed", decision
        before = applied_before(record.run.path.parent, decision.approval.id)
        permit = Permit(record.run, record.settings, self.organization.callers, os.environ)
        permit(decision.approval)  # before there is a journal, by which other runs would take this one for a user of the approval
        with Journal(record.folder.journal, record.run.name, record.clock, record.replica) as journal:
            report = self.acting.apply(
                decision.approval,
                decision.approved,
                permit=permit,
                journal=journal,
                stop=stop,
                progress=progress,
                applied_before=before,
            )
        self.report = whole = report if self.report is None else self.report.with_more(report)
        record.state = "stopped" if whole.stopped else "refused" if whole.refused else "applied" if whole.orderly else "failed"
        record.error = "; ".join(whole.refused) or whole.stopped
        record.results |= whole.counted
        if left := whole.later_words:
            record.results["left to the next plan"] = left
        return report

    def leave(self) -> None:
        """Record that nothing was attempted, for nobody has decided."""
        self.record.state = "planned" if called(self.record.folder.journal).get(CALLS) else NOTHING_CALLED

    def verify(self) -> None:
        """Read again, where something was decided, and keep it as coverage afterwards."""
        if self.decision is not None:
            self._look("after")
            if self.coming_back:
                self.record.results["coming back"] = list(self.coming_back)
        elif not self.runbook.phase.plans:
            self.record.state = "observed"

    @property
    def coming_back(self) -> tuple[str, ...]:
        """How what was taken away comes back, in sentences; nothing where nothing was."""
        if self.report is None or self.carried_out is None:
            return ()
        found = way_back(self.runbook.service, self.carried_out, self.report)
        return tuple(found.lines()) if found else ()

    @property
    def carried_out(self) -> Plan | None:
        """The plan whose reverse calls back this phase out: the one approved beforehand, else the one made here."""
        return self.decision.approved if self.decision and self.record.approval else self.planned

    def finish(self) -> int:
        """End the run; its exit code: 0 done and covered, 2 with something left, 1 when something went wrong."""
        self.runbook.access.close()
        left = any(cell.in_scope and cell.status in (Status.GAP, Status.UNKNOWN) for cell in self.cells)
        pending = self.decision is None and self.planned is not None and (self.planned.actions or self.planned.blockers)
        state = self.record.state
        handed = self._hand_over()
        broken = state in ("failed", "refused", "stopped") or (self.report is not None and not self.report.orderly)
        code = 1 if broken else 2 if left or pending or handed else 0
        self.record.end(RunStatus.STOPPED if state == "stopped" else EXITS[code])
        return code

    def _hand_over(self) -> bool:
        """Write what is left to the holder of the other door, in a run with one; whether anything is."""
        access, record = self.runbook.access, self.record
        if access.other is None or self.looked == "":
            return False
        plan = self.runbook.plan(self.before) if self.before is not None else None
        handed = [each for each in plan.blockers if each.aspect == HAND_OVER] if plan else []
        theirs = [f"{reason} ({', '.join(regions)})" for reason, regions in by_reason(handed).items()]
        unread = sum(len(cell.accounts) for cell in self.cells if cell.in_scope and cell.code == OTHER_DOOR)
        if unread:
            theirs.append(f"{counted(unread, 'cell')} of coverage that only the {access.other.name} account shows")
        here = [f"{counted(len(plan.actions), 'call')} to approve"] if plan and plan.actions else []
        caller = self.organization.callers.get(access.other.own, "")
        hand_over(
            record.run,
            record.settings,
            access.other,
            caller,
            record.folder.name,
            Left(tuple(here), tuple(theirs)),
            record.clock.now(),
        )
        record.results["handed over"] = theirs
        return bool(theirs)
