"""Roles that have exactly what the table of permissions gives for one level of a way out, and every request that was decided on."""

import json
from dataclasses import dataclass, field, replace

import pytest
from leaving import Out
from simulated import Simulated

from runbook_lib.rehearsal import permissions as simulation
from runbook_lib.rehearsal.policies.document import Kind, Policy, read
from runbook_lib.rehearsal.policies.evaluation import Attached, Decision, Request, decide
from runbook_lib.services.permissions import CHANGING, OFFBOARDING, RESPONDING, Names, Statement, document, statements
from runbook_lib.services.roles import needed

DOORS = {"management": "RunbookManagement", "delegated": "RunbookDelegated", "member": "RunbookMember"}


@dataclass
class Granted:
    """`begin` gives the roles of a level; `denied` and `unneeded` tell how it went."""

    table: tuple[Statement, ...] = ()
    requests: dict[str, list[tuple[Request, Attached]]] = field(default_factory=dict)
    denied: list[str] = field(default_factory=list)
    _known: dict[Policy, str] = field(default_factory=dict)

    def begin(self, out: Out, level: str, without: str = "") -> None:
        """From now on every role may do what its table says for this level of this service, but for one action."""
        settings = out.simulated.settings
        names = replace(Names.of(settings), leaves={out.service: (level,)}, member_role=DOORS["member"], member_via="delegated")
        self.table = tuple(_less(each, without) for each in statements(names) if each.actions != (without,))
        self.requests, self.denied, self._known = {}, [], {}
        told, accounts = settings.organization, out.world.organization.accounts
        for account in accounts.values():
            kind = {told.management_account: "management", told.delegated_account: "delegated"}.get(account.id, "member")
            if DOORS[kind] in account.roles:
                texts = tuple(json.dumps(document(role, self.table)) for role in (*CHANGING[kind][:1], OFFBOARDING[kind]))
                account.roles[DOORS[kind]].policies = tuple(each for each in texts if json.loads(each)["Statement"])
                self._known.update(dict.fromkeys((read(each, Kind.IDENTITY) for each in texts[:1]), kind))

    def decide(self, request: Request, attached: Attached) -> Decision:
        """In the place of the simulation's."""
        decision = decide(request, attached)
        kind = next((self._known[each] for each in attached.identity if each in self._known), "")
        self.requests.setdefault(kind, []).append((request, attached))
        if not decision.allowed:
            self.denied.append(f"{kind}: {request.action} on {request.resource}")
        return decision

    def unneeded(self) -> set[tuple[str, str]]:
        """Account and action of the policies for leaving, without which nothing would have been denied."""
        return {
            (kind, action)
            for kind, role in OFFBOARDING.items() for statement in self.table if role in statement.roles
            for action in statement.actions if not self._missed(kind, role, statement, action)
        }  # fmt: skip

    def _missed(self, kind: str, role: str, statement: Statement, action: str) -> bool:
        rest = [_less(each, action) if each == statement else each for each in self.table]
        kept = tuple(
            read(json.dumps(document(each, [one for one in rest if one.actions])), Kind.IDENTITY)
            for each in (*CHANGING[kind][:1], role)
        )
        about = [each for each in self.requests.get(kind, ()) if each[0].action == action]
        return any(not decide(request, replace(attached, identity=kept)).allowed for request, attached in about)


def printed(made: Simulated, monkeypatch: pytest.MonkeyPatch, without: str = "") -> list[str]:
    """From now on roles have what `runbook requirements --back-out` prints for them, but for one action; what is denied then."""
    found = {each.name: json.dumps(each.policy) for each in needed(made.settings, back_out=True)}
    assert not without or any(without in text for text in found.values()), without
    told = made.settings.organization
    for number, account in ((told.management_account, "management"), (told.delegated_account, "delegated")):
        names = (*CHANGING[account], OFFBOARDING[account], *(RESPONDING if account == "delegated" else ()))
        texts = tuple(found[name].replace(f'"{without}"', '"none:None"') for name in names if name in found)
        made.front.world.organization.accounts[number].roles[DOORS[account]].policies = texts
    return denials(monkeypatch)


def denials(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the simulation denies from now on: the action and the resource of each request."""
    denied: list[str] = []

    def decided(request: Request, attached: Attached) -> Decision:
        decision = decide(request, attached)
        if not decision.allowed:
            denied.append(f"{request.action} on {request.resource}")
        return decision

    monkeypatch.setattr(simulation, "decide", decided)
    return denied


def _less(statement: Statement, action: str) -> Statement:
    return replace(statement, actions=tuple(each for each in statement.actions if each != action))


def granted(monkeypatch: pytest.MonkeyPatch) -> Granted:
    """Decisions of the simulation are kept from now on."""
    made = Granted()
    monkeypatch.setattr(simulation, "decide", made.decide)
    return made
