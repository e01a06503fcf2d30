"""What the server saw: pages, batches, throttles, polls and refusals of the default organization, and sessions that expire."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import twins
from simulated import ASKED, ENABLING, Simulated, home, open_cells, settings_for, simulated

from runbook_lib.rehearsal.app import build_app
from runbook_lib.rehearsal.environment import environment
from runbook_lib.rehearsal.log import Entry
from runbook_lib.rehearsal.server import serve
from runbook_lib.rehearsal.world import Settling

SERVICES = tuple(ASKED.sections())
DELEGATED = "222222222222"
SPEED = 60


@dataclass
class Seen:
    """The default organization from the first plan to the last look: the server's log, and every asynchronous state there was."""

    made: Simulated
    entries: list[Entry]
    settled: list[tuple[int, Settling]]
    """Polls that a state asked for when it was made, and the state as it is at the end."""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    with pytest.MonkeyPatch.context() as patch:
        made = simulated("default", tmp_path_factory.mktemp("traffic"), patch)
        settled: list[tuple[int, Settling]] = []
        inner = made.front.world.settling

        def settling(*arguments: Any, **named: Any) -> Settling:
            state = inner(*arguments, **named)
            settled.append((state.left, state))
            return state

        patch.setattr(made.front.world, "settling", settling)
        made.enable()
        assert open_cells(made.cells()) == []
        yield Seen(made, list(made.front.log.entries), settled)


def of(seen: Seen, service: str) -> list[Entry]:
    return [entry for entry in seen.entries if entry.service == service]


def test_every_asynchronous_state_needed_two_polls_and_got_them(seen: Seen) -> None:
    """Nobody looks at what settings do not manage (standards inside members, say); whatever was looked at was waited for."""
    looked_at = [(polls, state) for polls, state in seen.settled if state.left < polls]
    assert len(looked_at) > 300
    assert {polls >= 2 for polls, _ in looked_at} == {True}
    assert {state.left for _, state in looked_at} == {0}


@pytest.mark.parametrize("service", SERVICES)
def test_the_delegated_account_was_refused_after_it_had_been_designated(seen: Seen, service: str) -> None:
    """An administrator list names it already, its own calls still fail: a run that takes the first for enough stops there."""
    designated: dict[str, int] = {}
    refused: Counter[str] = Counter()
    for number, entry in enumerate(of(seen, service)):
        if entry.operation in ("EnableOrganizationAdminAccount", "EnableDelegatedAdminAccount") and entry.status == 200:
            designated.setdefault(entry.region, number)
        elif entry.account == DELEGATED and entry.region in designated and entry.status >= 400 and not entry.throttled:
            refused[entry.region] += 1
    assert designated
    assert refused


@pytest.mark.parametrize("service", [*SERVICES, "organizations", "account"])
def test_a_request_was_throttled_and_made_again(seen: Seen, service: str) -> None:
    throttled = {(entry.operation, entry.account, entry.region) for entry in of(seen, service) if entry.throttled}
    done = {(entry.operation, entry.account, entry.region) for entry in of(seen, service) if entry.status == 200}
    assert throttled
    assert throttled <= done


@pytest.mark.parametrize(
    ("service", "operation"),
    [
        ("organizations", "ListAccounts"),
        *((service, "ListMembers") for service in SERVICES),
    ],
)
def test_a_list_was_longer_than_a_page(seen: Seen, service: str, operation: str) -> None:
    assert [entry for entry in of(seen, service) if entry.operation == operation and entry.more]


@pytest.mark.parametrize(
    ("service", "operation", "largest"),
    [(service, *row) for service, row in twins.rows("runbook", "full batches")],
)
def test_a_batch_was_full_and_none_was_larger(seen: Seen, service: str, operation: str, largest: int) -> None:
    assert max(entry.items for entry in of(seen, service) if entry.operation == operation) == largest


def test_inspector_associates_one_account_a_call_and_enables_a_hundred_at_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixty accounts do not fill a batch of a hundred; 120 in one Region do."""
    made = simulated("seven", tmp_path, monkeypatch, accounts=120, regions=["us-east-1"])
    assert made.settings.limits is not None
    assert made.settings.limits.accounts >= 120
    made.enable()
    calls = made.front.log.select(service="inspector2", status="200")
    assert sum(entry.operation == "AssociateMember" for entry in calls) == 118
    assert max(entry.items for entry in calls if entry.operation == "Enable") == 100
    assert max(entry.items for entry in calls if entry.operation == "BatchGetAccountStatus") == 100
    assert open_cells(made.cells()) == []


def test_sessions_of_900_seconds_are_renewed_on_a_clock_60_times_as_fast(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over real sockets. The runner's clock goes at its own pace, so it learns of an expired session by being refused."""
    front = build_app("default", moto=False, speed=SPEED)
    with serve(front) as url:
        for name, value in environment(tmp_path, url, home(front), {}).items():
            monkeypatch.setenv(name, value)
        settings = settings_for(front)
        access = settings.access
        short = {door: getattr(access, door).model_copy(update={"session_seconds": 900}) for door in ("management", "delegated")}
        settings = settings.model_copy(update={"access": access.model_copy(update=short)})
        made = Simulated(front, settings, tmp_path, attach=lambda session: session)
        made.clock.hook = lambda seconds: front.world.skip(seconds * SPEED)
        applied = made.enable()
        assert [each.report.ok for each in applied] == [True] * len(ENABLING)
        assert open_cells(made.cells()) == []
    expired = [entry for entry in front.log.entries if entry.code in ("ExpiredToken", "ExpiredTokenException")]
    assert expired
    assert {entry.attempt for entry in expired if entry.mutating} <= {1}
    intents = Counter(line["invocation"] for line in made.journaled("intent"))
    assert set(intents.values()) == {1}
