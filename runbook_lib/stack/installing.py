"""Deploying a stack: its state decides what may be done, a change set shows it, events are followed, the first cause is said."""

import hashlib
import json
import time
import uuid
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from runbook_lib.aws.endpoints import sts_region
from runbook_lib.base.errors import RunbookError
from runbook_lib.settings import Settings
from runbook_lib.settings.regions import partition_of
from runbook_lib.stack.bundle import Bundle
from runbook_lib.stack.orders import Ordered, key
from runbook_lib.stack.replica import progress_key
from runbook_lib.stack.surroundings import MODE, REGION, Surroundings
from runbook_lib.stack.template import ORGANIZATION, Task

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
        (
            "CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "CREATE_FAILED", "UPDATE_FAILED", "IMPORT_COMPLETE",
            "IMPORT_ROLLBACK_COMPLETE",
        ),
        CHANGED,
    ),
}  # fmt: skip
"""State of a stack ("" where there is none) → the kind of change set."""
_ONLY_DELETED = "it can only be deleted (runbook stack delete), then deployed again; the organization stays as it is"
WAYS_OUT: Mapping[str, str] = {
    "ROLLBACK_COMPLETE": _ONLY_DELETED,
    "ROLLBACK_FAILED": _ONLY_DELETED,
    "IMPORT_ROLLBACK_FAILED": _ONLY_DELETED,
    "UPDATE_ROLLBACK_FAILED": "go on with its rollback (runbook stack recover), then deploy again",
    "DELETE_FAILED": "delete it again (runbook stack delete)",
}
"""States in which nothing can be deployed → what to do."""
UNDER_WAY = "an operation is under way: look at it with runbook stack status, and {} when it has ended"
_PROTECTED = (
    "is protected from deletion. Where that is meant: aws cloudformation update-termination-protection "
    "--no-enable-termination-protection --stack-name {}, then delete it"
)


_POLICY = "denied by stack policy"
_FORBIDDEN = "; where the change is meant, let it: aws cloudformation set-stack-policy --stack-name {} --stack-policy-body …"


class StackRefused(RunbookError):
    """Nothing was deployed: what was found does not fit. Says what, and the way out."""

    advice = "No resource of the stack was changed."


class StackFailed(RunbookError):
    """An operation on the stack failed; the first cause is said."""

    advice = "What was done stays done and nothing was undone; deploy again to go on."


class NotFollowed(RunbookError):
    """An operation goes on at AWS, and nobody here looks on any more."""

    advice = "It goes on by itself: look at it with runbook stack status."


def exit_code(state: str) -> int:
    """What a command that looks at a stack in that state ends with: 2 while an operation is under way, 1 where the last failed."""
    return 2 if state.endswith("_IN_PROGRESS") else 1 if not state or "FAILED" in state or "ROLLBACK" in state else 0


def bundle_key(bundle: Bundle) -> str:
    """Where a bundle lies in the bucket: by its digest, since CloudFormation takes another object of one name for no change."""
    return f"artifacts/{bundle.sha256}/runbook.zip"


@dataclass(frozen=True)
class Proposal:
    """A change set that is there and not executed: its id and the stack's, its kind, and what it would change."""

    id: str
    stack: str
    kind: str
    changes: tuple[Mapping[str, Any], ...]

    def lines(self) -> Iterator[str]:
        for each in self.changes:
            yield f"{each['Action']} {each['ResourceType']} {each['LogicalResourceId']}"


@dataclass
class Installer:
    """One stack of one account and Region."""

    around: Surroundings
    name: str
    account: str
    say: Say
    sleep: Callable[[float], object] = time.sleep
    told_in: str = ""
    """The bucket in which the functions say how far they are; "" where nobody wants to know."""

    @classmethod
    def of(cls, settings: Settings, name: str, say: Say, region: str = "") -> "Installer":
        """The installer of the stack of these settings, with the credentials of this process.

        By default in the home Region, or where there is none in the one that STS is asked in: which that is no Region changes that
        is added to the settings, and a stack is looked for where it was made.
        """
        account = settings.organization.management_account
        if settings.access.management.role_arn:
            account = settings.organization.delegated_account
        usual = settings.home_region or sts_region(settings)
        if region and partition_of(region) != partition_of(usual):
            raise StackRefused(f"--region {region}: there is no such Region in {partition_of(usual)}; the default is {usual}")
        there = region or usual
        return cls(Surroundings({MODE: settings.mode, REGION: there}), name, account, say)

    def call(self, service: str, operation: str, **given: Any) -> Any:
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
        found = self.call("sts", "get_caller_identity")["Account"]
        if found != self.account:
            raise StackRefused(f"the credentials are of account {found}, and the stack lives in {self.account}; see --profile")

    def stack(self) -> dict[str, Any]:
        """The stack as it is described; empty where there is none."""
        try:
            found: dict[str, Any] = self.around.client("cloudformation").describe_stacks(StackName=self.name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return {}
            told = error.response.get("Error", {})
            raise StackRefused(f"stack {self.name}: {error.operation_name}: {told.get('Code')}: {told.get('Message')}") from None
        except BotoCoreError as error:
            raise StackRefused(f"stack {self.name}: {error}") from None
        return found

    @property
    def state(self) -> str:
        """The stack's state; "" where there is none."""
        return str(self.stack().get("StackStatus", ""))

    @property
    def outputs(self) -> dict[str, str]:
        """What the stack says of itself."""
        return {each["OutputKey"]: each["OutputValue"] for each in self.stack().get("Outputs", ())}

    def kind(self) -> str:
        """The kind of change set that the stack's state takes. Raises StackRefused with the way out."""
        state = self.state
        if state in DEPLOYABLE:
            return DEPLOYABLE[state]
        way = WAYS_OUT.get(state, UNDER_WAY.format("deploy"))
        raise StackRefused(f"stack {self.name} is in state {state}: {way}")

    def refuse_other_organization(self, organization: str) -> None:
        """Raise StackRefused for a stack that carries out the orders of another organization."""
        for each in self.stack().get("Parameters", ()):
            if each["ParameterKey"] == ORGANIZATION and each["ParameterValue"] != organization:
                raise StackRefused(
                    f"stack {self.name} is of organization {each['ParameterValue']}, and settings are of {organization}; see --name"
                )

    def bucket(self) -> str:
        """The bucket that the stack has its bundle from. Raises StackRefused where there is no stack."""
        found = {each["ParameterKey"]: each["ParameterValue"] for each in self.stack().get("Parameters", ())}
        if "ArtifactBucket" not in found:
            where = f"account {self.account} in {self.around.region}"
            raise StackRefused(f"there is no stack {self.name} in {where} to update: runbook stack deploy")
        return str(found["ArtifactBucket"])

    def refuse_bucket(self, bucket: str) -> None:
        """Raise StackRefused unless the bucket is of this account and Region, and keeps versions.

        Whoever owns it owns the functions' code, which Lambda takes from its own Region alone.
        """
        own, s3 = {"Bucket": bucket, "ExpectedBucketOwner": self.account}, self.around.client("s3")
        try:
            versioning, where = s3.get_bucket_versioning(**own), s3.get_bucket_location(**own).get("LocationConstraint")
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code == "NoSuchBucket":
                raise StackRefused(f"there is no bucket {bucket}; make it once, as docs/stack.md says, and give it") from None
            why = f"bucket {bucket} is not of account {self.account}, or these credentials may not read it"
            raise StackRefused(f"{why} ({error.operation_name}: {code})") from None
        except BotoCoreError as error:
            raise StackRefused(f"bucket {bucket}: {error}") from None
        if (there := {None: "us-east-1", "": "us-east-1", "EU": "eu-west-1"}.get(where, where)) != self.around.region:
            raise StackRefused(f"bucket {bucket} is in {there}, and the stack lives in {self.around.region}; see --region")
        if versioning.get("Status") != "Enabled":
            raise StackRefused(f"bucket {bucket} keeps no versions; enable versioning, by which the functions' code is named")

    def rehearsals_bucket(self, organization: str) -> str:
        """In a simulated organization, the bucket that a person makes once, as docs/stack.md says; made where it is not there."""
        bucket, region = f"runbook-{organization}-{self.account}".lower(), self.around.region
        if bucket not in [each["Name"] for each in self.call("s3", "list_buckets")["Buckets"]]:
            where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
            self.call("s3", "create_bucket", Bucket=bucket, **where)
            versions = {"Status": "Enabled"}
            self.call("s3", "put_bucket_versioning", Bucket=bucket, VersioningConfiguration=versions)
        return bucket

    def upload(self, bucket: str, bundle: Bundle) -> dict[str, str]:
        """Put the bundle where its digest names it, once; the template's parameters for it."""
        name = bundle_key(bundle)
        return {"ArtifactBucket": bucket, "BundleKey": name, "BundleVersion": self.keep(bucket, name, bundle.data)}

    def template(self, bucket: str, text: str) -> str:
        """Put a template, once; the address by which CloudFormation reads it: given as it is, it may have 51,200 bytes."""
        name = f"artifacts/{hashlib.sha256(text.encode()).hexdigest()}/template.json"
        return self.around.object_address(bucket, name, self.keep(bucket, name, text.encode()))

    def order(self, bucket: str, ordered: Ordered) -> None:
        """Put an order and its files."""
        for data in (*ordered.files, ordered.order.text):
            self._put(bucket, key(hashlib.sha256(data).hexdigest()), data)

    def keep(self, bucket: str, name: str, data: bytes) -> str:
        """Put an object, once; its version."""
        self._put(bucket, name, data)
        return str(self.call("s3", "head_object", Bucket=bucket, Key=name, ExpectedBucketOwner=self.account)["VersionId"])

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

    def unfinished(self, todo: Sequence[Task]) -> list[Task]:
        """Tasks whose resource is not there, or failed in the last operation: each needs a new order to be carried out.

        What failed was put back afterwards, and so looks whole; only the events tell.
        """
        found = self.stack()
        if found.get("StackStatus", "DELETE_COMPLETE") in ("DELETE_COMPLETE", "REVIEW_IN_PROGRESS"):
            return list(todo)
        listed = self.call("cloudformation", "describe_stack_resources", StackName=found["StackId"])["StackResources"]
        whole = {each["LogicalResourceId"] for each in listed if not each["ResourceStatus"].endswith("_FAILED")}
        return [each for each in todo if each.logical_id not in whole - self._failed(found["StackId"])]

    def _failed(self, stack: str) -> set[str]:
        """What failed since the last operation on the stack began."""
        failed = set[str]()
        for each in self.events(stack):
            if each["PhysicalResourceId"] == stack and each["ResourceStatus"] in ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS"):
                failed.clear()
            elif each["ResourceStatus"].endswith("_FAILED"):
                failed.add(each["LogicalResourceId"])
        return failed

    def written(self) -> dict[str, Any]:
        """The template of the stack; empty where there is none."""
        if self.state in ("", "DELETE_COMPLETE", "REVIEW_IN_PROGRESS"):
            return {}
        found = self.call("cloudformation", "get_template", StackName=self.name)["TemplateBody"]
        return dict(found if isinstance(found, Mapping) else json.loads(found))

    def propose(self, kind: str, template: str, parameters: list[dict[str, Any]]) -> Proposal | None:
        """A change set, made and not executed; None where there is nothing to change. `template` is its address.

        Raises StackRefused where it fails, or would take something away.
        """
        made = self.call(
            "cloudformation", "create_change_set", StackName=self.name, ChangeSetName=f"runbook-{uuid.uuid4().hex[:12]}",
            ChangeSetType=kind, TemplateURL=template, Parameters=parameters, Capabilities=["CAPABILITY_NAMED_IAM"],
        )  # fmt: skip
        found = self._settled(made["Id"])
        proposal = Proposal(made["Id"], made["StackId"], kind, ())
        if found["Status"] == "FAILED":
            self.withdraw(proposal)
            why = str(found.get("StatusReason", ""))
            if any(each in why for each in NO_CHANGES):
                return None
            raise StackRefused(f"the change set failed: {why}")
        return replace(proposal, changes=tuple(self._changes(proposal)))

    def withdraw(self, proposal: Proposal) -> None:
        """Leave no trace of a change set, nor of the empty stack that is there for one of a stack to be made."""
        self.call("cloudformation", "delete_change_set", ChangeSetName=proposal.id)
        if proposal.kind == NEW:
            self.call("cloudformation", "delete_stack", StackName=proposal.stack)

    def carry_out(self, proposal: Proposal) -> None:
        """Execute a change set and follow it to its end. Raises StackFailed with the first cause."""
        token, before = uuid.uuid4().hex, self.events(proposal.stack)
        self.call("cloudformation", "execute_change_set", ChangeSetName=proposal.id, ClientRequestToken=token, DisableRollback=True)
        self.follow(proposal.stack, {each["EventId"] for each in before})

    def _settled(self, change_set: str) -> Any:
        for _ in range(200):
            found = self.call("cloudformation", "describe_change_set", ChangeSetName=change_set)
            if not found["Status"].endswith(("_PENDING", "_IN_PROGRESS")):
                return found
            self.sleep(LOOK)
        raise StackRefused(f"the change set is not ready after {200 * LOOK:.0f} seconds")

    def _changes(self, proposal: Proposal) -> list[dict[str, Any]]:
        """Every change. Raises StackRefused, and deletes the change set, where a phase's resource would be deleted or replaced."""
        found, token = list[dict[str, Any]](), dict[str, str]()
        while True:
            page = self.call("cloudformation", "describe_change_set", ChangeSetName=proposal.id, **token)
            found += [each["ResourceChange"] for each in page.get("Changes", ())]
            if not page.get("NextToken"):
                break
            token = {"NextToken": page["NextToken"]}
        custom = [each for each in found if each["ResourceType"].startswith("Custom::")]
        taken = [each for each in custom if each["Action"] == "Remove" or each.get("Replacement", "False") != "False"]
        if lost := [each["LogicalResourceId"] for each in taken if not str(each.get("PolicyAction", "")).startswith("Retain")]:
            self.withdraw(proposal)
            raise StackRefused(f"the change set would delete or replace {', '.join(lost)}, which is not retained")
        return found

    def events(self, stack: str) -> list[dict[str, Any]]:
        """Every event of a stack, oldest first."""
        found, token = list[dict[str, Any]](), dict[str, str]()
        while True:
            page = self.call("cloudformation", "describe_stack_events", StackName=stack, **token)
            found += page["StackEvents"]
            if not page.get("NextToken"):
                return found[::-1]
            token = {"NextToken": page["NextToken"]}

    def follow(self, stack: str, seen: set[str], wanted: str = "") -> str:
        """Say every event until the operation has ended; the stack's state. Raises StackFailed with the first cause.

        `wanted` is the state that a rollback is to end in, where one was asked for.
        """
        waited, first, after, far = 0.0, "", "", self._progress()
        while waited < LONGEST:
            state = str(self.call("cloudformation", "describe_stacks", StackName=stack)["Stacks"][0]["StackStatus"])
            for each in self.events(stack):
                if each["EventId"] in seen:
                    continue
                seen.add(each["EventId"])
                status, why = each["ResourceStatus"], each.get("ResourceStatusReason", "")
                self.say(f"  {each['LogicalResourceId']}: {status}{f': {why}' if why else ''}")
                if not status.endswith("_FAILED"):
                    continue
                if "cancelled" in why:  # a consequence, unless somebody cancelled it all
                    after = after or f"{each['LogicalResourceId']}: {why}"
                elif not first:
                    first = f"{each['LogicalResourceId']}: {why}{_FORBIDDEN.format(self.name) if _POLICY in why else ''}"
            if not state.endswith("_IN_PROGRESS"):
                if state != wanted and ("FAILED" in state or "ROLLBACK" in state):
                    raise StackFailed(f"stack {self.name} ended as {state}: {first or after or 'no reason given'}")
                return state
            far = self._say_progress(far)
            self.sleep(LOOK)
            waited += LOOK
        raise StackFailed(f"stack {self.name}: the operation has not ended after {LONGEST / 3600:.0f} hours")

    def _progress(self) -> bytes:
        """How far the work is, as it was last said in the stack's bucket; empty where it was not, or cannot be read."""
        if not self.told_in:
            return b""
        try:
            own = {"Bucket": self.told_in, "Key": progress_key(self.name), "ExpectedBucketOwner": self.account}
            return bytes(self.around.client("s3").get_object(**own)["Body"].read())
        except (ClientError, BotoCoreError):
            return b""  # only what a person reads meanwhile; the events say how it ends

    def _say_progress(self, before: bytes) -> bytes:
        found = self._progress()
        if found and found != before:
            about = json.loads(found)
            failed = f", {about['failed']} failed" if about["failed"] else ""
            self.say(f"    {about['phase']}: {about['done']} of {about['total']} steps{failed}; {about['now']}")
        return found

    def delete(self) -> None:
        """Delete the stack; every phase's resource is retained. Raises StackRefused, StackFailed."""
        found = self.stack()
        state = str(found.get("StackStatus", "DELETE_COMPLETE"))
        if state == "DELETE_COMPLETE":
            raise StackRefused(f"there is no stack {self.name} in account {self.account}")
        if state.endswith("_IN_PROGRESS") and state != "REVIEW_IN_PROGRESS":
            raise StackRefused(f"stack {self.name} is in state {state}: {UNDER_WAY.format('delete it')}")
        if found.get("EnableTerminationProtection"):
            raise StackRefused(f"stack {self.name} {_PROTECTED.format(self.name)}")
        seen = {each["EventId"] for each in self.events(found["StackId"])}
        self.call("cloudformation", "delete_stack", StackName=found["StackId"])
        self.follow(found["StackId"], seen)

    def refuse_no_rollback(self) -> None:
        """Raise StackRefused unless a rollback of the stack has failed."""
        if (state := self.state) != "UPDATE_ROLLBACK_FAILED":
            way = WAYS_OUT.get(state, "deploy" if state in DEPLOYABLE else UNDER_WAY.format("deploy"))
            raise StackRefused(f"stack {self.name} is in state {state or 'none'}, so there is no rollback to go on with: {way}")

    def recover(self, skipped: Sequence[str]) -> None:
        """Go on with a rollback that failed. What is skipped CloudFormation calls complete, which it is not.

        Raises StackRefused in any other state, and StackFailed.
        """
        self.refuse_no_rollback()
        found = self.stack()
        seen = {each["EventId"] for each in self.events(found["StackId"])}
        more = {"ResourcesToSkip": list(skipped)} if skipped else {}
        self.call("cloudformation", "continue_update_rollback", StackName=found["StackId"], **more)
        self.follow(found["StackId"], seen, "UPDATE_ROLLBACK_COMPLETE")
