"""What the notebook of the stack may be asked for: deploy, update, recover, delete, or only to look.

The library decides and calls, as for the commands of the same names; here stands what is shown and asked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from runbook_lib.base.text import counted
from runbook_lib.display import sections
from runbook_lib.display.notes import Facts, Folded, Lines, Notes
from runbook_lib.evidence.people.four_eyes import nobody_here
from runbook_lib.notebook.question import SHORT
from runbook_lib.phase_run.record import RunRecord
from runbook_lib.phase_run.scope_parameter import BadParameter
from runbook_lib.plan.decision import Question
from runbook_lib.plan.decision import given as decision_of
from runbook_lib.stack.bundle import Bundle, pack
from runbook_lib.stack.deployment import Deployment, PlannedTask, hindrance
from runbook_lib.stack.installing import Installer, exit_code
from runbook_lib.stack.outcome import staying
from runbook_lib.stack.template import tasks
from runbook_lib.stack.wheels import libraries


@dataclass
class Operation:
    """One thing that a stack is asked to do, from looking to its end."""

    installer: Installer
    record: RunRecord
    bucket: str
    """The bucket that was named; "" for that of the stack."""
    given: tuple[Path, ...]
    """Approvals that were given."""

    verb: ClassVar[str] = ""
    changes: ClassVar[bool] = True
    """Whether it changes the stack."""
    phrase_is_enough: ClassVar[bool] = True
    """Whether typing the stack's name says yes where nobody sits at the screen: no plan has to be approved."""

    @property
    def title(self) -> str:
        return f"{self.verb} stack {self.installer.name}"

    def refuse(self) -> None:
        """Raise what does not fit, before anything is changed."""
        if self.given:
            raise BadParameter(f"approval: to {self.verb} a stack takes none; approvals are for deploy and update")
        self.installer.refuse_stranger()

    def plan(self) -> Notes:
        """What would be done; reads only."""
        raise NotImplementedError

    def hindered(self) -> str:
        """Why it cannot be done now; "" where it can."""
        return ""

    def ask(self, approver: str, ticket: str) -> Question | None:
        """What is asked; None where there is nothing to do."""
        return self._question({"Stays": "everything that the stack has turned on"})

    def _question(self, facts: Mapping[str, object], calls: int = 0, ticket: str = "") -> Question:
        mode, name = self.record.settings.mode, self.installer.name
        about = {"What": self.title, "Account": self.installer.account, "Region": self.installer.around.region, **facts}
        live = mode == "live"
        return Question(f"Decision: {self.title}", mode, about, calls, phrase=name, needs_ticket=live, ticket=ticket)

    def withdraw(self) -> None:
        """Nobody said yes: leave no trace."""

    def carry_out(self) -> None:
        """Do it, and follow it to its end. Raises StackRefused, StackFailed."""
        raise NotImplementedError

    def left(self) -> list[str]:
        """What it has left over."""
        return []


class Looking(Operation):
    """Say where the stack stands."""

    verb, changes, phrase_is_enough = "look at", False, False

    def plan(self) -> Notes:
        return Notes("Nothing is planned: looking changes nothing.")

    def ask(self, approver: str, ticket: str) -> None:
        """Nobody has to be asked."""

    def left(self) -> list[str]:
        state = self.installer.state
        return [f"stack {self.installer.name}: {state or 'there is no such stack'}"] if exit_code(state) else []


class Recovering(Operation):
    """Go on with a rollback that failed."""

    verb = "recover"

    def plan(self) -> Notes:
        self.installer.refuse_no_rollback()
        return Notes("The rollback that failed goes on. The functions answer it by leaving the organization as it is.")

    def carry_out(self) -> None:
        self.installer.recover(())


class Deleting(Operation):
    """Take the stack away, and leave the organization as it is."""

    verb = "delete"

    def plan(self) -> Notes:
        stays = list(staying(self.installer.outputs, tasks(self.record.settings), self.record.parameters))
        return Notes("The stack goes, and nothing that it has turned on goes with it.", Lines(stays))

    def carry_out(self) -> None:
        self.installer.delete()


@dataclass
class Deploying(Operation):
    """Deploy what is planned here, or what was approved before."""

    plans: list[PlannedTask] = field(default_factory=list)
    deployment: Deployment | None = None

    verb, phrase_is_enough = "deploy", False

    def refuse(self) -> None:
        installer, settings = self.installer, self.record.settings
        installer.refuse_stranger()
        installer.refuse_other_organization(settings.organization.id)
        installer.kind()
        if not self.bucket and not installer.stack() and settings.mode == "rehearsal":
            self.bucket = installer.rehearsals_bucket(settings.organization.id)
        there = self.bucket or installer.bucket()
        installer.refuse_bucket(there)
        self.deployment = Deployment(installer, settings, self.record.run.settings, self.record.run, there)

    @property
    def _deployment(self) -> Deployment:
        assert self.deployment is not None, "refuse() first"
        return self.deployment

    def plan(self) -> Notes:
        if self.given:
            decisions = [decision_of(each) for each in self.given]
            self._deployment.orders.clear()
            for each in decisions:
                self._deployment.order_approved(each)
            approved = [sections.decision(each.approval, each.approved) for each in decisions]
            return Notes("Approvals were given: nothing is planned or asked.", *approved)
        self.plans = list(self._deployment.plan())
        concurrency = self.record.settings.concurrency
        shown = [
            Folded(
                f"{each.title}: {_counts(each)}",
                *sections.planned(each.plan, concurrency, each.costs).parts,
            )
            for each in self.plans
        ]
        return Notes("One plan for each resource; approved, it is the resource's order.", *shown)

    def hindered(self) -> str:
        runs = self.record.run.path.parent
        settings, wanted = self.record.settings, self._deployment.wanted(self.plans)
        return hindrance(self.plans, wanted, nobody_here(settings, runs), settings.concurrency)

    def ask(self, approver: str, ticket: str) -> Question | None:
        deployment, wanted = self._deployment, self._deployment.wanted(self.plans)
        deployment.orders.clear()
        for each in wanted:
            deployment.order(each, approver, ticket or "none given")
        if not self._propose():
            return None
        assert deployment.proposal is not None
        calls = sum(len(each.plan.actions) for each in wanted)
        plans = {each.title: _counts(each) for each in wanted}
        return self._question({**plans, "Change set": "; ".join(deployment.proposal.lines())}, calls, ticket)

    def _propose(self) -> bool:
        return self._deployment.propose(self._bundle)

    @cached_property
    def _bundle(self) -> Bundle:
        """What the functions run; in a rehearsal they run on this machine, with what is installed on it."""
        return pack(libraries(None, from_here=self.record.settings.mode == "rehearsal"))

    def withdraw(self) -> None:
        if self._deployment.proposal is not None:
            self._deployment.withdraw()
            self._deployment.proposal = None

    def carry_out(self) -> None:
        if self.given and not self._propose():
            self.installer.say("No changes: the stack is as it was deployed last.")
            return
        self._deployment.carry_out()

    def left(self) -> list[str]:
        return self._deployment.left()


def _counts(planned: PlannedTask) -> str:
    plan = planned.plan
    blocked = f", {counted(len(plan.blockers), 'blocker')}" if plan.blockers else ""
    return f"{counted(len(plan.actions), 'call')}{blocked}, plan {plan.fingerprint[:SHORT]}…"


class Updating(Deploying):
    """Deploy as the stack that is there."""

    verb = "update"

    def refuse(self) -> None:
        self.bucket = self.installer.bucket()
        super().refuse()


OPERATIONS: Mapping[str, type[Operation]] = {
    "deploy": Deploying, "update": Updating, "status": Looking, "recover": Recovering, "delete": Deleting,
}  # fmt: skip


def operation_named(name: str) -> type[Operation]:
    """What is asked for by that name. Raises BadParameter naming all."""
    if name not in OPERATIONS:
        raise BadParameter(f"operation {name!r}: give one of {', '.join(OPERATIONS)}")
    return OPERATIONS[name]


def card_facts(operation: Operation) -> Facts:
    """Where the stack is, or would be, and what is to be done with it."""
    installer, settings = operation.installer, operation.record.settings
    return sections.card(
        settings.mode,
        {
            "Stack": f"{installer.name} in account {installer.account}, {installer.around.region}",
            "To do": operation.title,
            "Organization": settings.organization.id,
            "Management account": settings.organization.management_account,
            "Delegated security account": settings.organization.delegated_account,
            "Settings": operation.record.parameters.name,
            "Run": operation.record.run.name,
        },
    )
