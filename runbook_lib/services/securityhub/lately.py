"""Which accounts Security Hub evaluated lately, as findings of its controls show."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from runbook_lib.aws.errors import CallFailed, unread
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Observation
from runbook_lib.services.securityhub.spec import NAME

LATELY_DAYS = 2
"""Controls are checked every 12 or 24 hours, or when something changes [docs]."""
MOST_PAGES = 5
"""Pages of findings that are read at most: what they do not show stays unknown."""
PAGE = 100
MOST_VALUES = 20
"""Values of one filter [model]."""
EVALUATED = ("PASSED", "FAILED")
"""What a control that was evaluated says; without AWS Config it says NOT_AVAILABLE [docs]."""
ABOUT_CONFIG = "/Config.1"
"""The control about AWS Config itself, which is evaluated without it, and always passes while Security Hub V2 is on [docs]."""


def evaluated_lately(reader: Reader, account: str, region: str, regions: list[str]) -> dict[str, Observation[frozenset[str]]]:
    """Region → accounts with findings of controls that need AWS Config and were evaluated lately, as one Region shows them.

    The newest first and a few pages: it proves what it shows, and nothing of what it does not.
    """
    filters: dict[str, Any] = {
        "ProductName": [{"Value": "Security Hub", "Comparison": "EQUALS"}],
        "RecordState": [{"Value": "ACTIVE", "Comparison": "EQUALS"}],
        "ComplianceStatus": [{"Value": value, "Comparison": "EQUALS"} for value in EVALUATED],
        "UpdatedAt": [{"DateRange": {"Value": LATELY_DAYS, "Unit": "DAYS"}}],
    }
    if len(regions) <= MOST_VALUES:
        filters["Region"] = [{"Value": each, "Comparison": "EQUALS"} for each in regions]
    newest = [{"Field": "UpdatedAt", "SortOrder": "desc"}]
    found = {each: set[str]() for each in regions}
    try:
        pages = reader.pages(NAME, "GetFindings", account, region, Filters=filters, SortCriteria=newest, MaxResults=PAGE)
        for each in (each for page in islice(pages, MOST_PAGES) for each in page.get("Findings") or ()):
            if _tells(each) and each.get("Region") in found:
                found[each["Region"]].add(each["AwsAccountId"])
    except CallFailed as error:
        if error.code == "InvalidAccessException":
            return dict.fromkeys(regions, Known(frozenset()))  # no hub there yet, so no findings
        return dict.fromkeys(regions, unread(error))
    return {each: Known(frozenset(accounts)) for each, accounts in found.items()}


def _tells(finding: Mapping[str, Any]) -> bool:
    return not str(finding.get("GeneratorId", "")).endswith(ABOUT_CONFIG)
