"""What is measured, in a process of its own: one task on the organization that the environment leads to; prints JSON.

python client.py TASK SETTINGS FOLDER
"""

import datetime as dt
import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from bounds import Bound, first_enablement
from demanded import demanded, fewest_calls
from organizations import DELEGATED, REGIONS

from runbook_lib.apply.journal import Journal
from runbook_lib.apply.report import StageReport
from runbook_lib.aws.access import Access
from runbook_lib.base.clock import Clock, Stop
from runbook_lib.base.garbage import collect_rarely
from runbook_lib.coverage import count
from runbook_lib.evidence.run.answers import Answers
from runbook_lib.plan import Plan, Scope
from runbook_lib.plan.approval import approve
from runbook_lib.runbook import ApplyReport, Runbook, managed
from runbook_lib.runbook.access import access_for
from runbook_lib.runbook.observer import Assessment
from runbook_lib.runbook.phases import phase_named
from runbook_lib.settings import Settings
from runbook_lib.settings.file import load

CLOCK = Clock()
FIRST, AGAIN = "observed for the plans", "observed again before a stage"


RESPONDING = "60_response"


def phases_of(settings: Settings) -> tuple[str, ...]:
    """The phases that these settings ask for, in order."""
    return tuple(phase.name for phase in managed(settings) if phase.service)


def runbook(settings: Settings, phase: str, kind: type[Runbook] = Runbook) -> Runbook:
    """As a fresh process has it: nothing is remembered from an earlier one."""
    chosen = phase_named(phase)
    return kind(chosen, settings, access_for(settings, chosen, "20260101T000000Z-rehearsal-be4c", CLOCK), CLOCK, Scope())


def planned(settings: Settings, phase: str) -> Plan:
    one = runbook(settings, phase)
    with one.access:
        return one.plan(one.observe())


def bound(settings: Settings, folder: Path) -> dict[str, Any]:
    """The plans of the bare organization, and from them the bound of applying them; changes nothing."""
    plans = [planned(settings, phase) for phase in phases_of(settings)]
    latency, accounts = float((folder / "latency").read_text()), len(plans[0].population)
    found: Bound = first_enablement(plans, accounts, latency)
    chain = demanded(plans, accounts, len(REGIONS), latency)
    return {
        "bound": found.seconds, "parts": found.parts, "actions": sum(len(plan.actions) for plan in plans),
        "demanded": chain.seconds, "demanded_parts": chain.parts, "fewest": fewest_calls(plans, accounts, len(REGIONS)),
    }  # fmt: skip


class Counted(Runbook):
    """Books every call on what it was made for. The accounts for the next look are listed while a stage is ending."""

    causes: ClassVar = Counter[str]()
    planned_on = 0
    """Pages of accounts that the plan was made from."""

    @contextmanager
    def booked(self, cause: str) -> Iterator[None]:
        before = self.access.counters.calls.total() - self.pages
        yield
        Counted.causes[cause] += self.access.counters.calls.total() - self.pages - before

    @property
    def pages(self) -> int:
        return sum(self.access.counters.by_operation().get("organizations:ListAccounts", []))

    def observe(self, *, told: bool = True) -> Assessment:
        with self.booked(AGAIN if self.planned_on else FIRST):
            seen = super().observe(told=told)
        if not self.planned_on:
            self.planned_on = self.pages
            Counted.causes[FIRST] += self.planned_on
        return seen

    def apply(self, *arguments: Any, **named: Any) -> ApplyReport:
        report = super().apply(*arguments, **named)
        Counted.causes[AGAIN] += self.pages - self.planned_on
        return report

    def requirements(self) -> None:
        with self.booked("earlier phases looked at"):
            super().requirements()

    def _run(self, *arguments: Any) -> StageReport:
        with self.booked("stages"):
            return super()._run(*arguments)


def enable(settings: Settings, folder: Path) -> dict[str, Any]:
    """Each phase as its notebook does it where a person approves at once: observe, plan, approve, apply."""
    seconds, problems, calls = {}, [], 0
    for phase in phases_of(settings):
        began, one = time.monotonic(), runbook(settings, phase, Counted)
        one.access.on_answer = Answers().keep
        with one.access, Journal(folder / f"{phase}.jsonl", "bench", CLOCK) as journal:
            plan = one.plan(one.observe())
            approval = approve(plan, approver="bench", ticket="bench", now=CLOCK.now())
            report = one.apply(approval, plan, permit=lambda _: None, journal=journal, stop=Stop(), progress=lambda _: None)
        problems += [f"{phase}: {reason}" for reason in report.refused]
        problems += [f"{step.operation} {step.region} {result.message}" for _, s in report.stages for step, result in s.problems]
        calls += len(plan.actions)
        seconds[phase] = time.monotonic() - began
    return {"phases": seconds, "problems": problems[:5], "actions": calls, "causes": dict(Counted.causes)}


def again(settings: Settings, folder: Path) -> dict[str, Any]:
    """Plan every phase once more."""
    seconds, actions = {}, 0
    for phase in phases_of(settings):
        began = time.monotonic()
        actions += len(planned(settings, phase).actions)
        seconds[phase] = time.monotonic() - began
    return {"phases": seconds, "actions": actions}


def cover(settings: Settings, folder: Path) -> dict[str, Any]:
    """Read the whole coverage, and keep the raw answers as the notebook does."""
    one, answers = runbook(settings, "90_coverage"), Answers()
    one.access.on_answer = answers.keep
    with one.access:
        began = time.monotonic()
        organization, cells = one.survey()
        seconds = time.monotonic() - began
    answers.write(folder / "answers-before.jsonl.gz", {"callers": dict(organization.callers)})
    writing = time.monotonic() - began - seconds
    counted = count(cell for cell in cells if cell.in_scope)
    return {
        "survey": seconds, "writing": writing,
        "cells": len(cells), "covered": counted.covered, "gap": counted.gap, "unknown": counted.unknown,
        "retries": one.access.counters.retries,
    }  # fmt: skip


def respond(settings: Settings, folder: Path) -> dict[str, Any]:
    """Phase 60 as its notebook does it, then planned once more: its calls, with those about the organization apart."""
    found = dict[str, Any]()
    for name in ("first", "again"):
        one = runbook(settings, RESPONDING)
        with one.access, Journal(folder / f"{RESPONDING}.jsonl", "bench", CLOCK) as journal:
            plan = one.plan(one.observe())
            if plan.steps:
                approval = approve(plan, approver="bench", ticket="bench", now=CLOCK.now())
                report = one.apply(
                    approval, plan, permit=lambda _: None, journal=journal, stop=Stop(), progress=lambda _: None
                )  # fmt: skip
                found["problems"] = [*report.refused, *(result.message for _, s in report.stages for _, result in s.problems)]
            counted = {operation: sum(numbers) for operation, numbers in one.access.counters.by_operation().items()}
        about = sum(number for operation, number in counted.items() if operation.startswith("organizations:"))
        found |= {name: sum(counted.values()) - about, f"{name}_organization": about, f"{name}_actions": len(plan.actions)}
    return found


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
    "bound": bound, "enable": enable, "again": again, "cover": cover, "single": single, "respond": respond,
}  # fmt: skip


def main() -> None:
    task, file, folder = sys.argv[1:4]
    collect_rarely()  # as every notebook does
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
