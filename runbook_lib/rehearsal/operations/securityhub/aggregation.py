"""The finding aggregator of an account: one, in its home Region."""

import uuid
from typing import Any

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.regions import is_opt_in, regions_of
from runbook_lib.rehearsal.registry import Call, operation, page

from .errors import MEMBER_AGGREGATES, invalid, missing, refusal
from .places import bounded
from .state import Aggregator, state_of
from .switching import require_hub

NAMED = ("ALL_REGIONS_EXCEPT_SPECIFIED", "SPECIFIED_REGIONS")
MODES = ("ALL_REGIONS", *NAMED, "NO_REGIONS")


def _check_linking(call: Call, mode: str, regions: list[str] | None) -> list[str]:
    """Modes and which of them take a Region list [model]; texts assumed."""
    if mode not in MODES:
        raise invalid(f"RegionLinkingMode must be one of {', '.join(MODES)}")
    if (mode in NAMED) != bool(regions):
        raise invalid(f"Regions must be {'given' if mode in NAMED else 'left out'} when RegionLinkingMode is {mode}")
    named = list(dict.fromkeys(regions or []))
    wrong = [each for each in named if each not in regions_of(call.partition) or each == call.region]
    if wrong:
        raise invalid(f"Regions cannot be linked to {call.region}: {', '.join(wrong)}")
    return named


def _shown(aggregator: Aggregator) -> dict[str, Any]:
    return {
        "FindingAggregatorArn": aggregator.arn,
        "FindingAggregationRegion": aggregator.home,
        "RegionLinkingMode": aggregator.mode,
        "Regions": list(aggregator.regions) if aggregator.mode in NAMED else None,
    }


@operation("securityhub", "CreateFindingAggregator")
def create_finding_aggregator(call: Call, RegionLinkingMode: str, Regions: list[str] | None = None) -> dict[str, Any]:
    """From the intended home Region, not an opt-in Region, not by a member [docs, seen].

    The code of a second one is not known: variant "securityhub second aggregator" names it, LimitExceededException if unset.
    """
    require_hub(call)
    state = state_of(call.world)
    if any(account == call.account for account, _ in state.administrator_of):
        raise refusal(MEMBER_AGGREGATES)
    if is_opt_in(call.region):
        raise invalid(f"{call.region} is an opt-in Region and cannot be the home Region")  # rule [docs], text assumed
    named = _check_linking(call, RegionLinkingMode, Regions)
    if call.account in state.aggregators:
        code = call.world.variants.get("securityhub second aggregator", "LimitExceededException")
        raise ApiError(code, "A finding aggregator exists already")
    key = uuid.uuid5(uuid.NAMESPACE_URL, f"{call.account}/{call.region}/{call.world.now()}")
    arn = f"arn:{call.partition}:securityhub:{call.region}:{call.account}:finding-aggregator/{key}"
    state.aggregators[call.account] = Aggregator(arn, call.account, call.region, RegionLinkingMode, named)
    return _shown(state.aggregators[call.account])


@operation("securityhub", "ListFindingAggregators")
def list_finding_aggregators(call: Call, NextToken: str | None = None, MaxResults: int | None = None) -> dict[str, Any]:
    """The account's aggregator, from any Region where its hub is on [docs]."""
    require_hub(call)
    bounded(MaxResults, 100)
    found = state_of(call.world).aggregators.get(call.account)
    shown, token = page([{"FindingAggregatorArn": found.arn}] if found else [], NextToken, MaxResults, 100)
    return {"FindingAggregators": shown, "NextToken": token}


def _own(call: Call, arn: str) -> Aggregator:
    """The caller's aggregator by its ARN, from its home Region only [docs]; the code for another Region is assumed."""
    require_hub(call)
    found = state_of(call.world).aggregators.get(call.account)
    if found is None or found.arn != arn:
        raise missing(f"Finding aggregator {arn} was not found")
    if found.home != call.region:
        raise invalid(f"The finding aggregator can be used only from its home Region {found.home}")
    return found


@operation("securityhub", "GetFindingAggregator")
def get_finding_aggregator(call: Call, FindingAggregatorArn: str) -> dict[str, Any]:
    return _shown(_own(call, FindingAggregatorArn))


@operation("securityhub", "UpdateFindingAggregator")
def update_finding_aggregator(
    call: Call,
    FindingAggregatorArn: str,
    RegionLinkingMode: str,
    Regions: list[str] | None = None,
) -> dict[str, Any]:
    """Replaces mode and the whole Region list; the home Region cannot move [docs]."""
    found = _own(call, FindingAggregatorArn)
    found.regions, found.mode = _check_linking(call, RegionLinkingMode, Regions), RegionLinkingMode
    return _shown(found)


@operation("securityhub", "DeleteFindingAggregator")
def delete_finding_aggregator(call: Call, FindingAggregatorArn: str) -> dict[str, Any]:
    """Stops the copying; not while central configuration needs it [docs], code assumed."""
    found = _own(call, FindingAggregatorArn)
    state = state_of(call.world)
    administration = state.administrations.get(call.region)
    if state.central is not None and administration is not None and administration.account == call.account:
        raise invalid("The finding aggregator cannot be deleted while central configuration is on")
    del state.aggregators[found.account]
    return {}
