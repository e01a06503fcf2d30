"""One notebook in a browser's page, driven as a person drives it; every click is counted."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from doors import PATIENCE

PICTURES = Path(__file__).parents[2] / "build" / "screenshots"
SHOWN = ".jp-NotebookPanel:not(.lm-mod-hidden)"
"""The notebook in front, where one page has several open."""
READ_CELLS = """() => [...document.querySelectorAll('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell')].map(cell => [
  cell.querySelector('.jp-InputPrompt')?.textContent || '',
  [...cell.querySelectorAll('.jp-OutputArea-output')].map(each => each.innerText || each.textContent).join('\\n')])"""
RUNNING = """() => [...document.querySelectorAll('.jp-NotebookPanel:not(.lm-mod-hidden) .jp-CodeCell .jp-InputPrompt')]
  .some(prompt => prompt.textContent.includes('*'))"""
"""What cells show is not looked at for this: reading the text of large tables has the browser lay them out, ten times a second."""
COUNT_CLICKS = """() => { if (window.clicks !== undefined) return;
  window.clicks = 0;
  document.addEventListener('pointerdown', event => { if (event.isTrusted) window.clicks += 1 }, true) }"""
OPEN = "path => window.jupyterapp.commands.execute('docmanager:open', { path }).then(() => null)"
SHOWS = "path => window.jupyterapp?.shell.currentWidget?.context?.path === path"
CONNECTED = """idle => { const at = window.jupyterapp?.shell.currentWidget?.sessionContext;
  const kernel = at?.session?.kernel;
  return at?.isReady && !at.isRestarting && kernel?.connectionStatus === 'connected' && (!idle || kernel.status === 'idle') }"""
"""The notebook in front has a kernel that listens: what is run earlier than that is lost."""
OFTEN = 50
"""Milliseconds between two looks: playwright's own looks, at every frame, keep a core busy with drawing nothing new."""
LEAVE = "() => [...window.jupyterapp.shell.widgets('main')].forEach(each => each.dispose())"


class NotebookPage:
    """A notebook open in JupyterLab."""

    def __init__(self, page: Any) -> None:
        self.page = page

    def load(self, url: str) -> None:
        """Load JupyterLab, or Notebook 7, with a notebook."""
        self.page.goto(url)

    def open(self, notebook: str, *, ready: bool = True) -> None:
        """Open a notebook in the JupyterLab that is loaded already, or come back to it."""
        path = f"notebooks/{notebook}"
        self.page.evaluate(OPEN, path)
        self.page.wait_for_function(SHOWS, arg=path, polling=OFTEN)
        if ready:
            self.ready()

    def leave(self) -> None:
        """Close every notebook, saved or not."""
        self.page.evaluate(LEAVE)

    def ready(self, *, idle: bool = True) -> None:
        """Wait until the notebook in front can be run; not `idle`: until what is run in it is heard."""
        self.page.wait_for_selector(f"{SHOWN} .jp-Cell")
        self.page.wait_for_function(CONNECTED, arg=idle, polling=OFTEN)
        self.page.evaluate(COUNT_CLICKS)

    def in_order(self) -> bool:
        """Whether another notebook can be opened here: JupyterLab is loaded and nothing lies over it."""
        return bool(self.page.evaluate("window.jupyterapp?.name === 'JupyterLab' && !document.querySelector('.jp-Dialog')"))

    def menu(self, menu: str, item: str) -> None:
        self.page.get_by_role("menubar").get_by_text(menu, exact=True).first.click()
        self.page.locator(".lm-Menu-itemLabel", has_text=item).first.click()

    def save(self, file: Path, holding: str) -> str:
        """Save the notebook in front until its file holds this text; what is in the file then.

        JupyterLab saves by itself, too: a file may have been written a moment ago without what came since, or be half written.
        """
        deadline = time.monotonic() + PATIENCE
        while True:
            self.menu("File", "Save Notebook")
            self.page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty", polling=OFTEN)
            text = file.read_text(encoding="utf-8")
            if holding in text and text.endswith("}\n"):
                return text
            assert time.monotonic() < deadline, f"{file} is never saved with {holding!r} in it"
            self.page.wait_for_timeout(50)

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

    def write(self, name: str, text: str) -> None:
        """Fill a field in, once its panel stands: until then the last field of that name may be an earlier panel's."""
        calm = 0
        while calm < 5:
            if self.field(name).input_value() == text:
                calm += 1
            else:
                self.field(name).fill(text)
                calm = 0
            self.page.wait_for_timeout(100)

    def panel(self, title: str = "Decision", seconds: float = PATIENCE) -> Any:
        """Wait for a decision panel with that title."""
        found = self.page.locator(f"{SHOWN} .jupyter-widgets", has_text=title).last
        found.wait_for(timeout=seconds * 1000)
        self.button("Approve").wait_for()
        return found

    def until(self, true: Callable[[], Any]) -> None:
        """Wait until something is so, here or in the simulated organization."""
        deadline = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < deadline, f"it never came true; the page shows {self.cells()}"
            self.page.wait_for_timeout(OFTEN)

    def cells(self) -> list[tuple[str, str]]:
        """Prompt and output text of each code cell."""
        return [(prompt, text) for prompt, text in self.page.evaluate(READ_CELLS)]

    def done(self, seconds: float = PATIENCE) -> list[tuple[str, str]]:
        """Wait until no cell runs or is queued; what the cells show."""
        deadline = time.monotonic() + seconds
        calm = 0
        while calm < 3:
            assert time.monotonic() < deadline, f"still running: {self.cells()}"
            calm = calm + 1 if not self.page.evaluate(RUNNING) else 0
            self.page.wait_for_timeout(100)
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


Open = Callable[..., NotebookPage]
"""Opens a notebook of the Lab by name: in the page of the scenarios before, or by another address of it in a page of its own."""
