"""Files as the lab serves them: all of the project but keys and what was withheld from evidence, by whatever path or link."""

import errno
import os
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import AuthenticatedFileHandler
from jupyter_server.services.contents.filecheckpoints import AsyncFileCheckpoints
from jupyter_server.services.contents.largefilemanager import AsyncLargeFileManager
from tornado import web
from traitlets import Unicode, default

from runbook_lib.evidence.seal.archive import ASIDE, KEYS

PRIVATE, PUBLIC = (".pem", ".key"), ".pub.pem"


class NotServed(web.HTTPError, PermissionError):
    """An answer 404; and in the listing of a folder an entry that may not be looked at, which Jupyter leaves out."""

    def __init__(self, path: str) -> None:
        web.HTTPError.__init__(self, 404, "%s is not served", path)
        self.errno = errno.EACCES


def kept_back(path: str, runs: str) -> bool:
    """Whether a path leads to, or into, what is never served: folders of keys and of what was withheld, private keys anywhere."""
    real = Path(os.path.realpath(path))
    if real.name.endswith(PRIVATE) and not real.name.endswith(PUBLIC) and not real.is_dir():
        return True
    folders = _folders(runs)
    same = {identity for folder in folders if (identity := _identity(folder))}
    return any(each in folders or _identity(each) in same for each in (real, *real.parents))


def holds_kept_back(path: str, runs: str) -> bool:
    """Whether such a folder lies below a path: copied, moved or deleted with it, it would be where nobody keeps it back."""
    real = Path(os.path.realpath(path))
    return any(real in folder.parents and folder.exists() for folder in _folders(runs))


def _folders(runs: str) -> tuple[Path, ...]:
    return tuple(Path(os.path.realpath(Path(runs) / name)) for name in (KEYS, ASIDE))


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells a folder whatever its name is spelt like, where case makes no difference."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


class Files(AsyncLargeFileManager):
    """The project's folder, without what is kept back. Jupyter looks for every path by `_get_os_path`."""

    runs = Unicode(help="The folder that runs are kept in.").tag(config=True)

    def _get_os_path(self, path: str) -> str:
        found: str = super()._get_os_path(path)  # type: ignore[no-untyped-call] # Jupyter's own
        if kept_back(found, self.runs):
            raise NotServed(path)
        return found

    @default("files_handler_class")
    def _files_handler_class_default(self) -> Any:
        return Downloads

    @default("checkpoints_class")
    def _checkpoints_class_default(self) -> Any:
        return Checkpoints

    async def copy(self, from_path: str, to_path: str | None = None) -> Any:
        self._refuse_holding(from_path)
        return await super().copy(from_path, to_path)  # type: ignore[no-untyped-call] # Jupyter's own

    async def rename_file(self, old_path: str, new_path: str) -> None:
        self._refuse_holding(old_path)
        await super().rename_file(old_path, new_path)  # type: ignore[no-untyped-call] # Jupyter's own

    async def delete_file(self, path: str) -> None:
        self._refuse_holding(path)
        await super().delete_file(path)  # type: ignore[no-untyped-call] # Jupyter's own

    def _refuse_holding(self, path: str) -> None:
        if holds_kept_back(self._get_os_path(path.strip("/")), self.runs):
            raise web.HTTPError(403, "%s holds keys; what is done with it is done outside of JupyterLab", path)


class Checkpoints(AsyncFileCheckpoints):
    """Checkpoints beside the files, and none beside what is kept back."""

    def _get_os_path(self, path: str) -> str:
        found: str = super()._get_os_path(path)  # type: ignore[no-untyped-call] # Jupyter's own
        if self.parent is not None and kept_back(found, self.parent.runs):
            raise NotServed(path)
        return found

    def checkpoint_path(self, checkpoint_id: str, path: str) -> str:
        self._get_os_path(path)
        found: str = super().checkpoint_path(checkpoint_id, path)  # type: ignore[no-untyped-call] # Jupyter's own
        return found


class Downloads(AuthenticatedFileHandler):
    """Files as they are, for downloads and pages."""

    def validate_absolute_path(self, root: str, absolute_path: str) -> str:
        files = self.contents_manager
        if not isinstance(files, Files) or kept_back(absolute_path, files.runs):
            raise NotServed(self.request.path)
        return super().validate_absolute_path(root, absolute_path)
