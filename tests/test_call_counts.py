"""How many calls the first enablement of the seven-account organization takes: exactly, by operation, so that none comes back."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
import twins
from simulated import ENABLING, Simulated, permitted, simulated
from tables import table

from runbook_lib.apply.journal import Journal
from runbook_lib.base.clock import Stop
from runbook_lib.rehearsal.organization import close_account
from runbook_lib.runbook.observer import MOMENT
from runbook_lib.services.registry import by_name

PREREQUISITES: Mapping[str, int] = table(Path(__file__).parent / "cases" / "prerequisites-calls.yaml")
EXPECTED = {"00_prerequisites": PREREQUISITES} | {
    by_name()[service].phase: calls for service, calls in twins.said("runbook", "calls").items()
}
"""Phase → how often each operation is called in it."""


def enabled_at_the_screen(one: Simulated, phase: str) -> None:
    """One notebook, approved at once: what was just observed for its plan serves the first stage."""
    runbook = one.runbook(phase)
    with runbook.access, Journal(one.journal(phase), "test", one.clock) as journal:
        plan = runbook.plan(runbook.observe())
        report = runbook.apply(one.approve(plan), plan, permit=permitted, journal=journal, stop=Stop(), progress=lambda tick: None)
    assert report.ok


def test_as_few_calls_as_the_rules_allow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each read once for the plan and once again before each further stage; each poll as often as a state needs to settle."""
    one = simulated("seven", tmp_path, monkeypatch)
    # One call at a time. With more, members and configuration are read side by side right after Security Hub's designation, and
    # the simulation refuses the new administrator's first calls, whichever they are: where the configuration is among these, its
    # Wait takes one poll more in that Region. Nothing is read twice.
    one.settings = one.settings.model_copy(update={"concurrency": 1})
    made = {}
    for phase in ENABLING:
        before = len(one.front.log.entries)
        enabled_at_the_screen(one, phase)
        made[phase] = Counter(f"{entry.service}:{entry.operation}" for entry in list(one.front.log.entries)[before:])
    assert made == EXPECTED


def test_a_fresh_observation_is_not_used_after_a_call_or_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = simulated("seven", tmp_path, monkeypatch)
    runbook = one.runbook("00_prerequisites")
    with runbook.access, Journal(one.journal("00"), "test", one.clock) as journal:
        plan = runbook.plan(runbook.observe())
        one.clock.sleep(MOMENT)
        before = len(one.front.log.entries)
        report = runbook.apply(one.approve(plan), plan, permit=permitted, journal=journal, stop=Stop(), progress=lambda tick: None)
        assert report.ok
        reads = Counter(entry.operation for entry in list(one.front.log.entries)[before:])
    assert reads["ListAWSServiceAccessForOrganization"] == 1


def test_a_later_look_sees_who_was_suspended_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Organization and service are read side by side, and what is asked of the service is the same whoever is a member."""
    one = simulated("seven", tmp_path, monkeypatch)
    runbook = one.runbook("30_inspector")
    with runbook.access:
        first = runbook.observe()
        member = max(first.population.accounts - {runbook.settings.organization.delegated_account})
        close_account(one.front.world, member, "SUSPENDED")
        before = len(one.front.log.entries)
        second = runbook.observe()
        reads = Counter(entry.operation for entry in list(one.front.log.entries)[before:])
        runbook.observe()
        again = Counter(entry.operation for entry in list(one.front.log.entries)[before:]) - reads
    assert first.population.accounts - second.population.accounts == {member}
    assert (reads["ListDelegatedAdminAccounts"], again["ListDelegatedAdminAccounts"]) == (2, 2)
