"""An account that refuses stops nobody else where a level acts on members; where it is about the organization, a refusal stops it.

The simulated AWS refuses as each operation does: a row in an answer with status 200, or an error where a call is about one account.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from leaving import REGIONS, SERVICES, Out
from losses import facts, lost
from ruamel.yaml import YAML

from runbook_lib.apply.report import Final
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.registry import HANDLERS, Call
from runbook_lib.services.registry import by_name
from runbook_lib.services.response.names import HUB

Station = Callable[[str, str], Out]
HERE, ROOT = REGIONS[0], Path(__file__).parents[1] / "services"
SAID = "is refused in this test"


CASES = {service: YAML(typ="safe").load((ROOT / service / "way_out.yaml").read_text(encoding="utf-8")) for service in SERVICES}
ON_MEMBERS = [(service, level) for service in SERVICES for level in CASES[service]["refuses"]]
GLOBALLY = {"delegation": "DeregisterDelegatedAdministrator", "trusted-access": "DisableAWSServiceAccess"}


def refuse(patch: pytest.MonkeyPatch, service: str, how: Mapping[str, Any], account: str) -> None:
    """One account refuses in one Region; the others are served."""
    inner, key = HANDLERS[service, how["operation"]], how.get("listed", "")

    def listed(call: Call, **given: Any) -> Any:
        rest = [each for each in given[key] if call.region != HERE or each != account]
        answer: dict[str, Any] = (inner(call, **{**given, key: rest}) or {}) if rest else {}
        if len(rest) == len(given[key]):
            return answer
        row = {how["of"]: account, **{name: SAID if words == "WORDS" else words for name, words in how["row"].items()}}
        return {**answer, how["list"]: [*answer.get(how["list"], ()), row]}

    def one(call: Call, **given: Any) -> Any:
        if call.region == HERE and given.get(how.get("named", ""), call.account) == account:
            raise ApiError("ValidationException" if "named" in how else "InvalidInputException", SAID)
        return inner(call, **given)

    patch.setitem(HANDLERS, (service, how["operation"]), listed if key else one)


def refuse_call(patch: pytest.MonkeyPatch, service: str, operation: str) -> list[str]:
    """The first call is refused, wherever it is; where each was made."""
    inner, seen = HANDLERS[service, operation], list[str]()

    def first(call: Call, **given: Any) -> Any:
        seen.append(call.region)
        if len(set(seen)) == 1:
            raise ApiError("AccessDeniedException", SAID, 403)
        return inner(call, **given)

    patch.setitem(HANDLERS, (service, operation), first)
    return seen


@pytest.mark.parametrize(("service", "level"), ON_MEMBERS)
def test_an_account_that_refuses_is_left_alone_and_named_and_the_others_are_done(
    station: Station, service: str, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaving = station(service, level)
    plan, before, how = leaving.plan(level), facts(leaving.world, service), CASES[service]["refuses"][level]
    acted = [each for each in plan.actions if each.operation == how["operation"]]
    account = sorted({target for each in acted for target in each.targets or (each.account,)} - {"222222222222"})[1]
    with monkeypatch.context() as patch:
        refuse(patch, service, how, account)
        report = leaving.apply(level, plan)
    assert not report.ok
    assert report.refused == ()
    problems = {
        (result.account or step.account, step.region)
        for _, stage in report.stages for step, result in stage.problems if result.final is Final.FAILED
    }  # fmt: skip
    assert {each for each in problems if each[0] == account} == {(account, HERE)}, "named, in the Region in which it refused"
    fact = "watched" if level == "dissociate" else "on"
    whole = {(target, each.region) for each in acted for target in each.targets or (each.account,)}
    gone = lost(before, facts(leaving.world, service))[fact]
    assert gone == (whole & before[fact]) - {(account, HERE)}, "all others, in both Regions"
    rest = leaving.plan(level)
    assert {(target, each.region) for each in rest.actions for target in each.targets or (each.account,)} == {(account, HERE)}
    assert leaving.apply(level, rest).ok
    assert leaving.plan(level).actions == ()


def test_a_call_that_tells_nothing_of_single_accounts_is_refused_for_all_of_its_region_and_the_other_one_is_done(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Security Hub's DisassociateMembers has no output."""
    leaving = station(HUB, "dissociate")
    plan, before = leaving.plan("dissociate"), facts(leaving.world, HUB)
    with monkeypatch.context() as patch:
        asked = refuse_call(patch, HUB, "DisassociateMembers")
        report = leaving.apply("dissociate", plan)
    assert not report.ok
    assert set(asked) == set(REGIONS)
    gone = lost(before, facts(leaving.world, HUB))["watched"]
    assert gone == {each for each in before["watched"] if each[1] != asked[0]}
    assert {each.region for each in leaving.plan("dissociate").actions} == {asked[0]}


@pytest.mark.parametrize("service", [each for each in SERVICES if "administrator" in by_name()[each].levels])
def test_a_refused_region_stops_those_after_it(station: Station, service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    leaving = station(service, "administrator")
    plan, before = leaving.plan("administrator"), facts(leaving.world, service)
    assert len(plan.actions) == len(REGIONS)
    with monkeypatch.context() as patch:
        asked = refuse_call(patch, service, plan.actions[0].operation)
        report = leaving.apply("administrator", plan)
    assert not report.ok
    assert set(asked) == {plan.actions[0].region}
    assert facts(leaving.world, service) == before
    assert leaving.apply("administrator", plan).ok


@pytest.mark.parametrize("level", GLOBALLY)
def test_a_refusal_about_the_organization_stops_the_level(station: Station, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """GuardDuty has two principals that are trusted: the second is not asked for when the first is refused."""
    leaving = station("guardduty", level)
    plan, before = leaving.plan(level), facts(leaving.world, "guardduty")
    assert len(plan.actions) == (2 if level == "trusted-access" else 1)
    with monkeypatch.context() as patch:
        inner, principals = HANDLERS["organizations", GLOBALLY[level]], list[str]()

        def refusing(call: Call, **given: Any) -> Any:
            principals.append(given["ServicePrincipal"])
            if principals[0] == given["ServicePrincipal"]:
                raise ApiError("AccessDeniedException", SAID, 403)
            return inner(call, **given)

        patch.setitem(HANDLERS, ("organizations", GLOBALLY[level]), refusing)
        report = leaving.apply(level, plan)
    assert not report.ok
    assert set(principals) == {plan.actions[0].parameters["ServicePrincipal"]}
    assert facts(leaving.world, "guardduty") == before
    assert leaving.apply(level, plan).ok
