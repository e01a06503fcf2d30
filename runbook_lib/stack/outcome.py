"""What a stack says of itself in its outputs, task by task, and what of it stays when the stack goes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runbook_lib.stack.answer import KEYS
from runbook_lib.stack.template import Task


@dataclass(frozen=True)
class Outcome:
    """The data of the last answer for one task, as far as the template puts them out; empty where there is none."""

    task: Task
    data: Mapping[str, str]

    @property
    def title(self) -> str:
        return self.task.title


def outcomes(outputs: Mapping[str, str], todo: Sequence[Task]) -> list[Outcome]:
    """What the outputs of a stack say of each task."""
    keyed = {task: {key: outputs.get(f"{task.logical_id}{key}", "") for key in KEYS} for task in todo}
    return [Outcome(task, {key: value for key, value in data.items() if value}) for task, data in keyed.items()]


def staying(outputs: Mapping[str, str], todo: Sequence[Task], settings: Path) -> Iterator[str]:
    """What stays covered when the stack is deleted, and with which command each service is left by who wants out."""
    for each in outcomes(outputs, todo):
        if each.data.get("Coverage"):
            counted = f" ({int(each.data['Covered']):,} answers)" if each.data.get("Covered", "").isdecimal() else ""
            yield f"{each.title}: {each.data['Coverage']} covered{counted} at its last deployment, and stays so"
    services = dict.fromkeys(task.phase.service for task in todo if task.phase.enables)
    yield from (f"to leave it: runbook offboard {service} -p {settings}" for service in services)
