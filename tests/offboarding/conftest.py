"""One covered organization for all tests of the way out, each of which gets a copy of it."""

import os
from collections.abc import Callable, Iterator

import pytest
from leaving import Out, covered, muted
from simulated import Simulated, copied

from runbook_lib.cli.surroundings import entered
from runbook_lib.rehearsal.world import World


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Simulated, World, dict[str, str]]:
    """The organization, and the environment in which it was covered."""
    with pytest.MonkeyPatch.context() as patch:
        made = covered(tmp_path_factory.mktemp("covered"), patch)
        return made, made.front.world, dict(os.environ)


@pytest.fixture(scope="module")
def everything(made_once: tuple[Simulated, World, dict[str, str]]) -> Iterator[tuple[Simulated, World]]:
    """The organization; while the tests of a file run, its environment is theirs, and no other file's."""
    made, world, environment = made_once
    with entered(environment):
        yield made, world


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
