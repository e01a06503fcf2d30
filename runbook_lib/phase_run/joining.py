"""A notebook that writes into a run which somebody else has made: whether it is the run that it is taken for.

What a run says of itself decides under which lock, key and chain its calls are recorded. So nothing is taken from a folder that
does not lie among the runs, or whose mode, organization, settings, user or state are others than this notebook's.
"""

import datetime as dt
import os
import platform
from collections.abc import Iterator
from pathlib import Path

from runbook_lib.base.identity import SystemUser, system_user
from runbook_lib.base.project import VARIABLE, root, runs_root
from runbook_lib.evidence.run.folder import NAME, RunFolder, RunFolderError, RunStatus
from runbook_lib.settings import Settings, settings_digest
from runbook_lib.settings.file import SettingsError, load
from runbook_lib.settings.register import Register, digest_of, kept_beside


class NotJoined(RunFolderError):
    """The run in a folder is not one that this notebook may write into."""

    advice = (
        "Leave run_folder empty to begin a new run, or give the folder of one that is still running and that you began on this "
        "machine with the same settings."
    )


def joined(path: Path, settings: Settings, register: Register, today: dt.date) -> RunFolder:
    """The run in a folder, to be written into. Raises NotJoined in one sentence unless it fits."""
    runs = runs_root("", os.environ, root()).resolve()
    if path.resolve().parent != runs:
        raise NotJoined(f"run_folder {path}: does not lie in the folder of runs, {runs} ({VARIABLE} says which that is)")
    run = RunFolder.open(path)
    if why := next(_contradictions(run, settings, register, today), ""):
        raise NotJoined(f"run_folder {path}: {why}")
    return run


def _contradictions(run: RunFolder, settings: Settings, register: Register, today: dt.date) -> Iterator[str]:
    record, name, me = run.record(), NAME.fullmatch(run.name), system_user()
    mode, organization, host, maker = record["mode"], record["organization"], record["host"], run.user or me
    named, own = name.group(1) if name else "nothing", settings.organization.id
    checks = (
        (name is not None, f"{run.name} is not the name of a run"),
        (mode == named, f"its run.json says mode {mode}, its name {named}"),
        (mode == settings.mode, f"it is a run of mode {mode}, settings say {settings.mode}"),
        (organization == own, f"it is a run on organization {organization or 'unknown'}, settings name {own}"),
        (host == platform.node(), f"it is a run of the machine {host}, this is {platform.node()}"),
        (maker == me, f"{_said(maker)} began it, and {_said(me)} runs this"),
        (run.status == RunStatus.RUNNING, f"the run has ended ({run.status}); start a new one"),
    )
    yield from (why for fits, why in checks if not fits)
    try:
        there = load(run.settings, today)
    except SettingsError as error:
        yield f"its settings.yaml cannot be used: {error}"
    else:
        if settings_digest(there) != settings_digest(settings):
            yield "its settings.yaml says something else than parameters_file; give that file as parameters_file"
        if digest_of(kept_beside(run.settings)) != register.digest:
            yield "its register of workflows is another one than beside parameters_file; give its settings.yaml as parameters_file"


def _said(user: SystemUser) -> str:
    return f"{user.name} (uid {user.uid})"
