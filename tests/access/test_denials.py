"""What IAM's refusals say, in each wording that AWS documents, and who is told to change it."""

import pytest

from runbook_lib.aws.denials import Denial, denial

WHO = "User: arn:aws:sts::111122223333:assumed-role/R/s is not authorized to perform: guardduty:GetMembers on resource: *"
SCP = "arn:aws:organizations::111122223333:policy/o-exampleorgid/service_control_policy/p-abcdefgh"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("because no identity-based policy allows the guardduty:GetMembers action", ("identity-based policy", False, "")),
        ("with an explicit deny in an identity-based policy", ("identity-based policy", True, "")),
        ("because no service control policy allows the guardduty:GetMembers action", ("service control policy", False, "")),
        (f"with an explicit deny in a service control policy: {SCP}", ("service control policy", True, SCP)),
        ("with an explicit deny in a resource control policy", ("resource control policy", True, "")),
        ("because no permissions boundary allows the guardduty:GetMembers action", ("permissions boundary", False, "")),
        ("with an explicit deny in a session policy", ("session policy", True, "")),
        ("because no VPC endpoint policy allows the guardduty:GetMembers action", ("VPC endpoint policy", False, "")),
    ],
)
def test_each_kind_of_policy(said: str, expected: tuple[str, bool, str]) -> None:
    found = denial(f"{WHO} {said}")
    assert found == Denial("guardduty:GetMembers", *expected)
    assert found.owner in found.next_step
    assert (found.arn or found.policy) in found.next_step
    assert found.next_step.endswith("allow guardduty:GetMembers.")


@pytest.mark.parametrize("said", ["You don't have permissions to access this resource.", WHO, "The request failed."])
def test_what_names_no_policy_is_none_of_a_policy(said: str) -> None:
    assert denial(said) is None
