"""Members of Security Hub's administrator: how accounts become members, what stays unprocessed, and how it ends."""

import pytest
from securityhub_rig import (
    CLOSED,
    DELEGATED,
    HOME,
    MANAGEMENT,
    OPT_IN,
    OTHER,
    OUTSIDER,
    PLAIN,
    RECORDING,
    SECOND,
    SUSPENDED,
    Rig,
    refused,
)

from runbook_lib.rehearsal.operations.securityhub import errors
from runbook_lib.rehearsal.organization import close_account
from runbook_lib.rehearsal.world import SimulatedAccount

DEFAULTS = {"aws-foundational-security-best-practices/v/1.0.0", "cis-aws-foundations-benchmark/v/1.2.0"}


@pytest.fixture
def rig() -> Rig:
    return Rig()


@pytest.mark.fact("SH-4.3-34", "SH-4.3-35", "SH-4.3-44")
def test_create_members_turns_hubs_on_with_default_standards(rig: Rig) -> None:
    rig.designate()
    rig().update_organization_configuration(AutoEnable=False, AutoEnableStandards="NONE")
    rig(OTHER).enable_security_hub(EnableDefaultStandards=False)
    assert rig.add(PLAIN, OTHER) == {}
    assert set(rig.statuses(PLAIN)) == DEFAULTS
    assert rig.statuses(OTHER) == {}
    assert rig(PLAIN).get_administrator_account()["Administrator"] == {"AccountId": DELEGATED, "MemberStatus": "Enabled"}
    assert rig(PLAIN).get_master_account()["Master"]["AccountId"] == DELEGATED
    refused(rig(PLAIN, SECOND).describe_hub, "InvalidAccessException")


@pytest.mark.fact("SH-4.3-34")
def test_create_members_as_auto_enable_says(rig: Rig) -> None:
    rig.world.variants["securityhub member standards"] = "as auto-enable"
    rig.designate()
    rig().update_organization_configuration(AutoEnable=False, AutoEnableStandards="NONE")
    rig.add(PLAIN)
    assert rig.statuses(PLAIN) == {}


UNPROCESSED = {
    "suspended": (SUSPENDED, errors.ACCOUNT_SUSPENDED),
    "closed": (CLOSED, errors.ACCOUNT_SUSPENDED),
    "outsider": (OUTSIDER, errors.NOT_ORGANIZATION_ACCOUNT),
    "administrator": (DELEGATED, errors.OWN_ACCOUNT),
    "management account without hub": (MANAGEMENT, errors.MANAGEMENT_HUB_OFF),
    "Region not enabled": (OTHER, errors.REGION_OFF),
    "member of another administrator": (RECORDING, errors.MEMBER_ELSEWHERE),
}


@pytest.mark.parametrize(("account", "reason"), UNPROCESSED.values(), ids=UNPROCESSED)
@pytest.mark.fact("MF-10.1-20", "SH-4.3-36", "SH-4.3-38", "SH-4.3-41", "SI-11-04")
def test_create_members_reports_what_it_could_not_do_and_does_the_rest(rig: Rig, account: str, reason: str) -> None:
    rig.designate(OPT_IN)
    rig.world.tell("member by invitation", account=RECORDING, region=OPT_IN, service="securityhub")
    rig.world.tell("member by invitation", account=PLAIN, region=OPT_IN, service="guardduty")
    assert rig.add(account, PLAIN, region=OPT_IN) == {account: reason}
    assert rig.listed(OPT_IN) == {PLAIN: "Enabled"}
    assert rig.listed(OPT_IN, OnlyAssociated=False) == {PLAIN: "Enabled"} | (
        {SUSPENDED: "AccountSuspended"} if account == SUSPENDED else {}
    )


@pytest.mark.fact("SH-4.3-37", "SH-4.3-39")
def test_create_members_again(rig: Rig) -> None:
    rig.designate()
    assert rig.add(PLAIN, PLAIN) == {PLAIN: errors.ALREADY_MEMBER}
    assert rig.add(PLAIN)[PLAIN].endswith("is already a member or associated member of the current account.")


@pytest.mark.fact("SH-4.3-36")
def test_management_account_with_its_hub_on_becomes_a_member(rig: Rig) -> None:
    rig.designate()
    rig(MANAGEMENT).enable_security_hub()
    assert rig.add(MANAGEMENT) == {}
    assert rig.listed() == {MANAGEMENT: "Enabled"}


@pytest.mark.fact("SH-4.3-33")
def test_create_members_needs_the_administrator(rig: Rig) -> None:
    refused(lambda: rig.add(PLAIN), "InvalidAccessException", "is not subscribed")
    rig().enable_security_hub()
    refused(lambda: rig.add(PLAIN), "InvalidAccessException", "is not an administrator")


def many(rig: Rig, count: int) -> list[str]:
    """That many accounts more."""
    ids = [f"7{number:011d}" for number in range(count)]
    for each in ids:
        rig.world.organization.accounts[each] = SimulatedAccount(each, each, f"{each}@example.com", "ou-work")
    return ids


@pytest.mark.parametrize("count", [50, 53])
@pytest.mark.fact("SH-4.3-40")
def test_surplus_beyond_fifty_comes_back(rig: Rig, count: int) -> None:
    rig.designate()
    ids = many(rig, count)
    assert rig.add(*ids) == dict.fromkeys(ids[50:], "Maximum number of results exceeded")
    assert list(rig.listed()) == ids[:50]


@pytest.mark.fact("SH-4.3-40")
def test_oversize_may_be_refused_whole(rig: Rig) -> None:
    rig.world.variants["securityhub oversize"] = "reject"
    rig.designate()
    ids = many(rig, 51)
    refused(lambda: rig.add(*ids), "InvalidInputException", status=400)
    assert rig.listed() == {}


@pytest.mark.fact("SH-4.1-11")
def test_member_limit(rig: Rig) -> None:
    rig.world.variants["securityhub member limit"] = "1"
    rig.designate()
    assert rig.add(PLAIN, OTHER) == {OTHER: errors.LIMIT_REACHED}
    assert rig().describe_organization_configuration()["MemberAccountLimitReached"] is True


@pytest.mark.fact("SH-4.3-10", "SH-4.3-43", "SI-11-09")
def test_pages_of_members(rig: Rig) -> None:
    rig.designate()
    ids = many(rig, 60)
    rig.add(*ids[:50])
    rig.add(*ids[50:])
    answer = rig().list_members()
    assert len(answer["Members"]) == 50
    assert len(rig().list_members(NextToken=answer["NextToken"])["Members"]) == 10
    assert "InvitedAt" not in answer["Members"][0]
    assert list(rig.listed(MaxResults=7)) == ids
    refused(lambda: rig().list_members(MaxResults=51), "InvalidInputException")
    refused(lambda: rig(MANAGEMENT).list_organization_admin_accounts(MaxResults=11), "InvalidInputException")


@pytest.mark.fact("SH-4.3-44")
def test_anyone_with_a_hub_has_no_members(rig: Rig) -> None:
    rig.designate()
    rig.add(PLAIN, OTHER)
    assert rig(PLAIN).list_members()["Members"] == []


@pytest.mark.fact("MF-10.1-19", "SH-4.3-42", "SH-4.3-45", "SH-4.3-48", "SH-4.3-49", "SH-4.3-51")
def test_disassociated_members_stay_listed_keep_their_hub_and_come_back(rig: Rig) -> None:
    rig.designate()
    rig.add(PLAIN)
    refused(lambda: rig().disassociate_members(AccountIds=[OTHER]), "ResourceNotFoundException")
    rig().disassociate_members(AccountIds=[PLAIN])
    assert rig.listed() == {}
    assert rig.listed(OnlyAssociated=False) == {PLAIN: "Removed"}
    rig(PLAIN).describe_hub()
    assert rig().delete_members(AccountIds=[PLAIN])["UnprocessedAccounts"] == [
        {"AccountId": PLAIN, "ProcessingResult": errors.ORGANIZATION_MEMBER}
    ]
    assert rig.add(PLAIN) == {}
    assert rig.listed() == {PLAIN: "Enabled"}


@pytest.mark.fact("SH-4.3-47")
def test_get_members(rig: Rig) -> None:
    rig.designate()
    rig.add(PLAIN)
    found = rig().get_members(AccountIds=[PLAIN, OTHER])
    assert [(each["AccountId"], each["AdministratorId"], each["MasterId"]) for each in found["Members"]] == [
        (PLAIN, DELEGATED, DELEGATED)
    ]
    assert [each["AccountId"] for each in found["UnprocessedAccounts"]] == [OTHER]


@pytest.mark.parametrize("operation", ["disassociate_from_administrator_account", "disassociate_from_master_account"])
@pytest.mark.fact("SH-4.1-09", "SH-4.3-52")
def test_who_may_leave_the_administrator(rig: Rig, operation: str) -> None:
    rig.designate()
    rig.add(PLAIN)
    text = "The request is rejected because member cannot disassociate from Organization administrator"
    refused(getattr(rig(PLAIN), operation), "BadRequestException", text, 400)
    rig.world.tell("member by invitation", account=OTHER, region=HOME, service="securityhub")
    getattr(rig(OTHER), operation)()
    assert rig.add(OTHER) == {}
    refused(getattr(rig(), operation), "ResourceNotFoundException")


@pytest.mark.fact("SH-4.3-41", "SH-4.3-45")
def test_closed_member(rig: Rig) -> None:
    rig.designate()
    rig.add(PLAIN)
    close_account(rig.world, PLAIN, "SUSPENDED")
    assert rig.listed() == {}
    assert rig.listed(OnlyAssociated=False) == {PLAIN: "AccountSuspended"}
