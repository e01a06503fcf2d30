import pytest
import value_samples as samples

from runbook_lib.plan import Condition, Plan, Step, Wait
from runbook_lib.plan.estimate import SLOW_ANSWER, USUAL_ANSWER, USUAL_WAIT, blast_radius, estimate, reading, span
from runbook_lib.services.implementations import services
from runbook_lib.services.protocol import Service
from runbook_lib.services.registry import by_name


def plan_of(*steps: Step) -> Plan:
    return samples.plan(steps=steps)


def calls(
    number: int, region: str = "us-east-1", lane: str = "", stage: str = "delegated", service: str = "nothing known"
) -> list[Step]:
    return [samples.action("Call", {"N": n}, service=service, region=region, lane=lane, stage=stage) for n in range(number)]


def wait(deadline: int, *after: str, condition: str = "there") -> Wait:
    return Wait(
        "guardduty", "Read", samples.DELEGATED, "us-east-1", Condition(condition), "it is there", deadline, "delegated", after=after
    )


def test_nothing_takes_no_time() -> None:
    nothing = estimate(plan_of())
    assert (nothing.calls, nothing.waits, nothing.usual, nothing.to_plan_for) == (0, 0, 0, 0)


def test_a_rate_limit_holds_calls_back_after_its_burst() -> None:
    guess = estimate(plan_of(*calls(110, service="guardduty")), concurrency=1000)
    assert guess.usual == pytest.approx((110 - 10) / 5)
    assert guess.to_plan_for == pytest.approx(110 / 5)


def test_regions_and_accounts_have_their_own_rates() -> None:
    one = estimate(plan_of(*calls(110, service="guardduty")), concurrency=1000)
    two = estimate(plan_of(*calls(110, service="guardduty"), *calls(110, "us-east-2", service="guardduty")), concurrency=1000)
    assert two.usual == one.usual
    assert two.calls == 2 * one.calls


def test_calls_of_one_lane_follow_each_other() -> None:
    guess = estimate(plan_of(*calls(10, lane="designation")), concurrency=1000)
    assert guess.usual == pytest.approx(10 * USUAL_ANSWER)
    assert guess.to_plan_for == pytest.approx(10 * SLOW_ANSWER)


def test_concurrency_bounds_how_many_run_at_once() -> None:
    assert estimate(plan_of(*calls(16)), concurrency=8).usual == pytest.approx(2 * USUAL_ANSWER)


def test_stages_follow_each_other() -> None:
    guess = estimate(plan_of(*calls(8, stage="management"), *calls(8)), concurrency=8)
    assert guess.usual == pytest.approx(2 * USUAL_ANSWER)


def test_waits_that_follow_each_other_add_up_and_others_do_not() -> None:
    first = wait(300)
    between = samples.action("Call", {}, after=(first.id, "no longer planned"))
    after_first = wait(60, between.id, condition="then")
    guess = estimate(plan_of(after_first, between, first, wait(100, condition="beside")))
    assert guess.to_plan_for == pytest.approx(USUAL_WAIT + 300 + SLOW_ANSWER), "one of them, the worst, lasts until its deadline"
    assert guess.usual == pytest.approx(2 * USUAL_WAIT + USUAL_ANSWER)


def test_the_time_to_plan_for_is_no_multitude_of_the_usual_one() -> None:
    chain = [first := wait(600)]
    for number in range(5):
        chain.append(wait(600, chain[-1].id, condition=f"then {number}"))
    guess = estimate(plan_of(*calls(500, service="guardduty"), *chain))
    assert first in chain
    assert 1 < guess.to_plan_for / guess.usual < 5


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "1 s"), (0.2, "1 s"), (90, "90 s"), (91, "2 min"), (3540, "59 min"), (3600, "1 h"), (4900, "1 h 22 min")],
)
def test_durations_in_words_are_rounded_up(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_the_usual_time_and_the_one_to_plan_for_in_words() -> None:
    assert estimate(plan_of(*calls(1), wait(600))).duration == "usually 31 s (plan for 11 min)"
    assert estimate(plan_of()).duration == "1 s"


def test_reads_take_what_the_busiest_account_and_region_need() -> None:
    guess = reading({"account:ListRegions": [1000, 510], "guardduty:ListMembers": [400, 20]}, concurrency=1000, mode="rehearsal")
    assert guess.calls == 1400
    assert guess.usual == pytest.approx((510 - 10) / 5)
    assert guess.to_plan_for == pytest.approx(510 / 5)


def test_many_reads_wait_for_each_other() -> None:
    guess = reading({"s3:GetObject": [800, 1]}, concurrency=8)
    assert guess.usual == pytest.approx(100 * USUAL_ANSWER)
    assert guess.to_plan_for == pytest.approx(100 * SLOW_ANSWER)
    assert reading({}).usual == 0


EVERYBODY = "all present and future accounts"


@pytest.mark.parametrize(
    ("operations", "words"),
    [
        (["CreateMembers"], "2 accounts, in 1 Region"),
        (["UpdateOrganizationConfiguration"], f"{EVERYBODY}, in 1 Region"),
        (["UpdateOrganizationConfiguration", "CreateMembers"], f"{EVERYBODY} by 1 of 2 calls; the others 2 accounts, in 1 Region"),
        (["EnableOrganizationAdminAccount"], f"{EVERYBODY}, in 1 Region"),
        ([], "0 accounts, in 0 Regions"),
    ],
)
def test_whom_a_plan_reaches(operations: list[str], words: str) -> None:
    two = frozenset({samples.DELEGATED, samples.MANAGEMENT})
    planned = [samples.action(operation, {}, service="guardduty", affects=two) for operation in operations]
    assert blast_radius(plan_of(*planned)) == words


@pytest.mark.parametrize("operation", ["EnableAWSServiceAccess", "RegisterDelegatedAdministrator"])
def test_trusted_access_is_for_everybody(operation: str) -> None:
    assert blast_radius(plan_of(samples.action(operation, {}, service="organizations"))) == f"{EVERYBODY}, global"
    both = [samples.action(operation, {}, service="organizations"), samples.action("CreateMembers", {}, region="us-east-2")]
    assert blast_radius(plan_of(*both)).endswith(", global and in 1 Region")


@pytest.mark.parametrize("service", [each for each in services() if each.name in by_name()], ids=lambda each: each.name)
def test_each_service_names_what_it_calls_for_everybody(service: Service) -> None:
    named = {f"{service.name}:{operation}" for operation in by_name()[service.name].for_everybody}
    assert named
    assert named <= service.mutations
    assert {each for each in service.mutations if each.endswith(":UpdateOrganizationConfiguration")} <= named
