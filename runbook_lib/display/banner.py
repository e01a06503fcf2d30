"""REHEARSAL or LIVE, told apart by words, frame and shape before colour."""

from runbook_lib.base import html

WORDS = {"rehearsal": "REHEARSAL: a simulated organization", "live": "LIVE: a real organization"}
_COMMON = "padding:.4rem .8rem;margin:.3rem 0;font-weight:bold;print-color-adjust:exact;-webkit-print-color-adjust:exact;"
STYLES = {
    "rehearsal": _COMMON + "border:2px dashed #777;background:#fff;color:#111;",
    "live": _COMMON + "border:8px double #fff;background:#7a0000;color:#fff;font-size:1.15em;letter-spacing:.04em;",
}
RULES = "\n".join(f".runbook-{mode} {{ {style} }}" for mode, style in STYLES.items())
"""The same for pages of our own, which keep classes of what a cell showed and drop its styles."""
MARKS = {"rehearsal": "", "live": "!!! "}


def banner(mode: str, title: str = "") -> str:
    """One framed line, the mode first: dashed and light for a rehearsal, heavy and inverted with exclamation marks when live."""
    words = MARKS[mode] + WORDS[mode]
    rest = f'<div style="font-weight:normal">{html.escaped(title)}</div>' if title else ""
    return f'<div class="runbook-{mode}" style="{STYLES[mode]}">{html.escaped(words)}{rest}</div>'


def words(mode: str) -> str:
    """The same as plain text."""
    return MARKS[mode] + WORDS[mode]
