"""Security Hub by cases (tests/services/securityhub/cases/*.yaml): what is observed and wanted → steps, Blockers and reasons."""

from typing import Any

import pytest
from securityhub_fake import Run, World, settings_of
from service_cases import KEYS, compare, load, observed_in
from service_fakes import NAMES, named

from runbook_lib.coverage import Cell, Cells, Gap, Status
from runbook_lib.plan import Scope
from runbook_lib.services.spec import EVALUATING, INTEGRATION


def standing(file: str, case: dict[str, Any]) -> dict[str, Any]:
    """All cases of the files "configuration", "evaluating" and "integration" start where members are enrolled."""
    if file not in ("configuration", "evaluating", "integration"):
        return case
    return {
        **case,
        "settings": {"management_account": False, **case["settings"]},
        "observed": {"members": {"us-east-1": {"alpha": "Enabled", "beta": "Enabled"}}, **case["observed"]},
        "administered": True,
    }


def run(case: dict[str, Any]) -> Run:
    case = {**case, **{key: named(case[key]) for key in ("settings", "rest", "observed", "accounts", "scope") if key in case}}
    observed, settings = observed_in(case, hubs={"us-east-1": [NAMES["delegated"]]}), dict(case["settings"])
    if case.get("administered"):
        settings = {"regions": ["us-east-1"], **settings}
    part: dict[str, Any] = {key: tuple(value) for key, value in case.get("scope", {}).items()}
    scope = Scope(**part)
    accounts = case.get("accounts")
    if accounts:
        accounts = {**{NAMES[name]: "ACTIVE" for name in ("management", "delegated")}, **accounts}
    return Run(World(observed, case.get("partition", "aws")), settings_of(settings, **case.get("rest", {})), scope, accounts)


@pytest.mark.parametrize(
    "case", load("securityhub", KEYS | {"partition", "accounts", "scope", "never_read", "evaluating", "integration"}, standing)
)
def test_case(case: dict[str, Any]) -> None:
    made = run(case)
    compare(case, made)
    if not case["steps"]:
        assert case.get("blockers") or case.get("reasons"), "a case without a step states why"
    compare_blockers(case.get("blockers", []), made)
    if "evaluating" in case:
        assert evaluating(made.cells) == named(case["evaluating"])
    if "integration" in case:
        assert integration(made.cells) == named(case["integration"])
    delegated = [call for call in made.world.calls if NAMES["delegated"] in call]
    assert not [call for call in delegated if call.split()[-1] in case.get("never_read", ())]


def evaluating(cells: Cells) -> dict[str, str]:
    """Account → what its cell about evaluating says, in a word or two; the management account is left out of these cases."""
    found = [cell for cell in cells if cell.aspect == EVALUATING and NAMES["management"] not in cell.accounts]
    for cell in found:
        assert (cell.status in (Status.UNKNOWN, Status.GAP)) == bool(cell.next_step and cell.who) or cell.gap is Gap.TO_DO
    return {account: word_of(cell) for cell in found for account in cell.accounts}


def integration(cells: Cells) -> dict[str, dict[str, str]]:
    """Region → product → account, with what its cell says."""
    found: dict[str, dict[str, str]] = {}
    for cell in cells:
        if cell.aspect == INTEGRATION:
            assert (cell.status in (Status.UNKNOWN, Status.GAP)) == bool(cell.next_step and cell.who) or cell.gap is Gap.TO_DO
            of_product = found.setdefault(f"{cell.region} {cell.item}", {})
            of_product.update(dict.fromkeys(cell.accounts, f"{cell.status}: {cell.code or cell.observed}"))
    return found


def word_of(cell: Cell) -> str:
    if cell.gap:
        return cell.gap.value
    if cell.status is Status.EXCLUDED:
        return f"excluded: {cell.observed}"
    return cell.code or cell.observed or ("not applicable" if cell.in_scope else "not asked for")


def compare_blockers(expected: list[dict[str, Any]], made: Run) -> None:
    """Each expected Blocker is met by one that was made, and none was made beside them."""
    left = sorted(made.blockers, key=lambda blocker: len(blocker.accounts))
    for want in expected:
        fits = [
            blocker
            for blocker in left
            if (blocker.aspect, blocker.region) == (want["aspect"], want["region"])
            and want["reason"] in blocker.reason
            and want.get("next", "") in blocker.next_step
            and ("accounts" not in want or blocker.accounts == frozenset(named(want["accounts"])))
        ]
        assert fits, f"{want} is not among {[(b.aspect, b.region, b.reason, b.next_step) for b in left]}"
        left.remove(fits[0])
        assert fits[0].who
    extra = {(blocker.aspect, blocker.region) for blocker in left} - {(want["aspect"], want["region"]) for want in expected}
    assert not extra, [(blocker.aspect, blocker.region, blocker.reason) for blocker in left]


def test_a_region_not_asked_for_is_read_and_shown_and_never_planned() -> None:
    observed = {
        "registered": ["delegated"],
        "administrators": {"us-east-1": {"delegated": "ENABLED"}, "us-east-2": {"delegated": "ENABLED"}},
        "hubs": {"us-east-1": ["delegated"], "us-east-2": ["delegated"]},
        "members": {"us-east-1": {"alpha": "Enabled", "beta": "Enabled"}, "us-east-2": {"alpha": "Enabled"}},
    }
    made = Run(World(named(observed)), settings_of({"regions": ["us-east-1"], "management_account": False}))
    assert (made.steps, made.blockers) == ([], [])
    there = [cell for cell in made.cells if cell.region == "us-east-2" and cell.aspect == "membership"]
    assert not any(cell.in_scope for cell in there if cell.status is not Status.EXCLUDED)
    assert {cell.gap for cell in there if NAMES["beta"] in cell.accounts} == {Gap.NOT_ASKED_FOR}
    assert {cell.status for cell in there if NAMES["alpha"] in cell.accounts} == {Status.COVERED}


def test_accounts_are_added_in_batches_of_fifty() -> None:
    accounts = {f"{number:012d}": "ACTIVE" for number in range(700000000000, 700000000120)}
    accounts |= {NAMES[name]: "ACTIVE" for name in ("management", "delegated")}
    made = Run(World(), settings_of({"regions": ["us-east-1"]}), accounts=accounts)
    sizes = [len(action.targets) for action in made.actions if action.operation == "CreateMembers"]
    assert sizes == [50, 50, 20, 1]


def test_the_service_missing_from_settings_is_read_and_not_planned() -> None:
    settings = settings_of({}).model_copy(update={"security_hub": None})
    made = Run(World(named({"administrators": {"us-east-1": {"delegated": "ENABLED"}}})), settings)
    assert made.said == []
    assert made.world.calls
