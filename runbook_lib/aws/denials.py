"""What IAM's refusals say: the action, the kind of policy that denied it, and so who can change that."""

import re
from dataclasses import dataclass

OWNERS = {
    "identity-based policy": "whoever manages the role",
    "permissions boundary": "whoever sets the role's permissions boundary",
    "session policy": "whoever hands out the session (IAM Identity Center, a broker, the CI system)",
    "service control policy": "whoever manages the organization's policies",
    "resource control policy": "whoever manages the organization's policies",
    "VPC endpoint policy": "whoever manages the network's VPC endpoints",
    "resource-based policy": "the owner of the resource",
    "role trust policy": "whoever manages the role",
}
"""The kinds of policy, as refusals spell them → who can change it."""
_KINDS = "|".join(OWNERS)
_DENIAL = re.compile(
    r"not authorized to perform: (?P<action>[\w-]+:\w+).*?"
    rf"(?:because no (?P<missing>{_KINDS}) allows|with an explicit deny in an? (?P<denying>{_KINDS})(?:: (?P<arn>arn:[^\s.]+))?)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Denial:
    """One refusal by a policy."""

    action: str
    policy: str
    """Its kind."""
    explicit: bool
    """Whether a statement denies it; else none allows it."""
    arn: str = ""
    """The policy that denies, where AWS names it: since 2026, service by service, within one account or organization."""

    @property
    def words(self) -> str:
        if not self.explicit:
            return f"no {self.policy} allows it"
        return f"denied by {self.arn or f'an explicit deny in the {self.policy}'}"

    @property
    def owner(self) -> str:
        return OWNERS[self.policy]

    @property
    def next_step(self) -> str:
        change = f"let {self.arn} allow" if self.arn else f"let the {self.policy} allow"
        return f"Have {self.owner} {change} {self.action}."


def denial(message: str) -> Denial | None:
    """What a refusal says; None where it names no kind of policy (IAM User Guide, "Troubleshoot access denied error messages")."""
    found = _DENIAL.search(message)
    if found is None:
        return None
    return Denial(found["action"], found["missing"] or found["denying"], found["missing"] is None, found["arn"] or "")
