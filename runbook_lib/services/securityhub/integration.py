"""Whether findings of the other services reach Security Hub: each hub takes in a product's findings by a subscription of its own.

AWS makes its own products' subscriptions when a hub is enabled, and anybody may take one away without a word to the service that
goes on sending [docs]. So they are read: in the delegated account, and in the accounts into which settings name a door. Nothing is
planned for it.
"""

from runbook_lib.base.observation import Known, Observation, Unknown
from runbook_lib.coverage import Cells, Status
from runbook_lib.services.aspect import Aspect, Place
from runbook_lib.services.column import OPERATOR
from runbook_lib.services.securityhub.findings import Finding, blocked, cells, covered
from runbook_lib.services.securityhub.membership import findings
from runbook_lib.services.securityhub.observe import senders
from runbook_lib.services.securityhub.spec import NAME
from runbook_lib.services.securityhub.state import State
from runbook_lib.services.spec import INTEGRATION, ServiceSpec
from runbook_lib.settings.sections.securityhub import SecurityHubSection

Here = Place[SecurityHubSection, State]
ACCEPTED, NOT_ACCEPTED = "accepted", "not accepted"


class Integration(Aspect[SecurityHubSection, State]):
    name = INTEGRATION
    told_only = True

    def cells(self, place: Here) -> Cells:
        members = findings(place)
        shown = members.keys() & {place.delegated, place.management, *place.seen.products.get(place.region, {})}
        return tuple(
            cell
            for spec in senders(place.view.settings, place.region)
            for cell in cells(
                place.region,
                INTEGRATION,
                {account: _finding(place, account, spec, members[account]) for account in shown},
                spec.product,
            )
        )


def _finding(place: Here, account: str, spec: ServiceSpec, member: Finding) -> Finding:
    seen = place.seen.products.get(place.region, {}).get(account)
    if named := place.view.excluded_from(NAME, INTEGRATION, account, place.region):
        return Finding(Status.EXCLUDED, named, observed=_word(seen, spec))
    if not spec.exists_in(place.region):
        return Finding(Status.NOT_APPLICABLE, f"there is no {spec.title} in {place.region}", observed=_word(seen, spec))
    if isinstance(seen, Unknown):
        return Finding(Status.UNKNOWN, seen.reason, observed="not read", code=seen.code, next_step=seen.next_step, who=OPERATOR)
    if not isinstance(seen, Known):
        return _not_seen(member)
    if spec.product in seen.value:
        return covered(f"Security Hub takes in findings of {spec.title}", ACCEPTED)
    return blocked(
        f"Security Hub does not take in findings of {spec.title}, wherever they arise: its subscription {spec.product} is missing",
        f"Accept findings in Security Hub of the account and Region (Integrations, AWS: {spec.title}; "
        "securityhub:EnableImportFindingsForProduct), after asking who stopped them, and why; this runbook never does it.",
        "the owner of Security Hub in that account",
        NOT_ACCEPTED,
        ACCEPTED,
    )


def _not_seen(member: Finding) -> Finding:
    """The verdict where no hub could be asked: that of the hub, or of the member; never covered."""
    if member.status is not Status.COVERED:
        return member._replace(reason=f"Security Hub is not on: {member.reason}", observed="none yet", desired="")
    reason = "the account is a member, and its hub did not say whose findings it takes in"
    return Finding(Status.UNKNOWN, reason, observed="not read", next_step="Look again.", who=OPERATOR, code="NotRead")


def _word(seen: Observation[frozenset[str]] | None, spec: ServiceSpec) -> str:
    return (ACCEPTED if spec.product in seen.value else NOT_ACCEPTED) if isinstance(seen, Known) else "not read"
