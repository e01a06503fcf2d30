"""What is measured, in a process of its own: one task on the organization that the environment leads to; prints JSON.

python client.py TASK SETTINGS FOLDER
"""

import datetime as dt
import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bounds import Bound, first_enablement
from organizations import DELEGATED, REGIONS

from runbook_lib.access import Access
from runbook_lib.approval import approve
from runbook_lib.clock import Clock, Stop
from runbook_lib.coverage import count
from runbook_lib.journal import Journal
from runbook_lib.phases import phase_named
from runbook_lib.plan import Plan, Scope
from runbook_lib.runbook import Runbook, access_for
from runbook_lib.settings import Settings
from runbook_lib.settings.file import load

PHASES = ("00_prerequisites", "10_security_hub", "20_guardduty", "30_inspector")
CLOCK = Clock()


def runbook(settings: Settings, phase: str) -> Runbook:
    """As a fresh process has it: nothing is remembered from an earlier one."""
    chosen = phase_named(phase)
    return Runbook(chosen, settings, access_for(settings, chosen, "20260101T000000Z-rehearsal-be4c", CLOCK), CLOCK, Scope())


def planned(settings: Settings, phase: str) -> Plan:
    one = runbook(settings, phase)
    with one.access:
        return one.plan(one.observe())


def bound(settings: Settings, folder: Path) -> dict[str, Any]:
    """The plans of the bare organization, and from them the bound of applying them; changes nothing."""
    plans = [planned(settings, phase) for phase in PHASES]
    latency, accounts = float((folder / "latency").read_text()), len(plans[0].population)
    found: Bound = first_enablement(plans, accounts, latency)
    return {"bound": found.seconds, "parts": found.parts, "actions": sum(len(plan.actions) for plan in plans)}


def enable(settings: Settings, folder: Path) -> dict[str, Any]:
    """Plan, approve and apply every phase, one after the other, as `runbook` does headlessly."""
    seconds, problems, calls = {}, [], 0
    for phase in PHASES:
        began = time.monotonic()
        plan = planned(settings, phase)
        approval = approve(plan, approver="bench", ticket="bench", now=CLOCK.now())
        one = runbook(settings, phase)
        with one.access, Journal(folder / f"{phase}.jsonl", "bench", CLOCK) as journal:
            report = one.apply(approval, plan, journal=journal, stop=Stop(), progress=lambda tick: None)
        problems += [f"{phase}: {reason}" for reason in report.refused]
        problems += [f"{step.operation} {step.region} {result.message}" for _, s in report.stages for step, result in s.problems]
        calls += len(plan.actions)
        seconds[phase] = time.monotonic() - began
    return {"phases": seconds, "problems": problems[:5], "actions": calls}


def again(settings: Settings, folder: Path) -> dict[str, Any]:
    """Plan every phase once more."""
    seconds, actions = {}, 0
    for phase in PHASES:
        began = time.monotonic()
        actions += len(planned(settings, phase).actions)
        seconds[phase] = time.monotonic() - began
    return {"phases": seconds, "actions": actions}


def cover(settings: Settings, folder: Path) -> dict[str, Any]:
    """Read the whole coverage."""
    one = runbook(settings, "90_coverage")
    with one.access:
        began = time.monotonic()
        _, cells = one.survey()
        seconds = time.monotonic() - began
    counted = count(cell for cell in cells if cell.in_scope)
    return {
        "survey": seconds, "cells": len(cells), "covered": counted.covered, "gap": counted.gap, "unknown": counted.unknown,
        "retries": one.access.counters.retries,
    }  # fmt: skip


def single(settings: Settings, folder: Path) -> dict[str, Any]:
    """The cost of one smallest call: seconds with one at a time over the socket, and CPU of the client."""
    reads = frozenset({"guardduty:ListDetectors"})
    number = 120
    with Access(settings, reads=reads, mutations=frozenset(), run="bench", clock=CLOCK) as access:
        for region in REGIONS:
            access.read("guardduty", "ListDetectors", DELEGATED, region)
        began, cpu = time.monotonic(), time.process_time()
        for each in range(number):
            access.read("guardduty", "ListDetectors", DELEGATED, REGIONS[each % len(REGIONS)])
        return {"wall": (time.monotonic() - began) / number, "cpu": (time.process_time() - cpu) / number}


TASKS: dict[str, Callable[[Settings, Path], dict[str, Any]]] = {
    "bound": bound, "enable": enable, "again": again, "cover": cover, "single": single,
}  # fmt: skip


def main() -> None:
    task, file, folder = sys.argv[1:4]
    settings = load(Path(file), dt.datetime.now(dt.UTC).date())
    began, cpu = time.monotonic(), time.process_time()
    found = TASKS[task](settings, Path(folder))
    found |= {
        "seconds": time.monotonic() - began,
        "client_cpu": time.process_time() - cpu,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
