"""Deploying what was planned: plans by reads alone, orders from approvals of them, a change set, and what the stack made of it.

Nothing but the bundle and the template, whose names are their digests, is uploaded before somebody has said yes: the orders that a
change set names go into the bucket right before it is executed.
"""

import datetime as dt
import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from runbook_lib.base.files import write_text
from runbook_lib.base.project import VARIABLE, resolve
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.phase_run.opening import begin, opened
from runbook_lib.phase_run.record import plainly
from runbook_lib.phase_run.scope_parameter import read_scope
from runbook_lib.plan import Plan
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import approve, refusals, window
from runbook_lib.plan.cost import Costs
from runbook_lib.plan.decision import Decision
from runbook_lib.plan.estimate import estimate
from runbook_lib.runbook.phases import RESPONSE
from runbook_lib.settings import Settings, settings_digest
from runbook_lib.settings.register import digest_of, folder_of, kept_beside
from runbook_lib.stack.bundle import Bundle
from runbook_lib.stack.cutting import fits, parts, rest
from runbook_lib.stack.foretelling import changes
from runbook_lib.stack.installing import Installer, Proposal, StackRefused, bundle_key
from runbook_lib.stack.orders import APPROVAL, SETTINGS, Ordered
from runbook_lib.stack.template import ORGANIZATION, Task, tasks, template, text

RECORD = "stack.json"
"""In the run's folder: what was deployed, its events and its outputs."""


@dataclass(frozen=True)
class PlannedTask:
    """What one resource of the stack would carry out, as it was planned here."""

    task: Task
    plan: Plan
    file: Path
    costs: Costs

    rest: Plan | None = None
    """What is left of the plan for this resource, where parts of it come before."""

    @property
    def title(self) -> str:
        return self.task.title

    def beyond_the_hour(self, concurrency: int) -> str:
        """Why it cannot be deployed: it may take longer than CloudFormation waits, as small as it is cut; "" where it will not."""
        left = self.rest or self.plan
        if fits(left, concurrency):
            return ""
        guess = estimate(left, concurrency, "live")
        return (
            f"{self.title}: {guess.duration}, and CloudFormation waits an hour, also for one Region alone; waves in the settings, "
            "or smaller ones, make a resource, with an hour of its own, of each"
        )


@contextmanager
def _runs_are(folder: Path) -> Iterator[None]:
    """Meanwhile this process looks for runs where this run lies."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[VARIABLE]
        else:
            os.environ[VARIABLE] = before


def planned(task: Task, run: RunFolder) -> PlannedTask:
    """Plan one task into a run, in this process; nothing is changed. Raises Halt."""
    with _runs_are(run.path.parent):
        record = begin(task.phase.name, run.settings, task.scope, "", str(run.path))
    phase = opened(record)
    with plainly(record, "observed"):
        phase.observe()
    with plainly(record, "planned"):
        costs = phase.plan()
    with plainly(record):
        phase.leave()
        phase.finish()
    assert phase.planned is not None
    file = record.folder.plan_json
    if named := "-".join(filter(None, [task.wave, f"part-{task.part}" if task.part else ""])):  # other plans stay beside it
        file = file.with_name(f"plan-{named}.json")
        write_text(file, plan_file.dumps(phase.planned))
    return PlannedTask(task, phase.planned, file, costs)


def hindrance(plans: Sequence[PlannedTask], wanted: Sequence[PlannedTask], nobody: str, concurrency: int) -> str:
    """Why nothing can be deployed by these plans; "" where it can. `nobody`: why nobody here can approve alone."""
    if blocked := [each.title for each in plans if each.plan.blockers]:
        return f"{', '.join(blocked)} would be blocked; take the next steps above, and deploy again"
    if beyond := next(filter(None, (each.beyond_the_hour(concurrency) for each in plans)), ""):
        return beyond
    if wanted and nobody:
        files = " ".join(f"--approval {each.plan.fingerprint[:12]}….json" for each in wanted)
        return f"{nobody}. Have these plans approved (runbook approve), and deploy with {files}"
    return ""


def task_of(decision: Decision, settings: Settings, register: str) -> Task:
    """The task that an approval is for, where `register` is the digest of the workflows beside the settings.

    Raises StackRefused where it is for none, or is not good now.
    """
    approval, scope = decision.approval, decision.approved.scope
    whole = [each for each in tasks(settings) if each.phase.name == approval.phase and read_scope(each.scope, settings) == scope]
    wider = [
        replace(each, part=1, part_scope=json.dumps({name: list(listed) for name, listed in asdict(scope).items() if listed}))
        for each in tasks(settings)
        if each.phase.name == approval.phase and scope.regions
        if replace(read_scope(each.scope, settings), regions=scope.regions) == scope
    ]
    found = whole or wider
    if not found:
        raise StackRefused(f"the approval of {approval.phase} is of a part that this stack has no resource for; plan a wave")
    here = {"mode": settings.mode, "organization": settings.organization.id, "phase": approval.phase}
    of_phase = register if approval.phase == RESPONSE.name else ""
    refused = refusals(approval, decision.approved, settings=settings_digest(settings), register=of_phase, **here)
    if refused := (*refused, *window(approval, dt.datetime.now(dt.UTC))):
        raise StackRefused(f"the approval of {approval.phase}: {'; '.join(refused)}")
    return found[0]


@dataclass
class Deployment:
    """One deployment of one stack, recorded in a run."""

    installer: Installer
    settings: Settings
    file: Path
    """The settings' file."""
    run: RunFolder
    bucket: str
    orders: dict[Task, Ordered] = field(default_factory=dict)
    """What has a new order."""
    cut: list[Task] = field(default_factory=list)
    """Parts that tasks are cut into."""
    proposal: Proposal | None = None
    events: list[Mapping[str, Any]] = field(default_factory=list)

    @property
    def tasks(self) -> tuple[Task, ...]:
        """Everything that the stack carries out: each task of the settings after the parts that it is cut into, or was."""
        cut = {*self.cut, *self.orders, *self._kept()}
        return tuple(
            each
            for whole in tasks(self.settings)
            for each in (*sorted((each for each in cut if each.part and each.whole == whole), key=lambda each: each.part), whole)
        )

    def _kept(self) -> list[Task]:
        """Parts that the stack has from an earlier deployment, as far as they are done: leaving them there changes nothing."""
        there = {each["ParameterKey"] for each in self.installer.stack().get("Parameters", ())}
        cut = {each.whole for each in (*self.cut, *self.orders) if each.part}
        found = [
            replace(whole, part=number)
            for whole in tasks(self.settings)
            if whole not in cut
            for number in range(1, len(there))
            if replace(whole, part=number).parameter in there
        ]
        unfinished = self.installer.unfinished(found) if found else []
        return [each for each in found if each not in unfinished]

    def plan(self) -> Iterator[PlannedTask]:
        """Plan every task, one after the other, in parts where it takes too long for one resource. Raises Halt."""
        self.cut.clear()
        for task in tasks(self.settings):
            made = planned(task, self.run)
            self.cut += (cut := parts(task, made.plan, self.settings.concurrency))
            before = [planned(each, self.run) for each in cut]
            yield from before
            yield self._after(made, before) if before else made

    def _after(self, made: PlannedTask, before: Sequence[PlannedTask]) -> PlannedTask:
        """What a task has left after its parts, its plan beside theirs."""
        file = made.file.with_name(f"{made.file.stem}-whole.json")
        write_text(file, plan_file.dumps(made.plan))
        return replace(made, file=file, rest=rest(made.plan, [each.plan for each in before]))

    def wanted(self, plans: Sequence[PlannedTask]) -> list[PlannedTask]:
        """Plans that need an order: those with something to do, and those whose resource is not there, or failed."""
        unfinished = self.installer.unfinished(self.tasks)
        return [each for each in plans if each.plan.actions or each.task in unfinished]

    def order(self, planned: PlannedTask, approver: str, ticket: str) -> None:
        """Make the order that a yes would be to; it is written nowhere before that."""
        now, plan = dt.datetime.now(dt.UTC), planned.file.read_bytes()
        approval = approve(
            planned.plan, approver=approver, ticket=ticket, now=now, file=planned.file.name, sha256=hashlib.sha256(plan).hexdigest()
        )
        self._ordered(planned.task, approval.text.encode(), planned.file.name, plan)

    def order_approved(self, decision: Decision) -> None:
        """Make the order of what was approved before. Raises StackRefused."""
        task = task_of(decision, self.settings, digest_of(kept_beside(self.file)))
        if task.part:
            task = replace(task, part=1 + sum(each.part > 0 for each in self.orders if each.whole == task.whole))
        if task in self.orders:
            raise StackRefused(f"two approvals of {task.title} are given; give one")
        files = decision.approval_file.read_bytes(), decision.plan_file.read_bytes()
        self._ordered(task, files[0], decision.plan_file.name, files[1])

    def _ordered(self, task: Task, approval: bytes, plan_name: str, plan: bytes) -> None:
        files = {SETTINGS: self.file.read_bytes(), APPROVAL: approval, plan_name: plan}
        files |= {f"{folder_of(Path(SETTINGS)).name}/{name}": data for name, data in kept_beside(self.file).items()}
        if self.settings.evidence and (policy := self.settings.evidence.trust_policy):
            files[policy] = resolve(policy).read_bytes()
        self.orders[task] = Ordered.of(task.phase.name, task.scope, files, dt.datetime.now(dt.UTC))

    def propose(self, bundle: Bundle) -> bool:
        """Make the change set; False where there is nothing to change. Raises StackRefused."""
        installer = self.installer
        kind, values = installer.kind(), {ORGANIZATION: self.settings.organization.id}
        values |= {task.parameter: ordered.order.name for task, ordered in self.orders.items()}
        installer.parameters(self.tasks, values)  # what is missing is said before anything is uploaded
        made = text(template(self.settings, self.tasks))
        address = installer.template(self.bucket, made)
        values |= installer.upload(self.bucket, bundle)
        self.proposal = installer.propose(kind, address, installer.parameters(self.tasks, values))
        return self.proposal is not None

    def foretold(self, bundle: Bundle) -> list[str]:
        """What a change set would have in it, from what can be read; nothing is written. Raises StackRefused."""
        installer = self.installer
        installer.kind()
        values = {ORGANIZATION: self.settings.organization.id, "ArtifactBucket": self.bucket, "BundleKey": bundle_key(bundle)}
        values |= {task.parameter: ordered.order.name for task, ordered in self.orders.items()}
        installer.parameters(self.tasks, values)
        there = {each["ParameterKey"]: each["ParameterValue"] for each in installer.stack().get("Parameters", ())}
        changed = {name for name, value in values.items() if there.get(name) != value}
        failed = {each.logical_id for each in installer.unfinished(self.tasks)}
        return list(changes(installer.written(), json.loads(text(template(self.settings, self.tasks))), changed, failed))

    def withdraw(self) -> None:
        """Nobody said yes: leave no trace."""
        assert self.proposal is not None
        self.installer.withdraw(self.proposal)

    def carry_out(self) -> None:
        """Put the orders into the bucket, execute the change set and follow it; the record is kept however it ends.

        Raises StackRefused, and StackFailed with the first cause.
        """
        assert self.proposal is not None
        for ordered in self.orders.values():
            self.installer.order(self.bucket, ordered)
        before = {each["EventId"] for each in self.installer.events(self.proposal.stack)}
        self.installer.told_in = self.bucket
        try:
            self.installer.carry_out(self.proposal)
        finally:
            self.events = [each for each in self.installer.events(self.proposal.stack) if each["EventId"] not in before]
            self._record()

    def left(self) -> list[str]:
        """Tasks that were carried out and are not done, each with what it is instead: AWS is still working on it."""
        outputs = self.installer.outputs
        said = {task: outputs.get(f"{task.logical_id}Status", "") for task in self.orders}
        return [f"{task.title}: {status}" for task, status in said.items() if status != "done"]

    def durations(self) -> Iterator[tuple[str, float, str]]:
        """Logical id of each phase's resource, for how many seconds it was worked on, and the state it came to."""
        begun = dict[str, dt.datetime]()
        for each in self.events:
            name, status = each["LogicalResourceId"], each["ResourceStatus"]
            if not each["ResourceType"].startswith("Custom::"):
                continue
            if status.endswith("_IN_PROGRESS"):
                begun.setdefault(name, each["Timestamp"])
            elif name in begun:
                yield name, (each["Timestamp"] - begun[name]).total_seconds(), status

    def _record(self) -> None:
        assert self.proposal is not None
        said = {
            "stack": self.proposal.stack, "kind": self.proposal.kind, "changes": list(self.proposal.changes),
            "orders": {task.logical_id: ordered.order.name for task, ordered in self.orders.items()},
            "events": self.events, "outputs": self.installer.outputs,
        }  # fmt: skip
        write_text(self.run.path / RECORD, json.dumps(said, indent=1, sort_keys=True, default=str) + "\n")
