"""Waves: what settings mean by them, what is refused, and a roll-out wave by wave on the simulated organization."""

from pathlib import Path
from typing import Any

import pytest
from simulated import ENABLING, Simulated, open_cells, simulated
from test_scope import DELEGATED, MANAGEMENT, MEMBER, ORGANIZATION, OTHER, PROD, SECURITY, SUSPENDED, WORK, settings

from runbook_lib.base.documents import dotted
from runbook_lib.plan import Scope
from runbook_lib.services.remarks import PreconditionsFailed
from runbook_lib.services.waves import UnknownWave, waiting_waves, wave_named, wave_objections, wave_of, wave_words, waves
from runbook_lib.settings import Settings, settings_digest
from runbook_lib.settings.wave import WaveSection

SERVICES = ENABLING[1:]
CANARY = "ou-reh1-platform1"
AUTOMATION = "333333333333"
NEAR = ("111111111111", "444444444444")
HERE, THERE = {"regions": ["us-east-1"]}, {"regions": ["us-east-2"]}
BEYOND = {"UpdateOrganizationConfiguration", "CreateFindingAggregator", "UpdateConfiguration"}
"""Calls whose effect is not limited to the accounts and Regions of a part."""


def planned(*parts: dict[str, Any]) -> Settings:
    named = tuple(WaveSection.model_validate({"name": f"w{number}", **part}) for number, part in enumerate(parts, 1))
    return settings(regions=("us-east-1", "us-east-2")).model_copy(update={"waves": named or None})


def test_the_last_wave_is_the_whole_and_never_named() -> None:
    wanted = planned(
        {"name": "canary", "organizational_units": [PROD]}, {"accounts": [OTHER], "regions": ["us-east-2", "us-east-1"]}
    )
    first, second, last = waves(wanted)
    assert (first.title, second.scope, last.scope) == ("Wave 1 of 3: canary", Scope(("us-east-1", "us-east-2"), (OTHER,)), Scope())
    assert last.last
    assert wave_of(Scope(), wanted) == wave_named("rest", wanted) == last
    assert wave_of(Scope(accounts=(MEMBER,)), wanted) is None
    assert wave_words(first.scope, wanted) == first.title
    assert "a part of its own" in wave_words(Scope(accounts=(MEMBER,)), wanted)
    assert waiting_waves(first.scope, wanted).startswith(f"w2 (Regions us-east-1, us-east-2; accounts {OTHER}), then rest (")
    assert waiting_waves(last.scope, wanted) == ""
    with pytest.raises(UnknownWave, match="there are canary, w2, rest"):
        wave_named("canry", wanted)


def test_without_waves_there_is_none() -> None:
    assert waves(planned()) == ()
    assert wave_of(Scope(), planned()) is None
    assert wave_words(Scope(), planned()) == waiting_waves(Scope(), planned()) == ""
    with pytest.raises(UnknownWave, match="settings have no waves"):
        wave_named("canary", planned())


def test_an_approval_holds_for_one_order_only() -> None:
    one, other = {"accounts": [MEMBER]}, {"accounts": [OTHER]}
    digests = {settings_digest(planned(*parts)) for parts in ((), (one,), (one, other), (other, one))}
    assert len(digests) == 4


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([{"accounts": [MEMBER]}, {"accounts": [OTHER]}], []),
        ([{"organizational_units": [PROD], **HERE}, {"organizational_units": [PROD], **THERE}], []),
        ([{"accounts": ["999999999999"]}], ["waves[0].accounts[0]: 999999999999: This is not an account"]),
        ([{"organizational_units": ["ou-root-none0001"]}], ["waves[0].organizational_units[0]: ou-root-none0001: No account"]),
        ([{"accounts": [MEMBER]}, {"regions": ["ap-east-2"]}], ["waves[1].regions[0]: ap-east-2: It is enabled neither"]),
        ([{"accounts": [SUSPENDED]}], ["It covers no account"]),
        ([{"accounts": [DELEGATED]}], ["It covers no account"]),
        ([{"organizational_units": [SECURITY]}], ["It covers no account"]),
        ([{"organizational_units": [PROD]}, {"organizational_units": [WORK]}], [f"in 1 account ({MEMBER}) in us-east"]),
        ([{"accounts": [MANAGEMENT]}, {"regions": ["us-east-1"]}], [f"in 1 account ({MANAGEMENT}) in us-east-1."]),
    ],
)  # fmt: skip
def test_what_is_refused_once_accounts_are_known(parts: list[dict[str, Any]], said: list[str]) -> None:
    found = [f"{dotted(each.path)}: {each.value}: {each.message}" for each in wave_objections(ORGANIZATION, planned(*parts))]
    assert len(found) == len(said)
    assert all(expected in text for expected, text in zip(said, found, strict=True))


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulated:
    there = simulated("seven", tmp_path, monkeypatch)
    canary = WaveSection(name="canary", organizational_units=(CANARY,))
    there.settings = there.settings.model_copy(
        update={"waves": (canary, WaveSection(name="near", regions=("us-east-1",), accounts=NEAR))}
    )
    return there


def test_a_roll_out_wave_by_wave_touches_nothing_beyond_and_ends_in_full_coverage(made: Simulated) -> None:
    """All waves of all phases; before each nothing later is touched, and none can overtake."""
    made.enable(ENABLING[:1])
    reached = set[tuple[str, str]]()
    for wave in waves(made.settings):
        for phase in SERVICES:
            begun = len(made.mutating())
            plan = made.plan(phase, wave.scope)
            for later in waves(made.settings)[wave.number : wave.number + 1] if phase == SERVICES[0] else ():
                ahead = made.plan(phase, later.scope)
                with pytest.raises(PreconditionsFailed, match=f"{wave.title} comes before {later.name}, and is not done"):
                    made.apply(phase, ahead, made.approve(ahead))
            assert len(made.mutating()) == begun
            assert made.apply(phase, plan, made.approve(plan)).ok
            assert made.plan(phase, wave.scope).steps == ()
            named = {(target, action.region) for action in plan.actions for target in action.targets}
            reached |= named
            if wave.name == "canary":
                assert {account for account, _ in named} <= {AUTOMATION, DELEGATED}
            if wave.name == "near":
                assert named <= {(account, "us-east-1") for account in (*NEAR, DELEGATED)}
            assert wave.last or not BEYOND & {action.operation for action in plan.actions}
    assert {account for account, _ in reached} >= {AUTOMATION, *NEAR}
    assert open_cells(made.cells()) == []


@pytest.mark.parametrize(("seed", "phases"), [("seven", SERVICES[:1]), ("half-done", SERVICES[1:])])
def test_one_observation_of_the_whole_tells_of_every_part_what_a_look_at_it_would(
    seed: str, phases: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = simulated(seed, tmp_path, monkeypatch)
    for phase in phases:
        whole = made.runbook(phase)
        with whole.access:
            seen = whole.observe()
        for scope in (Scope(("us-east-1",)), Scope(("us-east-2",), (AUTOMATION,), (CANARY,))):
            part = whole.within(scope)
            narrowed, alone = part.narrowed(seen), made.runbook(phase, scope)
            with alone.access:
                fresh = alone.observe()
            assert part.plan(narrowed).fingerprint == alone.plan(fresh).fingerprint
            assert [cell for cell in narrowed.cells if cell.in_scope] == [cell for cell in fresh.cells if cell.in_scope]
