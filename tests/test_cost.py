"""What a plan may cost: what is counted, what is priced, what is read of trials, and what is said where nothing is known."""

from pathlib import Path
from typing import Any

import pytest
import twins
from simulated import ENABLING, SERVICE_OF, Simulated, simulated

from runbook_lib.aws.errors import CallFailed
from runbook_lib.plan.cost import Charge, Costs, Line, Paid, Trials, costs
from runbook_lib.rehearsal.operations.guardduty.state import GuardDutyState
from runbook_lib.rehearsal.operations.inspector2.state import InspectorState
from runbook_lib.rehearsal.world import Settling
from runbook_lib.services.charges import MOST_READS, read_trials
from runbook_lib.services.registry import by_name
from runbook_lib.settings.prices import PricesSection

EVENTS = Paid("guardduty", "S3_DATA_EVENTS", "data events", 30)
CHARGE = Charge(EVENTS, {"us-east-1": frozenset({"1", "2", "3"}), "us-east-2": frozenset({"1"})})
PRICES = PricesSection.model_validate(
    {"currency": "EUR", "guardduty": {"S3_DATA_EVENTS": {"price": 0.5, "unit": "million events", "quantity": 10}}}
)


def test_places_times_price_times_quantity() -> None:
    found = costs([CHARGE], Trials(), PRICES, ["Config."])
    assert (found.lines[0].accounts, found.lines[0].places, found.lines[0].monthly) == (3, 4, 20.0)
    assert found.words == "20.00 EUR a month after trials, by the prices in settings, for 1 paid feature"
    assert found.not_estimated == ("Config.",)


def test_a_price_that_nobody_gave_is_unknown_and_never_nothing() -> None:
    other = Charge(Paid("inspector", "EC2", "instances", 15), CHARGE.accounts)
    assert costs([other], Trials(), PRICES, []).words == "unknown: no price in settings for any of 1 paid feature"
    assert costs([CHARGE], Trials(), None, []).unknown == ("guardduty S3_DATA_EVENTS",)
    assert costs([CHARGE, other], Trials(), PRICES, []).words.endswith(" for 1 of 2 paid features; 1 not priced")
    assert costs([], Trials(), None, ["Config."]) == Costs()


@pytest.mark.parametrize(
    ("days", "unread", "words"),
    [
        ({}, {}, "30 days expected, not confirmed"),
        ({"1": 12, "2": 30}, {}, "12 to 30 days left in 2 account × Region; 30 days expected in 2, not confirmed"),
        ({"1": 0, "9": 3}, {}, "over in 1; 30 days expected in 3, not confirmed"),
        ({}, {"us-east-1": "Denied", "eu-west-1": "x"}, "30 days expected, not confirmed; could not be read in us-east-1: Denied"),
    ],
)
def test_trials_in_words(days: dict[str, int], unread: dict[str, str], words: str) -> None:
    trials = Trials({("S3_DATA_EVENTS", "us-east-1"): days}, unread)
    assert costs([CHARGE], trials, None, []).lines[0].trial == words


class Alone:
    """A reader whose jobs run one after the other."""

    def parallel(self, jobs: Any) -> list[Any]:
        return [job() for job in jobs]


def test_trials_take_a_few_calls_however_many_accounts_and_an_error_ends_their_region() -> None:
    asked: list[tuple[str, int]] = []

    def read(region: str, accounts: tuple[str, ...]) -> dict[str, dict[str, int]]:
        asked.append((region, len(accounts)))
        if region == "us-east-2":
            raise CallFailed("Denied", "no", service="s", operation="o", account="a", region=region)
        return {"F": dict.fromkeys(accounts, 7)}

    many = frozenset(f"{number:012}" for number in range(10_000))
    found = read_trials({"us-east-1": many, "us-east-2": many}, 50, read, Alone())  # type: ignore[arg-type] # all it uses
    assert asked == [("us-east-1", 50)] * MOST_READS + [("us-east-2", 50)]
    assert len(found.days["F", "us-east-1"]) == 50 * MOST_READS
    assert found.unread == {"us-east-2": "Denied"}


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulated:
    return simulated("seven", tmp_path, monkeypatch)


def planned(made: Simulated, phase: str) -> tuple[Costs, list[str]]:
    """The costs of a phase's plan, and the calls that were made for them."""
    runbook = made.runbook(phase)
    with runbook.access:
        seen = runbook.observe()
        plan = runbook.plan(seen)
        before = len(made.front.log.select())
        found = runbook.costs(seen, plan, runbook.trials(seen, plan))
        return found, [entry.operation for entry in made.front.log.select()[before:]]


def test_a_bare_organization_is_reckoned_without_a_read(made: Simulated) -> None:
    """Every account that is to be a member, the management and the delegated account too, in both Regions, feature by feature."""
    names: dict[str, Line] = {}
    for phase in ENABLING:
        found, calls = planned(made, phase)
        assert not calls
        names |= {line.feature: line for line in found.lines}
    accounts = len(made.runbook("20_guardduty").observe().population.accounts)
    assert {line.accounts for line in names.values()} == {accounts}
    charged = {f"{by_name()[service].section} {feature}" for service, feature in twins.rows("runbook", "charged")}
    assert len(charged) > 3
    assert charged <= set(names)
    assert "guardduty RUNTIME_MONITORING" not in names


def test_everything_on_costs_nothing_more_and_trials_are_read_where_a_member_is_charged_for_one_feature_more(
    made: Simulated,
) -> None:
    """A feature that was on before says how long its trial lasts; one never on says nothing."""
    made.enable()
    assert not any(planned(made, phase)[0].lines for phase in SERVICE_OF)
    world = made.front.world
    inspector, guardduty = world.of(InspectorState), world.of(GuardDutyState)
    members = sorted(guardduty.members["us-east-1"])
    for account in members:
        inspector.of(account, "us-east-1").scans["LAMBDA"] = Settling("DISABLED", "DISABLED", 0)
        guardduty.detectors[account, "us-east-1"].features["S3_DATA_EVENTS"].value = "DISABLED"
    found, calls = planned(made, "30_inspector")
    assert calls == ["BatchGetFreeTrialInfo"]
    assert [line.feature for line in found.lines] == ["inspector LAMBDA"]
    assert found.lines[0].trial.endswith(f"days left in {len(members)} account × Region")
    found, calls = planned(made, "20_guardduty")
    assert calls == ["GetRemainingFreeTrialDays"]
    assert [(line.feature, line.trial) for line in found.lines] == [("guardduty S3_DATA_EVENTS", "30 days expected, not confirmed")]


@pytest.mark.parametrize(("seed", "accounts"), [("no-config", True), ("seven", False)])
def test_what_aws_config_would_cost_is_priced_where_its_recording_is_still_to_be_turned_on(
    seed: str, accounts: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = simulated(seed, tmp_path, monkeypatch)
    one = {"price": 0.003, "unit": "item", "quantity": 1000}
    prices = {"currency": "USD", "security_hub": {"CONFIG_ITEMS": one}}
    made.settings = made.settings.model_copy(update={"prices": PricesSection.model_validate(prices)})
    lines = {line.feature: line for line in planned(made, "10_security_hub")[0].lines}
    if not accounts:
        assert "security_hub CONFIG_ITEMS" not in lines
        return
    line = lines["security_hub CONFIG_ITEMS"]
    assert line.accounts > 50
    assert line.monthly == pytest.approx(3 * line.places)
