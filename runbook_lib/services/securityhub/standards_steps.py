"""The calls that switch standards on: one per account and Region with all wanted standards, and the wait until they are ready.

BatchEnableStandards acts on the caller's own account, so members are called through their own role. All wanted standards are sent
each time, those that are on included, so that the call is the same however far an earlier attempt came.
"""

from collections.abc import Mapping

from runbook_lib.base.observation import Known
from runbook_lib.coverage import Cell, Cells, Gap
from runbook_lib.organization import Organization
from runbook_lib.plan import Action, BackOut, Condition, Step, Wait, batches
from runbook_lib.services.column import accounts_of
from runbook_lib.services.population import Population
from runbook_lib.services.securityhub.spec import NAME
from runbook_lib.services.securityhub.standards import ASPECT, requested
from runbook_lib.services.securityhub.state import State, items_of, standard_arn, subscription_arn
from runbook_lib.settings import Settings

READY_SECONDS = 900
MOST = 25
"""StandardsSubscriptionRequests of one call [model]."""


def delegated_standards(
    cells: Cells,
    state: State,
    organization: Organization,
    settings: Settings,
    population: Population,
    region: str,
    after: tuple[str, ...],
) -> list[Step]:
    """Standards of the delegated account itself, and the wait for them."""
    account = population.delegated
    wanted = items_of(settings.security_hub.delegated_account_standards) if settings.security_hub else ()
    items = requested(state, wanted, region)
    steps: list[Step] = []
    if account in _accounts(cells, wanted, region, Gap.TO_DO):
        steps += _enable(state, organization, account, region, items, "delegated", after)
    if steps or account in _accounts(cells, wanted, region, Gap.IN_PROGRESS):
        steps.append(_ready(account, region, items, "delegated", (), tuple(step.id for step in steps) or after))
    return steps


def member_standards(
    cells: Cells,
    state: State,
    organization: Organization,
    settings: Settings,
    population: Population,
    region: str,
    after: tuple[str, ...],
) -> list[Step]:
    """Standards of the members, each through its own role, and one wait for all of them."""
    wanted = items_of(settings.security_hub.existing_account_standards) if settings.security_hub else ()
    items = requested(state, wanted, region)
    members = population.members.get(region, frozenset())
    steps: list[Step] = []
    lacking = _accounts(cells, wanted, region, Gap.TO_DO) & members
    pending = _accounts(cells, wanted, region, Gap.IN_PROGRESS) & members
    for account in sorted(lacking):
        steps += _enable(state, organization, account, region, items, "members", after, (account,))
    if lacking | pending:
        before = tuple(step.id for step in steps) or after
        steps.append(_ready(population.delegated, region, items, "members", tuple(lacking | pending), before))
    return steps


def _accounts(cells: Cells, items: tuple[str, ...], region: str, gap: Gap) -> frozenset[str]:
    """Who has that gap there in one of these standards."""

    def concerns(cell: Cell) -> bool:
        return cell.in_scope and cell.aspect == ASPECT and cell.region == region and cell.item in items and cell.gap is gap

    return accounts_of(filter(concerns, cells))


def _enable(
    state: State, organization: Organization, account: str, region: str, items: tuple[str, ...], stage: str,
    after: tuple[str, ...], targets: tuple[str, ...] = (),
) -> list[Action]:  # fmt: skip
    partition = organization.partition
    observed = state.standards.get(region, {}).get(account)
    held: Mapping[str, object] = observed.value if isinstance(observed, Known) else {}
    why = "Switches off what this call switched on; controls and their findings of these standards go."
    return [
        Action(
            NAME, "BatchEnableStandards", account, region,
            {"StandardsSubscriptionRequests": [{"StandardsArn": standard_arn(partition, region, item)} for item in batch]},
            f"Standards that settings name are off in {account} in {region}", frozenset({account}),
            f"on: {', '.join(sorted(set(batch) & set(held))) or 'none of them'}", f"on: {', '.join(batch)}",
            BackOut(why, "BatchDisableStandards", _reverse(partition, region, account, sorted(set(batch) - set(held)))),
            stage, targets=targets, after=after, lane=f"{NAME} standards {account} {region}",
            inside_accounts="Service-linked AWS Config rules for the controls; AWS Config charges for their evaluations.",
        )
        for batch in batches(items, MOST)
    ]  # fmt: skip


def _reverse(partition: str, region: str, account: str, items: list[str]) -> dict[str, list[str]]:
    return {"StandardsSubscriptionArns": [subscription_arn(partition, region, account, item) for item in items]}


def _ready(account: str, region: str, items: tuple[str, ...], stage: str, targets: tuple[str, ...], after: tuple[str, ...]) -> Wait:
    condition = Condition(f"standards ready: {', '.join(items)}", ASPECT, items)
    return Wait(
        NAME, "GetEnabledStandards", account, region, condition, f"The standards settle in {region}",
        READY_SECONDS, stage, targets, after,
    )  # fmt: skip
