"""GetFindings' filters on the main attributes. An attribute that is not simulated is refused, never silently ignored."""

import datetime as dt
import operator
from collections.abc import Callable, Iterable
from typing import Any

from .errors import invalid

Finding = dict[str, Any]
STRINGS: dict[str, tuple[str, ...]] = {
    "AwsAccountId": ("AwsAccountId",),
    "AwsAccountName": ("AwsAccountName",),
    "CompanyName": ("CompanyName",),
    "ComplianceAssociatedStandardsId": ("Compliance", "AssociatedStandards", "StandardsId"),
    "ComplianceSecurityControlId": ("Compliance", "SecurityControlId"),
    "ComplianceStatus": ("Compliance", "Status"),
    "Description": ("Description",),
    "GeneratorId": ("GeneratorId",),
    "Id": ("Id",),
    "NoteText": ("Note", "Text"),
    "NoteUpdatedBy": ("Note", "UpdatedBy"),
    "ProductArn": ("ProductArn",),
    "ProductName": ("ProductName",),
    "RecordState": ("RecordState",),
    "Region": ("Region",),
    "RelatedFindingsId": ("RelatedFindings", "Id"),
    "RelatedFindingsProductArn": ("RelatedFindings", "ProductArn"),
    "ResourceApplicationArn": ("Resources", "ApplicationArn"),
    "ResourceApplicationName": ("Resources", "ApplicationName"),
    "ResourceId": ("Resources", "Id"),
    "ResourcePartition": ("Resources", "Partition"),
    "ResourceRegion": ("Resources", "Region"),
    "ResourceType": ("Resources", "Type"),
    "SeverityLabel": ("Severity", "Label"),
    "SourceUrl": ("SourceUrl",),
    "Title": ("Title",),
    "Type": ("Types",),
    "VerificationState": ("VerificationState",),
    "WorkflowStatus": ("Workflow", "Status"),
}
"""Filter → where its values are in a finding."""
NUMBERS = ("Confidence", "Criticality")
MAPS: dict[str, tuple[str, ...]] = {
    "ResourceDetailsOther": ("Resources", "Details", "Other"),
    "ResourceTags": ("Resources", "Tags"),
    "UserDefinedFields": ("UserDefinedFields",),
}
MIXED = (("CONTAINS", "NOT_CONTAINS"), ("EQUALS", "NOT_EQUALS"))
"""Comparisons that cannot stand together in one criterion of a rule [model]."""
DATES = ("CreatedAt", "FirstObservedAt", "LastObservedAt", "UpdatedAt")


def _prefix(value: str, wanted: str) -> bool:
    return value.startswith(wanted)


COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "EQUALS": operator.eq,
    "NOT_EQUALS": operator.eq,
    "PREFIX": _prefix,
    "PREFIX_NOT_EQUALS": _prefix,
    "CONTAINS": operator.contains,
    "NOT_CONTAINS": operator.contains,
}


def parse_moment(text: str) -> dt.datetime:
    """A point in time with its offset; without one it is taken as UTC. Raises ValueError."""
    found = dt.datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


def compile_filters(filters: dict[str, Any], now: float) -> Callable[[Finding], bool]:
    """One test of a finding: all attributes must match. At most 10 attributes with 20 values each [model]."""
    if len(filters) > 10 or any(len(values) > 20 for values in filters.values()):
        raise invalid("Filters can have up to 10 attributes with up to 20 values each")
    return _compiled(filters, now)


def compile_criteria(criteria: dict[str, Any], now: float) -> Callable[[Finding], bool]:
    """The same for the criteria of an automation rule, which have limits of their own, and comparisons that exclude each other."""
    for attribute, items in criteria.items():
        said = {each.get("Comparison", "") for each in items}
        for one, other in MIXED:
            if {one, other} <= said:
                raise invalid(f"{attribute} cannot be compared by {one} and {other} in one rule")
    return _compiled(criteria, now)


def _compiled(filters: dict[str, Any], now: float) -> Callable[[Finding], bool]:
    tests = []
    for attribute, values in filters.items():
        if attribute in STRINGS:
            tests.append(_string_test(STRINGS[attribute], values))
        elif attribute in DATES:
            tests.append(_date_test(attribute, values, now))
        elif attribute in NUMBERS:
            tests.append(_number_test(attribute, values))
        elif attribute in MAPS:
            tests.append(_map_test(MAPS[attribute], values))
        else:
            raise invalid(f"Filter {attribute} is not simulated")
    return lambda finding: all(test(finding) for test in tests)


def _number_test(attribute: str, filters: list[dict[str, float]]) -> Callable[[Finding], bool]:
    """Bounds of one item hold together, several items are joined by OR."""

    def test(finding: Finding) -> bool:
        given = finding.get(attribute)
        return given is not None and any(all(BOUNDS[name](given, bound) for name, bound in each.items()) for each in filters)

    return test


BOUNDS: dict[str, Callable[[Any, Any], bool]] = {
    "Eq": operator.eq,
    "Gt": operator.gt,
    "Gte": operator.ge,
    "Lt": operator.lt,
    "Lte": operator.le,
}


def _map_test(path: tuple[str, ...], filters: list[dict[str, str]]) -> Callable[[Finding], bool]:
    """Each item asks for the value of one key, by the comparisons of texts."""
    by_key = {each["Key"]: [other for other in filters if other["Key"] == each["Key"]] for each in filters}
    tests = [_string_test((*path, key), items) for key, items in by_key.items()]
    positive = any("NOT_" not in each["Comparison"] for each in filters)
    return lambda finding: (any if positive else all)(test(finding) for test in tests)


def _values(finding: Any, path: tuple[str, ...]) -> Iterable[str]:
    """Every value at a path; lists on the way are entered."""
    if isinstance(finding, list):
        for each in finding:
            yield from _values(each, path)
    elif path and isinstance(finding, dict):
        yield from _values(finding.get(path[0]), path[1:])
    elif not path and finding is not None:
        yield str(finding)


def _string_test(path: tuple[str, ...], filters: list[dict[str, str]]) -> Callable[[Finding], bool]:
    """Positive comparisons of one attribute are joined by OR, negative ones by AND [model]."""
    wanted: list[tuple[Callable[[str, str], bool], str]] = []
    unwanted: list[tuple[Callable[[str, str], bool], str]] = []
    for each in filters:
        if each["Comparison"] not in COMPARISONS:
            raise invalid(f"Comparison {each['Comparison']} is not simulated")
        (unwanted if "NOT_" in each["Comparison"] else wanted).append((COMPARISONS[each["Comparison"]], each["Value"]))

    def test(finding: Finding) -> bool:
        values = list(_values(finding, path))
        hit, struck = (any(compare(value, given) for compare, given in tests for value in values) for tests in (wanted, unwanted))
        return (hit or not wanted) and not struck

    return test


def _date_test(attribute: str, filters: list[dict[str, Any]], now: float) -> Callable[[Finding], bool]:
    """Start and End, or the last so many days [model]; several are joined by OR."""
    spans = [_span(each, now) for each in filters]

    def test(finding: Finding) -> bool:
        given = finding.get(attribute)
        return given is not None and any(start <= parse_moment(given) <= end for start, end in spans)

    return test


def _span(bounds: dict[str, Any], now: float) -> tuple[dt.datetime, dt.datetime]:
    earliest, latest = dt.datetime.min.replace(tzinfo=dt.UTC), dt.datetime.max.replace(tzinfo=dt.UTC)
    if "DateRange" in bounds:
        return dt.datetime.fromtimestamp(now, dt.UTC) - dt.timedelta(days=bounds["DateRange"]["Value"]), latest
    try:
        start = parse_moment(bounds["Start"]) if "Start" in bounds else earliest
        return start, parse_moment(bounds["End"]) if "End" in bounds else latest
    except ValueError:
        raise invalid("Start and End must be ISO 8601 timestamps") from None


def sort_key(field: str) -> Callable[[Finding], str]:
    """What SortCriteria compares: an attribute, or a member of one by a dotted path."""
    path = tuple(field.split("."))
    return lambda finding: next(iter(_values(finding, path)), "")
