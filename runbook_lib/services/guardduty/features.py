"""Aspect "features": each protection plan and agent in the delegated account and in existing members.

What acts on workloads is switched on in a stage of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Unknown
from runbook_lib.coverage import Cell, Cells, Gap
from runbook_lib.organization import Organization
from runbook_lib.plan import ACCOUNT_ID, Action, BackOut, Direction, ForEach, batches
from runbook_lib.plan.outcome import Outcome, Progress
from runbook_lib.services.aspect import NONE, Aspect, Place, Planned
from runbook_lib.services.column import OPERATOR, SETTINGS_OWNER, Column, accounts_of
from runbook_lib.services.guardduty.detector import FEATURES, detector, listed, own_lacking, wanted_items
from runbook_lib.services.guardduty.inside import enabling, on_workloads
from runbook_lib.services.guardduty.judge import handed_back
from runbook_lib.services.guardduty.membership import Enrolment
from runbook_lib.services.guardduty.observe import detector_found, read_features
from runbook_lib.services.guardduty.spec import MALWARE_PROTECTION, SPEC
from runbook_lib.services.guardduty.state import RegionState
from runbook_lib.services.guardduty.wanted import NEWER, contradictions, existing, features, items_of, superseding, unavailable
from runbook_lib.services.membership import MEMBERSHIP
from runbook_lib.settings import Settings
from runbook_lib.settings.sections.guardduty import GuardDutySection

Here = Place[GuardDutySection, RegionState]
ALWAYS_ON = frozenset({"FLOW_LOGS", "CLOUD_TRAIL", "DNS_LOGS"})
NEVER_ENROLLED = ("AccountSuspended", "EmailVerificationFailed")
EACH_ACCOUNT = ForEach(ACCOUNT_ID)


@dataclass(frozen=True)
class Seen:
    """Accounts by what is known of one item."""

    on: frozenset[str] = frozenset()
    off: frozenset[str] = frozenset()
    governed: frozenset[str] = frozenset()
    """Of `on` and `off`: an Organizations policy decides."""
    later: frozenset[str] = frozenset()
    """Not enrolled yet; a planned step enrols them."""
    stuck: frozenset[str] = frozenset()
    apart: frozenset[str] = frozenset()
    unread: tuple[tuple[str, str, frozenset[str]], ...] = ()


class Features(Aspect[GuardDutySection, RegionState]):
    name = FEATURES
    calls = frozenset({"UpdateDetector", "UpdateMemberDetectors"})
    ranks = ("DISABLED", "ENABLED")

    def __init__(self, members: Enrolment) -> None:
        self._members = members

    def of_members(self, section: GuardDutySection) -> bool:
        return bool(section.features)

    def cells(self, place: Here) -> Cells:
        """Every item that settings name, and those that are on without being named (shown, not managed)."""
        configured = place.seen.configuration.value.items if isinstance(place.seen.configuration, Known) else {}
        contrary = contradictions(place.section, configured)
        cells: list[Cells] = []
        wanted = existing(place.section)
        everyone = place.everyone
        for item, on in wanted.items():
            column = place.column(self.name, item, "ENABLED" if on else "DISABLED")
            if why := unavailable(item, wanted, place.region):
                cells.append(column.not_applicable(everyone, why))
            elif item in contrary:
                reason = "settings want it off, yet auto-enable switches it on in every account that is enrolled"
                step = "Set the feature's auto_enable to NONE, or enabled to true (or leave it out)."
                cells.append(column.blocked(everyone, reason, step, who=SETTINGS_OWNER))
            else:
                seen, included = _seen(place, item), Cells()
                if on and superseding(item):
                    seen, included = _superseded(column, seen, _seen(place, NEWER), _seen(place, superseding(item)))
                note = _note(item, place.view.organization)
                cells += [included, _item(column, seen, on, place.view.settings, note)]
        cells += [
            place.column(self.name, item).unmanaged(_seen(place, item).on, "ENABLED") for item in _shown(place.seen) - set(wanted)
        ]
        return tuple(sorted((cell for each in cells for cell in each), key=lambda cell: (cell.item, sorted(cell.accounts))))

    def steps(self, place: Here, cells: Cells, stage: str, planned: Planned) -> Sequence[Action]:
        if stage == "lowering":
            return [step for cell in self.lowering(place, cells) for step in self._lower(place, cell, planned.usable)]
        if stage not in ("delegated", "workloads"):
            return []
        steps = self._raised(place, cells, stage, planned, workloads=False)
        if stage == "workloads":
            lacking = own_lacking(place, cells, workloads=True)
            steps += [self._own(place, lacking, planned.usable + planned.made_in("prepare"))] if lacking else []
            steps += self._raised(place, cells, stage, planned, workloads=True)
        return steps

    def _raised(self, place: Here, cells: Cells, stage: str, planned: Planned, *, workloads: bool) -> list[Action]:
        """One feature set of a kind for all members that lack any of it; accounts with a governed item get it without that item."""
        lacking = [cell for cell in self.raising(place, cells) if on_workloads(cell.item) == workloads]
        sendable = {item: accounts for item, accounts in self._sendable(cells).items() if on_workloads(item) == workloads}
        groups: dict[tuple[str, ...], set[str]] = {}
        for account in sorted(accounts_of(lacking) & place.members):
            groups.setdefault(tuple(item for item, accounts in sendable.items() if account in accounts), set()).add(account)
        awaited = self._members.awaited(place, cells)
        enrolled_in = self._members.stage(place)
        steps: list[Action] = []
        for items, accounts in sorted(groups.items()):
            if stage == ("workloads" if workloads else enrolled_in if accounts & awaited else "delegated"):
                after = planned.after(MEMBERSHIP, frozenset(accounts))
                steps += [self._send(place, items, "ENABLED", batch, after, stage) for batch in self._cut(accounts)]
        return steps

    def _sendable(self, cells: Cells) -> dict[str, frozenset[str]]:
        """Wanted item → accounts that may be sent it: those that have it or are to get it.

        Not those it is blocked for, nor those that have it by a newer feature, which AWS does not take beside it.
        """
        wanted = [cell for cell in cells if (cell.aspect, cell.desired) == (self.name, "ENABLED") and cell.in_scope]
        wanted = [cell for cell in wanted if cell.observed == "ENABLED" or cell.gap is Gap.TO_DO]
        return {item: accounts_of(cell for cell in wanted if cell.item == item) for item in sorted({cell.item for cell in wanted})}

    def _own(self, place: Here, lacking: Sequence[str], after: tuple[str, ...]) -> Action:
        """What acts on workloads, switched on in the delegated account itself."""
        wanted, own = wanted_items(place, workloads=True), {"DetectorId": detector(place)}
        off = features(dict.fromkeys(lacking, "DISABLED"), "Status")
        delegated = place.delegated
        return place.action(
            "UpdateDetector",
            {**own, "Features": features(wanted, "Status")},
            stage="workloads",
            after=after,
            affects=frozenset({delegated}),
            reason=f"account {delegated} itself lacks features{listed(lacking)}",
            before=f"without{listed(lacking)}",
            becomes="on: " + ", ".join(wanted),
            back_out=BackOut("Switches the features off again that were off.", "UpdateDetector", {**own, "Features": off}),
            inside_accounts=enabling(wanted),
        )

    def _cut(self, accounts: Iterable[str]) -> list[tuple[str, ...]]:
        return batches(accounts, SPEC.batches["UpdateMemberDetectors"])

    def _send(
        self,
        place: Here,
        items: Sequence[str],
        status: str,
        batch: tuple[str, ...],
        after: tuple[str, ...],
        stage: str,
    ) -> Action:
        raising = status == "ENABLED"
        named = {"DetectorId": detector(place), "AccountIds": EACH_ACCOUNT}
        opposite = "DISABLED" if raising else "ENABLED"
        return place.action(
            "UpdateMemberDetectors",
            {**named, "Features": features(dict.fromkeys(items, status), "Status")},
            targets=batch,
            affects=frozenset(batch),
            after=after,
            stage=stage,
            reason=f"{len(batch)} member accounts in {place.region} differ from settings in " + ", ".join(items),
            before=f"one or more {opposite}",
            becomes=", ".join(f"{item} {status}" for item in items),
            direction=Direction.RAISES if raising else Direction.LOWERS,
            back_out=BackOut(
                f"For the accounts and features that were {opposite} before (see the coverage before).",
                "UpdateMemberDetectors",
                {**named, "Features": features(dict.fromkeys(items, opposite), "Status")},
            ),
            inside_accounts=enabling(items) if raising else "",
        )

    def _lower(self, place: Here, cell: Cell, after: tuple[str, ...]) -> list[Action]:
        """Switch one feature off where settings allow exactly that."""
        off = features({cell.item: "DISABLED"}, "Status")
        members = cell.accounts - {place.delegated}
        steps = [self._send(place, [cell.item], "DISABLED", batch, after, "lowering") for batch in self._cut(members)]
        if place.delegated not in cell.accounts:
            return steps
        own_detector = {"DetectorId": detector(place)}
        own = place.action(
            "UpdateDetector",
            {**own_detector, "Features": off},
            stage="lowering",
            after=after,
            direction=Direction.LOWERS,
            affects=frozenset({place.delegated}),
            reason=cell.reason,
            before=f"{cell.item} ENABLED",
            becomes=f"{cell.item} DISABLED",
            back_out=BackOut(
                "Switches it on again.", "UpdateDetector", {**own_detector, "Features": features({cell.item: "ENABLED"}, "Status")}
            ),
        )
        return [own, *steps]

    def effect(self, action: Action, reader: Reader) -> Progress:
        found = detector_found(action.account, action.region, reader)
        if not found:
            return Progress(NONE, {}, "no detector")
        now = read_features(action.account, action.region, found, action.targets, reader)
        reached = set(now.read)
        for item, status in items_of(action.parameters["Features"], "Status").items():
            holders = now.on.get(item, NONE)
            reached &= holders if status == "ENABLED" else reached - holders if status else reached
        return Progress(frozenset(reached), {}, f"{len(reached)} of {len(action.targets)} as planned")

    def answered(self, action: Action, answer: Mapping[str, Any]) -> list[Outcome]:
        return handed_back(action, answer)


def _note(item: str, organization: Organization) -> str:
    trusted = organization.trusted_access
    if item == "EBS_MALWARE_PROTECTION" and isinstance(trusted, Known) and MALWARE_PROTECTION not in trusted.value:
        return f" (needs trusted access for {MALWARE_PROTECTION}, which the prerequisites turn on)"
    return ""


def _seen(place: Here, item: str) -> Seen:
    """The delegated account's own detector and the members' columns, put together."""
    seen = place.seen
    own, asked = frozenset({place.delegated}), place.members
    on, off, later, governed = set[str](), set[str](), set[str](), set[str]()
    unread: list[tuple[str, str, frozenset[str]]] = []
    if isinstance(seen.delegated, Unknown):
        unread.append((seen.delegated.code, seen.delegated.reason, own))
    elif not isinstance(seen.delegated, Known) or seen.delegated.value is None:
        later |= own
    else:
        (on if item in seen.delegated.value.on else off).update(own)
        governed |= own if item in seen.delegated.value.governed else set()
    if isinstance(seen.members, Unknown):
        unread.append((seen.members.code, seen.members.reason, asked))
        asked = frozenset()
    statuses = seen.members.value if isinstance(seen.members, Known) else {}
    stuck = frozenset(account for account in asked if statuses.get(account) in NEVER_ENROLLED)
    apart = frozenset(account for account in asked if statuses.get(account) == "RegionDisabled")
    enrolled = frozenset(account for account in asked if statuses.get(account) == "Enabled")
    holders = seen.features.on.get(item, frozenset())
    on |= enrolled & seen.features.read & holders
    off |= (enrolled & seen.features.read) - holders
    governed |= enrolled & seen.features.governed.get(item, frozenset())
    unread += [(code, reason, accounts & enrolled) for code, reason, accounts in seen.features.unread]
    later |= asked - enrolled - stuck - apart
    return Seen(frozenset(on), frozenset(off), frozenset(governed), frozenset(later), stuck, apart, tuple(unread))


def _superseded(column: Column, seen: Seen, feature: Seen, newer: Seen) -> tuple[Seen, Cells]:
    """What is left to compare, and the cells of accounts that have the newer feature in the place of the older one.

    Where the newer one is on without the agent that is asked for, AWS takes the agent under the newer one only.
    """
    elsewhere = seen.off & feature.on
    step = f"Ask for {superseding(column.item)} in settings, in the place of {column.item}."
    reason = f"{NEWER} is on there without this agent, and AWS refuses the older feature beside it"
    return replace(seen, off=seen.off - elsewhere), (
        *column.covered(elsewhere & newer.on, f"covered by {NEWER}, which includes it", superseding(column.item)),
        *column.blocked(elsewhere - newer.on, reason, step, "DISABLED", SETTINGS_OWNER),
    )


def _item(column: Column, seen: Seen, wanted: bool, settings: Settings, note: str) -> Cells:
    right, wrong = (seen.on, seen.off) if wanted else (seen.off, seen.on)
    free, ruled = wrong - seen.governed, wrong & seen.governed
    observed = "DISABLED" if wanted else "ENABLED"
    step = "Change the GuardDuty policy in Organizations, or settings; the API is overridden where a policy governs."
    cells = (
        *column.covered(right, f"is {column.desired}", column.desired),
        *column.blocked(ruled, "governed by policy, which sets it otherwise", step, observed, "the policy's owner"),
        *column.not_applicable(seen.apart, "the Region is not enabled in the account"),
        *(column.to_do(free, f"is off{note}", observed) if wanted else column.wider(free, observed, settings)),
        *_unread(column, seen),
    )
    if not wanted:
        return (*cells, *column.not_applicable(seen.later | seen.stuck, "not enrolled yet; enrolment leaves it off"))
    reason = "the account cannot be enrolled (see membership)"
    return (
        *cells,
        *column.to_do(seen.later, f"comes with GuardDuty itself or after enrolment{note}", "not enrolled"),
        *column.blocked(seen.stuck, reason, "See the membership of these accounts.", who=OPERATOR),
    )


def _unread(column: Column, seen: Seen) -> Cells:
    step = "Make the read possible, then plan again."
    return tuple(cell for code, reason, accounts in seen.unread for cell in column.unknown(accounts, code, reason, step))


def _shown(seen: RegionState) -> set[str]:
    own = seen.delegated.value.on if isinstance(seen.delegated, Known) and seen.delegated.value else frozenset[str]()
    return (set(own) | set(seen.features.on)) - ALWAYS_ON
