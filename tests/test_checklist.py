"""`runbook checklist`: the simulation does what the questions say is assumed, and what a policy of ours hides is no answer."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from doors import Served, served
from simulated import copied

from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.models import service_model
from runbook_lib.cli import main
from runbook_lib.cli.simulation import today
from runbook_lib.inventory.checklist import BY, Verdict, ask, questions, reads
from runbook_lib.rehearsal.world import World
from runbook_lib.settings.file import load

REHEARSAL = Path(__file__).parents[1] / "parameters" / "rehearsal.yaml"
READING = re.compile(r"[a-z0-9]+:(?:Describe|Get|List)[A-Za-z0-9]+")
QUESTIONS = questions()


@pytest.fixture(scope="module")
def half_done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, World]]:
    with served("half-done", tmp_path_factory.mktemp("checklist")) as made:
        yield made, copied(made.front.world)


@pytest.fixture
def organization(half_done: tuple[Served, World], monkeypatch: pytest.MonkeyPatch) -> Served:
    made, world = half_done
    made.front.adopt(copied(world))
    monkeypatch.setattr("runbook_lib.cli.checklist.kernel_environment", lambda settings, runs: made.environment)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made


def asked(organization: Served, output: Path) -> tuple[Any, dict[str, dict[str, str]]]:
    with pytest.raises(SystemExit) as ended:
        main(["checklist", "-p", str(organization.settings), "--runs", str(organization.runs), "--output", str(output)])
    record = json.loads(output.read_text(encoding="utf-8"))
    return ended.value.code, {each["id"]: each for each in record["answers"]}


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.id)
def test_a_question_has_a_read_and_what_is_assumed_or_says_what_settles_it(question: Any) -> None:
    assert question.asks.endswith("?")
    if question.read:
        assert READING.fullmatch(question.read.name)
        assert question.read.door in ("management", "delegated")
        assert re.fullmatch(r"answered|there|not there|refused [A-Za-z]+", question.assumed)
        assert not question.by
        assert question.where in ("", "delegated")
    else:
        assert question.by in BY
        assert not question.assumed


@pytest.mark.parametrize("question", [each for each in QUESTIONS if each.assumed.startswith("refused ")], ids=lambda each: each.id)
def test_a_refusal_that_is_assumed_is_one_that_the_operation_has(question: Any) -> None:
    """By botocore's model; AccessDenied, which models may leave out, every service may answer."""
    code = question.assumed.removeprefix("refused ")
    operation = service_model(question.read.service).operation_model(question.read.operation)
    assert code in {*(each.name for each in operation.error_shapes), "AccessDeniedException"}


def test_nothing_but_reads_may_be_called() -> None:
    assert all(map(READING.fullmatch, reads()))


def test_the_simulation_does_what_is_assumed(organization: Served, tmp_path: Path) -> None:
    log, there = organization.front.log, set(organization.runs.iterdir())
    before = len(log.entries)
    code, answers = asked(organization, tmp_path / "answers.json")
    assert code == 2, "questions are open"
    read = {each.id for each in QUESTIONS if each.read}
    assert {name: each["seen"] for name, each in answers.items() if name in read and each["verdict"] != "as assumed"} == {}
    assert {each["verdict"] for name, each in answers.items() if name not in read} == {"open"}
    assert not [each for each in list(log.entries)[before:] if each.mutating and each.service != "sts"]
    assert set(organization.runs.iterdir()) == there, "there is no run"
    assert not re.search(r"\b\d{12}\b|arn:", (tmp_path / "answers.json").read_text(encoding="utf-8")), "nobody is named"


def test_what_a_policy_of_ours_denies_is_unknown(organization: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    allowed = {"Effect": "Allow", "Action": ["organizations:ListDelegatedServicesForAccount"], "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    for account in organization.front.world.organization.accounts.values():
        for role in account.roles.values():
            role.policies = (policy,)
    _, answers = asked(organization, tmp_path / "answers.json")
    assert answers["guardduty-administrators-as-delegated"] | {"asks": ""} == {
        "id": "guardduty-administrators-as-delegated", "asks": "", "read": "guardduty:ListOrganizationAdminAccounts",
        "door": "delegated", "assumed": "refused BadRequestException", "seen": "", "verdict": "unknown",
    }  # fmt: skip
    assert answers["organizations-own-delegations"]["verdict"] == "as assumed"
    assert "guardduty:ListOrganizationAdminAccounts" in capsys.readouterr().out


def test_an_earlier_record_is_not_overwritten(organization: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (kept := tmp_path / "answers.json").write_text("{}", encoding="utf-8")
    before = len(organization.front.log.entries)
    with pytest.raises(SystemExit) as ended:
        main(["checklist", "-p", str(organization.settings), "--output", str(kept)])
    assert ended.value.code == 1
    assert "is there already; name another file" in capsys.readouterr().err
    assert kept.read_text(encoding="utf-8") == "{}"
    assert len(organization.front.log.entries) == before


class Aws:
    """Answers as some other AWS might."""

    def __init__(self, delegated: bool = True, **answers: Any) -> None:
        self.delegated, self.answers = delegated, answers

    def read(self, service: str, operation: str, account: str, region: str, **parameters: Any) -> dict[str, Any]:
        if operation == "ListDelegatedServicesForAccount":
            return {"DelegatedServices": [{}] if self.delegated else []}
        answer: Any = self.answers.get(operation, {})
        if isinstance(answer, str):
            raise CallFailed(
                answer, "no", service=service, operation=operation, account=account, region=region,
                status=0 if answer == "EndpointConnectionError" else 400,
            )  # fmt: skip
        return dict(answer)


@pytest.mark.parametrize(
    ("answers", "verdict", "seen"),
    [
        ({"ListAccounts": {"Accounts": [{"State": "ACTIVE"}]}}, Verdict.AS_ASSUMED, "there"),
        ({"ListAccounts": {"Accounts": [{"Status": "ACTIVE"}]}}, Verdict.DIFFERS, "not there"),
        ({"ListAccounts": {"Accounts": []}}, Verdict.UNKNOWN, ""),
        ({"ListAccounts": "AccessDeniedException"}, Verdict.DIFFERS, "refused AccessDeniedException"),
        ({"ListAccounts": "EndpointConnectionError"}, Verdict.UNKNOWN, ""),
    ],
)
def test_what_aws_does_otherwise_differs(answers: dict[str, Any], verdict: Verdict, seen: str) -> None:
    found = {each.question.id: each for each in ask(load(REHEARSAL, today()), Aws(**answers))}  # type: ignore[arg-type] # reads alone
    assert (found["organizations-state"].verdict, found["organizations-state"].seen) == (verdict, seen)


def test_where_nobody_is_delegated_yet_an_administrator_s_answer_is_unknown() -> None:
    found = {each.question.id: each for each in ask(load(REHEARSAL, today()), Aws(delegated=False))}  # type: ignore[arg-type] # as above
    assert all(found[each.id].verdict is Verdict.UNKNOWN for each in QUESTIONS if each.where)
    assert "administers no service yet" in found["organizations-as-delegated"].reason
