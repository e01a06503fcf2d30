"""Cases of one service as data (tests/services/<service>/cases/*.yaml): reading them, and comparing a run with what they say."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pytest
from service_fakes import NAMES, Run, named, told
from tables import table

from runbook_lib.plan import Action, BackOut, plain
from runbook_lib.services.protocol import Service

SERVICES = Path(__file__).parents[1] / "services"
KEYS = frozenset({"name", "settings", "rest", "administered", "observed", "steps", "parameters", "blockers", "reasons"})
Case = dict[str, Any]


def as_written(file: str, case: Case) -> Case:
    """A case that needs nothing that its whole file has in common."""
    return case


def load(service: str, keys: Collection[str] = KEYS, prepare: Callable[[str, Case], Case] = as_written) -> list[Any]:
    """Every case as a parameter of a test; `prepare` gets the name of its file too. A key nobody knows is an error."""
    found = []
    for path in sorted((SERVICES / service / "cases").glob("*.yaml")):
        for case in table(path):
            assert set(case) <= set(keys), f"unknown keys in {path.name}: {set(case) - set(keys)}"
            found.append(pytest.param(prepare(path.stem, case), id=f"{path.stem}: {case['name']}"))
    return found


def observed_in(case: Case, **standing: Any) -> dict[str, Any]:
    """What a case observes; where it says that all is administered, beside the designation and what else is `standing` then."""
    observed: dict[str, Any] = named(case["observed"])
    if not case.get("administered"):
        return observed
    designation = {"registered": [NAMES["delegated"]], "administrators": {"us-east-1": {NAMES["delegated"]: "ENABLED"}}}
    return {**designation, **standing, **observed}


def compare(case: Case, made: Run) -> None:
    """The steps are those of the case; reasons, and parameters where the case names them, too."""
    assert [told(step) for step in made.steps] == case["steps"]
    for reason in case.get("reasons", []):
        assert any(reason in said.reason for said in made.no_changes), reason
    if "parameters" in case:
        assert [plain(action.parameters) for action in made.actions] == case["parameters"]


def compare_blockers(case: Case, made: Run) -> None:
    """Every reason of the case is some Blocker's; there is no Blocker where the case has none."""
    wanted = case.get("blockers", [])
    assert bool(wanted) == bool(made.blockers), made.blockers
    for reason in wanted:
        assert any(reason in blocker.reason for blocker in made.blockers), made.blockers


def called(service: str, operation: str, *targets: str) -> Action:
    """A call of the delegated account, for what its answers mean."""
    return Action(
        service, operation, NAMES["delegated"], "us-east-1", {}, "reason", frozenset(targets), "before", "after",
        BackOut("why"), "delegated", targets=targets,
    )  # fmt: skip


def reads_and_only_raises(service: Service) -> None:
    """No read is a mutation, and no mutation takes anything away."""
    words = ("Delete", "Disable", "Disassociate", "Deregister", "Stop")
    assert not [name for name in service.mutations if name.partition(":")[2].startswith(words)]
    assert not service.reads & service.mutations
