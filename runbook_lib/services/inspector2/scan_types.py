"""Aspect "scan types": which are on in the delegated account and in members, and switching them on in batches.

What acts on workloads is switched on in a stage of its own; only where settings want no other type has the delegated account to
begin with it, because designation would switch on more in an account that is off.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from runbook_lib.aws.errors import CallFailed
from runbook_lib.aws.reader import Reader
from runbook_lib.base.account_sets import count_of
from runbook_lib.base.observation import Known, Unknown
from runbook_lib.base.privacy import masked
from runbook_lib.coverage import Cells, Gap, Status
from runbook_lib.plan import ACCOUNT_ID, Action, BackOut, Condition, ForEach, Step, Wait, batches
from runbook_lib.plan.outcome import Outcome, Progress, Verdict
from runbook_lib.services.aspect import NONE, Aspect, Place, Planned
from runbook_lib.services.column import OPERATOR, SETTINGS_OWNER, Column, accounts_of
from runbook_lib.services.inspector2.inside import WORKLOADS, enabling
from runbook_lib.services.inspector2.observe import read_scans
from runbook_lib.services.inspector2.policies import governed
from runbook_lib.services.inspector2.spec import NAME, SPEC
from runbook_lib.services.inspector2.state import SCAN_TYPES, SETTLING, RegionState, Scans
from runbook_lib.services.inspector2.texts import POLICY, passing
from runbook_lib.services.membership import MEMBERSHIP
from runbook_lib.services.offers import offered
from runbook_lib.settings.sections.inspector2 import InspectorSection

Here = Place[InspectorSection, RegionState]
LATER = ("DISABLED", "DISABLING", "SUSPENDING", "")
Accounts = frozenset[str]
Groups = list[tuple[tuple[str, ...], Accounts]]
"""Scan types, and the accounts that they are asked for."""
POLICY_OWNER = "the policy's owner"
POLICY_STEP = "Change the Inspector policy in Organizations, or settings; the API is refused where a policy governs."


def wanted_types(section: InspectorSection, region: str) -> tuple[str, ...]:
    """What existing accounts are to have scanned in a Region, in AWS's spelling, sorted; what the Region lacks is left out."""
    return tuple(sorted(each for each in section.existing_accounts or () if offered(NAME, each, region)))


class ScanTypes(Aspect[InspectorSection, RegionState]):
    name = "scan types"
    calls = frozenset({"Enable"})

    def __init__(self, hidden: Callable[[Here], Mapping[str, Accounts]]) -> None:
        self._hidden = hidden
        """The accounts whose scan types nobody can see, as the membership says."""

    def of_members(self, section: InspectorSection) -> bool:
        return bool(section.existing_accounts)

    def cells(self, place: Here) -> Cells:
        """Each scan type of the delegated account and of members; those that are on without being wanted are shown."""
        chosen, aside, scans = place.section.existing_accounts, self._hidden(place), _together(place)
        cells: list[Cells] = []
        for scan_type in sorted(SCAN_TYPES):
            listed = chosen is not None and scan_type in chosen
            column = place.column(self.name, scan_type, "on" if listed else "off" if chosen else "")
            if listed and not offered(NAME, scan_type, place.region):
                cells.append(column.not_applicable(place.everyone, "not offered in this Region"))
            elif listed:
                cells += [_wanted(column, scans, place, aside), _unknown(column, place, aside)]
            else:
                cells.append(_unwanted(column, _on(scans, scan_type) & place.everyone))
        return tuple(cell for each in cells for cell in each)

    def steps(self, place: Here, cells: Cells, stage: str, planned: Planned) -> Sequence[Step]:
        own = frozenset({place.delegated})
        apart = any(types for types, _ in self._grouped(place, cells, own, workloads=False))
        """Whether the delegated account can be on without a scan type that acts on workloads."""
        if stage == "prepare":
            kinds = (False,) if apart else (False, True)
            groups = [group for workloads in kinds for group in self._lacking(place, cells, own, workloads=workloads)]
            return [step for types, accounts in groups for step in self._enable(place, types, accounts, (), stage)]
        if stage not in ("delegated", "workloads"):
            return []
        workloads = stage == "workloads"
        before = planned.usable + planned.ids(self.name, "prepare")
        enabled: list[Action] = []
        if workloads and apart:
            for types, accounts in self._lacking(place, cells, own, workloads=True):
                enabled += self._enable(place, types, accounts, before, stage)
        for types, accounts in self._lacking(place, cells, place.members, workloads=workloads):
            enabled += self._enable(place, types, accounts, planned.after(MEMBERSHIP, accounts), stage)
        open_cells = [*self.raising(place, cells), *self.under_way(place, cells)]
        pending = accounts_of(cell for cell in open_cells if (cell.item in WORKLOADS) == workloads)
        after = (*before, *(step.id for step in enabled))
        awaited = self._grouped(place, cells, pending, workloads=workloads)
        return [*enabled, *(self._scanning(place, types, accounts, after, stage) for types, accounts in awaited)]

    def _grouped(self, place: Here, cells: Cells, accounts: Accounts, *, workloads: bool) -> Groups:
        """The accounts by what may be asked for them: all wanted types of a kind without those that stand blocked for them.

        Scanning of functions' code needs that of their packages, so a list with the one names the other too.
        """
        wanted = [cell for cell in cells if cell.aspect == self.name]
        wanted = [cell for cell in wanted if cell.status is Status.COVERED or cell.gap in (Gap.TO_DO, Gap.IN_PROGRESS)]
        types = [each for each in wanted_types(place.section, place.region) if (each in WORKLOADS) == workloads]
        if "LAMBDA_CODE" in types:
            types = sorted({*types, "LAMBDA"})
        askable = {each: accounts_of(cell for cell in wanted if cell.item == each) for each in types}
        groups: dict[tuple[str, ...], set[str]] = {}
        for account in sorted(accounts):
            groups.setdefault(tuple(each for each in types if account in askable[each]), set()).add(account)
        return [(asked, frozenset(together)) for asked, together in sorted(groups.items())]

    def _lacking(self, place: Here, cells: Cells, among: Accounts, *, workloads: bool) -> Groups:
        lacking = [cell for cell in self.raising(place, cells) if (cell.item in WORKLOADS) == workloads]
        return self._grouped(place, cells, accounts_of(lacking) & among, workloads=workloads)

    def _enable(
        self, place: Here, types: Sequence[str], accounts: Iterable[str], after: tuple[str, ...], stage: str
    ) -> list[Action]:
        """Switch the wanted scan types on, the full list of the Region whatever is on already."""
        parameters = {"accountIds": ForEach(ACCOUNT_ID), "resourceTypes": list(types)}
        return [
            place.action(
                "Enable",
                parameters,
                targets=batch,
                affects=frozenset(batch),
                after=after,
                stage=stage,
                reason=f"one or more scan types are off in {count_of(batch)} in {place.region}",
                before="one or more off",
                becomes=f"{', '.join(types)} on",
                back_out=BackOut("For the types that were off before (see the coverage before).", "Disable", parameters),
                inside_accounts=enabling(types),
            )
            for batch in batches(accounts, SPEC.batches["Enable"])
        ]

    def _scanning(self, place: Here, types: Sequence[str], accounts: Accounts, after: tuple[str, ...], stage: str) -> Wait:
        listed = ", ".join(types)
        condition = Condition(f"scan types on: {listed}", self.name, tuple(types))
        sentence = f"{listed} are on in {count_of(accounts)} in {place.region}"
        return place.wait("BatchGetAccountStatus", condition, sentence, after, targets=tuple(accounts), stage=stage)

    def reached(self, wait: Wait, reader: Reader) -> Progress:
        return _scanned(wait, wait.condition.wanted, ("ENABLED",), reader)

    def effect(self, action: Action, reader: Reader) -> Progress:
        return _scanned(action, action.parameters["resourceTypes"], ("ENABLED", "ENABLING", SETTLING), reader)

    def answered(self, action: Action, answer: Mapping[str, Any]) -> list[Outcome]:
        """HTTP 200 is not success: see `failedAccounts`."""
        failed = {each["accountId"]: each for each in answer.get("failedAccounts") or ()}
        listed = {each["accountId"] for each in answer.get("accounts") or ()}
        return [_of_account(target, failed.get(target), target in listed) for target in action.targets]


def _of_account(account: str, failed: Mapping[str, Any] | None, listed: bool) -> Outcome:
    if failed is None:
        return Outcome(account, Verdict.APPLIED) if listed else Outcome(account, Verdict.CONFIRM, "NoAnswer", "not in the answer")
    code = str(failed.get("errorCode", ""))
    verdict = Verdict.CONFIRM if code == "ALREADY_ENABLED" else Verdict.RETRY if passing(code) else Verdict.FAILED
    said = masked(str(failed.get("errorMessage", "")))
    # Inspector's reads need not tell who is governed: this may be the only place where it shows.
    return Outcome(account, verdict, code, f"{said.rstrip('.')}. {POLICY_STEP}" if code == POLICY else said)


def _scanned(step: Step, types: Sequence[str], good: Sequence[str], reader: Reader) -> Progress:
    """Whether all these types are on, per target. A failed read of a batch raises what was said."""
    scans = read_scans(step.account, step.region, step.targets, reader)
    unread = frozenset[str]().union(*(accounts for _, _, accounts in scans.unread))
    if unread and unread >= set(step.targets):
        code, reason, _ = scans.unread[0]
        raise CallFailed(code, reason, service=NAME, operation="BatchGetAccountStatus", account=step.account, region=step.region)
    reached = set(step.targets) - unread - scans.unassociated
    refused: dict[str, str] = {}
    for scan_type in types:
        columns = scans.statuses.get(scan_type, {})
        reached &= frozenset[str]().union(*(columns.get(status, NONE) for status in good))
        governed = scans.governed.get(scan_type, NONE)
        refused |= dict.fromkeys(sorted(columns.get("SUSPENDED", NONE)), f"{scan_type} is suspended")
        refused |= dict.fromkeys(sorted(governed - columns.get("ENABLED", NONE)), f"{scan_type} is governed by policy")
    return Progress(frozenset(reached), refused, f"{len(reached)} of {len(step.targets)} accounts have {', '.join(types)} on")


def _together(place: Here) -> Scans:
    """The members' columns and the delegated account's own, as one; with what Organizations says of policies."""
    seen = place.seen
    ruled = governed(seen.policies, place.view, place.region)
    own = seen.own.value if isinstance(seen.own, Known) else Scans()
    names = sorted({*own.statuses, *seen.scans.statuses})
    statuses = {name: _merge(own.statuses.get(name, {}), seen.scans.statuses.get(name, {})) for name in names}
    return Scans(statuses, _merge(_merge(own.governed, seen.scans.governed), ruled), seen.scans.unassociated, seen.scans.unread)


def _merge(one: Mapping[str, Accounts], other: Mapping[str, Accounts]) -> dict[str, Accounts]:
    return {key: one.get(key, frozenset()) | other.get(key, frozenset()) for key in sorted({*one, *other})}


def _on(scans: Scans, scan_type: str) -> Accounts:
    columns = scans.statuses.get(scan_type, {})
    return columns.get("ENABLED", frozenset()) | columns.get("ENABLING", frozenset())


def _wanted(column: Column, scans: Scans, place: Here, aside: Mapping[str, Accounts]) -> Cells:
    asked = (place.members - aside["unknown"]) | {place.delegated}
    columns = {status: accounts & asked for status, accounts in scans.statuses.get(column.item, {}).items()}
    by_policy = scans.governed.get(column.item, frozenset()) & asked
    off = frozenset[str]().union(*(columns.get(status, frozenset()) for status in LATER))
    starting = columns.get("ENABLING", frozenset()) | columns.get(SETTLING, frozenset())
    suspended = columns.get("SUSPENDED", frozenset())
    later = aside["later"] | (scans.unassociated & asked)
    ruled = by_policy & (off | suspended | later)
    mend = "Find out why Inspector is suspended in the account, then plan again."
    return (
        *column.covered(columns.get("ENABLED", ()), "is on", "ENABLED"),
        *column.in_progress(starting, "AWS is switching it on", "ENABLING"),
        *column.to_do(off - by_policy, "is off", "DISABLED"),
        *column.to_do(later - by_policy, "comes after association", "not associated"),
        *column.blocked(ruled, "governed by policy, which sets it otherwise", POLICY_STEP, "DISABLED", POLICY_OWNER),
        *column.blocked(suspended - by_policy, "is suspended in the account", mend, "SUSPENDED"),
        *column.blocked(aside["stuck"], "the account cannot be associated (see membership)", "See the membership.", who=OPERATOR),
        *column.not_applicable(aside["apart"], "the account is not visible, or has not enabled the Region (see membership)"),
    )


def _unknown(column: Column, place: Here, aside: Mapping[str, Accounts]) -> Cells:
    step = "Make the read possible, then plan again."
    seen = place.seen
    unread = list(seen.scans.unread)
    if isinstance(seen.own, Unknown):
        unread.append((seen.own.code, seen.own.reason, frozenset({place.delegated})))
    if isinstance(seen.members, Unknown):
        unread.append((seen.members.code, seen.members.reason, aside["unknown"]))
    return tuple(
        cell for code, reason, accounts in unread for cell in column.unknown(accounts & place.everyone, code, reason, step)
    )


def _unwanted(column: Column, accounts: Accounts) -> Cells:
    if not column.desired:
        return column.unmanaged(accounts, "on")
    step = f"List {column.item} in existing_accounts, or switch it off deliberately; the enabling runbook switches no scanning off."
    reason = "is on although settings do not list it: switching it off lowers protection"
    # Designation itself may switch more on than was asked for; that holds up no other call.
    blocked = column.blocked(accounts, reason, step, "on", SETTINGS_OWNER)
    return tuple(replace(cell, gap=Gap.NOT_ASKED_FOR) for cell in blocked)
