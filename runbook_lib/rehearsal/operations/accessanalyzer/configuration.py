"""What unused and internal access analyzers are told to look at."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runbook_lib.rehearsal.operations.accessanalyzer import texts

AGES = (1, 365)
"""Days without use [model]."""
USUAL_AGE = 90
"""[belief]: what an unused access analyzer looks back where nothing is said."""
MOST_EXCLUDED = 2000
"""Accounts in one criterion of exclusion [model]."""


def defaults(kind: str) -> dict[str, Any]:
    """The configuration of an analyzer that is made without one."""
    if kind.endswith("UNUSED_ACCESS"):
        return {"unusedAccess": {"unusedAccessAge": USUAL_AGE, "analysisRule": {"exclusions": []}}}
    if kind.endswith("INTERNAL_ACCESS"):
        return {"internalAccess": {"analysisRule": {"inclusions": []}}}
    return {}


def checked(configuration: Mapping[str, Any] | None, kind: str, owner: str) -> dict[str, Any]:
    """A configuration as it is kept. Refuses one of another kind of analyzer, and what the model's words rule out."""
    if not configuration:
        return {}
    (member,) = configuration
    if member not in defaults(kind):
        raise texts.bad_field("configuration", f"{member} does not fit an analyzer of type {kind}")
    if member == "internalAccess":
        return {member: configuration[member]}
    wanted = configuration[member]
    age = wanted.get("unusedAccessAge", USUAL_AGE)
    if not AGES[0] <= age <= AGES[1]:
        raise texts.bad_field("configuration.unusedAccess.unusedAccessAge", f"Member must be between {AGES[0]} and {AGES[1]}")
    exclusions = (wanted.get("analysisRule") or {}).get("exclusions") or []
    for problem in _wrong_exclusions(exclusions, kind, owner):
        raise texts.bad_field("configuration.unusedAccess.analysisRule.exclusions", problem)
    return {member: {"unusedAccessAge": age, "analysisRule": {"exclusions": exclusions}}}


def _wrong_exclusions(exclusions: Sequence[Mapping[str, Any]], kind: str, owner: str) -> Iterator[str]:
    """Accounts can be left out of an organization's analyzer alone, at most 2,000 of them, its owner not [model]."""
    for accounts in (each["accountIds"] for each in exclusions if each.get("accountIds")):
        if not kind.startswith("ORGANIZATION"):
            yield "accountIds apply to analyzers of an organization only"
        if len(accounts) > MOST_EXCLUDED:
            yield f"accountIds must have length less than or equal to {MOST_EXCLUDED}"
        if owner in accounts:
            yield "accountIds cannot include the account that owns the analyzer"
