"""Taking one remediation back: what its documents changed is put back as it was, as far as it is still as they left it.

The same documents do it, by the same role of the workflow, where they have a way back; what has none is named, with what to do by
hand. A finding gets the status that it had, unless its cause stays gone: then it stays as the remediation left it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.reader import Reader
from runbook_lib.base.clock import Clock
from runbook_lib.base.observation import Known, Observation, Unknown
from runbook_lib.coverage import Cells, Gap
from runbook_lib.organization import Organization
from runbook_lib.plan import (
    Action,
    BackOut,
    Blocker,
    Condition,
    Direction,
    Loss,
    NoChange,
    Plan,
    Reference,
    Scope,
    Step,
    Wait,
    digest,
    plain,
)
from runbook_lib.plan.outcome import Outcome, Progress
from runbook_lib.services.answers import text
from runbook_lib.services.aspect import NONE, WHOLE
from runbook_lib.services.column import OPERATOR, Column
from runbook_lib.services.obstacles import explanations
from runbook_lib.services.response.cases import ASSUME, TAG, account_barred
from runbook_lib.services.response.looking import NOT_THERE, Resource, Seen
from runbook_lib.services.response.names import HUB, NAME
from runbook_lib.services.response.remediation import (
    LEFT,
    READS,
    SSM,
    STATUS,
    TOKEN,
    Execution,
    Executions,
    executions_of,
    judged,
    key_of,
    token,
    tried,
)
from runbook_lib.services.response.remedies import REMEDIES, START, Remedy
from runbook_lib.services.response.service import Response
from runbook_lib.services.view import View, view_of
from runbook_lib.settings import Settings

RESOURCE = "resource"
WORKLOADS, CLOSING = "workloads", "closing"


@dataclass(frozen=True)
class Returned:
    """One execution that the remediation started, and the way back from it; none where no document has one."""

    call: Action
    remedy: Remedy
    resource: Resource
    reverse: Action | None

    @property
    def tag(self) -> str:
        return text(self.call.parameters["Tags"][0]["Key"])


@dataclass(frozen=True)
class Look:
    """How a resource is now, and what is under way on it."""

    resource: Observation[Seen]
    executions: Observation[tuple[Execution, ...]]


@dataclass(frozen=True)
class Standing:
    """What was seen."""

    looks: Mapping[str, Look]
    """Id of the call that is taken back → how its resource is."""
    statuses: Mapping[str, Observation[str]]
    """Id of a call that set a finding's status → the finding's status now; "" where there is no such finding."""


class Returning(Response):
    """The Service protocol for taking one remediation back. `change` holds the calls that were applied."""

    reads = READS.union(*(each.reads for each in REMEDIES.values()))
    not_estimated: tuple[str, ...] = ("Steps of SSM Automation are paid by number beyond AWS's free ones.",)

    def __init__(self, change: Plan, clock: Clock | None = None) -> None:
        self.change, self.clock = change, clock or Clock()
        self._executions = Executions(self.clock)

    @property
    def mutations(self) -> frozenset[str]:
        return frozenset({f"{SSM}:{START}"} if any(each.reverse for each in self.returned) else ()) | (
            {f"{HUB}:BatchUpdateFindings"} if self.closed else frozenset()
        )

    @property
    def about(self) -> str:
        return self.change.about

    @property
    def member_role(self) -> str:
        """The role of the workflow by which it was remediated: the document was given it."""
        roles = {text(each.call.parameters["Parameters"][ASSUME][0]).rpartition("/")[2] for each in self.returned}
        return min(roles, default="")

    @cached_property
    def returned(self) -> tuple[Returned, ...]:
        """Every execution of the change, the last first."""
        calls = [each for each in reversed(self.change.actions) if each.operation == START]
        return tuple(map(_returned, calls))

    @property
    def closed(self) -> tuple[Action, ...]:
        """Every call of the change that set a finding's status; one that was planned and never sent has no reverse."""
        return tuple(each for each in self.change.actions if each.operation == each.back_out.operation == "BatchUpdateFindings")

    def view(self, organization: Organization, settings: Settings, scope: Scope) -> View:
        return view_of(organization, settings, NAME, Scope())

    # Reading.

    def observe(self, view: View, reader: Reader) -> Standing:  # type: ignore[override] # another state than the phase's
        looks = reader.parallel([partial(_look, each, reader) for each in self.returned])
        statuses = reader.parallel([partial(tried, _status_of, each, reader) for each in self.closed])
        return Standing(
            {each.call.id: look for each, look in zip(self.returned, looks, strict=True)},
            {each.id: status for each, status in zip(self.closed, statuses, strict=True)},
        )

    # Deciding.

    def assess(self, state: Standing, view: View) -> Cells:  # type: ignore[override] # as in observe
        made = {each.call.id: self._cells(each, state.looks[each.call.id], view) for each in self.returned}
        closing = [cell for each in self.closed for cell in self._closing(each, state, made)]
        return (*(cell for cells in made.values() for cell in cells), *closing)

    def _cells(self, each: Returned, look: Look, view: View) -> Cells:
        us, column = {each.resource.account}, Column(NAME, each.resource.region, RESOURCE, each.resource.name, each.call.before)
        for found in (look.resource, look.executions):
            if isinstance(found, Unknown):
                step = found.next_step or f"See that {self.member_role} is in the account as its template has it, then look again."
                return column.unknown(us, found.code, found.reason, step)
        assert isinstance(look.resource, Known)
        assert isinstance(look.executions, Known)
        seen = look.resource.value
        if running := next((one for one in look.executions.value if not one.ended), None):
            step = "Wait until it has ended, or stop it in Systems Manager; then look again."
            return column.blocked(us, f"the execution {running.id} of the remediation is {running.status}", step)
        if not seen.mended or seen == NOT_THERE:
            return column.covered(
                us, f"not as the remediation left it any longer ({seen.words}): nothing is taken back", seen.words
            )
        if each.reverse is None:
            return column.not_applicable(us, f"cannot be taken back by a call: {each.call.back_out.why}", seen.words)
        if barred := account_barred(each.resource.account, view):
            return column.blocked(us, barred.reason, barred.next_step, seen.words)
        return column.to_do(us, f"as the remediation left it: {seen.words}", seen.words)

    def _closing(self, call: Action, state: Standing, made: Mapping[str, Cells]) -> Cells:
        identity, left = _finding(call), text(call.parameters["Workflow"]["Status"])
        us, column = call.affects, Column(NAME, call.region, STATUS, identity, _before(call))
        seen = state.statuses[call.id]
        if isinstance(seen, Unknown):
            return column.unknown(us, seen.code, seen.reason, seen.next_step)
        assert isinstance(seen, Known)
        if seen.value != left:
            said = f"it is {seen.value}" if seen.value else "Security Hub has no such finding any more"
            return column.covered(us, f"not as the remediation left it any longer: {said}", seen.value)
        if not any(self._comes_back(one, state, made) for one in self.returned if one.call.id in call.after):
            return column.not_applicable(us, f"its cause stays gone, so it stays {left}", left)
        return column.to_do(us, f"it is {left}, and its cause comes back", left)

    def _comes_back(self, each: Returned, state: Standing, made: Mapping[str, Cells]) -> bool:
        """Whether the cause is there, or will be when this is done."""
        look = state.looks[each.call.id].resource
        there = isinstance(look, Known) and not look.value.mended
        return there or any(cell.gap is Gap.TO_DO for cell in made[each.call.id])

    def losses(self, cells: Cells, state: Any) -> tuple[Loss, ...]:
        """What comes back with it is what was shut or closed."""
        open_ = {(each.region, each.item) for each in cells if each.aspect == RESOURCE and each.gap is Gap.TO_DO}
        return tuple(
            Loss(
                f"{each.resource.name}: {each.call.becomes}", frozenset({each.resource.account}), (each.resource.region,),
                f"It is again as it was: {each.call.before}.", for_good=False, typed=False,
            )
            for each in self.returned
            if (each.resource.region, each.resource.name) in open_
        )  # fmt: skip

    def plan(self, cells: Cells, state: Standing, view: View) -> Sequence[Step | NoChange | Blocker]:  # type: ignore[override] # as in observe
        open_ = {(each.aspect, each.region, each.item) for each in cells if each.gap is Gap.TO_DO}
        steps: list[Step] = []
        told: list[Blocker] = []
        before: dict[str, tuple[str, ...]] = {}
        untouched = set[str]()
        for each in self.returned:
            if each.reverse is None or (RESOURCE, each.resource.region, each.resource.name) not in open_:
                continue
            if key_of(each.reverse) in self._executions.started:
                told.append(self._untouched(each))
                untouched.add(each.call.id)
                continue
            wait = _wait(each, each.reverse)
            before[each.call.id] = (each.reverse.id, wait.id)
            steps += [each.reverse, wait]
        for call in self.closed:
            if (STATUS, call.region, _finding(call)) in open_ and not untouched & set(call.after):
                after = tuple(step for start in call.after for step in before.get(start, ()))
                steps.append(_reopening(call, after))
        return [*steps, *told, *explanations(cells)]

    def _untouched(self, each: Returned) -> Blocker:
        """What this process has tried, and the resource is as it was."""
        assert each.reverse is not None
        ids = frozenset(_reopening(call, ()).unit_key for call in self.closed if each.call.id in call.after)
        return Blocker(
            NAME, each.resource.region, RESOURCE, frozenset({each.resource.account}),
            f"the execution {self._executions.started[key_of(each.reverse)]} has not put {each.resource.name} back",
            f"See what the execution says in Systems Manager, and do it by hand: {each.call.before}.", OPERATOR,
            holds_up=False, rules_out=ids,
        )  # fmt: skip

    # Calling.

    def judge(self, action: Action, answer: Mapping[str, Any] | CallFailed) -> list[Outcome]:
        self._executions.answered(action, answer)
        return judged(action, answer)

    def check(self, step: Step, reader: Reader) -> Progress:
        if isinstance(step, Wait):
            [tag] = step.condition.wanted
            found = next(each for each in self.returned if each.reverse is not None and key_of(each.reverse) == tag)
            return self._over(found, reader)
        if step.operation == START:
            return Progress(NONE, {}, "whether it was started, its token tells")
        seen = _status_of(step, reader)
        return Progress(WHOLE if seen == step.parameters["Workflow"]["Status"] else NONE, {}, seen or "not there")

    def _over(self, each: Returned, reader: Reader) -> Progress:
        """Whether nothing more is to be waited for: it is as it was, or the execution has ended and changed nothing."""
        assert each.reverse is not None
        if not each.remedy.look(each.resource, reader).mended:
            return Progress(WHOLE, {}, each.call.before)
        key = key_of(each.reverse)
        there = executions_of(f"{TAG}{key}", each.resource.account, each.resource.region, reader)
        return self._executions.over(key, there, each.remedy.longest)

    def resolve(self, reference: Reference, reader: Reader) -> str:
        return token(reference, reader)


def _returned(call: Action) -> Returned:
    remedy = REMEDIES[call.parameters["DocumentName"]]
    resource = Resource(text(call.parameters["Parameters"][remedy.takes][0]), call.account, call.region)
    if call.back_out.operation != START:
        return Returned(call, remedy, resource, None)
    given: dict[str, Any] = plain(call.back_out.parameters)
    tag = f"{TAG}{digest([call.account, call.region, given])[:32]}"
    parameters = {
        **given, "ClientToken": Reference(f"{TOKEN}{tag}", call.account, call.region), "Tags": [{"Key": tag, "Value": NAME}],
    }  # fmt: skip
    reverse = replace(
        call, parameters=parameters, reason=f"takes back {call.parameters['DocumentName']}: {call.back_out.why}",
        before=call.becomes, becomes=call.before, back_out=BackOut("The finding's workflow does it again: runbook remediate."),
        stage=WORKLOADS, direction=Direction.LOWERS, after=(),
    )  # fmt: skip
    return Returned(call, remedy, resource, reverse)


def _reopening(call: Action, after: tuple[str, ...]) -> Action:
    again = BackOut("The status that the remediation gave it.", call.operation, call.parameters)
    return replace(
        call, parameters=call.back_out.parameters, reason=f"{_finding(call)}: {call.back_out.why}",
        before=call.becomes, becomes=_before(call), back_out=again, stage=CLOSING, after=after,
    )  # fmt: skip


def _wait(each: Returned, reverse: Action) -> Wait:
    limit, document = each.remedy.longest, each.call.parameters["DocumentName"]
    return Wait(
        SSM, "DescribeAutomationExecutions", reverse.account, reverse.region,
        Condition(f"{TAG}{key_of(reverse)} ended", RESOURCE, (key_of(reverse),)),
        f"{document} has ended, and {each.resource.name} is as it was; at most {limit} seconds", limit + LEFT, WORKLOADS,
        after=(reverse.id,),
    )  # fmt: skip


def _look(each: Returned, reader: Reader) -> Look:
    executions = tried(executions_of, each.tag, each.resource.account, each.resource.region, reader)
    return Look(tried(each.remedy.look, each.resource, reader), executions)


def _finding(call: Action) -> str:
    return text(call.parameters["FindingIdentifiers"][0]["Id"])


def _before(call: Action) -> str:
    """The status that the finding had."""
    return text(call.back_out.parameters["Workflow"]["Status"])


def _status_of(call: Action, reader: Reader) -> str:
    """A finding's workflow status now; "" where there is no such finding. Raises CallFailed."""
    filters = {"Id": [{"Value": _finding(call), "Comparison": "EQUALS"}]}
    pages = reader.pages(HUB, "GetFindings", call.account, call.region, Filters=filters)
    seen = [text((each.get("Workflow") or {}).get("Status")) for page in pages for each in page.get("Findings") or ()]
    return next(iter(seen), "")
