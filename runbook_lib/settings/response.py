"""The settings' section on what happens with findings: channels, custom actions, and the routes between findings and channels.

Names follow Security Hub and EventBridge. Limits: [docs] EventBridge quotas, [model] botocore, [docs] the console page on custom
actions, which wants names of fewer than 20 characters.
"""

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field

from runbook_lib.base.documents.models import Says
from runbook_lib.settings.section import AccountId, Region, Section, Text, Unit

UNDELIVERED = "runbook-response-undelivered"
RULE_PREFIX = "runbook-"
LONGEST_WITH_CEILING = 40
"""Characters of a channel's id where it has a ceiling: a second role has `.ceiling` behind that name."""
LONGEST_WITH_ROLE = 48
"""Characters of a channel's id where it gets a role of its own, `runbook-channel-ID`: names of roles have at most 64 [model]."""
RouteId = Annotated[
    str,
    Field(pattern=r"^[a-z0-9][a-z0-9-]{0,55}$"),
    Says("Not an id: small letters, digits and hyphens, at most 56, for example high-findings."),
]
"""Of a channel or route; the EventBridge rule of a route has it in its name, which is at most 64 characters."""
ActionId = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9]{1,20}$"),
    Says("Not the id of a custom action: 1 to 20 letters and digits. It never changes afterwards."),
]
ResourceName = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9_-]{1,80}$"),
    Says("Not a name: 1 to 80 letters, digits, hyphens and underscores. What ends in .fifo cannot be made here."),
]
ChannelArn = Annotated[
    str,
    Field(pattern=r"^arn:aws[a-z-]*:(sqs|sns):[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}$"),
    Says("Not the ARN of an SQS queue or SNS topic: arn:PARTITION:sqs:REGION:ACCOUNT:NAME, or sns in place of sqs."),
]
StateMachineArn = Annotated[
    str,
    Field(pattern=r"^arn:aws[a-z-]*:states:[a-z0-9-]+:[0-9]{12}:stateMachine:[A-Za-z0-9_-]{1,80}$"),
    Says("Not the ARN of a state machine: arn:PARTITION:states:REGION:ACCOUNT:stateMachine:NAME."),
]
FunctionArn = Annotated[
    str,
    Field(pattern=r"^arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:[A-Za-z0-9_-]{1,64}$"),
    Says("Not the ARN of a function: arn:PARTITION:lambda:REGION:ACCOUNT:function:NAME, without version or alias."),
]
ApiDestinationArn = Annotated[
    str,
    Field(pattern=r"^arn:aws[a-z-]*:events:[a-z0-9-]+:[0-9]{12}:api-destination/[A-Za-z0-9_.-]{1,64}/[0-9a-f-]{36}$"),
    Says("Not the ARN of an API destination: arn:PARTITION:events:REGION:ACCOUNT:api-destination/NAME/ID."),
]
EventBusArn = Annotated[
    str,
    Field(pattern=r"^arn:aws[a-z-]*:events:[a-z0-9-]+:[0-9]{12}:event-bus/[A-Za-z0-9_./-]{1,256}$"),
    Says("Not the ARN of an event bus: arn:PARTITION:events:REGION:ACCOUNT:event-bus/NAME."),
]
RoleArn = Annotated[
    str,
    Field(pattern=r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,512}$"),
    Says("Not the ARN of a role: arn:PARTITION:iam::ACCOUNT:role/NAME."),
]
DocumentName = Annotated[
    str,
    Field(pattern=r"^[A-Za-z0-9_.-]{3,128}$"),
    Says("Not the name of a document of Systems Manager: 3 to 128 letters, digits, dots, hyphens and underscores."),
]
DocumentVersion = Annotated[
    str,
    Field(pattern=r"^[1-9][0-9]{0,8}$"),
    Says('Not the number of a version, in quotes: "7". $DEFAULT and $LATEST are moved by whoever owns the document.'),
]
Product = Annotated[
    str,
    Field(pattern=r"^[a-z0-9-]+(/[a-z0-9-]+)?$"),
    Says("Not a product as the end of its ARN spells it: guardduty, inspector, securityhub, macie, or COMPANY/PRODUCT."),
]
Control = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9]+\.[0-9]+$"), Says("Not the id of a control as Security Hub spells it, for example S3.8.")
]
SEVERITIES = ("INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL")
"""From the lowest."""
Severity = Literal["INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL"]
WorkflowStatus = Literal["NEW", "NOTIFIED", "RESOLVED", "SUPPRESSED"]


class Destination(Section):
    """A queue or topic: one that is to be made, or one that is there. Exactly one of the two."""

    make: Annotated[ResourceName | None, Field(description="Name of one to be made in the home Region.")] = None
    arn: Annotated[ChannelArn | None, Field(description="ARN of one that is there. Its policy is read, and never changed.")] = None


class StateMachine(Section):
    """A state machine of Step Functions that is there; settings never make one."""

    arn: Annotated[StateMachineArn, Field(description="Its ARN. A rule starts an execution with the message as input.")]


class Function(Section):
    """A function of Lambda that is there."""

    arn: Annotated[FunctionArn, Field(description="Its ARN. Its policy gets a statement for each route that sends to it.")]


class ApiDestination(Section):
    """An API destination of EventBridge that is there, with the connection that holds its credentials."""

    arn: Annotated[ApiDestinationArn, Field(description="Its ARN. Credentials stay in its connection; settings never have any.")]


class EventBus(Section):
    """An event bus that is there: of this account or another one, in this Region or another one."""

    arn: Annotated[EventBusArn, Field(description="Its ARN. It gets the whole event, as Security Hub sends it.")]


class Automation(Section):
    """An Automation document of Systems Manager, which is started in the delegated account, where rules are."""

    document: Annotated[DocumentName, Field(description="Its name: one of AWS's, or one of the delegated account's.")]
    version: Annotated[DocumentVersion, Field(description="The one version that is started, in quotes.")]
    role: Annotated[RoleArn, Field(description="The role that the document acts by: its parameter AutomationAssumeRole.")]
    parameters: Annotated[
        dict[Text, Text],
        Field(
            default_factory=dict,
            description="Its other parameters: texts, or {finding}, {product}, {severity}, {account}, {region}, {resource}.",
        ),
    ]


class Channel(Section):
    """One way to people or to another system: exactly one of `CHANNEL_KINDS`."""

    queue: Annotated[
        Destination | None, Field(description="An SQS queue: a ticketing system or a SIEM takes messages from it.")
    ] = None
    topic: Annotated[
        Destination | None, Field(description="An SNS topic: people and chats subscribe to it, and confirm it themselves.")
    ] = None
    function: Annotated[Function | None, Field(description="A function of Lambda, which gets the message.")] = None
    state_machine: Annotated[
        StateMachine | None,
        Field(description="A state machine that messages start; a role of EventBridge's own, for it alone, is made."),
    ] = None
    automation: Annotated[
        Automation | None, Field(description="A document of Systems Manager that is started; EventBridge's role for it is made.")
    ] = None
    api_destination: Annotated[
        ApiDestination | None,
        Field(description="An HTTP endpoint, for example a pager's. EventBridge's role for it is made."),
    ] = None
    event_bus: Annotated[
        EventBus | None, Field(description="Another event bus, for example of a SIEM's account. EventBridge's role for it is made.")
    ] = None

    role: Annotated[
        RoleArn | None,
        Field(
            description="A role of yours by which EventBridge uses it, in place of the one that is made; of a queue, topic or "
            "function none. It is read and judged, and never changed."
        ),
    ] = None
    shadow_until: Annotated[
        dt.date | None,
        Field(
            strict=False,
            description="Its last day in shadow (UTC), YYYY-MM-DD: messages are kept in a queue of the runbook's own, and nobody "
            "is told. The plan of a later day sends them here.",
        ),
    ] = None
    daily_ceiling: Annotated[
        Annotated[int, Field(ge=1, le=10_000)] | None,
        Field(
            description="Of a queue or topic: messages of a day (UTC). What is beyond it is kept in a queue of the runbook's own, "
            "and one digest at the end of the day names it, by class with counts."
        ),
    ] = None


CHANNEL_KINDS = tuple(name for name in Channel.model_fields if name not in ("role", "shadow_until", "daily_ceiling"))
"""What a channel can be."""


class CustomAction(Section):
    """A button in Security Hub's console. Its id never changes; analysts see its name alone."""

    name: Annotated[
        Annotated[
            str,
            Field(pattern=r"^\S(.{0,17}\S)?$"),
            Says("Not the name of a custom action: 1 to 19 characters, no space at its ends."),
        ],
        Field(description="What the button says, at most 19 characters."),
    ]
    description: Annotated[Text, Field(description="What happens when it is pressed.")]


class Selection(Section):
    """Which findings. Every key that is there has to fit; within a key one value is enough."""

    products: Annotated[
        Annotated[tuple[Product, ...], Field(strict=False, min_length=1)] | None,
        Field(
            description="Where findings come from: guardduty, inspector, securityhub (control findings), macie, COMPANY/PRODUCT."
        ),
    ] = None
    severities: Annotated[
        Annotated[tuple[Severity, ...], Field(strict=False, min_length=1)] | None, Field(description="Labels of severity.")
    ] = None
    controls: Annotated[
        Annotated[tuple[Control, ...], Field(strict=False, min_length=1)] | None,
        Field(description="Ids of controls, for example S3.8. Findings of other products have none."),
    ] = None
    types: Annotated[
        Annotated[tuple[Text, ...], Field(strict=False, min_length=1)] | None,
        Field(description="Beginnings of finding types as Security Hub spells them, for example TTPs/."),
    ] = None
    accounts: Annotated[
        Annotated[tuple[AccountId, ...], Field(strict=False, min_length=1)] | None,
        Field(description="Accounts that findings are about, 12 digits in quotes."),
    ] = None
    organizational_units: Annotated[
        Annotated[tuple[Unit, ...], Field(strict=False, min_length=1)] | None,
        Field(description="Accounts below these units, as they are when it is planned; who joins later shows as a gap."),
    ] = None
    regions: Annotated[
        Annotated[tuple[Region, ...], Field(strict=False, min_length=1)] | None,
        Field(description="Regions in which what was found is, not where its event is."),
    ] = None


class FindingFilter(Selection):
    """Which findings a route takes. Every key that is there has to fit; within a key one value is enough."""

    workflow_statuses: Annotated[
        Annotated[tuple[WorkflowStatus, ...], Field(strict=False, min_length=1)],
        Field(description="NEW alone, unless said otherwise: every update of a finding is an event again."),
    ] = ("NEW",)
    created_after: Annotated[
        dt.date | None,
        Field(
            strict=False,
            description="Findings that were made on this day (UTC) or later, YYYY-MM-DD: what is there already sends nothing.",
        ),
    ] = None


class RuleFilter(Selection):
    """Which findings an automation rule takes. Every key that is there has to fit; within a key one value is enough."""

    resources: Annotated[
        Annotated[tuple[Text, ...], Field(strict=False, min_length=1)] | None,
        Field(description="Beginnings of the ids of resources, mostly ARNs."),
    ] = None


Order = Annotated[int, Field(ge=1, le=1_000)]


class Changes(Section):
    """What an automation rule writes. At least one."""

    severity: Annotated[Severity | None, Field(description="A lower one than findings have needs allow_lowering.")] = None
    criticality: Annotated[
        Annotated[int, Field(ge=0, le=100)] | None, Field(description="How important the resource is, 0 to 100.")
    ] = None
    note: Annotated[
        Annotated[str, Field(min_length=1, max_length=512)] | None, Field(description="A note, at most 512 characters.")
    ] = None


class AutomationRule(Section):
    """What Security Hub changes of findings as they come in, before any route sees them; in each of its Regions."""

    order: Annotated[Order, Field(description="1 to 1000; the lower number first.")]
    findings: Annotated[RuleFilter, Field(description="Which findings; at least one key.")]
    changes: Annotated[Changes, Field(description="What is written; at least one key.")]
    terminal: Annotated[bool, Field(description="Whether no later rule looks at a finding that it fits.")] = False


class Suppression(Section):
    """Findings that nobody is to be told of, for a time: an automation rule that sets their workflow status to SUPPRESSED."""

    findings: Annotated[RuleFilter, Field(description="Which findings; at least one key.")]
    reason: Annotated[Text, Field(description="Why nobody need be told. Each finding gets it as a note.")]
    owner: Annotated[Text, Field(description="A team or role, never a name.")]
    expires: Annotated[dt.date, Field(strict=False, description="Afterwards the file is refused until somebody has decided again.")]
    order: Annotated[Order, Field(description="1 to 1000; the lower number first.")] = 1_000


class Route(Section):
    """What goes where: an EventBridge rule in the home Region. Exactly one of findings and custom_action."""

    findings: Annotated[FindingFilter | None, Field(description="Findings as they come in.")] = None
    custom_action: Annotated[
        ActionId | None, Field(description="The custom action that somebody pressed, by its id under custom_actions.")
    ] = None
    to: Annotated[
        Annotated[tuple[RouteId, ...], Field(strict=False, min_length=1, max_length=5)],
        Field(description="Channels by id; at most 5, which is what a rule of EventBridge takes."),
    ]


class Remediation(Section):
    """Where remediations may act: nowhere but in what is named here."""

    organizational_units: Annotated[
        Annotated[tuple[Unit, ...], Field(strict=False)],
        Field(description="Accounts below these units, at any depth. Name a production unit last, and deliberately."),
    ] = ()
    accounts: Annotated[
        Annotated[tuple[AccountId, ...], Field(strict=False)], Field(description="Single accounts, 12 digits in quotes.")
    ] = ()


class ResponseSection(Section):
    """From finding to response, in Security Hub's home Region of the delegated account. Absent: not managed here."""

    channels: Annotated[
        Annotated[dict[RouteId, Channel], Field(min_length=1)], Field(description="Where messages go, each with an id of its own.")
    ]
    custom_actions: Annotated[
        dict[ActionId, CustomAction],
        Field(default_factory=dict, description="Buttons in Security Hub's console, by id."),
    ]
    routes: Annotated[
        dict[RouteId, Route], Field(min_length=1, description="Which findings and custom actions go to which channels.")
    ]
    feeds: Annotated[
        Literal["CSPM", "V2"] | None,
        Field(
            description="Which Security Hub feeds people: CSPM, by the routes here, as where this is absent; or V2, the newer, by "
            "rules of its own that are made elsewhere: then routes here are for custom actions alone."
        ),
    ] = None
    incident_response_region: Annotated[
        Region | None,
        Field(description="Where AWS Security Incident Response has its membership, which is read and shown; absent: not asked."),
    ] = None
    automation_rules: Annotated[
        dict[RouteId, AutomationRule] | None,
        Field(description="Automation rules of Security Hub, by id; absent: those that are there are read, shown and left alone."),
    ] = None
    suppression: Annotated[
        dict[RouteId, Suppression] | None, Field(description="What nobody is to be told of, by id, with owner and last day.")
    ] = None
    undelivered: Annotated[
        Destination, Field(description="The queue that keeps what could not be delivered, with the reason; default: one is made.")
    ] = Destination(make=UNDELIVERED)
    remediation: Annotated[
        Remediation | None,
        Field(description="Where `runbook remediate` may act, each time by an approval; absent: nowhere, it only reads and plans."),
    ] = None
