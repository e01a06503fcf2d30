"""The commands by which other people say yes: `runbook approve`, keys, and the trust policy."""

import datetime as dt
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import click

from runbook_lib.audit.verify import verify
from runbook_lib.base.files import write_bytes
from runbook_lib.base.identity import user
from runbook_lib.base.owner_only import handed_over
from runbook_lib.base.privacy import masked
from runbook_lib.base.text import counted
from runbook_lib.cli.runs import runs_folder
from runbook_lib.evidence.people.four_eyes import APPROVALS, signed, trust_of
from runbook_lib.evidence.people.review import keep_review, review
from runbook_lib.evidence.people.trust import Trust, pinned_trust, read_policy
from runbook_lib.evidence.run.contents import REVIEW, file_digest
from runbook_lib.evidence.run.faults import Kind
from runbook_lib.evidence.run.folder import PhaseFolder, RunFolder
from runbook_lib.evidence.seal.archive import KEYS
from runbook_lib.evidence.seal.chain import StoreFailed
from runbook_lib.evidence.seal.keys import local_signer
from runbook_lib.evidence.seal.reading import Entry
from runbook_lib.evidence.seal.sealing import NotSealed, seal_of
from runbook_lib.evidence.signatures import Signer
from runbook_lib.evidence.store.desk import local_chains, store_for
from runbook_lib.plan import Plan
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import Approval, ApprovalRefused, approve, read_approval, untyped
from runbook_lib.settings.file import SettingsError, load


def approve_command(
    run_named: str,
    ticket: str,
    key: Path,
    phases: tuple[str, ...],
    reason: str,
    hours: float,
    out: Path | None,
    runs: str,
    loses: tuple[str, ...] = (),
) -> int:
    """Approve a run's plans with your own key."""
    folder = runs_folder(runs)
    run = RunFolder.open(folder / Path(run_named).name)
    _refuse_addresses(ticket, reason)
    _hold_against_seal(folder, run)
    signer = local_signer(key.parent, key.stem)
    settings = load(run.settings, dt.datetime.now(dt.UTC).date(), kept=True)
    trust = trust_of(settings, folder)
    _refuse_strangers(trust, signer, "approve", settings.mode)
    typed = [" ".join(each.split()) for each in loses]
    for phase in _planned(run, phases):
        plan = plan_file.load(phase.plan_json)
        path = (out or folder / APPROVALS) / f"{run.name}-{phase.name}.json"
        where = os.path.relpath(phase.plan_json, path.parent)
        digest = file_digest(phase.plan_json)
        if wrong := tuple(untyped(plan, typed)):
            raise ApprovalRefused(wrong)
        made = _there(path, plan, digest) or approve(
            plan,
            approver=_name(trust, signer.public_key.keyid),
            ticket=ticket,
            now=dt.datetime.now(dt.UTC),
            hours=hours,
            reason=reason,
            file=where,
            sha256=digest,
            loses=typed,
        ).model_copy(update={"trust": trust.digest})
        made = signed(made, signer)
        with handed_over():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(path, (made.model_dump_json(indent=2) + "\n").encode())
        click.echo(f"{phase.name}: {made.mode.upper()}, {counted(len(plan.actions), 'call')}, fingerprint {plan.fingerprint}")
        click.echo(f"  valid until {made.not_after:%Y-%m-%d %H:%M} UTC, {counted(len(made.signatures), 'signature')}: {path}")
    return 0


def _refuse_addresses(*texts: str) -> None:
    if any(masked(text) != text for text in texts):
        raise click.UsageError("ticket and reason go into evidence: no e-mail addresses, no secrets")


def _hold_against_seal(folder: Path, run: RunFolder) -> None:
    """What is approved must be what was planned: a sealed run is verified first; one still open has nothing to verify."""
    if seal_of(run) is None:
        return
    found = verify(folder, pinned_trust(folder / KEYS), [run.name], chains=_chains(folder, run)).faults
    if faults := [fault for fault in found if fault.kind is not Kind.EMERGENCY]:
        raise click.ClickException("\n".join(["nothing was signed, this run was altered:", *map(str, faults)]))


def _refuse_strangers(trust: Trust, signer: Signer, act: Literal["approve", "review"], mode: str) -> None:
    """Refuse a key that the trust policy does not let do this: its signature would not count and only mislead."""
    if why := trust.obstacle(signer.public_key.keyid, act, mode, dt.datetime.now(dt.UTC)):
        raise click.ClickException(
            f"nothing was signed: {trust.source} {why}\n"
            "give --key the key that it names, or have its owner change `people` there and sign it (runbook evidence trust)"
        )


def _refuse_who_ran_it(trust: Trust, signer: Signer, seal: Entry) -> None:
    """Refuse a review by whoever ran what is reviewed: verify would not count it."""
    for person, key in trust.persons():
        if key.keyid == signer.public_key.keyid and person.is_among(seal.identities):
            raise click.ClickException(f"nothing was signed: {person.name} ran {seal.run}; another person has to review it")


def _chains(folder: Path, run: RunFolder) -> Path | None:
    """Where the chain of a run lies; settings that cannot be read were altered, which verifying says."""
    try:
        return local_chains(folder, load(run.settings, dt.datetime.now(dt.UTC).date(), kept=True))
    except SettingsError:
        return None


def _planned(run: RunFolder, names: tuple[str, ...]) -> Iterator[PhaseFolder]:
    found = [phase for phase in run.phases() if phase.plan_json.is_file() and (not names or phase.name in names)]
    if not found or {phase.name for phase in found} < set(names):
        raise click.UsageError(f"{run.name}: has no plan of {', '.join(names) or 'any phase'}")
    yield from found


def _there(path: Path, plan: Plan, digest: str) -> Approval | None:
    """An approval of the same plan that somebody else began and that is still good."""
    if not path.is_file():
        return None
    approval = read_approval(path)
    same = (approval.fingerprint, approval.mode, approval.emergency) == (plan.fingerprint, plan.mode, "")
    good = approval.plan_sha256 in ("", digest) and dt.datetime.now(dt.UTC) < approval.not_after
    return approval if same and good else None


def _name(trust: Trust, keyid: str) -> str:
    """The approver's name: as the trust policy has it for this key, else the name of the user."""
    return next((person.name for person, key in trust.persons() if key.keyid == keyid), user())


def review_command(run_named: str, text: str, trust: Path | None, key: Path, runs: str) -> int:
    """Sign the later review of a run that was applied in an emergency; it goes to the store of the run's settings too."""
    _refuse_addresses(text)
    folder = runs_folder(runs)
    run = RunFolder.open(folder / Path(run_named).name)
    _hold_against_seal(folder, run)
    if (seal := seal_of(run)) is None:
        raise click.ClickException(f"{run.name}: is not sealed yet")
    signer = local_signer(key.parent, key.stem)
    settings = load(run.settings, dt.datetime.fromisoformat(seal.started).date(), kept=True)
    under = read_policy(trust) if trust else trust_of(settings, folder)
    _refuse_strangers(under, signer, "review", settings.mode)
    _refuse_who_ran_it(under, signer, seal)
    write_bytes(run.path / REVIEW, review(seal, text, signer, dt.datetime.now(dt.UTC)))
    try:
        with ExitStack() as resources:
            keep_review(store_for(folder, settings, resources), run.path, seal)
    except (StoreFailed, NotSealed) as problem:
        raise click.ClickException(
            f"the review lies in {run.path / REVIEW} and is not in the store: {problem}\n"
            f"once the store can be written: runbook evidence seal {run.name}"
        ) from None
    return 0
