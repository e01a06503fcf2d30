"""The installer: what it refuses before anything is changed, and deploying, looking and deleting from the command line."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from stack_deployed import BUCKET, deployable

from runbook_lib.base.errors import RunbookError
from runbook_lib.cli import cli, stacking
from runbook_lib.phase_run.opening import begin, opened
from runbook_lib.plan import Plan
from runbook_lib.plan import file as plan_file
from runbook_lib.settings import Settings
from runbook_lib.stack import installing, template
from runbook_lib.stack.template import Task


def said(*words: str) -> tuple[int, str]:
    """Exit code and output of a command, or what it refused."""
    done = CliRunner().invoke(cli, ["stack", *words], standalone_mode=False)
    if done.exception is None:
        return int(done.return_value or 0), done.output
    assert isinstance(done.exception, RunbookError), done.exception
    return 1, f"{done.output}{done.exception.said}"


def planned(settings: Path) -> Plan:
    """The plan of the first phase, as `runbook plan` leaves it."""
    run = opened(begin("00_prerequisites", settings, "", "", ""))
    run.observe()
    run.plan()
    run.leave()
    run.finish()
    return plan_file.load(run.record.folder.plan_json)


def test_a_stack_is_deployed_looked_at_and_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installing, "LOOK", 0.2)
    whole = template.tasks

    def first(settings: Settings) -> tuple[Task, ...]:
        return whole(settings)[:1]

    for module in (template, stacking):
        monkeypatch.setattr(module, "tasks", first)
    with deployable(tmp_path, monkeypatch) as deployed:
        here = ["-p", str(deployed.organization.settings), "--profile", "administrator", "--runs", str(deployed.organization.runs)]
        deploy = ["deploy", *here, "--bucket", BUCKET, "--installed"]
        assert said("status", *here) == (1, "runbook: there is no such stack\n")
        code, text = said(*deploy)
        assert (code, "no approval is given for 00_prerequisites" in text) == (1, True)
        code, text = said("deploy", *here[:2], "--runs", str(deployed.organization.runs), "--bucket", BUCKET, "--installed")
        assert "the credentials are of account 333333333333, and the stack lives in 111111111111" in text
        deployed.client("s3").create_bucket(Bucket="unversioned-example")
        code, text = said("deploy", *here, "--bucket", "unversioned-example", "--installed")
        assert "bucket unversioned-example keeps no versions" in text
        code, text = said("deploy", *here, "--bucket", "nobodys-example", "--installed")
        assert "NoSuchBucket" in text
        assert deployed.organization.front.world.organization.delegated == {}

        plan = planned(deployed.organization.settings)
        before = len(deployed.organization.changes)
        code, text = said(*deploy, "--approval", plan.fingerprint, "--ticket", "T-1")
        assert code == 0, text
        assert "Prerequisites: CREATE_COMPLETE" in text
        assert "PrerequisitesCoverage: 100.0 %" in text
        after = len(deployed.organization.changes)
        assert after > before
        assert said(*deploy)[1].endswith("What the organization looks like: runbook coverage\n")
        assert said("status", *here)[0] == 0

        code, text = said(*deploy, "--approval", plan.fingerprint)
        assert (code, "PrerequisitesCalls: 0" in text) == (0, True), "the order is another, and what it asks for is there"
        bad = tmp_path / "settings-with-profile.yaml"
        bad.write_text(
            deployed.organization.settings.read_text().replace("  delegated:", "  management:\n    profile: mine\n  delegated:")
        )
        assert "access.management.profile" in said("deploy", "-p", str(bad), *here[2:], "--bucket", BUCKET)[1]

        deployed.stack.status = "UPDATE_ROLLBACK_FAILED"
        assert "runbook stack recover" in said(*deploy)[1]
        deployed.stack.failed_in_rollback = {"Prerequisites"}
        assert "did not fail in the rollback" in said("recover", *here, "--skip", "Work")[1]
        called = [each for each in deployed.organization.changes if each.service == "organizations"]
        code, text = said("recover", *here)
        assert (code, "Prerequisites: UPDATE_COMPLETE" in text) == (0, True), text
        assert deployed.stack.status == "UPDATE_ROLLBACK_COMPLETE"
        assert [each for each in deployed.organization.changes if each.service == "organizations"] == called
        assert "no rollback to go on with: deploy" in said("recover", *here)[1]
        code, text = said("delete", *here, "--confirm", "runbook")
        assert (code, "stays on" in text) == (0, True)
        assert deployed.stack.status == "DELETE_COMPLETE"
        assert said("status", *here)[0] == 1
