import functools
from collections.abc import Iterator
from pathlib import Path

import bucket_rig as rigs
import pytest
from bucket_rig import Rig

from runbook_lib.evidence import run_folder, versions

known = functools.cache(versions.versions)


@pytest.fixture(autouse=True)
def _versions_are_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Git and the list of packages take half a second, and every test makes many runs."""
    monkeypatch.setattr(run_folder, "versions", known)


@pytest.fixture
def no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of this machine's AWS configuration is used."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def s3(no_credentials: None) -> Iterator[Rig]:
    """A simulated bucket with Object Lock."""
    with rigs.rig() as rig:
        yield rig
