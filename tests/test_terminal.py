"""A log gets every line; a terminal gets a bar, and the lines that stay."""

import io

import pytest

from runbook_lib.cli.terminal import SECTIONS, Voice

LINES = ["10_security_hub: apply", "  [Observe]", "  [Apply]", "  Security Hub: 3 of 19, 2.0 calls/s", "  done: 19 calls; took 6 s"]


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def spoken(stream: io.StringIO) -> str:
    voice = Voice(stream)
    for line in LINES:
        voice(line)
    voice.close()
    return stream.getvalue()


def test_a_log_gets_every_line() -> None:
    assert spoken(io.StringIO()).splitlines() == LINES


def test_a_terminal_keeps_what_matters_and_shows_the_rest_in_a_bar() -> None:
    said = spoken(Screen())
    assert "10_security_hub: apply\n" in said
    assert "  done: 19 calls; took 6 s\n" in said
    assert "[Apply]" not in said
    assert "Security Hub: 3 of 19, 2.0 calls/s\n" not in said
    assert "Security Hub: 3 of 19" in said


@pytest.mark.parametrize("name", [*SECTIONS, "A section nobody knows"])
def test_no_section_breaks_the_bar(name: str) -> None:
    voice = Voice(Screen())
    voice(f"  [{name}]")
    voice(f"  [{SECTIONS[0]}]")
    voice.close()
