"""One wheel, and one environment with it, for all tests here."""

from pathlib import Path

import installed_wheel
import pytest
from installed_wheel import Installed


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed_wheel.build(tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    return installed_wheel.install(wheel, tmp_path_factory.mktemp("installed") / "environment")
