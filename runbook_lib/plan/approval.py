"""An approval of a plan, and the rule that says which calls it covers.

An approval covers *units*: (operation, calling account, Region, target account, other parameters). Before each stage the plan is
made again from a fresh observation. What is already so, or no longer possible, falls away; accounts that appeared since are
listed and left out; one unit outside the approval, a new Blocker or changed settings, and nothing of that stage is called.
"""

import datetime as dt
import hashlib
import json
import re
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)

from runbook_lib.base.account_sets import count_of
from runbook_lib.base.documents import DocumentError, NotThere
from runbook_lib.base.documents.files import MIB, read_text
from runbook_lib.base.documents.json_text import read_json
from runbook_lib.base.documents.models import refused_by
from runbook_lib.base.errors import RunbookError
from runbook_lib.base.files import write_text
from runbook_lib.base.privacy import masked
from runbook_lib.base.text import counted
from runbook_lib.plan import Action, Plan, Step
from runbook_lib.plan import file as plan_file

_PLAN = re.compile(r"plan[A-Za-z0-9_-]*\.json")
"""Names of plans: an approval brings its plan into the folder of a phase, where no other file may be overwritten by it."""


LARGEST = MIB


def _in_range(time: dt.datetime) -> dt.datetime:
    """Refuse what has no place in UTC's calendar, such as the first moment of year 1 at an offset."""
    try:
        time.astimezone(dt.UTC)
    except OverflowError:
        raise ValueError("Not a time that the calendar has; write it as YYYY-MM-DDTHH:MM:SSZ") from None
    return time


Moment = Annotated[AwareDatetime, AfterValidator(_in_range)]


HOURS = 12
"""For so long an approval is good, unless somebody says otherwise."""


class ApprovalRefused(RunbookError):
    """The approval cannot be used for what is about to be done; nothing was called. Holds every reason."""

    advice = "Nothing of what it refused was called. Plan again and have that plan approved."

    def __init__(self, reasons: Iterable[str]) -> None:
        self.reasons = tuple(reasons)
        super().__init__("approval refused: " + "; ".join(self.reasons))


class ApprovalSignature(BaseModel):
    """One person's signature on everything an approval says but the folder its plan lies in: id of the key, signature as hex."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    keyid: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    sig: Annotated[str, Field(pattern=r"^([0-9a-f]{2})+$")]


class Approval(BaseModel):
    """Who said yes to which plan, in which mode, for which organization, and when that yes is good. Times are UTC.

    Version 1 is read as it was written: there a signature says nothing about the plan's file, only about its fingerprint. Version 3
    is written where the plan takes something away that had to be typed, and else nothing is different from version 2.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Literal[1, 2, 3] = 2
    id: str
    mode: Literal["rehearsal", "live"]
    organization: str
    phase: str
    fingerprint: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    approver: Annotated[str, Field(min_length=1)]
    ticket: Annotated[str, Field(min_length=1)]
    reason: str = ""
    not_before: Moment
    not_after: Moment
    plan: str = "plan.json"
    """The approved plan's file, relative to the approval's own folder. Its name is signed, its folder is not: both are copied."""
    plan_sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    """SHA-256 (hex) of the approved plan's file, from version 2 on."""
    trust: str = ""
    """SHA-256 (hex) of the trust policy under which it was given; "" for none."""
    emergency: str = ""
    """Why it was given by the runner alone; "" in every other case."""
    loses: tuple[str, ...] = ()
    """What was typed of what is lost, from version 3 on."""
    signatures: tuple[ApprovalSignature, ...] = ()

    @model_validator(mode="after")
    def _names_its_plan(self) -> Self:
        if self.version == 1 and self.plan_sha256:
            raise ValueError("version 1 has no plan_sha256")
        if (self.version > 2) != bool(self.loses):
            raise ValueError("loses (what was typed of what is lost) is version 3's, and no other's")
        if self.version > 1 and not (self.plan_sha256 and _PLAN.fullmatch(self.plan_name)):
            raise ValueError("plan (a file called plan.json or plan-….json) and plan_sha256 (its SHA-256) are needed")
        return self

    @property
    def plan_name(self) -> str:
        """The name of the approved plan's file."""
        return PurePosixPath(self.plan).name

    def names(self, sha256: str) -> bool:
        """Whether a plan's file with this digest is the one that was approved, as far as this version tells."""
        return self.version == 1 or sha256 == self.plan_sha256

    @model_serializer(mode="wrap")
    def _as_its_version(self, written: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What a version did not have is not written, and not signed, in it."""
        said: dict[str, Any] = written(self)
        if self.version < 3:
            said.pop("loses", None)
        return said

    @property
    def text(self) -> str:
        """The approval's file."""
        return json.dumps(self.model_dump(mode="json"), indent=2, sort_keys=True) + "\n"

    def write(self, path: Path) -> None:
        """Whole or not at all."""
        write_text(path, self.text)


def approve(
    plan: Plan,
    *,
    approver: str,
    ticket: str,
    now: dt.datetime,
    hours: float = HOURS,
    reason: str = "",
    file: str = "plan.json",
    sha256: str = "",
    loses: Iterable[str] = (),
) -> Approval:
    """An approval of exactly this plan in its own mode, good from `now` for `hours`. What people say in it is masked.

    `file` is where the plan lies, from the approval's folder, and `sha256` its digest, where it was not written by this version.
    `loses` is what was typed of what is lost. Raises ApprovalRefused where that is not exactly what the plan takes away.
    """
    typed = tuple(sorted({" ".join(each.split()) for each in loses}))
    if wrong := tuple(untyped(plan, typed)):
        raise ApprovalRefused(wrong)
    return Approval(
        version=3 if typed else 2,
        loses=typed,
        id=str(uuid.uuid4()),
        mode="live" if plan.mode == "live" else "rehearsal",
        organization=plan.organization,
        phase=plan.phase,
        fingerprint=plan.fingerprint,
        approver=masked(approver),
        ticket=masked(ticket),
        reason=masked(reason),
        not_before=now,
        not_after=now + dt.timedelta(hours=hours),
        plan=file,
        plan_sha256=sha256 or hashlib.sha256(plan_file.dumps(plan).encode()).hexdigest(),
    )


def untyped(plan: Plan, typed: Iterable[str]) -> Iterator[str]:
    """What of the plan's losses was not typed, and what was typed and is none of them."""
    said = frozenset(typed)
    for each in sorted(plan.to_type - said):
        yield f"the plan takes away what has to be typed by its own words, and it was not: {each}"
    for each in sorted(said - plan.to_type):
        yield f"this was typed, and the plan takes nothing like it away: {each}"


def read_approval(path: Path) -> Approval:
    """Read an approval file. Raises ApprovalRefused naming the file, the key and the value."""
    try:
        return Approval.model_validate(read_json(read_text(path, LARGEST), str(path)))
    except NotThere:
        raise ApprovalRefused([f"{path}: there is no such file; give the approval.json that belongs to the plan"]) from None
    except ValidationError as error:
        raise ApprovalRefused(str(refused_by(error, Approval, str(path))).split("\n")) from None
    except DocumentError as error:
        raise ApprovalRefused([str(error)]) from None


def refusals(
    approval: Approval, approved: Plan, *, mode: str, organization: str, phase: str, settings: str, register: str = ""
) -> tuple[str, ...]:
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
        (
            approved.register == register,
            "the register of workflows has changed since the plan was made; plan again and have it approved",
        ),
    )
    return (*(reason for holds, reason in checks if not holds), *untyped(approved, approval.loses))


def window(approval: Approval, now: dt.datetime) -> tuple[str, ...]:
    """Why the approval is not good at this moment; empty when it is."""
    if now < approval.not_before:
        return (f"it is valid from {approval.not_before:%Y-%m-%d %H:%M} UTC only",)
    if now >= approval.not_after:
        return (f"it was valid until {approval.not_after:%Y-%m-%d %H:%M} UTC; plan again and have it approved",)
    return ()


@dataclass(frozen=True)
class Covered:
    """What an approval leaves of a plan made again, for one stage.

    `steps` is the whole plan as it may run (other stages' steps are kept for their ids in `after`). `already_so` and `dropped` are
    approved units that need no call any more, or must not be made; `appeared` are accounts outside the approved plan's population.
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
                f" ({count_of(known)}): {blocker.reason}. Next step: {blocker.next_step}"
            )
    open_units = {unit for step in trimmed for unit in step.units}
    gone = {unit for action in approved.actions if action.stage == stage for unit in action.units} - open_units
    out = frozenset[str]().union(*(blocker.rules_out for blocker in current.blockers))
    dropped = frozenset(unit for unit in gone if unit[0] in out or (unit[1] and unit[1] not in current.population))
    return Covered(trimmed, frozenset(gone) - dropped, dropped, appeared, tuple(refused))


def _outside(approved: Plan, steps: Iterable[Step], stage: str) -> Iterable[str]:
    """One sentence per Action of the stage that has units outside the approved plan."""
    for step in steps:
        if isinstance(step, Action) and step.stage == stage and (extra := step.units - approved.units):
            accounts = ", ".join(sorted(target for _, target in extra if target)[:5])
            yield (
                f"not in the approved plan: {step.service}:{step.operation} as {step.account} in {step.region}"
                + (f" for {counted(len(extra), 'account')} ({accounts}{', …' if len(extra) > 5 else ''})" if accounts else "")
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
