"""IAM Access Analyzer as settings that ask for what is there."""

from collections.abc import Sequence
from typing import Any

from runbook_lib.base.observation import Known
from runbook_lib.coverage import Cells
from runbook_lib.services.accessanalyzer.external import ExternalAccess
from runbook_lib.services.accessanalyzer.spec import SPEC
from runbook_lib.services.accessanalyzer.state import UNUSED, State
from runbook_lib.services.accessanalyzer.unused import UnusedAccess
from runbook_lib.services.as_found import AsFound, Asked, at_key
from runbook_lib.services.view import View


def _asking(state: State, view: View, _: Cells) -> Asked:
    """The analyzer of unused access, where there is one that can be read."""
    found = {region: state.regions[region].ours(UNUSED) for region in view.population.regions}
    there = {region: each for region, each in found.items() if each is not None}
    notes = [f"unused_access: a second analyzer, {each.words}, is in {region}" for region, each in sorted(there.items())[1:]]
    for region, each in sorted(there.items())[:1]:
        if isinstance(each.configuration, Known):
            return {"unused_access": {"home_region": region, "age": each.configuration.value.age}}, tuple(notes)
        notes.append(f"unused_access: what the analyzer in {region} looks at could not be read")
    return {}, tuple(notes)


def _goal(regions: Sequence[str]) -> dict[str, Any]:
    return {"regions": list(regions)}


AS_FOUND = AsFound(
    spec=SPEC,
    rests_on=frozenset({"administrator", ExternalAccess.name}),
    keys={UnusedAccess.name: at_key("unused_access")},
    asking=_asking,
    goal=_goal,
)
