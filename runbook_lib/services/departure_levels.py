"""The levels that are alike for all services: dissociating members, the administrator, the delegation, trusted access."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from runbook_lib.aws.reader import Reader
from runbook_lib.base.account_sets import count_of
from runbook_lib.base.observation import Known, Observation, Unknown
from runbook_lib.base.text import counted
from runbook_lib.coverage import Cells, Gap
from runbook_lib.plan import Action, BackOut, Direction, Step, batches
from runbook_lib.plan.outcome import Progress
from runbook_lib.services.aspect import NONE, WHOLE, Place, R
from runbook_lib.services.column import Column, accounts_of
from runbook_lib.services.departure import ASSOCIATED as STILL
from runbook_lib.services.departure import (
    OFF,
    Ground,
    Level,
    Losing,
    Regional,
    members_cells,
    spelled,
    still_associated,
    waiting,
)
from runbook_lib.services.designation import as_seen, listed
from runbook_lib.services.obstacles import MANAGEMENT_OWNER, Bar
from runbook_lib.services.registry import by_name, sentence
from runbook_lib.services.spec import GLOBAL, ServiceSpec

LANE = "leaving"
"""What reaches the whole organization is called one after the other."""


class Dissociate(Regional[R]):
    """Every member stands alone afterwards; what is switched on in it stays on."""

    name = "dissociate"
    operation: str
    """Takes one account, or a list of at most `batch`."""
    listing = "ListMembers"
    batch = 1
    joining: str
    """The call that makes an account a member again."""

    @abstractmethod
    def members(self, place: Place[None, R]) -> Observation[Mapping[str, str]]:
        """Account → AWS's status, as the administrator lists its members."""

    @abstractmethod
    def parameters(self, place: Place[None, R]) -> Mapping[str, Any]:
        """The parameters of `operation`, beside the accounts."""

    def rejoin(self, place: Place[None, R]) -> Mapping[str, Any]:
        """The parameters of `joining`."""
        return self.parameters(place)

    @abstractmethod
    def read(self, step: Step, reader: Reader) -> Mapping[str, str]:
        """The same as `members`, read anew. Raises CallFailed."""

    def here(self, place: Place[None, R], column: Column) -> Cells:
        return members_cells(column, place, self.members(place))

    def calls(self, ground: Ground[R], place: Place[None, R], doing: Cells, before: tuple[str, ...]) -> Sequence[Step]:
        made: list[Step] = [
            place.action(
                self.operation,
                self.parameters(place),
                targets=cut,
                affects=frozenset(cut),
                after=before,
                reason=f"{ground.spec.title} is left in {place.region}",
                before="member account",
                becomes="stands alone",
                direction=Direction.LOWERS,
                back_out=BackOut("Makes them member accounts again.", self.joining, self.rejoin(place)),
            )
            for cut in batches(accounts_of(doing), self.batch)
        ]
        after = tuple(step.id for step in made)
        awaited = tuple(accounts_of(doing))
        return [
            *made,
            waiting(self, place, self.listing, f"no longer among the members: {count_of(awaited)}", after, targets=awaited),
        ]

    def reached(self, step: Step, reader: Reader) -> Progress:
        found = self.read(step, reader)
        gone = frozenset(each for each in step.targets if spelled(found.get(each, "REMOVED")) not in STILL)
        return Progress(gone, {}, f"{len(gone)} of {len(step.targets)} are not members any longer")


class Administrator(Regional[R]):
    """Ends the designation in the Regions that are named, one after the other; the registration in Organizations stays."""

    name = "administrator"
    stage = "management"
    chained = True
    already = ("was not found", "already been disabled")

    def __init__(self, spec: ServiceSpec, members: Dissociate[R], losing: Sequence[Losing], *, back: str = "") -> None:
        self.of_members, self.losing, self.back = members, losing, back
        assert spec.designation is not None
        self.operations = frozenset({f"{spec.name}:{spec.designation.disable_operation}"})

    def here(self, place: Place[None, R], column: Column) -> Cells:
        return column.to_do({place.delegated}, "administers the service here", "administrator")

    def bar(self, ground: Ground[R], place: Place[None, R]) -> Bar | None:
        found = self.of_members.members(place)
        still = still_associated(found, place.delegated)
        if still is None:
            assert isinstance(found, Unknown)
            return Bar(found.reason, found.next_step or "Make the read possible, then look again.")
        if still:
            return Bar(f"still among the members here: {count_of(still)}", f"Do level dissociate in {place.region} first.")
        return None

    def cells(self, ground: Ground[R]) -> Cells:
        """Where a removal is under way already, it is waited for."""
        made: Cells = ()
        for cell in super().cells(ground):
            status = ground.going(cell.region)
            taken = ground.column(cell.region, self.name).in_progress(cell.accounts, "AWS is taking it away", status)
            made += taken if status else (cell,)
        return made

    def calls(self, ground: Ground[R], place: Place[None, R], doing: Cells, before: tuple[str, ...]) -> Sequence[Step]:
        designation = ground.spec.designation
        assert designation is not None
        parameters = {designation.enable_parameter: place.delegated}
        call = place.action(
            designation.disable_operation,
            parameters,
            account=place.management,
            stage=self.stage,
            after=before,
            lane=LANE,
            reason=f"{ground.spec.title} is left in {place.region}",
            affects=frozenset({place.delegated}),
            before=f"{place.delegated} administers {ground.spec.title}",
            becomes="no administrator",
            direction=Direction.LOWERS,
            back_out=BackOut("Designates the same account again.", designation.enable_operation, parameters),
        )
        rest = {"account": place.management, "stage": self.stage, "deadline": 900}
        return [call, waiting(self, place, designation.list_operation, "no administrator is listed", (*before, call.id), **rest)]

    def reached(self, step: Step, reader: Reader) -> Progress:
        """A call is done once AWS is taking the administrator away; it is waited for until none is listed."""
        designation = by_name()[step.service].designation
        assert designation is not None
        found = listed(designation, step.account, step.region, reader)
        under_way = bool(designation.status_field) and all(spelled(status).startswith("DISABL") for status in found.values())
        done = not found or (isinstance(step, Action) and under_way)
        return Progress(WHOLE if done else NONE, {}, as_seen(Known(found)))


class Global(Level[R]):
    """A level that is about the organization as a whole, and reaches every Region at once."""

    stage = "management"

    def lost_in(self, ground: Ground[R]) -> Bar | None:
        """Why nothing may be called."""
        unread = [region for region, found in sorted(ground.administrators.items()) if not isinstance(found, Known)]
        there = [region for region, found in sorted(ground.administrators.items()) if isinstance(found, Known) and found.value]
        by_organizations = ground.spec.designation is not None and not ground.spec.designation.list_operation
        if unread:
            return Bar(
                f"the administrators of {sentence(tuple(unread))} could not be read", "Make the read possible, then look again."
            )
        if there and not by_organizations:
            return Bar(
                f"there still is an administrator in {sentence(tuple(there))}",
                "Take the administrator out of every Region first (level administrator), also of those that settings do not name.",
            )
        return None


class Delegation(Global[R]):
    """Given up only when every Region's list is empty: Organizations would end all of them at once."""

    name = "delegation"

    def __init__(self, spec: ServiceSpec, losing: Sequence[Losing] = (), *, back: str = "") -> None:
        own = Losing(f"the {spec.title} delegation in Organizations", of_accounts=False)
        self.losing, self.back = (own, *losing), back

    @property
    def operations(self) -> frozenset[str]:  # type: ignore[override] # the same for all
        return frozenset({"organizations:DeregisterDelegatedAdministrator"})

    def cells(self, ground: Ground[R]) -> Cells:
        column, found, accounts = ground.column(GLOBAL, self.name), ground.registered, {ground.delegated}
        if not isinstance(found, Known):
            reason = found.reason if isinstance(found, Unknown) else "was not read"
            return column.unknown(
                accounts, found.code if isinstance(found, Unknown) else "NotRead", reason, "Make the read possible."
            )
        if ground.delegated not in found.value:
            whose = f"; {sentence(tuple(sorted(found.value)))} is, which is not ours" if found.value else ""
            return column.covered(accounts, f"not registered in Organizations{whose}", "none")
        if bar := self.lost_in(ground):
            return column.blocked(accounts, bar.reason, bar.next_step, "registered", bar.who)
        return column.to_do(accounts, "registered in Organizations", "registered")

    def steps(self, ground: Ground[R], cells: Cells) -> Sequence[Step]:
        if not [cell for cell in cells if cell.in_scope and cell.gap is Gap.TO_DO]:
            return []
        designation = ground.spec.designation
        assert designation is not None
        parameters = {"AccountId": ground.delegated, "ServicePrincipal": designation.principal}
        return [
            Action(
                "organizations",
                "DeregisterDelegatedAdministrator",
                ground.view.management,
                _any_region(ground),
                parameters,
                f"{ground.spec.title} is left",
                frozenset({ground.delegated}),
                "registered in Organizations",
                "not registered",
                BackOut("Registers the same account again.", "RegisterDelegatedAdministrator", parameters),
                self.stage,
                Direction.LOWERS,
                lane=LANE,
            )
        ]

    already = ("not a registered delegated administrator", "not registered")

    def reached(self, step: Step, reader: Reader) -> Progress:
        assert isinstance(step, Action)
        principal = step.parameters["ServicePrincipal"]
        pages = reader.pages("organizations", "ListDelegatedAdministrators", step.account, step.region, ServicePrincipal=principal)
        there = {each["Id"] for page in pages for each in page.get("DelegatedAdministrators") or ()}
        return Progress(NONE if step.parameters["AccountId"] in there else WHOLE, {}, ", ".join(sorted(there)) or "none")


class TrustedAccess(Global[R]):
    """Never needed, and the most dangerous: nothing is saved by it."""

    name = "trusted-access"
    losing: Sequence[Losing] = (
        Losing("trusted access of the service", unwatched=True, note="No account gets its role any more.", of_accounts=False),
    )
    back = "Apply 00_prerequisites."

    @property
    def operations(self) -> frozenset[str]:  # type: ignore[override] # the same for all
        return frozenset({"organizations:DisableAWSServiceAccess"})

    def cells(self, ground: Ground[R]) -> Cells:
        column, trusted = ground.column(GLOBAL, self.name), ground.view.organization.trusted_access
        if isinstance(trusted, Unknown):
            return column.unknown({ground.view.management}, trusted.code, trusted.reason, trusted.next_step)
        on = trusted.value if isinstance(trusted, Known) else frozenset()
        made: Cells = ()
        for principal in ground.spec.principals:
            row = Column(ground.spec.name, GLOBAL, self.name, principal)
            if principal not in on:
                made += row.covered({ground.view.management}, "trusted access is off", "off")
            elif bar := self._bar(ground):
                made += row.blocked({ground.view.management}, bar.reason, bar.next_step, "on", bar.who)
            else:
                made += row.to_do({ground.view.management}, "trusted access is on", "on")
        return made

    def _bar(self, ground: Ground[R]) -> Bar | None:
        if not isinstance(ground.registered, Known):
            return Bar(
                "the delegated administrators in Organizations could not be read", "Make the read possible, then look again."
            )
        if ground.registered.value:
            return Bar(
                "an account is still registered for the service in Organizations", "Do level delegation first.", MANAGEMENT_OWNER
            )
        return self.lost_in(ground)

    def steps(self, ground: Ground[R], cells: Cells) -> Sequence[Step]:
        made: list[Step] = []
        for cell in cells:
            if cell.in_scope and cell.gap is Gap.TO_DO:
                parameters = {"ServicePrincipal": cell.item}
                made.append(
                    Action(
                        "organizations", "DisableAWSServiceAccess", ground.view.management, _any_region(ground), parameters,
                        f"{ground.spec.title} is left", frozenset({ground.view.management}), "trusted access on",
                        "trusted access off", BackOut("Turns trusted access on again.", "EnableAWSServiceAccess", parameters),
                        self.stage, Direction.LOWERS, after=tuple(step.id for step in made), lane=LANE,
                    )
                )  # fmt: skip
        return made

    def reached(self, step: Step, reader: Reader) -> Progress:
        assert isinstance(step, Action)
        pages = reader.pages("organizations", "ListAWSServiceAccessForOrganization", step.account, step.region)
        on = {each["ServicePrincipal"] for page in pages for each in page.get("EnabledServicePrincipals", ())}
        there = step.parameters["ServicePrincipal"] in on
        return Progress(NONE if there else WHOLE, {}, "on" if there else "off")


def still_on(ground: Ground[Any], place: Place[None, Any], on: frozenset[str]) -> Bar | None:
    """Where the service is to be switched off, it has to be while the accounts are members: afterwards nobody can from here."""
    if ground.leave == OFF and on:
        return Bar(
            f"settings want the service off (exit {OFF}), and it is on in {counted(len(on), 'member')}: once dissociated, only the "
            "accounts themselves can switch it off",
            f"Do level switch-off in {place.region} first.",
        )
    return None


def _any_region(ground: Ground[Any]) -> str:
    return min(ground.administrators)
