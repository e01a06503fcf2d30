"""Standards by name and version: in the delegated account, and in members only where settings name them and a role."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, NotYet, Observation, Unknown
from runbook_lib.coverage import Cell, Cells, Gap, Status
from runbook_lib.plan import Action, BackOut, Condition, Step, Wait, batches
from runbook_lib.plan.outcome import Outcome, Progress, Verdict
from runbook_lib.services.answers import outcomes
from runbook_lib.services.aspect import Aspect, Place, Planned
from runbook_lib.services.column import SETTINGS_OWNER, accounts_of
from runbook_lib.services.securityhub import observe
from runbook_lib.services.securityhub.findings import (
    Finding,
    blocked,
    cells,
    covered,
    in_progress,
    not_managed,
    to_do,
    unknown,
    waiting,
)
from runbook_lib.services.securityhub.membership import MEMBERSHIP, begins_after, findings, set_aside
from runbook_lib.services.securityhub.spec import NAME
from runbook_lib.services.securityhub.state import (
    NOT_OBSERVED,
    Standards,
    State,
    Subscription,
    item_of_arn,
    items_of,
    standard_arn,
    standards_in,
    subscription_arn,
)
from runbook_lib.services.spec import STANDARDS
from runbook_lib.settings.sections.securityhub import SecurityHubSection

Here = Place[SecurityHubSection, State]
ASPECT = STANDARDS
READY_SECONDS = 900
MOST = 25
"""StandardsSubscriptionRequests of one call [model]."""
SETTLED = ("READY", "INCOMPLETE")
UNDER_WAY = ("PENDING", *SETTLED)
NO_RECORDER = "NO_AVAILABLE_CONFIGURATION_RECORDER"


def requested(state: State, wanted: tuple[str, ...], region: str) -> tuple[str, ...]:
    """The wanted standards that can be asked for in a Region: all, but those that AWS's list of the Region lacks."""
    offered = state.offered.get(region, NOT_OBSERVED)
    return tuple(item for item in wanted if not isinstance(offered, Known) or item in offered.value)


class StandardsOn(Aspect[SecurityHubSection, State]):
    """Switched on in one call per account and Region, with all wanted standards, and the wait until they are ready.

    BatchEnableStandards acts on the caller's own account, so members are called through their own role. All wanted standards are
    sent each time, those that are on included, so that the call is the same however far an earlier attempt came.
    """

    name = ASPECT
    calls = frozenset({"BatchEnableStandards"})

    def cells(self, place: Here) -> Cells:
        region, members = place.region, findings(place)
        made: Cells = ()
        if not set_aside(place.view.population, place.delegated, region):
            made += _delegated(place)
        if place.section.existing_account_standards is not None:
            for item in items_of(place.section.existing_account_standards):
                verdicts = {account: _member(place, account, item, members[account]) for account in place.members}
                made += cells(region, ASPECT, verdicts, item)
        return made + _unnamed(place)

    def steps(self, place: Here, cells: Cells, stage: str, planned: Planned) -> Sequence[Step]:
        if stage == "delegated":
            return self._own(place, cells, begins_after(planned))
        joined = planned.wait(MEMBERSHIP)
        return self._of_members(place, cells, (joined.id,) if joined else ()) if stage == "members" else []

    def _own(self, place: Here, cells: Cells, after: tuple[str, ...]) -> list[Step]:
        """Standards of the delegated account itself, and the wait for them."""
        wanted = items_of(place.section.delegated_account_standards)
        items = requested(place.seen, wanted, place.region)
        steps: list[Step] = []
        if place.delegated in _accounts(cells, wanted, place.region, Gap.TO_DO):
            steps += _enable(place, place.delegated, items, "delegated", after)
        if steps or place.delegated in _accounts(cells, wanted, place.region, Gap.IN_PROGRESS):
            steps.append(_ready(place, items, "delegated", (), tuple(step.id for step in steps) or after))
        return steps

    def _of_members(self, place: Here, cells: Cells, after: tuple[str, ...]) -> list[Step]:
        """Standards of the members, each through its own role, and one wait for all of them."""
        wanted = items_of(place.section.existing_account_standards)
        items = requested(place.seen, wanted, place.region)
        lacking = _accounts(cells, wanted, place.region, Gap.TO_DO) & place.members
        pending = _accounts(cells, wanted, place.region, Gap.IN_PROGRESS) & place.members
        steps: list[Step] = [
            step for account in sorted(lacking) for step in _enable(place, account, items, "members", after, (account,))
        ]
        if lacking | pending:
            steps.append(_ready(place, items, "members", tuple(lacking | pending), tuple(step.id for step in steps) or after))
        return steps

    def reached(self, wait: Wait, reader: Reader) -> Progress:
        return _standards(wait, reader, wait.condition.wanted, SETTLED)

    def effect(self, action: Action, reader: Reader) -> Progress:
        items = tuple(item_of_arn(each["StandardsArn"]) for each in action.parameters["StandardsSubscriptionRequests"])
        return _standards(action, reader, items, UNDER_WAY)

    def answered(self, action: Action, answer: Mapping[str, Any]) -> list[Outcome]:
        """Applied when AWS hands every requested standard back; a standard that it leaves out is looked for."""
        held = standards_in(answer.get("StandardsSubscriptions") or ())
        asked = [item_of_arn(each["StandardsArn"]) for each in action.parameters["StandardsSubscriptionRequests"]]
        failed = [item for item in asked if item in held and held[item].status == "FAILED"]
        if failed:
            return outcomes(action, Verdict.FAILED, "StandardFailed", ", ".join(failed))
        missing = [item for item in asked if item not in held]
        return (
            outcomes(action, Verdict.CONFIRM, "StandardMissing", ", ".join(missing))
            if missing
            else outcomes(action, Verdict.APPLIED)
        )


def _accounts(cells: Cells, items: tuple[str, ...], region: str, gap: Gap) -> frozenset[str]:
    """Who has that gap there in one of these standards."""

    def concerns(cell: Cell) -> bool:
        return cell.in_scope and cell.aspect == ASPECT and cell.region == region and cell.item in items and cell.gap is gap

    return accounts_of(filter(concerns, cells))


def _enable(
    place: Here, account: str, items: tuple[str, ...], stage: str, after: tuple[str, ...], targets: tuple[str, ...] = ()
) -> list[Action]:
    partition, region = place.view.organization.partition, place.region
    observed = place.seen.standards.get(region, {}).get(account)
    held: Mapping[str, object] = observed.value if isinstance(observed, Known) else {}
    why = "Switches off what this call switched on; controls and their findings of these standards go."
    return [
        Action(
            NAME,
            "BatchEnableStandards",
            account,
            region,
            {"StandardsSubscriptionRequests": [{"StandardsArn": standard_arn(partition, region, item)} for item in batch]},
            f"Standards that settings name are off in {account} in {region}",
            frozenset({account}),
            f"on: {', '.join(sorted(set(batch) & set(held))) or 'none of them'}",
            f"on: {', '.join(batch)}",
            BackOut(why, "BatchDisableStandards", _reverse(partition, region, account, sorted(set(batch) - set(held)))),
            stage,
            targets=targets,
            after=after,
            lane=f"{NAME} standards {account} {region}",
            inside_accounts="Service-linked AWS Config rules for the controls; AWS Config charges for their evaluations.",
        )
        for batch in batches(items, MOST)
    ]


def _reverse(partition: str, region: str, account: str, items: list[str]) -> dict[str, list[str]]:
    return {"StandardsSubscriptionArns": [subscription_arn(partition, region, account, item) for item in items]}


def _ready(place: Here, items: tuple[str, ...], stage: str, targets: tuple[str, ...], after: tuple[str, ...]) -> Wait:
    condition = Condition(f"standards ready: {', '.join(items)}", ASPECT, items)
    sentence = f"The standards settle in {place.region}"
    return place.wait("GetEnabledStandards", condition, sentence, after, targets=targets, stage=stage, deadline=READY_SECONDS)


def _standards(step: Step, reader: Reader, items: tuple[str, ...], good: tuple[str, ...]) -> Progress:
    """Standards of the caller, or of every target from inside it; a target that cannot be read now stays pending."""
    if not step.targets:
        return _verdicts({"": Known(_own(reader, step, step.account))}, items, good)
    targets = sorted(step.targets)
    read = reader.parallel(
        [partial(observe.observed, partial(observe.standards, reader, target, step.region)) for target in targets]
    )
    return _verdicts(dict(zip(targets, read, strict=True)), items, good)


def _own(reader: Reader, step: Step, account: str) -> Standards:
    try:
        return observe.standards(reader, account, step.region)
    except CallFailed as error:
        if observe.not_there(error):
            return {}
        raise


def _verdicts(found: Mapping[str, Observation[Standards]], items: tuple[str, ...], good: tuple[str, ...]) -> Progress:
    reached, refused, seen = set(), {}, []
    for target, observed in found.items():
        held = observed.value if isinstance(observed, Known) else {}
        statuses = {item: held[item].status if item in held else "off" for item in items}
        failed = [f"{item} FAILED {held[item].reason}".strip() for item, status in statuses.items() if status == "FAILED"]
        if failed:
            refused[target] = ", ".join(failed)
        elif all(status in good for status in statuses.values()):
            reached.add(target)
        seen.append(observed.reason if isinstance(observed, Unknown) else ", ".join(sorted(set(statuses.values()))))
    return Progress(frozenset(reached), refused, f"{len(reached)} of {len(found)}: {'; '.join(sorted(set(seen)))}")


def _delegated(place: Here) -> Cells:
    state, region = place.seen, place.region
    own = state.standards.get(region, {}).get(place.delegated, NOT_OBSERVED)
    found: Cells = ()
    for item in items_of(place.section.delegated_account_standards):
        found += cells(region, ASPECT, {place.delegated: _finding(state, own, item, region)}, item)
    return found


def _member(place: Here, account: str, item: str, member: Finding) -> Finding:
    """One standard in one member: read from inside, and nothing to plan where the account has no hub and cannot get one."""
    state, region = place.seen, place.region
    if place.view.settings.access.members is None:
        return blocked(
            "a member's standards can only be set from inside the account, and settings name no member role",
            "Name access.members, or leave existing_account_standards out.",
            SETTINGS_OWNER,
        )
    if region in state.standards and account not in state.standards[region]:
        return blocked("no role leads into the account", "Name a role under access.members.", SETTINGS_OWNER)
    own = state.standards.get(region, {}).get(account, NOT_OBSERVED)
    finding = _finding(state, own, item, region)
    if isinstance(own, NotYet) and finding.gap == Gap.TO_DO and (member.gap == Gap.BLOCKED or member.status is Status.UNKNOWN):
        return member._replace(reason=f"Security Hub is not on in the account: {member.reason}", observed="", desired="")
    return finding


def _finding(state: State, own: Observation[Standards], item: str, region: str) -> Finding:
    if isinstance(own, Unknown):
        return unknown(own)
    held = own.value.get(item) if isinstance(own, Known) else None
    if held is not None and held.status != "DELETING":
        return subscribed(held)
    if finding := _not_offered(state, item, region):
        return finding
    if held is not None:
        return to_do("AWS is switching the standard off; it can be switched on after that", held.status, "READY")
    return to_do(waiting(own) if isinstance(own, NotYet) else "the standard is off", "off", "READY")


def subscribed(held: Subscription) -> Finding:
    """What the status of an enabled standard means."""
    seen = f"{held.status} {held.reason}".strip()
    if held.status == "READY":
        return covered("the standard is on", seen)
    if held.status == "PENDING":
        return in_progress("AWS is switching the standard on", seen, "READY")
    if held.status == "INCOMPLETE":
        step = (
            "Turn on AWS Config recording in the account and Region."
            if held.reason in ("", NO_RECORDER)
            else f"Remove the cause that AWS names ({held.reason}), then look again."
        )
        reason = "the standard is on but does not evaluate all its controls"
        return Finding(Status.GAP, reason, Gap.NOT_EVALUATING, seen, "READY", "", step, "the account's owner")
    if held.status == "FAILED":
        cause = held.reason or "none given"
        step = f"Remove the cause that AWS names ({cause}), switch the standard off deliberately, then plan again."
        return blocked("AWS could not switch the standard on", step, "the account's owner", seen, "READY")
    return unknown(Unknown(held.status or "NoStatus", f"standard status {held.status!r} is not known to this runbook"))


def _not_offered(state: State, item: str, region: str) -> Finding | None:
    """A standard that AWS does not list here: another Region has it, or the name is wrong everywhere."""
    offered = state.offered.get(region, NOT_OBSERVED)
    if isinstance(offered, Unknown):
        return unknown(offered)
    if not isinstance(offered, Known) or item in offered.value:
        return None
    if any(isinstance(listed, Known) and item in listed.value for listed in state.offered.values()):
        return Finding(Status.NOT_APPLICABLE, f"AWS does not offer the standard in {region}")
    return blocked(
        f"AWS offers no such standard in {region}",
        f"Correct name and version; AWS offers: {', '.join(sorted(offered.value))}.",
        SETTINGS_OWNER,
        "off",
        "READY",
    )


def _unnamed(place: Here) -> Cells:
    """Standards that are on and that settings do not name: shown, left alone."""
    part, region = place.section, place.region
    shown: dict[str, dict[str, Finding]] = {}
    for account, own in sorted(place.seen.standards.get(region, {}).items()):
        named = part.delegated_account_standards if account == place.delegated else part.existing_account_standards
        for item in sorted(set(own.value) - set(items_of(named))) if isinstance(own, Known) else ():
            shown.setdefault(item, {})[account] = not_managed(own.value[item].status if isinstance(own, Known) else "")
    return tuple(cell for item, findings in shown.items() for cell in cells(region, ASPECT, findings, item))
