"""Four eyes: signatures on approvals, and why an approval may not be used for a run."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import rfc8785

from runbook_lib.base.identity import user
from runbook_lib.base.project import resolve
from runbook_lib.evidence.people.shared_users import shared_by_all
from runbook_lib.evidence.people.trust import Person, Trust, TrustProblem, pinned_trust, read_policy, refuse_another
from runbook_lib.evidence.run.folder import RunFolder, RunFolderError, RunStatus, find_runs
from runbook_lib.evidence.seal.archive import KEYS
from runbook_lib.evidence.seal.envelope import PAYLOAD_TYPE, STATEMENT, signature_of
from runbook_lib.evidence.seal.keys import KeyProblem
from runbook_lib.evidence.signatures import Envelope, Key, Signature, Signer, UnverifiedSignatureError, VerificationError
from runbook_lib.plan.approval import Approval, ApprovalRefused, ApprovalSignature, read_approval
from runbook_lib.settings import Settings

APPROVALS = "approvals"
"""The folder beside the runs into which `runbook approve` writes."""
APPROVAL_TYPE = "urn:incident-detection-runbook:approval:"
"""With the version of the approval at its end."""


@dataclass(frozen=True)
class Runner:
    """Who is about to use an approval: ids of the keys and names of the identities that are theirs."""

    keyids: frozenset[str]
    identities: frozenset[str]


def _envelope(approval: Approval) -> Envelope:
    """What is signed: a statement about the plan's file, of everything the approval says.

    Of where the plan lies only the name: the folder changes when it is copied. Version 1 named no file, only the fingerprint.
    """
    said = approval.model_dump(mode="json", exclude={"plan", "plan_sha256", "signatures"})
    subject = {"name": f"plan of {approval.phase}", "digest": {"sha256": approval.fingerprint}}
    if approval.version > 1:
        said |= {"plan": approval.plan_name, "plan_sha256": approval.plan_sha256}
        subject = {"name": approval.plan_name, "digest": {"sha256": approval.plan_sha256}}
    statement: dict[str, Any] = {
        "_type": STATEMENT,
        "subject": [subject],
        "predicateType": f"{APPROVAL_TYPE}{approval.version}",
        "predicate": said,
    }
    return Envelope(rfc8785.dumps(statement), PAYLOAD_TYPE, {})


def signed(approval: Approval, signer: Signer) -> Approval:
    """The approval with one more signature (DSSE over its statement)."""
    made = signature_of(_envelope(approval), signer)
    kept = tuple(each for each in approval.signatures if each.keyid != made.keyid)
    return approval.model_copy(update={"signatures": (*kept, ApprovalSignature(keyid=made.keyid, sig=made.signature))})


def signed_by(approval: Approval, key: Key) -> bool:
    """Whether a key's signature on this approval verifies."""
    for each in approval.signatures:
        if each.keyid == key.keyid:
            try:
                key.verify_signature(Signature(each.keyid, each.sig), _envelope(approval).pae())
            except (UnverifiedSignatureError, VerificationError):
                return False
            return True
    return False


def people_refusals(approval: Approval, trust: Trust, runner: Runner, at: dt.datetime) -> Iterator[str]:
    """Why the people who signed are not enough; nothing where no policy asks for anybody."""
    if trust.policy is None:
        return
    if approval.trust != trust.digest and (approval.trust or trust.needed(approval.mode)):
        yield "it was given under another trust policy than the one in force; have the plan approved again"
    if approval.organization != trust.policy.organization:
        yield f"the trust policy is for organization {trust.policy.organization}"
    if approval.emergency and trust.policy.emergency:
        return
    if approval.emergency:
        yield "the trust policy allows no emergency approvals"
    own, others = signers(approval, trust, runner, at)
    if own:
        yield f"signed by {', '.join(sorted(own.values()))}, who runs this: another person has to approve"
    if len(others) < trust.needed(approval.mode):
        yield f"{trust.needed(approval.mode)} approvals by other people are needed in mode {approval.mode}, it has {len(others)}"


def signers(approval: Approval, trust: Trust, runner: Runner, at: dt.datetime) -> tuple[dict[str, str], dict[str, str]]:
    """Key → name of those who signed and are the runner, and of those who signed, may approve, and are not. Keys are counted."""
    own, others = dict[str, str](), dict[str, str]()
    for person, key in trust.persons():
        if signed_by(approval, key):
            if _is(person, key, trust, runner):
                own[key.keyid] = person.name
            elif _may(person, approval.mode, at):
                others[key.keyid] = person.name
    return own, {keyid: name for keyid, name in others.items() if keyid not in own}


def may_approve(trust: Trust, mode: str, runner: Runner, at: dt.datetime) -> list[str]:
    """Names of those whose approval counts for a runner in a mode at a time."""
    return [person.name for person, key in trust.persons() if _may(person, mode, at) and not _is(person, key, trust, runner)]


def _may(person: Person, mode: str, at: dt.datetime) -> bool:
    return "approve" in person.may and person.good(mode, at)


def _is(person: Person, key: Key, trust: Trust, runner: Runner) -> bool:
    """Whether a person is the runner: by key or by identity."""
    keys = runner.keyids | {key.keyid for keys in trust.runners.values() for key in keys}
    return key.keyid in keys or person.is_among(runner.identities)


def use_refusals(approval: Approval, root: Path, run: str) -> Iterator[str]:
    """Why an approval that other runs have used may not be used by `run`: one of them completed it, or is still at it."""
    for other, phase in _uses(root, approval.id):
        if other.name == run:
            continue
        state = other.record()["phases"].get(phase, {})
        if state.get("results", {}).get("state") == "applied":
            yield f"it was completed by run {other.name}; plan again and have that approved"
        elif other.status == RunStatus.RUNNING:
            yield f"run {other.name} is using it at this moment"


def resumed(approval: Approval, root: Path, run: str) -> str:
    """The newest earlier run that used an approval and did not complete it; "" when there is none."""
    return next((other.name for other, _ in reversed(list(_uses(root, approval.id))) if other.name != run), "")


def _uses(root: Path, approval: str) -> Iterator[tuple[RunFolder, str]]:
    """Runs that began to apply an approval, oldest first, with the phase: their folder holds the approval and a journal."""
    for run in find_runs(root):
        for phase in run.phases():
            if not phase.journal.is_file():
                continue
            try:
                if any(read_approval(path).id == approval for path in sorted(phase.path.glob("approval*.json"))):
                    run.record()
                    yield run, phase.name
            except (ApprovalRefused, RunFolderError):
                continue


def trust_of(settings: Settings, runs: Path) -> Trust:
    """The trust policy that settings name, or the keys pinned beside the runs. Raises TrustProblem, KeyProblem."""
    part = settings.evidence
    if part is None or part.trust_policy is None:
        return pinned_trust(runs / KEYS)
    trust = read_policy(resolve(part.trust_policy))
    refuse_another(trust, part.trust_policy_owner, part.trust_policy_sha256)
    return trust


def parties(settings: Settings, runs: Path, callers: Iterable[str]) -> tuple[Trust, Runner]:
    """Whom approvals are held against: the trust policy in force, and who runs this. Raises ApprovalRefused."""
    try:
        trust = trust_of(settings, runs)
        own = frozenset(key.keyid for key in pinned_trust(runs / KEYS).runners[settings.mode])
    except (TrustProblem, KeyProblem) as problem:
        raise ApprovalRefused([str(problem)]) from None
    return trust, Runner(own, frozenset({user(), *callers}))


def needed(settings: Settings, runs: Path) -> int:
    """How many other people have to approve, so that whoever sits at the screen may not decide alone. Raises ApprovalRefused."""
    return parties(settings, runs, ())[0].needed(settings.mode)


def nobody(approver: str, trust: Trust) -> str:
    """Why an approver's name says nothing about who it was; "" where it does, and where the trust policy lists it on purpose.

    `approver` is the name of a user of the system, with whatever stands in brackets behind it.
    """
    name = approver.partition(" (")[0]
    people = trust.policy.people if trust.policy else ()
    if any(name in (person.name, *person.identities) for person in people) or not (why := shared_by_all(name)):
        return ""
    return (
        f"it is given by {name}, which is nobody in particular ({why}); have it signed with a person's own key (runbook approve), "
        f"or have the owner of the trust policy list {name} among somebody's identities"
    )


def nobody_here(settings: Settings, runs: Path) -> str:
    """Why whoever runs this cannot approve a plan of a live run alone; "" where they can. Raises ApprovalRefused."""
    return nobody(user(), parties(settings, runs, ())[0]) if settings.mode == "live" else ""


def _unsigned_by_nobody(approval: Approval, trust: Trust) -> Iterator[str]:
    """In live runs an approval without a signature names a person. Without a policy nobody knows whose a key is."""
    signed_ = any(signed_by(approval, key) for _, key in trust.persons()) if trust.policy else bool(approval.signatures)
    if approval.mode == "live" and not signed_ and (why := nobody(approval.approver, trust)):
        yield why


def reasons(approval: Approval, trust: Trust, runner: Runner, run: RunFolder) -> list[str]:
    """Why an approval may not be used now: people who are missing, a name that is nobody's, or another run that has it."""
    people = people_refusals(approval, trust, runner, dt.datetime.now(dt.UTC))
    return [*people, *_unsigned_by_nobody(approval, trust), *use_refusals(approval, run.path.parent, run.name)]


def refuse(approval: Approval, settings: Settings, run: RunFolder, callers: Iterable[str]) -> None:
    """Raise ApprovalRefused unless other people's signatures suffice and no other run has used the approval up.

    A run that used it and did not complete it is recorded as the one that this run goes on from.
    """
    runs = run.path.parent
    if found := reasons(approval, *parties(settings, runs, callers), run):
        raise ApprovalRefused(found)
    run.resume(resumed(approval, runs, run.name))
