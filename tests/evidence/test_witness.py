"""A second witness: reports in the forms that scanners write, compared with a run's coverage and linked to its seal."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import sealed_runs as made
from click.testing import CliRunner
from simulated import PARAMETERS, fitting, settings_for, simulated

from runbook_lib.audit.witness import BY_ITSELF, compare
from runbook_lib.audit.witness_controls import CONTROLS, ENABLED, OURS
from runbook_lib.audit.witness_report import WitnessProblem, read_report
from runbook_lib.cli import cli
from runbook_lib.evidence.run.folder import RunFolder, RunStatus
from runbook_lib.evidence.seal.linked import linked_of
from runbook_lib.evidence.seal.sealing import seal
from runbook_lib.runbook import managed

A, B, C = "111111111111", "222222222222", "000000000003"
EAST = "us-east-1"
SETS = [[A], [B], [C], [A, B]]
CELLS = [
    ("guardduty", "detector", "", "covered", 3), ("guardduty", "membership", "", "gap", 2),
    ("guardduty", "features", "S3_DATA_EVENTS", "covered", 0), ("guardduty", "features", "S3_DATA_EVENTS", "gap", 1),
    ("guardduty", "features", "RDS_LOGIN_EVENTS", "unknown", 0), ("inspector2", "scan types", "EC2", "covered", 0),
    ("securityhub", "hub", "", "covered", 0), ("securityhub", "membership", "", "unknown", 0),
    ("macie2", "session", "", "covered", 0), ("macie2", "membership", "", "covered", 1), ("macie2", "membership", "", "gap", 2),
    ("macie2", "automated discovery", "accounts", "covered", 3), ("macie2", "automated discovery", "accounts", "gap", 2),
    ("accessanalyzer", "administrator", "service", "covered", 1), ("accessanalyzer", "external access", "", "covered", 3),
    ("accessanalyzer", "external access", "", "covered", 2),
]  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    run = RunFolder.create(
        tmp_path / "runs", "rehearsal", made.BEGIN, settings=PARAMETERS.read_bytes(), command=[], organization=made.ORGANIZATION
    )
    folder = run.start_phase("90_coverage", made.BEGIN)
    names = ("service", "aspect", "item", "status", "account_set")
    rest = {"region": EAST, "gap": "", "reason": "", "code": "", "in_scope": True}
    cells = [dict(zip(names, cell, strict=True)) | rest for cell in CELLS]
    whole = {"format": "runbook coverage 1", "facts": {}, "account_sets": SETS, "cells": cells, "accounts": []}
    folder.coverage("after", "json").write_text(json.dumps(whole))
    run.finish_phase("90_coverage", RunStatus.DONE, made.BEGIN)
    run.finish(RunStatus.DONE, made.BEGIN)
    made.of_process(run, made.ended_process())
    seal(run, made.desk(run.path.parent))
    return run


def verdicts(run: RunFolder, file: Path, **columns: str) -> dict[tuple[str, ...], str]:
    """(account, service, aspect, item) → verdict, of everything but what only the run has."""
    found = compare(run, read_report(file, columns))
    return {(each.place[0], *each.place[2:]): each.verdict for each in found if each.verdict != "only the run"}


def asff(account: str, control: str, status: str, **others: Any) -> dict[str, Any]:
    return {
        "AwsAccountId": account, "Region": EAST, "GeneratorId": f"security-control/{control}", "RecordState": "ACTIVE",
        "Compliance": {"Status": status, "SecurityControlId": control},
    } | others  # fmt: skip


def ocsf(account: str, check: str, status: str) -> dict[str, Any]:
    cloud = {"account": {"uid": account}, "provider": "aws", "region": EAST}
    return {"class_uid": 2004, "metadata": {"event_code": check, "version": "1.4.0"}, "status_code": status, "cloud": cloud}


def test_findings_of_security_hub(run: RunFolder, tmp_path: Path) -> None:
    findings = [
        asff(A, "GuardDuty.1", "PASSED"), asff(B, "GuardDuty.1", "FAILED"), asff(C, "GuardDuty.1", "FAILED"),
        asff(A, "GuardDuty.10", "PASSED"), asff(B, "GuardDuty.10", "PASSED"), asff(A, "GuardDuty.9", "PASSED"),
        asff(A, "Inspector.2", "PASSED"), asff(A, "Inspector.1", "WARNING"), asff(A, "IAM.1", "FAILED"),
        asff(A, "Inspector.1", "FAILED", RecordState="ARCHIVED"),
    ]  # fmt: skip
    file = tmp_path / "findings.json"
    file.write_text(json.dumps({"Findings": findings}))
    report = read_report(file, {})
    assert (report.format, report.others) == ("asff", 1)
    assert verdicts(run, file) == {
        (A, "guardduty", "enabled", ""): "agree",
        (B, "guardduty", "enabled", ""): "disagree",
        (C, "guardduty", "enabled", ""): "agree",
        (A, "guardduty", "features", "S3_DATA_EVENTS"): "agree",
        (B, "guardduty", "features", "S3_DATA_EVENTS"): "disagree",
        (A, "guardduty", "features", "RDS_LOGIN_EVENTS"): "undecided",
        (A, "inspector2", "scan types", "ECR"): "only the witness",
        (A, "inspector2", "scan types", "EC2"): "undecided",
    }
    only = [each for each in compare(run, report) if each.verdict == "only the run"]
    assert {each.place[2] for each in only} == {"securityhub", "macie2", "accessanalyzer"}
    assert {each.place[2:4] for each in only} >= {("securityhub", "hub"), ("securityhub", "membership")}


def test_findings_in_ocsf_as_scanners_write_them(run: RunFolder, tmp_path: Path) -> None:
    findings = [
        ocsf(A, "guardduty_is_enabled", "PASS"), ocsf(B, "guardduty_s3_protection_enabled", "FAIL"), ocsf(A, "iam_x", "FAIL"),
        ocsf(A, "securityhub_enabled", "PASS"), ocsf(A, "guardduty_is_enabled", "FAIL"), ocsf(A, "guardduty_is_enabled", "PASS"),
    ]  # fmt: skip
    file = tmp_path / "prowler.ocsf.json"
    file.write_text(json.dumps(findings))
    assert read_report(file, {}).format == "ocsf"
    assert verdicts(run, file) == {
        (A, "guardduty", "enabled", ""): "disagree",
        (B, "guardduty", "features", "S3_DATA_EVENTS"): "agree",
        (A, "securityhub", "enabled", ""): "undecided",
    }, "one detector of two that is off makes it off"


def test_a_table_of_sra_verify_and_what_an_account_turned_on_by_itself(run: RunFolder, tmp_path: Path) -> None:
    """C is nobody's member: that GuardDuty is on in it is no disagreement, and no coverage either."""
    file = tmp_path / "sraverify.csv"
    rows = [
        (A, "SRA-GUARDDUTY-01", "PASS"), (A, "SRA-GUARDDUTY-06", "FAIL"), (C, "SRA-GUARDDUTY-03", "PASS"),
        (A, "SRA-INSPECTOR-02", "PASS"), (A, "SRA-GUARDDUTY-15", "FAIL"),
    ]  # fmt: skip
    lines = [f'"{account}","Account","{EAST}","{check}","{status}"' for account, check, status in rows]
    file.write_text("\n".join(["AccountId,AccountName,Region,CheckId,Status", *lines]) + "\n", encoding="utf-8")
    columns = {"account": "AccountId", "check": "CheckId", "state": "Status"}
    assert read_report(file, columns).others == 1
    assert verdicts(run, file, **columns) == {
        (A, "guardduty", "enabled", ""): "agree",
        (A, "guardduty", "features", "S3_DATA_EVENTS"): "disagree",
        (C, "guardduty", "enabled", ""): BY_ITSELF,
        (A, "inspector2", "scan types", "EC2"): "agree",
    }


def test_controls_of_macie_and_of_access_analyzer(run: RunFolder, tmp_path: Path) -> None:
    """Macie.2 is a statement about administrators only. An account's list of analyzers does not show the organization's."""
    findings = [
        asff(A, "Macie.1", "PASSED"), asff(B, "Macie.1", "FAILED"), asff(C, "Macie.1", "FAILED"),
        asff(B, "Macie.2", "PASSED"), asff(C, "Macie.2", "NOT_AVAILABLE"), asff(A, "Macie.2", "FAILED"),
        asff(A, "IAM.28", "FAILED"), asff(B, "IAM.28", "PASSED"), asff(C, "IAM.28", "PASSED"), asff(B, "IAM.3", "FAILED"),
    ]  # fmt: skip
    file = tmp_path / "findings.json"
    file.write_text(json.dumps({"Findings": findings}))
    assert read_report(file, {}).others == 1
    assert verdicts(run, file) == {
        (A, "macie2", "enabled", ""): "agree",
        (B, "macie2", "enabled", ""): "disagree",
        (C, "macie2", "enabled", ""): "agree",
        (A, "macie2", "automated discovery", "accounts"): "disagree",
        (B, "macie2", "automated discovery", "accounts"): "agree",
        (C, "macie2", "automated discovery", "accounts"): "undecided",
        (A, "accessanalyzer", "external access", ""): "undecided",
        (B, "accessanalyzer", "external access", ""): "agree",
        (C, "accessanalyzer", "external access", ""): "undecided",
    }


def test_checks_of_macie_and_of_access_analyzer_in_ocsf(run: RunFolder, tmp_path: Path) -> None:
    findings = [
        ocsf(A, "macie_is_enabled", "PASS"), ocsf(C, "macie_is_enabled", "PASS"),
        ocsf(B, "macie_automated_sensitive_data_discovery_enabled", "FAIL"),
        ocsf(A, "accessanalyzer_enabled", "FAIL"), ocsf(B, "accessanalyzer_enabled", "FAIL"),
        ocsf(B, "accessanalyzer_enabled_without_findings", "FAIL"),
    ]  # fmt: skip
    file = tmp_path / "prowler.ocsf.json"
    file.write_text(json.dumps(findings))
    assert read_report(file, {}).others == 1
    assert verdicts(run, file) == {
        (A, "macie2", "enabled", ""): "agree",
        (C, "macie2", "enabled", ""): BY_ITSELF,
        (B, "macie2", "automated discovery", "accounts"): "disagree",
        (A, "accessanalyzer", "enabled", ""): "undecided",
        (B, "accessanalyzer", "enabled", ""): "disagree",
    }


@pytest.mark.slow
def test_every_control_speaks_of_a_cell_that_a_run_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every service on: a control whose aspect or item is spelt otherwise than in coverage would never be compared."""
    whole = simulated("seven", tmp_path, monkeypatch)
    whole.settings = settings_for(whole.front, fitting(whole.front, PARAMETERS.with_name("rehearsal-all.yaml")))
    whole.enable([phase.name for phase in managed(whole.settings)])
    cells = {(cell.service, cell.aspect, cell.item) for cell in whole.cells()}
    named = set(CONTROLS.values()) | {(service, aspect, "") for service, aspects in OURS.items() for aspect in aspects}
    missing = {each for each in named if each not in cells and each[1] != ENABLED}
    assert missing == set()


def test_a_table_whose_columns_are_named(run: RunFolder, tmp_path: Path) -> None:
    file = tmp_path / "scan.csv"
    rows = "".join(f"{account};{EAST};guardduty_is_enabled;PASS\n" for account in (A, "3"))
    file.write_text(f"ACCOUNT_UID;REGION;CHECK_ID;STATUS\n{rows}")
    with pytest.raises(
        WitnessProblem, match=r"scan\.csv: has no column account, state; it has ACCOUNT_UID, .* Did you mean ACCOUNT_UID\?"
    ):
        read_report(file, {})
    columns = {"account": "ACCOUNT_UID", "region": "REGION", "check": "CHECK_ID", "state": "STATUS"}
    assert verdicts(run, file, **columns) == {(A, "guardduty", "enabled", ""): "agree", (C, "guardduty", "enabled", ""): BY_ITSELF}


@pytest.mark.parametrize("form", ["csv", "json"])
def test_our_own_form(run: RunFolder, tmp_path: Path, form: str) -> None:
    rows = [
        {"account": A, "region": EAST, "service": "guardduty", "aspect": "features", "item": "S3_DATA_EVENTS", "state": "on"},
        {"account": A, "region": EAST, "service": "securityhub", "aspect": "hub", "item": "", "state": "off"},
    ]
    file = tmp_path / f"own.{form}"
    if form == "json":
        file.write_text(json.dumps(rows))
    else:
        file.write_text("\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows)]))
    assert verdicts(run, file) == {
        (A, "guardduty", "features", "S3_DATA_EVENTS"): "agree", (A, "securityhub", "hub", ""): "disagree",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1]", "a list of findings"), ("{", "this is not JSON at column 2"), ("[]", "says nothing about"),
        ('[{"class_uid": 2004}]', "1 rows about others"),
        ('[{"account": "1", "region": "x", "state": "on"}]', "of 1 left out the first is finding 1: service is not given"),
        ("account,region,check,state\n1.11111E+11,us-east-1,GuardDuty.1,PASS\n", "line 2: account 1.11111E.11: a spreadsheet"),
        ("account,region\n1,us-east-1\n", "has no column state; it has account, region"),
        ("", "has no column account, region, state; it has none"),
        ("account,region,state,check\n1,us-east-1,on,IAM.1\n", "1 rows about others"),
    ],
)  # fmt: skip
def test_what_is_no_report_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(WitnessProblem, match=f"x.json.*: .*{said}"):
        read_report(tmp_path / "x.json", {})


SPREADSHEETS = {
    **dict.fromkeys(("012345678901", "12345678901", "'012345678901", '="012345678901"', "=012345678901"), "012345678901"),
    "111111111111.0": A, "1111-1111-1111": A, " 111111111111 ": A, "\uff11" * 12: A, "\u0661" * 12: A,
}  # fmt: skip
"""An id as spreadsheets, consoles and keyboards leave it, and which one it is."""
ODD = {
    "1.11111E+11": "a spreadsheet has rounded this id: export again as text",
    "1,11111E+11": "a spreadsheet has rounded",
    "1.11111111111e11": "a spreadsheet has rounded",
    "": "account is not given",
    "1111111111111": "not a 12-digit account id",
    "111111111111.5": "not a 12-digit account id",
    "acme": "not a 12-digit account id",
    "-1": "not a 12-digit account id",
}


@pytest.mark.parametrize("written", SPREADSHEETS)
def test_ids_are_read_as_spreadsheets_leave_them(written: str, tmp_path: Path) -> None:
    with (tmp_path / "x.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["account", "region", "check", "state"], [written, EAST, "GuardDuty.1", "PASS"]])
    report = read_report(tmp_path / "x.csv", {})
    assert list(report.states) == [(SPREADSHEETS[written], EAST, "guardduty", "enabled", "")]
    assert not report.odd


@pytest.mark.parametrize("written", ODD)
def test_one_odd_row_is_left_out_and_said(written: str, tmp_path: Path) -> None:
    rows = [["account", "region", "check", "state"], [A, EAST, "GuardDuty.1", "PASS"], [written, EAST, "GuardDuty.1", "PASS"]]
    with (tmp_path / "x.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    report = read_report(tmp_path / "x.csv", {})
    assert len(report.states) == 1
    (sentence,) = report.odd
    assert sentence.startswith("line 3: account")
    assert ODD[written] in sentence


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (f"{A};{EAST};x" + " " * 90 + "y;aspect;on", "service has more than 80 characters"),
        (f"{A};us east 1;guardduty;detector;on", "region us east 1: is not the name of a Region"),
        (f"{A};;guardduty;detector;on", "region is not given"),
        (f"{A};{EAST};guardduty;;on", "aspect is not given"),
        (f"{A};{EAST};guardduty;detector;", "state is not given"),
    ],
)
def test_a_row_that_names_no_place_says_what_it_lacks(row: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(f"account;region;service;aspect;state\n{A};US-EAST-1;guardduty;detector;on\n{row}\n")
    report = read_report(tmp_path / "x.csv", {})
    assert list(report.states) == [(A, EAST, "guardduty", "detector", "")]
    assert report.odd == [f"line 3: {said}"]


def test_numbers_nulls_and_other_types_in_findings(tmp_path: Path) -> None:
    file = tmp_path / "findings.json"
    findings: list[Any] = [
        asff(A, "GuardDuty.1", "PASSED", AwsAccountId=111111111111), asff(A, "GuardDuty.9", "PASSED", AwsAccountId=111111111111.0),
        asff(A, "GuardDuty.10", "PASSED", Compliance={"SecurityControlId": "GuardDuty.10", "Status": None}),
        asff(A, "GuardDuty.5", "PASSED", AwsAccountId=[A]), asff(A, "GuardDuty.6", "PASSED", Region={"a": 1}), "x", None,
        asff(A, "x", "PASSED", Compliance=[], GeneratorId=7),
        asff(A, "Inspector.2", "PASSED", Region=None, Resources=[{"Region": EAST}]),
        ocsf(A, "securityhub_enabled", "PASS") | {"cloud": {"account": {"uid": 222222222222}, "region": EAST}},
        ocsf(A, "securityhub_enabled", "PASS") | {"cloud": []},
    ]  # fmt: skip
    file.write_text(json.dumps(findings))
    report = read_report(file, {})
    assert sorted(report.states) == [
        (A, EAST, "guardduty", "enabled", ""), (A, EAST, "guardduty", "features", "RDS_LOGIN_EVENTS"),
        (A, EAST, "inspector2", "scan types", "ECR"), (B, EAST, "securityhub", "enabled", ""),
    ]  # fmt: skip
    assert report.others == 1
    assert report.odd == [
        "finding 3: state is not given", "finding 4: account ['111111111111']: text is wanted",
        "finding 5: region {'a': 1}: text is wanted", "finding 6: 'x' is not a finding", "finding 7: None is not a finding",
        "finding 11: account is not given",
    ]  # fmt: skip


def test_json_lines_a_single_finding_and_a_long_cell(tmp_path: Path) -> None:
    file = tmp_path / "x"
    lines = [json.dumps(asff(account, "GuardDuty.1", "PASSED")) for account in (A, B)]
    file.write_text(f"{lines[0]}\n{{broken}}\n\n{lines[1]}\n")
    report = read_report(file, {})
    assert (report.format, len(report.states)) == ("asff", 2)
    assert report.odd[0].startswith("line 2: this is not JSON at column 2")
    file.write_text(lines[0])
    assert len(read_report(file, {}).states) == 1
    file.write_text(
        f"sep=;\r\nAccount;region;check;state;details\r\n{A};{EAST};guardduty_is_enabled;PASS;{'x' * 140_000}\r\n{B};\r\n"
    )
    report = read_report(file, {})
    assert (len(report.states), report.odd) == (1, ["line 4: region is not given"])


def test_a_report_in_other_letters_is_said_to_be(tmp_path: Path) -> None:
    for data, words in (("account".encode("utf-16"), "UTF-16"), (b"account\nJ\xfcrg", "line 2: the byte 0xFC")):
        (tmp_path / "x.csv").write_bytes(data)
        with pytest.raises(WitnessProblem, match=words):
            read_report(tmp_path / "x.csv", {})


def test_the_command_links_report_and_comparison_to_the_seal(run: RunFolder, tmp_path: Path) -> None:
    file, runs = tmp_path / "Hub Findings.json", run.path.parent
    file.write_text(json.dumps({"Findings": [asff(A, "GuardDuty.1", "PASSED"), asff(B, "GuardDuty.1", "FAILED")]}))

    def command(*words: object) -> tuple[int, str]:
        done = CliRunner().invoke(cli, ["evidence", *map(str, words), "--runs", str(runs)], standalone_mode=False)
        return (done.return_value if done.exception is None else 1), done.output + str(done.exception or "")

    for _ in range(2):
        code, said = command("witness", run.name, file)
        assert code == 2
        assert f"disagree: guardduty enabled in {B} {EAST}: run covered, witness off" in said
        assert "number 2 of" in said, "the same report is linked once"
    (folder,) = [path for path in (run.path / "attached").iterdir() if path.is_dir()]
    assert folder.name.startswith("witness-hub-findings-")
    statement = linked_of(run, folder.name)
    assert statement is not None
    assert statement.parameters["facts"]["cells"]["disagree"] == 1
    assert (folder / "report.json").read_bytes() == file.read_bytes()
    rows = list(csv.DictReader((folder / "comparison.csv").read_text().splitlines()))
    assert {row["verdict"] for row in rows} == {"agree", "disagree", "only the run"}
    assert command("verify", run.name)[0] == 0
    (folder / "comparison.csv").write_text("all agree")
    code, said = command("verify", run.name)
    assert (code, "changed" in said) == (1, True)
    assert command("witness", run.name, file, "--column", "x=y")[0] == 1


def test_the_command_says_which_rows_it_left_out(run: RunFolder, tmp_path: Path) -> None:
    file = tmp_path / "scan.csv"
    file.write_text(
        f"account,region,check,state\n{A},{EAST},guardduty_is_enabled,PASS\n1.11111E+11,{EAST},guardduty_is_enabled,PASS\n"
    )
    done = CliRunner().invoke(
        cli, ["evidence", "witness", run.name, str(file), "--runs", str(run.path.parent)], standalone_mode=False
    )
    assert done.return_value == 2, done.output
    assert "left out: line 3: account 1.11111E+11: a spreadsheet has rounded this id: export again as text\n" in done.output
    statement = linked_of(run, next(path.name for path in (run.path / "attached").iterdir() if path.is_dir()))
    assert statement is not None
    assert statement.parameters["facts"]["rows left out"] == 1
