"""Coverage as a picture: organizational unit × Region, per service, as a table of letters that black and white keeps readable.

No script, no colour that carries meaning alone, no image: a letter, a percentage and a frame in each field, the same in plain
text and for a screen reader.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from runbook_lib.base import html
from runbook_lib.coverage import Cell, Count, Status
from runbook_lib.coverage.summary import NO_UNIT, percent
from runbook_lib.organization import Organization

LETTERS = {"C": "covered", "P": "partly", "G": "gap", "?": "unknown", "-": "nothing to cover"}
_BASE = "text-align:center;padding:.2rem .6rem;"
STYLES = {
    "C": _BASE + "border:1px solid #555;background:#fff;color:#111;",
    "P": _BASE + "border:2px dashed #111;background:#ddd;color:#111;",
    "G": _BASE + "border:3px solid #111;background:#333;color:#fff;font-weight:bold;",
    "?": _BASE + "border:3px double #111;background:repeating-linear-gradient(45deg,#fff,#fff 4px,#bbb 4px,#bbb 8px);color:#111;",
    "-": _BASE + "border:1px dotted #999;background:#fff;color:#555;",
}

CLASSES = {"C": "covered", "P": "partly", "G": "gap", "?": "unknown", "-": "nothing"}
RULES = "\n".join(f".field-{CLASSES[letter]} {{ {style} }}" for letter, style in STYLES.items())
"""The same for pages of our own, which keep classes of what a cell showed and drop its styles."""

MOST_UNITS = 25
"""Organizational units that a picture shows each on its own."""


@dataclass(frozen=True)
class Picture:
    """One service: rows are organizational units, columns Regions; each field has its counts."""

    service: str
    units: tuple[str, ...]
    regions: tuple[str, ...]
    fields: Mapping[tuple[str, str], Count]

    def inside(self) -> str:
        head = "".join(f'<th scope="col">{html.escaped(region)}</th>' for region in ("organizational unit", *self.regions))
        rows = "".join(
            f'<tr><th scope="row">{html.escaped(unit)}</th>{"".join(self._field(unit, region) for region in self.regions)}</tr>'
            for unit in self.units
        )
        return f"<table><caption>{html.escaped(self.title)}</caption><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"

    @property
    def title(self) -> str:
        legend = ", ".join(f"{letter} {words}" for letter, words in LETTERS.items())
        return f"{self.service}: coverage by organizational unit and Region ({legend})"

    def _field(self, unit: str, region: str) -> str:
        counted = self.fields.get((unit, region), Count())
        letter = letter_of(counted)
        words = f"{unit}, {region}: {LETTERS[letter]}, {counted.covered} covered, {counted.gap} gap, {counted.unknown} unknown"
        look = f'class="field-{CLASSES[letter]}" style="{STYLES[letter]}"'
        return f'<td {look} title="{html.escaped(words)}">{letter} {html.escaped(_short(counted))}</td>'

    def __repr__(self) -> str:
        width = max([len(unit) for unit in self.units] + [19])
        lines = [self.title, " " * width + "  " + "  ".join(f"{region:<14}" for region in self.regions)]
        for unit in self.units:
            fields = (self.fields.get((unit, region), Count()) for region in self.regions)
            lines.append(f"{unit:<{width}}  " + "  ".join(f"{letter_of(each) + ' ' + _short(each):<14}" for each in fields))
        return "\n".join(lines)


def letter_of(counted: Count) -> str:
    """The one letter of a field: unknown before gap before partly before covered."""
    if counted.unknown:
        return "?"
    if counted.coverage is None:
        return "-"
    if counted.gap:
        return "P" if counted.covered else "G"
    return "C"


def _short(counted: Count) -> str:
    return "" if counted.coverage is None else percent(counted)


def pictures(cells: Iterable[Cell], organization: Organization, titles: Mapping[str, str]) -> list[Picture]:
    """One picture per service, of what is in scope; an account counts in its own, lowest unit."""
    unit = {account.id: (account.organizational_units or (NO_UNIT,))[-1] for account in organization.accounts.values()}
    sums: dict[str, dict[tuple[str, str], Counter[Status]]] = {}
    for cell in cells:
        if cell.in_scope:
            fields = sums.setdefault(cell.service, {})
            for name, number in Counter(unit.get(account, NO_UNIT) for account in cell.accounts).items():
                fields.setdefault((name, cell.region), Counter())[cell.status] += number
    return [_picture(titles.get(service, service), fields) for service, fields in sorted(sums.items())]


def _picture(title: str, fields: Mapping[tuple[str, str], Counter[Status]]) -> Picture:
    """The units with most left to do, in their order; many others are one line, so that the saved notebook stays small."""
    left: Counter[str] = Counter()
    for (unit, _), counted in fields.items():
        left[unit] += counted[Status.GAP] + counted[Status.UNKNOWN]
    units = sorted(left)
    shown = set(sorted(units, key=lambda unit: (-left[unit], unit))[:MOST_UNITS]) if len(units) > MOST_UNITS + 1 else set(units)
    others = f"{len(units) - len(shown)} other units"
    sums: dict[tuple[str, str], Counter[Status]] = {}
    for (unit, region), counted in fields.items():
        sums.setdefault((unit if unit in shown else others, region), Counter()).update(counted)
    return Picture(
        title,
        (*(unit for unit in units if unit in shown), *([others] if len(shown) < len(units) else [])),
        tuple(sorted({region for _, region in fields})),
        {key: Count(*(counted[status] for status in Status)) for key, counted in sums.items()},
    )
