"""An organization as it was observed, written as a seed on which `runbook rehearse` rehearses the very same plans.

Reads only. Account names and e-mail addresses are replaced by pseudonyms unless real ones are asked for.
"""

import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML

from runbook_lib.base.observation import Known, Observation
from runbook_lib.base.pseudonyms import Pseudonyms
from runbook_lib.organization import Account, Organization
from runbook_lib.runbook import Runbook, managed
from runbook_lib.runbook.phases import PREREQUISITES
from runbook_lib.services.implementations import service_named
from runbook_lib.services.inventory import Writer
from runbook_lib.services.offers import offered
from runbook_lib.services.organizations.observe import State as Prerequisites
from runbook_lib.services.population import ENABLED
from runbook_lib.services.registry import by_name, specs

BY_POLICY = re.compile(r"(?P<action>[\w-]+:\w+) as \d+ in (?P<region>\S+) .*\bexplicit deny in a service control policy", re.DOTALL)
"""A failed read of the delegated account that a service control policy refused, as an observation words it."""


@dataclass(frozen=True)
class Inventory:
    """The seed, and a sentence for everything that could not be read and so is missing in it."""

    seed: dict[str, Any]
    unread: tuple[str, ...]

    def text(self) -> str:
        """The seed as YAML, with what is missing said first."""
        written = io.StringIO()
        written.write(
            "# An inventory by `runbook inventory`: what was observed of an organization, as a seed for `runbook rehearse`.\n"
        )
        for sentence in self.unread:
            written.write(f"# Not in here: {' '.join(sentence.split())}\n")
        yaml = YAML(typ="safe")
        yaml.default_flow_style = None
        yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
        yaml.width = 120
        yaml.dump(self.seed, written)
        return written.getvalue()


def take(runbook: Runbook, pseudonyms: Pseudonyms | None) -> Inventory:
    """Observe everything that settings manage and write it down; None keeps the real names and e-mail addresses.

    Raises PreconditionsFailed and CallFailed like every observation.
    """
    services = [phase.service for phase in managed(runbook.settings) if phase.enables]
    looks = [service_named(name) for name in (*services, PREREQUISITES.service)]
    organization, seen = runbook.observer.look(looks)
    states = {service.name: each.state for service, each in zip(looks, seen, strict=True)}
    writer = Writer(organization.management_account, organization.delegated_account)
    observed: dict[str, Any] = {
        "delegated": organization.delegated_account,
        "registered": {
            principal: sorted(accounts)
            for principal, listed in organization.delegated_administrators.items()
            if (accounts := writer.known(listed))
        },
        **{name: service_named(name).inventory(states[name], writer) for name in services},
    }
    seed = _organization(organization, writer, pseudonyms)
    _prerequisites(seed, observed, states[PREREQUISITES.service], writer)
    seed["observed"] = {"sets": writer.lists.sets(), **observed}
    unread = tuple(sorted(set(writer.unread)))
    if denied := _denied(unread):
        seed["region_denied"] = denied
    return Inventory(seed, unread)


def _denied(unread: Iterable[str]) -> dict[str, list[str]]:
    """Region → what a service control policy was seen to deny there, so that the replica's plans leave out the same."""
    found: dict[str, set[str]] = {}
    for sentence in unread:
        if seen := BY_POLICY.match(sentence):
            found.setdefault(seen["region"], set()).add(seen["action"])
    return {region: sorted(actions) for region, actions in sorted(found.items())}


def _organization(organization: Organization, writer: Writer, pseudonyms: Pseudonyms | None) -> dict[str, Any]:
    """Who is there. OUs are named by their ids: nothing reads their names."""
    units = {
        unit: path[place - 1]
        for account in organization.accounts.values()
        for path in (account.organizational_units,)
        for place, unit in enumerate(path)
        if place
    }
    roots = sorted({account.organizational_units[0] for account in organization.accounts.values() if account.organizational_units})
    regions = sorted(organization.enabled_regions)
    return {
        "organization": organization.id,
        "root": roots[0] if roots else "r-none",
        "management": organization.management_account,
        "partition": organization.partition,
        "feature_set": organization.feature_set,
        "regions": regions,
        "units": [{"id": unit, "name": unit, "parent": parent} for unit, parent in sorted(units.items())],
        "accounts": [_account(account, pseudonyms) for _, account in sorted(organization.accounts.items())],
        "opt_in": _opt_in(organization, regions),
        "trusted": sorted(writer.known(organization.trusted_access) or ()),
        "unavailable": _unavailable(regions),
    }


def _account(account: Account, pseudonyms: Pseudonyms | None) -> dict[str, Any]:
    parent = account.organizational_units[-1:] if len(account.organizational_units) > 1 else ()
    return {
        "id": account.id,
        "name": pseudonyms.name(account.name) if pseudonyms else account.name,
        "email": pseudonyms.email(account.email) if pseudonyms else account.email,
        "unit": "".join(parent),
        "state": account.state.value,
    }


def _opt_in(organization: Organization, regions: list[str]) -> list[dict[str, Any]]:
    """Where an account is known not to have a Region that another one has."""
    disabled: dict[str, list[str]] = {}
    for account, seen in sorted(organization.regions.items()):
        if not isinstance(seen, Known):
            continue
        for region in regions:
            if seen.value.get(region) not in ENABLED:
                disabled.setdefault(region, []).append(account)
    return [{"region": region, "disabled_in": accounts} for region, accounts in sorted(disabled.items())]


def _unavailable(regions: list[str]) -> dict[str, dict[str, list[str]]]:
    """What Regions do not offer, from the runbook's own table: the replica must refuse it as AWS would."""
    found: dict[str, dict[str, list[str]]] = {}
    for service, feature in sorted((spec.name, feature) for spec in specs() for feature in spec.offers):
        for region in regions:
            if not offered(service, feature, region):
                found.setdefault(service, {}).setdefault(region, []).append(feature)
    return found


def _prerequisites(seed: dict[str, Any], observed: dict[str, Any], state: Prerequisites, writer: Writer) -> None:
    """Service-linked roles, recorders, and Organizations policies (their number is all that a plan depends on)."""
    roles: dict[str, list[str]] = {}
    for (account, role), seen in sorted(state.roles.items()):
        if writer.known(seen):
            roles.setdefault(account, []).append(role)
    observed["service_linked_roles"] = roles
    observed["recorders"] = sorted(region for region, seen in state.recorders.items() if writer.known(seen))
    seed["policies"] = _policies(state.policies, writer)


def _policies(counted: Mapping[str, Observation[int]], writer: Writer) -> list[dict[str, Any]]:
    return [
        {
            "id": f"p-{service}{number}",
            "name": f"{service} {number}",
            "type": by_name()[service].policy_type,
            "content": "{}",
            "targets": [],
        }
        for service, seen in sorted(counted.items())
        for number in range(1, (writer.known(seen) or 0) + 1)
    ]


__all__ = ["Inventory", "Pseudonyms", "take"]
