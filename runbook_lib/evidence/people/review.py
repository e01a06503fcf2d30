"""The later review of an emergency: a signed statement beside a run's seal, naming the seal by its digest."""

import datetime as dt
from pathlib import Path
from typing import Any

from pydantic import BaseModel, TypeAdapter

from runbook_lib.base.own_files import MIB, FileBroken, Moment, Text, data_of, fitting, moment
from runbook_lib.evidence.people.trust import Trust
from runbook_lib.evidence.run.contents import REVIEW
from runbook_lib.evidence.seal.chain import ChainStore, StoreFailed
from runbook_lib.evidence.seal.envelope import STATEMENT, read, sign
from runbook_lib.evidence.seal.reading import Entry
from runbook_lib.evidence.seal.statement import stamp
from runbook_lib.evidence.signatures import Signer

REVIEW_TYPE = "urn:incident-detection-runbook:review:1"
LARGEST = MIB
"""Bytes of a review."""


class _Said(BaseModel):
    text: Text
    reviewed: Moment


class _Review(BaseModel):
    """The statement, as far as it is read."""

    subject: list[Any]
    predicate: _Said


_REVIEW = TypeAdapter(_Review)


def review(seal: Entry, text: str, signer: Signer, now: dt.datetime) -> bytes:
    """The statement that somebody looked at a sealed run, and what they found."""
    subject = {"name": seal.run, "digest": {"sha256": seal.digest}}
    predicate = {"text": text, "reviewed": stamp(now)}
    return sign({"_type": STATEMENT, "subject": [subject], "predicateType": REVIEW_TYPE, "predicate": predicate}, signer)


def keep_review(store: ChainStore, folder: Path, seal: Entry) -> None:
    """Bring the review in a run's folder into the store, if there is one; again is harmless. Raises StoreFailed."""
    path = folder / REVIEW
    try:
        data = data_of(path, LARGEST)
    except FileNotFoundError:
        return
    except FileBroken as broken:
        raise StoreFailed(f"{path}: {broken}") from None
    store.keep_review(seal.chain, seal.run, data)


def review_defect(folder: Path, seal: Entry, trust: Trust, ran: frozenset[str]) -> str:
    """What is wrong with the review in a run's folder; "" for a good one. Who may review is the trust policy's to say.

    `ran`: the names under which whoever ran it is met, for nobody reviews what he ran.
    """
    try:
        sealed = read(data_of(folder / REVIEW, LARGEST))
        if sealed.statement.get("predicateType") != REVIEW_TYPE:
            return "is not a review"
        said = fitting(_REVIEW, sealed.statement)
    except (FileBroken, FileNotFoundError) as error:
        return f"cannot be judged: {error}"
    if said.subject != [{"name": seal.run, "digest": {"sha256": seal.digest}}]:
        return "is of another seal"
    if trust.policy is None:
        return "cannot be judged: who may review is a trust policy's to say; verify with --trust FILE"
    at = moment(said.predicate.reviewed)
    good = [
        person.name
        for person, key in trust.persons()
        if "review" in person.may and person.good(seal.mode, at) and not person.is_among(ran)
        if key.keyid not in seal.sealed.signatures and sealed.signed_by([key])
    ]
    return "" if good else "is signed by nobody who may review this run"
