"""Reading coverage back from the JSON file that a run left."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from runbook_lib.base.errors import RunbookError
from runbook_lib.base.own_files import GIB, FileBroken, Text, Whole, data_of, fitting, json_of
from runbook_lib.coverage import Status

LARGEST = GIB


class CoverageBroken(RunbookError):
    """A file of coverage that cannot be read; the message names it."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="allow")


class _Cell(_Part):
    region: Text
    service: Text
    aspect: Text
    item: Text
    status: Status
    gap: Text
    reason: Text
    code: Text
    in_scope: Annotated[bool, Field(strict=True)]
    account_set: Annotated[Whole, Field(ge=0)]


class _Account(_Part):
    id: Text
    name: Text
    state: Text


class _Coverage(_Part):
    """The file, as far as it is read."""

    format: Literal["runbook coverage 1", "runbook coverage 2", "runbook coverage 3", "runbook coverage 4"]
    facts: dict[Text, Text]
    cells: list[_Cell]
    account_sets: list[list[Text]]
    accounts: list[_Account]


_COVERAGE = TypeAdapter(_Coverage)


def read_coverage(path: Path) -> dict[str, Any]:
    """The coverage that a run wrote. Raises CoverageBroken, FileNotFoundError."""
    try:
        data: dict[str, Any] = json_of(data_of(path, LARGEST))
        found = fitting(_COVERAGE, data)
    except FileBroken as broken:
        raise CoverageBroken(f"{path}: {broken}") from None
    places = len(found.account_sets)
    if strange := [cell.account_set for cell in found.cells if cell.account_set >= places]:
        raise CoverageBroken(f"{path}: a cell names the accounts of place {strange[0]}, and there are {places} places")
    return data
