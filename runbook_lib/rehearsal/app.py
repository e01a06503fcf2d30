"""The simulated AWS of one seed, ready to be served or used in process."""

from collections.abc import Sequence
from pathlib import Path

from runbook_lib.rehearsal import seeds
from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.identity import user_credential
from runbook_lib.rehearsal.log import Log
from runbook_lib.rehearsal.scenario import Scenario, load
from runbook_lib.rehearsal.world import World

RUNNER, RUNNER_NAME = "333333333333", "rehearsal-runner"
"""The account and IAM user whose key the rehearsal's own profile has."""


def build_app(
    seed: str | Path = "default",
    accounts: int | None = None,
    regions: Sequence[str] | None = None,
    *,
    speed: float = 1.0,
    log: Path | None = None,
    moto: bool = True,
    scenario: Scenario | str | Path = "",
) -> Front:
    """Build the WSGI application of a seed; without `moto`, services that are not ours are refused (and nothing loads moto).

    `scenario` is one, or its name or file. `ValueError` for a seed or scenario that is not there or not well-formed.
    """
    weather = scenario if isinstance(scenario, Scenario) else load(scenario) if scenario else None

    def world() -> World:
        made = seeds.load(seed, accounts, regions, speed)
        user_credential(made, RUNNER, RUNNER_NAME)
        return made

    front = Front(world(), Log(log), scenario=weather)
    front.control.rebuild = world
    if moto:
        from runbook_lib.rehearsal.backstop import Backstop  # noqa: PLC0415 moto takes a second to import, and is an extra

        front.backstop = Backstop(lambda: front.world)
    return front
