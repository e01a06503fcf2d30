"""Who answers for which findings: every class, its owner, its channels, and what is open in the register. Pure."""

import datetime as dt
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from runbook_lib.coverage import Status
from runbook_lib.services.registry import specs
from runbook_lib.services.response.classes import FindingClass, classes, families_of
from runbook_lib.settings import Settings
from runbook_lib.settings.register import Register
from runbook_lib.settings.response import FindingFilter, ResponseSection
from runbook_lib.settings.workflow import Workflow


@dataclass(frozen=True)
class Answer:
    """One of coverage's five answers, and why."""

    status: Status
    reason: str


@dataclass(frozen=True)
class Row:
    """One finding class: who answers for it, and how each channel stands to it."""

    finding_class: FindingClass
    owners: tuple[Workflow, ...]
    owned: Answer
    channels: Mapping[str, Answer]


@dataclass(frozen=True)
class Open:
    """One thing that is not in order: where, what, and what to do."""

    where: str
    what: str
    next_step: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}. {self.next_step}"


def table(settings: Settings, register: Register) -> tuple[Row, ...]:
    """A row for each class that the managed services can report."""
    section = settings.response
    return tuple(_row(each, section, answering(register, each)) for each in classes(settings))


def answering(register: Register, wanted: FindingClass) -> tuple[Workflow, ...]:
    """The active workflows that answer for a class."""
    return tuple(each for each in register.active if any(_names(one.product, one.families, wanted) for one in each.answers))


def _names(product: str, families: Sequence[str] | None, wanted: FindingClass) -> bool:
    return product == wanted.product and (families is None or wanted.family in families)


def _row(each: FindingClass, section: ResponseSection | None, owners: tuple[Workflow, ...]) -> Row:
    said = ", ".join(owner.id for owner in owners)
    owned = (
        Answer(Status.COVERED, owners[0].owner)
        if len(owners) == 1
        else Answer(Status.GAP, f"answered by {said}" if said else "nobody")
    )
    named = {channel for owner in owners for channel in owner.notify}
    channels = {channel: _channel(each, section, channel, named) for channel in sorted(section.channels)} if section else {}
    return Row(each, owners, owned, channels)


def _channel(each: FindingClass, section: ResponseSection, channel: str, named: set[str]) -> Answer:
    routes = {
        name: limits
        for name, route in sorted(section.routes.items())
        if channel in route.to and route.findings and (limits := _limits(route.findings, each)) is not None
    }
    if channel in named:
        if not routes:
            return Answer(Status.GAP, "its workflow names this channel, and no route sends it there")
        until = section.channels[channel].shadow_until
        shadow = [f"in shadow until {until}"] if until else []
        sent = [f"{name}{f' ({limits})' if limits else ''}" for name, limits in routes.items()]
        return Answer(Status.COVERED, "; ".join([*sent, *shadow]))
    if routes:
        return Answer(Status.GAP, f"{', '.join(routes)} sends it, and no workflow of its owner names this channel")
    return Answer(Status.NOT_APPLICABLE, "not sent, and nobody expects it")


def _limits(wanted: FindingFilter, each: FindingClass) -> str | None:
    """What limits a route within a class; "" for nothing, None where it cannot fit the class."""
    if wanted.products and each.product not in wanted.products:
        return None
    families = {control.partition(".")[0] for control in wanted.controls or ()}
    if wanted.controls and not any(family.startswith(each.family) for family in families):
        return None
    narrow = ("severities", "controls", "types", "accounts", "organizational_units", "regions")
    since = [f"made since {wanted.created_after}"] if wanted.created_after else []
    return ", ".join([*(", ".join(getattr(wanted, key)) for key in narrow if getattr(wanted, key)), *since])


def open_points(settings: Settings, register: Register, today: dt.date) -> tuple[Open, ...]:
    """Everything that is open, classes first."""
    section = settings.response
    if section is None:
        return ()
    return (
        *_unowned(table(settings, register)),
        *_doors(section, register),
        *(each for workflow in register.active for each in _workflow(settings, section, workflow, today)),
    )


def _unowned(rows: Sequence[Row]) -> Iterator[Open]:
    for row in rows:
        if not row.owners:
            yield Open(str(row.finding_class), "nobody answers for it", "Name it under answers of one active workflow.")
        elif len(row.owners) > 1:
            said = ", ".join(each.id for each in row.owners)
            yield Open(str(row.finding_class), f"{said} answer for it", "Leave it to one of them.")


def _doors(section: ResponseSection, register: Register) -> Iterator[Open]:
    """Every route, channel and custom action has an active workflow behind it."""
    step = "Name it in an active workflow, or take it out of settings."
    entries = [each.entry for each in register.active]
    used = {
        "routes": {name for each in entries for name in each.routes},
        "custom_actions": {name for each in entries for name in each.custom_actions},
        "channels": {name for each in register.active for name in each.notify},
    }
    there: dict[str, Collection[str]] = {
        "routes": section.routes,
        "custom_actions": section.custom_actions,
        "channels": section.channels,
    }
    for key, names in there.items():
        for name in sorted(set(names) - used[key]):
            yield Open(f"response.{key}.{name}", "no active workflow is behind it", step)


def _workflow(settings: Settings, section: ResponseSection, workflow: Workflow, today: dt.date) -> Iterator[Open]:
    """What one active workflow names that is not there, what is overdue, and what a machine may not do alone."""
    where = f"{workflow.id}.yaml"
    there: dict[str, Collection[str]] = {"routes": section.routes, "custom_actions": section.custom_actions}
    for key, known in there.items():
        for name in sorted(set(getattr(workflow.entry, key)) - set(known)):
            yield Open(f"{where}: entry.{key}", f"settings have no {name}", "Correct the name, or add it to settings.")
    for name in sorted(set(workflow.notify) - set(section.channels)):
        yield Open(f"{where}: notify", f"settings have no channel {name}", "Correct the name, or add it to settings.")
    yield from _unknown_families(settings, workflow, where)
    yield from _overdue(workflow, where, today)
    for step in workflow.steps:
        if step.document and step.document.sha256 is None:
            text = f"{step.document.name} is pinned by its version alone"
            yield Open(f"{where}: {step.action}", text, "Read it once and write its sha256.")
        if step.document and step.approval == "none" and step.back_out is None:
            text = "a machine does it without approval, and it cannot be taken back"
            yield Open(f"{where}: {step.action}", text, "Write approval: one or two, or how it is taken back.")


def _unknown_families(settings: Settings, workflow: Workflow, where: str) -> Iterator[Open]:
    known = {spec.findings.product: families_of(spec.findings) for spec in specs() if spec.findings}
    for each in workflow.answers:
        if each.product not in known:
            step = f"Known: {', '.join(sorted(known))}."
            yield Open(f"{where}: answers", f"no service reports findings as {each.product}", step)
            continue
        for family in sorted(set(each.families or ()) - set(known[each.product])):
            yield Open(f"{where}: answers", f"{each.product} has no family {family}", f"Known: {', '.join(known[each.product])}.")


def _overdue(workflow: Workflow, where: str, today: dt.date) -> Iterator[Open]:
    due = workflow.reviewed_on + dt.timedelta(workflow.review_every)
    if due < today:
        yield Open(f"{where}: reviewed_on", f"the review was due on {due}", "Have its owner read it, and write the day.")
    exercise = workflow.exercise
    if exercise.last is None:
        yield Open(f"{where}: exercise", "it was never tried", "Try it, and write the day and the run.")
    elif (next_due := exercise.last + dt.timedelta(exercise.every)) < today:
        yield Open(f"{where}: exercise", f"it was to be tried again until {next_due}", "Try it, and write the day and the run.")
    for each in workflow.exceptions:
        if each.expires < today:
            step = "Decide again and write a later day, or take it out."
            yield Open(f"{where}: exceptions", f"the one for {', '.join(each.accounts)} ended on {each.expires}", step)
