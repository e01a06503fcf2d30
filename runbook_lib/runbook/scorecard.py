"""How the organization stands to the seven design principles of the source document: pass, fail or unknown, shown by what was read.

Pure: it looks at the coverage of a run, at settings and at the register of workflows, and reads nothing more.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from runbook_lib.base.account_sets import count_of
from runbook_lib.coverage import Cell, Count, Status, count
from runbook_lib.organization import ALL_FEATURES, Organization
from runbook_lib.services import designation
from runbook_lib.services.response.owners import open_points, table
from runbook_lib.settings import Settings
from runbook_lib.settings.register import Register

EVERYWHERE = ("auto-enable",)
HUB = (designation.ASPECT,)
ONE_REGION = ("aggregation",)
STANDARDS = ("standards", "evaluating")
"""Aspects of the services whose cells show a principle."""
MANAGE = "Write a response section and a register of workflows; parameters/rehearsal-all.yaml has both."
LAST_GAPS = "The table of what remains says where, and what comes next."


class Verdict(StrEnum):
    """How a principle is kept; what could not be read is unknown, never kept and never broken."""

    PASSED = "pass"
    FAILED = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Principle:
    """One principle: the verdict, what shows it, and what to do where it is not kept."""

    name: str
    verdict: Verdict
    evidence: str
    next_step: str = ""


def scorecard(
    settings: Settings, organization: Organization, cells: Sequence[Cell], register: Register, today: dt.date
) -> tuple[Principle, ...]:
    """All principles in the order of the source document."""
    inside = [cell for cell in cells if cell.in_scope]
    return (
        _organizations(organization, inside),
        _shown_by("Use hub accounts", inside, HUB, f"{organization.delegated_account} administers", "no service is managed"),
        Principle(
            "Limit access to the hub account",
            Verdict.UNKNOWN,
            "who may enter it is not read here",
            "Compare the roles, users and permission sets that reach the delegated account with the list of responders.",
        ),
        _shown_by(
            "Aggregate findings to a single Region", inside, ONE_REGION, "findings are gathered", "settings ask for no aggregation"
        ),
        _automated(settings, register),
        _documented(settings, register, today),
        _shown_by(
            "Leverage native service standards", inside, STANDARDS, "standards are on and evaluate", "settings name no standard"
        ),
    )


def _organizations(organization: Organization, cells: Sequence[Cell]) -> Principle:
    name, accounts = "Use AWS Organizations", count_of(organization.accounts)
    if organization.feature_set != ALL_FEATURES:
        said = f"{accounts} in {organization.id}, with consolidated billing only"
        return Principle(name, Verdict.FAILED, said, "Enable all features in Organizations.")
    return _shown_by(
        name,
        cells,
        EVERYWHERE,
        f"{accounts} in {organization.id}; accounts that join are enabled",
        "nothing is enabled for accounts that join",
    )


def _shown_by(name: str, cells: Sequence[Cell], aspects: Sequence[str], good: str, absent: str) -> Principle:
    """What the cells of aspects show; what is excluded on purpose is said and does not decide."""
    counted = count(cell for cell in cells if cell.aspect in aspects)
    said = ", ".join(_counted(counted))
    if counted.unknown:
        return Principle(
            name, Verdict.UNKNOWN, said, "Let the runbook read what is unknown: the table of what remains names each call."
        )
    if counted.gap:
        return Principle(name, Verdict.FAILED, said, LAST_GAPS)
    if not counted.covered:
        return Principle(name, Verdict.FAILED, absent, "Add it to settings, plan and apply.")
    return Principle(name, Verdict.PASSED, f"{good}: {said}")


def _counted(counted: Count) -> Iterator[str]:
    yield f"{counted.covered:,} covered"
    for number, words in (
        (counted.gap, "gap" if counted.gap == 1 else "gaps"),
        (counted.unknown, "unknown"),
        (counted.excluded, "excluded on purpose"),
    ):
        if number:
            yield f"{number:,} {words}"


def _automated(settings: Settings, register: Register) -> Principle:
    name = "Automate remediations"
    if settings.response is None:
        return Principle(name, Verdict.FAILED, "settings have no response: findings wait until somebody looks", MANAGE)
    if not register.digest:
        return _no_register(name)
    automated = [each.id for each in register.active if any(step.document is not None for step in each.steps)]
    said = f"a machine does a step of {len(automated)} of {len(register.active)} active workflows"
    if not automated:
        return Principle(name, Verdict.FAILED, said, "Give a workflow a step with an SSM Automation document.")
    return Principle(name, Verdict.PASSED, f"{said}: {', '.join(sorted(automated))}")


def _documented(settings: Settings, register: Register, today: dt.date) -> Principle:
    name = "Document all workflows"
    if settings.response is None:
        return Principle(name, Verdict.FAILED, "settings have no response, so no register of workflows belongs to them", MANAGE)
    if not register.digest:
        return _no_register(name)
    rows, points = table(settings, register), open_points(settings, register, today)
    owned = sum(row.owned.status is Status.COVERED for row in rows)
    said = f"{owned} of {len(rows)} finding classes have one owner; {len(points)} points are open in the register"
    if points:
        return Principle(name, Verdict.FAILED, said, f"{points[0]} All: runbook workflows -p FILE.")
    return Principle(name, Verdict.PASSED, said)


def _no_register(name: str) -> Principle:
    return Principle(
        name,
        Verdict.UNKNOWN,
        "no register of workflows lies beside the settings of this run",
        "Look with: runbook workflows -p FILE.",
    )
