"""Whatever is wrong with what is given, or with what is there, one sentence says it, and nothing is changed before."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML
from stack_deployed import BUCKET, MANAGEMENT, Deployed, deployable
from stack_in_process import nothing

from runbook_lib.base.errors import RunbookError
from runbook_lib.cli import cli, stack_deploying
from runbook_lib.phase_run.opening import begin, opened
from runbook_lib.plan import file as plan_file
from runbook_lib.rehearsal.identity import Credentials, user_credential, user_key
from runbook_lib.rehearsal.operations.cloudformation.state import CloudFormationState, Stack
from runbook_lib.rehearsal.world import SimulatedRole
from runbook_lib.settings import Settings
from runbook_lib.stack import deployment, template
from runbook_lib.stack.template import Task

CASES: list[dict[str, Any]] = YAML(typ="safe", pure=True).load(
    (Path(__file__).parents[1] / "cases" / "stack-refusals.yaml").read_text(encoding="utf-8")
)
KEY = user_key(MANAGEMENT, "administrator")[0]
STATES = {"of another organization": "CREATE_COMPLETE", "rolled back": "ROLLBACK_COMPLETE", "under way": "UPDATE_IN_PROGRESS"}


@dataclass
class Account:
    """The stack's account, in which everything is as it has to be, and what is planned there."""

    deployed: Deployed
    fingerprint: str

    def arranged(self, what: str) -> None:
        """Let it be so, from now on."""
        front = self.deployed.organization.front
        front.world.of(CloudFormationState).stacks.clear()
        keys = front.world.of(Credentials).by_key
        denied = (what.removeprefix("denied "),) if what.startswith("denied ") else ()
        keys[KEY] = replace(keys[KEY], role=SimulatedRole("administrator", set(), denied=denied) if denied else None)
        if state := STATES.get(what):
            for name in ("runbook", "runbook-check"):
                arn = f"arn:aws:cloudformation:us-east-1:{MANAGEMENT}:stack/{name}/1"
                made = Stack(arn, name, MANAGEMENT, "us-east-1", "aws", state, front.world.now())
                made.parameters = {"Organization": "o-another0001" if what == "of another organization" else "o-rehearsal001"}
                front.world.of(CloudFormationState).stacks[arn] = made

    def deploy(
        self, *words: str, profile: str = "administrator", bucket: str = BUCKET, region: str = "", approval: str = ""
    ) -> str:
        """What the command refuses in one sentence."""
        given, settings = self.deployed.organization, self.deployed.organization.settings
        if approval:
            settings = given.settings.with_name("changed.yaml")
            changed = given.settings.read_text().replace("FIFTEEN_MINUTES", "ONE_HOUR")
            settings.write_text(changed if approval == "changed" else given.settings.read_text())
            words = *words, "--approval", self.fingerprint if approval == "changed" else approval
        where = ["--region", region] if region else []
        as_whom = ["--profile", profile] if profile else []
        line = ["stack", "deploy", "-p", str(settings), "--runs", str(given.runs), "--bucket", bucket, "--installed"]
        done = CliRunner().invoke(cli, [*line, *where, *as_whom, *words], standalone_mode=False)
        assert isinstance(done.exception, RunbookError), (done.output, done.exception)
        return str(done.exception.said)

    def there(self) -> tuple[Any, ...]:
        """All that a refused deployment must leave as it was."""
        stacks = self.deployed.organization.front.world.of(CloudFormationState).stacks
        made = [each for each in self.deployed.organization.changes if each.service != "s3" and each.status == 200]
        orders = [each for each in self.deployed.objects() if each.startswith("inputs/")]
        return {arn: (each.status, len(each.events)) for arn, each in stacks.items()}, made, orders


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    whole = template.tasks

    def first(settings: Settings) -> tuple[Task, ...]:
        return whole(settings)[:1]

    with pytest.MonkeyPatch.context() as patch:
        for module in (template, deployment, stack_deploying):
            patch.setattr(module, "tasks", first)
        patch.setattr(stack_deploying, "pack", lambda libraries: nothing())
        with deployable(tmp_path_factory.mktemp("refusals"), patch, here=True) as deployed:
            stranger = user_credential(deployed.organization.front.world, "444444444444", "stranger")
            theirs = boto3.Session(stranger.key, stranger.secret, region_name="us-east-1")
            for session, name in ((theirs, "strangers-example"), (deployed.session, "unversioned-example")):
                s3 = session.client("s3", endpoint_url=deployed.organization.url)
                s3.create_bucket(Bucket=name)
                if name == "strangers-example":
                    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
            run = opened(begin("00_prerequisites", deployed.organization.settings, "", "", ""))
            run.observe()
            run.plan()
            run.leave()
            run.finish()
            yield Account(deployed, plan_file.load(run.record.folder.plan_json).fingerprint)


GIVEN = [(case, check) for case in CASES for check in (False, True) if not check or case.get("check", True)]


@pytest.mark.parametrize(("case", "check"), GIVEN, ids=[f"{case['what']}{', check' * check}" for case, check in GIVEN])
def test_it_is_refused_in_one_sentence_and_nothing_is_changed(account: Account, case: dict[str, Any], check: bool) -> None:
    account.arranged(case.get("world", ""))
    before = account.there()
    said = account.deploy(*(["--check", "--confirm", "runbook-check"] if check else []), **case.get("words", {}))
    assert re.search(case["says"], said), said
    assert "Traceback" not in said
    assert account.there() == before
