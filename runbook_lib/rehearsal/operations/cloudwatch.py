"""CloudWatch: metrics that are put, and alarms that judge them, as far as a check needs: one metric, one statistic, a threshold.

An alarm looks back over so many periods, and what is missing counts as it says [docs: how CloudWatch alarms treat missing data].
What it keeps through missing data depends on what came before, so its state is computed from its beginning on, minute by minute.
"""

import datetime as dt
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runbook_lib.rehearsal.answers import SimulationError
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.registry import Call, operation
from runbook_lib.rehearsal.world import World

MINUTE, HOUR, DAY = 60, 3600, 86_400
LONGEST = 7 * DAY
"""Seconds that an alarm may look back over; a day where its periods are shorter than an hour [model]."""
OK, ALARM, INSUFFICIENT = "OK", "ALARM", "INSUFFICIENT_DATA"
STATISTICS: Mapping[str, Callable[[list[float]], float]] = {"Maximum": max, "Minimum": min, "Sum": sum}
COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
MOST_QUERIES = 500
"""Of one GetMetricData [model]."""
MISSING = ("missing", "breaching", "notBreaching", "ignore")
Metric = tuple[str, str, str, str, frozenset[tuple[str, str]]]
"""Account, Region, namespace, name, dimensions: others are another metric."""


@dataclass(frozen=True)
class Alarm:
    """One alarm, as its template has it."""

    name: str
    arn: str
    metric: Metric
    asked: dict[str, Any]
    since: float

    @property
    def period(self) -> int:
        return int(self.asked["Period"])

    @property
    def periods(self) -> int:
        return int(self.asked["EvaluationPeriods"])

    @property
    def missing(self) -> str:
        return str(self.asked.get("TreatMissingData", "missing"))


@dataclass
class CloudWatchState:
    """Every metric's values with their moments, and alarms by ARN."""

    values: dict[Metric, list[tuple[float, float]]] = field(default_factory=dict)
    alarms: dict[str, Alarm] = field(default_factory=dict)


def metric_of(account: str, region: str, namespace: str, name: str, dimensions: Any) -> Metric:
    return account, region, namespace, name, frozenset((each["Name"], each["Value"]) for each in dimensions or ())


def wrong_with(asked: dict[str, Any]) -> str:
    """Why CloudWatch would not take an alarm; "" where it would. Raises SimulationError for one that is not simulated."""
    if asked.get("Statistic") not in STATISTICS or asked.get("ComparisonOperator") not in COMPARISONS or "Metrics" in asked:
        raise SimulationError("only alarms on one metric's maximum, minimum or sum are simulated")
    period, over = int(asked["Period"]), int(asked["Period"]) * int(asked["EvaluationPeriods"])
    if period % MINUTE or period < MINUTE:
        return "Period must be 10, 20, 30, or a multiple of 60"
    if over > (LONGEST if period >= HOUR else DAY):
        return f"Metrics cannot be checked across more than {'a week' if period >= HOUR else 'a day'} (EvaluationPeriods * Period)"
    return "" if asked.get("TreatMissingData", "missing") in MISSING else "TreatMissingData is none of " + ", ".join(MISSING)


def state_of(world: World, alarm: Alarm) -> str:
    """What an alarm's state has come to."""
    values, now, state = world.of(CloudWatchState).values.get(alarm.metric, []), world.now(), INSUFFICIENT
    moment = alarm.since
    while (moment := min(moment + MINUTE, now)) < now:
        state = _judged(alarm, values, moment, state)
    return _judged(alarm, values, now, state)


def _judged(alarm: Alarm, values: list[tuple[float, float]], moment: float, before: str) -> str:
    """The state at one moment, from what the periods that end there hold."""
    of, beyond = STATISTICS[alarm.asked["Statistic"]], COMPARISONS[alarm.asked["ComparisonOperator"]]
    judged: list[bool | None] = []
    for number in range(alarm.periods):
        end = moment - number * alarm.period
        there = [value for when, value in values if end - alarm.period < when <= end]
        judged.append(beyond(of(there), float(alarm.asked["Threshold"])) if there else None)
    if alarm.missing in ("breaching", "notBreaching"):
        judged = [alarm.missing == "breaching" if each is None else each for each in judged]
    known = [each for each in judged if each is not None]
    if not known:
        return before if alarm.missing == "ignore" else INSUFFICIENT
    return ALARM if len(known) == alarm.periods and all(known) else OK


@operation("cloudwatch", "PutMetricData")
def put_metric_data(call: Call, Namespace: str, MetricData: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    if more:
        raise SimulationError(f"PutMetricData with {', '.join(sorted(more))} is not simulated")
    if Namespace.startswith("AWS/"):
        raise ApiError("InvalidParameterValue", "The value AWS/ for parameter Namespace is invalid.", 400)
    state = call.world.of(CloudWatchState)
    for each in MetricData or ():
        if "Value" not in each:
            raise SimulationError("PutMetricData without Value is not simulated")
        metric = metric_of(call.account, call.region, Namespace, each["MetricName"], each.get("Dimensions"))
        state.values.setdefault(metric, []).append((call.world.now(), float(each["Value"])))
    return {}


@operation("cloudwatch", "GetMetricData")
def get_metric_data(
    call: Call, MetricDataQueries: list[dict[str, Any]], StartTime: dt.datetime, EndTime: dt.datetime, **more: Any
) -> dict[str, Any]:
    """One statistic of one metric for each query, in periods from the beginning on; a period without a value is left out [docs]."""
    if more.keys() - {"MaxDatapoints", "NextToken", "ScanBy"}:
        raise SimulationError(f"GetMetricData with {', '.join(sorted(more))} is not simulated")
    if len(MetricDataQueries) > MOST_QUERIES:
        raise ApiError("ValidationError", f"The collection MetricDataQueries must have at most {MOST_QUERIES} entries.", 400)
    begin, end = StartTime.timestamp(), EndTime.timestamp()
    return {"MetricDataResults": [_results(call, each, begin, end) for each in MetricDataQueries]}


def _results(call: Call, query: dict[str, Any], begin: float, end: float) -> dict[str, Any]:
    stat = query.get("MetricStat")
    if stat is None or stat["Stat"] not in STATISTICS:
        raise SimulationError("only the maximum, minimum or sum of a metric is simulated")
    asked = stat["Metric"]
    metric = metric_of(call.account, call.region, asked["Namespace"], asked["MetricName"], asked.get("Dimensions"))
    periods: dict[float, list[float]] = {}
    for when, value in call.world.of(CloudWatchState).values.get(metric, ()):
        if begin <= when < end:
            periods.setdefault(begin + (when - begin) // stat["Period"] * stat["Period"], []).append(value)
    moments = sorted(periods, reverse=True)
    return {
        "Id": query["Id"], "Label": asked["MetricName"], "StatusCode": "Complete",
        "Timestamps": [dt.datetime.fromtimestamp(each, dt.UTC) for each in moments],
        "Values": [STATISTICS[stat["Stat"]](periods[each]) for each in moments],
    }  # fmt: skip


@operation("cloudwatch", "DescribeAlarms")
def describe_alarms(
    call: Call, AlarmNames: list[str] | None = None, AlarmNamePrefix: str = "", StateValue: str = "", **_: Any
) -> dict[str, Any]:
    found = [
        (each, state_of(call.world, each))
        for each in call.world.of(CloudWatchState).alarms.values()
        if each.metric[:2] == (call.account, call.region)
        and (not AlarmNames or each.name in AlarmNames)
        and each.name.startswith(AlarmNamePrefix)
    ]
    return {"MetricAlarms": [_described(each, state) for each, state in found if StateValue in ("", state)]}


def _described(alarm: Alarm, state: str) -> dict[str, Any]:
    _, _, namespace, name, dimensions = alarm.metric
    return {
        "AlarmName": alarm.name,
        "AlarmArn": alarm.arn,
        "AlarmDescription": alarm.asked.get("AlarmDescription"),
        "AlarmActions": alarm.asked.get("AlarmActions", []),
        "OKActions": alarm.asked.get("OKActions", []),
        "AlarmConfigurationUpdatedTimestamp": dt.datetime.fromtimestamp(alarm.since, dt.UTC),
        "StateValue": state,
        "Namespace": namespace,
        "MetricName": name,
        "Dimensions": [{"Name": key, "Value": value} for key, value in sorted(dimensions)],
        "Statistic": alarm.asked["Statistic"],
        "Period": alarm.period,
        "EvaluationPeriods": alarm.periods,
        "Threshold": float(alarm.asked["Threshold"]),
        "ComparisonOperator": alarm.asked["ComparisonOperator"],
        "TreatMissingData": alarm.missing,
    }
