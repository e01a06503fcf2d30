"""A replica: the state of an organization as `runbook inventory` wrote it, put into a simulated world.

What the inventory could not see (hubs and detectors of accounts that are nobody's members, findings, resources) is not there.
States that AWS was working on settle here too.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from runbook_lib.rehearsal.replica import guardduty, inspector2, securityhub
from runbook_lib.rehearsal.replica.sets import Sets
from runbook_lib.rehearsal.world import World

SERVICES = {"securityhub": securityhub.put, "guardduty": guardduty.put, "inspector2": inspector2.put}


class Observed(BaseModel):
    """The seed's section `observed`. `sets` are lists of accounts, written once and named wherever they occur."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sets: dict[str, list[str]] = {}
    registered: dict[str, list[str]] = {}
    """Service principal → accounts that Organizations holds as its delegated administrators."""
    service_linked_roles: dict[str, list[str]] = {}
    """Account → names of roles."""
    recorders: list[str] = []
    """Regions in which AWS Config records in the delegated account."""
    delegated: str = ""
    """The account that the inventory looked from."""
    securityhub: dict[str, Any] = {}
    guardduty: dict[str, Any] = {}
    inspector2: dict[str, Any] = {}


def put(world: World, observed: Mapping[str, Any]) -> None:
    """Make a world be what was observed. `ValueError` for what is no inventory."""
    found = Observed.model_validate(observed)
    sets = Sets(found.sets)
    for principal, accounts in found.registered.items():
        world.organization.delegated[principal] = dict.fromkeys(accounts, world.now())
    for account, roles in found.service_linked_roles.items():
        if account in world.organization.accounts:
            world.organization.accounts[account].service_linked_roles |= set(roles)
    if found.delegated in world.organization.accounts:
        world.organization.accounts[found.delegated].config_recorders |= set(found.recorders)
    for service, act in SERVICES.items():
        act(world, getattr(found, service), sets)


__all__ = ["Observed", "put"]
