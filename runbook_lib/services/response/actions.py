"""Aspect "custom actions": buttons in Security Hub's console, made once what they set off is there and enabled.

A button that does nothing when it is pressed is worse than none, so it comes last.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known
from runbook_lib.coverage import Cells
from runbook_lib.plan import Action, BackOut
from runbook_lib.plan.outcome import Progress
from runbook_lib.services.aspect import NONE, WHOLE, Planned
from runbook_lib.services.column import SETTINGS_OWNER, to_do
from runbook_lib.services.response.names import HUB, MOST_ACTIONS
from runbook_lib.services.response.observe import read_actions
from runbook_lib.services.response.part import Here, Part
from runbook_lib.services.response.state import ActionTarget
from runbook_lib.settings.response import CustomAction


class Actions(Part):
    name = "custom actions"
    calls = frozenset({f"{HUB}:CreateActionTarget", f"{HUB}:UpdateActionTarget"})

    def cells(self, place: Here) -> Cells:
        wanted, found, us = self.wanted(place).actions, place.seen.actions, {place.delegated}
        if not isinstance(found, Known):
            columns = [place.column(self.name, each, wanted[each].name) for each in sorted(wanted)]
            return tuple(cell for column in columns for cell in column.unseen(us, found, "comes after Security Hub is on"))
        room = MOST_ACTIONS - len(found.value)
        cells: list[Any] = []
        for number, (action, asked) in enumerate(each for each in sorted(wanted.items()) if each[0] not in found.value):
            cells += self._missing(place, action, asked, found.value, room - number)
        for action in sorted(set(wanted) & set(found.value)):
            cells += self._there(place, action, wanted[action], found.value[action])
        for action in sorted(set(found.value) - set(wanted)):
            other = found.value[action]
            cells += place.column(self.name, action).unmanaged(us, other.name, "not in settings; left alone")
        return tuple(cells)

    def _missing(self, place: Here, action: str, asked: CustomAction, found: Mapping[str, ActionTarget], room: int) -> Cells:
        us, column = {place.delegated}, place.column(self.name, action, asked.name)
        if same := next((each for each in found.values() if each.name == asked.name), None):
            step = f"Analysts see the name alone. Use the id {same.id} in settings, or write another name."
            return column.blocked(us, f"the custom action {same.id} has this name", step, "none", SETTINGS_OWNER)
        if room < 1:
            step = "Have custom actions taken away that nobody presses, then plan again."
            return column.blocked(us, f"there are {len(found)} custom actions, and AWS allows {MOST_ACTIONS}", step, "none")
        return column.to_do(us, "there is no such custom action", "none")

    def _there(self, place: Here, action: str, asked: CustomAction, found: ActionTarget) -> Cells:
        us, column = {place.delegated}, place.column(self.name, action, asked.name)
        if (found.name, found.description) == (asked.name, asked.description):
            return column.covered(us, "there", found.name)
        return column.to_do(us, "its name or description is another one", found.name)

    def steps(self, place: Here, cells: Cells, stage: str, planned: Planned) -> Sequence[Action]:
        if stage != "delegated":
            return []
        wanted, found = self.wanted(place), place.seen.actions
        there = found.value if isinstance(found, Known) else {}
        asked = [cell.item for cell in to_do(cells, place.region, self.name)]
        return [
            self._update(place, wanted.action_arn(each), wanted.actions[each], there[each])
            if each in there
            else self._create(place, each, wanted.actions[each], planned.ids("routes"))
            for each in asked
        ]

    def _create(self, place: Here, action: str, asked: CustomAction, after: tuple[str, ...]) -> Action:
        parameters = {"Id": action, "Name": asked.name, "Description": asked.description}
        arn = self.wanted(place).action_arn(action)
        return place.action(
            "CreateActionTarget", parameters, service=HUB, affects=frozenset({place.delegated}), after=after,
            reason=f"{action}: there is no such custom action; what it sets off is there before", before="no custom action",
            becomes=f"{asked.name} in Security Hub's console",
            back_out=BackOut(
                "Deletes the custom action; findings that were sent stay sent.", "DeleteActionTarget", {"ActionTargetArn": arn}
            ),
        )  # fmt: skip

    def _update(self, place: Here, arn: str, asked: CustomAction, found: ActionTarget) -> Action:
        before = {"ActionTargetArn": arn, "Name": found.name, "Description": found.description}
        return place.action(
            "UpdateActionTarget", {"ActionTargetArn": arn, "Name": asked.name, "Description": asked.description}, service=HUB,
            affects=frozenset({place.delegated}), reason=f"{found.id}: settings have another name or description",
            before=f"{found.name}: {found.description}", becomes=f"{asked.name}: {asked.description}",
            back_out=BackOut("Writes name and description as they were.", "UpdateActionTarget", before),
        )  # fmt: skip

    def effect(self, action: Action, reader: Reader) -> Progress:
        asked = action.parameters
        identity = asked["Id"] if "Id" in asked else asked["ActionTargetArn"].rpartition("/")[2]
        found = read_actions(action.account, action.region, reader).get(identity)
        if found is None:
            return Progress(NONE, {}, "not there")
        same = (found.name, found.description) == (asked["Name"], asked["Description"])
        refused = {"": f"there is a custom action {identity} called {found.name}"} if not same and "Id" in asked else {}
        return Progress(WHOLE if same else NONE, refused, found.name)
