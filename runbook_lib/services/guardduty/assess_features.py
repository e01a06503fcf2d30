"""The cells of aspect "features": each protection plan and agent in the delegated account and in existing members. Pure."""

from dataclasses import dataclass

from runbook_lib.base.observation import Known, Unknown
from runbook_lib.coverage import Cells
from runbook_lib.organization import Organization
from runbook_lib.services.column import OPERATOR, SETTINGS_OWNER, Column
from runbook_lib.services.guardduty.spec import MALWARE_PROTECTION, NAME
from runbook_lib.services.guardduty.state import RegionState
from runbook_lib.services.guardduty.wanted import contradictions, existing, unavailable
from runbook_lib.services.population import Population
from runbook_lib.settings import Settings
from runbook_lib.settings.sections.guardduty import GuardDutySection

ALWAYS_ON = frozenset({"FLOW_LOGS", "CLOUD_TRAIL", "DNS_LOGS"})
NEVER_ENROLLED = ("AccountSuspended", "EmailVerificationFailed")


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


def feature_cells(
    seen: RegionState, part: GuardDutySection, organization: Organization, settings: Settings, population: Population, region: str
) -> Cells:
    """Every item that settings name, and those that are on without being named (shown, not managed)."""
    configured = seen.configuration.value.items if isinstance(seen.configuration, Known) else {}
    contrary = contradictions(part, configured)
    cells: list[Cells] = []
    wanted = existing(part)
    everyone = population.members[region] | {population.delegated}
    for item, on in wanted.items():
        column = Column(NAME, region, "features", item, "ENABLED" if on else "DISABLED")
        if why := unavailable(item, wanted, region):
            cells.append(column.not_applicable(everyone, why))
        elif item in contrary:
            reason = "settings want it off, yet auto-enable switches it on in every account that is enrolled"
            step = "Set the feature's auto_enable to NONE, or enabled to true (or leave it out)."
            cells.append(column.blocked(everyone, reason, step, who=SETTINGS_OWNER))
        else:
            cells.append(_item(column, _seen(seen, population, region, item), on, settings, _note(item, organization)))
    cells += [_unmanaged(seen, population, region, item) for item in _shown(seen) - set(wanted)]
    return tuple(sorted((cell for each in cells for cell in each), key=lambda cell: (cell.item, sorted(cell.accounts))))


def _note(item: str, organization: Organization) -> str:
    trusted = organization.trusted_access
    if item == "EBS_MALWARE_PROTECTION" and isinstance(trusted, Known) and MALWARE_PROTECTION not in trusted.value:
        return f" (needs trusted access for {MALWARE_PROTECTION}, which the prerequisites turn on)"
    return ""


def _seen(seen: RegionState, population: Population, region: str, item: str) -> Seen:
    """The delegated account's own detector and the members' columns, put together."""
    own, asked = frozenset({population.delegated}), population.members[region]
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


def _unmanaged(seen: RegionState, population: Population, region: str, item: str) -> Cells:
    found = _seen(seen, population, region, item)
    return Column(NAME, region, "features", item).unmanaged(found.on, "ENABLED")
