"""One real JupyterLab with a simulated organization beside it, and one real browser, for all scenarios."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from lab_server import Lab
from page import NotebookPage

CHROMIUM = os.environ.get("RUNBOOK_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


def missing() -> str:
    """Why there is no browser to test with; empty when there is one."""
    try:
        import playwright  # noqa: F401
    except ModuleNotFoundError:
        return "playwright is not installed (make install)"
    return "" if Path(CHROMIUM).is_file() else f"there is no {CHROMIUM}; install it (apt install chromium) or set RUNBOOK_CHROMIUM"


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if why := missing():
        if os.environ.get("CI") == "true":
            pytest.fail(f"no browser: {why}")
        pytest.skip(f"no browser: {why}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory, browser: Any) -> Iterator[Lab]:
    started = Lab(tmp_path_factory.mktemp("lab"), "seven")
    yield started
    started.end()


@pytest.fixture(scope="session")
def context(browser: Any) -> Iterator[Any]:
    """One profile for all pages, so that JupyterLab is loaded from the cache."""
    made = browser.new_context(viewport={"width": 1280, "height": 1000})
    yield made
    made.close()


@pytest.fixture
def open_page(lab: Lab, context: Any, request: pytest.FixtureRequest) -> Iterator[Callable[..., NotebookPage]]:
    """Open notebooks in pages of their own; pictures are taken at the end, and pages and kernels closed."""
    opened: list[NotebookPage] = []

    def open_(url: str, *, calm: bool = True) -> NotebookPage:
        opened.append(NotebookPage(context.new_page(), url, calm=calm))
        return opened[-1]

    yield open_
    for number, each in enumerate(opened):
        each.picture(f"{request.node.name}-end{number or ''}")
        each.page.close()
    lab.shut_kernels()
