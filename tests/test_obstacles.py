"""Why one account's administration of a service cannot be planned in a Region, for any service."""

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, NotYet, Observation, Unknown
from runbook_lib.coverage import Cell, Gap, Status
from runbook_lib.organization import Account, AccountState, Organization
from runbook_lib.plan import Blocker, NoChange
from runbook_lib.services.designation import designation_steps, read_administrators
from runbook_lib.services.obstacles import Bar, administrator_cells, bar_cells, bars, explanations
from runbook_lib.services.population import Aside, Population
from runbook_lib.services.spec import Designation
from runbook_lib.services.view import View
from runbook_lib.settings import OrganizationSection, Settings

M, D, OTHER = "111111111111", "222222222222", "999999999999"
HERE, THERE = "us-east-1", "us-east-2"
SPEC = Designation(
    "guardduty", "GuardDuty", "guardduty.amazonaws.com", "ListOrganizationAdminAccounts", "AdminAccounts",
    "AdminAccountId", "AdminStatus", "EnableOrganizationAdminAccount", "AdminAccountId", "DisableOrganizationAdminAccount",
)  # fmt: skip
SETTINGS = Settings(
    mode="rehearsal", organization=OrganizationSection(id="o-rehearsal001", management_account=M, delegated_account=D)
)
ENABLED: Observation[Mapping[str, str]] = Known({D: "ENABLED"})
NOBODY: Observation[Mapping[str, str]] = Known({})
FOREIGN: Observation[Mapping[str, str]] = Known({OTHER: "ENABLED"})
DENIED = Unknown("AccessDeniedException", "could not be read", "Allow it.")


def organization(registered: Observation[frozenset[str]] = Known(frozenset())) -> Organization:  # noqa: B008 a frozen value
    accounts = {each: Account(each, each, AccountState.ACTIVE, ("r-root",)) for each in (M, D)}
    trusted = Known(frozenset({SPEC.principal}))
    return Organization("o-rehearsal001", "arn", "aws", "ALL", M, D, accounts, {}, trusted, {SPEC.principal: registered})


def people(*others: str, aside: Mapping[str, tuple[Aside, ...]] | None = None) -> Population:
    members = {region: frozenset({M}) for region in (HERE, THERE)}
    return Population(M, D, (HERE, THERE), others, members, aside or {}, whole=True, excluded=frozenset())


def view(seen: Organization, asked: Population) -> View:
    return View(seen, SETTINGS, asked)


def test_nothing_bars_a_bare_organization() -> None:
    assert bars(SPEC, view(organization(), people()), {HERE: NOBODY, THERE: NOBODY}) == {}


def test_another_administrator_bars_its_region_and_every_region_still_to_designate() -> None:
    found = bars(SPEC, view(organization(), people()), {HERE: NOBODY, THERE: FOREIGN})
    assert set(found) == {HERE, THERE}
    assert "AWS requires the same account" in found[HERE].reason
    assert set(bars(SPEC, view(organization(), people()), {HERE: ENABLED, THERE: FOREIGN})) == {THERE}


def test_another_administrator_in_a_region_nobody_asked_for_counts_too() -> None:
    found = bars(SPEC, view(organization(), people("eu-south-1")), {HERE: NOBODY, THERE: NOBODY, "eu-south-1": FOREIGN})
    assert set(found) == {HERE, THERE}


def test_a_failed_read_bars_as_unknown_with_its_code() -> None:
    found = bars(SPEC, view(organization(), people()), {HERE: DENIED, THERE: ENABLED})
    assert (found[HERE].status, found[HERE].code) == (Status.UNKNOWN, "AccessDeniedException")
    assert set(found) == {HERE}
    unread = bars(SPEC, view(organization(DENIED), people()), {HERE: NOBODY, THERE: ENABLED})
    assert {region: bar.status for region, bar in unread.items()} == {HERE: Status.UNKNOWN}


def test_a_list_that_nobody_read_is_not_an_empty_list() -> None:
    assert {bar.code for bar in bars(SPEC, view(organization(), people()), {}).values()} == {"NotRead"}


def test_a_region_closed_to_the_delegated_account_is_barred() -> None:
    closed = {HERE: (Aside(frozenset({D}), Status.NOT_APPLICABLE, "the Region is not enabled in the account"),)}
    found = bars(SPEC, view(organization(), people(aside=closed)), {HERE: NOBODY, THERE: NOBODY})
    assert set(found) == {HERE}
    assert "cannot act" in found[HERE].reason


def test_designation_comes_after_registration_and_after_what_prepares_it() -> None:
    population = people()
    usable: dict[str, Observation[object]] = {HERE: NotYet("x"), THERE: NotYet("x")}
    cells = administrator_cells(SPEC, view(organization(), population), {HERE: NOBODY, THERE: ENABLED}, usable)
    actions, waits = designation_steps(SPEC, cells, population, {HERE: ("prepared",)})
    register, enable = actions
    assert (register.operation, enable.operation, enable.region) == (
        "RegisterDelegatedAdministrator",
        "EnableOrganizationAdminAccount",
        HERE,
    )
    assert enable.after == (register.id, "prepared")
    assert {action.lane for action in actions} == {"designation"}
    assert waits[HERE].after == (enable.id,)
    assert waits[THERE].after == (), "designated already, still spreading"


def test_where_organizations_alone_designates_the_registration_is_all_and_every_region_waits_for_it() -> None:
    """A service without a call of its own: who is registered is its administrator in every Region."""
    alone = Designation(
        "accessanalyzer", "Access Analyzer", "access-analyzer.amazonaws.com", deregistering="Disables the analyzers."
    )
    bare = replace(organization(), delegated_administrators={alone.principal: Known(frozenset())})
    listed = read_administrators(alone, bare, (HERE, THERE), cast("Reader", None))
    assert listed == {HERE: NOBODY, THERE: NOBODY}
    cells = administrator_cells(alone, view(bare, people()), listed, {HERE: NotYet("x"), THERE: NotYet("x")})
    (register,), waits = designation_steps(alone, cells, people(), {HERE: ("prepared",)})
    assert (register.operation, register.back_out.why) == ("RegisterDelegatedAdministrator", "Disables the analyzers.")
    assert {region: wait.after for region, wait in waits.items()} == {HERE: (register.id, "prepared"), THERE: (register.id,)}
    ours = replace(bare, delegated_administrators={alone.principal: Known(frozenset({D}))})
    listed = read_administrators(alone, ours, (HERE, THERE), cast("Reader", None))
    cells = administrator_cells(alone, view(ours, people()), listed, {HERE: Known(1), THERE: Known(1)})
    assert {cell.status for cell in cells} == {Status.COVERED}
    assert alone.mutations == {"organizations:RegisterDelegatedAdministrator"}


def test_nobody_is_registered_where_no_region_can_be_designated() -> None:
    population = people()
    cells = administrator_cells(
        SPEC, view(organization(), population), {HERE: NOBODY, THERE: NOBODY}, {}, {HERE: Bar("no", "do"), THERE: Bar("no", "do")}
    )
    assert designation_steps(SPEC, cells, population, {}) == ([], {})
    assert {cell.gap for cell in cells} == {Gap.BLOCKED}


def test_only_what_is_still_to_do_and_asked_for_is_barred() -> None:
    cell = Cell("guardduty", HERE, "membership", frozenset({M}), Status.GAP, "off", gap=Gap.TO_DO)
    others = [replace(cell, gap=Gap.IN_PROGRESS), replace(cell, status=Status.COVERED, gap=None), replace(cell, in_scope=False)]
    changed = bar_cells([cell, *others], {HERE: Bar("why", "how")})
    assert changed[0].gap is Gap.BLOCKED
    assert list(changed[1:]) == others


def test_cells_without_a_step_are_explained_once_per_reason() -> None:
    covered = Cell("guardduty", HERE, "membership", frozenset({M}), Status.COVERED, "member account")
    gap = replace(covered, status=Status.GAP, gap=Gap.BLOCKED, reason="no", next_step="do", who="me")
    cells = [covered, replace(covered, accounts=frozenset({D})), gap, replace(gap, gap=Gap.TO_DO), replace(gap, in_scope=False)]
    said = explanations(cells)
    assert said == [
        NoChange("guardduty", HERE, "membership", frozenset({M, D}), "member account"),
        Blocker("guardduty", HERE, "membership", frozenset({M}), "no", "do", "me"),
    ]
