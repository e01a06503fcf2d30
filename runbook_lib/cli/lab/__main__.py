"""`python -m runbook_lib.cli.lab`: the lab's process. `runbook lab` starts it, with its token in the environment."""

import os
import shutil
import sys
from pathlib import Path

from runbook_lib.base import notebook_format  # noqa: F401 before Jupyter's own imports, for its two seconds' sake

# isort: split
from jupyter_core.paths import jupyter_config_dir
from jupyterlab.commands import get_user_settings_dir, get_workspaces_dir

from runbook_lib.base.errors import RunbookError
from runbook_lib.base.project import root, runs_root
from runbook_lib.base.socket_folder import socket_folder
from runbook_lib.cli.lab.kernels import LONGEST_NAME
from runbook_lib.cli.lab.server import Lab, NotAsPromised, broken_promises, configuration, switch_off
from runbook_lib.cli.lab.surroundings import TOKEN


def main(arguments: list[str]) -> None:
    """Serve until it is ended. Kernels do not inherit the token."""
    os.umask(0o077)
    token = os.environ.pop(TOKEN)
    # How pages look is a person's own; what the server does is not, so from here on no configuration is found.
    os.environ.update(JUPYTERLAB_SETTINGS_DIR=get_user_settings_dir(), JUPYTERLAB_WORKSPACES_DIR=get_workspaces_dir())
    os.environ.pop("JUPYTER_CONFIG_DIR", None)
    os.environ["JUPYTER_NO_CONFIG"] = "1"
    nothing = jupyter_config_dir()
    try:
        switch_off(Path(nothing))
        with socket_folder(LONGEST_NAME) as sockets:
            project = root()
            made = configuration(project, runs_root("", os.environ, project), sockets, token)
            server = Lab.initialize_server(argv=arguments, config=made)
            if broken := "; ".join(broken_promises(server, server.starter_app, token)):
                raise NotAsPromised(f"JupyterLab was not started: {broken}")
            server.start()
    finally:
        shutil.rmtree(nothing, ignore_errors=True)


try:
    main(sys.argv[1:])
except RunbookError as error:
    sys.exit(error.said)
# All is cleaned up. The interpreter's own end would wait without limit for a message that no kernel is there to take any more.
sys.stdout.flush()
sys.stderr.flush()
os._exit(0)
