"""Coverage built again, offline, from the raw answers of a run, and held against the coverage that the run wrote."""

import copy
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from runbook_lib.aws.access import Access
from runbook_lib.aws.errors import CallFailed
from runbook_lib.base.clock import Clock
from runbook_lib.base.documents import LONGEST_SAID, DocumentError, short
from runbook_lib.base.own_files import moment
from runbook_lib.base.privacy import masked_data
from runbook_lib.coverage import Cells
from runbook_lib.coverage.files import FORMAT, json_text
from runbook_lib.coverage.kept import CoverageBroken, read_coverage
from runbook_lib.evidence.run.answers import key
from runbook_lib.evidence.run.folder import WORKFLOWS, PhaseFolder, RunFolder
from runbook_lib.evidence.run.kept_answers import AnswersBroken, read_answers
from runbook_lib.evidence.seal.reading import Entry
from runbook_lib.evidence.seal.sealing import seal_of
from runbook_lib.organization import Organization
from runbook_lib.plan import Scope
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.file import PlanFileError
from runbook_lib.runbook import Runbook, remediating, undoing
from runbook_lib.runbook.phases import BACK_OUT, REMEDIATING, RESPONSE, Kind, Phase, UnknownPhase, phase_named
from runbook_lib.services.departures import NoSuchLevel, NoSuchService
from runbook_lib.services.procedures import procedure
from runbook_lib.services.protocol import Procedure
from runbook_lib.services.remarks import PreconditionsFailed
from runbook_lib.services.response.remediation import BadRemediation
from runbook_lib.settings import Settings
from runbook_lib.settings.file import load
from runbook_lib.settings.register import digest_of, kept_beside

T = TypeVar("T")
_ANSWERS = re.compile(r"answers-(\w+)\.jsonl\.gz")
_COVERAGE = re.compile(r"(?:coverage|answers)-(\w+)\..+")


UNFIT = (
    AnswersBroken,
    CoverageBroken,
    CallFailed,
    PlanFileError,
    PreconditionsFailed,
    UnknownPhase,
    NoSuchService,
    NoSuchLevel,
    BadRemediation,
    DocumentError,
)
"""What says that a run's own files do not give its coverage again."""


class Replayed(Access):
    """Access that answers from a file: no session, no client, no call. What was not asked then cannot be asked now."""

    def __init__(self, settings: Settings, answers: dict[str, Any], callers: dict[str, str]) -> None:
        super().__init__(settings, reads=frozenset(), mutations=frozenset(), run="recompute", clock=Clock())
        self._answers, self._callers = answers, callers

    def caller(self, account: str) -> str:
        if account not in self._callers:
            raise self._failed("NotAnswered", "this account was not entered then", "sts", "GetCallerIdentity", account, "")
        return self._callers[account]

    def read(self, service: str, operation: str, account: str, region: str, **parameters: Any) -> dict[str, Any]:
        found = self._answers.get(key(service, operation, account, region, parameters))
        if found is None:
            raise self._failed("NotAnswered", "no answer to this read was kept", service, operation, account, region)
        if "failure" in found:
            said = found["failure"]
            service, operation, account, region = said.get("failed") or (service, operation, account, region)
            raise CallFailed(
                said["code"],
                said["message"],
                service=service,
                operation=operation,
                account=account,
                region=region,
                status=said["status"],
                sent=said["sent"],
                next_step=said.get("next_step", ""),
            )
        answer: dict[str, Any] = copy.deepcopy(found["answer"])
        return answer

    def parallel(self, jobs: Iterable[Callable[[], T]]) -> list[T]:
        return [job() for job in jobs]

    def _refuse_unlisted(self, listed: frozenset[str], service: str, operation: str, kind: str) -> None:
        """Everything may be asked of a file."""

    def _failed(self, code: str, text: str, service: str, operation: str, account: str, region: str) -> CallFailed:
        return CallFailed(code, text, service=service, operation=operation, account=account, region=region, sent=False)


def recompute(run: RunFolder) -> Iterator[tuple[str, list[str]]]:
    """(phase/before or after, differences) for every coverage that a run took; no difference: an empty list.

    A register of workflows that is not the one a plan of the run was made with is a difference too, and else not named.
    Answers or coverage that are gone or cannot be read are a difference too, so that the other files are compared. Raises
    SettingsError, NotSealed.
    """
    record, seal = run.record(), seal_of(run)
    settings = load(run.settings, moment(record["started"]).date(), kept=True)
    if differences := list(_register(run, seal)):
        yield f"{RESPONSE.name}/{WORKFLOWS}", differences
    for phase in run.phases():
        there = {match.group(1) for path in phase.path.iterdir() if (match := _ANSWERS.fullmatch(path.name))}
        for which in sorted(there | _taken(phase, record["phases"].get(phase.name, {}), seal)):
            answers, coverage = phase.path / f"answers-{which}.jsonl.gz", phase.path / f"coverage-{which}.json"
            if which in there:
                yield f"{phase.name}/{which}", _differences(answers, coverage, settings, phase.name, _about(record, phase.name))
            else:
                yield f"{phase.name}/{which}", [_gone(f"{phase.name}/{answers.name}", seal)]


def _register(run: RunFolder, seal: Entry | None) -> Iterator[str]:
    """Whether the register that a run has kept is the one its plan was made with; plans from before that name none."""
    path = run.path / RESPONSE.name / "plan.json"
    if not path.is_file():
        return
    try:
        said = plan_file.load(path).register
    except PlanFileError:
        return  # what is wrong with a plan's file is for verifying to say
    if said and digest_of(kept_beside(run.settings)) != said:
        withheld = [name for name in (seal.withheld if seal is not None else ()) if name.startswith(f"{WORKFLOWS}/")]
        why = f": withheld when it was sealed: {', '.join(sorted(withheld))}" if withheld else ""
        yield f"the plan was made with another register of workflows than lies in this run{why}"


def _taken(phase: PhaseFolder, said: Mapping[str, Any], seal: Entry | None) -> set[str]:
    """Of which moments a phase took coverage: by what lies there, by what its seal says lay there, and by what it counted."""
    sealed = {*seal.subjects, *seal.withheld} if seal is not None else set[str]()
    names = {path.name for path in phase.path.iterdir()}
    names |= {name.removeprefix(f"{phase.name}/") for name in sealed if name.startswith(f"{phase.name}/")}
    found = {match.group(1) for name in names if (match := _COVERAGE.fullmatch(name))}
    return found if found or "covered" not in said.get("results", {}) else {"after"}


def _gone(name: str, seal: Entry | None) -> str:
    if seal is not None and name in seal.withheld:
        why = f"it was withheld when the run was sealed ({'; '.join(seal.withheld[name])})"
    else:
        why = "it lay there when the run was sealed" if seal is not None and name in seal.subjects else "it was not kept"
    return f"{name.partition('/')[2]} is not there, so this coverage cannot be built again: {why}"


def _about(record: Mapping[str, Any], phase: str) -> str:
    """What a procedure was about, as its run says; empty of a phase."""
    results = record["phases"].get(phase, {}).get("results", {})
    return str(results.get("about", "")) if isinstance(results, Mapping) else ""


def _differences(path: Path, written: Path, settings: Settings, phase: str, about: str) -> list[str]:
    try:
        then = read_coverage(written)
        organization, cells = _again(path, settings, phase, about)
    except FileNotFoundError as missing:
        return [f"{Path(missing.filename).name} is missing"]
    except UNFIT as broken:
        return [short(str(broken).removeprefix(f"{path.parent}/"), LONGEST_SAID)]
    if then["format"] != FORMAT:
        # What an earlier version did not look at is compared with nothing.
        looked_at = {(each["service"], each["aspect"], each["item"]) for each in then["cells"]}
        cells = tuple(each for each in cells if (each.service, each.aspect, each.item) in looked_at)
    now = json.loads(json_text(cells, organization, then["facts"])) | {"format": then["format"]}
    # An earlier version masked less: what it wrote is read as it would be written now.
    then, now = masked_data(then), masked_data(now)
    return [f"{name} differs" for name in sorted({*then, *now}) if then.get(name) != now.get(name)]


def _procedure(phase: Phase, about: str, folder: Path) -> Procedure | None:
    if phase.name == BACK_OUT.name:
        return undoing.kept_in(folder)
    if phase.name == REMEDIATING.name:
        return remediating.kept_in(folder, about)
    return procedure(phase.name, about) if phase.kind is Kind.PROCEDURE else None


def _again(path: Path, settings: Settings, phase: str, of: str) -> tuple[Organization, Cells]:
    """What is judged from a file of answers now. Raises what `_differences` names."""
    about, answers = read_answers(path)
    said = about.scope
    scope = Scope(tuple(said.regions), tuple(said.accounts), tuple(said.organizational_units), said.door)
    with Replayed(settings, answers, about.callers) as access:
        doing = _procedure(phase_named(phase), of, path.parent)
        runbook = Runbook(phase_named(phase), settings, access, Clock(), scope, doing)
        try:
            if not phase_named(phase).plans:
                return runbook.survey()
            seen = runbook.observe()
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
            # Services rely on what botocore made of AWS's answer; in a file there may stand anything.
            raise AnswersBroken(
                f"{path}: holds an answer that AWS does not give: {type(error).__name__}: {short(str(error))}"
            ) from None
        return seen.organization, seen.cells
