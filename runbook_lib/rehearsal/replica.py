"""A replica: the state of an organization as `runbook inventory` wrote it, put into a simulated world.

What the inventory could not see (hubs and detectors of accounts that are nobody's members, findings, resources) is not there.
States that AWS was working on settle here too.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pydantic import Field, create_model

from runbook_lib.rehearsal.account_sets import Part, Sets
from runbook_lib.rehearsal.simulated import SimulatedService, by_name, simulated
from runbook_lib.rehearsal.world import World


class _Observed(Part):
    """The seed's section `observed`. `sets` are lists of accounts, written once and named wherever they occur."""

    sets: dict[str, tuple[str, ...]] = Field(default={})
    registered: dict[str, tuple[str, ...]] = Field(default={})
    """Service principal → accounts that Organizations holds as its delegated administrators."""
    service_linked_roles: dict[str, tuple[str, ...]] = Field(default={})
    """Account → names of roles."""
    recorders: tuple[str, ...] = ()
    """Regions in which AWS Config records in the delegated account."""
    delegated: str = ""
    """The account that the inventory looked from."""

    def unknown_sets(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Every set that is named and not there, with its keys."""
        for service in by_name():
            for region, found in getattr(self, service).regions.items():
                for keys, accounts in found.lists():
                    if isinstance(accounts, str) and accounts not in self.sets:
                        yield (service, "regions", region, *keys), accounts


def _seen(service: SimulatedService) -> Any:
    seen = service.module("replica").Seen
    return seen, seen()


if TYPE_CHECKING:
    Observed = _Observed
else:
    Observed = create_model(
        "Observed", __base__=_Observed, __doc__=_Observed.__doc__, **{each.name: _seen(each) for each in simulated()}
    )


def put(world: World, found: Observed) -> None:
    """Make a world be what was observed."""
    sets = Sets(found.sets)
    for principal, accounts in found.registered.items():
        world.organization.delegated[principal] = dict.fromkeys(accounts, world.now())
    for account, roles in found.service_linked_roles.items():
        if account in world.organization.accounts:
            world.organization.accounts[account].service_linked_roles |= set(roles)
    if found.delegated in world.organization.accounts:
        world.organization.accounts[found.delegated].config_recorders |= set(found.recorders)
    for each in simulated():
        each.module("replica").put(world, getattr(found, each.name), sets)


__all__ = ["Observed", "put"]
