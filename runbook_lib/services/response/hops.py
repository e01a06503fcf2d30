"""How far one route's finding of a drill has come, hop by hop, and the first hop at which it was lost, with the reason. Pure.

The hops are: it arises and is gathered in the home Region; its rule is there, enabled, and fits it; each channel has the message.
What comes after the hop at which it was lost was not reached, which is *unknown*.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from runbook_lib.base.observation import Known, NotYet, Unknown
from runbook_lib.coverage import Cells
from runbook_lib.services.column import OPERATOR, SETTINGS_OWNER, Column
from runbook_lib.services.response import own_roles, patterns, policies
from runbook_lib.services.response.kinds import QUEUE, TOPIC
from runbook_lib.services.response.names import NAME
from runbook_lib.services.response.trial import ACTIVE, Trial
from runbook_lib.services.response.underway import Letter, Underway
from runbook_lib.services.response.wanted import UNDELIVERED, Wanted, WantedDestination, WantedRule

FINDING, ROUTE, DELIVERY = "finding", "route", "delivery"
NOT_TRIED, NOT_REACHED, NOT_SEEN = "NotTried", "NotReached", "NotSeen"
"""Codes of what a drill leaves unknown."""
NOTIFIED = "NOTIFIED"
"""The workflow status of a finding about which its owner was told [model]: what people set who got a drill's message."""
LABELS = {"Severity": "Label", "Workflow": "Status"}
"""What automation rules change so that a route fits no longer."""


def cells(trial: Trial, wanted: Wanted, seen: Underway) -> Cells:
    """The cells of one route, in the order of its hops."""
    us, first = {wanted.view.delegated}, Column(NAME, trial.home, FINDING, trial.route, "in the home Region")
    if trial.untried:
        return first.unknown(
            us, NOT_TRIED, trial.untried, "Try this route by hand, and write the day into its workflow's exercise."
        )
    origin, home = (seen.arisen[each, trial.home] for each in (trial.origin, trial.home))
    for found in (origin, home):
        if isinstance(found, Unknown):
            return first.unknown(us, found.code, found.reason, found.next_step)
    assert isinstance(origin, Known)
    assert isinstance(home, Known)
    route = Column(NAME, trial.home, ROUTE, trial.route, "fits the finding")
    channels = [(each, Column(NAME, trial.home, DELIVERY, f"{trial.route} to {each}", "arrived")) for each in trial.channels]
    if trial.id not in origin.value:
        return tuple(
            cell for each in (first, route, *(column for _, column in channels)) for cell in each.to_do(us, "not sent yet")
        )
    if trial.id not in home.value:
        step = f"See whether findings of {trial.origin} are gathered in {trial.home}: runbook coverage, Security Hub."
        lost = first.blocked(us, f"it arose in {trial.origin}, and Security Hub in {trial.home} has not got it", step, "lost here")
        return (*lost, *_after(us, [route, *(column for _, column in channels)], "the finding was not gathered in the home Region"))
    made = list(first.covered(us, f"arose in {trial.origin}, and is in {trial.home}", "there"))
    arrived = {each for each, _ in channels if _letters(trial, wanted, seen, each)}
    why = "" if arrived else _stopped(trial, wanted, seen, home.value[trial.id])
    if why:
        step = f"Plan and apply {NAME} again, or see what changed the finding; then drill again."
        made += route.blocked(us, why, step, "lost here")
        return (*made, *_after(us, [column for _, column in channels], "its rule did not send it"))
    made += route.covered(us, "enabled, and fits it" if not trial.pressed else "enabled", "there")
    deliveries = [(column, _delivery(trial, wanted, seen, channel, column, arrived)) for channel, column in channels]
    unseen = [column for column, found in deliveries if any(each.code in (NOT_SEEN, NOT_TRIED) for each in found)]
    if len(unseen) == 1 and _acknowledged(trial, seen):
        said = "its finding is NOTIFIED: whoever got the message has said so"
        deliveries = [(column, column.covered(us, said, "NOTIFIED") if column in unseen else found) for column, found in deliveries]
    return (*made, *(cell for _, found in deliveries for cell in found))


def answered(trial: Trial, wanted: Wanted, seen: Underway) -> bool:
    """Whether people have nothing more to say: each message was seen, or said to have come, or is known to be lost."""
    return not any(each.code in (NOT_SEEN, NOT_TRIED) for each in cells(trial, wanted, seen))


def asks_people(trial: Trial, wanted: Wanted) -> bool:
    """Whether a channel is none that can be looked into, so that people have to say what came."""
    return any(wanted.arrival(each).kind is not QUEUE for each in trial.channels)


def _acknowledged(trial: Trial, seen: Underway) -> bool:
    """Whether somebody has set the finding to NOTIFIED, as one does who was told of it.

    Where an automation rule may have done it, or rules could not be read, that proves nothing.
    """
    home, automation = seen.arisen[trial.home, trial.home], seen.there.automation.values()
    if not isinstance(home, Known) or (home.value.get(trial.id, {}).get("Workflow") or {}).get("Status") != NOTIFIED:
        return False
    rules = [each for found in automation if isinstance(found, Known) for each in found.value.values()]
    read = all(isinstance(found, Known) for found in automation)
    return read and not any(each.enabled and (each.changes.get("Workflow") or {}).get("Status") == NOTIFIED for each in rules)


def _after(us: set[str], columns: Sequence[Column], why: str) -> Cells:
    return tuple(
        cell for each in columns for cell in each.unknown(us, NOT_REACHED, why, "Mend the hop before it, and drill again.")
    )


def _in(seen: Underway, arn: str, trial: Trial) -> list[Letter]:
    box = seen.boxes.get(arn)
    return [each for each in box.value.letters if each.finding == trial.id] if isinstance(box, Known) else []


def _letters(trial: Trial, wanted: Wanted, seen: Underway, channel: str) -> list[Letter]:
    """The messages for a channel: in it, or kept for it."""
    kept = [letter for each in wanted.destinations if each.keeps_for == channel for letter in _in(seen, each.arn, trial)]
    return _in(seen, wanted.arrival(channel).arn, trial) or kept


def _undelivered(trial: Trial, wanted: Wanted, seen: Underway, channel: str) -> Letter | None:
    there = wanted.arrival(channel)
    target = there.through or there.arn
    found = _in(seen, wanted.arrival(UNDELIVERED).arn, trial)
    return next((each for each in found if each.target == target), None)


def told(trial: Trial, wanted: Wanted, seen: Underway) -> bool:
    """Whether nothing more is to be waited for: each channel has the message, or keeps it as undelivered."""
    for channel in trial.channels:
        box = seen.boxes.get(wanted.arrival(channel).arn)
        looked = isinstance(box, Known) and not box.value.moves
        if _undelivered(trial, wanted, seen, channel):
            continue
        if looked and not _letters(trial, wanted, seen, channel):
            return False
    return True


def _stopped(trial: Trial, wanted: Wanted, seen: Underway, finding: Mapping[str, Any]) -> str:
    """Why its rule sends it nowhere; "" where nothing says so."""
    rules, asked = seen.there.regions[trial.home].rules, _rule(trial, wanted)
    if not isinstance(rules, Known):
        return ""
    rule = rules.value.get(asked.name)
    lacking = sorted(asked.destinations - {each.get("Arn") for each in rule.targets.values()}) if rule else []
    then = {**finding, "RecordState": ACTIVE, **({"Workflow": {"Status": "NEW"}} if _acknowledged(trial, seen) else {})}
    changed = not trial.pressed and not patterns.fits(asked.pattern, then)
    reasons = (
        (rule is None, f"there is no rule {asked.name}"),
        (rule is not None and not rule.enabled, f"the rule {asked.name} is disabled"),
        (rule is not None and rule.pattern != asked.pattern, f"the rule {asked.name} has another pattern than settings ask for"),
        (bool(lacking), f"the rule {asked.name} does not send to {', '.join(lacking)}"),
        (changed, f"it was changed before the rule saw it, as automation rules do: {_changed(trial, finding)}"),
    )
    return next((why for so, why in reasons if so), "")


def _rule(trial: Trial, wanted: Wanted) -> WantedRule:
    return next(each for each in wanted.rules if each.route == trial.route)


def _changed(trial: Trial, finding: Mapping[str, Any]) -> str:
    sent = {**(trial.finding or {}), "Workflow": {"Status": "NEW"}}
    both = {key: ((sent.get(key) or {}).get(part), (finding.get(key) or {}).get(part)) for key, part in LABELS.items()}
    said = [f"{key}.{LABELS[key]} is {now} and was {was}" for key, (was, now) in both.items() if was != now]
    return ", ".join(said) or "what it was changed in is not among severity and workflow status"


def _delivery(trial: Trial, wanted: Wanted, seen: Underway, channel: str, column: Column, arrived: set[str]) -> Cells:
    us, there = {wanted.view.delegated}, wanted.arrival(channel)
    if channel in arrived:
        return column.covered(us, _where(trial, seen, channel, there), "arrived")
    if letter := _undelivered(trial, wanted, seen, channel):
        step = f"Mend what it says, apply {NAME} again, and drill again."
        return column.blocked(us, f"EventBridge could not deliver it: {letter.why or 'no reason is given'}", step, "lost here")
    if why := _refused(trial, wanted, seen, there):
        return column.blocked(
            us, why, f"Apply {NAME} again, or have the owner of {there.name} let it in; drill again.", "lost here"
        )
    if trial.pressed:
        step = f"Choose the finding {trial.id} in Security Hub's console and press {button(trial, wanted)}; then drill again."
        return column.unknown(us, NOT_TRIED, "nobody has pressed the custom action, and no call presses one", step)
    if there.kind is QUEUE:
        return _of_queue(trial, seen, there, column, us)
    return _of_topic(trial, seen, there, column, us) if there.kind is TOPIC else _of_named(trial, there, column, us)


def _said(trial: Trial) -> str:
    """How those who got a message say so, where nobody can look."""
    return f"who has it sets the finding to {NOTIFIED} in Security Hub, and the same drill again shows that."


def _where(trial: Trial, seen: Underway, channel: str, there: WantedDestination) -> str:
    """Where a message is that has arrived."""
    if not _in(seen, there.arn, trial):
        return f"the message is kept: {channel} has had its {there.ceiling} of today"
    held = f", which keeps it: {channel} is in shadow until {there.shadow_until}" if there.keeps_for else ""
    return f"the message is in the {there.what} {there.name}{held}"


def _of_named(trial: Trial, there: WantedDestination, column: Column, us: set[str]) -> Cells:
    reason = f"EventBridge kept nothing back; whether the {there.what} {there.name} did its work, its owner alone can say"
    return column.unknown(us, NOT_SEEN, reason, f"Ask its owner for what came of {trial.id}; {_said(trial)}")


def button(trial: Trial, wanted: Wanted) -> str:
    """What the console calls a route's custom action."""
    return wanted.actions[trial.pressed].name if trial.pressed in wanted.actions else trial.pressed


def _refused(trial: Trial, wanted: Wanted, seen: Underway, there: WantedDestination) -> str:
    """Why a channel cannot take it; "" where nothing says so."""
    found = seen.there.regions[trial.home].destinations[there.arn]
    if not isinstance(found, Known):
        return ""
    if found.value is None:
        return f"there is no {there.what} {there.name}"
    if found.value.shut or there.role:
        return found.value.shut or _role_refused(trial, seen, there)
    return policies.refuses(found.value.policy, there.kind.name, there.arn, [_rule(trial, wanted).arn])


def _role_refused(trial: Trial, seen: Underway, there: WantedDestination) -> str:
    """Why EventBridge cannot use a channel by its role; "" where nothing says so."""
    role, asked = seen.there.regions[trial.home].roles[there.item], there.role
    if not isinstance(role, Known) or asked is None:
        return ""
    if role.value is None:
        return f"there is no role {asked.name}, by which EventBridge uses the {there.what}"
    if asked.own:
        return own_roles.lacks(asked, role.value)
    as_made = policies.same(role.value.trust, asked.trust) and policies.same(role.value.policy, asked.policy)
    return "" if as_made else f"the role {asked.name}, by which EventBridge uses the {there.what}, is not as it was made"


def _of_topic(trial: Trial, seen: Underway, there: WantedDestination, column: Column, us: set[str]) -> Cells:
    heard = seen.heard.get(there.arn)
    if not isinstance(heard, Known):
        code, reason = (heard.code, heard.reason) if isinstance(heard, Unknown) else (NOT_SEEN, "its subscriptions were not read")
        return column.unknown(us, code, reason, f"Ask those who subscribe to {there.name}.")
    confirmed, waiting = heard.value
    if not confirmed:
        more = f"; {waiting} have not confirmed yet" if waiting else ""
        step = "Have people or systems subscribe, and confirm it."
        return column.blocked(us, f"nobody subscribes to the topic {there.name}{more}", step, "lost here", SETTINGS_OWNER)
    reason = f"the topic {there.name} has it as far as can be seen; whether its {confirmed} subscribers do, they alone can say"
    return column.unknown(us, NOT_SEEN, reason, f"Ask them for the message about {trial.id}; {_said(trial)}")


def _of_queue(trial: Trial, seen: Underway, there: WantedDestination, column: Column, us: set[str]) -> Cells:
    box = seen.boxes.get(there.arn)
    ask = f"Ask whoever takes messages from {there.name} for the one about {trial.id}; {_said(trial)}"
    if isinstance(box, Unknown):
        return column.unknown(us, box.code, box.reason, box.next_step)
    unseen = (
        "is somebody else's, and is not looked into" if box is None or isinstance(box, NotYet)
        else "moves messages that were looked at, so it is not looked into" if box.value.moves
        else "has more messages than one look shows" if box.value.full else ""
    )  # fmt: skip
    if unseen:
        return column.unknown(us, NOT_SEEN, f"the queue {there.name} {unseen}", ask)
    reason = f"it is neither in the queue {there.name} nor among what could not be delivered"
    return column.blocked(us, reason, f"{ask} Else look at the rule's metric FailedInvocations.", "lost here", OPERATOR)
