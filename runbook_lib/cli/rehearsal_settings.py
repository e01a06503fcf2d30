"""The rehearsal's settings, adapted to the organization that is simulated: its partition, its Regions, its size."""

import io
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML


def adapted(parameters: Path, partition: str, home: str, regions: Sequence[str], accounts: Collection[str]) -> str:
    """The text of `parameters` for an organization in `partition` with these Regions; unchanged where it fits already.

    Role ARNs get the partition. Regions that the file names and the organization lacks are replaced as a whole: every service
    gets all of `regions`, and findings come together in `home`. Exclusions of accounts that are not there are left out.
    """
    text = parameters.read_text(encoding="utf-8").replace("arn:aws:", f"arn:{partition}:")
    yaml = YAML()
    document: dict[str, Any] = yaml.load(text)
    services = [document[name] for name in ("security_hub", "guardduty", "inspector") if name in document]
    named = {region for service in services for region in service.get("regions", ())}
    if named != set(regions):
        for service in services:
            service["regions"] = [home, *(region for region in regions if region != home)]
        _aggregate(document.get("security_hub", {}), home, [region for region in regions if region != home])
    if "exclusions" in document:
        document["exclusions"] = [each for each in document["exclusions"] if each.get("account", "") in ("", *accounts)]
        if not document["exclusions"]:
            del document["exclusions"]
    if "limits" in document:
        document["limits"]["accounts"] = max(document["limits"]["accounts"], len(accounts))
        document["limits"]["regions"] = max(document["limits"]["regions"], len(regions))
    written = io.StringIO()
    yaml.dump(document, written)
    return written.getvalue()


def _aggregate(security_hub: dict[str, Any], home: str, others: Sequence[str]) -> None:
    aggregation = security_hub.get("aggregation")
    if aggregation is None:
        return
    aggregation["home_region"] = home
    aggregation.pop("regions", None)
    aggregation["linking_mode"] = "SPECIFIED_REGIONS" if others else "NO_REGIONS"
    if others:
        aggregation["regions"] = list(others)
