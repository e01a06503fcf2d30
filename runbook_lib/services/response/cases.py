"""What is known of the findings that a remediation is about, and which call answers each. Pure.

Of a finding nothing is kept but ids, type, severity, status and place: what was found is nobody's business who reads evidence.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runbook_lib.plan import digest
from runbook_lib.services.response.classes import class_of
from runbook_lib.services.response.looking import Resource
from runbook_lib.services.response.remedies import REMEDIES, Remedy
from runbook_lib.services.view import View
from runbook_lib.settings.workflow import Step, Workflow

ROLE = "runbook-response-"
"""What the name of a workflow's role in member accounts begins with; the workflow's id follows."""
ASSUME = "AutomationAssumeRole"
"""The parameter by which each of AWS's documents is told its role [docs]."""
ACCESS_KEY = "AwsIamAccessKey"
"""The type of resource of GuardDuty's findings about what somebody does with a key, a role or the root [docs: ASFF]."""
TAG = "runbook-remediation-"
"""What the tag key of an execution begins with, by which it is found again; a digest of the call follows."""


@dataclass(frozen=True)
class Barred:
    """Why nothing is done about a finding, and what is to be done instead."""

    reason: str
    next_step: str
    excluded: bool = False


@dataclass(frozen=True)
class Call:
    """One execution of a document: what it is given, where, and how one finds it again."""

    remedy: Remedy
    step: Step
    resource: Resource
    given: Mapping[str, tuple[str, ...]]

    @property
    def key(self) -> str:
        """The same for the same document, version, place and parameters."""
        document = self.step.document
        assert document is not None
        where = [self.resource.account, self.resource.region, self.remedy.document, document.version]
        return digest([*where, self.given])[:32]

    @property
    def tag(self) -> str:
        return f"{TAG}{self.key}"


def over(finding: Mapping[str, Any]) -> str:
    """Why a finding needs nothing any more; "" where it does."""
    if finding.get("RecordState") == "ARCHIVED":
        return "Security Hub has archived it"
    if (finding.get("Compliance") or {}).get("Status") == "PASSED":
        return "its control has passed"
    return "it is suppressed" if (finding.get("Workflow") or {}).get("Status") == "SUPPRESSED" else ""


def answer(finding: Mapping[str, Any], workflow: Workflow, view: View) -> Call | Barred:
    """The call that answers a finding, or why there is none."""
    account = str(finding.get("AwsAccountId", ""))
    barred = next(iter((*_of_class(finding, workflow, view), *_of_account(account, workflow, view))), None)
    if barred is not None:
        return barred
    found = next(_calls(finding, workflow, view), None)
    if found is None:
        by_hand = "; ".join(step.action for step in (*workflow.contain, *workflow.eradicate)) or "it says no step"
        return Barred(
            f"no step of {workflow.id}.yaml has a document that answers it",
            f"Do what the workflow says by hand: {by_hand}",
        )
    if missing := [name for name in found.remedy.asks if name not in found.given]:
        step = f"Write {', '.join(missing)} under parameters of that step's document in {workflow.id}.yaml."
        return Barred(f"{found.remedy.document} has to be told {', '.join(missing)}", step)
    return found


def _of_class(finding: Mapping[str, Any], workflow: Workflow, view: View) -> Iterator[Barred]:
    kind = class_of(finding, view.settings)
    if kind is None:
        yield Barred("it is of no class that this runbook knows", "Look at it by hand: its product is managed by nobody here.")
        return
    if workflow.status != "active":
        yield Barred(f"{workflow.id}.yaml is {workflow.status}", "Have its owner make it active, or name another workflow.")
    if not any(
        each.product == kind.product and (each.families is None or kind.family in each.families) for each in workflow.answers
    ):
        yield Barred(
            f"{workflow.id}.yaml does not answer for {kind}", "Name the workflow that does: runbook finding ID says which."
        )


def account_barred(account: str, view: View) -> Barred | None:
    """Why nothing is done in an account, whatever the workflow says; None where it may be."""
    there = view.organization.accounts.get(account)
    if there is None:
        return Barred(f"account {account} is not in the organization any more", "Tell its owner; nothing here reaches it.")
    if not there.active:
        return Barred(f"account {account} is {there.state.value}", "Nothing can be done in it until it is active.")
    if account in (view.management, view.delegated):
        step = "Do what the workflow says by hand there: remediations enter member accounts, by a role of their own."
        return Barred(f"{account} is the {'management' if account == view.management else 'delegated'} account", step)
    allowed = view.settings.response.remediation if view.settings.response else None
    if allowed is None or not (account in allowed.accounts or {*allowed.organizational_units} & {*there.organizational_units}):
        step = f"Name its organizational unit, or {account}, under response.remediation of settings, in a reviewed change."
        return Barred(f"settings do not let a remediation act in account {account}", step)
    return None


def _of_account(account: str, workflow: Workflow, view: View) -> Iterator[Barred]:
    there = view.organization.accounts.get(account)
    for each in workflow.exceptions if there is not None and there.active else ():
        if account in each.accounts:  # one that has expired holds until it is taken out; `runbook workflows` says so
            yield Barred(f"{each.reason} ({each.owner}, until {each.expires})", "", excluded=True)
    if barred := account_barred(account, view):
        yield barred


def _calls(finding: Mapping[str, Any], workflow: Workflow, view: View) -> Iterator[Call]:
    """What the steps that contain and eradicate have a document for, in their order."""
    control = str((finding.get("Compliance") or {}).get("SecurityControlId") or "")
    for step in (*workflow.contain, *workflow.eradicate):
        remedy = REMEDIES.get(step.document.name) if step.document else None
        if remedy is None or (remedy.controls and control not in remedy.controls) or (remedy.contains and control):
            continue
        for each in finding.get("Resources") or ():
            if name := remedy.named(*_about(each, str(finding["AwsAccountId"]), view.organization.partition)):
                region = str(each.get("Region") or finding.get("Region"))
                yield _call(remedy, step, Resource(name, str(finding["AwsAccountId"]), region), workflow, view)


def _about(resource: Mapping[str, Any], account: str, partition: str) -> tuple[str, str]:
    """Type and id of a finding's resource; an access key of a user is the user, which GuardDuty names in its details [docs].

    A key of a role's session or of the root has no user, and stays a key, which no document is about.
    """
    kind, identity = str(resource.get("Type")), str(resource.get("Id"))
    details = (resource.get("Details") or {}).get(ACCESS_KEY) or {}
    if kind != ACCESS_KEY or details.get("PrincipalType") != "IAMUser" or not details.get("PrincipalName"):
        return kind, identity
    return "AwsIamUser", f"arn:{partition}:iam::{account}:user/{details['PrincipalName']}"


def _call(remedy: Remedy, step: Step, resource: Resource, workflow: Workflow, view: View) -> Call:
    assert step.document is not None
    said = {
        name: tuple(_placed(each, resource) for each in ((value,) if isinstance(value, str) else value))
        for name, value in step.document.parameters.items()
    }
    role = f"arn:{view.organization.partition}:iam::{resource.account}:role/{ROLE}{workflow.id}"
    fixed = {name: (value,) for name, value in remedy.fixed.items()}
    return Call(remedy, step, resource, {**said, **fixed, remedy.takes: (resource.name,), ASSUME: (role,)})


def _placed(text: str, resource: Resource) -> str:
    """A parameter of the workflow, where it acts."""
    return text.replace("{account}", resource.account).replace("{region}", resource.region)
