"""The whole way of a deployment, with the functions in this process: planned, approved, deployed, carried out, looked at."""

import datetime as dt
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from doors import PATIENCE
from stack_deployed import BUCKET, Deployed, deployable
from stack_in_process import nothing
from stack_waiting import until

from runbook_lib.cli import stack_deploying
from runbook_lib.cli.stack_deploying import Approver, deploy_planned
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.plan import Plan
from runbook_lib.rehearsal.functions import Functions
from runbook_lib.rehearsal.log import Entry
from runbook_lib.rehearsal.scenario import Scenario
from runbook_lib.rehearsal.stack_faults import StackFaults
from runbook_lib.settings import Settings
from runbook_lib.settings.file import load
from runbook_lib.stack import cutting, deployment, installing, template
from runbook_lib.stack.deployment import Deployment
from runbook_lib.stack.installing import Installer, StackFailed
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
        """The exit code, and what was deployed; once nothing of the deployment before still works, for it is this process too."""
        until = time.monotonic() + PATIENCE
        while self.at_work():
            assert time.monotonic() < until
            time.sleep(0.05)
        file = self.deployed.organization.settings
        settings = load(file, TODAY)
        installer = Installer.of(settings, "runbook", self.said.append)
        run = RunFolder.create(
            self.deployed.organization.runs, settings.mode, dt.datetime.now(dt.UTC),
            settings=file.read_bytes(), command=["deploy"], organization=settings.organization.id,
        )  # fmt: skip
        made = Deployment(installer, settings, run.settings, run, BUCKET)
        return deploy_planned(made, nothing(), Approver("Ada", "T-1", lambda wanted: True)), made

    def at_work(self) -> bool:
        if any(each.name == "delivery" for each in threading.enumerate()):
            return True
        states = self.deployed.client("stepfunctions")
        machines = [each["stateMachineArn"] for each in states.list_state_machines()["stateMachines"]]
        return any(states.list_executions(stateMachineArn=each, statusFilter="RUNNING")["executions"] for each in machines)

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


BEFALLING = [
    {"kind": "event-twice", "function": "*-accept"},
    {"kind": "function-not-active", "function": "*-accept"},
    {"kind": "role-not-yet", "function": "*-accept"},
    {"kind": "put-refused", "times": 3},
    {"kind": "event-late", "function": "*-accept", "seconds": 1},
]


def befallen(door: Door) -> None:
    """The scenario's faults, with the stack's own functions; what kills a function is for processes (test_rehearsing.py)."""
    faults = door.deployed.organization.front.world.of(StackFaults)
    faults.listed = Scenario.model_validate({"stack": BEFALLING}).stack
    door.settings(in_regions("us-east-1"))
    code, made = door.deploy()
    assert (code, door.worked_on(made)) == (0, ["Prerequisites", "SecurityHub"]), door.said
    assert faults.struck == {0: 1, 1: 1, 2: 1, 3: 3, 4: 1}, "each has befallen it"
    faults.end()


def one_region_more(door: Door) -> None:
    """Only that Region's calls, nothing else touched; and then there is nothing to change."""
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
    assert (code, made.proposal, len(door.calls())) == (0, None, called)


def cancelled_half_way(door: Door) -> None:
    """Somebody takes the update back while the function works: it ends in order, nothing is undone, and the next goes on."""
    faults, before = door.deployed.organization.front.world.of(StackFaults), door.calls()
    faults.listed = Scenario.model_validate({"stack": [{"kind": "cancelled", "function": "*-accept", "seconds": 0.5}]}).stack
    faults.struck.clear()
    door.settings(one_standard_more("pci-dss", "4.0.1"))
    with pytest.raises(StackFailed, match=r"UPDATE_ROLLBACK_COMPLETE: SecurityHub: .*cancelled"):
        door.deploy()
    faults.end()
    assert faults.struck == {0: 1}
    code, made = door.deploy()
    assert (code, door.worked_on(made)) == (0, ["SecurityHub"]), door.said
    assert made.installer.outputs["SecurityHubCoverage"] == "100.0 %"
    nothing_twice(door.calls()[len(before) :])


def answer_lost(door: Door) -> None:
    """The hour goes by without a word: it fails, what was done stays done, and a retry finds it so."""
    faults, before = door.deployed.organization.front.world.of(StackFaults), door.calls()
    faults.listed = Scenario.model_validate({"stack": [{"kind": "answer-lost", "function": "*-accept"}]}).stack
    faults.struck.clear()
    door.settings(one_standard_more("nist-800-53", "5.0.0"))
    hour = threading.Thread(target=an_hour_goes_by, args=(door, faults))
    hour.start()
    with pytest.raises(StackFailed, match="did not receive a response"):
        door.deploy()
    hour.join()
    nothing_twice(new := door.calls()[len(before) :])
    faults.end()
    retried_in_the_console(door)
    assert len(door.calls()) == len(before) + len(new)
    code, made = door.deploy()
    assert (code, made.proposal) == (0, None), "and then there is nothing to change"


def retried_in_the_console(door: Door) -> None:
    """CloudFormation's own retry: the same request at a new address, under the order that was approved, which finds all done."""
    stack, client = door.deployed.stack, door.deployed.client("cloudformation")
    assert stack.status == "UPDATE_FAILED"
    record = json.loads((max(door.deployed.organization.runs.glob("*-rehearsal-*/stack.json"))).read_text())
    parameters = [
        {"ParameterKey": name, "UsePreviousValue": True}
        for name in stack.parameters
        if name.removesuffix("Order") not in record["orders"]
    ]
    parameters += [{"ParameterKey": f"{name}Order", "ParameterValue": order} for name, order in record["orders"].items()]
    client.create_change_set(
        StackName="runbook", ChangeSetName="retry", TemplateBody=json.dumps(stack.template),
        Capabilities=["CAPABILITY_NAMED_IAM"], Parameters=parameters,
    )  # fmt: skip
    client.execute_change_set(StackName="runbook", ChangeSetName="retry", DisableRollback=True)
    assert door.deployed.ended() == "UPDATE_COMPLETE", door.deployed.reasons()
    asked = [event for _, event in door.deployed.organization.front.world.of(Functions).invoked if "RequestType" in event]
    first, _, again = asked[-3:]
    assert first["RequestId"] == again["RequestId"]
    assert first["ResponseURL"] != again["ResponseURL"]
    assert (stack.outputs["SecurityHubCalls"], stack.outputs["SecurityHubCoverage"]) == ("0", "100.0 %")


def an_hour_goes_by(door: Door, faults: StackFaults) -> None:
    """Once the answer is lost, and nothing of it works any more."""
    until(lambda: faults.struck == {0: 1} and not door.at_work())
    door.deployed.organization.front.world.skip(3601)


def one_standard_more(name: str, version: str) -> Callable[[str], str]:
    """One call more in each Region."""
    named = f'delegated_account_standards:\n    - name: {name}\n      version: "{version}"\n'
    return lambda text: text.replace("delegated_account_standards:\n", named)


def nothing_twice(calls: list[Entry]) -> None:
    """Each change was made once."""
    assert sorted((each.region, each.operation) for each in calls) == [
        (region, "BatchEnableStandards") for region in ("us-east-1", "us-east-2")
    ]


def test_whatever_befalls_a_stack_it_ends_covered_and_one_region_more_brings_its_calls_alone(door: Door) -> None:
    befallen(door)
    one_region_more(door)


@pytest.mark.soak
def test_an_answer_that_is_lost_and_an_update_that_is_cancelled_are_gone_on_from(door: Door) -> None:
    door.settings(in_regions("us-east-1", "us-east-2"))
    assert door.deploy()[0] == 0, door.said
    answer_lost(door)
    cancelled_half_way(door)


def short(plan: Plan, concurrency: int) -> bool:
    """As in a large organization, where an hour has room for so much and no more."""
    return len(plan.actions) <= MOST


MOST = 8


@pytest.mark.soak
def test_a_wave_that_takes_too_long_is_cut_by_region_and_ends_covered(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (cutting, deployment):
        monkeypatch.setattr(module, "fits", short)
    door.settings(in_regions("us-east-1", "us-east-2"))
    door.settings(lambda text: f'{text}\nwaves:\n  - name: canary\n    accounts: ["444444444444"]\n')
    code, made = door.deploy()
    assert code == 0, door.said
    parts = ("Prerequisites{}", "SecurityHub{}Part1", "SecurityHub{}Part2", "SecurityHub{}")
    assert door.worked_on(made) == [each.format(f"Wave{wave}") for wave in ("Canary", "Rest") for each in parts]
    assert {each.region for each in door.calls() if each.service == "securityhub"} == {"us-east-1", "us-east-2"}
    outputs, called = made.installer.outputs, len(door.calls())
    assert {value for name, value in outputs.items() if name.endswith("Coverage")} == {"100.0 %"}
    code, made = door.deploy()
    assert (code, made.proposal, len(door.calls())) == (0, None, called), "and then there is nothing to change"
