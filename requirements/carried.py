"""What the wheel carries besides the library: the notebooks, the example settings, the lock of what a function needs.

Their home is the top level of the repository; setuptools, by `pyproject.toml`, calls this where a wheel or an sdist is built, and
copies them into the library's folder (`runbook_lib.base.project.CARRIED`). An editable installation has them where they are.
"""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from setuptools.command.build_py import build_py
from setuptools.errors import FileError

PATTERNS = (
    "notebooks/start.ipynb",
    "notebooks/[0-9][0-9]_*.ipynb",
    "parameters/example.yaml",
    "parameters/rehearsal*.yaml",
    "parameters/rehearsal*.workflows/*.yaml",
    "requirements/base.txt",
)
"""By name, so that nobody's own settings are carried; a test holds them against what git has."""
FOLDER = Path("runbook_lib", "carried")


def carried(root: Path) -> list[Path]:
    """The files, from the repository's top level. Raises FileError where one is not fit for others' eyes."""
    found = sorted(path.relative_to(root) for pattern in PATTERNS for path in root.glob(pattern))
    if executed := [f"{path}" for path in found if path.suffix == ".ipynb" and _executed(root / path)]:
        raise FileError(f"{', '.join(executed)}: has outputs, which no wheel carries; take them out: nbstripout --keep-id FILE")
    return found


def _executed(notebook: Path) -> bool:
    return any(cell.get("outputs") for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"])


class BuildCarrying(build_py):  # type: ignore[misc] # setuptools has no types here
    """Builds the library with what it carries."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        # What an earlier build left there and the repository no longer has is not carried on.
        shutil.rmtree(Path(self.build_lib, FOLDER), ignore_errors=True)
        for path in carried(Path.cwd()):
            target = Path(self.build_lib, FOLDER, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)

    def get_source_files(self) -> list[str]:
        """What an sdist holds, of which a wheel can be built again."""
        own: Iterable[str] = super().get_source_files()
        return [*own, *map(str, carried(Path.cwd())), "requirements/carried.py"]
