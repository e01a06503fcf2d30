"""Schedules of faults and events computed from a number: the first n of a seed's sequence are always the same n."""

import random

from runbook_lib.rehearsal.scenario import Event, Fault, Scenario

CALLS = (
    ("organizations", "EnableAWSServiceAccess"), ("organizations", "RegisterDelegatedAdministrator"),
    ("organizations", "ListDelegatedAdministrators"), ("organizations", "ListAccounts"), ("organizations", "DescribeOrganization"),
    ("securityhub", "EnableSecurityHub"), ("securityhub", "EnableOrganizationAdminAccount"), ("securityhub", "CreateMembers"),
    ("securityhub", "UpdateOrganizationConfiguration"), ("securityhub", "CreateFindingAggregator"), ("securityhub", "ListMembers"),
    ("securityhub", "ListOrganizationAdminAccounts"), ("securityhub", "BatchEnableStandards"), ("securityhub", "*"),
    ("guardduty", "CreateDetector"), ("guardduty", "EnableOrganizationAdminAccount"), ("guardduty", "CreateMembers"),
    ("guardduty", "UpdateOrganizationConfiguration"), ("guardduty", "UpdateMemberDetectors"), ("guardduty", "ListMembers"),
    ("guardduty", "ListDetectors"), ("guardduty", "*"),
    ("inspector2", "EnableDelegatedAdminAccount"), ("inspector2", "AssociateMember"), ("inspector2", "Enable"),
    ("inspector2", "UpdateOrganizationConfiguration"), ("inspector2", "BatchGetAccountStatus"), ("inspector2", "*"),
    ("account", "ListRegions"), ("sts", "AssumeRole"), ("*", "*"),
)  # fmt: skip
"""What a drawn fault may befall: operations that enabling makes, and all of a service."""
BATCHES = (
    ("securityhub", "CreateMembers"), ("guardduty", "CreateMembers"), ("guardduty", "UpdateMemberDetectors"),
    ("inspector2", "Enable"),
)  # fmt: skip
KINDS = ("throttle", "error", "error", "reset", "reset", "timeout", "deny", "unprocessed", "event")
JOINER = 161616161600
"""Accounts that drawn events add are numbered from here."""


def whole(scenario: Scenario, accounts: list[str], regions: list[str]) -> Scenario:
    """The scenario with its drawn part worked out for an organization: `accounts` are those that may be suspended."""
    if scenario.drawn is None:
        return scenario
    chance = random.Random(scenario.seed)  # noqa: S311 draws faults, guards nothing
    made = [_one(chance, index, sorted(accounts), sorted(regions)) for index in range(scenario.drawn.faults)]
    faults = tuple(each for each in made if isinstance(each, Fault))
    events = tuple(each for each in made if isinstance(each, Event))
    return scenario.model_copy(update={"faults": (*scenario.faults, *faults), "events": (*scenario.events, *events)})


def _one(chance: random.Random, index: int, accounts: list[str], regions: list[str]) -> Fault | Event:
    kind = chance.choice(KINDS)
    if kind == "event":
        return _event(chance, index, accounts, regions)
    service, operation = chance.choice(BATCHES if kind == "unprocessed" else CALLS)
    effect = chance.choice(("before", "after")) if kind in ("error", "reset", "timeout") else "before"
    return Fault.model_validate(
        {
            "kind": kind,
            "on": {
                "service": service,
                "operation": operation,
                "region": chance.choice(("*", *regions)) if service not in ("organizations", "account", "sts") else "*",
                "mutating": chance.choice((True, None)) if operation == "*" else None,
            },
            "call": chance.randint(1, 12 if operation == "*" else 4),
            "times": chance.randint(1, 6 if kind == "throttle" else 3),
            "effect": effect,
            "status": chance.choice((500, 502, 503, 504)),
            "by": chance.choice(("role", "policy")),
            "accounts": (f"*{chance.randint(0, 9)}",) if chance.random() < 0.5 else ("*",),
        }
    )


def _event(chance: random.Random, index: int, accounts: list[str], regions: list[str]) -> Event:
    """One event, at one of the requests of the whole runbook."""
    kind = chance.choice(("expire-credentials", "expire-credentials", "suspend-account", "add-account", "foreign-administrator"))
    services = ("securityhub", "guardduty", "inspector2")
    said = {
        "kind": kind,
        "on": {"service": chance.choice(("*", *services))},
        "call": chance.randint(1, 60),
        "account": chance.choice(accounts),
        "service": chance.choice(services),
        "region": chance.choice(regions),
    }
    own = {"expire-credentials": "*", "add-account": str(JOINER + index)}
    return Event.model_validate({**said, "account": own.get(kind, said["account"])})
