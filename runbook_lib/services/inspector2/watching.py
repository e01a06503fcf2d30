"""Inspector's coverage of resources: how many are scanned, and why the others are not."""

from collections import Counter
from typing import Any

from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.reader import Reader
from runbook_lib.coverage import Cells
from runbook_lib.services.designation import designated
from runbook_lib.services.inspector2.spec import NAME
from runbook_lib.services.inspector2.state import State
from runbook_lib.services.view import View
from runbook_lib.services.watching import Watched, told, untold

READING = ("ListCoverage", "ListCoverageStatistics")
PAGE = 200
"""[model]"""


def resources(state: State, view: View, reader: Reader) -> Cells:
    """Every Region in which the delegated account is the administrator."""
    made: Cells = ()
    for region in sorted(state.regions):
        if not designated(state.administrators, region, view.delegated):
            continue
        try:
            made += told(NAME, region, view.delegated, _read(reader, view.delegated, region))
        except CallFailed as error:
            made += untold(NAME, region, view.delegated, error)
    return made


def _read(reader: Reader, account: str, region: str) -> Watched:
    """The unscanned by their list, whose first page has most of the reasons; where it is longer, how many there are."""
    scanned = _total(reader, account, region, "ACTIVE")
    listed = reader.read(NAME, "ListCoverage", account, region, filterCriteria=_with("INACTIVE"), maxResults=PAGE)
    why = Counter(
        (each.get("scanStatus") or {}).get("reason") or "no reason named" for each in listed.get("coveredResources") or ()
    )
    more = bool(listed.get("nextToken"))
    return Watched(scanned, _total(reader, account, region, "INACTIVE") if more else why.total(), why)


def _total(reader: Reader, account: str, region: str, code: str) -> int:
    answer = reader.read(NAME, "ListCoverageStatistics", account, region, filterCriteria=_with(code))
    return int(answer.get("totalCounts", 0))


def _with(code: str) -> dict[str, Any]:
    return {"scanStatusCode": [{"comparison": "EQUALS", "value": code}]}
