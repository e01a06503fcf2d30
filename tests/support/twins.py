"""What each service's own folder of tests says for tests that all services share: one table of such a test, one key of a file.

`tests/services/<service>/<file>.yaml` holds the service's rows, by the name of the table. So a further service adds its rows in
its own folder, and a shared test says only what holds for all of them.
"""

from collections.abc import Iterator
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from tables import table

from runbook_lib.services.registry import by_name

SERVICES = Path(__file__).parents[1] / "services"


def said(file: str, table: str) -> dict[str, Any]:
    """Service → what its folder says in a table of a file, in the order of the runbook; who says nothing is left out."""
    return {service: here[table] for service in by_name() if table in (here := _read(service, file))}


def rows(file: str, table: str) -> Iterator[tuple[str, Any]]:
    """(service, row) of every service that says any, in the order of the runbook."""
    return ((service, row) for service, listed in said(file, table).items() for row in listed)


@cache
def _read(service: str, file: str) -> dict[str, Any]:
    path = SERVICES / service / f"{file}.yaml"
    found: dict[str, Any] = table(path) if path.exists() else {}
    return found


def has(service: str, name: str) -> bool:
    """Whether a service's folder has such a module."""
    return (SERVICES / service / f"{service}_{name}.py").exists()


@cache
def module(service: str, name: str) -> ModuleType:
    """A module of Python in a service's folder of tests, `<service>_<name>.py`."""
    called = f"{service}_{name}"
    found = spec_from_file_location(called, SERVICES / service / f"{called}.py")
    assert found is not None
    assert found.loader is not None
    made = module_from_spec(found)
    found.loader.exec_module(made)
    return made
