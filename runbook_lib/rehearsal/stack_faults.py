"""What a scenario lets befall a CloudFormation stack: its requests, the answers to them, and the functions that they go to."""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from runbook_lib.rehearsal.scenario import StackFault


@dataclass
class StackFaults:
    """The faults of one scenario, and how often each has struck."""

    listed: tuple[StackFault, ...] = ()
    struck: dict[int, int] = field(default_factory=dict)

    def strike(self, kind: str, function: str) -> StackFault | None:
        """The fault of that kind that befalls a function's request now; None for none. `function` is an ARN."""
        for index, fault in enumerate(self.listed):
            times = self.struck.get(index, 0)
            if fault.kind == kind and times < fault.times and fnmatchcase(function.rpartition(":")[2], fault.function):
                self.struck[index] = times + 1
                return fault
        return None

    def end(self) -> None:
        """None from now on."""
        self.listed = ()
