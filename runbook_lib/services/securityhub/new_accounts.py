"""What happens to accounts that join later: AutoEnable and AutoEnableStandards, which travel in one call and are always both sent.

A key that settings leave out is left as it is where that means something. Where AutoEnable is off, AutoEnableStandards has no
effect and AWS's own initial value (DEFAULT) cannot be told from a choice, so an absent `new_account_standards` then becomes NONE:
no standard is ever switched on that nobody named. An absent `auto_enable` keeps what is observed; before designation that is AWS's
initial value, off. So the call is the same before and after designation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, Observation, Unknown
from runbook_lib.coverage import Cells
from runbook_lib.plan import Action, BackOut, Direction
from runbook_lib.plan.outcome import Progress
from runbook_lib.services.aspect import NONE, WHOLE, Aspect, Place, Planned
from runbook_lib.services.column import SETTINGS_OWNER, lowering_allowed
from runbook_lib.services.securityhub import observe
from runbook_lib.services.securityhub.findings import Finding, blocked, cells, covered, not_asked, not_managed, to_do, unknown
from runbook_lib.services.securityhub.membership import begins_after
from runbook_lib.services.securityhub.spec import NAME
from runbook_lib.services.securityhub.state import NOT_OBSERVED, Configuration, State
from runbook_lib.settings import Settings
from runbook_lib.settings.sections.securityhub import SecurityHubSection

Here = Place[SecurityHubSection, State]
ASPECT = "auto-enable"
ACCOUNTS = "new accounts"
STANDARDS = "standards for new accounts"


@dataclass(frozen=True)
class Choice:
    """The two values of UpdateOrganizationConfiguration."""

    auto_enable: bool
    standards: str

    def __str__(self) -> str:
        return f"AutoEnable {'on' if self.auto_enable else 'off'}, AutoEnableStandards {self.standards}"


INITIAL = Choice(auto_enable=False, standards="DEFAULT")
"""AWS's values right after designation [model]."""


def current(observation: Observation[Configuration]) -> Choice:
    """What is set now; AWS's initial values where there is no administrator yet."""
    return Choice(observation.value.auto_enable, observation.value.standards) if isinstance(observation, Known) else INITIAL


def wanted(part: SecurityHubSection, now: Choice) -> Choice:
    """What settings want, with both values filled (see the module's first lines)."""
    auto_enable = now.auto_enable if part.auto_enable is None else part.auto_enable
    if part.new_account_standards is not None:
        return Choice(auto_enable, part.new_account_standards.upper())
    return Choice(auto_enable, now.standards if now.auto_enable else "NONE")


def lowering(now: Choice, want: Choice) -> frozenset[str]:
    """The items whose change would take protection from accounts that join later."""
    accounts = {ACCOUNTS} if now.auto_enable and not want.auto_enable else set()
    standards = {STANDARDS} if now.auto_enable and now.standards == "DEFAULT" and want.standards == "NONE" else set()
    return frozenset(accounts | standards)


def moves(settings: Settings, part: SecurityHubSection, observation: Observation[Configuration]) -> tuple[Choice, Choice, Choice]:
    """Now, after the call that lowers nothing, and after the one that lowers what settings permit."""
    now = current(observation)
    want = wanted(part, now)
    lowers = lowering(now, want)
    permitted = {item for item in lowers if lowering_allowed(settings, NAME, ASPECT, item)}
    first = _mix(now, want, kept=lowers)
    return now, first, _mix(now, want, kept=lowers - permitted)


def _mix(now: Choice, want: Choice, kept: frozenset[str] | set[str]) -> Choice:
    return Choice(
        now.auto_enable if ACCOUNTS in kept else want.auto_enable,
        now.standards if STANDARDS in kept else want.standards,
    )


class NewAccounts(Aspect[SecurityHubSection, State]):
    name = ASPECT
    calls = frozenset({"UpdateOrganizationConfiguration"})

    def cells(self, place: Here) -> Cells:
        """New accounts, and their standards."""
        observation = place.seen.configurations.get(place.region, NOT_OBSERVED)
        managed = {ACCOUNTS: place.section.auto_enable is not None, STANDARDS: place.section.new_account_standards is not None}
        made: Cells = ()
        for item in (ACCOUNTS, STANDARDS):
            wanted = _finding(place.view.settings, place.section, observation, item)
            finding = wanted if managed[item] else not_managed(_seen(observation, item))
            if not place.whole and finding.in_scope:
                finding = not_asked(finding, "reaches beyond the notebook's scope")
            made += cells(place.region, ASPECT, {place.delegated: finding}, item)
        return made

    def steps(self, place: Here, cells: Cells, stage: str, planned: Planned) -> Sequence[Action]:
        """The call that lowers nothing, and the one that lowers what settings permit."""
        if stage not in ("delegated", "lowering") or not self.raising(place, cells):
            return []
        observation = place.seen.configurations.get(place.region, NOT_OBSERVED)
        now, first, last = moves(place.view.settings, place.section, observation)
        after = begins_after(planned)
        if stage == "lowering":
            return [_update(place, first, last, stage, after)] if last != first else []
        return [_update(place, now, first, stage, after)] if first != now or not isinstance(observation, Known) else []

    def effect(self, action: Action, reader: Reader) -> Progress:
        now = observe.configuration(reader, action.account, action.region)
        same = (now.auto_enable, now.standards) == (action.parameters["AutoEnable"], action.parameters["AutoEnableStandards"])
        return Progress(WHOLE if same else NONE, {}, f"AutoEnable {now.auto_enable}, AutoEnableStandards {now.standards}")


def _update(place: Here, now: Choice, then: Choice, stage: str, after: tuple[str, ...]) -> Action:
    more = then.auto_enable and (not now.auto_enable or (now.standards, then.standards) == ("NONE", "DEFAULT"))
    direction = Direction.LOWERS if stage == "lowering" else Direction.RAISES if more else Direction.EQUAL
    return Action(
        NAME, "UpdateOrganizationConfiguration", place.delegated, place.region, _sent(then),
        f"Settings for new accounts in {place.region} are {now}, wanted is {then}", frozenset({place.delegated}),
        str(now), str(then),
        BackOut("Accounts that joined in between stay as they are.", "UpdateOrganizationConfiguration", _sent(now)),
        stage, direction, after=after, lane=f"{NAME} organization {place.region}",
        inside_accounts="Nothing in existing accounts; accounts that join later get Security Hub"
        + (" and AWS's default standards." if then.standards == "DEFAULT" else " without standards.") if then.auto_enable else "",
    )  # fmt: skip


def _sent(choice: Choice) -> dict[str, object]:
    return {"AutoEnable": choice.auto_enable, "AutoEnableStandards": choice.standards}


def _seen(observation: Observation[Configuration], item: str) -> str:
    return _value(current(observation), item) if isinstance(observation, Known) else "not read"


def _value(choice: Choice, item: str) -> str:
    return choice.standards if item == STANDARDS else "on" if choice.auto_enable else "off"


def _finding(settings: Settings, part: SecurityHubSection, observation: Observation[Configuration], item: str) -> Finding:
    if isinstance(observation, Unknown):
        return unknown(observation)
    now = current(observation)
    want = wanted(part, now)
    seen, desired = _seen(observation, item), _value(want, item)
    if seen == desired:
        return covered(f"{seen}, as settings want", seen)
    if item in lowering(now, want) and not lowering_allowed(settings, NAME, ASPECT, item):
        return blocked(
            f"{seen}, and settings want {desired}, which lowers protection",
            f'Correct the settings, or permit it under allow_lowering (service {NAME}, aspect "{ASPECT}", item "{item}").',
            SETTINGS_OWNER,
            seen,
            desired,
        )
    return to_do(f"{seen}, settings want {desired}", seen, desired)
