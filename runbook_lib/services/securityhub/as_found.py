"""Security Hub as settings that ask for what is there."""

from collections.abc import Iterator, Sequence
from typing import Any

from runbook_lib.base.observation import Known
from runbook_lib.coverage import Cells
from runbook_lib.services.as_found import AsFound, Asked, agreed, at_key, differing
from runbook_lib.services.securityhub import aggregation, membership, new_accounts, standards
from runbook_lib.services.securityhub.spec import SPEC
from runbook_lib.services.securityhub.state import State
from runbook_lib.services.view import View
from runbook_lib.settings.regions import is_opt_in


def _asking(state: State, view: View, cells: Cells) -> Asked:
    """What accounts that join get, the delegated account's standards that all Regions have, and where findings come together."""
    section: dict[str, Any] = {}
    notes: list[str] = []
    if automatic := agreed(cells, new_accounts.ASPECT, new_accounts.ACCOUNTS):
        section["auto_enable"] = automatic == "on"
    chosen = agreed(cells, new_accounts.ASPECT, new_accounts.STANDARDS)
    if section.get("auto_enable") and chosen:
        section["new_account_standards"] = chosen.lower()
    choices = {item: differing(cells, new_accounts.ASPECT, item) for item in (new_accounts.ACCOUNTS, new_accounts.STANDARDS)}
    notes += [f"{item}: {split}" for item, split in choices.items() if split]
    section |= _standards(state, view, notes)
    found = state.aggregator.value if isinstance(state.aggregator, Known) else None
    if found:
        wanted = {"home_region": found.home, "linking_mode": found.mode}
        named = {"regions": sorted(found.regions)} if "SPECIFIED" in found.mode else {}
        section["aggregation"] = {**wanted, **named}
    return section, tuple(notes)


def _standards(state: State, view: View, notes: list[str]) -> dict[str, Any]:
    """Standards of the delegated account that are on in all Regions, and work in all of them."""
    regions = view.population.regions
    on: dict[str, set[str]] = {}
    for region in regions:
        own = state.standards.get(region, {}).get(view.delegated)
        for item, held in own.value.items() if isinstance(own, Known) else ():
            if held.status in standards.UNDER_WAY:
                on.setdefault(item, set()).add(region)
    split = [(item, sorted(where)) for item, where in sorted(on.items()) if len(where) < len(regions)]
    notes += [f"standard {item}: on in {', '.join(where)} alone" for item, where in split]
    everywhere = [item.rpartition("/") for item, where in sorted(on.items()) if len(where) == len(regions)]
    named = [{"name": name, "version": version} for name, _, version in everywhere]
    return {"delegated_account_standards": named} if named else {}


def _linked(regions: Sequence[str]) -> Iterator[tuple[str, Any]]:
    home = next((region for region in regions if not is_opt_in(region)), None)
    others = [region for region in regions if region != home]
    if home and others:
        yield "aggregation", {"home_region": home, "linking_mode": "SPECIFIED_REGIONS", "regions": others}


def _goal(regions: Sequence[str]) -> dict[str, Any]:
    return {
        "regions": list(regions),
        "management_account": True,
        "auto_enable": True,
        "new_account_standards": "none",
        "delegated_account_standards": [{"name": "aws-foundational-security-best-practices", "version": "1.0.0"}],
        **dict(_linked(regions)),
    }


AS_FOUND = AsFound(
    spec=SPEC,
    rests_on=frozenset({"administrator", membership.HUB, membership.MEMBERSHIP}),
    keys={
        new_accounts.ASPECT: lambda item: ("auto_enable" if item == new_accounts.ACCOUNTS else "new_account_standards",),
        standards.ASPECT: at_key("delegated_account_standards"),
        aggregation.ASPECT: at_key("aggregation"),
    },
    asking=_asking,
    goal=_goal,
)
