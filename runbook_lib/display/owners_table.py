"""Who answers for which findings, in a notebook's cell: finding classes × owner × channel, a table that is its own heat map.

Colours and shades are those of coverage's matrix, which the page of an executed notebook has too; sign and words say the same.
"""

from collections.abc import Mapping, Sequence

from runbook_lib.base import html
from runbook_lib.base.text import visible
from runbook_lib.coverage import Status, matrix
from runbook_lib.services.response.owners import Answer, Row

KINDS: Mapping[Status, str] = {
    Status.COVERED: "covered", Status.GAP: "gap", Status.UNKNOWN: "unknown", Status.EXCLUDED: "aside",
    Status.NOT_APPLICABLE: "aside",
}  # fmt: skip
"""Each of coverage's five answers → the field of the matrix that it looks like."""


class OwnersTable:
    """A row for each finding class."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self.channels = sorted({channel for row in rows for channel in row.channels})

    @property
    def title(self) -> str:
        owned = sum(row.owned.status is Status.COVERED for row in self.rows)
        return f"Who answers for which findings: {owned} of {len(self.rows)} classes have one owner"

    def inside(self) -> str:
        head = "".join(html.element("th", html.escaped(each), scope="col") for each in self._heads)
        body = "".join(self._row(row) for row in self.rows)
        caption = html.element("caption", html.escaped(self.title))
        inside = f"{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
        return f'<style>{matrix.RULES}</style><table class="matrix">{inside}</table>'

    @property
    def _heads(self) -> tuple[str, ...]:
        return ("finding class", "owner", *self.channels)

    def _row(self, row: Row) -> str:
        named = html.element("th", html.escaped(str(row.finding_class)), scope="row")
        return f"<tr>{named}{''.join(map(_field, self._answers(row)))}</tr>"

    def _answers(self, row: Row) -> tuple[Answer, ...]:
        return (row.owned, *(row.channels[channel] for channel in self.channels))

    def __repr__(self) -> str:
        lines = [self._heads]
        lines += [
            (str(row.finding_class), *(f"{each.status.value}: {each.reason}" for each in self._answers(row))) for row in self.rows
        ]
        widths = [max(len(line[place]) for line in lines) for place in range(len(self._heads))]
        written = ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in lines]
        return "\n".join(visible(line) for line in [self.title, *written])


def _field(answer: Answer) -> str:
    kind = KINDS[answer.status]
    sign = matrix.KINDS[kind][0]
    return html.element("td", html.escaped(f"{sign} {answer.status.value}: {answer.reason}"), class_=f"f-{kind}")
