"""What left by each route, day by day and by EventBridge's own count, held against what Security Hub has.

A finding that fits a route was an event on the day of its last update, so the route's rule fitted at least as many events that day.
Fewer means that some never came to the rule, or that it was not there, disabled, or another one. What could not be delivered is
counted too, and lies in the queue of undelivered events. Today is not over, and is told without being judged.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.utils import parse_timestamp

from runbook_lib.aws.reader import Reader
from runbook_lib.services.response.wanted import homes
from runbook_lib.settings import Settings
from runbook_lib.settings.response import RULE_PREFIX

METRICS = "cloudwatch"
READS = frozenset({f"{METRICS}:GetMetricData"})
FITTED, FAILED = "TriggeredRules", "FailedInvocations"
"""Metrics of a rule: events that it fitted, and deliveries that were given up [docs: EventBridge metrics]."""
A_DAY = 86_400
MOST_QUERIES = 500
"""Of one GetMetricData [model]."""
Place = tuple[str, str]
"""A day (UTC) and a route."""
COUNTED = "Security Hub has each finding on the day of its last update; each update was an event."
HEADS = ("day", "route", "security hub has", "rule fitted", "not delivered", "lost")
"""Of the columns of a row."""


@dataclass(frozen=True)
class Reckoned:
    """One route on one day: how many findings Security Hub has, how many events its rule fitted, and could not deliver."""

    day: str
    route: str
    has: int
    fitted: int
    failed: int
    over: bool = True
    """Whether the day is over."""

    @property
    def row(self) -> tuple[str | int, ...]:
        """What stands under `HEADS`."""
        return self.day, self.route, self.has, self.fitted, self.failed, self.lost

    @property
    def words(self) -> str:
        """The same as a sentence."""
        judged = self.lost or ("as it should be" if self.over else "the day is not over")
        return f"{self.day} {self.route}: Security Hub has {self.has:,}, the rule fitted {self.fitted:,}; {judged}"

    @property
    def lost(self) -> str:
        """What is wrong, in words; "" where nothing is."""
        said = []
        if self.over and self.fitted < self.has:
            said.append(f"{self.has - self.fitted:,} fewer than Security Hub has")
        if self.failed:
            said.append(f"{self.failed:,} could not be delivered: see the queue of undelivered events")
        return "; ".join(said)


def read_fitted(settings: Settings, days: int, now: dt.datetime, reader: Reader) -> Mapping[str, Counter[Place]]:
    """Metric → day and route → its sum, in all Regions that have rules. Raises CallFailed."""
    routes = sorted(settings.response.routes) if settings.response else []
    asked = [(metric, route) for metric in (FITTED, FAILED) for route in routes]
    found: dict[str, Counter[Place]] = {FITTED: Counter(), FAILED: Counter()}
    first = (now - dt.timedelta(days=days)).replace(hour=0, minute=0, second=0, microsecond=0)
    for region in homes(settings):
        for begin in range(0, len(asked), MOST_QUERIES):
            part = asked[begin : begin + MOST_QUERIES]
            queries = [_query(number, metric, route) for number, (metric, route) in enumerate(part)]
            pages = reader.pages(
                METRICS, "GetMetricData", settings.organization.delegated_account, region,
                MetricDataQueries=queries, StartTime=first, EndTime=now,
            )  # fmt: skip
            for each in (each for page in pages for each in page.get("MetricDataResults") or ()):
                metric, route = part[int(each["Id"][1:])]
                for when, value in zip(each["Timestamps"], each["Values"], strict=True):
                    found[metric][f"{parse_timestamp(str(when)).astimezone(dt.UTC):%Y-%m-%d}", route] += int(value)
    return found


def _query(number: int, metric: str, route: str) -> dict[str, Any]:
    rule = {"Name": "RuleName", "Value": f"{RULE_PREFIX}{route}"}
    stat = {"Metric": {"Namespace": "AWS/Events", "MetricName": metric, "Dimensions": [rule]}, "Period": A_DAY, "Stat": "Sum"}
    return {"Id": f"m{number}", "MetricStat": stat}


def reckoned(has: Mapping[Place, int], fitted: Mapping[str, Counter[Place]], today: str) -> tuple[Reckoned, ...]:
    """Every day and route of which either has something, in order."""
    places: Iterable[Place] = {*has, *fitted[FITTED], *fitted[FAILED]}
    return tuple(
        Reckoned(day, route, has.get((day, route), 0), fitted[FITTED][day, route], fitted[FAILED][day, route], over=day < today)
        for day, route in sorted(places)
    )
