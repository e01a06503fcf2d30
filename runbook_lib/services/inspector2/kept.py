"""What the administrator of Inspector keeps for its members: suppression rules, and paths of deep inspection. Reads only."""

from collections.abc import Callable, Mapping
from functools import partial

from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known
from runbook_lib.services.inspector2.spec import NAME
from runbook_lib.services.inspector2.state import RegionState
from runbook_lib.services.kept import Kept, read_kept
from runbook_lib.services.view import View

SUPPRESSION, FILTERS, PATHS = "suppression rules", "filters", "deep-inspection paths"
READS = frozenset({f"{NAME}:ListFilters", f"{NAME}:GetEc2DeepInspectionConfiguration"})


def read(seen: Mapping[str, RegionState], view: View, reader: Reader) -> Kept:
    """Region → what the delegated account keeps there, where it acts as administrator."""
    jobs: dict[str, Callable[[], dict[str, list[str]]]] = {
        region: partial(_in_region, view.delegated, region, reader)
        for region, found in seen.items()
        if isinstance(found.administrators, Known) and view.delegated in found.administrators.value
    }
    return read_kept(jobs, reader)


def _in_region(account: str, region: str, reader: Reader) -> dict[str, list[str]]:
    filters = [each for page in reader.pages(NAME, "ListFilters", account, region) for each in page.get("filters") or ()]
    deep = reader.read(NAME, "GetEc2DeepInspectionConfiguration", account, region)
    return {
        SUPPRESSION: [str(each["name"]) for each in filters if each["action"] == "SUPPRESS"],
        FILTERS: [str(each["name"]) for each in filters if each["action"] != "SUPPRESS"],
        PATHS: [str(each) for each in deep.get("orgPackagePaths") or ()],
    }
