import functools

import pytest

from runbook_lib.evidence import run_folder, versions

known = functools.cache(versions.versions)


@pytest.fixture(autouse=True)
def _versions_are_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Git and the list of packages take half a second, and every test makes many runs."""
    monkeypatch.setattr(run_folder, "versions", known)
