"""The real template and the real bundle in a simulated organization: CloudFormation, the interpreter, processes of functions."""

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from stack_addresses import addresses, everything_written
from stack_deployed import NAME, Deployed, deployable

from runbook_lib.plan import file as plan_file
from runbook_lib.rehearsal.functions import Functions
from runbook_lib.stack.orders import stamp
from runbook_lib.stack.template import template


def first(deployed: Deployed, number: int) -> dict[str, Any]:
    """The template of the first so many phases."""
    made = template(deployed.settings)
    kept = [each.logical_id for each in deployed.tasks[:number]]
    made["Resources"] = {
        name: each for name, each in made["Resources"].items() if not each["Type"].startswith("Custom::") or name in kept
    }
    made["Outputs"] = {name: each for name, each in made["Outputs"].items() if each["Value"].get("Fn::GetAtt", kept)[0] in kept}
    made["Parameters"] = {
        name: each for name, each in made["Parameters"].items() if not name.endswith("Order") or name.removesuffix("Order") in kept
    }
    return made


def called_in_the_organization(deployed: Deployed) -> list[Any]:
    """Changes but those by which the stack itself works."""
    own = {"s3", "ssm", "cloudformation", "states", "stepfunctions", "logs"}
    return [each for each in deployed.organization.changes if each.service not in own]


def rolled_back(deployed: Deployed, made: dict[str, Any], parameter: str) -> None:
    """An update that fails is rolled back by the real functions, which leave everything as it is and let it succeed."""
    before, covered = deployed.orders[parameter], dict(deployed.stack.outputs)
    deployed.orders[parameter] = f"{stamp(dt.datetime.now(dt.UTC))}-{'0' * 64}"
    deployed.begin("UPDATE", made)
    assert deployed.ended() == "UPDATE_ROLLBACK_COMPLETE", deployed.reasons()
    (why,) = [each for each in deployed.reasons() if f"{parameter.removesuffix('Order')} UPDATE_FAILED" in each]
    assert "NoSuchKey" in why
    assert {name: deployed.stack.outputs[name] for name in covered if name.endswith("Coverage")} == {
        name: value for name, value in covered.items() if name.endswith("Coverage")
    }
    deployed.orders[parameter] = before


def test_a_stack_does_what_was_approved_and_nothing_when_it_is_deployed_again_or_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with deployable(tmp_path, monkeypatch) as deployed:
        todo = deployed.tasks[:1]
        deployed.orders = {each.parameter: deployed.order(each) for each in todo}
        made = first(deployed, 1)
        denied = json.loads(json.dumps(made))
        (policy,) = denied["Resources"]["WorkRole"]["Properties"]["Policies"]
        statements = policy["PolicyDocument"]["Statement"]
        statements[:] = [each for each in statements if each.get("Sid") != "TrustServices"]
        before = len(deployed.organization.changes)
        deployed.begin(made=denied, disable_rollback=True)
        assert deployed.ended() == "CREATE_FAILED"
        (why,) = [each for each in deployed.reasons() if each.startswith("Prerequisites CREATE_FAILED")]
        assert "organizations:EnableAWSServiceAccess in us-east-1: AccessDenied" in why
        assert not deployed.organization.front.world.organization.delegated

        deployed.orders = {each.parameter: deployed.order(each) for each in todo}
        deployed.begin("UPDATE", made, disable_rollback=True)
        assert deployed.ended() == "UPDATE_COMPLETE", deployed.reasons()
        outputs = deployed.stack.outputs
        for each in todo:
            assert (outputs[f"{each.logical_id}Status"], outputs[f"{each.logical_id}Coverage"]) == ("done", "100.0 %")
        runs = sorted((tmp_path / "runs").glob("*-rehearsal-*"))
        for each in todo:
            deployed.order(each)
        planned = [run for run in sorted((tmp_path / "runs").glob("*-rehearsal-*")) if run not in runs]
        assert [plan_file.load(next(run.glob("*/plan.json"))).actions for run in planned] == [()]

        called = len(deployed.organization.changes)
        assert called > before
        client = deployed.client("cloudformation")
        client.create_change_set(
            StackName=NAME, ChangeSetName="again", TemplateBody=json.dumps(made), Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=[{"ParameterKey": name, "UsePreviousValue": True} for name in made["Parameters"]],
        )  # fmt: skip
        assert client.describe_change_set(StackName=NAME, ChangeSetName="again")["Status"] == "FAILED"

        called = len(called_in_the_organization(deployed))
        rolled_back(deployed, made, todo[0].parameter)
        assert len(called_in_the_organization(deployed)) == called > 0

        invoked = len(deployed.organization.front.world.of(Functions).invoked)
        client.delete_stack(StackName=NAME)
        assert deployed.ended() == "DELETE_COMPLETE"
        assert len(deployed.organization.front.world.of(Functions).invoked) == invoked, "what is retained is sent nothing"
        assert "Prerequisites is forward" in everything_written(deployed), "the logs are there to be searched for addresses"
        assert len(addresses(deployed)) >= 3


@pytest.mark.soak
def test_a_whole_stack_ends_covered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with deployable(tmp_path, monkeypatch) as deployed:
        deployed.orders = {each.parameter: deployed.order(each) for each in deployed.tasks}
        deployed.begin()
        assert deployed.ended() == "CREATE_COMPLETE", deployed.reasons()
        assert {value for name, value in deployed.stack.outputs.items() if name.endswith("Coverage")} == {"100.0 %"}
