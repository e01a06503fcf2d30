"""Leaving the response, level by level: rules are muted, then detached, and then everything of ours is removed.

What is ours is told by what is there and not by settings: rules by their description, queues and topics by their tag, custom
actions by a rule of ours that answers to them (AWS keeps no mark on a custom action, so they go before their rules), roles of
channels by their path.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Unknown
from runbook_lib.coverage import Cell, Cells, Gap
from runbook_lib.plan import Action, BackOut, Direction, Loss, Reference, Step, plain
from runbook_lib.plan.outcome import Outcome, Progress, Verdict
from runbook_lib.services.answers import outcomes, text
from runbook_lib.services.aspect import NONE, WHOLE, Place
from runbook_lib.services.column import OPERATOR, Column
from runbook_lib.services.departure import Ground, Level, Losing, Regional
from runbook_lib.services.leaving import Departure, Leaving
from runbook_lib.services.obstacles import Bar
from runbook_lib.services.registry import sentence
from runbook_lib.services.response import automation, ours, policies
from runbook_lib.services.response.counted import read_counts, read_machine
from runbook_lib.services.response.destinations import URL
from runbook_lib.services.response.named import MISSING, read_policy
from runbook_lib.services.response.names import (
    EVENTS,
    FUNCTIONS,
    HUB,
    IAM,
    MACHINES,
    NAME,
    PHASE,
    QUEUES,
    ROLE_POLICY,
    TABLES,
    TITLE,
    TOPICS,
)
from runbook_lib.services.response.observe import (
    queue_url,
    read_actions,
    read_destination,
    read_role,
    read_rule,
    read_targets,
)
from runbook_lib.services.response.ours import Ours, actions_of, functions_of
from runbook_lib.services.response.state import Rule
from runbook_lib.services.spec import Designation
from runbook_lib.services.view import View

Here = Place[None, Ours]
AGAIN = f"Apply {PHASE} again: settings have to have a response."
UNDOING: Mapping[str, Losing] = {
    f"{HUB}:BatchDeleteAutomationRules": Losing("what automation rules change of new findings", of_accounts=False),
    f"{HUB}:DeleteActionTarget": Losing("custom actions in the console of Security Hub", of_accounts=False),
    f"{EVENTS}:DisableRule": Losing("messages about findings", unwatched=True, note="The rules stay.", of_accounts=False),
    f"{EVENTS}:RemoveTargets": Losing("the targets of routes", of_accounts=False),
    f"{FUNCTIONS}:RemovePermission": Losing("the leave to invoke functions", of_accounts=False),
    f"{EVENTS}:DeleteRule": Losing("the rules of routes", of_accounts=False),
    f"{MACHINES}:DeleteStateMachine": Losing("what counts the messages of channels with a ceiling", of_accounts=False),
    f"{TABLES}:DeleteTable": Losing("what was counted today of channels with a ceiling", for_good=True, of_accounts=False),
    f"{IAM}:DeleteRolePolicy": Losing("what EventBridge may do by the roles of channels", of_accounts=False),
    f"{IAM}:DeleteRole": Losing("the roles by which EventBridge uses channels", of_accounts=False),
    f"{QUEUES}:DeleteQueue": Losing("queues and the messages in them", for_good=True, of_accounts=False),
    f"{TOPICS}:DeleteTopic": Losing("topics and their subscriptions", for_good=True, of_accounts=False),
}
"""Every call that takes something of the response away, by a level or by taking a change back, and what it takes."""


class RouteLevel(Regional[Ours]):
    """A level that goes through what is ours in a Region, item by item."""

    as_administrator = False
    back = AGAIN

    def here(self, place: Here, column: Column) -> Cells:
        found = place.seen.rules
        if isinstance(found, Unknown):
            return column.unknown({place.delegated}, found.code, found.reason, found.next_step)
        rules = found.value if isinstance(found, Known) else {}
        made = tuple(cell for _, rule in sorted(rules.items()) for cell in self.of_rule(place, rule))
        return made or column.covered({place.delegated}, "no rule of the runbook's is here", "none")

    def cells(self, ground: Ground[Ours]) -> Cells:
        """Of Regions that the delegated account has not enabled there is nothing to say."""
        away = "the delegated account has not enabled this Region"
        return tuple(
            cell
            for region in ground.regions
            for cell in (
                self.in_region(ground, region)
                if region in ground.seen
                else ground.column(region, self.name).not_applicable({ground.delegated}, away)
            )
        )

    def of_rule(self, place: Here, rule: Rule) -> Cells:
        """What is to be done about one rule of ours."""
        raise NotImplementedError

    def column(self, place: Here, item: str) -> Column:
        return place.column(self.name, item)

    def call(self, place: Here, service: str, operation: str, parameters: Mapping[str, Any], **said: Any) -> Action:
        rest = {"service": service, "affects": frozenset({place.delegated}), "direction": Direction.LOWERS, **said}
        return place.action(operation, parameters, **rest)

    def losses(self, ground: Ground[Ours], cells: Any, *gaps: Gap) -> tuple[Loss, ...]:
        """Each item is lost by its own name, in its own Region."""
        doing = [cell for cell in cells if cell.in_scope and cell.gap in (Gap.TO_DO, *gaps) and cell.item]
        return tuple(self.loss(ground.place(cell.region), cell) for cell in doing)

    def loss(self, place: Here, cell: Cell) -> Loss:
        """What the call for one item takes."""
        raise NotImplementedError


def _lost(words: str, place: Here, losing: Losing) -> Loss:
    return Loss(f"{words}, in {place.region}", frozenset(), (place.region,), losing.note, losing.for_good, losing.typed)


def _rule(place: Here, name: str) -> Rule:
    assert isinstance(place.seen.rules, Known)
    return place.seen.rules.value[name]


def _sent_to(rule: Rule) -> str:
    """Everything that a rule sends to, whoever added it."""
    arns = sorted(str(each.get("Arn", "")).rpartition(":")[2] for each in rule.targets.values())
    return sentence(tuple(arns)) if arns else "nowhere"


class Mute(RouteLevel):
    """Rules are disabled: nothing is sent any more, and everything stays."""

    name = "mute"
    operations = frozenset({f"{EVENTS}:DisableRule"})
    losing = (UNDOING[f"{EVENTS}:DisableRule"],)

    def of_rule(self, place: Here, rule: Rule) -> Cells:
        column, us = self.column(place, rule.name), {place.delegated}
        if not rule.enabled:
            return column.covered(us, "sends nothing", "disabled")
        return column.to_do(us, f"sends to {_sent_to(rule)}", "enabled")

    def loss(self, place: Here, cell: Cell) -> Loss:
        return _lost(f"the messages of {cell.item} to {_sent_to(_rule(place, cell.item))}", place, self.losing[0])

    def calls(self, ground: Ground[Ours], place: Here, doing: Cells, before: tuple[str, ...]) -> Sequence[Step]:
        return [
            self.call(
                place, EVENTS, "DisableRule", {"Name": cell.item}, reason=f"{cell.item} is muted", before="enabled",
                becomes="disabled", back_out=BackOut("Enables the rule again.", "EnableRule", {"Name": cell.item}),
            )
            for cell in doing
        ]  # fmt: skip

    def reached(self, step: Step, reader: Reader) -> Progress:
        assert isinstance(step, Action)
        rule = read_rule(step.parameters["Name"], step.account, step.region, reader)
        off = rule is None or not rule.enabled
        return Progress(WHOLE if off else NONE, {}, "no rule" if rule is None else "disabled" if off else "enabled")


class Detach(RouteLevel):
    """The targets of rules that send nothing are removed, and before them what lets the rules invoke functions; the rules stay."""

    name = "detach"
    operations = frozenset({f"{EVENTS}:RemoveTargets", f"{FUNCTIONS}:RemovePermission"})
    losing = (UNDOING[f"{EVENTS}:RemoveTargets"],)
    already = ("does not exist",)

    def here(self, place: Here, column: Column) -> Cells:
        if isinstance(found := place.seen.lets_in, Unknown):
            return column.unknown({place.delegated}, found.code, found.reason, found.next_step)
        return super().here(place, column)

    def of_rule(self, place: Here, rule: Rule) -> Cells:
        column, us = self.column(place, rule.name), {place.delegated}
        if not rule.targets:
            return column.covered(us, "has no targets", "none")
        if rule.enabled:
            step = f"Do level mute in {place.region} first."
            return column.blocked(us, f"the rule is enabled and sends to {_sent_to(rule)}", step, _sent_to(rule))
        return column.to_do(us, f"has targets: {_sent_to(rule)}", _sent_to(rule))

    def loss(self, place: Here, cell: Cell) -> Loss:
        return _lost(f"the targets of {cell.item}: {_sent_to(_rule(place, cell.item))}", place, self.losing[0])

    def calls(self, ground: Ground[Ours], place: Here, doing: Cells, before: tuple[str, ...]) -> Sequence[Step]:
        made: list[Step] = []
        for cell in doing:
            rule = _rule(place, cell.item)
            made += (shut := self._shut(place, rule))
            targets = rule.targets
            again = {"Rule": cell.item, "Targets": [plain(targets[each]) for each in sorted(targets)]}
            made.append(
                self.call(
                    place, EVENTS, "RemoveTargets", {"Rule": cell.item, "Ids": sorted(targets)}, reason=f"{cell.item} is detached",
                    before=f"sent to {cell.observed}", becomes="no targets", after=tuple(step.id for step in shut),
                    back_out=BackOut("Sends to these again.", "PutTargets", again),
                )
            )  # fmt: skip
        return made

    def _shut(self, place: Here, rule: Rule) -> list[Action]:
        """Our statement for a rule goes out of the policies of functions, as long as its targets tell which functions they are."""
        found, name = place.seen.lets_in, policies.statement_id(rule.arn)
        there = found.value if isinstance(found, Known) else {}
        return [
            self.call(
                place, FUNCTIONS, "RemovePermission", {"FunctionName": arn, "StatementId": name}, reason=f"{rule.name} is detached",
                before="EventBridge may invoke the function", becomes="EventBridge may not invoke it for this rule",
                back_out=BackOut("Lets EventBridge invoke it again.", "AddPermission", policies.permission(arn, rule.arn)),
            )
            for arn in functions_of(rule) if name in there.get(arn, ())
        ]  # fmt: skip

    def answered(self, action: Action, answer: Mapping[str, Any]) -> list[Outcome]:
        """HTTP 200 of RemoveTargets is not success: entries that stay are counted, each with its code."""
        if not answer.get("FailedEntryCount"):
            return outcomes(action, Verdict.APPLIED)
        entry: Mapping[str, Any] = next(iter(answer.get("FailedEntries") or ()), {})
        said = f"{text(entry.get('TargetId'))}: {text(entry.get('ErrorMessage'))}"
        return outcomes(action, Verdict.FAILED, text(entry.get("ErrorCode")) or "FailedEntries", said)

    def reached(self, step: Step, reader: Reader) -> Progress:
        assert isinstance(step, Action)
        if step.operation == "RemovePermission":
            policy = read_policy(step.parameters["FunctionName"], step.account, step.region, reader)
            there = policies.has_sid(policy, step.parameters["StatementId"])
            return Progress(NONE if there else WHOLE, {}, "there" if there else "gone")
        if read_rule(step.parameters["Rule"], step.account, step.region, reader) is None:
            return Progress(WHOLE, {}, "no rule")
        left = set(read_targets(step.parameters["Rule"], step.account, step.region, reader)) & set(step.parameters["Ids"])
        return Progress(NONE if left else WHOLE, {}, ", ".join(sorted(left)) or "no targets")


AUTOMATION, ACTION, RULE, LEAVE = "automation rule", "custom action", "rule", "policy of the role"
ROLE, TOPIC, QUEUE, MACHINE, TABLE = "role", "topic", "queue", "state machine", "table"
REMOVING = {
    AUTOMATION: (HUB, "BatchDeleteAutomationRules"),
    ACTION: (HUB, "DeleteActionTarget"),
    RULE: (EVENTS, "DeleteRule"),
    MACHINE: (MACHINES, "DeleteStateMachine"),
    TABLE: (TABLES, "DeleteTable"),
    LEAVE: (IAM, "DeleteRolePolicy"),
    ROLE: (IAM, "DeleteRole"),
    TOPIC: (TOPICS, "DeleteTopic"),
    QUEUE: (QUEUES, "DeleteQueue"),
}
"""What is removed, in the order in which it goes: after its rule nobody could tell that a custom action was ours."""
LOSES = {
    AUTOMATION: "what it changes of new findings",
    ACTION: "its button in the console",
    RULE: "its pattern",
    MACHINE: "the count of a channel's messages",
    TABLE: "what was counted today",
    LEAVE: "what EventBridge may do by it",
    ROLE: "its trust policy",
    TOPIC: "its subscriptions",
    QUEUE: "the messages in it",
}


class Remove(RouteLevel):
    """Custom actions, rules, topics and queues of ours; what is not ours stays, and what somebody else needs is a blocker."""

    name = "remove"
    operations = frozenset(f"{service}:{operation}" for service, operation in REMOVING.values())
    losing = tuple(UNDOING[f"{service}:{operation}"] for service, operation in REMOVING.values())
    already = ("does not exist", "not found")

    def here(self, place: Here, column: Column) -> Cells:
        seen, us = place.seen, {place.delegated}
        read = (seen.rules, seen.actions, seen.destinations, seen.roles, seen.automation, seen.counting)
        unread = [each for each in read if isinstance(each, Unknown)]
        if unread:
            return tuple(cell for each in unread for cell in column.unknown(us, each.code, each.reason, each.next_step))
        assert isinstance(seen.rules, Known)
        made = self._automation(place)
        if isinstance(seen.actions, Known):
            answered = actions_of(seen.rules.value.values())
            for action in sorted(seen.actions.value.values(), key=lambda each: each.id):
                if action.arn in answered:
                    made += self._of(place, f"{ACTION} {action.id}", seen.listening(action.arn), "answers to it")
                else:
                    column = self.column(place, f"{ACTION} {action.id}")
                    made += column.unmanaged(us, action.name, "no rule of the runbook's answers to it: not known to be ours")
        for rule in sorted(seen.rules.value):
            made += self._of(place, f"{RULE} {rule}", (), "")
        for item in seen.counting.value if isinstance(seen.counting, Known) else ():
            made += self._of(place, item, (), "")
        for name, role in sorted(seen.roles.value.items()) if isinstance(seen.roles, Known) else ():
            made += self._of(place, f"{LEAVE} {name}", (), "") if role.policy else ()
            made += self._of(place, f"{ROLE} {name}", (), "")
        if isinstance(seen.destinations, Known):
            for arn, found in sorted(seen.destinations.value.items(), key=lambda each: (each[0].split(":")[2] == QUEUES, each[0])):
                kind = QUEUE if arn.split(":")[2] == QUEUES else TOPIC
                made += self._of(place, f"{kind} {arn.rpartition(':')[2]}", found, "sends to it")
        return made or column.covered(us, "nothing of the runbook's is here", "none")

    def _automation(self, place: Here) -> Cells:
        found = place.seen.automation.value.values() if isinstance(place.seen.automation, Known) else ()
        names = sorted(each.name for each in found if each.ours)
        return tuple(cell for name in names for cell in self._of(place, f"{AUTOMATION} {name}", (), ""))

    def _of(self, place: Here, item: str, others: Sequence[str], does: str) -> Cells:
        column, us = self.column(place, item), {place.delegated}
        if others:
            said = f"{sentence(tuple(others))}, which is not the runbook's, {does}"
            return column.blocked(us, said, "Have its owner take it away from there first.", "there", "the owner of that rule")
        return column.to_do(us, "there", "there")

    def bar(self, ground: Ground[Ours], place: Here) -> Bar | None:
        found = place.seen.rules
        rules = found.value.values() if isinstance(found, Known) else ()
        if sending := sorted(each.name for each in rules if each.enabled):
            return Bar(f"still enabled: {sentence(tuple(sending))}", f"Do level mute in {place.region} first.", OPERATOR)
        if attached := sorted(each.name for each in rules if each.targets):
            return Bar(f"still with targets: {sentence(tuple(attached))}", f"Do level detach in {place.region} first.", OPERATOR)
        return None

    def loss(self, place: Here, cell: Cell) -> Loss:
        kind = _kind(cell.item)
        return _lost(f"{cell.item} and {LOSES[kind]}", place, UNDOING[":".join(REMOVING[kind])])

    def calls(self, ground: Ground[Ours], place: Here, doing: Cells, before: tuple[str, ...]) -> Sequence[Step]:
        made: dict[str, list[Step]] = {kind: [] for kind in REMOVING}
        for cell in doing:
            kind = _kind(cell.item)
            service, operation = REMOVING[kind]
            after = tuple(step.id for earlier in list(REMOVING)[: list(REMOVING).index(kind)] for step in made[earlier])
            made[kind].append(
                self.call(
                    place, service, operation, self._named(place, kind, cell.item.removeprefix(f"{kind} ")), before="there",
                    becomes="gone", reason=f"{cell.item} is the runbook's, and nothing of it is used any more", after=after,
                    back_out=BackOut(f"The roll-out makes the {kind} again; {LOSES[kind]} does not come back by itself."),
                )
            )  # fmt: skip
        return [step for steps in made.values() for step in steps]

    def _named(self, place: Here, kind: str, name: str) -> dict[str, Any]:
        if kind == RULE:
            return {"Name": name}
        if kind in (LEAVE, ROLE):
            return {"RoleName": name, **({"PolicyName": ROLE_POLICY} if kind == LEAVE else {})}
        if kind == QUEUE:
            return {"QueueUrl": Reference(f"{URL}{name}", place.delegated, place.region)}
        if kind == TABLE:
            return {"TableName": name}
        if kind == AUTOMATION:
            return {"AutomationRulesArns": [Reference(f"{automation.ARN}{name}", place.delegated, place.region)]}
        partition = place.view.organization.partition
        key, path = {
            ACTION: ("ActionTargetArn", f"{HUB}:{{}}:action/custom/{name}"), TOPIC: ("TopicArn", f"{TOPICS}:{{}}:{name}"),
            MACHINE: ("stateMachineArn", f"states:{{}}:stateMachine:{name}"),
        }[kind]  # fmt: skip
        return {key: f"arn:{partition}:{path.format(f'{place.region}:{place.delegated}')}"}

    def says_already(self, error: CallFailed) -> bool:
        return error.code in MISSING or super().says_already(error)

    def reached(self, step: Step, reader: Reader) -> Progress:
        assert isinstance(step, Action)
        if step.operation == "BatchDeleteAutomationRules":
            name = step.parameters["AutomationRulesArns"][0].kind.removeprefix(automation.ARN)
            there = automation.named(name, step.account, step.region, reader) is not None
        else:
            there = (self._counts if step.service in (MACHINES, TABLES) else self._there)(step, reader)
        return Progress(NONE if there else WHOLE, {}, "there" if there else "gone")

    def answered(self, action: Action, answer: Mapping[str, Any]) -> list[Outcome]:
        """HTTP 200 is not success: automation rules that were not deleted are listed."""
        return automation.judged(action, answer)

    def _counts(self, step: Action, reader: Reader) -> bool:
        """Whether what counts is there; what AWS is deleting is not."""
        if step.service == MACHINES:
            return read_machine(step.parameters["stateMachineArn"], step.account, step.region, reader) is not None
        counts = read_counts(step.account, step.region, reader)
        return counts is not None and counts.status != "DELETING"

    def _there(self, step: Action, reader: Reader) -> bool:
        if step.operation == "DeleteRule":
            return read_rule(step.parameters["Name"], step.account, step.region, reader) is not None
        if step.operation == "DeleteActionTarget":
            found = read_actions(step.account, step.region, reader)
            return step.parameters["ActionTargetArn"].rpartition("/")[2] in found
        if step.service == IAM:
            role = read_role(step.parameters["RoleName"], step.account, step.region, reader)
            return role is not None and (step.operation == "DeleteRole" or bool(role.policy))
        if step.operation == "DeleteTopic":
            return read_destination(step.parameters["TopicArn"], step.account, step.region, reader) is not None
        try:
            return bool(queue_url(step.parameters["QueueUrl"].kind.removeprefix(URL), step.account, step.region, reader))
        except CallFailed as error:
            if error.code in MISSING:
                return False
            raise


def _kind(item: str) -> str:
    return next(kind for kind in REMOVING if item.startswith(f"{kind} "))


@dataclass(frozen=True)
class Name:
    """What is left, by name: the response is no service of AWS's, and has neither administrator nor trusted access."""

    name: str = NAME
    title: str = TITLE
    section: str = NAME
    phase: str = PHASE
    principals: tuple[str, ...] = ()
    policy_type: str = ""
    designation: Designation | None = None


DEPARTURE = Departure(Name(), (Mute(), Detach(), Remove()))


class LeavingRoutes(Leaving):
    """The way out of the response: the delegated account alone is asked, and nobody else loses anything."""

    def __init__(self, level: str = "") -> None:
        super().__init__(DEPARTURE, level)

    @property
    def reads(self) -> frozenset[str]:
        return ours.READS

    def observe(self, view: View, reader: Reader) -> Ground[Ours]:
        found, nothing = ours.observe(view, reader), Known(frozenset[str]())
        allowed = view.settings.leaves(self.name)
        leave = allowed.exit if allowed else ""
        return Ground(self.departure.spec, view, leave, found, {}, nothing, Known(0), nothing)

    @property
    def let_go(self) -> str:
        return f"Take the section {NAME} out of the file."

    def still_wanted(self, level: Level[Any], ground: Ground[Any], region: str) -> bool:
        return ground.view.settings.response is not None
