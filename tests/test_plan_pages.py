"""A plan to read in a browser says what plan.md says; the board's page is two printed pages; each decision has a page."""

import datetime as dt
import html
import json
import re
from pathlib import Path

import value_samples as samples

from runbook_lib.base.text import visible
from runbook_lib.evidence.run.folder import RunFolder, RunStatus
from runbook_lib.evidence.run.rehearsed import NEVER, rehearsed_words
from runbook_lib.phase_run.plan_files import write_plan
from runbook_lib.plan import Plan
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.blocks import Block, Code
from runbook_lib.plan.board_page import LINES, board_page
from runbook_lib.plan.document import Change, plan_blocks, plan_page
from runbook_lib.plan.gates import gates, part

NOW = dt.datetime(2026, 11, 23, 7, 46, 11, tzinfo=dt.UTC)
CHANGE = Change("GuardDuty <b>for</b> o-rehearsal001", "Turn it on | everywhere", {samples.MANAGEMENT: "management account"})
PHASE = "20_guardduty"


def words(page: str) -> str:
    whole = re.sub(r"</?span[^>]*>", "", page.partition("<body>")[2])
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", whole)).split())


def large() -> Plan:
    members = [f"{number:012d}" for number in range(900)]
    steps = [
        samples.members_action(f"made-up-{region}", tuple(members[start : start + 50]))
        for region in range(12)
        for start in range(0, 900, 50)
    ]
    steps += [
        samples.action(f"SwitchOnSomethingLong{n}", {"Own": n}, inside_accounts=f"effect {n} " + "and so on " * 40)
        for n in range(60)
    ]
    return samples.plan(steps=tuple(steps), population=frozenset(members))


def test_the_page_says_what_the_document_says() -> None:
    plan = samples.plan()
    said = words(plan_page(plan, CHANGE))
    texts = [each for block in plan_blocks(plan, CHANGE, "2026") for each in _texts(block)]
    assert len(texts) > 100
    for text in texts:
        assert " ".join(text.split()) in said or "2026" in text, text


def _texts(block: Block) -> list[str]:
    if isinstance(block, Code):
        return [visible(line) for line in block.text.split("\n")]
    rows = [cell for row in getattr(block, "rows", ()) for cell in row]
    found = [*rows, *getattr(block, "texts", ()), getattr(block, "text", ""), getattr(block, "lead", "")]
    return [visible(each) for each in found if each]


def test_hostile_texts_stay_texts_and_nothing_is_run_or_loaded() -> None:
    for page in (plan_page(samples.plan(), CHANGE), board_page(samples.plan(), CHANGE, "<script>x")):
        assert "<script" not in page
        assert "<b>for" not in page
        assert "default-src 'none'" in page
        assert not re.findall(r'(?:href|src)="', page)


def test_the_board_s_page_answers_each_question() -> None:
    plan = samples.plan()
    said = words(board_page(plan, CHANGE, "in RUN"))
    for asked in (
        "Change: GuardDuty", "Why Turn it on | everywhere", "Reach ", "What: 5 calls", "Risk ", "Cost ", "Window usually",
        "Way back", "Rehearsed in RUN", "Annex: accounts by id",
    ):  # fmt: skip
        assert asked in said, asked
    assert plan.fingerprint in said
    assert {part(plan, gate).fingerprint for gate in gates(plan)} <= set(re.findall(r"\b[0-9a-f]{64}\b", said))
    assert "snapshots of volumes are taken | and <b>scanned</b>" in said
    assert "Not possible now, and left out" in said
    front = said.partition("Annex")[0]
    assert set(re.findall(r"\b\d{12}\b", said.partition("Annex")[2])) == plan.population
    assert not set(re.findall(r"\b\d{12}\b", front)) & set(samples.MEMBERS[:-2]) - {"000000000001"}


def test_the_board_s_page_of_a_large_plan_has_two_pages_of_lines_and_little_weight() -> None:
    """About 65 lines of 110 characters are on a printed page of this size; the picture of it was looked at in a browser."""
    page = board_page(large(), CHANGE, "in RUN")
    front = page.partition('<section class="annex">')[0].partition("<body>")[2]
    lines = sum(
        max(1, *(-(-len(words("<body>" + cell)) * len(cells) // 100) for cell in cells))
        for block in re.findall(r"<(?:tr|p|li|h\d)>.*?</(?:tr|p|li|h\d)>", front, re.DOTALL)
        for cells in [re.split(r"</t[dh]>", block)]
    )
    assert lines < 130
    assert f"{61 - LINES} more kinds, {60 - LINES + 1} calls" in words(page)
    assert len(page.encode()) < 100_000
    assert len(plan_page(large(), CHANGE).encode()) < 500_000


def test_each_decision_has_a_page_and_every_page_leads_on(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path, "rehearsal", NOW, settings=b"", command=[])
    folder, plan = run.phase(PHASE), samples.plan()
    (tmp_path / "index.html").touch()
    write_plan(run, folder, "plan", plan, CHANGE)
    pages = {path.name: path.read_text() for path in folder.path.glob("*.html")}
    asked = gates(plan)
    assert len(asked) > 1
    assert set(pages) == {"plan.html", "change.html", *(f"plan-{gate.name}.html" for gate in asked)}
    for name, page in pages.items():
        links = re.findall(r'href="([^"#]+)[^"]*"', page)
        assert all((folder.path / each).exists() for each in links), name
        assert {"../../index.html", *pages} - {name} == set(links), name
    for gate in asked:
        assert part(plan, gate).fingerprint in pages[f"plan-{gate.name}.html"]
    assert plan_file.load(folder.plan_json) == plan
    alone = part(plan, asked[0])
    write_plan(run, folder, "plan", alone, CHANGE)
    assert {path.name for path in folder.path.glob("*.html")} == {"plan.html", "change.html"}, "pages of a plan that was"


def test_a_change_names_the_latest_rehearsal_that_applied_it(tmp_path: Path) -> None:
    digest = samples.plan().settings_digest

    def rehearsal(hour: int, state: str, mode: str = "rehearsal") -> RunFolder:
        run = RunFolder.create(tmp_path, mode, NOW + dt.timedelta(hours=hour), settings=b"", command=[])
        folder = run.start_phase(PHASE, NOW)
        folder.plan_json.write_text(plan_file.dumps(samples.plan()))
        run.finish_phase(PHASE, RunStatus.DONE, NOW, {"state": state, "applied": 1234, "failed": 0})
        return run

    live = RunFolder.create(tmp_path, "live", NOW + dt.timedelta(hours=9), settings=b"", command=[])
    assert rehearsed_words(live, PHASE, digest) == NEVER
    rehearsal(0, "applied")
    run = rehearsal(1, "applied")
    rehearsal(2, "planned")
    rehearsal(3, "applied", "live")
    (tmp_path / "20261124T000000Z-rehearsal-0000").mkdir()
    said = rehearsed_words(live, PHASE, digest)
    assert said.startswith(f"{run.name}, 2026-11-23 08:46 UTC")
    assert "done (1,234 applied, 0 failed); of the same settings" in said
    assert rehearsed_words(live, PHASE, "0" * 64).endswith("of other settings than these")
    assert rehearsed_words(live, "30_other", digest) == NEVER
    (run.path / PHASE / "plan.json").write_bytes(b"\xff")
    assert rehearsed_words(live, PHASE, digest).endswith("of other settings than these")
    record = json.loads(run.record_file.read_text())
    assert record["mode"] == "rehearsal"
