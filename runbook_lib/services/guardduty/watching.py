"""Runtime monitoring's coverage: on how many clusters, tasks and instances GuardDuty's agent works, and why not on others."""

from collections import Counter

from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known
from runbook_lib.coverage import Cells
from runbook_lib.services.guardduty.spec import NAME
from runbook_lib.services.guardduty.state import State
from runbook_lib.services.guardduty.wanted import NEWER, OLDER
from runbook_lib.services.view import View
from runbook_lib.services.watching import Watched, told, untold

READING = ("GetCoverageStatistics", "ListCoverage")
UNHEALTHY = {"FilterCriterion": [{"CriterionKey": "COVERAGE_STATUS", "FilterCondition": {"Equals": ["UNHEALTHY"]}}]}
PAGE = 50
"""Unhealthy resources whose issue is read: one page [model]. The rest are counted and not explained."""


def resources(state: State, view: View, reader: Reader) -> Cells:
    """Every Region in which the delegated account's own detector has runtime monitoring of either kind."""
    made: Cells = ()
    for region, seen in sorted(state.regions.items()):
        own = seen.delegated.value if isinstance(seen.delegated, Known) else None
        if own is None or not own.enabled or not own.on & {NEWER, OLDER}:
            continue
        try:
            made += told(NAME, region, view.delegated, _read(reader, view.delegated, region, own.id))
        except CallFailed as error:
            made += untold(NAME, region, view.delegated, error)
    return made


def _read(reader: Reader, account: str, region: str, detector: str) -> Watched:
    by_status = ["COUNT_BY_COVERAGE_STATUS"]
    answer = reader.read(NAME, "GetCoverageStatistics", account, region, DetectorId=detector, StatisticsType=by_status)
    counts = (answer.get("CoverageStatistics") or {}).get("CountByCoverageStatus") or {}
    unwatched = int(counts.get("UNHEALTHY", 0))
    if not unwatched:
        return Watched(int(counts.get("HEALTHY", 0)), 0)
    listed = reader.read(NAME, "ListCoverage", account, region, DetectorId=detector, FilterCriteria=UNHEALTHY, MaxResults=PAGE)
    why = Counter(each.get("Issue") or "no issue named" for each in listed.get("Resources") or ())
    return Watched(int(counts.get("HEALTHY", 0)), unwatched, why)
