"""What a remediation is about, from the workflow's own file: beside the settings, or as a run has kept it."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

from runbook_lib.plan import Plan
from runbook_lib.plan.approval import Approval
from runbook_lib.services.response.names import REMEDIATION
from runbook_lib.services.response.remediation import BadRemediation, Remediation
from runbook_lib.services.response.remedies import REMEDIES, START
from runbook_lib.settings.register import folder_of, read_register, read_workflow

EMERGENCY_HOURS = 1
"""For so long an approval in an emergency is good."""
WORKFLOW = "workflow.yaml"
"""The workflow that a run remediates by, as it was then, in its own folder."""


def not_in_an_emergency(plan: Plan) -> str:
    """Why nobody may decide about a remediation alone; "" where all of it contains something that happens."""
    documents = {str(each.parameters["DocumentName"]) for each in plan.actions if each.operation == START}
    more = sorted(each for each in documents if each not in REMEDIES or not REMEDIES[each].contains)
    return f"an emergency is for containment alone, and {', '.join(more)} mends a setting: have it approved" if more else ""


def emergency_refusals(approval: Approval, plan: Plan) -> Iterator[str]:
    """Why an approval that somebody gave alone in an emergency holds for no remediation; nothing for every other approval."""
    if not approval.emergency or approval.phase != REMEDIATION:
        return
    if why := not_in_an_emergency(plan):
        yield why
    hours = (approval.not_after - approval.not_before).total_seconds() / 3600
    if hours > EMERGENCY_HOURS:
        yield f"in an emergency an approval is good for {EMERGENCY_HOURS} hour at most, and this one is for {hours:g}"


def workflow_file(parameters: Path, about: str) -> Path:
    """Where the workflow of a remediation lies beside the settings. Raises BadRemediation, DocumentError."""
    identity = named(about)
    if identity not in {each.id for each in read_register(parameters).workflows}:
        raise BadRemediation(f"{identity or 'no workflow'}: there is no such workflow in {folder_of(parameters)}")
    return folder_of(parameters) / f"{identity}.yaml"


def named(about: str) -> str:
    """The id of the workflow that a remediation is about."""
    return about.strip().partition(" ")[0].partition("@")[0]


def of_workflow(file: Path, about: str) -> Remediation:
    """What mends the findings named in `about` ("WORKFLOW FINDING …") as that file says. Raises BadRemediation, DocumentError."""
    workflow, findings = read_workflow(file), about.split()[1:]
    if workflow.id != named(about):
        raise BadRemediation(f"{file}: is the workflow {workflow.id}, and asked for is {named(about) or 'none'}")
    return Remediation(workflow, hashlib.sha256(file.read_bytes()).hexdigest(), findings)


def kept_in(folder: Path, about: str) -> Remediation:
    """The same by the workflow that a run has kept. Raises BadRemediation, DocumentError."""
    return of_workflow(folder / WORKFLOW, about)
