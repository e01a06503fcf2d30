"""Access whose requests never leave the process."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_aws import MUTATIONS, READS, URL, FakeAws, Make, settings

from runbook_lib.aws.access import Access
from runbook_lib.base.clock import Clock, FakeClock
from runbook_lib.settings import Settings


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only the runner's keys, and no configuration of whoever runs the tests."""
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIARUNNER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL", URL)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


@pytest.fixture
def make(aws: FakeAws) -> Iterator[Make]:
    made: list[Access] = []

    def build(
        chosen: Settings | None = None, clock: Clock | None = None, run: str = "run-1", reads: frozenset[str] = READS
    ) -> Access:
        access = Access(
            chosen or settings(), reads=reads, mutations=MUTATIONS, run=run, clock=clock or FakeClock(), attach=aws.attach
        )
        made.append(access)
        return access

    yield build
    for access in made:
        access.close()
