"""`runbook finding ID`: who answers for a finding, what to read, what this runbook changed there lately, and what to do next."""

import datetime as dt
import secrets
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from runbook_lib.apply.journal import JournalBroken, complete_lines
from runbook_lib.base.clock import Clock
from runbook_lib.base.documents.files import MIB, read_text
from runbook_lib.base.text import counted
from runbook_lib.cli.running import kernel_environment
from runbook_lib.cli.runs import runs_folder
from runbook_lib.cli.simulation import today
from runbook_lib.cli.surroundings import entered
from runbook_lib.evidence.run.folder import find_runs
from runbook_lib.runbook.access import access_for
from runbook_lib.runbook.phases import COVERAGE
from runbook_lib.services.response.classes import class_of
from runbook_lib.services.response.owners import answering
from runbook_lib.services.response.replay import findings_of, read_finding
from runbook_lib.settings import Settings
from runbook_lib.settings.file import load
from runbook_lib.settings.register import read_register
from runbook_lib.settings.workflow import Workflow

LARGEST = 256 * MIB
MOST = 20
"""Changes that are listed; the newest."""


def finding_command(identity: str, parameters: Path, days: int, file: Path | None, runs: str) -> int:
    """Print what is known of one finding. Reads only. 1 there is no such finding, 2 nobody, or several, answer for it."""
    settings, register = load(parameters, today()), read_register(parameters)
    root = runs_folder(runs)
    if file is not None:
        listed = [each for each in findings_of(read_text(file, LARGEST, LARGEST), file) if each.get("Id") == identity]
    else:
        listed = read_live(settings, identity, runs)
    if not listed:
        where = file or f"the delegated account {settings.organization.delegated_account}"
        sys.stderr.write(f"{where} has no finding {identity}. Give the id as a message has it.\n")
        return 1
    found = listed[0]
    kind = class_of(found, settings)
    owners = answering(register, kind) if kind else ()
    since = dt.datetime.now(dt.UTC) - dt.timedelta(days)
    changes = list(_changes(root, str(found.get("AwsAccountId", "")), since))
    sys.stdout.write("".join(f"{line}\n" for line in _lines(found, str(kind or "unknown"), owners, changes, parameters, days)))
    return 0 if len(owners) == 1 else 2


def read_live(settings: Settings, identity: str, runs: str) -> list[Mapping[str, Any]]:
    """The findings of one id, as Security Hub has them now. Raises CallFailed, AccessRefused."""
    clock = Clock()
    run = f"{clock.now():%Y%m%dT%H%M%SZ}-{settings.mode}-{secrets.token_hex(2)}"
    with entered(kernel_environment(settings, runs)), access_for(settings, COVERAGE, run, clock) as access:
        return list(read_finding(settings, identity, access))


def _changes(root: Path, account: str, since: dt.datetime) -> Iterator[str]:
    """What runs of this runbook called in an account, or about it, by their journals; newest last."""
    for run in find_runs(root):
        for journal in sorted(run.path.glob("*/journal.jsonl")):
            try:
                lines = complete_lines(journal)
            except JournalBroken as broken:
                yield f"{broken}: what it says is not known"
                continue
            for line in lines:
                about = line["kind"] == "intent" and account in (line["account"], *line["target_accounts"])
                if about and dt.datetime.fromisoformat(line["time"]) >= since:
                    yield f"{line['time'][:19]}Z  {line['service']}:{line['operation']} in {line['region']}, run {line['run']}"


def _lines(
    found: Mapping[str, Any], kind: str, owners: tuple[Workflow, ...], changes: list[str], parameters: Path, days: int
) -> Iterator[str]:
    """Ids, labels and places of the finding, and nothing of what was found."""
    severity, status = (found.get("Severity") or {}).get("Label", ""), (found.get("Workflow") or {}).get("Status", "")
    account, region = found.get("AwsAccountId", ""), found.get("Region", "")
    yield f"{found['Id']}: {kind}, {severity}, {status}, account {account}, {region}"
    yield from (f"resource: {each.get('Id', '')}" for each in found.get("Resources") or ())
    if len(owners) != 1:
        yield f"owner: {', '.join(each.id for each in owners) or 'nobody'}; exactly one workflow has to answer for {kind}"
    for each in owners:
        yield f"owner: {each.owner}; deputy: {each.deputy}; {each.urgency.priority}, contained within {each.urgency.contain}"
        yield f"workflow: {each.title} ({each.id}.yaml, version {each.version})"
        yield from (f"  ask: {question}" for question in each.triage.questions)
    yield f"changed by this runbook in {account} in the last {days} days: {counted(len(changes), 'call')}"
    yield from (f"  {each}" for each in changes[-MOST:])
    yield "next:"
    yield f"  runbook remediate '{found['Id']}' -p {parameters}"
    yield f"  runbook workflows -p {parameters} --html pages"
    yield f"  runbook coverage -p {parameters}"
