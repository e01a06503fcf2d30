"""What a sealed statement says, read with care: a statement of another shape than ours is a broken seal, never an error of ours."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runbook_lib.base.documents import short
from runbook_lib.base.identity import SystemUser
from runbook_lib.base.own_files import FileBroken, fitting
from runbook_lib.evidence.seal.envelope import EnvelopeBroken, Sealed
from runbook_lib.evidence.seal.low_s import LOW_S
from runbook_lib.evidence.seal.statement import LINKED_TYPE, LOST_TYPE, RUN_TYPE, START_TYPE
from runbook_lib.evidence.seal.statement_model import RESULT, STATEMENT, WITHHELD, Statement

_TYPES = {RUN_TYPE: "run", START_TYPE: "start", LOST_TYPE: "lost", LINKED_TYPE: "linked"}


@dataclass(frozen=True)
class Entry:
    """One statement of a chain.

    `kind`: "run" for a run's seal, "start" for the record made before a live apply, "lost" where such a run ends without a seal,
    "linked" for what was said about a sealed run afterwards.
    """

    sealed: Sealed
    kind: str
    run: str
    mode: str
    organization: str
    number: int
    previous: str
    started: str
    finished: str
    when: str
    subjects: Mapping[str, str]
    folders: frozenset[str]
    withheld: Mapping[str, tuple[str, ...]]
    """Files that were kept out of it, by name: where in each which rule found something."""
    withheld_digests: Mapping[str, str]
    result: Mapping[str, Any]
    parameters: Mapping[str, Any]
    dependencies: Mapping[str, Mapping[str, Any]]
    low_s: bool
    """Whether it says that its signature is in the one form; see `low_s`."""
    builder: str
    user: SystemUser | None
    """Who ran it, by the account database of that machine; None in statements from before that was recorded."""

    def completed(self, approval: str) -> bool:
        """Whether this run's seal says that it made all calls under the approval of that id."""
        for name, each in self.approvals.items():
            phase = self.result.get("phases", {}).get(name.partition("/")[0], {})
            if each.get("annotations", {}).get("id") == approval and phase.get("state") == "applied":
                return True
        return False

    @property
    def identities(self) -> frozenset[str]:
        """The names under which whoever ran this may be met: as AWS knew them, and as the machine did."""
        return frozenset(self.builder.split()) | (self.user.identities if self.user else frozenset())

    @property
    def digest(self) -> str:
        return self.sealed.digest

    @property
    def chain(self) -> str:
        return f"{self.mode}/{self.organization}"

    @property
    def status(self) -> str:
        return str(self.result.get("status", ""))

    def rests_on(self, name: str) -> str:
        """The digest of a dependency by name; "" where there is none."""
        return str(self.dependencies.get(name, {}).get("digest", {}).get("sha256", ""))

    @property
    def approvals(self) -> dict[str, Mapping[str, Any]]:
        """Phase → what the statement says of its approval."""
        return {name.removeprefix("approval/"): each for name, each in self.dependencies.items() if name.startswith("approval/")}


def entry(sealed: Sealed) -> Entry:
    """The statement in an envelope as one entry of a chain. Raises EnvelopeBroken when it is of another shape."""
    try:
        return _entry(sealed, fitting(STATEMENT, sealed.statement))
    except (FileBroken, ValueError) as error:
        raise EnvelopeBroken(f"its statement is not one about a run: {error}") from None


def _entry(sealed: Sealed, statement: Statement) -> Entry:
    definition, details = statement.predicate.build_definition, statement.predicate.run_details
    outer, inner, metadata = definition.external_parameters, definition.internal_parameters, details.metadata
    if definition.build_type not in _TYPES:
        raise ValueError(f"build type {short(repr(definition.build_type))}")
    if inner.chain != f"{outer.mode}/{outer.organization}":
        raise ValueError("chain, mode and organization differ")
    dependencies = _once((each.name, each.model_dump()) for each in definition.resolved_dependencies if each.name is not None)
    annotations = _once((each.name, each.annotations) for each in details.byproducts)
    withheld = {name: said["withheld"] for name, said in annotations.items() if "withheld" in said}
    result = annotations.get("result", {})
    fitting(RESULT, result)
    parameters: dict[str, Any] = sealed.statement["predicate"]["buildDefinition"]["externalParameters"]
    return Entry(
        sealed=sealed,
        kind=_TYPES[definition.build_type],
        run=metadata.invocation_id,
        mode=outer.mode,
        organization=outer.organization,
        number=inner.number,
        previous=str(dependencies.get("previous-evidence", {}).get("digest", {}).get("sha256", "")),
        started=metadata.started_on,
        finished=metadata.finished_on or "",
        when=inner.sealed,
        subjects=_once((each.name, each.digest.sha256) for each in statement.subject),
        folders=inner.folders,
        withheld={name: fitting(WITHHELD, said) for name, said in withheld.items()},
        withheld_digests={each.name: each.digest.sha256 for each in details.byproducts if each.digest and each.name in withheld},
        result=dict(result),
        parameters=parameters,
        dependencies=dependencies,
        low_s=inner.signature == LOW_S,
        builder=details.builder.id,
        user=SystemUser.read(parameters["user"]) if "user" in parameters else None,
    )


def _once(pairs: Any) -> dict[str, Any]:
    """A mapping in which no name stands twice."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found or not isinstance(name, str):
            raise ValueError(f"{short(repr(name))} appears twice, or is not a name")
        found[name] = value
    return found
