"""Commands that say what is expected to go wrong in a line, instead of a traceback."""

from typing import Any

import click

from runbook_lib.audit import ending
from runbook_lib.audit.cloudtrail import TrailProblem
from runbook_lib.audit.oscal import NotExported
from runbook_lib.audit.redact import NotRedacted
from runbook_lib.audit.witness_report import WitnessProblem
from runbook_lib.base.documents import DocumentError
from runbook_lib.evidence.run.kept_answers import AnswersBroken
from runbook_lib.plan.approval import ApprovalRefused
from runbook_lib.plan.file import PlanFileError
from runbook_lib.settings.file import SettingsError

EXPECTED: tuple[type[Exception], ...] = (
    *ending.EXPECTED, AnswersBroken, ApprovalRefused, NotExported, NotRedacted, PlanFileError, SettingsError, TrailProblem,
    WitnessProblem, DocumentError,
)  # fmt: skip


class PlainCommand(click.Command):
    """One such command."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except EXPECTED as error:
            raise click.ClickException(str(error)) from None


class PlainGroup(click.Group):
    """A group of such commands."""

    command_class = PlainCommand
