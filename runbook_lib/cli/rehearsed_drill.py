"""The drill that a rehearsal ends with, and the people whom it asks: they subscribe, press, and say what reached them."""

import datetime as dt
import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Self

from runbook_lib.base.errors import RunbookError
from runbook_lib.cli.commands import Command, written
from runbook_lib.cli.drill import hop_lines, parameters_of
from runbook_lib.cli.in_turn import Turn
from runbook_lib.cli.phase_result import PhaseResult
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import approve
from runbook_lib.runbook.phases import DRILLING
from runbook_lib.services.response.names import DRILLED, HUB, TOPICS
from runbook_lib.services.response.wanted import regions_of
from runbook_lib.settings import Settings

if TYPE_CHECKING:
    from runbook_lib.rehearsal.environment import RunningServer

NAME, MINUTES = "rehearsal", 5
"""Of the drill; the same in every rehearsal, so that a second one sends nothing twice."""
ADDRESS = "on-call@example.com"
LOOKS_EVERY = 0.2
"""Seconds between two looks into the mailbox."""


def turns(server: "RunningServer", command: Command) -> tuple[Turn, ...]:
    """The drill as the last turn of a rehearsal; none where settings have no response."""
    return (Turn(DRILLING, partial(drilled, server, command)),) if command.settings.response else ()


def drilled(server: "RunningServer", command: Command) -> PhaseResult:
    """Plan the drill, approve and apply it as a pipeline does, while people do their part; how it ended."""
    about = parameters_of(f"{NAME} {MINUTES}")
    planned = command.phase(DRILLING, planning=True, about=about)
    if planned.exit_code == 1:
        return planned
    made = plan_file.load(planned.folder.plan_json)
    approval = approve(made, approver="rehearsal", ticket="rehearsal", now=dt.datetime.now(dt.UTC))
    with People(server, command.settings):
        result = command.phase(DRILLING, approval=written(approval, planned.folder.approval), about=about)
    for line in hop_lines(result.folder, "after"):
        command.say(f"  {line}")
    return result


class People:
    """Those whom the drill asks, played while this is entered, from what they can know: their mail, and what the console shows."""

    def __init__(self, server: "RunningServer", settings: Settings) -> None:
        self.server, self.settings = server, settings
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._live, name="people of a rehearsal", daemon=True)

    def __enter__(self) -> Self:
        for topic in self._topics():
            self._do("subscribe", topic=topic, endpoint=ADDRESS)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._end.set()
        self._thread.join()

    def _topics(self) -> Iterator[str]:
        """The topics that settings name or have made."""
        section = self.settings.response
        for channel in section.channels.values() if section else ():
            if channel.topic is not None:
                made = [self._arn(TOPICS, region, channel.topic.make or "") for region in regions_of(self.settings)]
                yield from [channel.topic.arn] if channel.topic.arn else made

    def _arn(self, service: str, region: str, rest: str) -> str:
        partition = self.server.control("GET", "health")["partition"]
        return f"arn:{partition}:{service}:{region}:{self.settings.organization.delegated_account}:{rest}"

    def _live(self) -> None:
        """Press what there is to press, once it can be pressed, and acknowledge each finding that a message is about."""
        section = self.settings.response
        routes = section.routes.items() if section else ()
        to_do: list[Callable[[], bool]] = [
            partial(self._press, region, f"{DRILLED}{NAME}/{name}", route.custom_action)
            for region in regions_of(self.settings)
            for name, route in routes
            if route.custom_action
        ]
        answered = set[str]()
        while not self._end.wait(LOOKS_EVERY):
            to_do = [each for each in to_do if not each()]
            for finding in sorted(set(self._mail()) - answered):
                if any(self._acknowledge(region, finding) for region in regions_of(self.settings)):
                    answered.add(finding)

    def _press(self, region: str, finding: str, action: str) -> bool:
        arn = self._arn(HUB, region, f"action/custom/{action}")
        return self._do("press", account=self.settings.organization.delegated_account, region=region, action=arn, finding=finding)

    def _acknowledge(self, region: str, finding: str) -> bool:
        return self._do("acknowledge", account=self.settings.organization.delegated_account, region=region, finding=finding)

    def _mail(self) -> Iterator[str]:
        """The findings of drills that letters to the address are about."""
        for letter in self.server.control("GET", "mailbox"):
            try:
                finding = json.loads(letter["text"])["finding"]
            except (ValueError, LookupError, TypeError):
                continue
            if letter["endpoint"] == ADDRESS and str(finding).startswith(DRILLED):
                yield str(finding)

    def _do(self, page: str, **given: str) -> bool:
        """Whether the console let them, which it does not of what is not there yet."""
        try:
            return any(self.server.control("POST", page, **given).values())
        except RunbookError:
            return False
