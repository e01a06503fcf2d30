"""What an operator reads while calls are made and when they are done: a sentence first, one line per call, Regions on demand."""

from pathlib import Path

import pytest
from simulated import Simulated, simulated

from runbook_lib.apply.report import Final, Result, StageReport, StepReport, Tick
from runbook_lib.display import sections
from runbook_lib.display.notes import Folded
from runbook_lib.display.tables import Shown
from runbook_lib.notebook.screen import Latest
from runbook_lib.plan import Action, Wait
from runbook_lib.runbook import ApplyReport

PHASE = "10_security_hub"


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulated:
    made = simulated("seven", tmp_path, monkeypatch)
    made.enable(["00_prerequisites"])
    return made


def captions(report: ApplyReport) -> list[str]:
    return [part.caption if isinstance(part, Shown) else part.summary for part in sections.applied(report).parts
            if isinstance(part, Shown | Folded)]  # fmt: skip


def test_a_sentence_then_one_line_per_call_and_regions_folded(there: Simulated) -> None:
    plan, ticks = there.plan(PHASE), list[Tick]()
    before = len(there.front.log.select(mutating="True"))
    report = there.apply(PHASE, plan, there.approve(plan), progress=ticks.append)
    called = len(there.front.log.select(mutating="True")) - before
    shown = sections.applied(report)
    assert shown.parts[0] == f"{report.counted['applied']} changes in {called} API calls, none failed."
    table = shown.parts[1]
    assert isinstance(table, Shown)
    assert table.caption == "Result by step"
    assert sorted(table.frame["call"]) == sorted({f"{action.service}:{action.operation}" for action in plan.actions})
    assert table.frame["applied"].sum() == report.counted["applied"]
    last = shown.parts[-1]
    assert isinstance(last, Folded)
    assert last.summary.startswith("By Region")
    again = there.apply(PHASE, plan, there.approve(plan))
    assert sections.outcome_words(again).startswith("No API call was made, ")
    done = [tick.done for tick in ticks]
    assert done == sorted(done), "the bar never goes back, whatever the stage"
    assert {tick.total for tick in ticks} == {len(plan.steps)}
    assert done[-1] == len(plan.steps)


def test_failures_are_open_and_come_before_what_went_well(there: Simulated) -> None:
    plan = there.plan(PHASE)
    first, second = plan.actions[:2]
    wait = next(step for step in plan.steps if isinstance(step, Wait))

    def became(step: Action | Wait, final: Final, attempts: int) -> StepReport:
        return StepReport(step, (Result(step.account, final, "AccessDenied" if not final.good else ""),), attempts)

    steps = (became(first, Final.APPLIED, 2), became(second, Final.FAILED, 1), became(wait, Final.FAILED, 3))
    report = ApplyReport(stages=[("management", StageReport("management", steps))])
    assert sections.outcome_words(report) == "1 change in 2 API calls, 1 failed, 1 state waited for did not settle."
    assert captions(report) == ["Not successful", "Result by step", "By Region, with waits (3 lines)"]
    none = (became(first, Final.NOT_ATTEMPTED, 0),)
    left = ApplyReport(stages=[("management", StageReport("management", none))], refused=("a new Blocker",))
    assert sections.outcome_words(left) == "No API call was made, 1 not attempted."


def test_time_left_is_that_of_what_is_shown_as_done(there: Simulated) -> None:
    latest = Latest(there.clock)
    latest.put(Tick(10, 30, "guardduty", "CreateMembers", "us-east-1", 0, 0, 1.0))
    assert latest.left(latest.tick) is None, "what needed no call says nothing of how long calls take"
    assert "time left not known yet" in sections.running(latest.tick, None)
    there.clock.sleep(10)
    latest.put(Tick(20, 30, "guardduty", "CreateMembers", "us-east-1", 2, 0, 1.0))
    assert latest.left(latest.tick) == pytest.approx(10)
    said = sections.running(latest.tick, latest.left(latest.tick))
    assert said == "20 of 30 steps done, about 10 s left, guardduty:CreateMembers us-east-1, 2 failed."
    over = Tick(30, 30, "", "", "", 0, 0, 1.0)
    assert sections.running(over, latest.left(over)) == "30 of 30 steps done."
