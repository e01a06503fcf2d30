"""Leaving Inspector: what its administrator can switch off in members it has to before it dissociates them."""

from collections.abc import Mapping, Sequence
from typing import Any

from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Observation, Unknown
from runbook_lib.coverage import Cells
from runbook_lib.plan import ACCOUNT_ID, Action, BackOut, Direction, ForEach, Step, batches
from runbook_lib.plan.outcome import Outcome, Progress, Verdict
from runbook_lib.services.aspect import NONE, WHOLE, Place
from runbook_lib.services.column import Column, accounts_of
from runbook_lib.services.departure import Ground, Losing, Regional, associated, still_associated, waiting
from runbook_lib.services.departure_levels import Administrator, Delegation, Dissociate, TrustedAccess, still_on
from runbook_lib.services.inspector2.kept import FILTERS, PATHS, READS, SUPPRESSION
from runbook_lib.services.inspector2.kept import read as read_kept
from runbook_lib.services.inspector2.observe import read_members, read_organization, read_scans
from runbook_lib.services.inspector2.spec import NAME, SPEC, TITLE
from runbook_lib.services.inspector2.state import SCAN_TYPES, RegionState, Scans
from runbook_lib.services.inspector2.texts import passing
from runbook_lib.services.kept import KEPT, kept, taking, told_of_kept
from runbook_lib.services.leaving import Departure
from runbook_lib.services.obstacles import Bar
from runbook_lib.services.offers import offered
from runbook_lib.settings.sections.inspector2 import InspectorSection
from runbook_lib.settings.sections.service import ServiceSection

Here = Place[None, RegionState]
AGAIN = "Apply 30_inspector again: settings have to ask for the Region."
NOT_ASSOCIATED = "not yet associated"
REMOVED = "SSM associations and the plug-in on Windows instances are removed."


class StopAutoEnable(Regional[RegionState]):
    name = "stop-auto-enable"
    operations = frozenset({f"{NAME}:UpdateOrganizationConfiguration"})
    losing = (
        Losing(
            f"automatic {TITLE} scanning of accounts that join",
            note="Those that are there keep what they have.",
            of_accounts=False,
        ),
    )
    back = AGAIN

    def contradicted_by(self, section: ServiceSection) -> bool:
        """Where settings leave it open or off, nothing switches it on again."""
        assert isinstance(section, InspectorSection)
        return bool(section.new_accounts)

    def here(self, place: Here, column: Column) -> Cells:
        found = place.seen.organization
        if not isinstance(found, Known):
            code, reason = (found.code, found.reason) if isinstance(found, Unknown) else ("NotYet", "AWS is still designating")
            return column.unknown({place.delegated}, code, reason, "Make the read possible, then look again.")
        on = sorted(name for name, flag in found.value.flags.items() if flag)
        if not on:
            return column.covered({place.delegated}, "nothing is enabled automatically", "off")
        return column.to_do({place.delegated}, "accounts that join are scanned automatically", f"on: {', '.join(on)}")

    def calls(self, ground: Ground[RegionState], place: Here, doing: Cells, before: tuple[str, ...]) -> Sequence[Step]:
        """Every flag is said: what an omitted one means is not documented."""
        found = place.seen.organization
        assert isinstance(found, Known)
        here = [name for scan_type, name in SCAN_TYPES.items() if offered(NAME, scan_type, place.region)]
        flags = dict.fromkeys((*here, *sorted(found.value.flags)), False)
        earlier = {**flags, **found.value.flags}
        call = place.action(
            "UpdateOrganizationConfiguration",
            {"autoEnable": flags},
            after=before,
            affects=frozenset({place.delegated}),
            reason=f"{TITLE} is left in {place.region}",
            before=", ".join(cell.observed for cell in doing),
            becomes="off",
            direction=Direction.LOWERS,
            lane=f"{NAME} organization configuration {place.region}",
            back_out=BackOut("Sets the earlier flags.", "UpdateOrganizationConfiguration", {"autoEnable": earlier}),
        )
        shown = "nothing is enabled automatically"
        return [call, waiting(self, place, "DescribeOrganizationConfiguration", shown, (*before, call.id))]

    def reached(self, step: Step, reader: Reader) -> Progress:
        on = sorted(name for name, flag in read_organization(step.account, step.region, reader).flags.items() if flag)
        return Progress(NONE if on else WHOLE, {}, f"on: {', '.join(on) or 'nothing'}")


class Members(Dissociate[RegionState]):
    operation = "DisassociateMember"
    operations = frozenset({f"{NAME}:DisassociateMember"})
    joining = "AssociateMember"
    already = (NOT_ASSOCIATED,)
    losing = (
        Losing(f"the administrator view of {TITLE} findings", unwatched=True, note="Scanning goes on, and nobody here is told."),
    )
    reaching = Losing("administrator {}", note="They apply to members alone.")
    back = f"{AGAIN} Automatic enabling does not bring back who was a member: they are associated one by one."

    def loses(self, ground: Ground[RegionState]) -> Sequence[Losing]:
        def reached(region: str) -> frozenset[str]:
            return associated(self.members(ground.place(region)))

        return (*self.losing, *taking(self.reaching, kept(ground), (SUPPRESSION, PATHS), reached))

    def members(self, place: Here) -> Observation[Mapping[str, str]]:
        return place.seen.members

    def parameters(self, place: Here) -> Mapping[str, Any]:
        return {"accountId": ACCOUNT_ID}

    def bar(self, ground: Ground[RegionState], place: Here) -> Bar | None:
        return still_on(ground, place, scanned(place.seen.scans))

    def read(self, step: Step, reader: Reader) -> Mapping[str, str]:
        return read_members(step.account, step.region, reader)


class SwitchOff(Regional[RegionState]):
    """Every scan type that is on, of members alone; the delegated account's own when nobody is a member any more."""

    name = "switch-off"
    operations = frozenset({f"{NAME}:Disable"})
    losing = (
        Losing(f"{TITLE} scanning", unwatched=True, note="From now on nothing is looked for."),
        Losing(f"{TITLE} findings, suppression rules and settings", for_good=True, note="AWS deletes them at once."),
    )
    filters = Losing(
        f"{TITLE} {{}} of the administrator", for_good=True, note="AWS deletes them with its findings.", of_accounts=False
    )
    back = f"{AGAIN} It starts without history and without filters, which have to be made again."

    def loses(self, ground: Ground[RegionState]) -> Sequence[Losing]:
        """The administrator's filters are its own: they go when it is switched off itself, after everybody else."""
        own = frozenset({ground.delegated})
        return (*self.losing, *taking(self.filters, kept(ground), (SUPPRESSION, FILTERS), lambda region: own))

    def here(self, place: Here, column: Column) -> Cells:
        made: Cells = ()
        for code, reason, accounts in place.seen.scans.unread:
            made += column.unknown(accounts, code, reason, "Make the read possible, then look again.")
        listed, excluded = place.seen.members, place.view.population.excluded
        if isinstance(listed, Unknown):
            return column.unknown({place.delegated}, listed.code, listed.reason, listed.next_step)
        on = scanned(place.seen.scans)
        made += column.not_applicable(on & excluded, "settings exclude the account, so it is not touched", "on")
        made += column.to_do(on - excluded, "is scanned", "on")
        made += column.covered(place.members - on, "is not scanned from here", "off")
        return made + self._own(place, column)

    def _own(self, place: Here, column: Column) -> Cells:
        own, account = place.seen.own, {place.delegated}
        if not isinstance(own, Known):
            return column.unknown(
                account, "NotRead", "the delegated account's own scans could not be read", "Make the read possible."
            )
        if place.delegated not in scanned(own.value):
            return column.covered(account, "is not scanned", "off")
        if still_associated(place.seen.members, place.delegated):
            step = "Do level dissociate, then this level once more for the delegated account."
            return column.blocked(account, "AWS switches the administrator's own off only when it has no members", step, "on")
        return column.to_do(account, "is scanned", "on")

    def calls(self, ground: Ground[RegionState], place: Here, doing: Cells, before: tuple[str, ...]) -> Sequence[Step]:
        """All that is on is named in every call: AWS leaves an account on for each type that is not."""
        own = place.seen.own.value if isinstance(place.seen.own, Known) else Scans()
        groups: dict[tuple[str, ...], set[str]] = {}
        for account in accounts_of(doing):
            scans = own if account == place.delegated else place.seen.scans
            groups.setdefault(tuple(name for name in SCAN_TYPES if account in _of_type(scans, name)), set()).add(account)
        made: list[Step] = []
        for types, accounts in sorted(groups.items()):
            parameters = {"accountIds": ForEach(ACCOUNT_ID), "resourceTypes": list(types)}
            made += [
                place.action(
                    "Disable",
                    parameters,
                    targets=cut,
                    affects=frozenset(cut),
                    after=before,
                    reason=f"{TITLE} is left in {place.region}",
                    before=f"on: {', '.join(types)}",
                    becomes="off",
                    direction=Direction.LOWERS,
                    inside_accounts=REMOVED,
                    back_out=BackOut("Starts scanning again, without findings and suppression rules.", "Enable", parameters),
                )
                for cut in batches(accounts, SPEC.batches["Disable"])
            ]
        awaited = tuple(accounts_of(doing))
        after = tuple(step.id for step in made)
        return [*made, waiting(self, place, "BatchGetAccountStatus", "nothing is scanned", after, targets=awaited)]

    def reached(self, step: Step, reader: Reader) -> Progress:
        scans = read_scans(step.account, step.region, step.targets, reader)
        unread = frozenset[str]().union(*(accounts for _, _, accounts in scans.unread))
        off = frozenset(step.targets) - scanned(scans) - unread - scans.unassociated
        return Progress(off, {}, f"{len(off)} of {len(step.targets)} are off")

    def answered(self, action: Action, answer: Mapping[str, Any]) -> list[Outcome]:
        """HTTP 200 is not success: see `failedAccounts`. What AWS is still switching on is sent again."""
        failed = {each["accountId"]: str(each.get("errorCode", "")) for each in answer.get("failedAccounts") or ()}
        return [_outcome(target, failed.get(target)) for target in action.targets]


def _outcome(account: str, code: str | None) -> Outcome:
    if code is None:
        return Outcome(account, Verdict.APPLIED)
    verdict = Verdict.FAILED if code == "ACCESS_DENIED" or not passing(code) else Verdict.RETRY
    return Outcome(account, verdict, code)


def _of_type(scans: Scans, scan_type: str) -> frozenset[str]:
    columns = scans.statuses.get(scan_type, {})
    return frozenset[str]().union(*(accounts for status, accounts in columns.items() if status not in ("DISABLED", "DISABLING")))


def scanned(scans: Scans) -> frozenset[str]:
    """Accounts in which anything is on, or being switched on."""
    return frozenset[str]().union(*(_of_type(scans, scan_type) for scan_type in SCAN_TYPES))


def reverse(action: Action, before: frozenset[tuple[str, str]]) -> BackOut:
    """Scan types that were on in these accounts stay on; scanning of functions' code needs that of their packages."""
    if action.operation != "Enable":
        return action.back_out
    types = [each for each in action.parameters["resourceTypes"] if ("scan types", each) not in before]
    if not types:
        return BackOut("All of it was on before.")
    parameters = {"accountIds": ForEach(ACCOUNT_ID), "resourceTypes": types}
    return BackOut("Switches off what was off before; findings of it are deleted.", "Disable", parameters)


class AdministratorAndPaths(Administrator[RegionState]):
    """Of the organization's deep-inspection paths AWS does not say that they are kept without an administrator."""

    paths = Losing(f"{TITLE} {{}} of the organization", for_good=True, note="They have to be set again.", of_accounts=False)

    def loses(self, ground: Ground[RegionState]) -> Sequence[Losing]:
        own = frozenset({ground.delegated})
        return (*self.losing, *taking(self.paths, kept(ground), (PATHS,), lambda region: own))


MEMBERS = Members()
DEPARTURE = Departure(
    SPEC,
    (
        StopAutoEnable(),
        SwitchOff(),
        MEMBERS,
        AdministratorAndPaths(
            SPEC, MEMBERS, (Losing(f"the {TITLE} administrator", note="Its own scanning goes on.", of_accounts=False),), back=AGAIN
        ),
        Delegation(SPEC, back=AGAIN),
        TrustedAccess(),
    ),
    kept=read_kept,
    reads=READS,
    told={KEPT: told_of_kept},
    reverse=reverse,
)
