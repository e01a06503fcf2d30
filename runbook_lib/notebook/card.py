"""The card of a notebook: where its run acts, and as whom, and until when."""

import os
from collections.abc import Sequence

from runbook_lib.base.account_sets import count_of, named
from runbook_lib.display import sections
from runbook_lib.display.notes import Facts
from runbook_lib.evidence.run.versions import described
from runbook_lib.phase_run import PhaseRun
from runbook_lib.plan.approval import ApprovalRefused
from runbook_lib.plan.decision import given
from runbook_lib.runbook import managed
from runbook_lib.services.waves import wave_words
from runbook_lib.settings import Settings


def card(run: PhaseRun, earlier: Sequence[str]) -> Facts:
    """The card of one run; `earlier` is what is to be said of the runs before it."""
    names = run.organization.account_names
    organization, settings, runbook, file = run.organization, run.record.settings, run.runbook, run.record.parameters
    facts: dict[str, object] = {
        "Phase": f"{runbook.phase.name}: {runbook.phase.title}",
        "Organization": f"{organization.id} ({count_of(organization.accounts)})",
        "Management account": named([organization.management_account], names),
        "Delegated security account": named([organization.delegated_account], names),
        **{f"Acting in {account} as": f"{arn}, {_found(run, account)}" for account, arn in sorted(organization.callers.items())},
        **({"Takes away": run.record.doing.about} if run.record.doing else {"Regions": ", ".join(_regions(settings))}),
        **({"Regions of members": run.earlier_reads.words} if run.earlier_reads.words else {}),
        "Settings": f"{file.name}, digest {runbook.digest[:16]}, {described(file)}",
        "Scope": sections.scope_words(runbook.scope),
        **({"Wave": wave_words(runbook.scope, settings)} if runbook.in_waves else {}),
        "Settings check": sections.preflight_words(run.remarks),
        "Ticket": _ticket(run),
        "Run": run.record.run.name,
    }
    if earlier:
        facts["Earlier runs"] = "; ".join(earlier)
    return sections.card(settings.mode, facts)


def _found(run: PhaseRun, account: str) -> str:
    """How the credentials were found, and until when they are good."""
    opened = run.runbook.access.card(account)
    remark = f" ({opened.kind.remark})" if opened.kind.remark else ""
    return f"{opened.kind.words} by {opened.source}, {opened.lasts}{remark}"


def _ticket(run: PhaseRun) -> str:
    if run.record.approval:
        try:
            return given(run.record.approval).approval.ticket
        except ApprovalRefused:
            return "none: the approval cannot be read"
    return os.environ.get("RUNBOOK_TICKET") or "none yet; the decision panel asks for it"


def _regions(settings: Settings) -> list[str]:
    """The Regions that settings name for any service they manage."""
    managed_ = settings.sections()
    return sorted({region for phase in managed(settings) if phase.enables for region in managed_[phase.service].regions})
