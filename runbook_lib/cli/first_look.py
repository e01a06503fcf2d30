"""`runbook coverage --profile`: coverage without settings, as whoever a profile or role leads to. Reads only, keeps nothing."""

import datetime as dt
import secrets
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import click

from runbook_lib.aws.access import Access
from runbook_lib.aws.errors import DENIED, CallFailed
from runbook_lib.base.clock import Clock
from runbook_lib.base.errors import RunbookError
from runbook_lib.cli.surroundings import entered
from runbook_lib.coverage import Cells, Status
from runbook_lib.coverage.files import csv_lines, json_text, text_table
from runbook_lib.coverage.page import html_page
from runbook_lib.inventory.survey import report
from runbook_lib.inventory.survey.cells import cells
from runbook_lib.inventory.survey.look import Look
from runbook_lib.inventory.survey.standing import stand
from runbook_lib.inventory.survey.without_settings import entered_partition, settings_of_nobody
from runbook_lib.organization import Organization
from runbook_lib.organization.reads import READS, Asking
from runbook_lib.services.glance import glances
from runbook_lib.settings import Door, Settings
from runbook_lib.settings.regions import partition_of


class BadRegion(RunbookError):
    """A Region that there is not."""

    advice = "Give Regions by name, separated by commas, such as us-east-1,eu-central-1."


def first_look(
    profile: str,
    role: str,
    regions: str,
    form: str,
    surroundings: Callable[[Settings], Mapping[str, str]],
    *,
    hide_names: bool,
    rehearsal: bool,
) -> int:
    """Look, and print what is covered; 2 where something is not, or is unknown. `surroundings`: the variables for settings."""
    wanted = _regions(regions)
    mode = "rehearsal" if rehearsal else "live"
    with entered(surroundings(settings_of_nobody(mode, "aws"))):
        look, found = _look(mode, Door(profile=profile or None, role_arn=role or None), wanted)
    organization = look.standing.organization
    if hide_names:
        organization = replace(organization, accounts={a: replace(each, name="") for a, each in organization.accounts.items()})
    sys.stdout.write(_written(form, found, organization, {"mode": mode}))
    for lines in (report.gap_lines(look, found), report.unknown_lines(found), report.owner_lines(look), report.next_lines(look)):
        for line in lines:
            _say(line)
    return 2 if any(cell.status in (Status.GAP, Status.UNKNOWN) for cell in found) else 0


def _look(mode: str, door: Door, wanted: Sequence[str]) -> tuple[Look, Cells]:
    reads = READS.union(*(each.reads for each in glances())) | {
        f"{each.spec.name}:{each.spec.designation.list_operation}" for each in glances() if each.spec.designation
    }
    run = f"{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%SZ}-{mode}-{secrets.token_hex(2)}"
    partition = entered_partition(door, wanted)
    with Access(settings_of_nobody(mode, partition), reads=reads, mutations=frozenset(), run=run, clock=Clock()) as access:
        denied: Counter[str] = Counter()

        def hear(answer: Any, service: str, operation: str, *_: Any) -> None:
            if isinstance(answer, CallFailed) and answer.code in DENIED:
                denied[f"{service}:{operation}"] += 1

        access.on_answer = hear
        card = access.whoever(door)
        asking = Asking(settings_of_nobody(mode, partition, card.account), access)
        standing = stand(access, card, asking, wanted)
        for line in report.standing_lines(standing):
            _say(line)
        look = Look(access, standing)
        look.begin()
        made = _made(access)
        _say(report.reads_line(made, look.left, denied))
        whole = made + look.left
        look.end()
        if _made(access) != whole:
            _say(f"{_made(access)} reads were made: AWS had some repeated, or refused some on the way.")
        return look, cells(look)


def _made(access: Access) -> int:
    """Reads made so far, apart from who one is."""
    return sum(sum(count) for name, count in access.counters.by_operation().items() if not name.startswith("sts:"))


def _regions(given: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(each.strip() for each in given.split(",") if each.strip()))
    if wrong := [each for each in names if partition_of(each) is None]:
        raise BadRegion(f"--regions {given}: {wrong[0]!r} is not an AWS Region that this version of botocore knows")
    if len({partition_of(each) for each in names}) > 1:
        raise BadRegion(f"--regions {given}: these Regions are of different partitions, which no credentials can enter together")
    return names


def _written(form: str, found: Cells, organization: Organization, facts: Mapping[str, str]) -> str:
    if form == "html":
        return html_page(found, organization, {**facts, "phase": "first look"})
    if form == "json":
        return json_text(found, organization, facts)
    return "".join(csv_lines(found, organization)) if form == "csv" else text_table(found, organization)


def _say(line: str) -> None:
    click.echo(line, err=True)
