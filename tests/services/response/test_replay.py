"""Routes held against findings: as EventBridge's matcher would, by day, channel and class; from a file and from Security Hub."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulated import Simulated, home
from test_response_rehearsed import DELEGATED, apply, client, imported, made, with_response  # noqa: F401 the fixture

from runbook_lib.base.documents import DocumentError
from runbook_lib.cli.replay import replay_command
from runbook_lib.rehearsal.answers import iso8601
from runbook_lib.rehearsal.inproc import InProcess
from runbook_lib.rehearsal.operations.events.pattern import matches
from runbook_lib.runbook.access import access_for
from runbook_lib.runbook.phases import phase_named
from runbook_lib.services.response.patterns import fits, narrower, of_findings, product_suffix, proofs, written
from runbook_lib.services.response.reconciling import READS, read_fitted, reckoned
from runbook_lib.services.response.replay import NOWHERE, UNKNOWN, findings_of, read_findings, replay
from runbook_lib.settings.file import load
from runbook_lib.settings.response import FindingFilter

SAMPLE = Path(__file__).parents[3] / "parameters" / "rehearsal-all.yaml"
SEVERITIES, STATUSES = ("LOW", "HIGH", "CRITICAL"), ("NEW", "NOTIFIED")
PRODUCTS, CONTROLS, TYPES = ("guardduty", "securityhub", "acme/scanner"), ("S3.8", "EC2.2"), ("TTPs/", "Effects/")
ACCOUNTS, REGIONS = ("111122223333", "444455556666"), ("us-east-1", "eu-west-1")


def some(values: tuple[str, ...]) -> st.SearchStrategy[Any]:
    return st.none() | st.lists(st.sampled_from(values), min_size=1, unique=True).map(tuple)


filters = st.builds(
    FindingFilter, products=some(PRODUCTS), severities=some(SEVERITIES), controls=some(CONTROLS), types=some(TYPES),
    accounts=some(ACCOUNTS), regions=some(REGIONS),
    workflow_statuses=st.lists(st.sampled_from(STATUSES), min_size=1, unique=True).map(tuple),
)  # fmt: skip
findings = st.fixed_dictionaries(
    {
        "ProductArn": st.sampled_from(PRODUCTS).map(lambda each: f"arn:aws:securityhub:us-east-1{product_suffix(each)}"),
        "Severity": st.sampled_from(SEVERITIES).map(lambda label: {"Label": label}),
        "Workflow": st.sampled_from(STATUSES).map(lambda status: {"Status": status}),
        "RecordState": st.sampled_from(["ACTIVE", "ARCHIVED"]),
        "Types": st.lists(st.sampled_from(["TTPs/Discovery/Recon:EC2", "Effects/Backdoor:EC2", "Software"]), max_size=2),
        "AwsAccountId": st.sampled_from(ACCOUNTS),
        "Region": st.sampled_from(REGIONS),
    },
    optional={"Compliance": st.sampled_from(CONTROLS).map(lambda control: {"SecurityControlId": control})},
)  # fmt: skip


def event(finding: dict[str, Any]) -> dict[str, Any]:
    return {"source": "aws.securityhub", "detail-type": "Security Hub Findings - Imported", "detail": {"findings": [finding]}}


@given(filters, findings)
def test_a_finding_fits_as_the_matcher_of_eventbridge_has_it(wanted: FindingFilter, finding: dict[str, Any]) -> None:
    pattern = of_findings(wanted, wanted.accounts)
    assert fits(pattern, finding) == matches(json.loads(written(pattern)), event(finding))
    right, wrong = (json.loads(each) for each in proofs(pattern))
    assert matches(json.loads(written(pattern)), right)
    assert not matches(json.loads(written(pattern)), wrong)


@given(filters, filters, findings)
def test_what_is_not_narrower_loses_no_finding(new: FindingFilter, old: FindingFilter, finding: dict[str, Any]) -> None:
    one, other = of_findings(new, new.accounts), of_findings(old, old.accounts)
    assert not narrower(other, other)
    if not narrower(one, other):
        assert fits(one, finding) or not fits(other, finding)


def of_day(day: str, label: str, product: str = "aws/guardduty", **changes: Any) -> dict[str, Any]:
    return {
        "ProductArn": f"arn:aws:securityhub:us-east-1::product/{product}", "Severity": {"Label": label}, "RecordState": "ACTIVE",
        "Workflow": {"Status": "NEW"}, "UpdatedAt": f"{day}T10:00:00Z", "Types": ["TTPs/Recon:EC2"], **changes,
    }  # fmt: skip


KEPT = [
    of_day("2026-11-01", "HIGH"), of_day("2026-11-01", "HIGH"), of_day("2026-11-02", "LOW"),
    of_day("2026-11-02", "CRITICAL", "acme/scanner"), of_day("2026-11-02", "HIGH", Workflow={"Status": "NOTIFIED"}),
]  # fmt: skip


def test_from_a_file_by_day_channel_and_class(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "findings.json"
    file.write_text(json.dumps({"Findings": KEPT}), encoding="utf-8")
    assert replay_command(SAMPLE, 30, file, "table", "") == 2, "somebody's scanner: for its findings nobody answers"
    said = capsys.readouterr().out
    assert "people: 3 messages in 2 days, at most 2 (on 2026-11-01)" in said
    file.write_text(json.dumps(KEPT[:3]), encoding="utf-8")
    assert replay_command(SAMPLE, 30, file, "csv", "") == 0
    assert capsys.readouterr().out.splitlines() == [
        "day,channel,class,messages", "2026-11-01,people,guardduty/Recon,2", "2026-11-01,triage,guardduty/Recon,2",
        f"2026-11-02,{NOWHERE},guardduty/Recon,1",
    ]  # fmt: skip


ODD = '[{"ProductArn": "a", "Severity": {"Label": 7}}]'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (ODD, r"Findings\[0\].Severity.Label.*have a string here"),
        ('[{"ProductArn": ' + "[" * 99 + "]" * 99 + "}]", "nested more than"),
    ],
)
def test_a_finding_that_is_not_as_aws_writes_them_is_refused(text: str, says: str) -> None:
    with pytest.raises(DocumentError, match=says):
        findings_of(text, Path("kept.json"))


@pytest.mark.parametrize(("text", "says"), [("{", "not JSON"), ('{"a": 1}', "not a list of findings"), ("[1]", "not a list")])
def test_a_file_that_holds_no_findings_is_refused(text: str, says: str) -> None:
    with pytest.raises(DocumentError, match=says):
        findings_of(text, Path("kept.json"))


def test_from_security_hub_as_the_routes_would_have_it(made: Simulated) -> None:  # noqa: F811 the fixture
    now = iso8601(made.front.world.now())
    for key, label in (("f-1", "HIGH"), ("f-2", "LOW")):
        imported(made, Id=key, Severity={"Label": label}, UpdatedAt=now)
    runbook = made.runbook("90_coverage")
    with runbook.access:
        found = replay(made.settings, read_findings(made.settings, 90, runbook.access), runbook.organization())
    assert found.findings >= 2
    assert found.by(1, 2)["triage", UNKNOWN] == found.by(1, 2)["people", UNKNOWN] == 1
    assert found.by(1, 2)[NOWHERE, UNKNOWN] == 1


def test_a_route_that_names_units_is_told_only_with_the_organization() -> None:
    settings = load(SAMPLE, dt.date(2026, 12, 1))
    assert settings.response
    routes = {"urgent": {"findings": {"organizational_units": ["ou-ab12-canaries1"]}, "to": ["triage"]}}
    found = replay(with_response(settings, custom_actions={}, routes=routes), KEPT, None)
    assert [text.partition(" ")[0] for text in found.untold] == ["urgent"]


def reckon(one: Simulated) -> dict[tuple[str, str], tuple[int, int, int, str]]:
    """Day and route → what Security Hub has, what its rule fitted, what was given up, and what is wrong; as of tomorrow."""
    tomorrow = dt.datetime.fromtimestamp(one.front.world.now(), dt.UTC) + dt.timedelta(days=1)
    one.front.world.skip(86_400)
    chosen = phase_named("90_coverage")
    with access_for(
        one.settings,
        chosen,
        "20260601T000000Z-rehearsal-0bad",
        one.clock,
        one.attach or InProcess(one.front).attach,
        besides=READS,
    ) as access:
        has = replay(one.settings, read_findings(one.settings, 90, access), None).by_route
        left = reckoned(has, read_fitted(one.settings, 14, tomorrow, access), f"{tomorrow:%Y-%m-%d}")
    return {(each.day, each.route): (each.has, each.fitted, each.failed, each.lost) for each in left}


def test_what_left_each_day_is_held_against_what_security_hub_has(made: Simulated) -> None:  # noqa: F811 the fixture
    made.settings = with_response(made.settings, custom_actions={}, routes={
        "high": {"findings": {"severities": ["HIGH"]}, "to": ["triage"]},
        "low": {"findings": {"severities": ["LOW"]}, "to": ["people"]},
    })  # fmt: skip
    apply(made)
    now = made.front.world.now()
    today = f"{dt.datetime.fromtimestamp(now, dt.UTC):%Y-%m-%d}"

    def find(key: str, label: str) -> None:
        imported(made, Id=key, Severity={"Label": label}, UpdatedAt=iso8601(now))

    find("f-1", "HIGH")
    find("f-2", "HIGH")
    client(made, "sns").delete_topic(TopicArn=f"arn:aws:sns:{home(made.front)}:{DELEGATED}:runbook-people")
    find("f-3", "LOW")
    client(made, "events").disable_rule(Name="runbook-high")
    find("f-4", "HIGH")
    assert reckon(made) == {
        (today, "high"): (3, 2, 0, "1 fewer than Security Hub has"),
        (today, "low"): (1, 1, 1, "1 could not be delivered: see the queue of undelivered events"),
    }
