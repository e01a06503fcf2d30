"""Coverage built again, offline, from the raw answers of a run, and held against the coverage that the run wrote."""

import copy
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

from botocore.session import Session

from runbook_lib.aws.access import Access
from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.models import shared_loader
from runbook_lib.base.clock import Clock
from runbook_lib.base.own_files import moment
from runbook_lib.coverage import Cells
from runbook_lib.coverage.files import json_text
from runbook_lib.coverage.kept import CoverageBroken, read_coverage
from runbook_lib.evidence.run.answers import key
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.evidence.run.kept_answers import AnswersBroken, read_answers
from runbook_lib.organization import Organization
from runbook_lib.plan import Scope
from runbook_lib.runbook import Runbook
from runbook_lib.runbook.phases import UnknownPhase, phase_named
from runbook_lib.services.remarks import PreconditionsFailed
from runbook_lib.settings import Settings
from runbook_lib.settings.file import load

T = TypeVar("T")


class Replayed(Access):
    """Access that answers from a file: no session, no client, no call. What was not asked then cannot be asked now."""

    def __init__(self, settings: Settings, answers: dict[str, Any], callers: dict[str, str]) -> None:
        super().__init__(settings, reads=frozenset(), mutations=frozenset(), run="recompute", clock=Clock())
        self._answers, self._callers = answers, callers
        self._session = Session()
        self._session.register_component("data_loader", shared_loader())

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
            raise CallFailed(
                said["code"], said["message"], service=service, operation=operation, account=account, region=region,
                status=said["status"], sent=said["sent"],
            )  # fmt: skip
        answer: dict[str, Any] = copy.deepcopy(found["answer"])
        return answer

    def parallel(self, jobs: Iterable[Callable[[], T]]) -> list[T]:
        return [job() for job in jobs]

    def _client(self, account: str, service: str, region: str) -> Any:
        return SimpleNamespace(meta=SimpleNamespace(service_model=self._session.get_service_model(service)))

    def _refuse_unlisted(self, listed: frozenset[str], service: str, operation: str, kind: str) -> None:
        """Everything may be asked of a file."""

    def _failed(self, code: str, text: str, service: str, operation: str, account: str, region: str) -> CallFailed:
        return CallFailed(code, text, service=service, operation=operation, account=account, region=region, sent=False)


def recompute(run: RunFolder) -> Iterator[tuple[str, list[str]]]:
    """(phase/before or after, differences) for every kept set of answers of a run; no difference: an empty list.

    Answers or coverage that cannot be read are a difference too, so that the other files are compared. Raises SettingsError.
    """
    settings = load(run.settings, moment(run.record()["started"]).date(), kept=True)
    for phase in run.phases():
        for path in sorted(phase.path.glob("answers-*.jsonl.gz")):
            which = path.name.removeprefix("answers-").removesuffix(".jsonl.gz")
            yield f"{phase.name}/{which}", _differences(path, phase.path / f"coverage-{which}.json", settings, phase.name)


def _differences(path: Path, written: Path, settings: Settings, phase: str) -> list[str]:
    try:
        then = read_coverage(written)
        organization, cells = _again(path, settings, phase)
    except FileNotFoundError as missing:
        return [f"{Path(missing.filename).name} is missing"]
    except (AnswersBroken, CoverageBroken, CallFailed, PreconditionsFailed, UnknownPhase) as broken:
        return [str(broken).removeprefix(f"{path.parent}/")]
    now = json.loads(json_text(cells, organization, then["facts"]))
    return [f"{name} differs" for name in sorted({*then, *now}) if then.get(name) != now.get(name)]


def _again(path: Path, settings: Settings, phase: str) -> tuple[Organization, Cells]:
    """What is judged from a file of answers now. Raises what `_differences` names."""
    about, answers = read_answers(path)
    scope = Scope(**{name: tuple(listed) for name, listed in about.scope})
    with Replayed(settings, answers, about.callers) as access:
        runbook = Runbook(phase_named(phase), settings, access, Clock(), scope)
        try:
            if not phase_named(phase).service:
                return runbook.survey()
            seen = runbook.observe()
        except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
            # Services rely on what botocore made of AWS's answer; in a file there may stand anything.
            raise AnswersBroken(f"{path}: holds an answer that AWS does not give: {type(error).__name__}: {error}") from None
        return seen.organization, seen.cells
