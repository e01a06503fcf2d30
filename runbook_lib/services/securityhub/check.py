"""Reading how far a Wait, or the effect of an Action, has come, and resolving the aggregator's ARN."""

from collections.abc import Mapping
from functools import partial

from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Observation, Unknown
from runbook_lib.plan import Action, Reference, Step, Wait
from runbook_lib.plan.outcome import Progress
from runbook_lib.services.designation import USABLE, check_designation
from runbook_lib.services.securityhub import observe
from runbook_lib.services.securityhub.aggregation import describe
from runbook_lib.services.securityhub.aggregation_steps import AGGREGATOR
from runbook_lib.services.securityhub.spec import DESIGNATION, NAME
from runbook_lib.services.securityhub.standards import ASPECT
from runbook_lib.services.securityhub.state import Standards, item_of_arn
from runbook_lib.services.securityhub.steps import ENABLED

SETTLED = ("READY", "INCOMPLETE")
UNDER_WAY = ("PENDING", *SETTLED)
DONE = frozenset({""})


def check(step: Step, reader: Reader) -> Progress:
    """How far a step has come. Raises CallFailed where that could not be read, ValueError for a step of another service."""
    if isinstance(step, Wait):
        return _waited(step, reader)
    if step.operation in ("RegisterDelegatedAdministrator", DESIGNATION.enable_operation):
        return check_designation(DESIGNATION, step, reader)
    if step.operation == "CreateMembers":
        return _members(step, reader, ("Enabled", "Created"))
    if step.operation == "BatchEnableStandards":
        items = tuple(item_of_arn(each["StandardsArn"]) for each in step.parameters["StandardsSubscriptionRequests"])
        return _standards(step, reader, items, UNDER_WAY)
    return _one(step, reader)


def _waited(wait: Wait, reader: Reader) -> Progress:
    if wait.condition == USABLE:
        usable = _usable(wait, reader)
        return Progress(DONE if usable else frozenset(), {}, "usable" if usable else "not usable yet")
    if wait.condition == ENABLED:
        return _members(wait, reader, ("Enabled",))
    if wait.condition.aspect == ASPECT:
        return _standards(wait, reader, wait.condition.wanted, SETTLED)
    raise ValueError(f"{NAME} knows no condition {str(wait.condition)!r}")


def _usable(wait: Wait, reader: Reader) -> bool:
    try:
        observe.configuration(reader, wait.account, wait.region)
    except CallFailed as error:
        if observe.not_there(error):
            return False
        raise
    return True


def _members(step: Step, reader: Reader, good: tuple[str, ...]) -> Progress:
    """Who is waited for is asked about alone. Whether a call is to be sent again is told by the list, which answers for all."""
    if isinstance(step, Wait):
        listed = observe.named_members(reader, step.account, step.region, step.targets)
    else:
        listed = observe.members(reader, step.account, step.region)
    mine = {account: listed.get(account, "not listed") for account in step.targets}
    reached = frozenset(account for account, status in mine.items() if status in good)
    refused = {account: status for account, status in mine.items() if status == "AccountSuspended"}
    return Progress(reached, refused, f"{len(reached)} of {len(mine)} accounts: {', '.join(sorted(set(mine.values())))}")


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


def _one(action: Action, reader: Reader) -> Progress:
    """The effect of a call about the caller's own hub, organization configuration or aggregator."""
    if action.operation == "EnableSecurityHub":
        on = observe.hub(reader, action.account, action.region)
        return Progress(DONE if on else frozenset(), {}, "on" if on else "off")
    if action.operation == "UpdateOrganizationConfiguration":
        now = observe.configuration(reader, action.account, action.region)
        same = (now.auto_enable, now.standards) == (action.parameters["AutoEnable"], action.parameters["AutoEnableStandards"])
        return Progress(DONE if same else frozenset(), {}, f"AutoEnable {now.auto_enable}, AutoEnableStandards {now.standards}")
    if action.operation in ("CreateFindingAggregator", "UpdateFindingAggregator"):
        return _aggregated(action, reader)
    raise ValueError(f"{NAME} plans no {action.operation}")


def _aggregated(action: Action, reader: Reader) -> Progress:
    found = observe.read_aggregator(reader, action.account, action.region)
    if found is None:
        return Progress(frozenset(), {}, "none")
    if found.home != action.region:
        return Progress(frozenset(), {"": f"the finding aggregator is in {found.home}"}, f"in {found.home}")
    wanted = action.parameters["RegionLinkingMode"], frozenset(action.parameters.get("Regions", ()))
    same = (found.mode, found.regions if "SPECIFIED" in found.mode else frozenset()) == wanted
    return Progress(DONE if same else frozenset(), {}, describe(found.mode, found.regions))


def resolve(reference: Reference, reader: Reader) -> str:
    """The ARN of the aggregator. Raises CallFailed where there is none, ValueError for a Reference of another kind."""
    if reference.kind != AGGREGATOR:
        raise ValueError(f"{NAME} resolves no {reference.kind}")
    found = observe.read_aggregator(reader, reference.account, reference.region)
    if found is None:
        raise CallFailed(
            "ResourceNotFoundException", "there is no finding aggregator", service=NAME, operation="ListFindingAggregators",
            account=reference.account, region=reference.region, sent=False,
        )  # fmt: skip
    return found.arn
