"""Tables as spreadsheets and scanners write them: comma, semicolon or tab between cells, quotes as in RFC 4180."""

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from runbook_lib.base.documents import refused, short

LONGEST_CELL = 16 * 2**20
"""Characters of a cell; scanners put a whole answer of AWS into one."""
DELIMITERS = ",;\t|"
_SAID = re.compile(r"sep=([,;\t|])\r?\n", re.IGNORECASE)
"""Excel's own first line, which names the delimiter."""


@dataclass(frozen=True)
class Table:
    """The head of a table, and its rows with their lines. A row may have more or fewer cells than the head."""

    columns: tuple[str, ...]
    rows: Iterator[tuple[int, list[str]]]


def read_table(text: str, file: str) -> Table:
    """A table with a head. Rows are read one by one. Raises DocumentError, from the rows as well."""
    said = _SAID.match(text)
    text = text[said.end() :] if said else text
    begin = 1 if said else 0
    head = text.partition("\n")[0]
    delimiter = said.group(1) if said else max(DELIMITERS, key=head.count)
    rows = _rows(text, file, delimiter, begin)
    columns = next(rows, (0, []))[1]
    return Table(tuple(each.strip() for each in columns), rows)


def _rows(text: str, file: str, delimiter: str, begin: int) -> Iterator[tuple[int, list[str]]]:
    # The limit is the process's; nobody else reads tables here.
    csv.field_size_limit(LONGEST_CELL)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    line = begin + 1
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            message = f"the row cannot be read ({short(str(error))}); check its quotes, or export again"
            raise refused(file, message, line=begin + reader.line_num) from None
        if row is None:
            return
        if any(cell.strip() for cell in row):
            yield line, row
        line = begin + reader.line_num + 1
