"""Scripts of other people in processes of their own, several at once, through nothing but AWS_ENDPOINT_URL and profiles."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from doors import served

from runbook_lib.rehearsal.inproc import session_for
from runbook_lib.rehearsal.scenario import Scenario

ROLES = {"management": "111111111111:role/RunbookManagement", "delegated": "222222222222:role/RunbookDelegated"}
ACCOUNTS = [f"{100000000000 + number}" for number in range(1, 41)]
CLIENT = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
import boto3
hub = boto3.Session(profile_name="delegated").client("securityhub")
accounts = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
def join(account):
    refused = hub.create_members(AccountDetails=[{"AccountId": account}])["UnprocessedAccounts"]
    return account, [each["ProcessingResult"] for each in refused]
with ThreadPoolExecutor(4) as pool:
    made = list(pool.map(join, accounts))
arn = hub.create_action_target(Name="Escalate", Description="to the responders", Id=f"by{accounts[0]}")["ActionTargetArn"]
print(json.dumps({"made": made, "arn": arn, "endpoint": hub.meta.endpoint_url}))
"""
"""Plain boto3: adds accounts as members, one call each, four at a time; says which were refused."""


def test_clients_in_several_processes_at_once_leave_a_state_that_one_could_have_made(tmp_path: Path) -> None:
    with served("fresh", tmp_path, scenario=Scenario(throttled=False, settle_polls=0)) as there:
        management, delegated = (session_for(there.front, account) for account in ("111111111111", "222222222222"))
        delegated.client("securityhub").enable_security_hub(EnableDefaultStandards=False)
        management.client("securityhub").enable_organization_admin_account(AdminAccountId="222222222222")
        config = Path(there.environment["AWS_CONFIG_FILE"])
        profiles = (
            f"[profile {name}]\nrole_arn = arn:aws:iam::{role}\nsource_profile = rehearsal-runner\n" for name, role in ROLES.items()
        )
        config.write_text(config.read_text() + "".join(profiles))
        found = _at_once(3, dict(there.environment))
        made = Counter(account for each in found for account, refused in each["made"] if not refused)
        assert made == Counter(ACCOUNTS), "each account became a member exactly once, whoever came first"
        assert {text for each in found for _, refused in each["made"] for text in refused} == {
            "The request is rejected because the given account ID is already a member or associated member of the current account."
        }
        assert {each["endpoint"] for each in found} == {there.url}
        hub = delegated.client("securityhub")
        members = [each["AccountId"] for page in hub.get_paginator("list_members").paginate() for each in page["Members"]]
        assert sorted(members) == ACCOUNTS
        targets = [each["ActionTargetArn"] for each in hub.describe_action_targets()["ActionTargets"]]
        assert sorted(targets) == sorted(each["arn"] for each in found)


def _at_once(clients: int, environment: dict[str, str]) -> list[dict[str, Any]]:
    """Each client has its own order of the same accounts; all begin when all are ready."""
    turned = [ACCOUNTS[number * 7 :] + ACCOUNTS[: number * 7] for number in range(clients)]
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", CLIENT, *accounts], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for accounts in turned
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    ended = []
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    for process in processes:
        said, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        ended.append(json.loads(said))
    return ended
