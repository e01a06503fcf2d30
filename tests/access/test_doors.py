"""Doors into accounts: roles, profiles, and sessions that end."""

import re
from functools import partial
from pathlib import Path

import pytest
from fake_aws import (
    DELEGATED,
    MANAGEMENT,
    MEMBER,
    RUNNER,
    FakeAws,
    Make,
    create,
    detectors,
    settings,
)

from runbook_lib.aws import credentials
from runbook_lib.aws.access import AccessRefused, NoDoor, WrongAccount
from runbook_lib.aws.errors import CallFailed
from runbook_lib.base.clock import FakeClock


def test_each_role_is_assumed_once_by_eight_threads_in_all_regions(aws: FakeAws, make: Make) -> None:
    access = make()
    jobs = [
        partial(detectors, access, account, region)
        for account in (MANAGEMENT, DELEGATED, MEMBER, "555555555555")
        for region in ("us-east-1", "us-east-2", "eu-west-1", "eu-north-1")
    ]
    access.parallel(jobs)
    assert set(aws.assumed.values()) == {1}
    assert len(aws.assumed) == 4
    assert {account for operation, account, _ in aws.calls if operation == "ListDetectors"} == {
        MANAGEMENT, DELEGATED, MEMBER, "555555555555",
    }  # fmt: skip


def test_sessions_carry_the_run_and_what_settings_say(aws: FakeAws, make: Make) -> None:
    access = make(run="20261123T074611Z-rehearsal/ümlaut " + "x" * 80)
    detectors(access, MEMBER)
    asked = {each["RoleArn"]: each for each in aws.asked}
    member = asked[f"arn:aws:iam::{MEMBER}:role/Member"]
    assert member["ExternalId"] == "outside"
    assert member["DurationSeconds"] == "3600"
    assert all(re.fullmatch(r"[\w+=,.@-]{2,64}", each["RoleSessionName"], re.ASCII) for each in aws.asked)
    assert all("20261123T074611Z-rehearsal" in each["RoleSessionName"] for each in aws.asked)
    assert all("incident-runbook/" in agent and "run/2026" in agent for agent in aws.agents)


def test_a_member_is_reached_through_the_door_that_settings_name(aws: FakeAws, make: Make) -> None:
    detectors(make(), MEMBER)
    assumers = [account for operation, account, _ in aws.calls if operation == "AssumeRole"]
    assert assumers == [RUNNER, DELEGATED]


def test_without_a_member_role_members_are_out_of_reach(make: Make) -> None:
    access = make(settings(members=False))
    assert [access.reaches(account) for account in (MANAGEMENT, DELEGATED, MEMBER)] == [True, True, False]
    with pytest.raises(NoDoor, match=MEMBER):
        detectors(access, MEMBER)


def test_credentials_of_another_account_are_refused_before_any_other_call(aws: FakeAws, make: Make) -> None:
    with pytest.raises(WrongAccount, match=f"access.management.*leads into account {RUNNER}.*{MANAGEMENT}"):
        detectors(make(settings(management={})), MANAGEMENT)
    assert [operation for operation, _, _ in aws.calls] == ["GetCallerIdentity"]


def test_a_door_through_itself_is_refused(make: Make) -> None:
    circle = {"role_arn": f"arn:aws:iam::{MANAGEMENT}:role/R", "via": "delegated"}
    back = {"role_arn": f"arn:aws:iam::{DELEGATED}:role/R", "via": "management"}
    with pytest.raises(AccessRefused, match="by way of itself"):
        detectors(make(settings(management=circle, delegated=back)), MANAGEMENT)


def test_a_role_that_is_refused_is_a_failed_call_and_not_asked_for_each_read(aws: FakeAws, make: Make) -> None:
    arn = f"arn:aws:iam::{DELEGATED}:role/R"
    aws.refused.add(arn)
    clock = FakeClock()
    access = make(clock=clock)
    for region in ("us-east-1", "us-east-2"):
        with pytest.raises(CallFailed) as refused:
            detectors(access, region=region)
        assert (refused.value.code, refused.value.operation, refused.value.account) == ("AccessDenied", "AssumeRole", DELEGATED)
    assert aws.assumed[arn] == 1
    aws.refused.clear()
    clock.sleep(credentials.REMEMBERED)
    assert detectors(access) == {}


@pytest.mark.parametrize(
    "chain", ["[profile acme]\nmfa_serial = m\n", "[profile acme]\nrole_arn = r\nsource_profile = b\n[profile b]\nmfa_serial = m\n"]
)
def test_a_profile_that_would_prompt_is_refused(make: Make, tmp_path: Path, chain: str) -> None:
    (tmp_path / "config").write_text(chain)
    with pytest.raises(AccessRefused, match="MFA code"):
        detectors(make(settings(management={"profile": "acme"})), MANAGEMENT)


def test_a_profile_is_used_where_settings_name_one(aws: FakeAws, make: Make, tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("[acme]\naws_access_key_id = AKIAACME\naws_secret_access_key = s\n")
    aws.accounts["AKIAACME"] = MANAGEMENT
    access = make(settings(management={"profile": "acme"}))
    detectors(access, MANAGEMENT)
    assert access.caller(MANAGEMENT).startswith(f"arn:aws:sts::{MANAGEMENT}")
    assert not aws.assumed


def test_another_partition_s_role_arns_and_sts_region(aws: FakeAws, make: Make) -> None:
    access = make(settings(partition="aws-us-gov"))
    detectors(access, MEMBER, "us-gov-east-1")
    assert f"arn:aws-us-gov:iam::{MEMBER}:role/Member" in aws.assumed
    assert access._sts_region == "us-gov-west-1"


def test_sessions_are_renewed_before_they_end(aws: FakeAws, make: Make) -> None:
    clock = FakeClock()
    access = make(clock=clock)
    detectors(access)
    clock.sleep(3000)
    detectors(access)
    assert aws.assumed[f"arn:aws:iam::{DELEGATED}:role/R"] == 1
    clock.sleep(400)
    detectors(access)
    assert aws.assumed[f"arn:aws:iam::{DELEGATED}:role/R"] == 2


def test_credentials_that_end_early_are_renewed_once_for_all_threads(aws: FakeAws, make: Make) -> None:
    access = make()
    detectors(access, MEMBER)
    aws.expire_all()
    access.parallel([partial(detectors, access, MEMBER, region) for region in ("us-east-1", "us-east-2", "eu-west-1")])
    assert aws.assumed[f"arn:aws:iam::{MEMBER}:role/Member"] == 2
    # The door it goes through had ended as well.
    assert aws.assumed[f"arn:aws:iam::{DELEGATED}:role/R"] == 2


def test_credentials_that_are_refused_when_fresh_are_a_failure(aws: FakeAws, make: Make) -> None:
    aws.answer = lambda operation, request: (403, {"__type": "ExpiredTokenException", "message": "m"})
    with pytest.raises(CallFailed, match="ExpiredTokenException"):
        detectors(make())
    assert aws.made("ListDetectors") == 2


def test_a_mutating_call_is_never_repeated_by_itself_and_the_next_attempt_has_fresh_credentials(aws: FakeAws, make: Make) -> None:
    access, sent = make(), list[str]()
    create(access, sent)
    aws.expire_all()
    with pytest.raises(CallFailed) as expired:
        create(access, sent)
    assert (expired.value.code, expired.value.sent) == ("ExpiredTokenException", True)
    create(access, sent)
    assert aws.made("CreateDetector") == len(sent) == 3
