"""CloudFormation in a rehearsal is no friend: a handler that breaks a rule of the protocol is punished as it is at AWS."""

import io
import json
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from doors import PATIENCE, served

from runbook_lib.rehearsal.functions import Functions
from runbook_lib.rehearsal.identity import user_credential
from runbook_lib.rehearsal.operations.cloudformation.state import CloudFormationState, Stack
from runbook_lib.rehearsal.scenario import Scenario
from runbook_lib.rehearsal.stack_faults import StackFaults
from runbook_lib.rehearsal.world import World

ACCOUNT, BUCKET = "111111111111", "artifacts-example"
ANSWER = """
import http.client, json
from urllib.parse import urlsplit

def put(event, answer, content_type=""):
    address = urlsplit(event["ResponseURL"])
    connection = http.client.HTTPConnection(address.hostname, address.port)
    body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    connection.request("PUT", f"{address.path}?{address.query}", body, {"Content-Type": content_type})
    return connection.getresponse().status

def answer(event, status="SUCCESS", physical="the-one", **more):
    named = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
    return {"Status": status, "Reason": "because", "PhysicalResourceId": physical, "Data": {"Out": "1"}, **named, **more}
"""
GOOD = "def handler(event, context):\n    put(event, answer(event))\n"


def failing(when: str) -> str:
    """A handler that fails where this is so of an event."""
    return f'def handler(event, context):\n    put(event, answer(event, "FAILED" if {when} else "SUCCESS"))\n'


TWO = 'event["ResourceProperties"]["Value"] == "2"'


@dataclass
class Bench:
    """One account into which short handlers are deployed; a stack of its own for each test."""

    world: World
    session: Any
    url: str
    name: str = ""
    versions: list[str] = field(default_factory=list)

    def client(self, service: str) -> Any:
        return self.session.client(service, endpoint_url=self.url)

    @property
    def stack(self) -> Stack:
        return next(each for each in reversed(self.world.of(CloudFormationState).stacks.values()) if each.name == self.name)

    @property
    def events(self) -> list[dict[str, Any]]:
        """What the function of this stack was invoked with."""
        return [event for arn, event in self.world.of(Functions).invoked if arn.endswith(f":{self.name}")]

    def deploy(
        self, handler: str = GOOD, kind: str = "CREATE", *, value: Any = "1", disable_rollback: bool = False, **resource: Any
    ) -> str:
        """Deploy a handler as the resource One (and what `resource` gives that besides); the state that this ends in."""
        self.change_set(handler, kind, value, **resource)
        self.client("cloudformation").execute_change_set(StackName=self.name, ChangeSetName="c", DisableRollback=disable_rollback)
        return self.ended()

    def change_set(
        self, handler: str, kind: str = "CREATE", value: Any = "1", token: str = "", *, versioned: bool = True, **resource: Any
    ) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("code.py", ANSWER + handler)
        version = self.client("s3").put_object(Bucket=BUCKET, Key=f"{self.name}.zip", Body=packed.getvalue())["VersionId"]
        trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
        code = {"S3Bucket": BUCKET, "S3Key": f"{self.name}.zip", **({"S3ObjectVersion": version} if versioned else {})}
        arn = {"Fn::GetAtt": ["Function", "Arn"]}
        made = {
            "Resources": {
                "Role": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": self.name, "AssumeRolePolicyDocument": trust}},
                "Function": {
                    "Type": "AWS::Lambda::Function",
                    "Properties": {"FunctionName": self.name, "Handler": "code.handler", "Timeout": 60, "Code": code,
                                   "Role": {"Fn::GetAtt": ["Role", "Arn"]}},
                },
                "One": {
                    "Type": "Custom::One",
                    "Properties": {"ServiceToken": token or arn, "Value": value, **resource.pop("Properties", {})},
                    **resource,
                },
            },
            "Outputs": {"Out": {"Value": {"Fn::GetAtt": ["One", "Out"]}}},
        }  # fmt: skip
        self.client("cloudformation").create_change_set(
            StackName=self.name, ChangeSetName="c", ChangeSetType=kind, TemplateBody=json.dumps(made),
            Capabilities=["CAPABILITY_NAMED_IAM"],
        )  # fmt: skip

    def ended(self, skipping: float = 0.0) -> str:
        """Wait for the end of an operation, while simulated time passes."""
        until = time.monotonic() + PATIENCE
        while self.stack.status.endswith("_IN_PROGRESS"):
            assert time.monotonic() < until
            self.world.skip(skipping)
            time.sleep(0.02)
        return self.stack.status

    def statuses(self, logical: str = "One") -> list[str]:
        return [each["ResourceStatus"] for each in self.stack.events if each["LogicalResourceId"] == logical]

    def why(self) -> str:
        failed = (each for each in self.stack.events if each["ResourceStatus"].endswith("_FAILED"))
        return str(next(failed)["ResourceStatusReason"])


@pytest.fixture(scope="module")
def organization(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with served("seven", tmp_path_factory.mktemp("bench"), moto=True) as made:
        user = user_credential(made.front.world, ACCOUNT, "administrator")
        bench = Bench(made.front.world, boto3.Session(user.key, user.secret, region_name="us-east-1"), made.url)
        bench.client("s3").create_bucket(Bucket=BUCKET)
        bench.client("s3").put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield bench


@pytest.fixture
def bench(organization: Bench, request: pytest.FixtureRequest) -> Bench:
    state = organization.world.of(CloudFormationState)
    state.lose_answers, state.refuse_answers = False, 0
    organization.name = f"s-{abs(hash(request.node.name)) % 10**9}"
    return organization


def test_a_good_handler_has_its_way(bench: Bench) -> None:
    assert bench.deploy() == "CREATE_COMPLETE"
    assert bench.stack.outputs == {"Out": "1"}
    assert bench.deploy(kind="UPDATE", value="2") == "UPDATE_COMPLETE"
    assert [each["RequestType"] for each in bench.events] == ["Create", "Update"]
    assert bench.events[1]["OldResourceProperties"]["Value"] == "1"
    assert bench.events[1]["PhysicalResourceId"] == "the-one"


@pytest.mark.parametrize(
    "handler",
    [
        "def handler(event, context):\n    return answer(event)\n",  # what it returns means nothing
        'def handler(event, context):\n    put(event, answer(event, Data={"Out": "x" * 4096}))\n',  # too large
        'def handler(event, context):\n    put(event, answer(event), "application/json")\n',  # another signature
        'def handler(event, context):\n    event["ResponseURL"] += "x"\n    put(event, answer(event))\n',
    ],
    ids=["returns", "too large", "content type", "other address"],
)
def test_what_is_no_answer_is_waited_for_until_the_time_is_over(bench: Bench, handler: str) -> None:
    bench.change_set(handler, DeletionPolicy="Retain", Properties={"ServiceTimeout": 600})
    bench.client("cloudformation").execute_change_set(StackName=bench.name, ChangeSetName="c")
    until = time.monotonic() + PATIENCE
    while not bench.events:
        assert time.monotonic() < until
        time.sleep(0.02)
    time.sleep(0.5)
    assert bench.stack.status == "CREATE_IN_PROGRESS"
    assert bench.ended(skipping=60) == "ROLLBACK_COMPLETE"
    assert "did not receive a response" in bench.why()


@pytest.mark.parametrize(
    ("answered", "why"),
    [
        ('answer(event, physical="")', "Invalid PhysicalResourceId"),
        ('answer(event, physical="x" * 1025)', "Invalid PhysicalResourceId"),
        ('answer(event, status="FAILED", Reason="")', "Reason is missing"),
        ('answer(event, status="DONE")', "neither SUCCESS nor FAILED"),
        ('answer(event, RequestId="another")', "another request"),
        ('answer(event, Data="text")', "Data is not an object"),
    ],
)
def test_an_answer_that_says_too_little_is_a_failure(bench: Bench, answered: str, why: str) -> None:
    handler = f"def handler(event, context):\n    put(event, {answered})\n"
    assert bench.deploy(handler, DeletionPolicy="Retain") == "ROLLBACK_COMPLETE"
    assert why in bench.why()


def test_an_exception_after_the_answer_brings_the_event_twice_more(bench: Bench) -> None:
    assert bench.deploy(GOOD + "    raise RuntimeError\n") == "CREATE_COMPLETE"
    until = time.monotonic() + PATIENCE
    while len(bench.events) < 3:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert len({each["ResponseURL"] for each in bench.events}) == 1, "the very same event"


def test_an_address_is_good_once(bench: Bench) -> None:
    """Whoever has it first answers; the second is taken by S3 and heard by nobody."""
    handler = GOOD + '    assert put(event, answer(event, status="FAILED")) == 200\n'
    assert bench.deploy(handler) == "CREATE_COMPLETE"


def test_another_physical_id_is_a_replacement_whose_cleanup_deletes_the_old_one(bench: Bench) -> None:
    """A log stream's name, a random id, the request's: a new container is a new resource."""
    handler = 'def handler(event, context):\n    put(event, answer(event, physical=event["RequestId"]))\n'
    assert bench.deploy(handler) == "CREATE_COMPLETE"
    first = bench.stack.resources["One"].physical_id
    assert bench.deploy(handler, "UPDATE", value="2") == "UPDATE_COMPLETE"
    assert [(each["RequestType"], each.get("PhysicalResourceId")) for each in bench.events][-1] == ("Delete", first)
    assert bench.deploy(handler, "UPDATE", value="3", UpdateReplacePolicy="Retain") == "UPDATE_COMPLETE"
    assert [each["RequestType"] for each in bench.events] == ["Create", "Update", "Delete", "Update"]


def test_a_failed_update_is_rolled_back_by_an_update_with_old_and_new_exchanged(bench: Bench) -> None:
    assert bench.deploy() == "CREATE_COMPLETE"
    bad = failing(TWO)
    assert bench.deploy(bad, "UPDATE", value="2") == "UPDATE_ROLLBACK_COMPLETE"
    values = [
        (each["RequestType"], each["ResourceProperties"]["Value"], each["OldResourceProperties"]["Value"])
        for each in bench.events[1:]
    ]
    assert values == [("Update", "2", "1"), ("Update", "1", "2")]


def test_a_rollback_that_fails_leaves_what_only_skipping_ends(bench: Bench) -> None:
    assert bench.deploy() == "CREATE_COMPLETE"
    bad = failing("True")
    assert bench.deploy(bad, "UPDATE", value="2") == "UPDATE_ROLLBACK_FAILED"
    client = bench.client("cloudformation")
    with pytest.raises(ClientError, match="can not be updated"):
        bench.change_set(GOOD, "UPDATE", "3")
    with pytest.raises(ClientError, match="did not fail in the rollback"):
        client.continue_update_rollback(StackName=bench.name, ResourcesToSkip=["Function"])
    client.continue_update_rollback(StackName=bench.name, ResourcesToSkip=["One"])
    assert bench.ended() == "UPDATE_ROLLBACK_COMPLETE"


def test_without_rollback_the_failed_resource_is_put_back_all_the_same(bench: Bench) -> None:
    assert bench.deploy() == "CREATE_COMPLETE"
    bad = failing(TWO)
    assert bench.deploy(bad, "UPDATE", value="2", disable_rollback=True) == "UPDATE_FAILED"
    assert [each["ResourceProperties"]["Value"] for each in bench.events] == ["1", "2", "1"]
    assert bench.deploy(GOOD, "UPDATE", value="3", disable_rollback=True) == "UPDATE_COMPLETE"


def test_a_deployment_that_is_tried_again_has_the_same_request_at_a_new_address(bench: Bench) -> None:
    """Whoever names its work after the request alone finds it done, and answers nobody."""
    assert bench.deploy() == "CREATE_COMPLETE"
    assert bench.deploy(failing(TWO), "UPDATE", value="2", disable_rollback=True) == "UPDATE_FAILED"
    assert bench.deploy(GOOD + "# mended\n", "UPDATE", value="2", disable_rollback=True) == "UPDATE_COMPLETE"
    first, again = (each for each in bench.events[1:] if each["ResourceProperties"]["Value"] == "2")
    assert first["RequestId"] == again["RequestId"]
    assert first["ResponseURL"] != again["ResponseURL"]


def test_no_changes_says_nothing_of_what_was_changed_by_hand(bench: Bench) -> None:
    assert bench.deploy() == "CREATE_COMPLETE"
    bench.world.organization.accounts[ACCOUNT].roles[bench.name].policies = ("{}",)
    bench.client("cloudformation").create_change_set(
        StackName=bench.name, ChangeSetName="same", TemplateBody=json.dumps(bench.stack.template),
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )  # fmt: skip
    assert bench.client("cloudformation").describe_change_set(StackName=bench.name, ChangeSetName="same")["Status"] == "FAILED"


def test_a_failed_create_is_deleted_by_the_rollback_unless_it_is_retained(bench: Bench) -> None:
    bad = (
        'def handler(event, context):\n    put(event, answer(event, "FAILED" if event["RequestType"] == "Create" else "SUCCESS"))\n'
    )
    assert bench.deploy(bad) == "ROLLBACK_COMPLETE"
    assert [(each["RequestType"], each.get("PhysicalResourceId")) for each in bench.events] == [
        ("Create", None),
        ("Delete", "the-one"),
    ]
    with pytest.raises(ClientError, match="ROLLBACK_COMPLETE state and can not be updated"):
        bench.change_set(GOOD, "UPDATE")


def test_a_delete_that_fails_leaves_the_stack_without_its_role(bench: Bench) -> None:
    bad = (
        'def handler(event, context):\n    put(event, answer(event, "FAILED" if event["RequestType"] == "Delete" else "SUCCESS"))\n'
    )
    assert bench.deploy(bad) == "CREATE_COMPLETE"
    client = bench.client("cloudformation")
    client.delete_stack(StackName=bench.name)
    assert bench.ended() == "DELETE_FAILED"
    assert bench.name not in bench.world.organization.accounts[ACCOUNT].roles
    assert [*bench.stack.resources] == ["One"]
    client.delete_stack(StackName=bench.name, RetainResources=["One"])
    assert bench.ended() == "DELETE_COMPLETE"


def test_what_is_retained_is_sent_no_delete(bench: Bench) -> None:
    assert bench.deploy(DeletionPolicy="Retain") == "CREATE_COMPLETE"
    client = bench.client("cloudformation")
    client.update_termination_protection(StackName=bench.name, EnableTerminationProtection=True)
    with pytest.raises(ClientError, match="TerminationProtection is enabled"):
        client.delete_stack(StackName=bench.name)
    client.update_termination_protection(StackName=bench.name, EnableTerminationProtection=False)
    with pytest.raises(ClientError, match="only be retained in state DELETE_FAILED"):
        client.delete_stack(StackName=bench.name, RetainResources=["One"])
    client.delete_stack(StackName=bench.name)
    assert bench.ended() == "DELETE_COMPLETE"
    assert [each["RequestType"] for each in bench.events] == ["Create"]
    assert bench.statuses()[-1] == "DELETE_SKIPPED"


def test_every_property_is_a_string(bench: Bench) -> None:
    assert bench.deploy(value={"on": True, "days": 14, "list": [1, False]}) == "CREATE_COMPLETE"
    assert bench.events[0]["ResourceProperties"]["Value"] == {"on": "true", "days": "14", "list": ["1", "false"]}


def test_an_update_that_leaves_out_what_an_output_reads_fails(bench: Bench) -> None:
    assert bench.deploy() == "CREATE_COMPLETE"
    handler = "def handler(event, context):\n    put(event, answer(event, Data={}))\n"
    assert bench.deploy(handler, "UPDATE", value="2").startswith("UPDATE_ROLLBACK")


@pytest.mark.parametrize("seconds", [0, 3601, 7200])
def test_no_resource_may_take_longer_than_an_hour(bench: Bench, seconds: int) -> None:
    with pytest.raises(ClientError, match="ServiceTimeout"):
        bench.change_set(GOOD, Properties={"ServiceTimeout": seconds})


def test_a_service_token_cannot_change(bench: Bench) -> None:
    assert bench.deploy() == "CREATE_COMPLETE"
    bench.change_set(GOOD, "UPDATE", "2", token="arn:aws:lambda:us-east-1:111111111111:function:other")
    bench.client("cloudformation").execute_change_set(StackName=bench.name, ChangeSetName="c")
    assert bench.ended().startswith("UPDATE_ROLLBACK")
    assert "Modifying service token is not allowed." in bench.why()


def test_code_alone_runs_no_resource_and_nothing_new_is_no_change(bench: Bench) -> None:
    assert bench.deploy() == "CREATE_COMPLETE"
    assert bench.deploy(GOOD + "# another\n", "UPDATE") == "UPDATE_COMPLETE"
    assert [each["RequestType"] for each in bench.events] == ["Create"]
    client = bench.client("cloudformation")
    template = json.dumps(bench.stack.template)
    client.create_change_set(
        StackName=bench.name, ChangeSetName="same", TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"]
    )
    found = client.describe_change_set(StackName=bench.name, ChangeSetName="same")
    assert (found["Status"], found["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert "didn't contain changes" in found["StatusReason"]
    with pytest.raises(ClientError, match="cannot be executed in its current status"):
        client.execute_change_set(StackName=bench.name, ChangeSetName="same")


def test_code_under_a_fixed_key_is_not_seen(bench: Bench) -> None:
    """Another object of one name is no change: the function stays what it was, also while its resource is updated."""
    assert bench.deploy(versioned=False) == "CREATE_COMPLETE"
    client = bench.client("cloudformation")
    bench.change_set(failing("True"), "UPDATE", versioned=False)
    assert "didn't contain changes" in client.describe_change_set(StackName=bench.name, ChangeSetName="c")["StatusReason"]
    client.delete_change_set(StackName=bench.name, ChangeSetName="c")
    assert bench.deploy(failing("True"), "UPDATE", value="2", versioned=False) == "UPDATE_COMPLETE", "by the first code"
    three = 'event["ResourceProperties"]["Value"] == "3"'
    assert bench.deploy(failing(three), "UPDATE", value="3") == "UPDATE_ROLLBACK_COMPLETE", "known by its version it is seen"


def test_a_cancelled_update_does_not_stop_the_function(bench: Bench) -> None:
    assert bench.deploy() == "CREATE_COMPLETE"
    slow = f"import time\ndef handler(event, context):\n    time.sleep(2 if {TWO} else 0)\n    put(event, answer(event))\n"
    bench.change_set(slow, "UPDATE", "2")
    client = bench.client("cloudformation")
    client.execute_change_set(StackName=bench.name, ChangeSetName="c")
    until = time.monotonic() + PATIENCE
    while len(bench.events) < 2:
        assert time.monotonic() < until
        time.sleep(0.02)
    client.cancel_update_stack(StackName=bench.name)
    assert bench.ended() == "UPDATE_ROLLBACK_COMPLETE"


def test_templates_that_aws_refuses_are_refused(bench: Bench) -> None:
    client = bench.client("cloudformation")
    for resources, why in (
        ({"A": {"Type": "AWS::Nothing::Here"}}, "Unrecognized resource types"),
        ({"A": {"Type": "AWS::Logs::LogGroup", "DependsOn": "B"}}, "Unresolved resource dependencies"),
        (
            {"A": {"Type": "AWS::Logs::LogGroup", "DependsOn": "B"}, "B": {"Type": "AWS::Logs::LogGroup", "DependsOn": "A"}},
            "Circular",
        ),
        ({}, "At least one Resources member"),
        ({"A": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "x" * 51_200}}}, "less than or equal to 51200"),
    ):
        with pytest.raises(ClientError, match=why):
            client.create_change_set(
                StackName=bench.name, ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=json.dumps({"Resources": resources})
            )
    with pytest.raises(ClientError, match="does not exist"):
        client.describe_stacks(StackName="nobody")


SLOW = "import time\ndef handler(event, context):\n    time.sleep(0.5)\n    put(event, answer(event))\n"
AGAIN = "def handler(event, context):\n    while put(event, answer(event)) != 200:\n        pass\n"


@pytest.mark.parametrize(
    ("fault", "handler", "ended", "invoked"),
    [
        ({"kind": "event-twice"}, GOOD, "CREATE_COMPLETE", 2),
        ({"kind": "event-late", "seconds": 0.5}, GOOD, "CREATE_COMPLETE", 1),
        ({"kind": "put-refused", "times": 3}, AGAIN, "CREATE_COMPLETE", 1),
        ({"kind": "function-killed", "seconds": 0.2}, SLOW, "CREATE_COMPLETE", 2),
        ({"kind": "function-not-active"}, GOOD, "CREATE_COMPLETE", 1),
        ({"kind": "role-not-yet"}, GOOD, "CREATE_COMPLETE", 1),
        ({"kind": "function-killed", "function": "another"}, SLOW, "CREATE_COMPLETE", 1),
        ({"kind": "answer-lost", "times": 9}, GOOD, "ROLLBACK_FAILED", 2),
    ],
    ids=lambda each: each["kind"] if isinstance(each, dict) else None,
)
def test_a_scenario_says_what_befalls_a_stack(
    bench: Bench, faults: StackFaults, fault: dict[str, Any], handler: str, ended: str, invoked: int
) -> None:
    faults.listed, before = Scenario.model_validate({"stack": [fault]}).stack, bench.world.now()
    bench.change_set(handler)
    bench.client("cloudformation").execute_change_set(StackName=bench.name, ChangeSetName="c")
    assert bench.ended(600 if fault["kind"] == "answer-lost" else 0) == ended
    until = time.monotonic() + PATIENCE
    while len(bench.events) < invoked:  # a second delivery may come after the answer to the first
        assert time.monotonic() < until
        time.sleep(0.02)
    assert len(bench.events) == invoked
    assert bench.world.now() - before >= fault.get("seconds", 0.0) or fault.get("function")


def test_a_scenario_cancels_an_update_half_way(bench: Bench, faults: StackFaults) -> None:
    assert bench.deploy() == "CREATE_COMPLETE"
    faults.listed = Scenario.model_validate({"stack": [{"kind": "cancelled", "seconds": 0.1}]}).stack
    assert bench.deploy(SLOW, "UPDATE", value="2") == "UPDATE_ROLLBACK_COMPLETE"
    assert "cancelled" in bench.why()


@pytest.fixture
def faults(bench: Bench) -> Iterator[StackFaults]:
    """The faults of the stack, none to begin with and none in the end."""
    made = bench.world.of(StackFaults)
    made.struck.clear()
    yield made
    made.end()
