"""A run's journal held against CloudTrail, a witness that the runner does not control.

Calls are joined by AWS's request id. A call whose answer was lost has none: it is joined by the marks that every session of a run
carries (user agent, name of the session), operation, account and Region. Then each side is asked for what the other lacks, and
CloudTrail for changes by others to the same services of the same accounts and Regions while the run went on.
"""

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from runbook_lib.apply.journal import JournalBroken, complete_lines
from runbook_lib.audit.cloudtrail import Event
from runbook_lib.aws.endpoints import own_region
from runbook_lib.base.identity import written
from runbook_lib.evidence.run.faults import Fault, Kind
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.services.spec import GLOBAL, place_of

DELIVERY = dt.timedelta(minutes=15)
"""How long CloudTrail usually takes to deliver an event."""
SKEW = dt.timedelta(minutes=5)
"""How far the runner's clock and AWS's may differ."""
_NAME = r"[0-9]{8}T[0-9]{6}Z-(?:rehearsal|live)-[0-9a-f]{4}"
_RUN = re.compile(rf"\brun/({_NAME})\b|^runbook-({_NAME})$")
_ABOUT_FINDINGS = re.compile(r"Findings$|FindingsFeedback$|SampleFindings$")
"""Operations on findings: analysts' daily work, which changes no setting."""


@dataclass(frozen=True)
class Call:
    """One attempt that the journal announced, with what AWS answered. `status` 0: no answer was recorded."""

    phase: str
    time: dt.datetime
    service: str
    operation: str
    account: str
    region: str
    targets: frozenset[str]
    request_id: str
    status: int

    def __str__(self) -> str:
        answer = f"request id {self.request_id}" if self.request_id else "no answer recorded"
        return f"{self.service}:{self.operation} in {self.account} {self.place} at {self.time:%Y-%m-%dT%H:%M:%SZ} ({answer})"

    def is_of(self, event: Event) -> bool:
        """Whether an event is of the same operation in the same place."""
        mine = (self.service, self.operation, self.account)
        return mine == (event.service, event.operation, event.account) and event.region in self.event_regions

    @property
    def place(self) -> str:
        """The Region, as a person reads it."""
        return place_of(self.service, self.region)

    @property
    def event_regions(self) -> frozenset[str]:
        """Where its event may lie: of a service without Regions also where its partition keeps those, whichever was called.

        us-east-1 [docs: Organizations, "Logging with CloudTrail"]; in other partitions their Region in botocore's table [assumed].
        """
        return frozenset({self.region, own_region(self.region)} if self.place == GLOBAL else {self.region})


LOOKS = {("sqs", "ReceiveMessage")}
"""Reads that a trail of data events may not call so: a drill looks into queues, and takes no message out."""


@dataclass
class Joined:
    """What came of it: faults, and how many calls were found on both sides."""

    calls: int = 0
    joined: int = 0
    reads: int = 0
    """Events of this run that changed nothing; the journal holds none of them."""
    faults: list[Fault] = field(default_factory=list)


def against(run: RunFolder, events: Sequence[Event]) -> Joined:
    """Join one run's journals with exported events."""
    seen = Joined()
    calls = list(_calls(run, seen))
    marked = [event for event in events if run_of(event) == run.name]
    pairs = _pairs(calls, marked, events)
    seen.calls, seen.joined = len(calls), len(pairs)
    seen.reads = sum(event.read_only for event in marked)
    matched = {id(event) for _, event in pairs}
    for call, event in pairs:
        seen.faults += _differences(run.name, call, event)
    paired = {id(call) for call, _ in pairs}
    seen.faults += [_without_event(run.name, call, events) for call in calls if id(call) not in paired]
    for event in marked:
        if not event.read_only and id(event) not in matched and (event.service, event.operation) not in LOOKS:
            seen.faults.append(Fault(run.name, Kind.NOT_JOURNALED, f"{_said(event)}; the journal lacks it"))
    seen.faults += _foreign(run, calls, events, matched)
    return seen


def run_of(event: Event) -> str:
    """The run whose marks an event carries; "" for none."""
    match = _RUN.search(event.user_agent) or _RUN.search(event.session)
    return match.group(1) or match.group(2) if match else ""


def _calls(run: RunFolder, seen: Joined) -> Iterator[Call]:
    for phase in run.phases():
        if not phase.journal.is_file():
            continue
        try:
            lines = complete_lines(phase.journal)
        except JournalBroken as broken:
            seen.faults.append(Fault(f"{run.name}/{phase.name}", Kind.CHANGED, str(broken)))
            continue
        answers = {line["invocation"]: line for line in lines if line["kind"] == "outcome"}
        for line in lines:
            if line["kind"] == "intent":
                answer = answers.get(line["invocation"], {})
                yield Call(
                    phase.name,
                    dt.datetime.fromisoformat(line["time"]),
                    line["service"],
                    line["operation"],
                    line["account"],
                    line["region"],
                    frozenset(line["target_accounts"]),
                    answer.get("request_id", ""),
                    answer.get("status", 0),
                )


def _pairs(calls: Iterable[Call], marked: Iterable[Event], events: Iterable[Event]) -> list[tuple[Call, Event]]:
    """By request id; then calls without one by marks and place, each with the nearest event that nobody else has."""
    by_id = {event.request_id: event for event in events if event.request_id}
    pairs = [(call, by_id[call.request_id]) for call in calls if call.request_id in by_id]
    free = [event for event in marked if all(event is not other for _, other in pairs)]
    for call in calls:
        if not call.request_id:
            near = [event for event in free if call.is_of(event) and abs(event.time - call.time) <= SKEW]
            if near:
                best = min(near, key=lambda event: abs(event.time - call.time))
                free = [event for event in free if event is not best]
                pairs.append((call, best))
    return pairs


def _differences(run: str, call: Call, event: Event) -> Iterator[Fault]:
    where = f"{run}/{call.phase}"
    if (other := run_of(event)) != run:
        whose = f"of run {other}" if other else f"of {written(event.caller) or 'nobody known'}, without the marks of any run"
        yield Fault(where, Kind.OTHERS_EVENT, f"{call}: the event with this request id is {whose}")
    if not call.is_of(event):
        yield Fault(where, Kind.EVENT_DIFFERS, f"{call}: CloudTrail has {_said(event)}")
    elif call.status and (200 <= call.status < 300) != (not event.error):
        answered = f"answered with {event.error}" if event.error else "succeeded"
        yield Fault(where, Kind.EVENT_DIFFERS, f"{call}: the journal has status {call.status}, in CloudTrail it {answered}")


def _without_event(run: str, call: Call, events: Sequence[Event]) -> Fault:
    """Why there may be no event: not delivered yet, not exported, or never made."""
    there = [event for event in events if event.account == call.account and event.region in call.event_regions]
    if not there:
        text = f"{call}: nothing of {call.account} {' or '.join(sorted(call.event_regions))} is in the export"
        return Fault(f"{run}/{call.phase}", Kind.EVENT_MISSING, text)
    if events[-1].time < call.time + DELIVERY:
        until = f"{events[-1].time:%Y-%m-%dT%H:%M:%SZ}"
        text = f"{call}: the export ends at {until}, and delivery takes up to 15 minutes; export again"
        return Fault(f"{run}/{call.phase}", Kind.EVENT_LATE, text)
    if not call.status:
        return Fault(f"{run}/{call.phase}", Kind.EVENT_MISSING, f"{call}: no event; it may never have reached AWS")
    return Fault(f"{run}/{call.phase}", Kind.EVENT_MISSING, f"{call}: no event")


def _foreign(run: RunFolder, calls: Iterable[Call], events: Iterable[Event], matched: set[int]) -> Iterator[Fault]:
    """Successful changes by others, while the run went on, to services of accounts and Regions that the run changed."""
    record = run.record()
    begin = dt.datetime.fromisoformat(record["started"])
    end = dt.datetime.fromisoformat(record["finished"]) if record["finished"] else dt.datetime.max.replace(tzinfo=dt.UTC)
    touched = {(call.service, account, call.place) for call in calls for account in (call.account, *call.targets)}
    for event in events:
        changes = not (event.read_only or event.error or event.by_aws or _ABOUT_FINDINGS.search(event.operation))
        place = (event.service, event.account, place_of(event.service, event.region))
        if not changes or id(event) in matched or place not in touched:
            continue
        if not begin <= event.time <= end or (other := run_of(event)) == run.name:
            continue
        if other:
            yield Fault(run.name, Kind.OTHERS_EVENT, f"{_said(event)}: run {other} changed the same service meanwhile")
        else:
            yield Fault(run.name, Kind.FOREIGN_CHANGE, _said(event))


def _said(event: Event) -> str:
    answer = f", answered with {event.error}" if event.error else ""
    where = f"{event.service}:{event.operation} in {event.account} {event.region} at {event.time:%Y-%m-%dT%H:%M:%SZ}"
    return f"{where} by {written(event.caller) or 'nobody known'} (request id {event.request_id or 'none'}{answer})"
