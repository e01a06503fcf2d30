"""CodeBuild, as far as a check needs: a build of a project is started, by a person or by a schedule, and looked at."""

import datetime as dt
import re
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.rehearsal.answers import SimulationError
from runbook_lib.rehearsal.asked import Asked
from runbook_lib.rehearsal.builds import GOING, Build, CodeBuildState, begin
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.identity import session_credential
from runbook_lib.rehearsal.permissions import decision_on
from runbook_lib.rehearsal.registry import Call, operation
from runbook_lib.rehearsal.world import World

DAILY = re.compile(r"cron\((?P<minute>\d{1,2}) (?P<hour>\d{1,2}) \* \* \? \*\)")
DAY = 86_400
DUE = "schedule due"


@operation("codebuild", "StartBuild")
def start_build(call: Call, projectName: str, **more: Any) -> dict[str, Any]:
    if more:
        raise SimulationError(f"StartBuild with {', '.join(sorted(more))} is not simulated")
    arn = f"arn:{call.partition}:codebuild:{call.region}:{call.account}:project/{projectName}"
    project = call.world.of(CodeBuildState).projects.get(arn)
    if project is None:
        raise ApiError("ResourceNotFoundException", f"Project cannot be found: {arn}", 400)
    return {"build": _described(begin(call.world, project))}


@operation("codebuild", "BatchGetBuilds")
def batch_get_builds(call: Call, ids: list[str]) -> dict[str, Any]:
    there = call.world.of(CodeBuildState).builds
    found = [each for each in ids if each in there and there[each].project.account == call.account]
    return {"builds": [_described(there[each]) for each in found], "buildsNotFound": [each for each in ids if each not in found]}


def _described(build: Build) -> dict[str, Any]:
    return {
        "id": build.id,
        "arn": build.arn,
        "buildNumber": build.number,
        "startTime": dt.datetime.fromtimestamp(build.started, dt.UTC),
        "endTime": dt.datetime.fromtimestamp(build.ended, dt.UTC) if build.ended else None,
        "currentPhase": build.phase,
        "buildStatus": build.status,
        "buildComplete": build.status != GOING,
        "projectName": build.project.name,
    }


@dataclass(frozen=True)
class Schedule:
    """A schedule of EventBridge Scheduler that starts builds of a project once a day, as its role."""

    name: str
    account: str
    region: str
    project: str
    role: str
    at: float
    """Seconds after midnight, UTC."""


@dataclass
class SchedulerState:
    """Schedules by account, Region and name."""

    schedules: dict[tuple[str, str, str], Schedule] = field(default_factory=dict)
    listening: bool = False


def listen(world: World) -> None:
    """Let schedules be due. Once per world; again is harmless."""
    state = world.of(SchedulerState)
    if not state.listening:
        state.listening = True
        world.on(DUE, due)


def seconds_of(expression: str) -> float:
    """When in the day a schedule is due. Raises SimulationError for what is not once a day."""
    found = DAILY.fullmatch(expression)
    if found is None:
        raise SimulationError(f"only schedules of once a day are simulated, not {expression}")
    return int(found["hour"]) * 3600.0 + int(found["minute"]) * 60.0


def schedule(world: World, made: Schedule) -> None:
    """Have a schedule from now on."""
    world.of(SchedulerState).schedules[made.account, made.region, made.name] = made
    _announce(world, made)


def _announce(world: World, made: Schedule) -> None:
    since_midnight = world.now() % DAY
    world.tell_later((made.at - since_midnight) % DAY or DAY, DUE, made=made)


def due(world: World, made: Schedule) -> None:
    """Start what a schedule is for, where it is still there and its role may."""
    if world.of(SchedulerState).schedules.get((made.account, made.region, made.name)) is not made:
        return
    _announce(world, made)
    project = world.of(CodeBuildState).projects.get(made.project)
    role = world.organization.accounts[made.account].roles.get(made.role)
    if project is None or role is None:
        return
    keys = session_credential(world, made.account, role, made.name, 3600)
    asked = Asked("codebuild", "StartBuild", made.region, {"projectName": project.name})
    if decision_on(world, keys, asked).allowed:
        begin(world, project)
