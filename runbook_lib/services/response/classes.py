"""Finding classes: product and family, from each service's spec; which class a finding is of. Pure.

A finding of a product that no managed service reports is of no class: *unknown*, for nobody has said what it is.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runbook_lib.services.registry import specs
from runbook_lib.services.response.patterns import product_suffix
from runbook_lib.services.spec import OTHER, Findings
from runbook_lib.settings import Settings


@dataclass(frozen=True, order=True)
class FindingClass:
    """One family of one product."""

    product: str
    family: str

    def __str__(self) -> str:
        return f"{self.product}/{self.family}"


def reported(settings: Settings) -> tuple[Findings, ...]:
    """What the services that settings manage report."""
    managed = settings.sections()
    return tuple(spec.findings for spec in specs() if spec.name in managed and spec.findings)


def classes(settings: Settings) -> tuple[FindingClass, ...]:
    """Every class that has to have an owner, `other` last in each product."""
    return tuple(FindingClass(each.product, family) for each in reported(settings) for family in families_of(each))


def families_of(findings: Findings) -> tuple[str, ...]:
    """The names of its families, `other` last."""
    return (*(family.name for family in findings.families), OTHER)


def class_of(finding: Mapping[str, Any], settings: Settings) -> FindingClass | None:
    """The class of a finding as Security Hub has it; None where it fits none."""
    for each in reported(settings):
        if str(finding.get("ProductArn", "")).endswith(product_suffix(each.product)):
            parts = _parts(finding)
            fitting = (family.name for family in each.families if any(part.startswith(family.marks) for part in parts))
            return FindingClass(each.product, next(fitting, OTHER))
    return None


def _parts(finding: Mapping[str, Any]) -> list[str]:
    """What stands between slashes and colons of its types, and its control's service."""
    control = str((finding.get("Compliance") or {}).get("SecurityControlId") or "")
    if control:
        return [control.partition(".")[0]]
    return [part.strip() for kind in finding.get("Types") or () for part in re.split("[/:]", kind)]
