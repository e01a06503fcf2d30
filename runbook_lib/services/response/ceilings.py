"""Aspect "ceilings": what counts a channel's messages, one state machine for each, and the rule that asks it for a digest each day.

It is there, with the table of counts and its role, before any route sends through it. What it does stands in `counting`.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runbook_lib.aws.errors import CallFailed, has
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, NotYet, Unknown
from runbook_lib.coverage import Cells
from runbook_lib.plan import Action, BackOut, Condition, Step, Wait, plain
from runbook_lib.plan.outcome import Outcome, Progress, Verdict
from runbook_lib.services.answers import outcomes, text
from runbook_lib.services.aspect import NONE, WHOLE, Planned
from runbook_lib.services.column import SETTINGS_OWNER, Column, to_do
from runbook_lib.services.response.counted import read_counts, read_machine
from runbook_lib.services.response.counting import KEY, TABLE, definition
from runbook_lib.services.response.names import AT_MIDNIGHT, DIGEST, EVENTS, MACHINES, MARK, TABLES, TAG, TAGGED
from runbook_lib.services.response.observe import read_rule
from runbook_lib.services.response.part import Here, Part
from runbook_lib.services.response.state import Machine, Rule
from runbook_lib.services.response.wanted import UNDELIVERED, Wanted, WantedDestination, lasting

COUNTS = "counts"
"""The item of the table, beside the channels' ids."""
NOT_YET_TRUSTED = "is authorized to assume the provided role"
"""What Step Functions says of a role that was made a moment ago [issues: lumigo-CLI#83, step-functions-developer-guide#23]."""


@dataclass(frozen=True)
class Ceiling:
    """What is wanted for one channel."""

    channel: WantedDestination
    definition: str
    role: str
    """ARN of the machine's role."""
    target: Mapping[str, Any]
    """Of the rule that asks for the digest."""

    @property
    def item(self) -> str:
        return self.channel.item

    @property
    def machine(self) -> str:
        return self.channel.through

    @property
    def rule(self) -> str:
        return f"{DIGEST}{self.item}"


def ceilings(wanted: Wanted) -> tuple[Ceiling, ...]:
    """Every channel of a Region that has a ceiling."""
    lost = next(each for each in wanted.destinations if each.item == UNDELIVERED).arn
    return tuple(_ceiling(wanted, each, lost) for each in wanted.destinations if each.through)


def _ceiling(wanted: Wanted, channel: WantedDestination, undelivered: str) -> Ceiling:
    assert channel.role is not None
    target = {
        "Id": "digest", "Arn": channel.through, "RoleArn": channel.role.arn,
        "Input": json.dumps({"digest": channel.item}), **lasting(undelivered),
    }  # fmt: skip
    said = definition(wanted.counting(channel), wanted.view.settings)
    return Ceiling(channel, said, wanted.counting_role(channel).arn, target)


class Ceilings(Part):
    name = "ceilings"
    calls = frozenset({
        f"{TABLES}:CreateTable", f"{MACHINES}:CreateStateMachine", f"{MACHINES}:UpdateStateMachine", f"{EVENTS}:PutRule",
        f"{EVENTS}:PutTargets",
    })  # fmt: skip

    def plans(self, action: Action) -> bool:
        """Its rules alone, of all rules."""
        named = text(action.parameters.get("Rule") or action.parameters.get("Name"))
        return super().plans(action) and (action.service != EVENTS or named.startswith(DIGEST))

    def cells(self, place: Here) -> Cells:
        wanted = ceilings(self.wanted(place))
        if not wanted:
            return ()
        return (*_of_table(place), *(cell for each in wanted for cell in _of_channel(place, each)))

    def steps(self, place: Here, cells: Cells, stage: str, planned: Planned) -> Sequence[Step]:
        asked = {cell.item for cell in to_do(cells, place.region, self.name)}
        if stage != "delegated" or not asked:
            return []
        made: list[Step] = [*_table(place)] if COUNTS in asked else []
        first = (*planned.ids("channels"), *planned.ids("roles"), *(each.id for each in made))
        return [
            *made,
            *(step for each in ceilings(self.wanted(place)) if each.item in asked for step in _steps(place, each, first)),
        ]

    def reached(self, wait: Wait, reader: Reader) -> Progress:
        found = read_counts(wait.account, wait.region, reader)
        active = found is not None and found.status == "ACTIVE"
        return Progress(WHOLE if active else NONE, {}, found.status if found else "no table")

    def effect(self, action: Action, reader: Reader) -> Progress:
        asked, account, region = plain(action.parameters), action.account, action.region
        if action.operation == "CreateTable":
            counts = read_counts(account, region, reader)
            return Progress(WHOLE if counts and counts.ours else NONE, {}, counts.status if counts else "no table")
        if action.service == MACHINES:
            arn = asked.get("stateMachineArn") or _machine_arn(action)
            machine = read_machine(arn, account, region, reader)
            same = machine is not None and (machine.definition, machine.role) == (asked["definition"], asked["roleArn"])
            return Progress(WHOLE if same else NONE, {}, "as wanted" if same else "none, or another one")
        rule = read_rule(asked.get("Rule") or asked["Name"], account, region, reader)
        there = rule is not None and (
            all(_alike(each, rule) for each in asked["Targets"])
            if "Targets" in asked
            else rule.ours and rule.schedule == AT_MIDNIGHT
        )
        return Progress(WHOLE if there else NONE, {}, "there" if there else "not there")

    def answered(self, action: Action, answer: Mapping[str, Any]) -> list[Outcome]:
        """HTTP 200 of PutTargets is not success."""
        if action.operation == "PutTargets" and answer.get("FailedEntryCount"):
            entry: Mapping[str, Any] = next(iter(answer.get("FailedEntries") or ()), {})
            return outcomes(action, Verdict.FAILED, text(entry.get("ErrorCode")), text(entry.get("ErrorMessage")))
        return outcomes(action, Verdict.APPLIED)


def too_early(action: Action, error: CallFailed) -> bool:
    """Whether a state machine was refused because its role was made a moment ago."""
    return action.service == MACHINES and has(error, NOT_YET_TRUSTED)


def _machine_arn(action: Action) -> str:
    """By its role's ARN, which names partition and account."""
    partition, account = action.parameters["roleArn"].split(":")[1], action.account
    return f"arn:{partition}:states:{action.region}:{account}:stateMachine:{action.parameters['name']}"


def _alike(target: Mapping[str, Any], rule: Rule) -> bool:
    found = rule.targets.get(target["Id"], {})
    return all(plain(found.get(key)) == plain(value) for key, value in target.items())


def _of_table(place: Here) -> Cells:
    us, found = {place.delegated}, place.seen.counts
    column = place.column(Ceilings.name, COUNTS, TABLE)
    if not isinstance(found, Known):
        return column.unseen(us, found, "comes first")
    if found.value is None:
        return column.to_do(us, "there is no table that counts", "none")
    if not found.value.ours:
        step = f"Have its owner give up the name: it has no tag {TAG}={TAGGED}."
        return column.blocked(us, f"there is a table {TABLE} that the runbook did not make", step, "there")
    return column.covered(us, f"there, {found.value.status}", "there")


def _of_channel(place: Here, wanted: Ceiling) -> Cells:
    us, machine, rules = {place.delegated}, place.seen.machines[wanted.item], place.seen.rules
    column = place.column(Ceilings.name, wanted.item, f"at most {wanted.channel.ceiling} messages a day")
    for found in (machine, rules):
        if isinstance(found, Unknown | NotYet):
            return column.unseen(us, found, "comes first")
    assert isinstance(machine, Known)
    assert isinstance(rules, Known)
    if why := _keyed(place, wanted):
        step = "Take the key from it, or leave daily_ceiling out of settings."
        return column.blocked(us, why, step, "encrypted", SETTINGS_OWNER)
    return _there(column, us, wanted, machine.value, rules.value.get(wanted.rule))


def _keyed(place: Here, wanted: Ceiling) -> str:
    """Why what counts could not send there: keys let EventBridge in, and nothing here gives a role leave to use one."""
    found = place.seen.destinations[wanted.channel.arn]
    if isinstance(found, Known) and found.value and found.value.key:
        there = f"the {wanted.channel.what} {wanted.channel.name}"
        return f"{there} is encrypted with a KMS key, which the role of what counts may not use"
    return ""


def _there(column: Column, us: set[str], wanted: Ceiling, machine: Machine | None, rule: Rule | None) -> Cells:
    for what, taken in (("state machine", machine and not machine.ours), ("rule", rule and not rule.ours)):
        if taken:
            name = wanted.machine.rpartition(":")[2] if what == "state machine" else wanted.rule
            step = "Give the channel another id, or have its owner give up the name."
            return column.blocked(us, f"there is a {what} {name} that the runbook did not make", step, "there", SETTINGS_OWNER)
    if machine is None:
        return column.to_do(us, "nothing counts its messages", "none")
    if (machine.definition, machine.role) != (wanted.definition, wanted.role):
        return column.to_do(us, "what counts its messages is not as settings want it", "another one")
    if _rule_lacks(rule) or not _alike(wanted.target, rule):  # type: ignore[arg-type] # a rule that lacks nothing is one
        return column.to_do(us, "nothing asks for its digest at the end of the day", "counted")
    return column.covered(us, "counted; the rest of a day is kept, and named in a digest at its end", "counted")


def _rule_lacks(rule: Rule | None) -> bool:
    return rule is None or not rule.enabled or rule.schedule != AT_MIDNIGHT


def _table(place: Here) -> Iterator[Step]:
    parameters = {
        "TableName": TABLE, "AttributeDefinitions": [{"AttributeName": KEY, "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": KEY, "KeyType": "HASH"}], "BillingMode": "PAY_PER_REQUEST",
        "Tags": [{"Key": TAG, "Value": TAGGED}],
    }  # fmt: skip
    made = place.action(
        "CreateTable", parameters, service=TABLES, affects=frozenset({place.delegated}), before="no table",
        becomes="a table of one number for each channel and class", reason="the messages of channels with a ceiling are counted",
        back_out=BackOut("Deletes the table and the counts of today.", "DeleteTable", {"TableName": TABLE}),
    )  # fmt: skip
    yield made
    condition = Condition(f"table {TABLE} active", Ceilings.name, (TABLE,))
    yield place.wait("DescribeTable", condition, f"the table {TABLE} can be used", (made.id,), service=TABLES, deadline=300)


def _steps(place: Here, wanted: Ceiling, first: tuple[str, ...]) -> Iterator[Step]:
    machine, rules = place.seen.machines[wanted.item], place.seen.rules
    there = machine.value if isinstance(machine, Known) else None
    rule = rules.value.get(wanted.rule) if isinstance(rules, Known) else None
    if there is None or (there.definition, there.role) != (wanted.definition, wanted.role):
        made = _machine(place, wanted, there, first)
        yield made
        first = (*first, made.id)
    us = frozenset({place.delegated})
    if _rule_lacks(rule):
        parameters = {
            "Name": wanted.rule, "ScheduleExpression": AT_MIDNIGHT, "State": "ENABLED",
            "Description": f"{MARK}: asks for the digest of channel {wanted.item} of its settings.",
        }  # fmt: skip
        put = place.action(
            "PutRule", parameters, service=EVENTS, affects=us, after=first, before="no rule", becomes="a rule, every midnight UTC",
            reason=f"{wanted.item}: nothing asks for its digest at the end of the day",
            back_out=BackOut("Deletes the rule; its targets have to be removed before.", "DeleteRule", {"Name": wanted.rule}),
        )  # fmt: skip
        yield put
        first = (*first, put.id)
    if rule is None or not _alike(wanted.target, rule):
        yield place.action(
            "PutTargets", {"Rule": wanted.rule, "Targets": [wanted.target]}, service=EVENTS, affects=us, after=first,
            before="asks nobody", becomes="asks what counts", reason=f"{wanted.item}: what counts makes its digest",
            back_out=BackOut("The rule asks nobody any longer.", "RemoveTargets", {"Rule": wanted.rule, "Ids": ["digest"]}),
        )  # fmt: skip


def _machine(place: Here, wanted: Ceiling, there: Machine | None, first: tuple[str, ...]) -> Action:
    said: dict[str, Any] = {
        "service": MACHINES, "affects": frozenset({place.delegated}), "after": first,
        "becomes": f"at most {wanted.channel.ceiling} messages a day, and a digest of the rest",
    }  # fmt: skip
    asked = {"definition": wanted.definition, "roleArn": wanted.role}
    if there is None:
        named = {"name": wanted.machine.rpartition(":")[2], "type": "STANDARD", **asked}
        tags = {"tags": [{"key": TAG, "value": TAGGED}]}
        return place.action(
            "CreateStateMachine", {**named, **tags}, before="nothing counts", reason=f"{wanted.item}: its messages are counted",
            back_out=BackOut("Deletes the state machine.", "DeleteStateMachine", {"stateMachineArn": wanted.machine}), **said,
        )  # fmt: skip
    before = {"stateMachineArn": wanted.machine, "definition": there.definition, "roleArn": there.role}
    return place.action(
        "UpdateStateMachine", {"stateMachineArn": wanted.machine, **asked}, before="counted otherwise",
        reason=f"{wanted.item}: what counts its messages is not as settings want it",
        back_out=BackOut("Counts as before.", "UpdateStateMachine", before), **said,
    )  # fmt: skip
