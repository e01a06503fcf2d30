"""Deploying a stack: its state decides what may be done, a change set shows it, events are followed, the first cause is said."""

import hashlib
import time
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from runbook_lib.base.errors import RunbookError
from runbook_lib.stack.bundle import Bundle
from runbook_lib.stack.orders import Order, key
from runbook_lib.stack.surroundings import Surroundings
from runbook_lib.stack.template import Task

Say = Callable[[str], None]
LOOK, LONGEST = 3.0, 4 * 3600.0
"""Seconds between two looks at a stack, and of an operation on it: an hour for each resource."""
NO_CHANGES = ("didn't contain changes", "No updates are to be performed")
NEW, CHANGED = "CREATE", "UPDATE"
DEPLOYABLE: Mapping[str, str] = {
    "": NEW,
    "DELETE_COMPLETE": NEW,
    "REVIEW_IN_PROGRESS": NEW,
    **dict.fromkeys(
        ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "CREATE_FAILED", "UPDATE_FAILED", "IMPORT_COMPLETE"),
        CHANGED,
    ),
}
"""State of a stack ("" where there is none) → the kind of change set."""
WAYS_OUT: Mapping[str, str] = {
    "ROLLBACK_COMPLETE": "it can only be deleted (runbook stack delete), then deployed again; the organization stays as it is",
    "ROLLBACK_FAILED": "it can only be deleted (runbook stack delete), then deployed again; the organization stays as it is",
    "UPDATE_ROLLBACK_FAILED": "go on with its rollback (runbook stack recover), then deploy again",
    "DELETE_FAILED": "delete it again (runbook stack delete)",
}
"""States in which nothing can be deployed → what to do."""


class StackRefused(RunbookError):
    """Nothing was deployed: what was found does not fit. Says what, and the way out."""

    advice = "No resource of the stack was changed."


class StackFailed(RunbookError):
    """An operation on the stack failed; the first cause is said."""

    advice = "What was done stays done and nothing was undone; deploy again to go on."


@dataclass
class Installer:
    """One stack of one account and Region."""

    around: Surroundings
    name: str
    account: str
    say: Say
    sleep: Callable[[float], object] = time.sleep

    def _call(self, service: str, operation: str, **given: Any) -> Any:
        """A call of the installer's. Raises StackRefused in AWS's words."""
        try:
            return getattr(self.around.client(service), operation)(**given)
        except ClientError as error:
            told = error.response.get("Error", {})
            raise StackRefused(f"{service} {error.operation_name}: {told.get('Code')}: {told.get('Message')}") from None
        except BotoCoreError as error:
            raise StackRefused(f"{service}: {error}") from None

    def refuse_stranger(self) -> None:
        """Raise StackRefused for credentials of another account than the stack lives in."""
        found = self._call("sts", "get_caller_identity")["Account"]
        if found != self.account:
            raise StackRefused(f"the credentials are of account {found}, and the stack lives in {self.account}; see --profile")

    def stack(self) -> dict[str, Any]:
        """The stack as it is described; empty where there is none."""
        try:
            found: dict[str, Any] = self.around.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return {}
            raise StackRefused(f"stack {self.name}: {error}") from None
        except BotoCoreError as error:
            raise StackRefused(f"stack {self.name}: {error}") from None
        return found

    def kind(self) -> str:
        """The kind of change set that the stack's state takes. Raises StackRefused with the way out."""
        state = self.stack().get("StackStatus", "")
        if state in DEPLOYABLE:
            return DEPLOYABLE[state]
        way = WAYS_OUT.get(state, "an operation is under way: look at it with runbook stack status, and deploy when it has ended")
        raise StackRefused(f"stack {self.name} is in state {state}: {way}")

    def refuse_bucket(self, bucket: str) -> None:
        """Raise StackRefused unless the bucket is this account's and keeps versions: whoever owns it owns the functions' code."""
        own = {"Bucket": bucket, "ExpectedBucketOwner": self.account}
        versioning = self._call("s3", "get_bucket_versioning", **own)
        if versioning.get("Status") != "Enabled":
            raise StackRefused(f"bucket {bucket} keeps no versions; enable versioning, by which the functions' code is named")

    def upload(self, bucket: str, bundle: Bundle) -> dict[str, str]:
        """Put the bundle where its digest names it, once; the template's parameters for it."""
        name = f"artifacts/{bundle.sha256}/runbook.zip"
        self._put(bucket, name, bundle.data)
        head = self._call("s3", "head_object", Bucket=bucket, Key=name, ExpectedBucketOwner=self.account)
        return {"ArtifactBucket": bucket, "BundleKey": name, "BundleVersion": head["VersionId"]}

    def order(self, bucket: str, order: Order, files: Iterable[bytes]) -> str:
        """Put an order and its files; its name."""
        for data in (*files, order.text):
            self._put(bucket, key(hashlib.sha256(data).hexdigest()), data)
        return order.name

    def _put(self, bucket: str, name: str, data: bytes) -> None:
        digest = b64encode(hashlib.sha256(data).digest()).decode()
        given = {"Bucket": bucket, "Key": name, "Body": data, "ChecksumSHA256": digest, "ExpectedBucketOwner": self.account}
        try:
            self.around.client("s3").put_object(**given, IfNoneMatch="*")
        except ClientError as error:
            if error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") != 412:
                raise StackRefused(f"s3://{bucket}/{name}: {error}") from None

    def parameters(self, todo: Sequence[Task], given: Mapping[str, str]) -> list[dict[str, Any]]:
        """What the change set is given: new values, and for tasks without a new order the one they had. Raises StackRefused."""
        known = {each["ParameterKey"] for each in self.stack().get("Parameters", ())}
        if without := [each for each in todo if each.parameter not in given and each.parameter not in known]:
            names = ", ".join(f"{each.phase.name}{f' of wave {each.wave}' if each.wave else ''}" for each in without)
            raise StackRefused(f"no approval is given for {names}: plan with runbook plan, and give each plan's approval")
        old = [each.parameter for each in todo if each.parameter not in given]
        new = [{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()]
        return [*new, *({"ParameterKey": name, "UsePreviousValue": True} for name in old)]

    def deploy(self, kind: str, template: str, parameters: list[dict[str, Any]]) -> bool:
        """Create a change set, show it, execute it, follow it to its end; False where there is nothing to change.

        Raises StackRefused for changes that would take something away, StackFailed with the first cause.
        """
        change_set = f"runbook-{uuid.uuid4().hex[:12]}"
        made = self._call(
            "cloudformation", "create_change_set", StackName=self.name, ChangeSetName=change_set, ChangeSetType=kind,
            TemplateBody=template, Parameters=parameters, Capabilities=["CAPABILITY_NAMED_IAM"],
        )  # fmt: skip
        found = self._settled(made["Id"])
        if found["Status"] == "FAILED":
            self._call("cloudformation", "delete_change_set", ChangeSetName=made["Id"])
            why = str(found.get("StatusReason", ""))
            if any(each in why for each in NO_CHANGES):
                return False
            raise StackRefused(f"the change set failed: {why}")
        for each in self._changes(made["Id"]):
            self.say(f"  {each['Action']} {each['ResourceType']} {each['LogicalResourceId']}")
        token, before = uuid.uuid4().hex, self.events(made["StackId"])
        self._call("cloudformation", "execute_change_set", ChangeSetName=made["Id"], ClientRequestToken=token, DisableRollback=True)
        self.follow(made["StackId"], {each["EventId"] for each in before})
        return True

    def _settled(self, change_set: str) -> Any:
        for _ in range(200):
            found = self._call("cloudformation", "describe_change_set", ChangeSetName=change_set)
            if not found["Status"].endswith(("_PENDING", "_IN_PROGRESS")):
                return found
            self.sleep(LOOK)
        raise StackRefused(f"the change set is not ready after {200 * LOOK:.0f} seconds")

    def _changes(self, change_set: str) -> list[dict[str, Any]]:
        """Every change. Raises StackRefused, and deletes the change set, where a phase's resource would be deleted or replaced."""
        found, token = list[dict[str, Any]](), dict[str, str]()
        while True:
            page = self._call("cloudformation", "describe_change_set", ChangeSetName=change_set, **token)
            found += [each["ResourceChange"] for each in page.get("Changes", ())]
            if not page.get("NextToken"):
                break
            token = {"NextToken": page["NextToken"]}
        custom = [each for each in found if each["ResourceType"].startswith("Custom::")]
        taken = [each for each in custom if each["Action"] == "Remove" or each.get("Replacement", "False") != "False"]
        if lost := [each["LogicalResourceId"] for each in taken if not str(each.get("PolicyAction", "")).startswith("Retain")]:
            self._call("cloudformation", "delete_change_set", ChangeSetName=change_set)
            raise StackRefused(f"the change set would delete or replace {', '.join(lost)}, which is not retained")
        return found

    def events(self, stack: str) -> list[dict[str, Any]]:
        """Every event of a stack, oldest first."""
        found, token = list[dict[str, Any]](), dict[str, str]()
        while True:
            page = self._call("cloudformation", "describe_stack_events", StackName=stack, **token)
            found += page["StackEvents"]
            if not page.get("NextToken"):
                return found[::-1]
            token = {"NextToken": page["NextToken"]}

    def follow(self, stack: str, seen: set[str], wanted: str = "") -> str:
        """Say every event until the operation has ended; the stack's state. Raises StackFailed with the first cause.

        `wanted` is the state that a rollback is to end in, where one was asked for.
        """
        waited, first = 0.0, ""
        while waited < LONGEST:
            state = str(self._call("cloudformation", "describe_stacks", StackName=stack)["Stacks"][0]["StackStatus"])
            for each in self.events(stack):
                if each["EventId"] in seen:
                    continue
                seen.add(each["EventId"])
                status, why = each["ResourceStatus"], each.get("ResourceStatusReason", "")
                self.say(f"  {each['LogicalResourceId']}: {status}{f': {why}' if why else ''}")
                if status.endswith("_FAILED") and "cancelled" not in why and not first:
                    first = f"{each['LogicalResourceId']}: {why}"
            if not state.endswith("_IN_PROGRESS"):
                if state != wanted and ("FAILED" in state or "ROLLBACK" in state):
                    raise StackFailed(f"stack {self.name} ended as {state}: {first or 'no reason given'}")
                return state
            self.sleep(LOOK)
            waited += LOOK
        raise StackFailed(f"stack {self.name}: the operation has not ended after {LONGEST / 3600:.0f} hours")

    def delete(self) -> None:
        """Delete the stack; every phase's resource is retained. Raises StackRefused, StackFailed."""
        found = self.stack()
        if not found:
            raise StackRefused(f"there is no stack {self.name} in account {self.account}")
        seen = {each["EventId"] for each in self.events(found["StackId"])}
        self._call("cloudformation", "delete_stack", StackName=found["StackId"])
        self.follow(found["StackId"], seen)

    def recover(self, skipped: Sequence[str]) -> None:
        """Go on with a rollback that failed. What is skipped CloudFormation calls complete, which it is not.

        Raises StackRefused in any other state, and StackFailed.
        """
        found = self.stack()
        if (state := found.get("StackStatus", "")) != "UPDATE_ROLLBACK_FAILED":
            way = WAYS_OUT.get(state, "deploy" if state in DEPLOYABLE else "look at it with runbook stack status")
            raise StackRefused(f"stack {self.name} is in state {state or 'none'}, so there is no rollback to go on with: {way}")
        seen = {each["EventId"] for each in self.events(found["StackId"])}
        more = {"ResourcesToSkip": list(skipped)} if skipped else {}
        self._call("cloudformation", "continue_update_rollback", StackName=found["StackId"], **more)
        self.follow(found["StackId"], seen, "UPDATE_ROLLBACK_COMPLETE")
