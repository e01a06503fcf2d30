"""The bound and the fewest calls once more, with what the runbook's own rules demand: a look before each stage, and polls.

`bounds` holds the harder ones, which count neither. Here each stage of a plan has one fresh look at the organization and at all
that the stage can depend on, and each Wait as many looks as the simulation's states need, in as few calls as the APIs allow.
"""

import math
from collections.abc import Mapping, Sequence

from bounds import POLLS, Bound, in_turn, stage_seconds

from runbook_lib.aws.limits import batch_of
from runbook_lib.plan import Plan, Wait
from runbook_lib.runbook.phases import phase_named
from runbook_lib.services.designation import USABLE

IN_REGION: Mapping[str, Mapping[str, int]] = {
    # Administrators of three services, is each usable, is AWS Config recording.
    "organizations": {"management": 7},
    # Administrator and two hubs; then configuration, standards that are on and on offer, and the empty list of members.
    "securityhub": {"prepare": 3, "management": 3, "delegated": 7},
    # Administrator and two detectors, listed, then read; then configuration.
    "guardduty": {"prepare": 3, "management": 4, "delegated": 6, "workloads": 4},
    # Administrator and the delegated account's status; then auto-enable; then the scan settings.
    "inspector2": {"prepare": 2, "management": 2, "delegated": 3, "workloads": 4},
    # Administrator and two sessions; then publication and export; then configuration, discovery and two empty lists.
    "macie2": {"prepare": 3, "management": 5, "delegated": 9, "workloads": 7},
    # Two accounts' analyzers.
    "accessanalyzer": {"management": 2, "delegated": 2},
}
"""Service → stage → reads in one Region before it, without lists of members."""
DETAILS: Mapping[str, str] = {"guardduty": "guardduty:GetMemberDetectors", "inspector2": "inspector2:BatchGetAccountStatus"}
"""What is asked of each member that a look finds, in batches; Macie lists it, in pages as of members."""
RECORDERS = frozenset({"organizations", "securityhub"})
"""Services that tell of every account whether AWS Config records there: once in each phase, for no call comes of it."""
ROWS = 100
"""Recorders in one answer of an organization's aggregator [model]; it is asked Region by Region."""
ORGANIZATION, ONCE = 5, {"organizations": 13, "securityhub": 1}
"""Reads of the organization beside its pages of accounts; reads of a service that are not made in each Region."""
PAGE = {"organizations": 20, "securityhub": 50, "guardduty": 50, "inspector2": 50, "macie2": 25}
WHOLE_LISTS = ("ListMembers", "ListAutomatedDiscoveryAccounts")
SETTLED_AFTER = {
    ("securityhub:GetMembers", "delegated"): 1,
    ("securityhub:DescribeOrganizationConfiguration", "delegated"): 1,
    ("inspector2:BatchGetAccountStatus", "delegated"): POLLS + 2,
}
"""(Poll, stage) → how many, where it is not POLLS + 1: Security Hub's members are there at once, the look before has begun to count
where an administrator becomes usable, and Inspector shows a member that was just switched on as off once more."""


def pages(number: int, service: str) -> int:
    return math.ceil(number / PAGE[service])


def calls_of_poll(wait: Wait, members: int) -> int:
    """The calls of one look at whom a Wait waits for: batches, or the whole list where only that tells."""
    if wait.operation in WHOLE_LISTS:
        return pages(members, wait.service)
    size = batch_of(wait.service, wait.operation)
    return math.ceil(len(wait.targets) / size) if wait.targets and size else 1


def polls_of(wait: Wait) -> int:
    usable = POLLS if wait.condition == USABLE else POLLS + 1
    return SETTLED_AFTER.get((f"{wait.service}:{wait.operation}", wait.stage), usable)


def looks(plan: Plan) -> list[tuple[str, bool]]:
    """The stages of a plan, in order, and whether there are members to be listed before them."""
    return [(stage, stage == "workloads") for stage in dict.fromkeys(step.stage for step in plan.steps)]


def calls_of_look(plan: Plan, stage: str, listing: bool, accounts: int, regions: int) -> int:
    service, members = phase_named(plan.phase).service, accounts - 1
    here = IN_REGION[service][stage]
    if listing:
        details = batch_of(*DETAILS[service].split(":")) if service in DETAILS else PAGE[service]
        here += pages(members, service) + math.ceil(members / (details or 1))
    return ORGANIZATION + pages(accounts, "organizations") + ONCE.get(service, 0) + regions * here


def calls_of_recorders(accounts: int, regions: int) -> int:
    """The aggregator itself, whether its data is the latest, and the recorders of each Region in pages."""
    return 2 + regions * math.ceil(accounts / ROWS)


def fewest_calls(plans: Sequence[Plan], accounts: int, regions: int) -> dict[str, int]:
    """Changes, one look for each stage (the first is what the plan is made from), polls, and whether earlier phases are applied.

    Where AWS Config records is told with the plan alone.
    """
    return {
        "changes": sum(len(plan.actions) for plan in plans),
        "looks": sum(calls_of_look(plan, *look, accounts, regions) for plan in plans for look in looks(plan)),
        "recorders": sum(
            calls_of_recorders(accounts, regions) + regions * (service == "securityhub")
            for service in (phase_named(plan.phase).service for plan in plans)
            if service in RECORDERS
        ),
        "polls": sum(polls_of(wait) * calls_of_poll(wait, accounts - 1) for plan in plans for wait in plan.waits),
        "earlier phases": regions * sum("10_security_hub" in plan.requires for plan in plans),
    }


def demanded(plans: Sequence[Plan], accounts: int, regions: int, latency: float) -> Bound:
    """Every stage after its look, every Wait with its polls. Their pauses are the runbook's own choice, and not counted."""
    found = Bound()

    def waited(wait: Wait) -> float:
        in_a_row = calls_of_poll(wait, accounts - 1) if wait.operation in WHOLE_LISTS else 1
        return polls_of(wait) * in_a_row * latency

    for plan in plans:
        service = phase_named(plan.phase).service
        for stage, listing in looks(plan):
            listed = in_turn(pages(accounts, "organizations"), "organizations", "ListAccounts", latency)
            chain = 3 * latency
            if listing:
                chain += in_turn(pages(accounts - 1, service), service, "ListMembers", latency)
            first = not any(name.startswith(plan.phase) for name in found.parts)
            # Accounts and service are read side by side; before the first look it has to be seen that it is the right organization,
            # before the others the accounts may be listed while the stage before is ending.
            if first and service in RECORDERS:
                asked = regions * math.ceil(accounts / ROWS)
                chain = max(chain, 2 * latency + in_turn(asked, "config", "SelectAggregateResourceConfig", latency))
            found.parts[f"{plan.phase} look before {stage}"] = max(listed, chain) + latency if first else chain
            steps = [step for step in plan.steps if step.stage == stage]
            found.parts[f"{plan.phase} {stage}"] = stage_seconds(steps, latency, waited)
        if "10_security_hub" in plan.requires:
            found.parts[f"{plan.phase} earlier phases"] = latency
    return found
