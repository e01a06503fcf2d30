"""Security Hub's plan: what is still to do becomes calls in the documented order, everything else a reason or a Blocker. Pure."""

from collections.abc import Sequence

from runbook_lib.base.observation import Known
from runbook_lib.coverage import Cells
from runbook_lib.plan import ACCOUNT_ID, Action, BackOut, Blocker, Condition, Direction, ForEach, NoChange, Step, Wait, batches
from runbook_lib.services.column import accounts_of, to_do, under_way
from runbook_lib.services.designation import designation_steps
from runbook_lib.services.obstacles import explanations
from runbook_lib.services.population import Population
from runbook_lib.services.securityhub import membership, new_accounts
from runbook_lib.services.securityhub.aggregation_steps import aggregation_action
from runbook_lib.services.securityhub.spec import DESIGNATION, NAME, SPEC
from runbook_lib.services.securityhub.standards_steps import delegated_standards, member_standards
from runbook_lib.services.securityhub.state import NOT_OBSERVED, State
from runbook_lib.services.view import View
from runbook_lib.settings import Settings

MUTATIONS = DESIGNATION.mutations | {
    f"{NAME}:{operation}"
    for operation in (
        "EnableSecurityHub",
        "UpdateOrganizationConfiguration",
        "CreateMembers",
        "BatchEnableStandards",
        "CreateFindingAggregator",
        "UpdateFindingAggregator",
    )
}
ENABLED = Condition("members enabled", membership.MEMBERSHIP)
EXPLICIT = {"EnableDefaultStandards": False, "ControlFindingGenerator": "SECURITY_CONTROL"}
"""Always sent: AWS's default would switch on standards that nobody chose."""
ENABLE_SECONDS = 600


def plan(cells: Cells, state: State, view: View) -> Sequence[Step | NoChange | Blocker]:
    """The steps of the phase in the order of its stages, then every NoChange and Blocker."""
    organization, settings, population = view.organization, view.settings, view.population
    part = settings.security_hub
    hubs = {r: hub_actions(cells, population.delegated, r, "prepare") for r in population.regions}
    own = [hub for r in population.regions for hub in hub_actions(cells, population.management, r, "management")]
    designations, waits = designation_steps(DESIGNATION, cells, population, {r: tuple(hub.id for hub in hubs[r]) for r in hubs})
    first: list[Step] = [hub for region in population.regions for hub in hubs[region]]
    middle: list[Step] = []
    members: list[Step] = []
    last: list[Step] = []
    for region in population.regions if part else ():
        after = (waits[region].id,) if region in waits else tuple(hub.id for hub in hubs[region])
        joining = member_steps(cells, own, population, region, after)
        raises, lowers = new_account_actions(cells, state, settings, population, region, after)
        middle += [*([waits[region]] if region in waits else []), *raises, *joining]
        middle += delegated_standards(cells, state, organization, settings, population, region, after)
        joined = tuple(step.id for step in joining if isinstance(step, Wait))
        members += member_standards(cells, state, organization, settings, population, region, joined)
        last += lowers
        if aggregator := aggregation_action(cells, state, settings, population, region, after):
            (last if aggregator.direction is Direction.LOWERS else middle).append(aggregator)
    return [*first, *own, *designations, *middle, *members, *last, *explanations(cells)]


def hub_actions(cells: Cells, account: str, region: str, stage: str) -> list[Action]:
    """EnableSecurityHub in one account and Region, where its hub is to be switched on."""
    if account not in accounts_of(to_do(cells, region, membership.HUB)):
        return []
    why = "designation would switch on default standards" if stage == "prepare" else "AWS never does it for the management account"
    return [
        Action(
            NAME, "EnableSecurityHub", account, region, EXPLICIT, f"Security Hub is off in {account} in {region}, and {why}",
            frozenset({account}), "off", "on, with no standard by default",
            BackOut(
                "Possible only after the administrator's designation, or the membership, has been taken back; findings are lost.",
                "DisableSecurityHub",
            ),
            stage, inside_accounts="A service-linked role for Security Hub.",
        )
    ]  # fmt: skip


def new_account_actions(
    cells: Cells, state: State, settings: Settings, population: Population, region: str, after: tuple[str, ...]
) -> tuple[list[Action], list[Action]]:
    """UpdateOrganizationConfiguration: the call that lowers nothing, and the one that lowers what settings permit."""
    part = settings.security_hub
    if part is None or not to_do(cells, region, new_accounts.ASPECT):
        return [], []
    now, first, last = new_accounts.moves(settings, part, state.configurations.get(region, NOT_OBSERVED))
    known = isinstance(state.configurations.get(region), Known)
    raises = [_update(population, region, now, first, "delegated", after)] if first != now or not known else []
    lowers = [_update(population, region, first, last, "lowering", after)] if last != first else []
    return raises, lowers


def _update(
    population: Population, region: str, now: new_accounts.Choice, then: new_accounts.Choice, stage: str, after: tuple[str, ...]
) -> Action:
    more = then.auto_enable and (not now.auto_enable or (now.standards, then.standards) == ("NONE", "DEFAULT"))
    direction = Direction.LOWERS if stage == "lowering" else Direction.RAISES if more else Direction.EQUAL
    return Action(
        NAME, "UpdateOrganizationConfiguration", population.delegated, region, _sent(then),
        f"Settings for new accounts in {region} are {now}, wanted is {then}", frozenset({population.delegated}),
        str(now), str(then),
        BackOut("Accounts that joined in between stay as they are.", "UpdateOrganizationConfiguration", _sent(now)),
        stage, direction, after=after, lane=f"{NAME} organization {region}",
        inside_accounts="Nothing in existing accounts; accounts that join later get Security Hub"
        + (" and AWS's default standards." if then.standards == "DEFAULT" else " without standards.") if then.auto_enable else "",
    )  # fmt: skip


def _sent(choice: new_accounts.Choice) -> dict[str, object]:
    return {"AutoEnable": choice.auto_enable, "AutoEnableStandards": choice.standards}


def member_steps(cells: Cells, own: Sequence[Action], population: Population, region: str, after: tuple[str, ...]) -> list[Step]:
    """CreateMembers in batches, then the wait until they are enabled; the management account apart while its hub is planned."""
    joining = accounts_of(to_do(cells, region, membership.MEMBERSHIP)) - {population.delegated}
    awaited = joining | accounts_of(under_way(cells, region, membership.MEMBERSHIP))
    hub = tuple(action.id for action in own if action.region == region)
    apart = joining & {population.management} if hub else frozenset[str]()
    steps: list[Step] = [
        _create(population, region, batch, after) for batch in batches(joining - apart, SPEC.batches["CreateMembers"])
    ]
    steps += [_create(population, region, (account,), after + hub) for account in sorted(apart)]
    if awaited:
        created = tuple(step.id for step in steps)
        steps.append(
            Wait(
                NAME, "GetMembers", population.delegated, region, ENABLED,
                f"AWS lists the accounts as enabled members in {region}",
                ENABLE_SECONDS, "delegated", tuple(awaited), created or after,
            )
        )  # fmt: skip
    return steps


def _create(population: Population, region: str, batch: tuple[str, ...], after: tuple[str, ...]) -> Action:
    return Action(
        NAME, "CreateMembers", population.delegated, region, {"AccountDetails": ForEach({"AccountId": ACCOUNT_ID})},
        f"{len(batch)} accounts are to be members in {region} and are not", frozenset(batch),
        "no members", "members, Security Hub on",
        BackOut(
            "The accounts become standalone; Security Hub and its standards stay on in them.",
            "DisassociateMembers", {"AccountIds": ForEach(ACCOUNT_ID)},
        ),
        "delegated", targets=batch, after=after, lane=f"{NAME} organization {region}",
        inside_accounts="Where Security Hub was off it comes on with AWS's default standards, a service-linked role and "
        "service-linked AWS Config rules; where it was on its settings stay.",
    )  # fmt: skip
