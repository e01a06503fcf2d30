"""A simulated organization with a bucket and an administrator, into which the real bundle and the real template are deployed."""

import datetime as dt
import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any

import boto3
import pytest
import stack_settings
from doors import PATIENCE, Served, served
from stack_addresses import nowhere_told
from stack_in_process import in_this_process, nothing

from runbook_lib.phase_run.opening import begin, opened
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.approval import approve
from runbook_lib.rehearsal.identity import user_key
from runbook_lib.rehearsal.operations.cloudformation.state import CloudFormationState, Stack
from runbook_lib.rehearsal.state import write_state
from runbook_lib.stack import bundle as packing
from runbook_lib.stack.bundle import Bundle, installed, pack, zipped
from runbook_lib.stack.orders import APPROVAL, SETTINGS, Order, key, stamp
from runbook_lib.stack.template import ORGANIZATION, Task, tasks, template, text

MANAGEMENT, BUCKET, NAME = "111111111111", "runbook-artifacts-example", "runbook"


@cache
def bundle() -> Bundle:
    """The real bundle, packed less tightly: that takes seconds, and its size is another test's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing, "zipped", partial(zipped, level=1))
        return pack(installed())


@dataclass
class Deployed:
    """Clients of the management account's administrator, and what was uploaded."""

    organization: Served
    session: Any
    orders: dict[str, str] = field(default_factory=dict)
    version: str = ""
    bucket: str = BUCKET

    def client(self, service: str) -> Any:
        return self.session.client(service, endpoint_url=self.organization.url)

    @property
    def settings(self) -> Any:
        return stack_settings.settings(self.organization.settings.read_text())

    @property
    def tasks(self) -> tuple[Task, ...]:
        return tasks(self.settings)

    @property
    def stack(self) -> Stack:
        found = self.organization.front.world.of(CloudFormationState).stacks
        return list(found.values())[-1]

    def objects(self) -> list[str]:
        """Every object in the bucket."""
        return [each["Key"] for each in self.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]]

    def put(self, data: bytes) -> str:
        digest = hashlib.sha256(data).hexdigest()
        self.client("s3").put_object(Bucket=BUCKET, Key=key(digest), Body=data)
        return digest

    def order(self, task: Task) -> str:
        """Plan one task as on a laptop, approve it, upload the order; its name."""
        run = opened(begin(task.phase.name, self.organization.settings, task.scope, "", ""))
        run.observe()
        run.plan()
        run.leave()
        run.finish()
        file, now = run.record.folder.plan_json, dt.datetime.now(dt.UTC)
        given = approve(plan_file.load(file), approver="Ada", ticket="T-1", now=now)
        given.write(run.record.folder.path / "approval.json")
        named = {
            SETTINGS: self.put(self.organization.settings.read_bytes()),
            APPROVAL: self.put((run.record.folder.path / "approval.json").read_bytes()),
            "plan.json": self.put(file.read_bytes()),
        }
        made = Order(task.phase.name, task.scope, stamp(now), named)
        self.put(made.text)
        return made.name

    def begin(self, kind: str = "CREATE", made: Mapping[str, Any] | None = None, *, disable_rollback: bool = False) -> None:
        """Create a change set and execute it."""
        cloudformation = self.client("cloudformation")
        values = {"ArtifactBucket": BUCKET, "BundleKey": "runbook.zip", "BundleVersion": self.version}
        values |= {ORGANIZATION: self.settings.organization.id, **self.orders}
        cloudformation.create_change_set(
            StackName=NAME, ChangeSetName="one", ChangeSetType=kind, Capabilities=["CAPABILITY_NAMED_IAM"],
            TemplateBody=text(made or template(self.settings)),
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
        )  # fmt: skip
        cloudformation.execute_change_set(StackName=NAME, ChangeSetName="one", DisableRollback=disable_rollback)

    def ended(self) -> str:
        """Wait until the stack's operation is over; the state it ended in."""
        until = time.monotonic() + PATIENCE
        while self.stack.status.endswith("_IN_PROGRESS"):
            assert time.monotonic() < until, self.stack.status
            time.sleep(0.1)
        return self.stack.status

    def reasons(self) -> list[str]:
        return [
            f"{each['LogicalResourceId']} {each['ResourceStatus']}: {each['ResourceStatusReason']}" for each in self.stack.events
        ]


@contextmanager
def deployable(folder: Path, monkeypatch: Any, seed: str = "seven", *, here: bool = False) -> Iterator[Deployed]:
    """Serve a seed whose delegated account trusts the management account, with a bucket that has the bundle.

    `here`: the functions run in this process, and the bundle is empty.
    """
    if here:
        in_this_process(monkeypatch)
    own = folder / "seed.yaml"
    own.write_text(
        json.dumps({
            "extends": seed,
            "roles": [{"name": "RunbookDelegated", "account": "222222222222", "trusts": [MANAGEMENT]}],
            "profiles": {"administrator": MANAGEMENT},
        })
    )  # fmt: skip
    with served(str(own), folder, moto=True) as organization:
        access, secret = user_key(MANAGEMENT, "administrator")
        organization.settings.write_text(stack_settings.in_a_stack(organization.settings.read_text()))
        session = boto3.Session(access, secret, region_name=organization.environment["AWS_REGION"])
        environment = {name: value for name, value in organization.environment.items() if name != "AWS_PROFILE"}
        for name, value in (environment | {"AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret}).items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("AWS_PROFILE", raising=False)
        state = organization.runs / "simulated-organization"
        known = json.loads((state / "server.json").read_text())
        write_state(state / "server.json", known | {"profiles": {"administrator": MANAGEMENT}})
        made = Deployed(organization, session)
        s3 = made.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        made.version = s3.put_object(Bucket=BUCKET, Key="runbook.zip", Body=(nothing() if here else bundle()).data)["VersionId"]
        yield made
        nowhere_told(made)
