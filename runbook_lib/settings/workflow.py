"""One workflow of the register: who answers for which findings, and what is done, step by step, by hand or by a machine.

A register is a folder beside the settings, `<settings>.workflows`, with one YAML file for each workflow. Its phases are those of
NIST SP 800-61 and of AWS's Security Incident Response Guide; people are named by role, never by name.
"""

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field

from runbook_lib.base.documents.models import Says
from runbook_lib.settings.response import ActionId, Product, RouteId
from runbook_lib.settings.section import AccountId, Section, Sha256, Text

Texts = Annotated[tuple[Text, ...], Field(strict=False, min_length=1)]
Days = Annotated[int, Field(ge=1, le=1_100)]


class Answers(Section):
    """Findings that the workflow answers for: families of one product, all of them where none is named."""

    product: Annotated[Product, Field(description="As in routes: the end of its ARN.")]
    families: Annotated[Texts | None, Field(description="Families of its findings; absent: all of them, other included.")] = None


class Entry(Section):
    """How somebody comes to it. At least one."""

    routes: Annotated[Annotated[tuple[RouteId, ...], Field(strict=False)], Field(description="Routes of settings, by id.")] = ()
    custom_actions: Annotated[
        Annotated[tuple[ActionId, ...], Field(strict=False)], Field(description="Custom actions of settings, by id.")
    ] = ()
    person: Annotated[bool, Field(description="Whether somebody may begin it without a message.")] = False


class Urgency(Section):
    """How soon."""

    priority: Annotated[Literal["P1", "P2", "P3", "P4"], Field(description="P1 is the most urgent.")]
    notice: Annotated[Text, Field(description="Within which time somebody looks, for example 15 minutes.")]
    contain: Annotated[Text, Field(description="Within which time it is contained.")]


class Evidence(Section):
    """What is kept before anything is changed."""

    what: Text
    how: Annotated[Text, Field(description="How it is read, without changing anything.")]
    kept: Annotated[Text, Field(description="Where it is kept.")]


class Triage(Section):
    """Whether it is what it looks like."""

    questions: Texts
    evidence: Annotated[tuple[Evidence, ...], Field(strict=False)] = ()
    false_positive: Annotated[Text | None, Field(description="What shows that nothing is to be done.")] = None


class Document(Section):
    """An SSM Automation document, pinned: its default version moves."""

    name: Text
    version: Annotated[
        Annotated[str, Field(pattern=r"^[1-9][0-9]{0,5}$"), Says('Not a version that stays: a number in quotes, for example "5".')],
        Field(description="A number in quotes. $DEFAULT and $LATEST are other documents tomorrow."),
    ]
    sha256: Annotated[Sha256 | None, Field(description="Digest of its content as it was first read; absent: not read yet.")] = None
    parameters: Annotated[
        dict[Text, Text | Texts],
        Field(
            default_factory=dict,
            description="What it is given besides the resource and its role; {account} and {region} stand for where it acts.",
        ),
    ]


class Step(Section):
    """One thing that is done."""

    action: Annotated[Text, Field(description="What is done, as an order.")]
    where: Annotated[Text, Field(description="In which account and Region.")] = "where the finding's resource is"
    role: Annotated[Text, Field(description="Who does it, or by which role a machine does.")]
    document: Annotated[Document | None, Field(description="What does it, where a machine does; absent: a person.")] = None
    back_out: Annotated[Text | None, Field(description="How it is taken back; absent: it cannot be.")] = None
    approval: Annotated[Literal["none", "one", "two"], Field(description="How many people have to say yes before.")] = "one"
    breaks: Annotated[Text | None, Field(description="What may stop working by it.")] = None
    holds_for: Annotated[
        Days | None, Field(description="Days until a containment is taken back or decided again; absent: until somebody does.")
    ] = None


Steps = Annotated[tuple[Step, ...], Field(strict=False)]


class Proof(Section):
    """How one knows that it is over."""

    read: Annotated[Text, Field(description="What is looked at: the resource, not the finding.")]
    expected: Text
    status: Annotated[
        Literal["RESOLVED", "SUPPRESSED", "NOTIFIED"], Field(description="The workflow status that the finding gets then.")
    ] = "RESOLVED"


class Exempt(Section):
    """Accounts for which it is not done."""

    accounts: Annotated[tuple[AccountId, ...], Field(strict=False, min_length=1)]
    reason: Text
    owner: Text
    expires: Annotated[dt.date, Field(strict=False)]


class Notify(Section):
    """Who has to be told outside, by law or contract."""

    whom: Text
    within: Text


class Exercise(Section):
    """When it was last tried."""

    last: Annotated[dt.date | None, Field(strict=False, description="The day; absent: never.")] = None
    every: Annotated[Days, Field(description="Days until the next.")] = 365
    run: Annotated[Text | None, Field(description="The sealed run that shows it.")] = None


class Workflow(Section):
    """One workflow; the file is called by its id."""

    id: RouteId
    title: Text
    version: Text
    status: Annotated[Literal["draft", "active", "retired"], Field(description="Only an active one answers for anything.")]
    owner: Annotated[Text, Field(description="A team or role, never a name.")]
    deputy: Text
    reviewed_on: Annotated[dt.date, Field(strict=False)]
    review_every: Annotated[Days, Field(description="Days until the next review.")] = 365
    review_emergencies_within: Annotated[
        Days, Field(description="Days until another person has reviewed what one person decided in an emergency.")
    ] = 3
    answers: Annotated[tuple[Answers, ...], Field(strict=False)] = ()
    out_of_scope: Text | None = None
    entry: Entry
    urgency: Urgency
    notify: Annotated[Annotated[tuple[RouteId, ...], Field(strict=False)], Field(description="Channels of settings, by id.")] = ()
    triage: Triage
    contain: Steps = ()
    eradicate: Steps = ()
    recover: Steps = ()
    verify: Annotated[tuple[Proof, ...], Field(strict=False, min_length=1)]
    exceptions: Annotated[tuple[Exempt, ...], Field(strict=False)] = ()
    regulation: Annotated[tuple[Notify, ...], Field(strict=False)] = ()
    exercise: Exercise = Exercise()

    @property
    def steps(self) -> tuple[Step, ...]:
        """Everything that is done, in order."""
        return (*self.contain, *self.eradicate, *self.recover)
