"""Alarms in a rehearsal: what is missing counts as the alarm says, and a build's phases go as CodeBuild's do."""

import os
from pathlib import Path
from typing import Any

import pytest
from small_world import small_world

from runbook_lib.rehearsal.answers import SimulationError
from runbook_lib.rehearsal.builds import FAILED, SUCCEEDED, TIMED_OUT, Build, Project, _phases
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.internal import run
from runbook_lib.rehearsal.operations.cloudwatch import ALARM, INSUFFICIENT, OK, Alarm, CloudWatchState, metric_of, wrong_with
from runbook_lib.rehearsal.world import World

ACCOUNT, REGION, HOUR = "111111111111", "us-east-1", 3600
ASKED: dict[str, Any] = {
    "Namespace": "Runbook", "MetricName": "Gaps", "Statistic": "Maximum", "Period": HOUR, "EvaluationPeriods": 1, "Threshold": 1,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
}  # fmt: skip
SILENCE = {"EvaluationPeriods": 26, "ComparisonOperator": "LessThanThreshold", "TreatMissingData": "breaching"}


@pytest.fixture
def world() -> World:
    return small_world()


def alarmed(world: World, **asked: Any) -> None:
    whole = ASKED | asked
    metric = metric_of(ACCOUNT, REGION, "Runbook", "Gaps", [{"Name": "Check", "Value": "c"}])
    world.of(CloudWatchState).alarms["arn"] = Alarm("gaps", "arn", metric, whole, world.now())


def put(world: World, value: float, check: str = "c") -> None:
    data = {"MetricName": "Gaps", "Dimensions": [{"Name": "Check", "Value": check}], "Value": value}
    run(world, "cloudwatch", "PutMetricData", ACCOUNT, REGION, {"Namespace": "Runbook", "MetricData": [data]})


def state(world: World) -> str:
    (found,) = run(world, "cloudwatch", "DescribeAlarms", ACCOUNT, REGION, {})["MetricAlarms"]
    return str(found["StateValue"])


@pytest.mark.parametrize(
    ("missing", "then"), [("ignore", ALARM), ("missing", INSUFFICIENT), ("breaching", ALARM), ("notBreaching", OK)]
)
def test_missing_data_counts_as_the_alarm_says(world: World, missing: str, then: str) -> None:
    alarmed(world, TreatMissingData=missing)
    put(world, 3)
    assert state(world) == ALARM
    world.skip(2 * HOUR)
    assert state(world) == then, "nothing has come since"
    put(world, 0)
    assert state(world) == OK
    world.skip(2 * HOUR)
    assert state(world) == (then if missing != "ignore" else OK)


def test_silence_is_so_many_hours_without_a_word(world: World) -> None:
    alarmed(world, **SILENCE)
    put(world, 1)
    for hours, expected in ((25.9, OK), (0.2, ALARM)):
        world.skip(hours * HOUR)
        assert state(world) == expected
    put(world, 1)
    assert state(world) == OK


def test_another_dimension_is_another_metric(world: World) -> None:
    alarmed(world)
    put(world, 9, "another")
    assert state(world) == INSUFFICIENT


def test_what_cloudwatch_refuses_is_refused(world: World) -> None:
    assert wrong_with(ASKED | SILENCE) == ""
    assert "more than a week" in wrong_with(ASKED | {"EvaluationPeriods": 169})
    assert "more than a day" in wrong_with(ASKED | {"Period": 60, "EvaluationPeriods": 1441})
    assert "multiple of 60" in wrong_with(ASKED | {"Period": 90})
    assert "TreatMissingData" in wrong_with(ASKED | {"TreatMissingData": "never"})
    with pytest.raises(SimulationError):
        wrong_with(ASKED | {"Statistic": "p99"})
    with pytest.raises(ApiError, match="AWS/"):
        run(world, "cloudwatch", "PutMetricData", ACCOUNT, REGION, {"Namespace": "AWS/Lambda", "MetricData": []})


@pytest.mark.parametrize(
    ("phases", "ended", "wrote"),
    [
        ({"install": ["echo a"], "build": ["echo b"], "post_build": ["echo c"]}, SUCCEEDED, ["a", "b", "c"]),
        ({"install": ["false", "echo a"], "build": ["echo b"], "post_build": ["echo c"]}, FAILED, []),
        ({"build": ["echo b", "exit 2"], "post_build": ["echo c"]}, FAILED, ["b", "c"]),
        ({"install": ["A=1"], "build": ["echo $A."]}, SUCCEEDED, ["."]),
        ({"build": ["sleep 60"]}, TIMED_OUT, []),
    ],
    ids=["whole", "install fails", "build fails", "a shell of its own", "too long"],
)
def test_phases_of_a_build_go_as_codebuilds_do(tmp_path: Path, phases: dict[str, list[str]], ended: str, wrote: list[str]) -> None:
    minutes: Any = 0.005 if ended == TIMED_OUT else 60
    build = Build(Project("arn:aws:codebuild:r:a:project/p", "a", "r", "role", ("", "", ""), "", minutes, {}), 1, 0.0)
    spec = {"version": 0.2, "phases": {name: {"commands": commands} for name, commands in phases.items()}}
    environment = {"CODEBUILD_SRC_DIR": str(tmp_path), "PATH": os.environ["PATH"]}
    assert _phases(build, spec, environment) == ended
    assert [each for each in "\n".join(build.log).splitlines() if each in ("a", "b", "c", ".")] == wrote
