"""The source document's whole workflow by AWS CLI, run as runbook_lib/docs/other-clients.md has it."""

import os
import shutil
from collections import defaultdict
from pathlib import Path

import pytest
from aws_command import run_script
from doors import served
from simulated import ASKED, ENABLING, Simulated, simulated

from runbook_lib.rehearsal.backstop import Backstop
from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.inproc import session_for
from runbook_lib.rehearsal.log import Entry

DOCUMENT = Path(__file__).parents[2] / "runbook_lib" / "docs" / "other-clients.md"
SCRIPT = DOCUMENT.read_text(encoding="utf-8").split("```sh\n")[1].split("```", 1)[0]
ACCOUNTS = {"management": "111111111111", "delegated": "222222222222"}
REGIONS = ("us-east-1", "us-east-2")
AFTER_DESIGNATION = ("UpdateOrganizationConfiguration", "CreateMembers", "UpdateMemberDetectors")


def check(front: Front) -> None:
    """Each Region was refused something at first, and everything came through in the end; nothing was left out."""
    answers: dict[tuple[str, str, str], list[Entry]] = defaultdict(list)
    for entry in front.log.entries:
        answers[entry.service, entry.region, entry.operation].append(entry)
    refused = {key for key, entries in answers.items() if any(entry.code for entry in entries)}
    for service in ASKED.sections():
        assert {(service, region, AFTER_DESIGNATION[0]) for region in REGIONS} <= refused
    for region in REGIONS:
        for operation in AFTER_DESIGNATION:
            assert answers["guardduty", region, operation][-1].code == ""
    assert {key for key, entries in answers.items() if entries[-1].code} == set()
    assert not front.log.unhandled


def check_state(made: Simulated) -> None:
    """The runbook finds what was done: administrators, members and new accounts' settings are no gaps any more."""
    management = ACCOUNTS["management"]
    for phase in ENABLING:
        plan = made.plan(phase)
        assert plan.blockers == ()
        for action in plan.actions:
            assert action.operation not in {
                "EnableAWSServiceAccess", "RegisterDelegatedAdministrator", "EnableOrganizationAdminAccount",
                "EnableDelegatedAdminAccount", "CreateFindingAggregator",
            }  # fmt: skip
            assert action.operation not in {"CreateMembers", "AssociateMember"} or set(action.targets) <= {management}


def test_the_documents_commands_lead_through_the_whole_workflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = simulated("seven", tmp_path, monkeypatch, moto=True)
    try:
        sessions = {name: session_for(made.front, account) for name, account in ACCOUNTS.items()}
        done = run_script(SCRIPT, tmp_path, sessions.__getitem__)
        assert done.returncode == 0, f"{done.stdout[-2000:]}{done.stderr[-2000:]}"
        check(made.front)
        check_state(made)
    finally:
        assert isinstance(made.front.backstop, Backstop)
        made.front.backstop.reset()
        made.front.backstop.close()


@pytest.mark.soak
@pytest.mark.skipif(shutil.which("aws") is None, reason="AWS CLI is not installed (it pins its own botocore, so it is no extra)")
def test_aws_cli_itself_leads_through_the_whole_workflow(tmp_path: Path) -> None:
    """The same script by the real program, over a socket, with roles, in real time."""
    with served("seven", tmp_path, moto=True) as there:
        profiles = "".join(
            f"aws configure set profile.{name}.role_arn arn:aws:iam::{account}:role/Runbook{name.title()}\n"
            f"aws configure set profile.{name}.source_profile rehearsal-runner\n"
            for name, account in ACCOUNTS.items()
        )
        command = ["env", f"PATH={os.environ['PATH']}", f"HOME={tmp_path}", "sh", "-c", profiles + SCRIPT]
        done = there.run(command)
        assert done.returncode == 0, f"{done.stdout[-2000:]}{done.stderr[-2000:]}"
        check(there.front)
