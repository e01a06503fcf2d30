"""Leaving GuardDuty: members are suspended by their administrator while they are members, or keep their detectors on for good.

A suspended detector keeps its findings and costs nothing. Detectors are not deleted: that can be done in each account alone, and
takes the findings at once.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Observation, Unknown
from runbook_lib.base.privacy import masked
from runbook_lib.coverage import Cells
from runbook_lib.plan import ACCOUNT_EMAIL, ACCOUNT_ID, Action, BackOut, Direction, ForEach, Reference, Step, batches
from runbook_lib.plan.outcome import Outcome, Progress, Verdict
from runbook_lib.services.answers import judge_unprocessed
from runbook_lib.services.aspect import NONE, WHOLE, Place
from runbook_lib.services.column import Column, accounts_of
from runbook_lib.services.departure import Ground, Losing, Regional, associated, members_cells, spelled, waiting
from runbook_lib.services.departure_levels import Administrator, Delegation, Dissociate, TrustedAccess, still_on
from runbook_lib.services.guardduty.detector import FEATURES
from runbook_lib.services.guardduty.kept import KINDS, READS
from runbook_lib.services.guardduty.kept import read as read_kept
from runbook_lib.services.guardduty.observe import detector_found, read_configuration, read_members
from runbook_lib.services.guardduty.spec import NAME, SPEC, TITLE
from runbook_lib.services.guardduty.state import OrganizationConfiguration, RegionState
from runbook_lib.services.guardduty.texts import NOT_ASSOCIATED_YET
from runbook_lib.services.guardduty.wanted import automatic as chosen
from runbook_lib.services.guardduty.wanted import features, items_of
from runbook_lib.services.kept import KEPT, kept, taking, told_of_kept
from runbook_lib.services.leaving import Departure
from runbook_lib.services.obstacles import Bar
from runbook_lib.settings.sections.guardduty import GuardDutySection
from runbook_lib.settings.sections.service import ServiceSection

Here = Place[None, RegionState]
AGAIN = "Apply 20_guardduty again: settings have to ask for the Region."


def _detector(place: Here) -> dict[str, Any]:
    return {"DetectorId": Reference(f"{NAME}:detector", place.delegated, place.region)}


def automatic(found: OrganizationConfiguration) -> dict[str, str]:
    """What is enabled automatically: item → NEW or ALL; "" is the organization's own choice."""
    choices = {"": found.auto_enable, **found.items}
    return {item: choice for item, choice in sorted(choices.items()) if choice not in ("NONE", "")}


def all_of_them(place: Here) -> Bar | None:
    """With ALL anywhere GuardDuty refuses to dissociate or suspend members, and undoes what they do [model][docs]."""
    found = place.seen.configuration
    wide = [item or TITLE for item, choice in automatic(found.value).items() if choice == "ALL"] if isinstance(found, Known) else []
    if isinstance(found, Unknown):
        return Bar(found.reason, found.next_step or "Make the read possible, then look again.")
    if wide:
        return Bar(
            f"auto-enable is ALL for {', '.join(wide)}: GuardDuty refuses it", f"Do level stop-auto-enable in {place.region} first."
        )
    return None


class StopAutoEnable(Regional[RegionState]):
    name = "stop-auto-enable"
    operations = frozenset({f"{NAME}:UpdateOrganizationConfiguration"})
    losing = (
        Losing(
            f"automatic {TITLE} enrolment of accounts that join",
            note="Those that are there keep what they have.",
            of_accounts=False,
        ),
    )
    back = AGAIN

    def contradicted_by(self, section: ServiceSection) -> bool:
        """Where settings ask for nothing automatic, nothing switches it on again."""
        assert isinstance(section, GuardDutySection)
        return any(each not in (None, "NONE") for each in (section.auto_enable, *chosen(section).values()))

    def here(self, place: Here, column: Column) -> Cells:
        found = place.seen.configuration
        if not isinstance(found, Known):
            code, reason = (found.code, found.reason) if isinstance(found, Unknown) else ("NotYet", "AWS is still designating")
            return column.unknown({place.delegated}, code, reason, "Make the read possible, then look again.")
        on = automatic(found.value)
        if not on:
            return column.covered({place.delegated}, "nothing is enabled automatically", "NONE")
        said = ", ".join(f"{item or TITLE} {choice}" for item, choice in on.items())
        return column.to_do({place.delegated}, "accounts that join are enrolled, or features switched on in them", said)

    def calls(self, ground: Ground[RegionState], place: Here, doing: Cells, before: tuple[str, ...]) -> Sequence[Step]:
        """One call with everything that is on, its feature named beside each agent."""
        found = place.seen.configuration
        assert isinstance(found, Known)
        on = {item for item in automatic(found.value) if item}
        none = dict.fromkeys(sorted(on | {item.partition("/")[0] for item in on}), "NONE")
        earlier = {item: found.value.items.get(item) or "NONE" for item in none}
        call = place.action(
            "UpdateOrganizationConfiguration",
            self._sent(place, "NONE", none),
            after=before,
            affects=frozenset({place.delegated}),
            reason=f"{TITLE} is left in {place.region}",
            before=", ".join(cell.observed for cell in doing),
            becomes="NONE",
            direction=Direction.LOWERS,
            lane=f"{NAME} organization configuration {place.region}",
            back_out=BackOut(
                "Sets the earlier choices.", "UpdateOrganizationConfiguration", self._sent(place, found.value.auto_enable, earlier)
            ),
        )
        shown = "nothing is enabled automatically"
        return [call, waiting(self, place, "DescribeOrganizationConfiguration", shown, (*before, call.id))]

    def _sent(self, place: Here, choice: str, values: Mapping[str, str]) -> dict[str, Any]:
        listed = {"Features": features(values, "AutoEnable")} if values else {}
        return {**_detector(place), "AutoEnableOrganizationMembers": choice, **listed}

    def reached(self, step: Step, reader: Reader) -> Progress:
        found = detector_found(step.account, step.region, reader)
        on = automatic(read_configuration(step.account, step.region, found, reader)) if found else {}
        return Progress(NONE if on else WHOLE, {}, f"on: {', '.join(item or TITLE for item in on) or 'nothing'}")


def _statuses(step: Step, reader: Reader) -> Mapping[str, str]:
    found = detector_found(step.account, step.region, reader)
    return read_members(step.account, step.region, found, reader) if found else {}


def _handed_back(action: Action, answer: Mapping[str, Any]) -> list[Outcome]:
    """A repetition and a stranger are refused in the same words, so a read says which it was."""
    found = {}
    for each in answer.get("UnprocessedAccounts") or ():
        account, words = str(each["AccountId"]), str(each.get("Result", ""))
        verdict = Verdict.CONFIRM if NOT_ASSOCIATED_YET in words.lower() else Verdict.FAILED
        found[account] = Outcome(account, verdict, "UnprocessedAccount", masked(words))
    return judge_unprocessed(action, found)


class Members(Dissociate[RegionState]):
    operation = "DisassociateMembers"
    operations = frozenset({f"{NAME}:DisassociateMembers"})
    batch = SPEC.batches["DisassociateMembers"]
    joining = "CreateMembers"
    losing = (
        Losing(f"the administrator view of {TITLE} findings", unwatched=True, note="The detectors go on; nobody here is told."),
    )
    reaching = Losing("administrator {}", note="More findings may appear in the accounts, to fewer eyes.")
    back = (
        f"{AGAIN} The accounts stay listed as Removed until then. What the administrator keeps in its detector stays there, and "
        "reaches them again."
    )

    def loses(self, ground: Ground[RegionState]) -> Sequence[Losing]:
        def reached(region: str) -> frozenset[str]:
            return associated(self.members(ground.place(region)))

        return (*self.losing, *taking(self.reaching, kept(ground), KINDS, reached))

    def members(self, place: Here) -> Observation[Mapping[str, str]]:
        return place.seen.members

    def parameters(self, place: Here) -> Mapping[str, Any]:
        return {**_detector(place), "AccountIds": ForEach(ACCOUNT_ID)}

    def rejoin(self, place: Here) -> Mapping[str, Any]:
        return {**_detector(place), "AccountDetails": ForEach({"AccountId": ACCOUNT_ID, "Email": ACCOUNT_EMAIL})}

    def bar(self, ground: Ground[RegionState], place: Here) -> Bar | None:
        return all_of_them(place) or still_on(ground, place, _monitored(place))

    def read(self, step: Step, reader: Reader) -> Mapping[str, str]:
        return _statuses(step, reader)

    def answered(self, action: Action, answer: Mapping[str, Any]) -> list[Outcome]:
        return _handed_back(action, answer)


def _monitored(place: Here) -> frozenset[str]:
    statuses = place.seen.members.value if isinstance(place.seen.members, Known) else {}
    return frozenset(account for account, status in statuses.items() if spelled(status) == "ENABLED" and account != place.delegated)


class SwitchOff(Regional[RegionState]):
    """Suspends the members' detectors; the administrator's own goes on."""

    name = "switch-off"
    operations = frozenset({f"{NAME}:StopMonitoringMembers"})
    losing = (
        Losing(
            f"{TITLE} monitoring",
            unwatched=True,
            note="Findings are kept. Malware plans for S3 buckets go on, and what agents have left in networks costs on.",
        ),
    )
    back = f"{AGAIN} Members that are suspended are resumed; one that was dissociated is enrolled again."

    def here(self, place: Here, column: Column) -> Cells:
        own = column.unmanaged({place.delegated}, "on", "the administrator's own detector is not switched off from here")
        return (*own, *members_cells(column, place, place.seen.members, {"ENABLED"}))

    def bar(self, ground: Ground[RegionState], place: Here) -> Bar | None:
        return all_of_them(place)

    def calls(self, ground: Ground[RegionState], place: Here, doing: Cells, before: tuple[str, ...]) -> Sequence[Step]:
        named = {**_detector(place), "AccountIds": ForEach(ACCOUNT_ID)}
        made: list[Step] = [
            place.action(
                "StopMonitoringMembers",
                named,
                targets=cut,
                affects=frozenset(cut),
                after=before,
                reason=f"{TITLE} is left in {place.region}",
                before="GuardDuty on",
                becomes="suspended",
                direction=Direction.LOWERS,
                back_out=BackOut("Resumes them.", "StartMonitoringMembers", named),
            )
            for cut in batches(accounts_of(doing), SPEC.batches["StopMonitoringMembers"])
        ]
        after = tuple(step.id for step in made)
        return [*made, waiting(self, place, "ListMembers", "members are suspended", after, targets=tuple(accounts_of(doing)))]

    def reached(self, step: Step, reader: Reader) -> Progress:
        statuses = _statuses(step, reader)
        off = frozenset(each for each in step.targets if spelled(statuses.get(each, "none")) == "DISABLED")
        return Progress(off, {}, f"{len(off)} of {len(step.targets)} are suspended")

    def answered(self, action: Action, answer: Mapping[str, Any]) -> list[Outcome]:
        return _handed_back(action, answer)


def reverse(action: Action, before: frozenset[tuple[str, str]]) -> BackOut:
    """Features that were on in these members stay on."""
    if action.operation != "UpdateMemberDetectors" or action.direction is not Direction.RAISES:
        return action.back_out
    sent = items_of(action.parameters["Features"], "Status")
    off = {item: "DISABLED" for item, value in sent.items() if value and (FEATURES, item) not in before}
    if not off:
        return BackOut("All of it was on before.")
    parameters = {**action.parameters, "Features": features(off, "Status")}
    return BackOut("Switches off what was off before.", action.operation, parameters)


def detector_there(action: Action, reader: Reader) -> Progress:
    """Whether an account has a detector, with whatever features."""
    found = detector_found(action.account, action.region, reader)
    return Progress(WHOLE if found else NONE, {}, "detector" if found else "no detector")


MEMBERS = Members()
DEPARTURE = Departure(
    SPEC,
    (
        StopAutoEnable(),
        SwitchOff(),
        MEMBERS,
        Administrator(
            SPEC, MEMBERS, (Losing(f"the {TITLE} administrator", note="Its own detector stays on.", of_accounts=False),), back=AGAIN
        ),
        Delegation(SPEC, back=AGAIN),
        TrustedAccess(),
    ),
    kept=read_kept,
    reads=READS,
    told={KEPT: told_of_kept},
    undoing={
        f"{NAME}:DeletePublishingDestination": Losing(f"the export of {TITLE} findings", of_accounts=False),
        f"{NAME}:DeleteDetector": Losing(f"{TITLE} findings and settings", for_good=True, note="AWS deletes them at once."),
    },
    made={"CreateDetector": detector_there},
    reverse=reverse,
)
