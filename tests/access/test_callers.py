"""Who a door leads to, how its credentials were found, and until when they are good."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from botocore import utils
from botocore.credentials import InstanceMetadataProvider, create_credential_resolver
from fake_aws import DELEGATED, MANAGEMENT, FakeAws, Make, detectors, settings

from runbook_lib.aws import keys
from runbook_lib.aws.callers import Card, kind_of
from runbook_lib.aws.clients import Clients
from runbook_lib.aws.errors import CallFailed, DoorFailed
from runbook_lib.aws.pace import Pace
from runbook_lib.aws.troubles import CredentialsFailed
from runbook_lib.base.clock import Clock

SSO = "arn:aws:sts::111111111111:assumed-role/AWSReservedSSO_Security_Audit_0123456789abcdef/someone@example.com"


@pytest.mark.parametrize(
    ("arn", "words", "refused"),
    [
        ("arn:aws:iam::111111111111:root", "the root user", True),
        ("arn:aws:sts::111111111111:assumed-root/s", "the root user", True),
        ("arn:aws:sts::111111111111:federated-user/n", "a federated user", True),
        ("arn:aws:iam::111111111111:user/path/n", "an IAM user", False),
        (SSO, "permission set Security_Audit", False),
        ("arn:aws-us-gov:sts::111111111111:assumed-role/Reader/s", "role Reader", False),
        ("arn:aws:sts::111111111111:something/else", "a caller of unknown kind", False),
    ],
)
def test_the_kind_of_a_caller(arn: str, words: str, refused: bool) -> None:
    assert (kind_of(arn).words, bool(kind_of(arn).refused)) == (words, refused)


def test_a_card_says_everything_and_no_address() -> None:
    until = dt.datetime(2026, 11, 29, 14, 5, tzinfo=dt.UTC)
    said = Card("management", MANAGEMENT, SSO, "profile 'acme', a session of IAM Identity Center", until, -200.0).words
    assert said.startswith(
        f"management {MANAGEMENT}: permission set Security_Audit, by profile 'acme', a session of IAM Identity Center, "
        "session until 14:05 UTC, renewed in time: arn:aws:sts::111111111111:assumed-role/AWSReservedSSO_Security_Audit_"
    )
    assert said.endswith("(this machine's clock is 3 minutes behind AWS's)")
    assert "someone@" not in said
    assert "for as long as" in Card("management", MANAGEMENT, "arn:aws:iam::1:user/n", "keys", None).words


def test_doors_are_opened_once_before_anything_else_and_by_what(aws: FakeAws, make: Make, tmp_path: Path) -> None:
    (tmp_path / "credentials").write_text("[acme]\naws_access_key_id = AKIAACME\naws_secret_access_key = s\n")
    aws.accounts["AKIAACME"] = MANAGEMENT
    access = make(settings(management={"profile": "acme"}))
    found = {each.door: each for each in access.open_doors()}
    assert found["management"].source == "profile 'acme', keys in the credentials file"
    assert found["management"].until is None
    assert (found["delegated"].source, found["delegated"].kind.words) == ("keys in the environment", "role R")
    assert found["delegated"].until is not None
    called = len(aws.calls)
    access.open_doors()
    detectors(access)
    assert [operation for operation, _, _ in aws.calls[called:]] == ["ListDetectors"]


def test_a_role_that_aws_refuses_leaves_the_other_door_to_be_used(aws: FakeAws, make: Make) -> None:
    aws.refused.add(f"arn:aws:iam::{DELEGATED}:role/R")
    assert [each.door for each in make().open_doors()] == ["management"]


def test_keys_that_have_expired_end_a_run_before_it_begins(aws: FakeAws, make: Make) -> None:
    aws.expired.add("AKIARUNNER")
    with pytest.raises(DoorFailed, match=r"access\.management: keys in the environment: the credentials .* have expired"):
        make().open_doors()


def test_a_program_that_fails_later_is_a_failed_call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that end are asked for anew in the middle of work, in whatever thread is about to sign."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name)
    program = tmp_path / "give"
    soon = (dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1)).isoformat()
    given = f'{{"Version": 1, "AccessKeyId": "AKIAACME", "SecretAccessKey": "s", "SessionToken": "t", "Expiration": "{soon}"}}'
    program.write_text(f"#!/bin/sh\n[ -e {tmp_path}/gone ] && exec echo no\ntouch {tmp_path}/gone\necho '{given}'\n")
    program.chmod(0o700)
    (tmp_path / "config").write_text(f"[profile acme]\ncredential_process = {program}\n")
    clients = Clients("live", "run", 1, Pace(Clock(), 1.0), None)
    found = clients.session("acme").get_credentials()
    assert found is not None
    with pytest.raises(CredentialsFailed, match="printed no JSON"):
        found.get_frozen_credentials()
    clients.close()


def test_no_proxy_is_asked_for_instance_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.example:8080")
    clients = Clients("live", "run", 1, Pace(Clock(), 1.0), None)
    session = clients.session(None)
    asked: list[Any] = []

    def watched(*arguments: Any, **options: Any) -> Any:
        chain = create_credential_resolver(*arguments, **options)
        asked.extend(each for each in chain.providers if isinstance(each, InstanceMetadataProvider))
        return chain

    monkeypatch.setattr(keys, "create_credential_resolver", watched)
    session.get_credentials()
    (provider,) = asked
    assert utils.get_environ_proxies("http://169.254.169.254/") != {}, "a proxy that would have been asked"
    assert provider._role_fetcher._session._proxy_config._proxies == {}
    clients.close()


def test_what_a_failed_call_says_to_do_is_what_is_known_of_it() -> None:
    about = {"service": "guardduty", "operation": "ListDetectors", "account": DELEGATED, "region": "us-east-1"}
    failure = CallFailed("TokenRetrievalError", "it has ended", sent=False, next_step="Run aws sso login.", **about)  # type: ignore[arg-type] # one dict for all
    assert failure.said.endswith("it has ended\nRun aws sso login.")
