"""What earlier versions sealed is still verified, and accuses nobody.

`archives/9027535` was made by that commit: three sealed runs with approvals signed by two people, by one after a start record, and
an emergency with its review, under a trust policy. It names no users and no digests of plans, and its signatures have either form.
"""

import shutil
from pathlib import Path

import pytest

from runbook_lib.audit.verify import verify
from runbook_lib.evidence.people.four_eyes import signed_by
from runbook_lib.evidence.people.trust import pinned_trust, read_policy
from runbook_lib.evidence.seal.archive import archive
from runbook_lib.plan.approval import read_approval

BEFORE = Path(__file__).with_name("archives") / "9027535"


@pytest.mark.parametrize("auditor", [False, True])
def test_an_archive_from_before_verifies(auditor: bool) -> None:
    trust = read_policy(BEFORE / "trust.json") if auditor else pinned_trust(BEFORE / "keys")
    seen = verify(BEFORE, trust)
    assert len(seen.runs) == 3
    assert {str(fault.kind) for fault in seen.faults} == (set() if auditor else {"approval defect", "emergency without review"})


def test_what_stands_in_it_is_from_before(tmp_path: Path) -> None:
    """Otherwise the test above proves nothing."""
    found = archive(BEFORE)
    assert all(entry.user is None and not entry.low_s for chain in found.chains.values() for entry in chain.values())
    approvals = [read_approval(path) for path in sorted(BEFORE.glob("*/*/approval.json"))]
    assert {(each.version, each.plan_sha256) for each in approvals} == {(1, "")}
    people = {person.name: key for person, key in read_policy(BEFORE / "trust.json").persons()}
    assert [sorted(name for name, key in people.items() if signed_by(each, key)) for each in approvals] == [
        ["alice", "bob"],
        ["alice"],
        [],
    ]


def test_a_change_of_an_approval_from_before_is_found(tmp_path: Path) -> None:
    root = Path(shutil.copytree(BEFORE, tmp_path / "copy"))
    (first, *_) = sorted(root.glob("*/*/approval.json"))
    first.write_text(first.read_text().replace("CHG-1", "CHG-2"))
    kinds = {str(fault.kind) for fault in verify(root, read_policy(root / "trust.json")).faults}
    assert kinds == {"changed", "approval defect"}
