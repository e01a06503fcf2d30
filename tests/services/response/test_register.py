"""The register of workflows: what is wrong in a file, what is open, who answers for what, and the pages that show it."""

import csv
import datetime as dt
import hashlib
import io
import shutil
from pathlib import Path
from typing import Any

import pytest

from runbook_lib.base.documents import DocumentError
from runbook_lib.cli.workflows import workflows
from runbook_lib.coverage import Status
from runbook_lib.display.register_pages import INDEX, TABLE, pages
from runbook_lib.rehearsal.operations.ssm.documents import catalogue
from runbook_lib.services.registry import specs
from runbook_lib.services.response.classes import FindingClass, class_of, classes
from runbook_lib.services.response.owners import open_points, table
from runbook_lib.services.response.remedies import BUCKET, INSTANCE, PORTS, PRINCIPAL, REMEDIES
from runbook_lib.services.spec import OTHER
from runbook_lib.settings.file import load
from runbook_lib.settings.register import Register, read_register

SAMPLE = Path(__file__).parents[3] / "parameters" / "rehearsal-all.yaml"
TODAY = dt.date(2026, 12, 1)
SETTINGS = load(SAMPLE, TODAY)


@pytest.fixture
def parameters(tmp_path: Path) -> Path:
    """The sample's settings and register, to be changed."""
    shutil.copy(SAMPLE, tmp_path / "mine.yaml")
    shutil.copytree(SAMPLE.with_suffix(".workflows"), tmp_path / "mine.workflows")
    return tmp_path / "mine.yaml"


def changed(parameters: Path, name: str, old: str, new: str) -> Register:
    path = parameters.with_suffix(".workflows") / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return read_register(parameters)


def opened(register: Register, today: dt.date = TODAY) -> set[str]:
    """What is open beside what was never tried: the samples claim no exercise."""
    return {str(point) for point in open_points(SETTINGS, register, today) if "never tried" not in point.what}


def test_the_samples_answer_for_every_finding_once() -> None:
    register = read_register(SAMPLE)
    assert opened(register) == set()
    rows = table(SETTINGS, register)
    assert [row.finding_class for row in rows] == [*classes(SETTINGS)]
    assert {row.owned.status for row in rows} == {Status.COVERED}
    assert {row.channels["people"].reason for row in rows} == {"urgent (HIGH, CRITICAL)"}
    assert len([point for point in open_points(SETTINGS, register, TODAY) if "never tried" in point.what]) == len(register.active)


def test_the_samples_name_documents_that_answer_pinned_as_the_rehearsal_has_them() -> None:
    named = {step.document.name: step for each in read_register(SAMPLE).active for step in each.steps if step.document}
    assert set(named) == {BUCKET, PORTS, PRINCIPAL, INSTANCE}
    for name, step in named.items():
        document, there = step.document, catalogue()[name]
        assert document is not None
        digest = hashlib.sha256(there.content(int(document.version)).encode()).hexdigest()
        assert (document.version, document.sha256) == (str(there.default), digest)
        assert set(REMEDIES[name].asks) <= set(document.parameters)
        assert step.back_out
        assert step.approval != "none"


@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        ("sensitive-data.yaml", "[sensitive data, other]", "[sensitive data]", "macie/other: nobody answers for it"),
        ("posture.yaml", "SSM, other", "SSM, other, S3", "securityhub/S3: exposed-storage, posture answer for it"),
        ("posture.yaml", "SSM, other", "SSM, other, S33", "posture.yaml: answers: securityhub has no family S33"),
        ("threats.yaml", "status: active", "status: draft", "guardduty/Recon: nobody answers for it"),
        ("threats.yaml", "custom_actions: [Triage]", "custom_actions: [Isolate]", "entry.custom_actions: settings have no Isolate"),
        ("threats.yaml", "custom_actions: [Triage]", "person: true", "response.custom_actions.Triage: no active workflow"),
        ("threats.yaml", "[urgent, chosen]", "[urgent]", "response.routes.chosen: no active workflow is behind it"),
        ("threats.yaml", "[triage, people]", "[triage, pager]", "threats.yaml: notify: settings have no channel pager"),
        ("threats.yaml", "2026-11-20", "2024-11-20", "threats.yaml: reviewed_on: the review was due on 2025-11-20"),
        (
            "threats.yaml", "regulation:",
            "exercise: { last: 2025-01-01, every: 90 }\nregulation:",
            "threats.yaml: exercise: it was to be tried again until 2025-04-01",
        ),
        (
            "threats.yaml", "regulation:",
            'exceptions: [{ accounts: ["777788889999"], reason: r, owner: o, expires: 2026-11-30 }]\nregulation:',
            "threats.yaml: exceptions: the one for 777788889999 ended on 2026-11-30",
        ),
        (
            "access.yaml", "    approval: one\n    back_out: Write the policy as it was, or activate the key.",
            '    approval: none\n    document: { name: AWS-Example, version: "3" }',
            "a machine does it without approval, and it cannot be taken back",
        ),
    ],
)  # fmt: skip
def test_what_is_open_is_said_with_what_to_do(parameters: Path, name: str, old: str, new: str, says: str) -> None:
    found = opened(changed(parameters, name, old, new))
    assert [each for each in found if says in each], found


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("owner: Incident response\n", "", ["threats.yaml", "owner", "missing"]),
        ("priority: P1", "priority: P0", ["urgency.priority", "P0", "P1, P2, P3, P4"]),
        ("deputy:", "deputi:", ["deputi", "deputy"]),
        ("id: threats", "id: thread", ["threats.yaml", "thread.yaml"]),
        ("2026-11-20", "2026-13-20", ["reviewed_on", "day"]),
        ('version: "5"', 'version: "$DEFAULT"', ["version", "$DEFAULT"]),
        ("entry: { routes: [urgent, chosen], custom_actions: [Triage] }", "entry: {}", ["entry", "person: true"]),
    ],
)
def test_a_wrong_file_is_said_with_its_place(parameters: Path, old: str, new: str, says: list[str]) -> None:
    with pytest.raises(DocumentError) as refused:
        changed(parameters, "threats.yaml", old, new)
    assert [text for text in says if text not in str(refused.value)] == [], str(refused.value)


def finding(product: str, **changes: Any) -> dict[str, Any]:
    return {"ProductArn": f"arn:aws:securityhub:us-east-1::product/{product}", **changes}


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (finding("aws/guardduty", Types=["TTPs/Discovery/Recon:EC2-PortProbeUnprotectedPort"]), ("guardduty", "Discovery")),
        (finding("aws/guardduty", Types=["Effects/CryptoCurrency:EC2-BitcoinTool.B"]), ("guardduty", "CryptoCurrency")),
        (finding("aws/guardduty", Types=["Sample"]), ("guardduty", OTHER)),
        (finding("aws/securityhub", Compliance={"SecurityControlId": "S3.8"}), ("securityhub", "S3")),
        (finding("aws/securityhub", Compliance={"SecurityControlId": "Zz.1"}), ("securityhub", OTHER)),
        (
            finding("aws/inspector", Types=["Software and Configuration Checks/Vulnerabilities/CVE"]),
            ("inspector", "package vulnerability"),
        ),
        (finding("someone/else", Types=["TTPs"]), None),
    ],
)
def test_each_finding_has_one_class_or_is_unknown(found: dict[str, Any], wanted: tuple[str, str] | None) -> None:
    assert class_of(found, SETTINGS) == (FindingClass(*wanted) if wanted else None)


def test_families_say_where_they_are_from() -> None:
    for spec in specs():
        if spec.findings:
            assert spec.findings.source.startswith(("[docs]", "[model]"))
            names = [family.name for family in spec.findings.families]
            assert len(names) == len(set(names))
            assert OTHER not in names


def test_pages_lead_nowhere_dead_and_hold_no_script() -> None:
    register = read_register(SAMPLE)
    made = pages(register, table(SETTINGS, register), open_points(SETTINGS, register, TODAY))
    links = {part.split('"')[0] for text in made.values() for part in text.split('href="')[1:]}
    assert links <= set(made)
    assert links == {f"{each.id}.html" for each in register.workflows} | {INDEX}
    assert not [name for name, text in made.items() if "<script" in text]
    lines = list(csv.DictReader(io.StringIO(made[TABLE])))
    assert {line["owner"] for line in lines if line["product"] == "guardduty"} == {"Incident response"}
    assert {line["people"] for line in lines} == {"covered"}


def test_the_command_says_what_is_open_by_its_exit_code(parameters: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert workflows(parameters, "table", parameters.parent / "pages", "") == 2
    assert "66 of 66 finding classes have exactly one owner" in capsys.readouterr().out
    assert (parameters.parent / "pages" / INDEX).is_file()
    today = dt.datetime.now(dt.UTC).date()
    for path in parameters.with_suffix(".workflows").glob("*.yaml"):
        text = path.read_text(encoding="utf-8").replace("2026-11-20", str(today))
        path.write_text(f"{text}exercise: {{ last: {today} }}\n", encoding="utf-8")
    assert workflows(parameters, "csv", None, "") == 0
    changed(parameters, "threats.yaml", "product: guardduty", "product: guarddutty")
    assert workflows(parameters, "table", None, "") == 2
    assert "guardduty/Recon: nobody answers for it" in capsys.readouterr().out
