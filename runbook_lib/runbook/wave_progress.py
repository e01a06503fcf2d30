"""How far a roll-out in waves has come."""

from dataclasses import dataclass

from runbook_lib.base.text import counted
from runbook_lib.services.waves import Wave


@dataclass(frozen=True)
class WaveProgress:
    """How far one wave has come: what its plan holds now. Nothing is done that could not be read."""

    wave: Wave
    calls: int
    waits: int
    unread: bool

    @property
    def done(self) -> bool:
        return not (self.calls or self.waits or self.unread)

    @property
    def words(self) -> str:
        if self.unread:
            return "not known: something could not be read, or is beyond the limits"
        if self.calls:
            return f"{counted(self.calls, 'call')} left"
        return "AWS is still working on it" if self.waits else "done"
