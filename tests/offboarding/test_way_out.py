"""`runbook offboard SERVICE` without a level: it only reads, and names what stands in the way and what is lost."""

from collections.abc import Callable
from pathlib import Path

import pytest
from leaving import ACCOUNTS, REGIONS, SERVICES, Out
from ruamel.yaml import YAML

from runbook_lib.plan import Scope
from runbook_lib.rehearsal.operations.inspector2.state import Member, state_of
from runbook_lib.rehearsal.world import settled
from runbook_lib.runbook.way_out import WayOut, as_data, lines
from runbook_lib.services.departure import LEVELS
from runbook_lib.services.departures import NoSuchService, departure_of, service_called
from runbook_lib.services.registry import by_name

CASES = {service: YAML(typ="safe").load(Path(__file__).parents[1] / "services" / service / "way_out.yaml") for service in SERVICES}
Service = Callable[[str], Out]


@pytest.mark.parametrize("service", SERVICES)
def test_it_shows_every_level_with_each_loss_as_it_is_typed_and_calls_nothing(out: Service, service: str) -> None:
    leaving = out(service)
    before = len(leaving.simulated.mutating())
    way = leaving.look()
    assert len(leaving.simulated.mutating()) == before
    assert {level.name: level.stands for level in way.levels} == CASES[service]["stands"]
    assert not way.unread
    assert way.left
    each_loss_is_named_with_its_accounts_and_what_has_to_be_typed(service, way)


def each_loss_is_named_with_its_accounts_and_what_has_to_be_typed(service: str, way: WayOut) -> None:
    named = {level.name: {loss.words: loss.typed for loss in level.losses} for level in way.levels}
    assert named == CASES[service]["losses"]
    text = "\n".join(lines(way))
    for level in way.levels:
        assert level.back or not level.losses or level.name == "delegation"
        for loss in level.losses:
            assert f"lost{' FOR GOOD' if loss.for_good else ''}: {loss.words}" in text


@pytest.mark.parametrize("service", SERVICES)
def test_a_level_is_one_of_the_known_ones_and_the_order_is_the_services_own(service: str) -> None:
    names = [level.name for level in departure_of(service).levels]
    assert set(names) <= set(LEVELS)
    assert tuple(names) == by_name()[service].levels
    assert names[-2:] == ["delegation", "trusted-access"]
    if "dissociate" in names:
        assert ("switch-off", "dissociate").index(CASES[service]["first"]) == (
            names.index("dissociate") < names.index("switch-off")
        )


def test_a_part_is_looked_at_and_the_other_region_is_said_to_be_left_out(out: Service) -> None:
    way = out("inspector2").look(Scope(("us-east-2",)))
    shown = {cell.region for level in way.levels for cell in level.cells}
    assert shown == {"us-east-2", "global"}
    assert any(each.startswith("us-east-1 was not asked about") for each in way.stays)


def test_what_is_not_ours_is_named(out: Service) -> None:
    way = out("inspector2").look()
    (stays,) = [each for each in way.stays if "stays the delegated administrator of" in each]
    principals = {name: spec.designation.principal for name, spec in by_name().items() if spec.designation}
    assert {name for name, principal in principals.items() if principal in stays} == set(SERVICES) - {"inspector2"}


def test_an_account_that_is_not_of_the_organization_is_never_to_be_dissociated(out: Service) -> None:
    leaving = out("inspector2")
    leaving.world.variants["suspended members"] = "unchanged"
    state_of(leaving.world).members_of("us-east-1")["999999999999"] = Member(
        "999999999999", settled("ENABLED"), leaving.world.now()
    )
    level = next(each for each in leaving.look().levels if each.name == "dissociate")
    assert level.stands == "to do in part"
    assert [cell.next_step for cell in level.cells if "999999999999" in cell.accounts and cell.gap] == [
        "Find out whose account it is and end its membership by hand: it is not an account of this organization."
    ]


def test_a_read_that_fails_is_unknown_and_never_taken_for_gone(out: Service) -> None:
    leaving = out("inspector2")
    leaving.simulated.front.control.deny("222222222222", "RunbookDelegated", "inspector2:ListMembers")
    way = leaving.look()
    assert {level.name: level.stands for level in way.levels}["dissociate"] == "not known"


def test_the_data_has_every_account_written_out(out: Service) -> None:
    data = as_data(out("inspector2").look())
    levels = {each["level"]: each for each in data["levels"]}  # type: ignore[attr-defined]
    accounts = {account for cell in levels["dissociate"]["cells"] for account in cell["accounts"]}
    assert len(accounts) == ACCOUNTS - 2, "the delegated account is no member, and one is suspended"
    assert {cell["region"] for cell in levels["dissociate"]["cells"]} == set(REGIONS)


@pytest.mark.parametrize("name", ["inspector2", "inspector", "Inspector", "Amazon Inspector"])
def test_a_service_is_known_by_each_of_its_names(name: str) -> None:
    assert service_called(name) == "inspector2"


def test_an_unknown_service_is_refused_with_the_known_ones() -> None:
    with pytest.raises(NoSuchService, match=f"detective: no service is called so; name one of {SERVICES[0]}, "):
        service_called("detective")
