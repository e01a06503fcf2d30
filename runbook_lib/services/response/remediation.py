"""Remediation: a finding's cause mended on its resource, by AWS's own document, and its workflow status set when the cause is gone.

It is a procedure like any other: planned, approved, applied, verified. The resource is looked at before and after by the
workflow's own role in the member account, never by an enabling one. An execution has a token made of what it does and of how many
like it have ended: the same call again is the same execution while that is under way, and a new one only after it has ended.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from runbook_lib.aws.errors import CallFailed, unread
from runbook_lib.aws.reader import Reader
from runbook_lib.base.clock import Clock
from runbook_lib.base.errors import RunbookError
from runbook_lib.base.observation import Known, Observation, Unknown
from runbook_lib.base.text import counted
from runbook_lib.coverage import Cells, Gap, Status
from runbook_lib.organization import Organization
from runbook_lib.plan import Action, BackOut, Blocker, Condition, Loss, NoChange, Reference, Scope, Step, Wait
from runbook_lib.plan.outcome import Outcome, Progress, Verdict
from runbook_lib.services.answers import judge_error, outcomes, text
from runbook_lib.services.aspect import NONE, WHOLE
from runbook_lib.services.column import OPERATOR, Column
from runbook_lib.services.obstacles import explanations
from runbook_lib.services.response.cases import ROLE, Barred, Call, answer, over
from runbook_lib.services.response.looking import Seen
from runbook_lib.services.response.names import HUB, NAME
from runbook_lib.services.response.remedies import REMEDIES, START
from runbook_lib.services.response.service import Response
from runbook_lib.services.response.wanted import homes
from runbook_lib.services.view import View, view_of
from runbook_lib.settings import Settings
from runbook_lib.settings.workflow import Workflow

SSM = "ssm"
WORKLOADS, CLOSING = "workloads", "closing"
CAUSE, STATUS = "cause", "workflow status"
TOKEN = f"{NAME}:execution:"
"""Kind of the Reference to an execution's token; the tag key of the call follows."""
MOST = 20
"""Findings of one plan: so many values a filter of GetFindings takes [docs]."""
UNDER_WAY = frozenset({
    "Pending", "InProgress", "Waiting", "Cancelling", "PendingApproval", "Approved", "Scheduled", "RunbookInProgress",
    "PendingChangeCalendarOverride", "ChangeCalendarOverrideApproved",
})  # fmt: skip
"""States of an execution that has not ended [model]; one that nobody knows has not ended well."""
SETTLES = 30.0
"""Seconds after an execution's end in which a look at the resource may still show what was before."""
LEFT = 60
"""Seconds that a wait may take beyond its limit, so that the limit is what ends it."""
READS = frozenset({f"{HUB}:GetFindings", f"{SSM}:DescribeDocument", f"{SSM}:DescribeAutomationExecutions"})


class BadRemediation(RunbookError, ValueError):
    """What a remediation cannot be about."""

    advice = "Name one workflow, and the ids of findings as Security Hub has them: runbook finding ID says which workflow answers."


@dataclass(frozen=True)
class Execution:
    """One execution of a call, newest first in lists."""

    id: str
    status: str

    @property
    def ended(self) -> bool:
        return self.status not in UNDER_WAY


@dataclass(frozen=True)
class Look:
    """What was seen where a call would act."""

    document: Observation[str]
    """SHA-256 of the pinned version's content there."""
    resource: Observation[Seen]
    executions: Observation[tuple[Execution, ...]]


@dataclass(frozen=True)
class Remediating:
    """The findings, and what was seen of their resources."""

    found: Observation[Mapping[str, tuple[str, Mapping[str, Any]]]]
    """Finding id → the Region in which it was read, and the finding."""
    looks: Mapping[str, Look]
    """Call key → what was seen."""


class Remediation(Response):
    """What the procedure does, for findings that one workflow answers for."""

    reads = READS.union(*(each.reads for each in REMEDIES.values()))
    starts = frozenset({f"{SSM}:{START}"})
    updates = frozenset({f"{HUB}:BatchUpdateFindings"})
    not_estimated = ("Steps of SSM Automation are paid by number beyond AWS's free ones; what a document makes may be paid too.",)

    def __init__(self, workflow: Workflow, digest: str, findings: Sequence[str], clock: Clock | None = None) -> None:
        self.workflow, self.digest, self.clock = workflow, digest, clock or Clock()
        self.findings = tuple(dict.fromkeys(findings))
        if not self.findings or len(self.findings) > MOST:
            raise BadRemediation(f"{counted(len(self.findings), 'finding')} named; 1 to {MOST} can be remediated at a time")
        self._executions = Executions(self.clock)
        self._calls: dict[str, Call] = {}

    @property
    def mutations(self) -> frozenset[str]:
        return self.starts | self.updates

    @property
    def about(self) -> str:
        return " ".join([f"{self.workflow.id}@{self.digest[:12]}", *self.findings])

    @property
    def member_role(self) -> str:
        """The role by which member accounts are entered, by way of the delegated account: the workflow's own."""
        return f"{ROLE}{self.workflow.id}"

    def losses(self, cells: Cells, state: Any) -> tuple[Loss, ...]:
        """Nothing is taken away that has to be typed: what may stop working stands with each call."""
        return ()

    def view(self, organization: Organization, settings: Settings, scope: Scope) -> View:
        return view_of(organization, settings, NAME, Scope())

    # Reading.

    def observe(self, view: View, reader: Reader) -> Remediating:  # type: ignore[override] # another state than the phase's
        found = self._find(view, reader)
        calls = {call.key: call for _, call in self._answers(found, view) if isinstance(call, Call)}
        self._calls |= calls
        looks = reader.parallel([partial(_look, call, reader) for call in calls.values()])
        return Remediating(found, dict(zip(calls, looks, strict=True)))

    def _find(self, view: View, reader: Reader) -> Observation[Mapping[str, tuple[str, Mapping[str, Any]]]]:
        filters = {"Id": [{"Value": each, "Comparison": "EQUALS"} for each in self.findings]}
        found: dict[str, tuple[str, Mapping[str, Any]]] = {}
        try:
            for region in homes(view.settings):
                for page in reader.pages(HUB, "GetFindings", view.delegated, region, Filters=filters):
                    found |= {each["Id"]: (region, each) for each in page.get("Findings") or ()}
        except CallFailed as error:
            return unread(error)
        return Known(found)

    def _answers(
        self, found: Observation[Mapping[str, tuple[str, Mapping[str, Any]]]], view: View
    ) -> Iterator[tuple[str, Call | Barred]]:
        for identity, (_, finding) in found.value.items() if isinstance(found, Known) else ():
            if not over(finding):
                yield identity, answer(finding, self.workflow, view)

    # Deciding.

    def assess(self, state: Remediating, view: View) -> Cells:  # type: ignore[override] # as in observe
        return tuple(cell for each in self.findings for cell in self._cells(each, state, view))

    def _cells(self, identity: str, state: Remediating, view: View) -> Cells:
        region = next(iter(homes(view.settings)), "global")
        column = Column(NAME, region, CAUSE, identity, "gone")
        if isinstance(state.found, Unknown):
            return column.unknown({view.delegated}, state.found.code, state.found.reason, state.found.next_step)
        assert isinstance(state.found, Known)
        if identity not in state.found.value:
            return column.not_applicable({view.delegated}, "Security Hub has no such finding any more")
        region, finding = state.found.value[identity]
        us = {str(finding.get("AwsAccountId"))}
        column = Column(NAME, region, CAUSE, identity, "gone")
        if why := over(finding):
            return column.covered(us, why, why)
        return self._open(column, us, finding, state, view)

    def _open(self, column: Column, us: set[str], finding: Mapping[str, Any], state: Remediating, view: View) -> Cells:
        """The cells of a finding about which something is to be done, or that is barred."""
        found = answer(finding, self.workflow, view)
        if isinstance(found, Barred):
            if found.excluded:
                return column.excluded(us, found.reason)
            return column.blocked(us, found.reason, found.next_step, who=self.workflow.owner)
        if found.key not in state.looks:
            return column.unknown(us, "NotRead", f"account {finding['AwsAccountId']} came while it was read", "Plan again.")
        cause = self._cause(column, us, found, state.looks[found.key])
        return (*cause, *self._status(column, us, finding, cause))

    def _cause(self, column: Column, us: set[str], call: Call, look: Look) -> Cells:
        document = call.step.document
        assert document is not None
        for seen in (look.resource, look.document, look.executions):
            if isinstance(seen, Unknown):
                step = seen.next_step or f"See that {self.member_role} is in the account as its template has it, then plan again."
                return column.unknown(us, seen.code, seen.reason, step)
        resource, digest, executions = look.resource, look.document, look.executions
        assert isinstance(resource, Known)
        assert isinstance(digest, Known)
        assert isinstance(executions, Known)
        if resource.value.mended:
            return column.covered(us, f"{call.resource.name}: {resource.value.words}", resource.value.words)
        pinned = f"{document.name} version {document.version}"
        if digest.value != document.sha256:
            said = f"has the digest {digest.value}"
            step = f"Have its owner read that version, and write sha256: {digest.value} into {self.workflow.id}.yaml."
            why = (
                f"{pinned} {said}; the workflow has {document.sha256}"
                if document.sha256
                else f"{pinned} {said}, which nobody has read"
            )
            return column.blocked(us, why, step, who=self.workflow.owner)
        words = f"{call.resource.name}: {resource.value.words}"
        if not executions.value:
            return column.to_do(us, words, resource.value.words)
        last = executions.value[0]
        if not last.ended:
            return column.to_do(us, f"{words}; the execution {last.id} is {last.status}", resource.value.words)
        return column.to_do(
            us, f"{words}; the last execution of {document.name}, {last.id}, ended as {last.status}, and it is so now",
            resource.value.words,
        )  # fmt: skip

    def _status(self, cause_column: Column, us: set[str], finding: Mapping[str, Any], cause: Cells) -> Cells:
        wanted, seen = self.workflow.verify[0].status, text((finding.get("Workflow") or {}).get("Status"))
        column = replace(cause_column, aspect=STATUS, desired=wanted)
        if seen == wanted:
            return column.covered(us, f"the finding is {seen}", seen)
        if any(each.gap is Gap.TO_DO or each.status is Status.COVERED for each in cause):
            return column.to_do(us, f"the finding is {seen}", seen)
        return ()

    def plan(self, cells: Cells, state: Remediating, view: View) -> Sequence[Step | NoChange | Blocker]:  # type: ignore[override] # as in observe
        """The executions, each waited for, and the findings' status after them. What this process has tried is not tried again."""
        steps: dict[str, Step] = {}
        told: list[Blocker] = []
        open_ = {(each.item, each.aspect) for each in cells if each.gap is Gap.TO_DO}
        answers = list(self._answers(state.found, view))
        for identity, call in answers:
            assert isinstance(state.found, Known)
            region, finding = state.found.value[identity]
            if isinstance(call, Barred):
                continue
            update = self._update(identity, region, finding, view)
            before: tuple[str, ...] = ()
            if (identity, CAUSE) in open_:
                if call.key in self._executions.started:
                    told.append(self._untouched(identity, region, call, update))
                    continue
                start = self._start(call, state.looks[call.key], [name for name, other in answers if other == call])
                wait = _wait(call, start)
                steps |= {start.id: start, wait.id: wait}
                before = (start.id, wait.id)
            if (identity, STATUS) in open_:
                steps[update.id] = replace(update, after=before)
        return [*steps.values(), *told, *explanations(cells)]

    def _start(self, call: Call, look: Look, findings: Sequence[str]) -> Action:
        document, remedy = call.step.document, call.remedy
        assert document is not None
        assert isinstance(look.resource, Known)
        account, region = call.resource.account, call.resource.region
        back, stops = remedy.back(call.given, look.resource.value), (call.step.breaks or remedy.breaks).rstrip(".")
        if back.operation == START:
            back = replace(back, parameters={**back.parameters, "DocumentVersion": document.version})
        return Action(
            SSM, START, account, region,
            {
                "DocumentName": document.name, "DocumentVersion": document.version, "Parameters": dict(call.given),
                "ClientToken": Reference(f"{TOKEN}{call.tag}", account, region), "Tags": [{"Key": call.tag, "Value": NAME}],
            },
            reason=f"{call.step.action} Answers {', '.join(findings)}. May stop: {stops}.",
            affects=frozenset({account}), before=look.resource.value.words, becomes=remedy.becomes, stage=WORKLOADS,
            back_out=back,
            inside_accounts=f"{document.name} changes {call.resource.name} in the account.",
        )  # fmt: skip

    def _update(self, identity: str, region: str, finding: Mapping[str, Any], view: View) -> Action:
        status, was = self.workflow.verify[0].status, text((finding.get("Workflow") or {}).get("Status")) or "NEW"
        note = f"Remediated by workflow {self.workflow.id}: the cause was seen to be gone on the resource."
        parameters = {
            "FindingIdentifiers": [{"Id": identity, "ProductArn": finding["ProductArn"]}],
            "Workflow": {"Status": status}, "Note": {"Text": note, "UpdatedBy": "runbook"},
        }  # fmt: skip
        return Action(
            HUB, "BatchUpdateFindings", view.delegated, region, parameters,
            reason=f"{identity}: its status is set once the cause is gone", affects=frozenset({str(finding["AwsAccountId"])}),
            before=was, becomes=status, stage=CLOSING,
            back_out=BackOut(
                f"The finding is {was} again; its note stays.", "BatchUpdateFindings",
                {"FindingIdentifiers": parameters["FindingIdentifiers"], "Workflow": {"Status": was}},
            ),
        )  # fmt: skip

    def _untouched(self, identity: str, region: str, call: Call, update: Action) -> Blocker:
        """What this process has tried, and the resource is as it was: its finding stays as it is."""
        return Blocker(
            NAME, region, STATUS, frozenset({call.resource.account}),
            f"{identity}: the execution {self._executions.started[call.key]} has not mended {call.resource.name}; its status stays",
            "See what the execution says in Systems Manager, and do by hand what the workflow says.", OPERATOR,
            holds_up=False, rules_out=frozenset({update.unit_key}),
        )  # fmt: skip

    # Calling.

    def judge(self, action: Action, answer: Mapping[str, Any] | CallFailed) -> list[Outcome]:
        """HTTP 200 of BatchUpdateFindings is not success: what was not processed is listed, with its code."""
        self._executions.answered(action, answer)
        return judged(action, answer)

    def check(self, step: Step, reader: Reader) -> Progress:
        if isinstance(step, Wait):
            return self._over(self._calls[step.condition.wanted[0]], reader)
        if step.operation == START:
            return Progress(NONE, {}, "whether it was started, its token tells")
        asked = step.parameters["FindingIdentifiers"][0]
        filters = {"Id": [{"Value": asked["Id"], "Comparison": "EQUALS"}]}
        pages = reader.pages(HUB, "GetFindings", step.account, step.region, Filters=filters)
        seen = [text((each.get("Workflow") or {}).get("Status")) for page in pages for each in page.get("Findings") or ()]
        return Progress(WHOLE if seen == [step.parameters["Workflow"]["Status"]] else NONE, {}, ", ".join(seen) or "not there")

    def _over(self, call: Call, reader: Reader) -> Progress:
        """Whether nothing more is to be waited for: the cause is gone, or the execution has ended and changed nothing."""
        if call.remedy.look(call.resource, reader).mended:
            return Progress(WHOLE, {}, call.remedy.becomes)
        return self._executions.over(call.key, read_executions(call, reader), call.remedy.longest)

    def resolve(self, reference: Reference, reader: Reader) -> str:
        return token(reference, reader)


@dataclass
class Executions:
    """The executions that this process has started, by the key of their call, and how long each has been waited for."""

    clock: Clock
    started: dict[str, str] = field(default_factory=dict)
    _ended: dict[str, float] = field(default_factory=dict)

    def answered(self, action: Action, answer: Mapping[str, Any] | CallFailed) -> None:
        """Remember the execution that a call has started, if it has."""
        if action.operation == START and not isinstance(answer, CallFailed):
            self.started[key_of(action)] = text(answer.get("AutomationExecutionId"))

    def over(self, key: str, there: Iterable[Execution], longest: float) -> Progress:
        """Whether nothing more is to be waited for although the resource is as it was; `longest`: seconds at the most."""
        now, started = self.clock.monotonic(), self.started.get(key, "")
        found = next((each for each in there if each.id == started), None)
        said = found.status if found else "not seen yet"
        if found is not None and found.ended:
            ended = self._ended.setdefault(started, now)
            if found.status != "Success" or now - ended >= SETTLES:
                return Progress(WHOLE, {}, said)
        late = now - self._ended.setdefault(key, now) >= longest
        return Progress(WHOLE if late else NONE, {}, said)


def token(reference: Reference, reader: Reader) -> str:
    """The token of an execution: another one after each that has ended. Raises CallFailed."""
    tag = reference.kind.removeprefix(TOKEN)
    ended = sum(each.ended for each in executions_of(tag, reference.account, reference.region, reader))
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{tag}/{ended}"))


PASSING = frozenset({"ConcurrentUpdateError", "InternalFailure"})
"""Codes of findings that were not processed for the moment [model]."""


def judged(action: Action, answer: Mapping[str, Any] | CallFailed) -> list[Outcome]:
    """What an answer means. Pure."""
    if isinstance(answer, CallFailed):
        return judge_error(action, answer)
    refused: Mapping[str, Any] = next(iter(answer.get("UnprocessedFindings") or ()), {})
    if not refused:
        return outcomes(action, Verdict.APPLIED)
    code = text(refused.get("ErrorCode"))
    verdict = Verdict.RETRY if code in PASSING else Verdict.FAILED
    return outcomes(action, verdict, code, text(refused.get("ErrorMessage")))


def key_of(action: Action) -> str:
    """The key of an execution, the end of its tag."""
    reference: Reference = action.parameters["ClientToken"]
    return reference.kind.rpartition("-")[2]


def _wait(call: Call, start: Action) -> Wait:
    account, region = call.resource.account, call.resource.region
    limit = call.remedy.longest
    return Wait(
        SSM, "DescribeAutomationExecutions", account, region, Condition(f"{call.tag} ended", CAUSE, (call.key,)),
        f"{call.remedy.document} has ended, and {call.resource.name} shows it; at most {limit} seconds", limit + LEFT, WORKLOADS,
        after=(start.id,),
    )  # fmt: skip


def _look(call: Call, reader: Reader) -> Look:
    return Look(tried(_digest, call, reader), tried(call.remedy.look, call.resource, reader), tried(read_executions, call, reader))


def tried(read: Any, *given: Any) -> Observation[Any]:
    """A read, or why there is none."""
    try:
        return Known(read(*given))
    except CallFailed as error:
        return unread(error)


def _digest(call: Call, reader: Reader) -> str:
    document = call.step.document
    assert document is not None
    found = reader.read(
        SSM, "DescribeDocument", call.resource.account, call.resource.region, Name=document.name, DocumentVersion=document.version
    )
    return text((found.get("Document") or {}).get("Hash"))


def read_executions(call: Call, reader: Reader) -> tuple[Execution, ...]:
    """The executions of a call, the newest first. Raises CallFailed."""
    return executions_of(call.tag, call.resource.account, call.resource.region, reader)


def executions_of(tag: str, account: str, region: str, reader: Reader) -> tuple[Execution, ...]:
    """The executions with a tag, the newest first. Raises CallFailed."""
    filters = [{"Key": "TagKey", "Values": [tag]}]
    pages = reader.pages(SSM, "DescribeAutomationExecutions", account, region, Filters=filters)
    return tuple(
        Execution(each["AutomationExecutionId"], text(each.get("AutomationExecutionStatus")))
        for page in pages
        for each in page.get("AutomationExecutionMetadataList") or ()
    )
