import html
import re
from dataclasses import replace
from typing import Any

import mistune
import value_samples as samples

from runbook_lib.base.text import visible
from runbook_lib.plan import Plan
from runbook_lib.plan.cli_line import cli_line
from runbook_lib.plan.cost import Charge, Paid, Trials, costs
from runbook_lib.plan.document import Change, plan_document
from runbook_lib.settings.prices import Price, PricesSection

CHANGE = Change(
    "GuardDuty <b>for</b> o-rehearsal001",
    "Turn GuardDuty on | everywhere",
    {samples.MANAGEMENT: "management account", samples.DELEGATED: "delegated administrator account"},
)


def document(plan: Plan | None = None) -> str:
    return plan_document(plan or samples.plan(), CHANGE)


def tree(text: str) -> list[Any]:
    parsed = mistune.create_markdown(renderer="ast", plugins=["table", "strikethrough", "url"])(text)
    assert isinstance(parsed, list)
    return parsed


def words(node: Any) -> str:
    return html.unescape(str(node.get("raw", "")) + "".join(words(child) for child in node.get("children", [])))


def tables(text: str) -> list[list[list[str]]]:
    """Every table as rows of texts, the head first."""
    found = []
    for node in tree(text):
        if node["type"] == "table":
            head, *bodies = node["children"]
            rows = [row["children"] for body in bodies for row in body["children"]]
            found.append([[words(cell) for cell in row] for row in (head["children"], *rows)])
    return found


def headings(text: str, level: int) -> list[str]:
    return [words(node) for node in tree(text) if node["type"] == "heading" and node["attrs"]["level"] == level]


def test_the_parts_that_a_change_board_asks_for_come_in_order() -> None:
    assert headings(document(), 2) == [
        "Purpose", "Decisions", "Calls", "Waits between the calls", "Blast radius", "Changes inside accounts",
        "What it may cost",
        "What is blocked",
        "Not changed, and why", "Back-out, in reverse order", "Accounts",
    ]  # fmt: skip
    assert headings(document(), 1) == ["GuardDuty <b>for</b> o-rehearsal001"]


def test_the_head_names_what_is_approved() -> None:
    plan = samples.plan()
    head = dict(tables(document())[0][1:])
    assert head["Fingerprint of this plan"] == plan.fingerprint
    assert head["Settings digest"] == plan.settings_digest
    assert head["Mode"] == "rehearsal"
    assert head["Organization"] == "o-rehearsal001"
    assert head["Changing calls"] == "5; planned waits: 1"
    assert re.fullmatch(r"usually 31 s \(plan for \d+ min\), reading before and after not included", head["Estimated duration"])
    assert "111111111111 (management account)" in head["Calls are made as"]


def test_hostile_texts_stay_in_their_table_cells() -> None:
    blocked = next(table for table in tables(document()) if table[0][-1] == "Who")
    assert len(blocked) == 1 + len(samples.HOSTILE)
    assert {len(row) for row in blocked} == {7}
    assert [row[4] for row in blocked[1:]] == [f"refused: {visible(name)}" for name in samples.HOSTILE]


def test_markdown_makes_no_link_picture_or_raw_html_of_it() -> None:
    def kinds(nodes: list[Any]) -> set[str]:
        return {node["type"] for node in nodes}.union(*(kinds(node.get("children", [])) for node in nodes))

    assert kinds(tree(document())) <= {
        "heading", "paragraph", "table", "table_head", "table_body", "table_row", "table_cell", "text", "strong", "block_code",
        "blank_line",
    }  # fmt: skip
    assert all(line.isprintable() for line in document().splitlines())


def test_every_call_is_there_with_its_line_and_its_regions() -> None:
    text = document()
    code = [node["raw"] for node in tree(text) if node["type"] == "block_code"]
    for action in (samples.plan().actions[0], samples.plan().actions[2], samples.plan().actions[4]):
        assert any(block.startswith(cli_line(action)) for block in code)
    assert headings(text, 4) == [
        "1. guardduty EnableOrganizationAdminAccount: 2 calls",
        "2. guardduty CreateMembers: 2 calls",
        "3. guardduty UpdateOrganizationConfiguration: 1 call",
    ]
    calls = [dict(table[1:]) for table in tables(text) if "Called as" in dict(table[1:] if len(table[0]) == 2 else [])]
    assert [call["Regions"] for call in calls] == ["us-east-1, us-east-2", "us-east-1, us-east-2", "us-east-1"]


def test_the_back_out_goes_the_other_way_round() -> None:
    behind = document().split("## Back-out, in reverse order")[1]
    numbers = [int(number) for number in re.findall(r"Of call (\d+)", behind)]
    assert numbers == [3, 2, 1]
    assert "not reversible. the earlier value is not known" in behind
    assert "aws guardduty disassociate-members --region us-east-1" in behind
    assert behind.index("disassociate-members") < behind.index("disable-organization-admin-account")


def test_the_blast_radius_adds_services_up() -> None:
    radius = next(table for table in tables(document()) if table[0] == ["Service", "Calls", "Accounts", "Regions"])
    assert radius[-1][:2] == ["all", "5"]
    assert radius[-1][3] == "2: us-east-1, us-east-2"
    assert sum(int(row[1]) for row in radius[1:-1]) == 5


def test_side_effects_are_named() -> None:
    effects = next(table for table in tables(document()) if table[0][0] == "Effect")
    assert effects[1][:3] == [
        "snapshots of volumes are taken | and <b>scanned</b>", "guardduty UpdateOrganizationConfiguration", "us-east-1",
    ]  # fmt: skip


def test_all_accounts_are_listed_by_id_and_none_by_name() -> None:
    behind = document().split("## Accounts")[1]
    assert set(re.findall(r"\b\d{12}\b", behind)) == samples.plan().population
    assert "Email" in document()
    assert "@example.com" not in document()


def test_an_empty_plan_says_so() -> None:
    text = document(samples.plan(steps=(), blockers=(), no_changes=()))
    assert "None: everything asked for is in place already, or blocked." in text
    assert "Nothing to take back." in text
    assert dict(tables(text)[0][1:])["Estimated duration"] == "none"


def test_equal_plans_give_equal_documents_and_no_other_word_changes_with_the_time() -> None:
    first, second = document(), document(samples.plan(created="2027-01-01T00:00:00Z"))
    changed = [(a, b) for a, b in zip(first.splitlines(), second.splitlines(), strict=True) if a != b]
    assert len(changed) == 1
    assert changed[0][0].startswith("| Made |")


def test_a_thousand_members_in_seventeen_regions_stay_a_document() -> None:
    members = [f"{number:012d}" for number in range(1000)]
    regions = [f"made-up-{number}" for number in range(17)]
    steps = [
        samples.members_action(region, tuple(members[start : start + 50])) for region in regions for start in range(0, 1000, 50)
    ]
    steps += [samples.action("Call", {"Own": member}, account=member, affects=frozenset({member})) for member in members]
    text = document(samples.plan(steps=tuple(steps), population=frozenset(members), blockers=()))
    assert len(text) < 200_000
    assert "340 calls" in text
    assert "1,000 calls" in text


def test_costs_say_what_is_unknown_and_what_is_not_estimated() -> None:
    paid = [Charge(Paid("inspector", name, "instances", 15), {"us-east-1": samples.plan().population}) for name in ("EC2", "ECR")]
    prices = PricesSection.model_validate(
        {"currency": "USD", "inspector": {"EC2": Price(price=2, unit="instance | GB", quantity=3)}}
    )
    found = costs(paid, Trials(), prices, ["AWS Config's recording."])
    text = plan_document(samples.plan(), replace(CHANGE, costs=found))
    table = next(each for each in tables(text) if each[0][0] == "Paid feature")
    assert [row[-1] for row in table[1:]] == [f"{len(samples.plan().population) * 6:,.2f} USD", "unknown"]
    assert "for 1 of 2 paid features; 1 not priced" in text
    assert "* AWS Config's recording." in text
