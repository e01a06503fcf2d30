"""Whom a verification trusts, and who may approve: the trust policy, a signed file apart from the parameters.

Made and signed by its owner, given to verify by the auditor, named by its digest in every approval and seal. Without one, only the
runners' keys pinned beside the runs are known, and nobody is asked for a key.
"""

import datetime as dt
import hashlib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import rfc8785
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from runbook_lib.base.documents import DocumentError, short
from runbook_lib.base.documents.files import decoded
from runbook_lib.base.documents.json_text import read_json
from runbook_lib.base.documents.models import refused_by
from runbook_lib.base.errors import RunbookError
from runbook_lib.base.identity import names
from runbook_lib.base.own_files import MIB, FileBroken, data_of, words_of
from runbook_lib.evidence.seal.envelope import STATEMENT, read, sign
from runbook_lib.evidence.seal.keys import KeyProblem, der_digest, pem, pinned, public_key, read_key
from runbook_lib.evidence.signatures import Key, Signer

POLICY_TYPE = "urn:incident-detection-runbook:trust-policy:1"
LARGEST_POLICY = MIB
Mode = Literal["rehearsal", "live"]


class TrustProblem(RunbookError):
    """A trust policy that cannot be read or is not signed by its owner; the message names the file."""


class Part(BaseModel):
    """Base of every part: immutable, an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Person(Part):
    """Somebody who may approve. `identities`: OS users, ARNs and e-mail addresses under which the same person runs commands."""

    name: Annotated[str, Field(min_length=1, pattern=r"^[^@]+$")]
    key: str
    may: tuple[Literal["approve", "review"], ...] = ("approve",)
    modes: tuple[Mode, ...] = ("rehearsal", "live")
    identities: tuple[str, ...] = ()
    valid_from: AwareDatetime | None = None
    valid_until: AwareDatetime | None = None

    def good(self, mode: str, at: dt.datetime) -> bool:
        """Whether this person's key counts in a mode at a time."""
        since = self.valid_from is None or self.valid_from <= at
        return mode in self.modes and since and (self.valid_until is None or at < self.valid_until)

    def is_among(self, identities: Iterable[str]) -> bool:
        """Whether one of these identities is this person. Both sides are compared as they are written down."""
        return bool(names(identities) & names((self.name, *self.identities)))


class Runner(Part):
    """The key that seals runs of one mode."""

    mode: Mode
    key: str


class Policy(Part):
    """Who may approve, how many are needed per mode, whether an emergency may go without, and which keys seal."""

    version: Literal[1] = 1
    organization: str
    owner: str
    """Public key (PEM) of whoever signs this policy."""
    runners: tuple[Runner, ...] = ()
    people: tuple[Person, ...] = ()
    approvals: dict[Mode, Annotated[int, Field(ge=0, le=9)]] = Field(default={"rehearsal": 0, "live": 1})
    emergency: bool = False


@dataclass(frozen=True)
class Trust:
    """Keys of runners by mode, and the policy they are from, with its digest. `source` says, for messages, where they are from."""

    runners: Mapping[str, tuple[Key, ...]]
    source: str
    policy: Policy | None = None
    digest: str = ""
    broken: Mapping[str, str] = field(default_factory=dict)
    """Pinned keys that cannot be read, by the names of their files, with the reasons."""

    def persons(self) -> list[tuple[Person, Key]]:
        """Everybody the policy names, with their keys."""
        return [(person, public_key(person.key)) for person in self.policy.people] if self.policy else []

    def obstacle(self, keyid: str, act: Literal["approve", "review"], mode: str, at: dt.datetime) -> str:
        """Why what a key signs would not count; "" where it would, and where no policy asks for anybody."""
        named = [person for person, key in self.persons() if key.keyid == keyid]
        if self.policy is None or any(act in person.may and person.good(mode, at) for person in named):
            return ""
        return f"does not let {named[0].name} {act} in mode {mode} now" if named else "names nobody with this key"

    def needed(self, mode: str) -> int:
        """How many approvals by other people a mode needs."""
        return self.policy.approvals.get("live" if mode == "live" else "rehearsal", 0) if self.policy else 0


def pinned_trust(folder: Path) -> Trust:
    """The keys pinned beside the runs: good against changes by whoever does not also change them. Raises KeyProblem."""
    return Trust({mode: pinned(folder, mode) for mode in ("rehearsal", "live")}, "keys pinned beside the runs")


def pins_as_they_lie(folder: Path) -> Trust:
    """The keys pinned beside the runs, as far as they can be read: in a verification a broken pin hides nothing else."""
    broken = dict[str, str]()
    keys = {mode: pinned(folder, mode, broken) for mode in ("rehearsal", "live")}
    return Trust(keys, "keys pinned beside the runs", broken=broken)


def given_keys(paths: Sequence[Path]) -> Trust:
    """Public keys (PEM) from the auditor's own hand, good for either mode. Raises TrustProblem."""
    try:
        keys = tuple(read_key(path) for path in paths)
    except KeyProblem as error:
        raise TrustProblem(str(error)) from None
    return Trust({"rehearsal": keys, "live": keys}, "the given keys")


def read_policy(path: Path) -> Trust:
    """A trust policy, after checking its owner's signature. Raises TrustProblem."""
    try:
        data = data_of(path, LARGEST_POLICY)
        sealed = read(data)
        if sealed.statement.get("predicateType") != POLICY_TYPE:
            raise TrustProblem(f"{path}: is not a trust policy")
        policy = Policy.model_validate_json(rfc8785.dumps(sealed.statement.get("predicate")))
        if not sealed.signed_by([public_key(policy.owner)]):
            raise TrustProblem(f"{path}: is not signed by the owner it names")
        runners = {mode: _keys(policy.runners, mode) for mode in ("rehearsal", "live")}
        _refuse_doubles(policy, str(path))
    except FileNotFoundError as error:
        raise TrustProblem(f"{path}: {error.strerror}") from None
    except ValidationError as error:
        raise TrustProblem(f"{path}: {words_of(error)}") from None
    except (FileBroken, KeyProblem) as error:
        raise TrustProblem(f"{path}: {error}") from None
    return Trust(runners, f"trust policy {path}", policy, hashlib.sha256(data).hexdigest())


def refuse_another(trust: Trust, owner: str | None, sha256: str | None) -> None:
    """Raise TrustProblem unless a policy is the one that settings pin: by its owner's key, or by its own digest."""
    if trust.policy is None:
        return
    signed_by = der_digest(trust.policy.owner)
    for pinned_, found, key, what in (
        (owner, signed_by, "trust_policy_owner", "is signed by the owner with key"),
        (sha256, trust.digest, "trust_policy_sha256", "is the file with digest"),
    ):
        if pinned_ not in (None, found):
            raise TrustProblem(
                f"{trust.source}: {what} {found}, and settings (evidence.{key}) pin {pinned_}; "
                "put the pinned file there, or have the settings changed by whoever reviews them"
            )


def _refuse_doubles(policy: Policy, name: str) -> None:
    """Raise TrustProblem where one key, or one name, would count as two: approvals are counted, and so must people be."""
    held = dict[str, str]()
    holders = [(f"runners[{place}] ({each.mode})", each.key) for place, each in enumerate(policy.runners)]
    holders += [(f"people[{place}] ({short(each.name)})", each.key) for place, each in enumerate(policy.people)]
    for holder, key in holders:
        try:
            keyid = public_key(key).keyid
        except KeyProblem as problem:
            raise KeyProblem(f"{holder}: key: {problem}") from None
        if keyid in held:
            raise TrustProblem(
                f"{name}: {holder} has the same key as {held[keyid]}; every person and every runner has a key of their own"
            )
        held[keyid] = holder
    if policy.owner and (runner := held.get(public_key(policy.owner).keyid, "")).startswith("runners"):
        raise TrustProblem(f"{name}: the owner has the same key as {runner}; whoever runs would say who may approve")
    places = dict[str, int]()
    for place, person in enumerate(policy.people):
        said = " ".join(unicodedata.normalize("NFKC", person.name).casefold().split())
        if said in places:
            raise TrustProblem(
                f"{name}: people[{place}] has the same name as people[{places[said]}], '{short(person.name)}'; one entry a person"
            )
        places[said] = place


def _keys(runners: Sequence[Runner], mode: str) -> tuple[Key, ...]:
    return tuple(public_key(each.key) for each in runners if each.mode == mode)


def signed_policy(text: bytes, signer: Signer, name: str) -> bytes:
    """A policy as its owner signs it. `text` is its JSON; `owner` is filled in from the key. Raises TrustProblem."""
    try:
        given = read_json(decoded(text, name), name)
        if not isinstance(given, dict):
            raise TrustProblem(f"{name}: an object with organization, runners and people is expected")
        policy = Policy.model_validate(given | {"owner": pem(signer.public_key)})
        _refuse_doubles(policy, name)
    except ValidationError as error:
        raise TrustProblem(str(refused_by(error, Policy, name))) from None
    except DocumentError as error:
        raise TrustProblem(str(error)) from None
    except KeyProblem as error:
        raise TrustProblem(f"{name}: {error}") from None
    predicate = policy.model_dump(mode="json", exclude_none=True)
    subject = [{"name": policy.organization, "digest": {"sha256": hashlib.sha256(rfc8785.dumps(predicate)).hexdigest()}}]
    return sign({"_type": STATEMENT, "subject": subject, "predicateType": POLICY_TYPE, "predicate": predicate}, signer)
