"""A plan in a run folder: for machines, for a ticket, for a browser, and for the board that decides about it."""

from runbook_lib.base.files import write_text
from runbook_lib.evidence.index_page import ways_from
from runbook_lib.evidence.run.folder import PhaseFolder, RunFolder
from runbook_lib.evidence.run.rehearsed import rehearsed_words
from runbook_lib.plan import Plan
from runbook_lib.plan import file as plan_file
from runbook_lib.plan.board_page import board_page
from runbook_lib.plan.document import Change, plan_document, plan_page
from runbook_lib.plan.gates import GATES, gates, part


def write_plan(run: RunFolder, folder: PhaseFolder, stem: str, plan: Plan, change: Change) -> None:
    """Write <stem>.json, .md and .html, a page of each decision where there are several, and the board's page beside them."""
    write_text(folder.path / f"{stem}.json", plan_file.dumps(plan))
    write_text(folder.path / f"{stem}.md", plan_document(plan, change))
    asked = gates(plan)
    parts = {f"{stem}-{gate.name}.html": part(plan, gate) for gate in asked} if len(asked) > 1 else {}
    for gate in GATES:  # of a plan that was made before, of another part of the organization
        if (name := f"{stem}-{gate.name}.html") not in parts:
            (folder.path / name).unlink(missing_ok=True)
    decisions = [(f"decision {place} of {len(parts)}", name) for place, name in enumerate(parts, 1)]
    board = f"{stem.replace('plan', 'change', 1)}.html"
    for_board, whole = ("for the change board", board), ("the whole plan", f"{stem}.html")
    own = {f"{stem}.html", f"{stem}.md", board, *parts}
    near = [way for way in ways_from(run, folder, "") if way[1] not in own]
    for place, (name, each) in enumerate(parts.items()):
        ways = [*near[:1], for_board, whole, *decisions[:place], *decisions[place + 1 :], *near[1:]]
        write_text(folder.path / name, plan_page(each, change, ways))
    ways = [*near[:1], for_board, *decisions, *near[1:]]
    write_text(folder.path / f"{stem}.html", plan_page(plan, change, ways))
    rehearsed = rehearsed_words(run, folder.name, plan.settings_digest)
    write_text(folder.path / board, board_page(plan, change, rehearsed, [*near[:1], whole, *decisions, *near[1:]]))
