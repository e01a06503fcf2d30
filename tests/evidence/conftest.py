from collections.abc import Iterator
from pathlib import Path

import bucket_rig as rigs
import pytest
from bucket_rig import Rig
from tampering import kept, pristine

__all__ = ["kept", "no_credentials", "pristine", "s3"]


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
