"""Aspect "channels": queues and topics that messages arrive in, and the policies that let EventBridge deliver to them.

What settings name by its ARN belongs to somebody: it is read, and what its policy lacks is said with the statement that helps.
What settings have made is tagged; its policy holds one statement of ours, and whatever others wrote beside it stays.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, NotYet, Unknown
from runbook_lib.base.text import counted
from runbook_lib.coverage import Cells
from runbook_lib.plan import Action, BackOut, Reference
from runbook_lib.plan.outcome import Progress
from runbook_lib.services.aspect import NONE, WHOLE, Place, Planned
from runbook_lib.services.column import SETTINGS_OWNER, Column, to_do
from runbook_lib.services.response import policies
from runbook_lib.services.response.kinds import QUEUE
from runbook_lib.services.response.names import KEPT, LONGEST_QUEUE_POLICY, NAME, QUEUES, TAG, TAGGED, TOPICS
from runbook_lib.services.response.observe import read_destination
from runbook_lib.services.response.part import Here, Part
from runbook_lib.services.response.state import Destination
from runbook_lib.services.response.wanted import UNDELIVERED, WantedDestination

URL = f"{NAME}:queue-url "
"""Kind of the Reference to a queue's address; its name follows."""


class Destinations(Part):
    name = "channels"
    calls = frozenset(
        {f"{QUEUES}:CreateQueue", f"{QUEUES}:SetQueueAttributes", f"{TOPICS}:CreateTopic", f"{TOPICS}:SetTopicAttributes"}
    )

    def cells(self, place: Here) -> Cells:
        wanted = self.wanted(place)
        return tuple(
            cell
            for each in wanted.destinations
            for cell in (_after_shadow if each.keeps_for and not wanted.keeps(each) else _cells)(place, each)
        )

    def steps(self, place: Here, cells: Cells, stage: str, planned: Planned) -> Sequence[Action]:
        if stage != "delegated":
            return []
        asked = {cell.item for cell in to_do(cells, place.region, self.name)}
        return [_step(place, each) for each in self.wanted(place).destinations if each.item in asked]

    def effect(self, action: Action, reader: Reader) -> Progress:
        arn = _arn(action)
        found = read_destination(arn, action.account, action.region, reader)
        if found is None:
            return Progress(NONE, {}, "not there")
        wanted = policies.read(_policy(action))
        there = all(policies.has(found.policy, each) for each in wanted["Statement"])
        return Progress(WHOLE if there else NONE, {}, "there" if there else "there, with another policy")


def _cells(place: Here, wanted: WantedDestination) -> Cells:
    us, found = {place.delegated}, place.seen.destinations[wanted.arn]
    column = place.column(Destinations.name, wanted.item, wanted.name)
    if isinstance(found, Unknown):
        return column.unknown(us, found.code, found.reason, found.next_step)
    if isinstance(found, NotYet):
        return column.unseen(us, found, found.step)
    if wanted.made and wanted.kind is QUEUE and (size := _policy_size(wanted, found.value)) > LONGEST_QUEUE_POLICY:
        why = f"its policy would have {size:,} characters, for {len(wanted.rules)} routes, and AWS takes {LONGEST_QUEUE_POLICY:,}"
        step = "Let fewer routes send to it, or make fewer routes of them."
        return column.blocked(us, why, step, "none" if found.value is None else wanted.name, SETTINGS_OWNER)
    if found.value is None:
        if wanted.made:
            return column.to_do(us, f"there is no {wanted.what} of this name", "none")
        step = f"Make it, or name another {wanted.what}{'' if wanted.named else '; or write make in the place of arn'}."
        return column.blocked(us, f"there is no {wanted.what} {wanted.arn}", step, "none", SETTINGS_OWNER)
    return _there(column, us, wanted, found.value)


def _after_shadow(place: Here, wanted: WantedDestination) -> Cells:
    """A queue that kept messages back, once the time is over: AWS drops what is in it by itself."""
    found = place.seen.destinations[wanted.arn]
    if not isinstance(found, Known) or found.value is None or not found.value.ours:
        return ()
    left = counted(found.value.messages or 0, "message")
    why = f"the shadow of {wanted.keeps_for} ended on {wanted.shadow_until}; {left} of that time in it; left alone"
    return place.column(Destinations.name, wanted.item, wanted.name).unmanaged({place.delegated}, wanted.name, why)


def _policy_size(wanted: WantedDestination, found: Destination | None) -> int:
    """Characters of a queue's policy with our statement, beside what others wrote."""
    return len(policies.merged(found.policy if found else {}, wanted.statement))


def _there(column: Column, us: set[str], wanted: WantedDestination, found: Destination) -> Cells:
    seen, more = wanted.name, f"; {found.unseen}" if found.unseen else ""
    if found.shut:
        step = found.next_step or f"Have its owner open it, or name another {wanted.what}."
        return column.blocked(us, found.shut, step, seen)
    if wanted.made:
        return _of_ours(column, us, wanted, found)
    if wanted.named:
        how = f"; EventBridge uses it by the role {wanted.role.name}" if wanted.role else ""
        return column.covered(us, f"there{how}{more}", seen)
    if why := policies.refuses(found.policy, wanted.kind.name, wanted.arn, wanted.rules):
        step = f"Have its owner add this statement to its policy: {json.dumps(wanted.statement, sort_keys=True)}"
        return column.blocked(us, why, step, seen, f"the owner of the {wanted.what} {wanted.name}")
    return column.covered(us, f"there, and EventBridge may deliver to it{more}", seen)


def _of_ours(column: Column, us: set[str], wanted: WantedDestination, found: Destination) -> Cells:
    """What settings have made: tagged, and with a statement of ours in its policy."""
    seen = wanted.name
    if not found.ours:
        step = f"Name it by its arn if messages are to go there, or write another name: it has no tag {TAG}={TAGGED}."
        return column.blocked(
            us, f"there is a {wanted.what} of this name that the runbook did not make", step, seen, SETTINGS_OWNER
        )
    if policies.has(found.policy, wanted.statement):
        kept = f"; {_kept_back(wanted, found)}" if wanted.keeps_for else ""
        return column.covered(us, f"there, and EventBridge may deliver to it{kept}", seen)
    return column.to_do(us, "its policy is not the one that the routes of settings need", seen)


def _kept_back(wanted: WantedDestination, found: Destination) -> str:
    """What a channel in shadow would have been sent, in words. A queue keeps messages for 14 days."""
    number = "nobody knows how many messages" if found.messages is None else counted(found.messages, "message")
    if wanted.ceiling is not None:
        shadow = f", and is in shadow until {wanted.shadow_until}" if wanted.shadow_until else ""
        return f"{wanted.keeps_for} has a ceiling of {wanted.ceiling} a day{shadow}; {number} of the last 14 days kept"
    return f"{wanted.keeps_for} is in shadow until {wanted.shadow_until}, and would have been sent {number} so far"


def _step(place: Here, wanted: WantedDestination) -> Action:
    found = place.seen.destinations[wanted.arn]
    there = found.value if isinstance(found, Known) else None
    return _change(place, wanted, there) if there else _make(place, wanted)


def _make(place: Here, wanted: WantedDestination) -> Action:
    kept = " It keeps events that could not be delivered, with the reason, for 14 days." if wanted.item == UNDELIVERED else ""
    said: dict[str, Any] = {
        "reason": f"{wanted.item}: there is no {wanted.what} {wanted.name}.{kept}", "affects": frozenset({place.delegated}),
        "before": f"no {wanted.what}", "becomes": f"{wanted.what} {wanted.name}, to which EventBridge may deliver",
    }  # fmt: skip
    lost = f"Deletes the {wanted.what}"
    if wanted.kind is QUEUE:
        attributes = {
            "Policy": policies.written([wanted.statement]),
            "MessageRetentionPeriod": str(KEPT),
            "SqsManagedSseEnabled": "true",
        }
        parameters: dict[str, Any] = {"QueueName": wanted.name, "Attributes": attributes, "tags": {TAG: TAGGED}}
        back = BackOut(f"{lost} and the messages in it.", "DeleteQueue", {"QueueUrl": _url(place, wanted)})
        return place.action("CreateQueue", parameters, service=QUEUES, back_out=back, **said)
    owner = policies.owner_statement(place.view.organization.partition, place.delegated, wanted.arn)
    policy = policies.written([owner, wanted.statement])
    parameters = {"Name": wanted.name, "Attributes": {"Policy": policy}, "Tags": [{"Key": TAG, "Value": TAGGED}]}
    back = BackOut(f"{lost} and its subscriptions.", "DeleteTopic", {"TopicArn": wanted.arn})
    return place.action("CreateTopic", parameters, service=TOPICS, back_out=back, **said)


def _change(place: Here, wanted: WantedDestination, found: Destination) -> Action:
    """One statement of ours in the policy; what others wrote stays, and goes back as it was."""
    said: dict[str, Any] = {
        "reason": f"{wanted.item}: the policy of the {wanted.what} does not let these routes deliver",
        "affects": frozenset({place.delegated}), "before": "EventBridge may deliver for other rules",
        "becomes": "EventBridge may deliver for the rules of settings",
    }  # fmt: skip
    new, old = policies.merged(found.policy, wanted.statement), policies.written(found.policy.get("Statement", ()))
    why = "Writes the policy as it was."
    if wanted.kind is QUEUE:
        queue = {"QueueUrl": _url(place, wanted)}
        back = BackOut(why, "SetQueueAttributes", {**queue, "Attributes": {"Policy": old}})
        return place.action("SetQueueAttributes", {**queue, "Attributes": {"Policy": new}}, service=QUEUES, back_out=back, **said)
    topic = {"TopicArn": wanted.arn, "AttributeName": "Policy"}
    back = BackOut(why, "SetTopicAttributes", {**topic, "AttributeValue": old})
    return place.action("SetTopicAttributes", {**topic, "AttributeValue": new}, service=TOPICS, back_out=back, **said)


def _url(place: Place[Any, Any], wanted: WantedDestination) -> Reference:
    return Reference(f"{URL}{wanted.name}", place.delegated, place.region)


def _policy(action: Action) -> str:
    asked: Mapping[str, Any] = action.parameters
    found: str = asked["AttributeValue"] if "AttributeValue" in asked else asked["Attributes"]["Policy"]
    return found


def _arn(action: Action) -> str:
    """The ARN that the action's own policy is about."""
    arn: str = policies.read(_policy(action))["Statement"][-1]["Resource"]
    return arn
