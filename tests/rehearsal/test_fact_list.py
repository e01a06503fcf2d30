"""Every statement about AWS has a test or a reason; the table in the repository says which."""

from collections import Counter

from fact_list import TABLE, holders, sections, table

SOURCES = {"model", "docs", "docs'23", "code", "issue", "moto", "belief"}


def test_every_statement_has_a_test_or_a_reason_and_not_both() -> None:
    held = holders()
    facts = [fact for each in sections() for fact in each.facts]
    assert [fact.id for fact in facts if (fact.id in held) == bool(fact.not_simulated)] == []


def test_every_marker_names_a_statement() -> None:
    known = {fact.id for each in sections() for fact in each.facts}
    assert sorted(set(holders()) - known) == []


def test_ids_are_unique_and_name_their_section() -> None:
    ids = Counter(fact.id for each in sections() for fact in each.facts)
    assert [fact for fact, count in ids.items() if count > 1] == []
    for each in sections():
        assert all(fact.id.split("-")[1] == each.section for fact in each.facts)
        assert {fact.source for fact in each.facts} <= SOURCES


def test_the_table_is_up_to_date() -> None:
    assert TABLE.read_text(encoding="utf-8") == table(sections(), holders()), "run: python tests/rehearsal/fact_list.py"
