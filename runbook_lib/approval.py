"""An approval of a plan, and the rule that says which calls it covers.

An approval covers *units*: (operation, calling account, Region, target account, other parameters). Before each stage the plan is
made again from a fresh observation. What is already so, or no longer possible, falls away; accounts that appeared since are
listed and left out; one unit outside the approval, a new Blocker or changed settings, and nothing of that stage is called.
"""

import datetime as dt
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from runbook_lib.plan import Action, Plan, Step


class ApprovalRefused(Exception):
    """The approval cannot be used for what is about to be done; nothing was called. Holds every reason."""

    def __init__(self, reasons: Iterable[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("approval refused: " + "; ".join(self.reasons))


class ApprovalSignature(BaseModel):
    """One person's signature on everything an approval says (but where its plan lies): id of the key, signature as hex."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keyid: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    sig: Annotated[str, Field(pattern=r"^([0-9a-f]{2})+$")]


class Approval(BaseModel):
    """Who said yes to which plan, in which mode, for which organization, and when that yes is good. Times are UTC."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1] = 1
    id: str
    mode: Literal["rehearsal", "live"]
    organization: str
    phase: str
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    approver: Annotated[str, Field(min_length=1)]
    ticket: Annotated[str, Field(min_length=1)]
    reason: str = ""
    not_before: dt.datetime
    not_after: dt.datetime
    plan: str = "plan.json"
    """The approved plan's file, relative to the approval's own folder."""
    trust: str = ""
    """SHA-256 (hex) of the trust policy under which it was given; "" for none."""
    emergency: str = ""
    """Why it was given by the runner alone; "" in every other case."""
    signatures: tuple[ApprovalSignature, ...] = ()

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self.model_dump(mode="json"), indent=2, sort_keys=True) + "\n", encoding="utf-8")


def approve(
    plan: Plan, *, approver: str, ticket: str, now: dt.datetime, hours: float = 12, reason: str = "", file: str = "plan.json"
) -> Approval:
    """An approval of exactly this plan in its own mode, good from `now` for `hours`."""
    return Approval(
        id=str(uuid.uuid4()),
        mode="live" if plan.mode == "live" else "rehearsal",
        organization=plan.organization,
        phase=plan.phase,
        fingerprint=plan.fingerprint,
        approver=approver,
        ticket=ticket,
        reason=reason,
        not_before=now,
        not_after=now + dt.timedelta(hours=hours),
        plan=file,
    )


def read_approval(path: Path) -> Approval:
    """Read an approval file. Raises ApprovalRefused naming the file, the key and the value."""
    try:
        return Approval.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ApprovalRefused(
            [f"{path}: cannot be read ({error.strerror}); give the approval.json that belongs to the plan"]
        ) from None
    except ValidationError as error:
        found = (f"{path}: {'.'.join(map(str, each['loc'])) or 'file'}: {each['msg']}" for each in error.errors())
        raise ApprovalRefused(found) from None


def refusals(approval: Approval, approved: Plan, *, mode: str, organization: str, phase: str, settings: str) -> tuple[str, ...]:
    """Why an approval (with the plan it names) cannot be used here at all; empty when it can. Time is judged by `window`."""
    checks = (
        (approval.mode == mode, f"it was given in mode {approval.mode}, this run is {mode}"),
        (approval.organization == organization, f"it is for organization {approval.organization}, this is {organization}"),
        (approval.phase == phase, f"it is for phase {approval.phase}, this is {phase}"),
        (approval.fingerprint == approved.fingerprint, "the plan beside it has another fingerprint than the approval names"),
        (approved.mode == approval.mode, f"the plan beside it was made in mode {approved.mode}"),
        (approved.organization == approval.organization, f"the plan beside it is for organization {approved.organization}"),
        (approved.phase == approval.phase, f"the plan beside it is for phase {approved.phase}"),
        (
            approved.settings_digest == settings,
            "the settings have changed since the plan was made; plan again and have it approved",
        ),
    )
    return tuple(reason for holds, reason in checks if not holds)


def window(approval: Approval, now: dt.datetime) -> tuple[str, ...]:
    """Why the approval is not good at this moment; empty when it is."""
    if now < approval.not_before:
        return (f"it is good from {approval.not_before:%Y-%m-%d %H:%M} UTC only",)
    if now >= approval.not_after:
        return (f"it was good until {approval.not_after:%Y-%m-%d %H:%M} UTC; plan again and have it approved",)
    return ()


@dataclass(frozen=True)
class Covered:
    """What an approval leaves of a plan made again, for one stage.

    `steps` is the whole plan as it may run (other stages' steps are kept for their ids in `after`). `already_so` and `dropped` are
    approved units that need, or allow, no call any more; `appeared` are accounts outside the approved plan's population.
    """

    steps: tuple[Step, ...]
    already_so: frozenset[tuple[str, str]]
    dropped: frozenset[tuple[str, str]]
    appeared: frozenset[str]
    refused: tuple[str, ...]


def cover(approved: Plan, current: Plan, stage: str) -> Covered:
    """Hold the plan made again (`current`) against the approved one, for one stage. Pure."""
    trimmed, appeared = _known_accounts_only(current.steps, approved.population)
    refused = list(_outside(approved, trimmed, stage))
    before = {(b.service, b.region, b.aspect, account) for b in approved.blockers for account in b.accounts or ("",)}
    for blocker in (each for each in current.blockers if each.holds_up):
        fresh = [a for a in sorted(blocker.accounts) or [""] if (blocker.service, blocker.region, blocker.aspect, a) not in before]
        if known := [a for a in fresh if a == "" or a in approved.population]:
            refused.append(
                f"blocked since the approval: {blocker.service} {blocker.region} {blocker.aspect}"
                f" ({len(known)} accounts): {blocker.reason}. Next step: {blocker.next_step}"
            )
    open_units = {unit for step in trimmed for unit in step.units}
    gone = {unit for action in approved.actions if action.stage == stage for unit in action.units} - open_units
    dropped = frozenset(unit for unit in gone if unit[1] and unit[1] not in current.population)
    return Covered(trimmed, frozenset(gone) - dropped, dropped, appeared, tuple(refused))


def _outside(approved: Plan, steps: Iterable[Step], stage: str) -> Iterable[str]:
    """One sentence per Action of the stage that has units outside the approved plan."""
    for step in steps:
        if isinstance(step, Action) and step.stage == stage and (extra := step.units - approved.units):
            accounts = ", ".join(sorted(target for _, target in extra if target)[:5])
            yield (
                f"not in the approved plan: {step.service}:{step.operation} as {step.account} in {step.region}"
                + (f" for {len(extra)} accounts ({accounts}{', …' if len(extra) > 5 else ''})" if accounts else "")
                + "; plan again and have it approved"
            )


def _known_accounts_only(steps: Iterable[Step], population: frozenset[str]) -> tuple[tuple[Step, ...], frozenset[str]]:
    """Leave out accounts that the approved plan did not know; keep `after` pointing at the steps as they are now."""
    kept: list[Step] = []
    renamed: dict[str, str] = {}
    appeared: set[str] = set()
    for step in steps:
        strangers = {each for each in step.targets or (step.account,) if each not in population}
        appeared |= strangers
        if step.targets and strangers:
            if rest := set(step.targets) - strangers:
                smaller = step.only(rest)
                renamed[step.id] = smaller.id
                kept.append(smaller)
        elif not strangers:
            kept.append(step)
    renaming = renamed.keys()
    same = [
        step if renaming.isdisjoint(step.after) else replace(step, after=tuple(renamed.get(each, each) for each in step.after))
        for step in kept
    ]
    return tuple(same), frozenset(appeared)
