"""A small simulated organization and Security Hub clients for every account and Region of it, over botocore without sockets."""

from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.inproc import session_for
from runbook_lib.rehearsal.world import OrganizationalUnit, SimulatedAccount, SimulatedOrganization, World

MANAGEMENT, DELEGATED, PLAIN, OTHER, SUSPENDED, CLOSED = (digit * 12 for digit in "124567")
RECORDING = "888888888888"
OUTSIDER = "999999999999"
HOME, SECOND, OPT_IN = "us-east-1", "us-east-2", "eu-south-1"
PRINCIPAL = "securityhub.amazonaws.com"
POLLS = 2


def organization() -> SimulatedOrganization:
    found = SimulatedOrganization("o-rehearsal001", "r-root", MANAGEMENT)
    found.units["ou-work"] = OrganizationalUnit("ou-work", "Work", "r-root")
    states = {SUSPENDED: "SUSPENDED", CLOSED: "CLOSED"}
    for account in (MANAGEMENT, DELEGATED, PLAIN, OTHER, SUSPENDED, CLOSED, RECORDING):
        parent = "ou-work" if account in (PLAIN, OTHER, RECORDING) else "r-root"
        made = SimulatedAccount(
            account, f"account {account[0]}", f"a{account[0]}@example.com", parent, states.get(account, "ACTIVE")
        )
        made.regions = {OPT_IN: "DISABLED" if account == OTHER else "ENABLED"}
        found.accounts[account] = made
    found.accounts[RECORDING].config_recorders = {HOME, SECOND, OPT_IN}
    return found


class Rig:
    """The organization at work: `rig(account, region)` is a client."""

    def __init__(self, partition: str = "aws", polls: int = POLLS) -> None:
        self.world = World(organization(), partition, polls)
        self.front = Front(self.world)
        self._sessions: dict[str, boto3.Session] = {}
        self._clients: dict[tuple[str, str], Any] = {}

    def __call__(self, account: str = DELEGATED, region: str = HOME) -> Any:
        if account not in self._sessions:
            self._sessions[account] = session_for(self.front, account, region)
        if (account, region) not in self._clients:
            once = Config(retries={"total_max_attempts": 1})
            self._clients[account, region] = self._sessions[account].client("securityhub", region_name=region, config=once)
        return self._clients[account, region]

    def designate(self, *regions: str, account: str = DELEGATED) -> None:
        """Designate, and wait until the new administrator is usable."""
        for region in regions or (HOME,):
            self(MANAGEMENT, region).enable_organization_admin_account(AdminAccountId=account)
            for _ in range(POLLS):
                refused(self(account, region).list_members, "InvalidAccessException")

    def add(self, *accounts: str, region: str = HOME) -> dict[str, str]:
        """CreateMembers; the reasons of what stayed unprocessed."""
        answer = self(DELEGATED, region).create_members(AccountDetails=[{"AccountId": each} for each in accounts])
        return {each["AccountId"]: each["ProcessingResult"] for each in answer["UnprocessedAccounts"]}

    def statuses(self, account: str, region: str = HOME) -> dict[str, str]:
        """Standards and their statuses by the end of their ARN; one poll."""
        found = self(account, region).get_enabled_standards()["StandardsSubscriptions"]
        return {each["StandardsArn"].split("/", 1)[1]: each["StandardsStatus"] for each in found}

    def settle(self, account: str, region: str = HOME) -> None:
        for _ in range(POLLS):
            self.statuses(account, region)

    def listed(self, region: str = HOME, **parameters: Any) -> dict[str, str]:
        pages = self(DELEGATED, region).get_paginator("list_members").paginate(**parameters)
        return {each["AccountId"]: each["MemberStatus"] for answer in pages for each in answer["Members"]}


def refused(call: Callable[[], Any], code: str, text: str = "", status: int | None = None) -> None:
    """The call must fail with this code, a message that holds the text, and this HTTP status."""
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response
    assert error["Error"]["Code"] == code, error["Error"]
    assert text in error["Error"]["Message"]
    assert status is None or error["ResponseMetadata"]["HTTPStatusCode"] == status
