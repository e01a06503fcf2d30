"""Aspect "permissions": what lets EventBridge invoke a function, a statement in the function's policy for each route.

A function belongs to somebody; what others wrote in its policy stays. A statement that has our id and says something else is never
written over: AWS would have it removed first, and then it would be nobody's.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known
from runbook_lib.coverage import Cells
from runbook_lib.plan import Action, BackOut
from runbook_lib.plan.outcome import Progress
from runbook_lib.services.aspect import NONE, WHOLE, Planned
from runbook_lib.services.column import to_do
from runbook_lib.services.response import policies
from runbook_lib.services.response.kinds import FUNCTION
from runbook_lib.services.response.named import read_policy
from runbook_lib.services.response.names import FUNCTIONS
from runbook_lib.services.response.part import Here, Part
from runbook_lib.services.response.wanted import WantedDestination


class Permissions(Part):
    name = "permissions"
    calls = frozenset({f"{FUNCTIONS}:AddPermission"})

    def cells(self, place: Here) -> Cells:
        return tuple(cell for each in self._functions(place) for cell in self._cells(place, each))

    def _functions(self, place: Here) -> list[WantedDestination]:
        return [each for each in self.wanted(place).destinations if each.kind is FUNCTION]

    def _cells(self, place: Here, wanted: WantedDestination) -> Cells:
        us, found = {place.delegated}, place.seen.destinations[wanted.arn]
        column = place.column(self.name, wanted.item, "EventBridge may invoke it")
        if not isinstance(found, Known):
            return column.unseen(us, found, "comes first")
        if found.value is None:
            return column.not_applicable(us, "there is no such function")
        policy = found.value.policy
        lacking = _lacking(wanted, policy)
        if not lacking:
            return column.covered(us, "its policy lets EventBridge invoke it for these routes", "there")
        if taken := sorted(
            policies.statement_id(each) for each in lacking if policies.has_sid(policy, policies.statement_id(each))
        ):
            step = f"Have its owner remove the statement {taken[0]} from its policy, then plan again."
            return column.blocked(us, f"its policy has a statement {taken[0]} that says something else", step, "another statement")
        if why := policies.denied(policy, wanted.kind.name, wanted.arn):
            return column.blocked(us, why, "Have its owner take that statement out of its policy.", "denied")
        return column.to_do(us, f"its policy does not let EventBridge invoke it for {_routes(lacking)}", "not there")

    def steps(self, place: Here, cells: Cells, stage: str, planned: Planned) -> Sequence[Action]:
        if stage != "delegated":
            return []
        asked = {cell.item for cell in to_do(cells, place.region, self.name)}
        return [step for each in self._functions(place) if each.item in asked for step in _steps(place, each)]

    def effect(self, action: Action, reader: Reader) -> Progress:
        asked: Mapping[str, Any] = action.parameters
        policy = read_policy(asked["FunctionName"], action.account, action.region, reader)
        there = not policies.refuses(policy, FUNCTIONS, asked["FunctionName"], [asked["SourceArn"]])
        return Progress(WHOLE if there else NONE, {}, "there" if there else "no such statement")


def _lacking(wanted: WantedDestination, policy: policies.Policy) -> list[str]:
    """The rules that may not invoke a function."""
    return [each for each in wanted.rules if policies.refuses(policy, wanted.kind.name, wanted.arn, [each])]


def _routes(rules: Sequence[str]) -> str:
    return ", ".join(sorted(each.rpartition("/")[2] for each in rules))


def _steps(place: Here, wanted: WantedDestination) -> Iterator[Action]:
    found = place.seen.destinations[wanted.arn]
    policy = found.value.policy if isinstance(found, Known) and found.value else {}
    for rule in _lacking(wanted, policy):
        name = policies.statement_id(rule)
        parameters = policies.permission(wanted.arn, rule)
        back = BackOut("Takes the statement out again.", "RemovePermission", {"FunctionName": wanted.arn, "StatementId": name})
        yield place.action(
            "AddPermission", parameters, service=FUNCTIONS, affects=frozenset({place.delegated}), back_out=back,
            reason=f"{wanted.item}: the function's policy does not let EventBridge invoke it for {_routes([rule])}",
            before="EventBridge may not invoke it", becomes=f"EventBridge may invoke it for {_routes([rule])}",
        )  # fmt: skip
