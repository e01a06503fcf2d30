"""What outsiders may not read, found in any text and replaced by keyed pseudonyms: the same value by the same one everywhere.

Account ids, ids of organizations and their units, e-mail addresses, people, buckets and home folders are known by their form.
Names of accounts, users and hosts have none, so they are gathered from the run first. A name is looked for word by word, in each
way in which the run's files write it; where an account is called by an ordinary word, that word is replaced too.
"""

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from html.parser import HTMLParser
from typing import Any

from runbook_lib.base.privacy import LOGIN
from runbook_lib.base.pseudonyms import Pseudonyms
from runbook_lib.base.text import markdown_safe, spreadsheet_safe, visible
from runbook_lib.evidence.people.shared_users import SHARED

_FIGURE = re.compile(r"(?<![\w.])[0-9]{1,9}\.[0-9]+(?:[eE][+-]?[0-9]{1,3})?(?![\w.])")
"""A number with decimals, such as a coverage ratio: its digits may happen to be an account's, and name nobody."""
_FORMS = re.compile(
    rf"(?P<figure>{_FIGURE.pattern})"
    rf"|(?P<address>{LOGIN.pattern})"
    r"|(?P<person>\bperson-[0-9a-f]{20}\b)"
    r"|(?P<bucket>(?<=:s3:::)[^/\s\"'<>&;,]+)"
    r"|(?P<user>(?<=/home/)[^/\s\"'<>&;,]+|(?<=/Users/)[^/\s\"'<>&;,]+)"
    r"|(?P<ou>\bou-[0-9a-z]{4,32}-[0-9a-z]{8,32}\b)"
    r"|(?P<vpce>\bvpce-[0-9a-f]{8,17}(-[0-9a-z]+)?\b)"
    r"|(?P<o>\bo-[0-9a-z]{10,32}\b)"
    r"|(?P<root>(?<![\w-])r-[0-9a-z]{4,32}(?![\w-]))"
    r"|(?P<word>\w+)"
)
_PROGRAM = frozenset({"rehearsal", "live"})
"""Words of the runbook's own where a user's name stands: `runbook rehearse` approves as "rehearsal".

Users that everybody is (root, ubuntu) name nobody either, and some are ordinary words.
"""
_DIGITS = re.compile(r"[0-9]{12,}")


class Redactor:
    """Replaces in texts and JSON-like data. `names`: kind ("name", "user", "host") → the names gathered from a run."""

    def __init__(self, pseudonyms: Pseudonyms, accounts: Iterable[str], names: Mapping[str, Iterable[str]]) -> None:
        self._pseudonyms, self._accounts = pseudonyms, frozenset(accounts)
        self._names: dict[str, list[tuple[str, str]]] = {}
        for kind, listed in names.items():
            for name in sorted(set(listed) - _PROGRAM - (SHARED.keys() if kind == "user" else set()) - {""}):
                for form in _forms(name):
                    self._names.setdefault(_first_word(form), []).append((form, pseudonyms.of(kind, name)))
        for forms in self._names.values():
            forms.sort(key=lambda each: -len(each[0]))
        self.replaced: dict[str, set[str]] = {}
        """Kind → the pseudonyms that were put in."""

    def text(self, text: str, *, names: bool = True) -> str:
        """The text with everything replaced; without `names` only what is known by its form."""
        parts, at = list[str](), 0
        while (match := _FORMS.search(text, at)) is not None:
            parts.append(text[at : match.start()])
            taken, at = self._taken(match, text, names)
            parts.append(taken)
        return "".join([*parts, text[at:]])

    def _taken(self, match: re.Match[str], text: str, names: bool) -> tuple[str, int]:
        """What stands in place of a match, and where the text goes on."""
        kind, value = str(match.lastgroup), match.group(0)
        if kind == "figure":
            return value, match.end()
        if kind != "word":
            return self._put(kind, value), match.end()
        for form, pseudonym in self._names.get(value, ()) if names else ():
            end = match.start() + len(form)
            if text.startswith(form, match.start()) and not text[end : end + 1].isalnum():
                self.replaced.setdefault(pseudonym.partition("-")[0], set()).add(pseudonym)
                return pseudonym, end
        return _DIGITS.sub(lambda digits: self._digits(digits.group(0), alone=digits.group(0) == value), value), match.end()

    def _digits(self, digits: str, *, alone: bool) -> str:
        """An account id: any twelve digits that stand alone, and a known one wherever it stands."""
        if alone and len(digits) == 12:
            return self._put("account", digits)
        known = self._known(digits)
        return digits.replace(known, self._put("account", known)) if known else digits

    def _known(self, digits: str) -> str:
        """The first account id in a run of digits; "" for none."""
        return next((each for at in range(len(digits) - 11) if (each := digits[at : at + 12]) in self._accounts), "")

    def left_over(self, text: str) -> str:
        """Line and value of the first account id of the run in a text; "" where there is none. Figures are no ids."""
        for number, line in enumerate(text.split("\n"), start=1):
            for match in _DIGITS.finditer(_FIGURE.sub("", line)):
                if known := self._known(match.group(0)):
                    return f"line {number}: account id {known}"
        return ""

    def _put(self, kind: str, value: str) -> str:
        if value in self.replaced.get(kind, ()):
            return value
        made = self._pseudonyms.of(kind, value.lower() if kind == "address" else value)
        self.replaced.setdefault(kind, set()).add(made)
        return made

    def data(self, value: Any) -> Any:
        """The same for every text in JSON-like data. In keys only what is known by its form: the rest of them is the format."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(str(key), names=False): self.data(item) for key, item in value.items()}
        if type(value) is int and str(value) in self._accounts:
            return self._put("account", str(value))  # as some reports write ids
        return [self.data(item) for item in value] if isinstance(value, list | tuple) else value

    def page(self, text: str) -> str:
        """The same for HTML: what is shown and what attributes say, never the markup."""
        rewritten = _Page(self)
        rewritten.feed(text)
        rewritten.close()
        return "".join(rewritten.parts)


class _Page(HTMLParser):
    """Copies HTML tag by tag; comments are left out."""

    def __init__(self, redactor: Redactor) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._redactor = redactor
        self._style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._style = tag == "style"
        said = (f' {name}="{html.escape(self._redactor.text(value or ""))}"' for name, value in attrs)
        self.parts.append(f"<{tag}{''.join(said)}>")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        self._style = False
        self.parts.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self.parts.append(data if self._style else html.escape(self._redactor.text(data), quote=False))

    def handle_decl(self, decl: str) -> None:
        self.parts.append(f"<!{decl}>")


def _forms(name: str) -> Iterator[str]:
    """A name in each way in which the files of a run write it, without what stands before its first word or after its last."""
    shown = visible(name)
    written = {
        name,
        shown,
        html.escape(shown),
        html.escape(shown, quote=False),
        markdown_safe(name),
        spreadsheet_safe(name),
        json.dumps(name)[1:-1],
        repr(name)[1:-1],
        spreadsheet_safe(name).replace('"', '""'),
    }
    yield from {form.strip() if not re.search(r"\w", form) else re.sub(r"^\W+", "", form).rstrip() for form in written} - {""}


def _first_word(form: str) -> str:
    found = re.match(r"\w+", form)
    return found.group(0) if found else ""
