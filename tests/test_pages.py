"""Documents: pages made from the code are as the code is now, and a reader finds what the README sends them to."""

import re
from pathlib import Path

import pytest
from measures import reading_path
from pages import DOCS, PAGES

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("name", sorted(PAGES))
def test_pages_are_as_the_code_is(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run: make pages"


@pytest.mark.parametrize("page", [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.glob("*.md"))], ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    targets = LINK.findall(page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def test_the_readme_is_a_first_look() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


def test_the_reading_path_exists_and_is_short() -> None:
    files = reading_path()
    assert [path for path in files if not path.is_file()] == []
    assert 0 < len(files) <= 14
    assert sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files) <= 3_200
