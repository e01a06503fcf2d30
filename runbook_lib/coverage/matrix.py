"""Coverage at a glance: one matrix of organizational unit × service × Region, a sign in each field, without script or image.

The sign says what the colour says, and the shades differ too, so that it can be read in black and white, on paper and aloud.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from runbook_lib.base import html
from runbook_lib.coverage import Cell, Count, Status
from runbook_lib.coverage.summary import NO_UNIT, percent
from runbook_lib.organization import Organization

MOST_UNITS = 25
"""Organizational units that have a row of their own."""
MOST_COLUMNS = 48
"""Columns of one matrix; a service beyond them begins another below."""
OTHERS = "others"
"""In the place of a unit's id: all that have no row of their own."""
KINDS = {
    "covered": ("✓", "all covered"),
    "partly": ("67", "percent covered, the rest gaps"),
    "gap": ("✗", "nothing covered"),
    "unknown": ("?", "something could not be read"),
    "aside": ("–", "excluded or not applicable"),
}
"""Kind of field → its sign, and what it means."""
RULES = """
table.matrix caption { white-space: nowrap } table.matrix th[scope=row] { white-space: normal }
table.matrix td, table.matrix thead th { text-align: center !important; padding: .12rem .1rem; min-width: 1.35rem }
table.matrix td, table.matrix th[scope=row] { vertical-align: middle !important }
table.matrix th.turned { vertical-align: bottom; height: 6.6rem; padding: .3rem .1rem }
table.matrix th.turned span { writing-mode: vertical-rl; transform: rotate(180deg); font-weight: normal; white-space: nowrap }
table.matrix .first { border-left: 3px solid #111 } table.matrix tr.total { border-top: 3px double #111 }
.f-covered, .f-partly, .f-gap, .f-unknown { print-color-adjust: exact; -webkit-print-color-adjust: exact }
td.f-covered, b.f-covered { background: #cdebd3; color: #0a3d17 }
td.f-partly, b.f-partly { background: #ffd977; color: #111; font-weight: bold; outline: 1px dashed #111; outline-offset: -3px }
td.f-gap, b.f-gap { background: #9c1c14; color: #fff; font-weight: bold }
td.f-unknown, b.f-unknown { background: repeating-linear-gradient(45deg, #fff, #fff 4px, #bcd 4px, #bcd 8px); color: #111;
  font-weight: bold; outline: 2px solid #111; outline-offset: -2px }
td.f-aside, b.f-aside { background: #fff; color: #555 }
b.f-covered, b.f-partly, b.f-gap, b.f-unknown, b.f-aside { border: 1px solid #777; padding: 0 .35rem }
table.matrix a { color: inherit; display: block }
@media print { table.matrix { font-size: 7pt; break-inside: avoid } table.matrix td { min-width: 0 }
  table.matrix a { text-decoration: none } }
"""
Field = tuple[str, str, str]
"""Unit, service, Region."""


@dataclass(frozen=True)
class Matrix:
    """Rows are organizational units, columns the Regions of each service; each field has its counts."""

    services: Mapping[str, str]
    """Service → its title, in the order of the columns."""
    units: Mapping[str, str]
    """Unit → what its row is called, in the order of the rows."""
    columns: tuple[tuple[str, str], ...]
    """Service and Region."""
    fields: Mapping[Field, Count]

    def table(self, leads_to: Callable[[str, str], str] = lambda unit, service: "") -> str:
        """The matrix as HTML. `leads_to` gives the address for what is left of a unit and a service; "" for none."""
        rows = [self._row(unit, name, leads_to) for unit, name in self.units.items()]
        return (
            f'<table class="matrix"><caption>{html.escaped(self.title)}</caption><thead>{self._head()}</thead>'
            f"<tbody>{''.join(rows)}</tbody></table>"
        )

    def inside(self) -> str:
        """For a notebook's cell: with the rules that it needs, for the page around it has none of them."""
        return f"<style>{RULES}</style>{self.table()}{legend()}"

    @property
    def title(self) -> str:
        return "Coverage in scope, by organizational unit, service and Region"

    def _head(self) -> str:
        spans = Counter(service for service, _ in self.columns)
        over = "".join(
            html.element("th", html.escaped(title), scope="colgroup", colspan=str(spans[service]), class_="first")
            for service, title in self.services.items()
        )
        under = "".join(
            html.element("th", f"<span>{html.escaped(region)}</span>", scope="col", class_=f"turned{self._edge(place)}")
            for place, (_, region) in enumerate(self.columns)
        )
        corner = '<th scope="col" rowspan="2">organizational unit</th><th scope="col" rowspan="2">covered</th>'
        return f"<tr>{corner}{over}</tr><tr>{under}</tr>"

    def _edge(self, place: int) -> str:
        return " first" if not place or self.columns[place - 1][0] != self.columns[place][0] else ""

    def _row(self, unit: str, name: str, leads_to: Callable[[str, str], str]) -> str:
        cells = []
        for place, (service, region) in enumerate(self.columns):
            counted = self.fields.get((unit, service, region), Count())
            kind = kind_of(counted)
            address = leads_to(unit, service) if kind in ("partly", "gap", "unknown") else ""
            sign = html.anchor(sign_of(counted), address) if address else html.escaped(sign_of(counted))
            cells.append(
                f'<td class="f-{kind}{self._edge(place)}">{sign}</td>' if kind else f'<td class="{self._edge(place)}"></td>'
            )
        all_ = _sum(self.fields.get((unit, *column), Count()) for column in self.columns)
        share = percent(all_) if all_.coverage is not None else "–"
        return f'<tr><th scope="row">{html.escaped(name)}</th><td>{html.escaped(share)}</td>{"".join(cells)}</tr>'

    def __repr__(self) -> str:
        signs = ", ".join(f"{sign} {words}" for sign, words in KINDS.values())
        width = max(len(name) for name in [*self.units.values(), "organizational unit"])
        lines = [f"{self.title} ({signs})"]
        for service, title in self.services.items():
            regions = [region for each, region in self.columns if each == service]
            lines += ["", title, "  ".join([" " * width, *regions])]
            for unit, name in self.units.items():
                fields = (self.fields.get((unit, service, region), Count()) for region in regions)
                signs_here = (sign_of(each).ljust(len(region)) for each, region in zip(fields, regions, strict=True))
                lines.append("  ".join([name.ljust(width), *signs_here]).rstrip())
        return "\n".join(lines)


def legend() -> str:
    """What the signs mean."""
    parts = [f'<b class="f-{kind}">{sign}</b> {html.escaped(words)}' for kind, (sign, words) in KINDS.items()]
    return html.element("p", ", ".join(parts))


def kind_of(counted: Count) -> str:
    """The kind of a field: unknown before gap before partly before covered; "" where nothing was looked at."""
    if counted.unknown:
        return "unknown"
    if counted.coverage is None:
        return "aside" if counted.total else ""
    if counted.gap:
        return "partly" if counted.covered else "gap"
    return "covered"


def sign_of(counted: Count) -> str:
    """The sign of a field; of one that is partly covered its percentage, which is never 0 or 100."""
    kind = kind_of(counted)
    if kind == "partly":
        return str(max(1, 100 * counted.covered // (counted.covered + counted.gap)))
    return KINDS[kind][0] if kind else ""


def unit_of(organization: Organization) -> dict[str, str]:
    """Account → the id of its own, lowest unit."""
    return {each.id: (each.organizational_units or (NO_UNIT,))[-1] for each in organization.accounts.values()}


def matrices(cells: Iterable[Cell], organization: Organization, titles: Mapping[str, str]) -> list[Matrix]:
    """What is in scope, as one matrix, or as few below each other as its columns need; the same rows in each.

    An account counts in its own, lowest unit. The units with most left to do have rows of their own; many others are one row.
    """
    unit, sums = unit_of(organization), dict[Field, Counter[Status]]()
    sizes = dict[frozenset[str], Counter[str]]()
    for cell in cells:
        if cell.in_scope:
            if cell.accounts not in sizes:
                sizes[cell.accounts] = Counter(unit.get(account, NO_UNIT) for account in cell.accounts)
            for name, number in sizes[cell.accounts].items():
                sums.setdefault((name, cell.service, cell.region), Counter())[cell.status] += number
    rows = _rows(sums, organization.units)
    merged = dict[Field, Counter[Status]]()
    for (name, service, region), counted in sums.items():
        merged.setdefault((name if name in rows else OTHERS, service, region), Counter()).update(counted)
    fields = {key: Count(*(counted[status] for status in Status)) for key, counted in merged.items()}
    columns = sorted({(service, region) for _, service, region in fields})
    return [
        Matrix({service: titles.get(service, service) for service in dict.fromkeys(each for each, _ in some)}, rows, some, fields)
        for some in _broken(columns)
    ]


def _rows(sums: Mapping[Field, Counter[Status]], named: Mapping[str, str]) -> dict[str, str]:
    """Unit → how its row is called, in the order of that."""
    left: Counter[str] = Counter()
    for (unit, _, _), counted in sums.items():
        left[unit] += counted[Status.GAP] + counted[Status.UNKNOWN]
    units = sorted(left, key=lambda unit: named.get(unit, unit))
    if len(units) <= MOST_UNITS + 1:
        return {unit: named.get(unit, unit) for unit in units}
    shown = set(sorted(units, key=lambda unit: (-left[unit], unit))[:MOST_UNITS])
    return {**{unit: named.get(unit, unit) for unit in units if unit in shown}, OTHERS: f"{len(units) - len(shown)} other units"}


def _broken(columns: list[tuple[str, str]]) -> Iterator[tuple[tuple[str, str], ...]]:
    """The columns in parts of which each has whole services, as long as they fit."""
    part: list[tuple[str, str]] = []
    for service in dict.fromkeys(each for each, _ in columns):
        own = [column for column in columns if column[0] == service]
        if part and len(part) + len(own) > MOST_COLUMNS:
            yield tuple(part)
            part = []
        part += own
    if part:
        yield tuple(part)


def _sum(counts: Iterable[Count]) -> Count:
    listed = list(counts)
    names = ("covered", "gap", "unknown", "excluded", "not_applicable")
    return Count(*(sum(getattr(each, name) for each in listed) for name in names))
