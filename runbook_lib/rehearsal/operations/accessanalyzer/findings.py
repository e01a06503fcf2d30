"""Findings of analyzers. There are no resources, so there are none; who may ask is checked all the same."""

from collections.abc import Mapping
from typing import Any

from runbook_lib.rehearsal.operations.accessanalyzer import texts
from runbook_lib.rehearsal.operations.accessanalyzer.analyzers import by_arn
from runbook_lib.rehearsal.operations.accessanalyzer.state import paged
from runbook_lib.rehearsal.registry import Call, operation

EXTERNAL_ONLY = "ListFindings is not supported for this type of analyzer. Use ListFindingsV2."
"""Assumed."""
NONE = {"totalActiveFindings": 0, "totalArchivedFindings": 0, "totalResolvedFindings": 0}


@operation("accessanalyzer", "ListFindingsV2")
def list_findings_v2(
    call: Call,
    analyzerArn: str,
    filter: Mapping[str, Any] | None = None,  # noqa: A002 the model's name
    maxResults: int | None = None,
    nextToken: str | None = None,
    sort: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    by_arn(call, analyzerArn)
    found, token = paged([], nextToken, maxResults)
    return {"findings": found, "nextToken": token}


@operation("accessanalyzer", "ListFindings")
def list_findings(
    call: Call,
    analyzerArn: str,
    filter: Mapping[str, Any] | None = None,  # noqa: A002 the model's name
    sort: Mapping[str, Any] | None = None,
    nextToken: str | None = None,
    maxResults: int | None = None,
) -> dict[str, Any]:
    """The older list, of external access alone, which scanners still read."""
    if not by_arn(call, analyzerArn).external:
        raise texts.invalid(EXTERNAL_ONLY, "notSupported")
    found, token = paged([], nextToken, maxResults)
    return {"findings": found, "nextToken": token}


@operation("accessanalyzer", "GetFindingsStatistics")
def get_findings_statistics(call: Call, analyzerArn: str) -> dict[str, Any]:
    """Counts, by what kind of access the analyzer looks at."""
    kind = by_arn(call, analyzerArn).kind
    if kind.endswith("UNUSED_ACCESS"):
        counts: dict[str, Any] = {"unusedAccessFindingsStatistics": {"unusedAccessTypeStatistics": [], **NONE}}
    elif kind.endswith("INTERNAL_ACCESS"):
        counts = {"internalAccessFindingsStatistics": {"resourceTypeStatistics": {}, **NONE}}
    else:
        counts = {"externalAccessFindingsStatistics": {"resourceTypeStatistics": {}, **NONE}}
    return {"findingsStatistics": [counts], "lastUpdatedAt": call.world.now()}
