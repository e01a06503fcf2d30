"""Aspect "roles": the role by which EventBridge uses a channel that has no policy of its own for it.

One for each such channel, made under a path by which it is found again: it is assumed for the rules of its routes alone, and may do
one thing with that channel. A role that somebody else made under the name is never changed.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from runbook_lib.aws.reader import Reader
from runbook_lib.base.observation import Known, NotYet, Unknown
from runbook_lib.coverage import Cells
from runbook_lib.plan import Action, BackOut
from runbook_lib.plan.outcome import Progress
from runbook_lib.services.aspect import NONE, WHOLE, Planned
from runbook_lib.services.column import SETTINGS_OWNER, Column, to_do
from runbook_lib.services.response import own_roles, policies
from runbook_lib.services.response.names import IAM, LONGEST_TRUST, MARK, ROLE_PATH, ROLE_POLICY, TAG, TAGGED
from runbook_lib.services.response.observe import read_role
from runbook_lib.services.response.part import Here, Part
from runbook_lib.services.response.state import ChannelRole
from runbook_lib.services.response.wanted import WantedRole


class Roles(Part):
    name = "roles"
    calls = frozenset({f"{IAM}:CreateRole", f"{IAM}:PutRolePolicy", f"{IAM}:UpdateAssumeRolePolicy"})

    def cells(self, place: Here) -> Cells:
        return tuple(cell for each in self._roles(place) for cell in self._cells(place, each))

    def _roles(self, place: Here) -> list[WantedRole]:
        return [*self.wanted(place).roles]

    def _cells(self, place: Here, wanted: WantedRole) -> Cells:
        us, found = {place.delegated}, place.seen.roles[wanted.item]
        column = place.column(self.name, wanted.item, wanted.name)
        if isinstance(found, Unknown | NotYet):
            return column.unseen(us, found, "comes first")
        role = found.value
        if not wanted.own and (size := len(policies.written(wanted.trust["Statement"]))) > LONGEST_TRUST:
            why = f"its trust policy would have {size:,} characters, for all its routes, and AWS takes {LONGEST_TRUST:,}"
            step = "Let fewer routes send to this channel, or make fewer routes of them."
            return column.blocked(us, why, step, "none" if role is None else wanted.name, SETTINGS_OWNER)
        if wanted.own:
            return _own(column, us, wanted, role)
        if role is None:
            return column.to_do(us, f"{wanted.user} has no role for this channel", "none")
        return self._there(column, us, wanted, role)

    def _there(self, column: Column, us: set[str], wanted: WantedRole, role: ChannelRole) -> Cells:
        if not role.ours:
            step = f"Give the channel another id, or have the role's owner give up the name: it has no tag {TAG}={TAGGED}."
            return column.blocked(us, f"there is a role {wanted.name} that the runbook did not make", step, "there", SETTINGS_OWNER)
        if not policies.same(role.trust, wanted.trust):
            return column.to_do(us, "its trust policy is not for the rules of settings alone", wanted.name)
        if not policies.same(role.policy, wanted.policy):
            return column.to_do(us, "its policy is not for this channel alone", wanted.name)
        return column.covered(us, f"{wanted.user} may use this channel for these routes, and nothing else", wanted.name)

    def steps(self, place: Here, cells: Cells, stage: str, planned: Planned) -> Sequence[Action]:
        if stage != "delegated":
            return []
        asked = {cell.item for cell in to_do(cells, place.region, self.name)}
        return [step for each in self._roles(place) if each.item in asked for step in _steps(place, each)]

    def effect(self, action: Action, reader: Reader) -> Progress:
        asked: Mapping[str, Any] = action.parameters
        found = read_role(asked["RoleName"], action.account, action.region, reader)
        if found is None:
            return Progress(NONE, {}, "no role")
        if action.operation == "PutRolePolicy":
            there = policies.same(found.policy, policies.read(asked["PolicyDocument"]))
        else:
            wanted = asked.get("AssumeRolePolicyDocument") or asked["PolicyDocument"]
            there = found.ours and policies.same(found.trust, policies.read(wanted))
        return Progress(WHOLE if there else NONE, {}, "there" if there else "there, with another policy")


def _own(column: Column, us: set[str], wanted: WantedRole, role: ChannelRole | None) -> Cells:
    """A role that settings name: shown with what it lets more than it has to, and never changed."""
    owner = f"the owner of the role {wanted.name}"
    if role is None:
        return column.blocked(us, f"there is no role {wanted.arn}", "Make it, or name another one.", "none", SETTINGS_OWNER)
    if why := own_roles.lacks(wanted, role):
        needed = policies.written([*wanted.trust["Statement"], *wanted.policy["Statement"]])
        return column.blocked(
            us, why, f"Have its owner let it; what is needed is, in its trust and a policy: {needed}", "there", owner
        )
    more = own_roles.wider(wanted, role)
    said = f"; wider than this channel needs: {'; '.join(more)}" if more else ", and nothing else"
    return column.covered(us, f"named by settings: EventBridge may use this channel by it for these routes{said}", wanted.name)


def _steps(place: Here, wanted: WantedRole) -> Iterator[Action]:
    seen = place.seen.roles[wanted.item]
    found = seen.value if isinstance(seen, Known) else None
    trust, policy = (policies.written(each["Statement"]) for each in (wanted.trust, wanted.policy))
    said: dict[str, Any] = {"service": IAM, "affects": frozenset({place.delegated})}
    first: tuple[str, ...] = ()
    if found is None:
        parameters = {
            "Path": ROLE_PATH, "RoleName": wanted.name, "AssumeRolePolicyDocument": trust, "Tags": [{"Key": TAG, "Value": TAGGED}],
            "Description": f"{MARK}: {wanted.user} delivers to the channel {wanted.item} by it.",
        }  # fmt: skip
        made = place.action(
            "CreateRole", parameters, reason=f"{wanted.item}: {wanted.user} has no role for this channel", before="no role",
            becomes=f"role {wanted.name}, which {wanted.user} may assume for these routes alone",
            back_out=BackOut("Deletes the role; its policy goes before.", "DeleteRole", {"RoleName": wanted.name}), **said,
        )  # fmt: skip
        first = (made.id,)
        yield made
    elif not policies.same(found.trust, wanted.trust):
        yield _trust(place, wanted, found, trust, said)
    if found is None or not policies.same(found.policy, wanted.policy):
        yield _policy(place, wanted, found, policy, first, said)


def _trust(place: Here, wanted: WantedRole, found: ChannelRole, trust: str, said: Mapping[str, Any]) -> Action:
    before = policies.written(found.trust.get("Statement", ()))
    back = BackOut("Writes its trust as it was.", "UpdateAssumeRolePolicy", {"RoleName": wanted.name, "PolicyDocument": before})
    return place.action(
        "UpdateAssumeRolePolicy", {"RoleName": wanted.name, "PolicyDocument": trust},
        reason=f"{wanted.item}: its role is to be assumed for the rules of settings alone", before=before, becomes=trust,
        back_out=back, **said,
    )  # fmt: skip


def _policy(
    place: Here, wanted: WantedRole, found: ChannelRole | None, policy: str, first: tuple[str, ...], said: Mapping[str, Any]
) -> Action:
    named = {"RoleName": wanted.name, "PolicyName": ROLE_POLICY}
    before = policies.written(found.policy["Statement"]) if found and found.policy else ""
    back = (
        BackOut("Writes its policy as it was.", "PutRolePolicy", {**named, "PolicyDocument": before})
        if before
        else BackOut("The role may do nothing any longer.", "DeleteRolePolicy", named)
    )
    return place.action(
        "PutRolePolicy", {**named, "PolicyDocument": policy}, after=first,
        reason=f"{wanted.item}: its role may do one thing with this channel, and nothing else", before=before or "may do nothing",
        becomes=policy, back_out=back, **said,
    )  # fmt: skip
