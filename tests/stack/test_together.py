"""The whole way of a deployment, with the functions in this process: planned, approved, deployed, carried out, looked at."""

import datetime as dt
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from stack_deployed import BUCKET, Deployed, deployable
from stack_in_process import nothing

from runbook_lib.cli import stack_deploying
from runbook_lib.cli.stack_deploying import Approver, deploy_planned
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.rehearsal.log import Entry
from runbook_lib.settings import Settings
from runbook_lib.settings.file import load
from runbook_lib.stack import deployment, installing, template
from runbook_lib.stack.deployment import Deployment
from runbook_lib.stack.installing import Installer
from runbook_lib.stack.template import Task

TODAY = dt.date(2026, 11, 29)
PHASES = ("00_prerequisites", "10_security_hub")


@dataclass
class Door:
    """A stack of some phases, deployed as `runbook stack deploy` does, with a yes to whatever is shown."""

    deployed: Deployed
    said: list[str]

    def settings(self, change: Callable[[str], str]) -> None:
        file = self.deployed.organization.settings
        file.write_text(change(file.read_text()))

    def deploy(self) -> tuple[int, Deployment]:
        """The exit code, and what was deployed."""
        file = self.deployed.organization.settings
        settings = load(file, TODAY)
        installer = Installer.of(settings, "runbook", self.said.append)
        run = RunFolder.create(
            self.deployed.organization.runs, settings.mode, dt.datetime.now(dt.UTC),
            settings=file.read_bytes(), command=["deploy"], organization=settings.organization.id,
        )  # fmt: skip
        made = Deployment(installer, settings, run.settings, run, BUCKET)
        return deploy_planned(made, nothing(), Approver("Ada", "T-1", lambda wanted: True)), made

    def calls(self) -> list[Entry]:
        """Changes of the organization: whatever the stack is made of apart."""
        own = {"s3", "ssm", "cloudformation", "states", "stepfunctions", "logs"}
        return [each for each in self.deployed.organization.changes if each.service not in own]

    def worked_on(self, made: Deployment) -> list[str]:
        """The phases' resources that the events of a deployment are about, in order."""
        return list(dict.fromkeys(each["LogicalResourceId"] for each in made.events if each["ResourceType"].startswith("Custom::")))


@pytest.fixture
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Door]:
    whole = template.tasks

    def some(settings: Settings) -> tuple[Task, ...]:
        return tuple(each for each in whole(settings) if each.phase.name in PHASES)

    monkeypatch.setattr(installing, "LOOK", 0.2)
    for module in (template, deployment, stack_deploying):
        monkeypatch.setattr(module, "tasks", some)
    with deployable(tmp_path, monkeypatch, here=True) as deployed:
        yield Door(deployed, [])


def in_regions(*regions: str) -> Callable[[str], str]:
    """Settings for these Regions alone, whose findings are not brought together elsewhere."""
    listed = f"  regions: [{', '.join(regions)}]"
    without = re.compile(r"^  aggregation:.*\n(?:    .*\n)*", re.MULTILINE)
    return lambda text: re.sub(r"^  regions: \[[^]]*\]", listed, without.sub("", text), flags=re.MULTILINE)


def test_one_region_more_in_the_settings_brings_its_calls_and_no_others(door: Door) -> None:
    door.settings(in_regions("us-east-1"))
    code, made = door.deploy()
    assert (code, door.worked_on(made)) == (0, ["Prerequisites", "SecurityHub"])
    before = len(door.calls())
    door.settings(in_regions("us-east-1", "us-east-2"))
    code, made = door.deploy()
    assert code == 0, door.said
    assert made.proposal is not None
    assert [(each["Action"], each["LogicalResourceId"]) for each in made.proposal.changes] == [("Modify", "SecurityHub")]
    assert door.worked_on(made) == ["SecurityHub"]
    new = door.calls()[before:]
    assert {each.region for each in new} == {"us-east-2"}, [(each.operation, each.region) for each in new]
    assert {each.service for each in new} == {"securityhub"}
    assert made.installer.outputs["SecurityHubCoverage"] == "100.0 %"
    called = len(door.calls())
    code, made = door.deploy()
    assert (code, made.proposal, len(door.calls())) == (0, None, called), "and then there is nothing to change"
