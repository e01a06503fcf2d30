"""What Organizations' policies decide about Inspector, scan type by scan type: there Enable is refused, which no read has to say.

Of a policy all Regions count that it names, to switch on or off [docs: Amazon Inspector policy syntax]: what the policies above and
below make of it together, nobody has to know who leaves it to them. One that is not written as AWS documents it decides about
everything.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from runbook_lib.aws.errors import CallFailed, unread
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Observation
from runbook_lib.services.inspector2.spec import SPEC
from runbook_lib.services.inspector2.state import SCAN_TYPES, Policies, Policy
from runbook_lib.services.view import View

READS = frozenset({"organizations:ListPolicies", "organizations:DescribePolicy", "organizations:ListTargetsForPolicy"})
KEYS = {
    "EC2": ("ec2_scanning",),
    "ECR": ("ecr_scanning",),
    "LAMBDA": ("lambda_standard_scanning",),
    "LAMBDA_CODE": ("lambda_standard_scanning", "lambda_code_scanning"),
    "CODE_REPOSITORY": ("code_repository_scanning",),
}
"""Scan type → its keys in a policy, from the outside in [docs]."""
EVERYWHERE = "ALL_SUPPORTED"
REGIONS = ("enable_in_regions", "disable_in_regions")


@dataclass(frozen=True)
class _Reading:
    view: View
    reader: Reader

    def pages(self, operation: str, key: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        region = self.view.population.regions[0]
        for page in self.reader.pages("organizations", operation, self.view.management, region, **parameters):
            yield from page.get(key) or ()

    def policy(self, policy: str) -> Policy:
        region = self.view.population.regions[0]
        asked = self.reader.read("organizations", "DescribePolicy", self.view.management, region, PolicyId=policy)
        targets = frozenset(str(each["TargetId"]) for each in self.pages("ListTargetsForPolicy", "Targets", PolicyId=policy))
        return Policy(targets, decided(asked["Policy"]["Content"]))


def read(view: View, reader: Reader) -> Observation[Policies]:
    """Every Inspector policy, with what it is attached to. None, where the organization has none."""
    reading = _Reading(view, reader)
    try:
        listed = [str(each["Id"]) for each in reading.pages("ListPolicies", "Policies", Filter=SPEC.policy_type)]
        return Known(tuple(reader.parallel([partial(reading.policy, each) for each in listed])))
    except CallFailed as error:
        return unread(error)


def decided(content: str) -> Mapping[str, frozenset[str]]:
    """Scan type → the Regions about which a policy says something; EVERYWHERE for all of them."""
    try:
        enablement = json.loads(content)["inspector"]["enablement"]
        found = {scan_type: frozenset(_regions(_inner(enablement, keys))) for scan_type, keys in KEYS.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return dict.fromkeys(SCAN_TYPES, frozenset({EVERYWHERE}))
    return {scan_type: regions for scan_type, regions in found.items() if regions}


def _inner(said: Mapping[str, Any], keys: tuple[str, ...]) -> Mapping[str, Any]:
    for key in keys:
        said = said.get(key, {})
    return said


def _regions(said: Mapping[str, Any]) -> Iterator[str]:
    for key in REGIONS:
        for operator, named in said.get(key, {}).items():
            if operator.startswith("@@") and isinstance(named, list):
                yield from map(str, named)


def governed(policies: Observation[Policies], view: View, region: str) -> dict[str, frozenset[str]]:
    """Scan type → the accounts in which a policy decides about it in a Region, as far as policies could be read.

    That they could not be, the prerequisites say.
    """
    found: dict[str, frozenset[str]] = {}
    for policy in policies.value if isinstance(policies, Known) else ():
        below = frozenset(
            each.id for each in view.organization.accounts.values() if policy.targets & {each.id, *each.organizational_units}
        )
        for scan_type, regions in policy.decides.items():
            if regions & {region, EVERYWHERE}:
                found[scan_type] = found.get(scan_type, frozenset()) | below
    return found
