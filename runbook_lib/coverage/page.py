"""Coverage as a page to read offline or on paper: the number, what is worst, the picture, then everything that is not covered.

Every gap of the picture leads to the table of what is left of its organizational unit and service. The page stays small however
large the organization is: what has no room is counted, and the CSV beside it has all.
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from runbook_lib.base import html
from runbook_lib.base.account_sets import count_of, named
from runbook_lib.coverage import Cell, Cells, Status, resources
from runbook_lib.coverage import matrix as pictures
from runbook_lib.coverage import summary as summaries
from runbook_lib.coverage.summary import Remaining
from runbook_lib.organization import Organization
from runbook_lib.services.registry import by_name
from runbook_lib.services.spec import GLOBAL
from runbook_lib.settings import Exclusion

FEW = 4
"""Accounts that are named in place; more are a list at the end of the page."""
NAMED = 4
"""Features, standards and the like that are named where they are missing for one reason."""
LARGEST = 5
"""Gaps that are said at the top."""
SOON = 90
"""Days within which an exclusion that ends is said at the top."""
ROOM = {"left": 170_000, "whole": 90_000, "lists": 80_000}
"""Characters for the tables of what is left per unit and service, for the whole table, and for the lists of accounts."""
LEFT = (Status.UNKNOWN, Status.GAP)
GROUPS = {
    Status.UNKNOWN: "Could not be read",
    Status.GAP: "Gaps",
    Status.EXCLUDED: "Excluded",
    Status.NOT_APPLICABLE: "Not applicable",
}
COLUMNS = ("answer", "service", "aspect", "Regions", "accounts", "cells", "reason", "error code", "next step", "who")
STYLE = (
    pictures.RULES
    + """
.headline { font-size: 1.25rem } .headline strong { font-size: 2.6rem; margin-right: .5rem }
.bar { display: flex; height: 1.1rem; border: 1px solid #111; max-width: 40rem }
.bar span { print-color-adjust: exact; -webkit-print-color-adjust: exact }
.b-covered { background: #cdebd3 } .b-gap { background: #9c1c14 }
.b-unknown { background: repeating-linear-gradient(45deg, #fff, #fff 4px, #89a 4px, #89a 8px) }
@page { size: A4 landscape; margin: 12mm }
@media print { table { font-size: 8pt } }
"""
)


@dataclass(frozen=True)
class Around:
    """What the cells do not say: pages near this one (words, relative address), exclusions, and the day of reading."""

    ways: Sequence[tuple[str, str]] = ()
    exclusions: Sequence[Exclusion] = ()
    today: dt.date | None = None
    csv: str = "the CSV beside it"
    """The name of the file that has every single row."""


@dataclass
class _People:
    """Accounts by name, ids beside them; a set of many is listed once, at the end."""

    organization: Organization
    sets: dict[frozenset[str], int] = field(default_factory=dict)

    def one(self, account: str) -> str:
        return named([account], self.organization.account_names)

    def phrase(self, accounts: frozenset[str]) -> str:
        """As HTML."""
        if len(accounts) <= FEW:
            return html.escaped(named(accounts, self.organization.account_names) or "none")
        number = self.sets.setdefault(accounts, len(self.sets) + 1)
        return html.anchor(f"{count_of(accounts)} (list {number})", f"#list-{number}")

    def listed(self, csv: str) -> Iterator[str]:
        room = ROOM["lists"]
        for accounts, number in self.sets.items():
            said = html.escaped(named(accounts, self.organization.account_names))
            room -= len(said)
            said = said if room > 0 else f"Too long for this page: see {html.escaped(csv)}."
            yield html.element("h3", f"List {number}: {count_of(accounts)}", id=f"list-{number}") + f"<p>{said}</p>"


def _named(facts: Mapping[str, str]) -> dict[str, str]:
    """The keys of the JSON file, as a page names them."""
    return {name.capitalize(): value for name, value in facts.items()}


def html_page(cells: Cells, organization: Organization, facts: Mapping[str, str], around: Around | None = None) -> str:
    """The whole page. Equal cells give equal pages."""
    around, inside = around or Around(), [cell for cell in cells if cell.in_scope]
    people, titles = _People(organization), {name: spec.title for name, spec in by_name().items()}
    drawn = pictures.matrices(inside, organization, titles)
    rows = drawn[0].units if drawn else {}
    parts = [
        *_number(inside),
        html.facts({**_named(facts), "Organization": organization.id, **population(organization)}),
        *_largest(inside, people),
        *_nobody(cells),
        *_resources(cells, titles),
        *_ending(around, people),
        *([html.heading("At a glance")] if drawn else []),
        *(each.table(lambda unit, service: f"#left-{_id(rows, unit)}-{service}") for each in drawn),
        *([pictures.legend()] if drawn else []),
        *_sums(cells, inside, organization),
        *_left(inside, organization, rows, titles, people, around.csv),
        *_whole(cells, people, around.csv),
    ]
    lists = list(people.listed(around.csv))
    parts += [html.heading("Lists of accounts"), *lists] if lists else []
    words = " ".join(each for each in (facts.get("phase", ""), f"({facts['mode']})" if "mode" in facts else "") if each)
    return html.page(f"Coverage {words}".strip(), parts, ways=html.ways(around.ways) if around.ways else "", style=STYLE)


def population(organization: Organization) -> dict[str, str]:
    """How many accounts Organizations lists, by state."""
    states: dict[str, set[str]] = {}
    for account in organization.accounts.values():
        states.setdefault(account.state.value, set()).add(account.id)
    parts = ", ".join(f"{len(ids):,} {state}" for state, ids in sorted(states.items()))
    people = _People(organization)
    return {
        "Accounts": f"{count_of(organization.accounts)} ({parts})",
        "Management account": people.one(organization.management_account),
        "Delegated administrator account": people.one(organization.delegated_account),
    }


def _number(inside: Sequence[Cell]) -> Iterator[str]:
    """The number first, and what it is of."""
    counted = summaries.totals(inside)["in scope"]
    asked = counted.covered + counted.gap + counted.unknown
    if not asked:
        yield html.element("p", "<strong>–</strong> nothing in scope to cover", class_="headline")
        return
    gaps = f"{counted.gap:,} gap{'s' * (counted.gap != 1)}, {counted.unknown:,} unknown"
    said = f"covered in scope: {counted.covered:,} of {asked:,}; {gaps}; besides, {counted.excluded:,} excluded on purpose"
    yield html.element("p", f"<strong>{html.escaped(summaries.percent(counted))}</strong> {html.escaped(said)}", class_="headline")
    for words in filter(None, (summaries.idle_words(inside), summaries.unseen_words(inside))):
        yield html.paragraph(words)
    parts = ((counted.covered, "covered"), (counted.gap, "gap"), (counted.unknown, "unknown"))
    bar = "".join(f'<span class="b-{kind}" style="flex:{number}"></span>' for number, kind in parts if number)
    yield html.element("p", bar, class_="bar", aria_hidden="true")


def _largest(inside: Iterable[Cell], people: _People) -> Iterator[str]:
    entries = sorted(_of_any_item(_together(cell for cell in inside if cell.status in LEFT)), key=lambda each: -each[1])
    yield html.heading(f"The {min(LARGEST, len(entries))} largest gaps" if len(entries) > 1 else "Gaps")
    if not entries:
        yield html.paragraph("None: everything in scope is covered.")
        return
    yield _lines([_row(entry, number, people) for entry, number in entries[:LARGEST]])
    if (more := len(entries) - LARGEST) > 0:
        yield html.paragraph(f"{more:,} more below.")


def _of_any_item(entries: Iterable[tuple[Remaining, int]]) -> Iterator[tuple[Remaining, int]]:
    """What differs by its item alone is one gap: features that come with the service are missing where it is off."""
    found: dict[Remaining, list[tuple[Remaining, int]]] = {}
    for entry, number in entries:
        found.setdefault(replace(entry, item="", accounts=frozenset(), regions=()), []).append((entry, number))
    for key, same in found.items():
        items = sorted({entry.item for entry, _ in same} - {""})
        more = [f"{len(items) - NAMED} more"] * (len(items) > NAMED)
        accounts = frozenset[str]().union(*(entry.accounts for entry, _ in same))
        regions = tuple(sorted({region for entry, _ in same for region in entry.regions}))
        item = ", ".join([*items[:NAMED], *more])
        yield replace(key, item=item, accounts=accounts, regions=regions), sum(number for _, number in same)


def _together(cells: Iterable[Cell]) -> list[tuple[Remaining, int]]:
    """One entry per reason, whatever the accounts, with the number of its cells; the urgent first."""
    found: dict[Remaining, tuple[frozenset[str], set[str], int]] = {}
    for entry in summaries.remaining(cells):
        key = replace(entry, accounts=frozenset(), regions=())
        accounts, regions, number = found.get(key, (frozenset(), set(), 0))
        found[key] = (accounts | entry.accounts, regions | set(entry.regions), number + entry.cells)
    return [
        (replace(key, accounts=accounts, regions=tuple(sorted(regions))), number)
        for key, (accounts, regions, number) in found.items()
    ]


def _nobody(cells: Iterable[Cell]) -> Iterator[str]:
    """Accounts × Regions in which nothing of what this page is about is on."""
    seen, watched, inside = dict[str, set[str]](), dict[str, set[str]](), dict[str, set[str]]()
    aside = dict[str, set[str]]()
    for cell in [cell for cell in cells if cell.region != GLOBAL]:
        if cell.status is not Status.NOT_APPLICABLE:
            seen.setdefault(cell.region, set()).update(cell.accounts)
        if cell.status is Status.COVERED:
            watched.setdefault(cell.region, set()).update(cell.accounts)
        if cell.in_scope and cell.status in LEFT:
            inside.setdefault(cell.region, set()).update(cell.accounts)
        if cell.status is Status.EXCLUDED:
            aside.setdefault(cell.region, set()).update(cell.accounts)
    rows = []
    for region in sorted(seen):
        nobody = seen[region] - watched.get(region, set())
        wanted = nobody & inside.get(region, set())
        out = (nobody & aside.get(region, set())) - wanted
        if nobody:
            rows.append((region, len(seen[region]), len(nobody), len(wanted), len(out), len(nobody) - len(wanted) - len(out)))
    yield html.heading("What nobody watches")
    total = sum(len(each) for each in seen.values())
    if not rows:
        yield html.paragraph(f"In each of {total:,} accounts × Regions something is on.")
        return
    said = f"In {sum(row[2] for row in rows):,} of {total:,} accounts × Regions nothing of what this page is about is on."
    yield html.paragraph(said)
    head = ("Region", "accounts", "nobody watches", "of these wanted", "excluded on purpose", "not asked for by settings")
    yield html.table(head, rows)


def _resources(cells: Iterable[Cell], titles: Mapping[str, str]) -> Iterator[str]:
    """What is watched of what runs behind the switches; nothing where nothing was asked."""
    found = resources.counted(cells)
    if not found:
        return
    yield html.heading("Behind the switches")
    yield html.paragraph("Enabled is not watching: what AWS says of the live resources. They do not count in the number above.")
    yield html.table(("service", "live resources"), [(titles.get(name, name), each.sentence) for name, each in found.items()])


def _ending(around: Around, people: _People) -> Iterator[str]:
    """Exclusions that end soon: what is left out on purpose comes back as a gap then, or the file is refused."""
    if around.today is None:
        return
    last = around.today + dt.timedelta(days=SOON)
    soon = sorted((each for each in around.exclusions if each.expires <= last), key=lambda each: (each.expires, each.reason))
    yield html.heading(f"Exclusions that end within {SOON} days")
    if not soon:
        yield html.paragraph("None.")
        return
    rows = [
        (
            f"{each.expires} ({(each.expires - around.today).days} days)",
            _left_out(each, people),
            ", ".join(each.services or ("all services",)),
            each.reason,
            each.owner,
        )
        for each in soon
    ]
    yield html.table(("last day", "left out", "of", "reason", "owner"), rows)


def _left_out(exclusion: Exclusion, people: _People) -> str:
    return (
        people.one(exclusion.account)
        if exclusion.account
        else people.organization.units.get(unit, unit)
        if (unit := exclusion.organizational_unit)
        else str(exclusion.region)
    )


def _sums(cells: Iterable[Cell], inside: Sequence[Cell], organization: Organization) -> Iterator[str]:
    yield html.heading("Sums")
    yield html.table(("", *summaries.COLUMNS), [summaries.row(name, each) for name, each in summaries.totals(cells).items()])
    yield html.paragraph("Coverage is covered / (covered + gap + unknown). Excluded and not applicable are counted apart.")
    for by in summaries.DIMENSIONS[:-1]:  # the units are the rows of the picture
        yield html.table((by, *summaries.COLUMNS), summaries.rows(inside, by, organization), f"In scope, by {by}", total=True)


def _id(rows: Mapping[str, str], unit: str) -> int:
    """A place in the picture, for addresses: units have names of any kind."""
    return list(rows).index(unit)


def _left(
    inside: Iterable[Cell],
    organization: Organization,
    rows: Mapping[str, str],
    titles: Mapping[str, str],
    people: _People,
    csv: str,
) -> Iterator[str]:
    """What is left, per unit and service: where the gaps of the picture lead."""
    unit = pictures.unit_of(organization)
    split: dict[tuple[str, str], list[Cell]] = {}
    for cell in inside:
        if cell.status in LEFT:
            parts: dict[str, set[str]] = {}
            for account in cell.accounts:
                own = unit.get(account, summaries.NO_UNIT)
                parts.setdefault(own if own in rows else pictures.OTHERS, set()).add(account)
            for own, accounts in parts.items():
                split.setdefault((own, cell.service), []).append(replace(cell, accounts=frozenset(accounts)))
    if not split:
        return
    yield html.heading("What is left, by organizational unit and service")
    room, services = ROOM["left"], sorted({service for _, service in split})
    for own, service in [(own, service) for own in rows for service in services if (own, service) in split]:
        entries = _together(split[own, service])
        number = sum(each for _, each in entries)
        title = f"{rows[own]}, {titles.get(service, service)}: {number:,} cells"
        said = _lines([_row(entry, cells, people) for entry, cells in entries]) if room > 0 else ""
        room -= len(said)
        said = said if room > 0 else html.paragraph(f"{len(entries):,} reasons, too many for this page: see {csv}.")
        yield html.element("h3", html.escaped(title), id=f"left-{_id(rows, own)}-{service}") + said


def _whole(cells: Iterable[Cell], people: _People, csv: str) -> Iterator[str]:
    """Everything that is not covered, also out of scope and on purpose."""
    yield html.heading("What remains and why")
    entries, room = _together(cells), ROOM["whole"]
    if not entries:
        yield html.paragraph("Nothing: every cell is covered.")
    for status, found in groupby(sorted(entries, key=lambda each: list(GROUPS).index(each[0].status)), lambda each: each[0].status):
        listed, rows = list(found), list[Sequence[Any]]()
        for entry, number in listed:
            row = _row(entry, number, people) if room > 0 else ()
            room -= sum(map(len, map(str, row))) + 90 * bool(row)
            if row:
                rows.append(row)
        yield _lines(rows, f"{GROUPS[status]}: {sum(number for _, number in listed):,} cells")
        if more := len(listed) - len(rows):
            yield html.paragraph(f"{more:,} more reasons have no room on this page: see {csv}.")


def _row(entry: Remaining, number: int, people: _People) -> tuple[str | int, ...]:
    """One line as HTML; `number` counts its cells, which are not accounts × Regions where sets differ by Region."""
    texts = (entry.answer, entry.service, entry.what, ", ".join(entry.regions))
    rest = (entry.reason, entry.code, entry.next_step, entry.who)
    return (*map(html.escaped, texts), people.phrase(entry.accounts), number, *map(html.escaped, rest))


def _lines(rows: Sequence[Sequence[str | int]], caption: str = "") -> str:
    """The table of such lines, without the columns that none of them fills."""
    filled = [place for place in range(len(COLUMNS)) if any(row[place] != "" for row in rows)]
    return html.table_of([COLUMNS[place] for place in filled], [[row[place] for place in filled] for row in rows], caption)
