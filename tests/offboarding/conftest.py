"""One covered organization for all tests of the way out, each of which gets a copy of it."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import pytest
from leaving import Out, entered_by_role, muted
from losses import keep
from simulated import Simulated, copied
from undone import Told, rolled_out

from runbook_lib.cli.surroundings import entered
from runbook_lib.rehearsal.world import World
from runbook_lib.services.departure import OFF
from runbook_lib.services.registry import by_name


@dataclass(frozen=True)
class Once:
    """The organization, phase by phase, the world in which all of it is covered, and the environment of its making."""

    told: Mapping[str, Told]
    made: Simulated
    world: World
    environment: dict[str, str]


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """Rolled out once for all tests; whoever wants to change a world takes a copy of it."""
    with pytest.MonkeyPatch.context() as patch:
        told = rolled_out(tmp_path_factory.mktemp("rolled-out"), patch)
        made = next(iter(told.values())).change.simulated
        keep(made.front.world)
        return Once(told, made, made.front.world, dict(os.environ))


@pytest.fixture(scope="module")
def everything(made_once: Once) -> Iterator[tuple[Simulated, World]]:
    """The organization; while the tests of a file run, its environment is theirs, and no other file's."""
    with entered(made_once.environment):
        yield made_once.made, made_once.world


@pytest.fixture
def phases(made_once: Once, everything: tuple[Simulated, World]) -> Mapping[str, Told]:
    """Phase → the record of it, and the worlds before and after."""
    return made_once.told


@pytest.fixture(scope="session")
def stations() -> dict[tuple[str, str], World]:
    """Service and level → the world in which every level before it has been done."""
    return {}


@pytest.fixture
def station(out: Callable[[str], Out], stations: dict[tuple[str, str], World]) -> Callable[[str, str], Out]:
    """A service on its way out, with every level before this one done, wherever it can be; each way is gone once."""

    def at(service: str, level: str) -> Out:
        leaving = out(service)
        entered_by_role(leaving)
        levels = by_name()[service].levels
        leaving.allow(levels, OFF)
        for before, each in pairwise(("", *levels[: levels.index(level) + 1])):
            if (service, each) not in stations:
                if before:
                    assert leaving.do(before)[1].ok, before
                stations[service, each] = copied(leaving.world)
            leaving.simulated.front.adopt(copied(stations[service, each]))
        return leaving

    return at


@pytest.fixture
def out(everything: tuple[Simulated, World], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Out]:
    """A service in a copy of the organization, with a folder for its journals."""
    made, world = everything
    made.front.adopt(copied(world))
    folder = tmp_path_factory.mktemp("out")

    def at(service: str) -> Out:
        """Of Security Hub, as it is once its routes are muted."""
        if service == "securityhub":
            muted(made.front.world)
        return Out(Simulated(made.front, made.settings, folder), service)

    return at
