"""Two looks at the same cells, side by side."""

from runbook_lib.coverage import Cell, Gap, Status
from runbook_lib.coverage.beside import pairs
from runbook_lib.display import sections


def cell(region: str, accounts: str, reason: str, *, done: bool = False, in_scope: bool = True) -> Cell:
    status, gap = (Status.COVERED, None) if done else (Status.GAP, Gap.TO_DO)
    return Cell("inspector2", region, "dissociate", frozenset(accounts), status, reason, gap=gap, in_scope=in_scope)


BEFORE = (cell("r1", "abc", "member"), cell("r2", "abc", "member"), cell("r3", "z", "elsewhere", in_scope=False))
NOW = (cell("r1", "ab", "removed", done=True), cell("r1", "c", "member"), cell("r2", "ab", "removed", done=True))


def test_each_account_stands_in_one_line_as_it_was_and_as_it_is() -> None:
    found = [(each.regions, "".join(sorted(each.accounts)), each.before, each.now) for each in pairs(BEFORE, NOW)]
    assert sorted(found) == [
        (("r1",), "c", "to do: member", "to do: member"),
        (("r1", "r2"), "ab", "to do: member", "covered: removed"),
        (("r2",), "c", "to do: member", ""),
    ]


def test_what_has_changed_is_shown_first_and_what_has_not_on_demand() -> None:
    changed, same = map(repr, sections.beside(BEFORE, NOW).parts)
    assert "to do: member" in changed
    assert "covered: removed" in changed
    assert "nothing is said" in changed, "an account that is not spoken of any longer is not taken for done"
    assert "1 line" in same
