"""From a bare organization to full coverage by the browser: three clicks to open and run a notebook, one per decision.

GuardDuty and Inspector ask three times: what acts on workloads inside accounts is decided apart.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import twins
from lab_server import Lab
from page import NotebookPage, Open

from runbook_lib.runbook.phases import FIRST_LIVE_RUN, NOTEBOOKS, Kind, Phase

GATES = {"organizations": ["management account"], **twins.said("runbook", "decisions")}
"""Service → what is decided in its notebook. What the rehearsal's settings do not ask for runs through and decides nothing."""
# What nobody comes to on the way in is looked at apart.
JOURNEY = [each for each in NOTEBOOKS if each.kind is not Kind.PROCEDURE]


def walk(lab: Lab, at: NotebookPage, seconds: int) -> int:
    """Every phase in order; the number of decisions."""
    decisions = 0
    for phase in JOURNEY:
        before = at.clicks
        at.follow(phase.title, phase.name)
        at.run_all()
        assert at.clicks - before <= 3
        for title in GATES.get(phase.service, []):
            _decide(at, phase, title, seconds)
            decisions += 1
        at.done(seconds)
        if phase.service in ("guardduty", ""):
            for code in ("run.card()", "run.observe()", "run.plan()", "run.verify()")[: 4 if phase.service else 2]:
                at.look(code, f"journey-{phase.name}-{code[4:-2]}")
        left = "left-over" if phase == FIRST_LIVE_RUN else "done"  # what no read settles stays open
        assert lab.latest(phase.name)["run"] == left, at.text()[-2000:]
        assert "NOT verified" not in at.text()
    return decisions


def _decide(at: NotebookPage, phase: Phase, title: str, seconds: int) -> None:
    at.panel(f": {title}", seconds)
    at.page.wait_for_timeout(300)
    at.picture(f"journey-{phase.name}-{title}")
    at.button("Approve").click()
    at.page.wait_for_timeout(700)
    at.picture(f"journey-{phase.name}-{title}-running")


def follow_all(lab: Lab, at: NotebookPage, seconds: int) -> None:
    at.run_all()
    at.done()
    at.picture("journey-start")
    before = at.clicks
    decisions = sum(len(GATES.get(phase.service, [])) for phase in JOURNEY)
    assert decisions == 9
    assert walk(lab, at, seconds) == decisions
    assert at.clicks - before <= 3 * len(JOURNEY) + decisions
    counted = lab.latest("90_coverage")["results"]
    assert (counted["gap"], counted["unknown"]) == (0, 0)
    assert counted["covered"] > 200


def test_journey_of_seven_accounts(lab: Lab, open_page: Open) -> None:
    at = open_page(lab.fresh("start.ipynb", "start"))
    to_the_end(lab, at)


def to_the_end(lab: Lab, at: NotebookPage) -> None:
    follow_all(lab, at, 600)
    at.open("10_security_hub.ipynb")
    saved = at.save(lab.folder / "notebooks" / "10_security_hub.ipynb", "Approved: delegated account")
    assert "widget-view" not in saved


@pytest.fixture
def large(tmp_path_factory: pytest.TempPathFactory, browser: Any) -> Iterator[Lab]:
    started = Lab(tmp_path_factory.mktemp("lab-default"), "default")
    yield started
    started.end()


@pytest.mark.soak
def test_journey_of_the_default_organization(large: Lab, context: Any) -> None:
    at = NotebookPage(context.new_page())
    at.load(large.url("start.ipynb"))
    at.ready()
    to_the_end(large, at)
    at.page.close()
