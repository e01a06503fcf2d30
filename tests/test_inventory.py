"""An inventory of a simulated organization is itself one, on which every phase plans the very same calls."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML
from simulated import ENABLING, PARAMETERS, URL, Simulated, home, simulated

from runbook_lib.base.pseudonyms import Pseudonyms, key_of
from runbook_lib.cli.replica_doors import is_inventory, seed_with_doors
from runbook_lib.inventory import Inventory, take
from runbook_lib.plan import Plan
from runbook_lib.plan.approval import ApprovalRefused
from runbook_lib.plan.forecast import forecast
from runbook_lib.rehearsal.app import build_app
from runbook_lib.rehearsal.environment import environment
from runbook_lib.settings import Settings
from runbook_lib.settings.editing import as_rehearsal
from runbook_lib.settings.file import parse

KEY = b"0123456789abcdef"


def inventory(made: Simulated, pseudonyms: Pseudonyms | None = None) -> Inventory:
    runbook = made.runbook("90_coverage")
    with runbook.access:
        return take(runbook, pseudonyms)


def replica(made: Simulated, taken: Inventory, monkeypatch: pytest.MonkeyPatch, settings: Settings | None = None) -> Simulated:
    """The organization that an inventory describes, entered as settings say."""
    settings = settings or made.settings
    file = made.folder / "inventory.yaml"
    file.write_text(taken.text(), encoding="utf-8")
    assert is_inventory(str(file))
    front = build_app(seed_with_doors(file, settings, made.folder / "replica"), moto=False)
    own = environment(made.folder / "replica", URL, home(front), {}, front.world.profiles)
    for name, value in own.items():
        monkeypatch.setenv(name, value)
    return Simulated(front, settings, made.folder)


@pytest.mark.parametrize(
    ("seed", "applied"),
    [
        ("default", 2),
        ("half-done", 4),
        ("centrally-configured", 0),
        *(
            pytest.param(seed, applied, marks=pytest.mark.soak)
            for seed, applied in (
                ("default", 0), ("half-done", 0), ("half-done", 3), ("foreign-administrator", 0), ("govcloud", 4),
                ("region-deny", 1),
            )
        ),
    ],
)  # fmt: skip
def test_every_phase_has_the_fingerprint_that_it_has_on_the_original(
    seed: str, applied: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = simulated(seed, tmp_path, monkeypatch)
    made.enable(ENABLING[:applied])
    taken = inventory(made, Pseudonyms(KEY))
    refused = [sentence for sentence in taken.unread if "explicit deny in a service control policy" in sentence]
    assert (tuple(refused), bool(refused)) == (taken.unread, seed == "region-deny")
    plans = {phase: made.plan(phase).fingerprint for phase in ENABLING}
    copied = replica(made, taken, monkeypatch)
    assert {phase: copied.plan(phase).fingerprint for phase in ENABLING} == plans


ACME = (Path(__file__).parent / "cases" / "acme.yaml").read_text(encoding="utf-8")


def acme(made: Simulated, text: str) -> Settings:
    return parse(text, made.clock.now().date(), "acme.yaml")


def test_live_settings_are_rehearsed_as_they_are_and_the_approval_is_worthless_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = simulated("seven", tmp_path, monkeypatch)
    live, rehearsal = acme(made, ACME), acme(made, as_rehearsal(ACME, made.clock.now().date(), "acme.yaml"))
    assert (live.mode, rehearsal.mode) == ("live", "rehearsal")
    copied = replica(made, inventory(made), monkeypatch, rehearsal)
    for phase in ENABLING:
        plan = copied.plan(phase)
        approval = copied.approve(plan)
        as_live = replace(plan, mode="live")
        assert as_live.fingerprint == plan.fingerprint
        runbook = copied.runbook(phase)
        with runbook.access:
            runbook.settings = live
            with pytest.raises(ApprovalRefused, match="rehearsal"):
                runbook.refuse(approval, plan)
        assert copied.apply(phase, plan, approval).ok


def test_names_and_addresses_are_pseudonyms_that_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = simulated("default", tmp_path, monkeypatch)
    names = {account.name for account in made.front.world.organization.accounts.values()}
    real, hidden, again = inventory(made), inventory(made, Pseudonyms(KEY)), inventory(made, Pseudonyms(KEY))
    other = inventory(made, Pseudonyms(KEY[::-1]))
    assert {account["name"] for account in real.seed["accounts"]} == names
    assert hidden.text() == again.text() != other.text()
    leaked = [name for name in names if len(name) > 6 and name in hidden.text()]
    assert leaked == []
    assert not re.search(r"account-\d{12}@", hidden.text())
    assert {account["id"] for account in hidden.seed["accounts"]} == set(made.front.world.organization.accounts)
    assert made.mutating() == []


def test_the_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "inventory.key"
    assert key_of(file) == key_of(file)
    assert file.stat().st_mode & 0o777 == 0o600
    file.write_text("short")
    with pytest.raises(ValueError, match="16 bytes"):
        key_of(file)


def test_what_could_not_be_read_is_said_and_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = simulated("seven", tmp_path, monkeypatch)
    made.front.control.deny("222222222222", "RunbookDelegated", "guardduty:ListDetectors")
    taken = inventory(made)
    assert any("guardduty:ListDetectors" in sentence for sentence in taken.unread)
    assert "# Not in here: guardduty:ListDetectors" in taken.text()
    assert YAML(typ="safe").load(taken.text()) == taken.seed


def test_a_forecast_counts_calls_and_time_at_half_of_the_rates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = simulated("default", tmp_path, monkeypatch)
    plans: list[Plan] = [made.plan(phase) for phase in ENABLING]
    read = [(phase, {"account:ListRegions": [1002, 1001], "organizations:ListAccounts": [50, 50]}) for phase in ENABLING]
    lines = forecast(plans, read, 8)
    changing = sum(len(plan.actions) for plan in plans)
    assert f"{changing:,} changing calls, and reads about {1052 * len(plans):,} times" in lines[0]
    assert [line.partition(":")[0].strip() for line in lines[2:-1]] == list(ENABLING)
    # (1,001 - half a burst of 10) at half of 5 a second, and without the burst.
    assert all("1,052 reads, 7 min" in line for line in lines[2:-1])
    assert "1,002 reads, 7 min" in lines[-1]


def test_a_seed_is_no_inventory(tmp_path: Path) -> None:
    seed = tmp_path / "seed.yaml"
    seed.write_text("extends: seven\n")
    assert [is_inventory(each) for each in ("default", str(seed), str(PARAMETERS), str(tmp_path / "missing.yaml"))] == [False] * 4
