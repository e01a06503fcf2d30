"""One real JupyterLab with a simulated organization beside it, and one real browser, for all scenarios."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from doors import PATIENCE, Gate, served
from lab_server import Lab
from page import NotebookPage, Open

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
    """A lab on an organization that this process serves, so that a test can hold its answers."""
    folder, gate = tmp_path_factory.mktemp("lab"), Gate()
    with served("seven", folder, slow=gate):
        started = Lab(folder, gate=gate)
        yield started
        started.end()


@pytest.fixture(scope="session")
def context(browser: Any) -> Iterator[Any]:
    """One profile for all pages, so that JupyterLab is loaded from the cache."""
    made = browser.new_context(viewport={"width": 1280, "height": 1000})
    made.set_default_timeout(PATIENCE * 1000)
    yield made
    made.close()


@pytest.fixture(scope="session")
def kept() -> list[NotebookPage]:
    """The page with JupyterLab in it that the next scenario goes on with, if the last one left it in order."""
    return []


@pytest.fixture
def open_page(lab: Lab, context: Any, kept: list[NotebookPage], request: pytest.FixtureRequest) -> Iterator[Open]:
    """Open notebooks; at the end pictures are taken, and notebooks and kernels closed.

    The first notebook comes into the page that is kept, as a person goes on in an open JupyterLab: loading that takes seconds.
    """
    opened: list[NotebookPage] = []
    failed = request.session.testsfailed

    def open_(notebook: str, url: str = "", *, ready: bool = True) -> NotebookPage:
        lab.start_kernel(notebook)
        at = kept.pop() if kept and not url else NotebookPage(context.new_page())
        opened.append(at)
        if at.page.url == "about:blank":
            at.load(url or lab.url(notebook))
            if ready:
                at.ready()
        else:
            at.open(notebook)
        return at

    yield open_
    lab.gate.open()
    for number, each in enumerate(opened):
        each.picture(f"{request.node.name}-end{number or ''}")
    lab.shut_kernels()
    if opened and request.session.testsfailed == failed and opened[0].in_order():
        opened[0].leave()
        kept.append(opened.pop(0))
    for each in opened:
        each.page.close()
