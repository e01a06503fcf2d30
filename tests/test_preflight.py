"""What only AWS knows of what settings and scope name: checked before any plan, all at once, and never taken for fine unread."""

import dataclasses
import datetime as dt
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest
from simulated import ENABLING, Simulated, simulated
from test_scope import DELEGATED, ORGANIZATION, OTHER, account, settings

from runbook_lib.aws.errors import CallFailed
from runbook_lib.organization import Account, AccountState
from runbook_lib.plan import Scope
from runbook_lib.services.organizations.preflight import objections, preflight
from runbook_lib.services.remarks import Contradicted, Remark, Severity
from runbook_lib.settings import Exclusion
from runbook_lib.settings.file import SettingsContradicted, located
from runbook_lib.settings.sections.guardduty import ExportDestination
from runbook_lib.settings.sections.securityhub import Standard

STRANGER = "999999999999"
FSBP, CIS = "aws-foundational-security-best-practices", "cis-aws-foundations-benchmark"
CONTRADICTED, BLOCKED, UNCHECKED, NOTED = Severity


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Simulated:
    return simulated("seven", tmp_path, monkeypatch)


def remarks(made: Simulated, phase: str = "00_prerequisites", scope: Scope | None = None) -> tuple[Remark, ...]:
    """What preflight says, whether it refuses or not."""
    runbook = made.runbook(phase, scope)
    with runbook.access:
        try:
            return runbook.preflight()[1]
        except Contradicted as refused:
            return refused.remarks


def said(found: Iterable[Remark]) -> dict[str, tuple[Severity, str]]:
    return {".".join(map(str, remark.path)): (remark.severity, remark.message) for remark in found}


def change(made: Simulated, section: str, **values: Any) -> None:
    part = getattr(made.settings, section)
    made.settings = made.settings.model_copy(update={section: part.model_copy(update=values)})


def exclude(made: Simulated, **named: str) -> None:
    added = Exclusion(**named, reason="agreed", owner="Ada", expires=dt.date(2099, 1, 1))  # type: ignore[arg-type] # by name
    made.settings = made.settings.model_copy(update={"exclusions": (*made.settings.exclusions, added)})


def standards(made: Simulated, *named: tuple[str, str]) -> None:
    wanted = tuple(Standard(name=name, version=version) for name, version in named)
    change(made, "security_hub", delegated_account_standards=wanted)


def test_settings_that_aws_agrees_with_have_no_remark(made: Simulated) -> None:
    for phase in (*ENABLING, "90_coverage"):
        assert remarks(made, phase) == ()


@pytest.mark.parametrize(
    ("changed", "place", "words"),
    [
        ({"id": "o-another0001"}, "organization.id", "o-another0001"),
        ({"management_account": OTHER}, "organization.management_account", OTHER),
        ({"accounts": {}}, "organization.delegated_account", "not an account of organization o-rehearsal001"),
        ({"accounts": {DELEGATED: account(DELEGATED, state="SUSPENDED")}}, "organization.delegated_account", "SUSPENDED"),
    ],
)
def test_another_organization_than_settings_name(changed: Mapping[str, Any], place: str, words: str) -> None:
    found = said(objections(dataclasses.replace(ORGANIZATION, **changed), settings()))
    assert words in found[place][1]
    assert {severity for severity, _ in found.values()} == {CONTRADICTED}
    assert objections(ORGANIZATION, settings()) == ()


class Nobody:
    """Is shown nothing."""

    def read(self, service: str, operation: str, account: str, region: str, **_: Any) -> dict[str, Any]:
        raise CallFailed(
            "AccessDeniedException", "no", service=service, operation=operation, account=account, region=region, sent=True
        )

    pages = read


def test_accounts_that_are_not_shown_contradict_nothing() -> None:
    """With the delegated account's door alone, before AWS shows it the list: unread is never "not there"."""
    both = {each: Account(each, "", AccountState.ACTIVE, ()) for each in (ORGANIZATION.management_account, DELEGATED)}
    alone = dataclasses.replace(ORGANIZATION, accounts=both)
    named = Exclusion(account=STRANGER, reason="agreed", owner="Ada", expires=dt.date(2099, 1, 1))
    wanted = settings().model_copy(update={"exclusions": (named,)})
    assert objections(alone, wanted) == ()
    assert [each.severity for each in objections(ORGANIZATION, wanted)] == [CONTRADICTED]
    scope = Scope(accounts=(STRANGER,), organizational_units=("ou-reh1-nowhere01",))
    reader: Any = Nobody()
    found = said(preflight(alone, wanted, scope, reader))
    assert {where: severity for where, (severity, _) in found.items()} == dict.fromkeys(
        ("organization.id", "scope.accounts.0", "scope.organizational_units.0"), UNCHECKED
    )
    assert "Only the management and the delegated account are counted" in found["organization.id"][1]


@pytest.mark.parametrize("phase", ENABLING)
def test_every_plan_is_refused_by_the_same_names(made: Simulated, phase: str) -> None:
    standards(made, ("aws-foundational-security-best-practises", "1.0.0"), (CIS, "9.9.0"))
    exclude(made, account=STRANGER)
    exclude(made, organizational_unit="ou-reh1-nowhere01")
    exclude(made, organizational_unit="r-nowhere")
    scope = Scope(accounts=(STRANGER,), organizational_units=("ou-reh1-nowhere01",), regions=("us-esat-1",))
    found = said(remarks(made, phase, scope))
    count = len(made.settings.exclusions)
    places = [f"exclusions.{count - 3}.account"]
    places += [f"exclusions.{count - left}.organizational_unit" for left in (2, 1)]
    places += ["security_hub.delegated_account_standards.0.name", "security_hub.delegated_account_standards.1.version"]
    places += ["scope.accounts.0", "scope.organizational_units.0", "scope.regions.0"]
    assert sorted(found) == sorted(places)
    assert {severity for severity, _ in found.values()} == {CONTRADICTED}
    assert f"Did you mean {FSBP}?" in found["security_hub.delegated_account_standards.0.name"][1]
    assert f"It offers {CIS} in 1.2.0" in found["security_hub.delegated_account_standards.1.version"][1]
    assert "Did you mean us-east-1?" in found["scope.regions.0"][1]
    assert not made.mutating()


def test_the_observation_refuses_the_wrong_organization_too(made: Simulated) -> None:
    """It may be another one by the time of the apply."""
    change(made, "organization", id="o-another0001")
    with pytest.raises(Contradicted, match=r"organization\.id: o-another0001"):
        made.plan("20_guardduty")


@pytest.mark.parametrize("refused", [False, True], ids=["readable", "denied"])
def test_a_unit_without_accounts_is_looked_up_once(made: Simulated, refused: bool) -> None:
    made.front.world.organization.units["ou-reh1-empty0001"] = next(iter(made.front.world.organization.units.values()))
    if refused:
        made.front.world.organization.accounts["111111111111"].roles["RunbookManagement"].denied = (
            "organizations:DescribeOrganizationalUnit",
        )
    exclude(made, organizational_unit="ou-reh1-empty0001")
    found = remarks(made)
    assert [remark.severity for remark in found] == ([UNCHECKED] if refused else [])
    assert len(made.front.log.select(operation="DescribeOrganizationalUnit")) == 1


def test_a_region_that_is_not_enabled_is_told_and_refuses_nothing(made: Simulated) -> None:
    change(made, "guardduty", regions=("us-east-1", "ap-east-1"))
    found = said(remarks(made, "20_guardduty"))
    assert list(found) == ["guardduty.regions.1"]
    severity, message = found["guardduty.regions.1"]
    assert severity is BLOCKED
    assert f"the delegated account {DELEGATED}" in message
    assert "the management account 111111111111" in message


@pytest.mark.parametrize("spelt", [FSBP, "aws-foundational-security-best-practises"])
def test_before_a_hub_is_on_standards_may_be_not_checked_which_is_never_fine(made: Simulated, spelt: str) -> None:
    made.front.world.variants["securityhub describe standards"] = "hub"
    change(made, "security_hub", accept_default_standards=())
    standards(made, (spelt, "1.0.0"))
    [remark] = remarks(made)
    assert remark.severity is UNCHECKED
    assert "only after: Security Hub is on" in remark.message
    made.enable(ENABLING[:1])
    if spelt == FSBP:
        made.enable(ENABLING[1:2])
        assert remarks(made) == ()


def test_a_list_that_may_not_be_read_is_unknown_with_its_reason(made: Simulated) -> None:
    made.front.world.organization.accounts[DELEGATED].roles["RunbookDelegated"].denied = ("securityhub:DescribeStandards",)
    found = remarks(made)
    assert {remark.severity for remark in found} == {UNCHECKED}
    assert all("AccessDenied" in remark.message for remark in found)


def test_one_call_where_the_first_region_lists_them_all(made: Simulated) -> None:
    assert remarks(made) == ()
    assert [entry.region for entry in made.front.log.select(operation="DescribeStandards")] == ["us-east-1"]


def test_what_preflight_read_serves_the_observation_after_it(made: Simulated) -> None:
    runbook = made.runbook("10_security_hub")
    with runbook.access:
        runbook.preflight()
        runbook.observe()
        first = [entry.region for entry in made.front.log.select(operation="DescribeStandards")]
        accounts = len(made.front.log.select(operation="ListAccounts"))
        runbook.observe()
    regions = sorted(made.settings.security_hub.regions) if made.settings.security_hub else []
    assert sorted(first) == regions, "each Region once for both"
    assert len(made.front.log.select(operation="DescribeStandards")) == 2 * len(regions), "a second look reads anew"
    assert len(made.front.log.select(operation="ListAccounts")) == 2 * accounts


@pytest.mark.parametrize(("owner", "words"), [(STRANGER, "is not in the organization"), ("777777777777", "is SUSPENDED")])
def test_an_export_key_of_nobody_is_noted(made: Simulated, owner: str, words: str) -> None:
    key = ExportDestination(bucket_arn="arn:aws:s3:::bucket", kms_key_arn=f"arn:aws:kms:us-east-1:{owner}:key/1")
    change(made, "guardduty", export={"us-east-1": key})
    [remark] = remarks(made, "20_guardduty")
    assert remark.severity is NOTED
    assert words in remark.message


def test_findings_have_their_line_and_what_no_file_holds_has_none() -> None:
    text = "mode: live\norganization:\n  id: o-example0001\n"
    problems = [
        Remark(CONTRADICTED, ("organization", "id"), "o-example0001", "Another.").problem,
        Remark(CONTRADICTED, ("scope", "accounts", 0), "1", "Nobody.").problem,
    ]
    error = SettingsContradicted("acme.yaml", located("acme.yaml", text, problems, "scope"))
    assert str(error) == (
        "acme.yaml: 2 things that AWS contradicts\n\n"
        "scope: scope.accounts[0]\n    value:  1\n    Nobody.\n\n"
        "acme.yaml, line 3: organization.id\n    value:  o-example0001\n    Another."
    )
