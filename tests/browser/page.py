"""One notebook in a browser's page, driven as a person drives it; every click is counted."""

import re
import time
from pathlib import Path
from typing import Any

PICTURES = Path(__file__).parents[2] / "build" / "screenshots"
SHOWN = ".jp-NotebookPanel:not(.lm-mod-hidden)"
"""The notebook in front, where one page has several open."""
READ_CELLS = """() => [...document.querySelectorAll('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell')].map(cell => [
  cell.querySelector('.jp-InputPrompt')?.textContent || '',
  [...cell.querySelectorAll('.jp-OutputArea-output')].map(each => each.innerText || each.textContent).join('\\n')])"""
COUNT_CLICKS = """() => { window.clicks = window.clicks || 0;
  document.addEventListener('pointerdown', event => { if (event.isTrusted) window.clicks += 1 }, true) }"""


class NotebookPage:
    """A notebook open in JupyterLab."""

    def __init__(self, page: Any, url: str, *, calm: bool = True) -> None:
        self.page = page
        page.goto(url)
        if calm:
            self.ready()

    def ready(self) -> None:
        """Wait until the kernel has been idle for more than a second: at first load the indicator flickers, and Run All is lost."""
        self.page.wait_for_selector(f"{SHOWN} .jp-Cell", timeout=60_000)
        calm, deadline = 0, time.monotonic() + 60
        while calm < 5:
            assert time.monotonic() < deadline, "the kernel never became idle"
            mark = self.page.query_selector(f"{SHOWN} .jp-Notebook-ExecutionIndicator")
            calm = calm + 1 if mark and mark.get_attribute("data-status") == "idle" else 0
            self.page.wait_for_timeout(250)
        if self.page.evaluate("window.clicks === undefined"):
            self.page.evaluate(COUNT_CLICKS)

    def menu(self, menu: str, item: str) -> None:
        self.page.get_by_role("menubar").get_by_text(menu, exact=True).first.click()
        self.page.locator(".lm-Menu-itemLabel", has_text=item).first.click()

    def run_all(self) -> None:
        self.menu("Run", "Run All Cells")

    def follow(self, link: str, notebook: str) -> None:
        """Open the next notebook by its last link in the one in front, in prose or in what a cell shows."""
        self.page.locator(f"{SHOWN} .jp-RenderedHTMLCommon a", has_text=link).last.click()
        self.page.wait_for_selector(
            f'.lm-TabBar-tab.lm-mod-current[title*="{notebook}"], .lm-TabBar-tab.lm-mod-current:has-text("{notebook}")'
        )
        self.ready()

    @property
    def clicks(self) -> int:
        return int(self.page.evaluate("window.clicks"))

    def button(self, name: str) -> Any:
        return self.page.locator(f"{SHOWN} button.jupyter-button", has_text=name).last

    def field(self, name: str) -> Any:
        return self.page.locator(f'{SHOWN} .jupyter-widgets input[placeholder^="{name}"]').last

    def panel(self, title: str = "Decision", seconds: int = 60) -> Any:
        """Wait for a decision panel with that title."""
        found = self.page.locator(f"{SHOWN} .jupyter-widgets", has_text=title).last
        found.wait_for(timeout=seconds * 1000)
        self.button("Approve").wait_for(timeout=5000)
        return found

    def cells(self) -> list[tuple[str, str]]:
        """Prompt and output text of each code cell."""
        return [(prompt, text) for prompt, text in self.page.evaluate(READ_CELLS)]

    def done(self, seconds: int = 90) -> list[tuple[str, str]]:
        """Wait until no cell runs or is queued; what the cells show."""
        deadline = time.monotonic() + seconds
        calm = 0
        while calm < 4:
            assert time.monotonic() < deadline, f"still running: {self.cells()}"
            calm = calm + 1 if not any("*" in prompt for prompt, _ in self.cells()) else 0
            self.page.wait_for_timeout(250)
        return self.cells()

    def text(self) -> str:
        return "\n".join(text for _, text in self.cells())

    def look(self, code: str, name: str) -> None:
        """A picture of what one cell shows."""
        cell = self.page.locator(f"{SHOWN} .jp-CodeCell", has_text=code).last
        cell.scroll_into_view_if_needed()
        cell.locator(".jp-InputArea").scroll_into_view_if_needed()
        self.page.wait_for_timeout(300)
        self.picture(name)

    def picture(self, name: str) -> None:
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{re.sub(r'[^a-z0-9-]+', '-', name.lower())}.png")
