"""One covered organization for all tests of the way out, each of which gets a copy of it."""

from collections.abc import Callable, Iterator

import pytest
from leaving import Out, covered
from simulated import Simulated, copied

from runbook_lib.rehearsal.world import World


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Simulated, World]]:
    with pytest.MonkeyPatch.context() as patch:
        made = covered(tmp_path_factory.mktemp("covered"), patch)
        yield made, made.front.world


@pytest.fixture
def out(everything: tuple[Simulated, World], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Out]:
    """A service in a copy of the organization, with a folder for its journals."""
    made, world = everything
    made.front.adopt(copied(world))
    folder = tmp_path_factory.mktemp("out")
    return lambda service: Out(Simulated(made.front, made.settings, folder), service)
