"""Event patterns, made from routes; events to prove them with; and whether one pattern fits less than another. Pure.

Only literals, prefixes and suffixes are used, which every matcher knows. Keys stand under `detail.findings`, through whose array
EventBridge reaches; one finding has to fit as a whole [docs].
"""

import datetime as dt
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from runbook_lib.services.response.names import HUB, IMPORTED, PRESSED
from runbook_lib.settings.response import FindingFilter

Pattern = Mapping[str, Any]
SOURCE = f"aws.{HUB}"
ANSWERED = ("NOTIFIED", "RESOLVED", "SUPPRESSED")
"""The workflow statuses that an answer sets [model: all but NEW]."""


def product_suffix(product: str) -> str:
    """How the ARN of a product ends; its beginning has the Region in which the finding arose."""
    return f"::product/{product if '/' in product else f'aws/{product}'}"


def of_findings(wanted: FindingFilter, accounts: Iterable[str] | None) -> Pattern:
    """Findings as they come in. `accounts` are those of the filter, its units expanded; None: every account."""
    finding: dict[str, Any] = {"RecordState": ["ACTIVE"], "Workflow": {"Status": sorted(wanted.workflow_statuses)}}
    if wanted.products:
        finding["ProductArn"] = [{"suffix": product_suffix(each)} for each in sorted(wanted.products)]
    if wanted.severities:
        finding["Severity"] = {"Label": sorted(wanted.severities)}
    if wanted.controls:
        finding["Compliance"] = {"SecurityControlId": sorted(wanted.controls)}
    if wanted.types:
        finding["Types"] = [{"prefix": each} for each in sorted(wanted.types)]
    if wanted.regions:
        finding["Region"] = sorted(wanted.regions)
    if accounts is not None:
        finding["AwsAccountId"] = sorted(accounts)
    if wanted.created_after:
        finding["CreatedAt"] = [{"prefix": each} for each in since(wanted.created_after)]
    return {"source": [SOURCE], "detail-type": [IMPORTED], "detail": {"findings": finding}}


HIGHEST = {2: 9, 3: 9, 5: 1, 6: 9, 8: 3, 9: 9}
"""Place of a digit in YYYY-MM-DD, within one century → the largest that it can be."""


def since(day: dt.date) -> tuple[str, ...]:
    """Beginnings of the times of a day and of every later one of its century: patterns compare no times, but know beginnings."""
    text = day.isoformat()
    later = [f"{text[:place]}{digit}" for place, highest in HIGHEST.items() for digit in range(int(text[place]) + 1, highest + 1)]
    return tuple(sorted([text, *later]))


def of_action(arn: str) -> Pattern:
    """A custom action that somebody pressed."""
    return {"source": [SOURCE], "detail-type": [PRESSED], "resources": [arn]}


def written(pattern: Pattern) -> str:
    """A pattern as it is sent: the same text for the same pattern."""
    return json.dumps(pattern, sort_keys=True, separators=(",", ":"))


def proofs(pattern: Pattern) -> tuple[str, str]:
    """An event that the pattern has to fit, and one that it must not, as JSON."""
    event: dict[str, Any] = {
        "id": "proof", "account": "111122223333", "source": SOURCE, "time": "2026-01-01T00:00:00Z", "region": "us-east-1",
        "resources": list(pattern.get("resources", ["proof"])), "detail-type": pattern["detail-type"][0],
        "detail": {"findings": [_example(pattern.get("detail", {}).get("findings", {}))]},
    }  # fmt: skip
    other = {**event, "source": "runbook.proof"}
    if "detail" in pattern:
        other = {**event, "detail": {"findings": [{**event["detail"]["findings"][0], "RecordState": "ARCHIVED"}]}}
    return json.dumps(event), json.dumps(other)


def _example(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """A finding, as far as the pattern speaks of it."""
    return {key: _example(each) if isinstance(each, Mapping) else _value(key, each[0]) for key, each in wanted.items()}


def _value(key: str, wanted: Any) -> Any:
    if not isinstance(wanted, Mapping):
        return wanted
    text = wanted["prefix"] if "prefix" in wanted else f"product{wanted['suffix']}"
    return [text] if key == "Types" else text


def narrower(new: Pattern, old: Pattern) -> bool:
    """Whether the new pattern may not fit all that the old one fits."""
    for key, wanted in new.items():
        had = old.get(key)
        if had is None:
            return True
        if isinstance(wanted, Mapping) and isinstance(had, Mapping):
            if narrower(wanted, had):
                return True
        elif isinstance(wanted, Mapping) or isinstance(had, Mapping) or not all(_kept(each, wanted) for each in had):
            return True
    return False


def named_accounts(pattern: Pattern) -> frozenset[str]:
    """The accounts that a pattern names; none where it takes all."""
    detail = pattern.get("detail") or {}
    findings = (detail.get("findings") or {}) if isinstance(detail, Mapping) else {}
    listed = findings.get("AwsAccountId") if isinstance(findings, Mapping) else None
    return frozenset(each for each in listed or () if isinstance(each, str))


def without_accounts(pattern: Pattern, gone: Collection[str]) -> Pattern:
    """The same pattern without accounts that can have no finding any more."""
    if not named_accounts(pattern) & frozenset(gone):
        return pattern
    findings = pattern["detail"]["findings"]
    kept = {**findings, "AwsAccountId": [each for each in findings["AwsAccountId"] if each not in gone]}
    return {**pattern, "detail": {**pattern["detail"], "findings": kept}}


def _kept(had: Any, wanted: Sequence[Any]) -> bool:
    """Whether what one alternative fitted is fitted still: by itself, or by a beginning of its own beginning."""
    begins = [each["prefix"] for each in wanted if isinstance(each, Mapping) and "prefix" in each]
    return had in wanted or (isinstance(had, Mapping) and "prefix" in had and had["prefix"].startswith(tuple(begins)))


def rounds(pattern: Pattern) -> tuple[str, ...]:
    """The workflow statuses by which an answer to what the pattern fits would fit it again: none is the proof of no loop.

    Every update of a finding is an event again, whatever was updated [docs]. A finding that is NEW is one that nobody has answered,
    so what answers it has to set another status first, and may set any of the others: a pattern that fits one of these goes round.
    A pressed custom action is an event of its own kind, which no update makes.
    """
    if IMPORTED not in pattern.get("detail-type", [IMPORTED]):
        return ()
    fitted = pattern.get("detail", {}).get("findings", {}).get("Workflow", {}).get("Status", ("NEW", *ANSWERED))
    return tuple(each for each in ANSWERED if each in fitted)


def listens(pattern: Pattern | None, detail_type: str) -> bool:
    """Whether a rule with this pattern may hear Security Hub's events of that type."""
    if pattern is None or SOURCE not in pattern.get("source", [SOURCE]):
        return False
    return detail_type in pattern.get("detail-type", [detail_type])


def fits(pattern: Pattern, finding: Mapping[str, Any]) -> bool:
    """Whether a pattern made here fits an active finding as Security Hub has it: what EventBridge would find of its event."""
    return _fits(pattern["detail"]["findings"], finding)


def _fits(wanted: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    for key, asked in wanted.items():
        value = found.get(key)
        if isinstance(asked, Mapping):
            if not isinstance(value, Mapping) or not _fits(asked, value):
                return False
        elif not any(_one(each, one) for each in asked for one in (value if isinstance(value, list) else [value])):
            return False
    return True


def _one(asked: Any, value: Any) -> bool:
    if not isinstance(asked, Mapping):
        return bool(asked == value)
    if not isinstance(value, str):
        return False
    return value.startswith(asked["prefix"]) if "prefix" in asked else value.endswith(asked["suffix"])
