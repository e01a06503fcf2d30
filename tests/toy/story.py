"""Run in a process of its own, for the registry is read once: X-Ray is registered third and goes through a whole rehearsal.

    python tests/toy/story.py FOLDER

prints what was seen, as JSON.
"""

import json
import sys
from pathlib import Path

TESTS = Path(__file__).parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "support"), str(TESTS.parent)]

from runbook_lib.services import registry  # noqa: E402 the registry first

registry.PACKAGES = (*registry.PACKAGES[:2], "toy", *registry.PACKAGES[2:])

from runbook_lib.rehearsal import operations  # noqa: E402

operations.__path__.append(str(TESTS / "toy" / "operations"))

import pytest  # noqa: E402
from simulated import Simulated, simulated  # noqa: E402

from runbook_lib.coverage import Cell, count  # noqa: E402
from runbook_lib.plan import Plan  # noqa: E402
from runbook_lib.plan import file as plan_file  # noqa: E402
from runbook_lib.runbook.phases import PHASES  # noqa: E402
from runbook_lib.settings import Settings, settings_digest  # noqa: E402
from runbook_lib.settings.schema import schema_text  # noqa: E402

PHASE = "25_xray"
KEY = "alias/traces"


def with_traces(settings: Settings) -> Settings:
    """The organization's settings, and X-Ray in its Regions, in one that lacks a feature, and in one that has no X-Ray at all."""
    regions = sorted({"us-east-1", "us-east-2", "eu-south-1"})
    read = settings.model_dump(mode="json", exclude_none=True) | {"xray": {"regions": regions, "key": KEY}}
    return Settings.model_validate(read)


def told(plan: Plan) -> list[str]:
    return [f"{step.stage} {step.operation} {step.region}" for step in plan.steps]


def seen(cells: tuple[Cell, ...]) -> list[str]:
    return sorted(f"{cell.region} {cell.aspect} {cell.status} {cell.gap or ''}".strip() for cell in cells if cell.service == "xray")


def rehearse(made: Simulated) -> dict[str, object]:
    """Planned, written and read again, approved, applied and looked at; and a plan after it."""
    made.settings = with_traces(made.settings)
    made.enable(("00_prerequisites",))
    before, plan = made.phase_cells(PHASE), made.plan(PHASE)
    again = plan_file.loads(plan_file.dumps(plan), "plan.json")
    report = made.apply(PHASE, again, made.approve(again))
    after = made.cells()
    return {
        "digest": len(settings_digest(made.settings)),
        "before": seen(before),
        "steps": told(plan),
        "same": again == plan and again.fingerprint == plan.fingerprint,
        "applied": report.ok,
        "calls": [f"{entry.operation} {entry.region}" for entry in made.mutating() if entry.service == "xray"],
        "after": seen(after),
        "again": told(made.plan(PHASE)),
        "asked": sorted({entry.region for entry in made.front.log.entries if entry.service == "xray"}),
        "others": sorted({cell.service for cell in after}),
        "counted": count(after).covered,
    }


def main(folder: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        made = simulated("fresh", folder, patch)
        facts = {
            "phases": [phase.name for phase in PHASES],
            "schema": sorted(json.loads(schema_text())["properties"]),
            **rehearse(made),
        }
    sys.stdout.write(json.dumps(facts) + "\n")


main(Path(sys.argv[1]))
