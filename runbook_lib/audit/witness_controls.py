"""Controls and checks of scanners that speak about what this runbook enables, and the cells that they speak about.

Each service's spec has its own. Sources: the Security Hub CSPM user guide's lists of controls; the checks of the open-source
scanners Prowler and sra-verify by id. What is not here is no statement about a cell of ours, and is counted as such.
"""

from collections.abc import Mapping

from runbook_lib.services.registry import specs

ENABLED = "enabled"
"""The aspect of a report that says only whether a service is on in an account and Region."""
OURS: Mapping[str, tuple[str, ...]] = {spec.name: spec.enabled_by for spec in specs()}
"""Aspects of the run's coverage which together say whether a service is on in an account and Region."""
FROM_ONE_ACCOUNT: Mapping[str, frozenset[str]] = {spec.name: spec.from_one_account for spec in specs()}
"""Aspects about which a scanner can tell in the administrator's account alone."""

CONTROLS: Mapping[str, tuple[str, str, str]] = {
    control: (spec.name, aspect, item) for spec in specs() for control, (aspect, item) in spec.controls.items()
}
"""Control or check → service, aspect, item."""
