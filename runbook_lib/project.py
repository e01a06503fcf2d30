"""Where the project's folders are, wherever a kernel or a command was started."""

from pathlib import Path


class ProjectNotFound(Exception):
    """No folder with notebooks/ and parameters/ was found."""


def root() -> Path:
    """The folder above notebooks/: of the working directory or its parents, else of the checkout the library is installed from."""
    here = Path.cwd()
    for folder in (here, *here.parents, Path(__file__).resolve().parents[1]):
        if (folder / "notebooks").is_dir() and (folder / "parameters").is_dir():
            return folder
    raise ProjectNotFound("no folder with notebooks/ and parameters/ at or above the working directory; start in the checkout")


def resolve(path: str) -> Path:
    """A path as a parameter gives it; relative ones start at the project's root."""
    return (root() / Path(path).expanduser()).resolve()
