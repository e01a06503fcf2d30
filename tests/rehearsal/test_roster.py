"""Pages of members: whole, in order, and undisturbed by who comes and goes meanwhile."""

from runbook_lib.rehearsal.operations.roster import Roster


def listed(roster: Roster[str], size: int, left_out: str = "") -> list[list[str]]:
    """All pages."""
    found, token = roster.page(None, size, lambda member: member != left_out)
    pages = [found]
    while token is not None:
        found, token = roster.page(token, size, lambda member: member != left_out)
        pages.append(found)
    return pages


def roster_of(*members: str) -> Roster[str]:
    made = Roster[str]()
    for member in members:
        made[member] = member
    return made


def test_pages_are_in_order_and_the_last_has_no_token() -> None:
    assert listed(roster_of("5", "3", "4", "2"), 2) == [["2", "3"], ["4", "5"]]
    assert listed(roster_of("5", "3", "4"), 2) == [["3", "4"], ["5"]]
    assert listed(roster_of("5", "3", "4"), 2, left_out="5") == [["3", "4"]], "nobody is left who is wanted"
    assert listed(roster_of(), 2) == [[]]


def test_a_page_of_no_rows_leads_to_the_first() -> None:
    found, token = roster_of("1", "2").page(None, 0, lambda _: True)
    assert (found, roster_of("1", "2").page(token, 2, lambda _: True)) == ([], (["1", "2"], None))


def test_who_comes_and_goes_between_pages_moves_nobody_else() -> None:
    roster = roster_of("2", "4", "6", "8")
    first, token = roster.page(None, 2, lambda _: True)
    del roster["2"]
    assert roster.pop("4") == "4"
    roster["1"], roster["7"], roster["6"] = "1", "7", "six"
    assert (first, roster.page(token, 3, lambda _: True)) == (["2", "4"], (["six", "7", "8"], None))
