"""What EventBridge asks before it delivers: the policies of topics, queues, functions, keys and buses, and the roles of targets.

AWS's pages disagree on conditions in topic policies: variant "events conditions in topic policies", "never met" (one page says that
they cannot be used) or "met". Of key policies they show none: variant "events conditions in key policies", the same choices.
Whether a role reaches what a customer's key encrypts: variant "events role with a key", "fails" or "works".
"""

from runbook_lib.rehearsal.acting import Refused, assumed, refused
from runbook_lib.rehearsal.asked import Asked
from runbook_lib.rehearsal.identity import Credential
from runbook_lib.rehearsal.neighbours import Key, neighbours_of
from runbook_lib.rehearsal.operations.events.buses import document
from runbook_lib.rehearsal.operations.events.state import Bus
from runbook_lib.rehearsal.permissions import service_may
from runbook_lib.rehearsal.policies.document import Kind, read
from runbook_lib.rehearsal.policies.evaluation import Attached, Principal, Request, Who, decide
from runbook_lib.rehearsal.policies.wildcards import PolicyError, Value
from runbook_lib.rehearsal.world import World

SERVICE = "events.amazonaws.com"
VERBS = {"sns:Publish": "publish", "sqs:SendMessage": "send", "lambda:InvokeFunction": "invoke"}
KINDS = {"sns:Publish": "topic", "sqs:SendMessage": "queue", "lambda:InvokeFunction": "function"}
KEY_ACTIONS = ("kms:Decrypt", "kms:GenerateDataKey")
"""What a service that writes to an encrypted topic or queue asks of the key [docs knowledge centre]."""
WHO = {SERVICE: "EventBridge", "sns.amazonaws.com": "SNS"}


def refusal_of(world: World, policy: str, action: str, resource: str, source: str, service: str = SERVICE) -> str:
    """Why the policy of a topic, queue or function does not let a service in for a rule or topic; "" when it does."""
    named = action != "sns:Publish" or world.variants.get("events conditions in topic policies", "never met") == "met"
    kind = KINDS[action]
    try:
        if policy and service_may(policy, service, action, resource, source, named=named):
            return ""
    except PolicyError as error:
        return f"the {kind}'s policy cannot be judged: {error}"
    return f"the {kind}'s policy does not let {WHO[service]} {VERBS[action]}"


def key_refusal(world: World, key: Key | None, source: str, service: str = SERVICE) -> str:
    """Why a service cannot use the key of a topic or queue; "" when it can."""
    if key is None:
        return "there is no such key"
    if key.state != "Enabled":
        return f"the key is {key.state}"
    named = service != SERVICE or world.variants.get("events conditions in key policies", "never met") == "met"
    try:
        may = [service_may(key.policy, service, each, key.arn, source, kind=Kind.KEY, named=named) for each in KEY_ACTIONS]
    except PolicyError as error:
        return f"the key's policy cannot be judged: {error}"
    return "" if all(may) else f"the key's policy does not let {WHO[service]} use it"


def key_of(world: World, arn: str, named: str) -> Key | None:
    """The key that a topic or queue names."""
    _, _, _, region, account, _ = arn.split(":", 5)
    neighbours = neighbours_of(world)
    return neighbours.key(account, region, named) if neighbours else None


def role_session(world: World, role: str, rule: str) -> Credential | Refused:
    """EventBridge's session of a target's role."""
    return assumed(world, role, SERVICE, rule, f"EventBridge_{rule.rpartition('/')[2]}"[:64])


def role_refusal(world: World, session: Credential, service: str, operation: str, resource: str, policy: str = "") -> str:
    """Why the session may not use a target; "" when it may."""
    _, _, _, region, account, _ = resource.split(":", 5)
    said = refused(world, session, Asked(service, operation, region, resource=resource, owner=account), policy)
    return said.why if said else ""


def may_put(world: World, caller: Credential | None, principal: str, account: str, bus: Bus) -> bool:
    """Whether another account may put events on a bus: its policy has to let it in [docs]."""
    policy = document(bus)
    if not policy:
        return False
    if caller is not None:
        owner, region = bus.arn.split(":")[4], bus.arn.split(":")[3]
        return refused(world, caller, Asked("events", "PutEvents", region, resource=bus.arn, owner=owner), policy) is None
    return account_may_put(world, account, bus, principal)


def account_may_put(world: World, account: str, bus: Bus, principal: str = "") -> bool:
    """The same of an account as a whole, as a rule of it forwards without a role."""
    policy, organization = document(bus), world.organization
    if not policy:
        return False
    facts: dict[str, Value] = {
        "aws:principalorgid": organization.id if account in organization.accounts else None,
        "aws:principalaccount": account,
        "aws:securetransport": "true",
    }

    def context(key: str) -> Value:
        if key.lower() not in facts:
            raise PolicyError(f"the condition key {key} is not simulated for event buses")
        return facts[key.lower()]

    root = Principal(Who.ROOT, principal or f"arn:{world.partition}:iam::{account}:root", account)
    request = Request(root, "events:PutEvents", bus.arn, bus.arn.split(":")[4], context)
    try:
        return decide(request, Attached(resource=read(policy, Kind.RESOURCE))).allowed
    except PolicyError:
        return False
