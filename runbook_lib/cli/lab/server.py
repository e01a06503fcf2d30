"""JupyterLab with the lab's promises in place of any configuration; where one does not hold, it does not start."""

import json
import secrets
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jupyter_core.paths import ENV_JUPYTER_PATH
from jupyter_server.auth import AllowAllAuthorizer, IdentityProvider
from jupyter_server.serverapp import ServerApp
from jupyterlab.handlers.announcements import NeverCheckForUpdate
from jupyterlab.labapp import LabApp
from traitlets.config import Config

from runbook_lib.base.errors import RunbookError
from runbook_lib.cli.lab.files import Files
from runbook_lib.cli.lab.kernels import Kernels

START = "notebooks/start.ipynb"
POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; "
    "connect-src 'self' ws://127.0.0.1:* ws://localhost:* data: blob:; "
    "frame-ancestors 'self'; form-action 'self'; base-uri 'self'"
)
"""What pages may load and talk to: this server. JupyterLab's own code needs inline scripts and eval."""
SWITCHED_OFF = (
    "@jupyterlab/apputils-extension:announcements",
    "@jupyterlab/debugger-extension",
    "@jupyterlab/extensionmanager-extension",
    "@jupyterlab/terminal-extension",
)
"""Parts of the page: news and the list of extensions ask the internet; a debugger has a kernel listen on a port without any key."""


class NotAsPromised(RunbookError):
    """JupyterLab, as it is installed here, would not keep a promise of the lab."""


class Identity(IdentityProvider):
    """One token, no password; the address with the token is printed at the start."""

    token_generated = True


SERVER: Mapping[str, Any] = {
    "ip": "127.0.0.1", "sock": "", "base_url": "/", "websocket_url": "", "custom_display_url": "",
    "allow_origin": "", "allow_origin_pat": "", "allow_credentials": False, "allow_remote_access": False,
    "allow_unauthenticated_access": False, "authenticate_prometheus": True, "disable_check_xsrf": False,
    "local_hostnames": ["localhost"], "trust_xheaders": False, "use_redirect_file": True, "autoreload": False,
    "terminals_enabled": False, "allow_external_kernels": False, "pylab": "disabled", "extra_services": [],
    "identity_provider_class": Identity, "authorizer_class": AllowAllAuthorizer,
    "contents_manager_class": Files, "kernel_manager_class": Kernels,
}  # fmt: skip
"""Settings of the server that hold at its start, whatever is configured anywhere."""
PAGE: Mapping[str, Any] = {
    "news_url": None,
    "check_for_updates_class": NeverCheckForUpdate,
    "extension_manager": "readonly",
    "custom_css": False,
    "dev_mode": False,
    "override_static_url": "",
    "override_theme_url": "",
    "extra_labextensions_path": [],
    "lock_all_plugins": True,
    "labextensions_path": [str(Path(each) / "labextensions") for each in ENV_JUPYTER_PATH],
}
"""Settings of JupyterLab's part. Extensions of pages are those of this Python environment."""


def configuration(project: Path, runs: Path, sockets: Path | None, token: str) -> Config:
    """All that is set for this lab."""
    transport = {"transport": "ipc"} if sockets else {"transport": "tcp", "transport_encryption": "auto"}
    return Config(
        {
            "ServerApp": {
                **SERVER,
                "root_dir": str(project),
                "cookie_secret": secrets.token_bytes(32),
                "tornado_settings": {"headers": {"Content-Security-Policy": POLICY}},
            },
            "IdentityProvider": {"token": token},
            "Files": {"runs": str(runs), "allow_hidden": False},
            "KernelManager": transport,
            "Kernels": {"sockets": str(sockets or "")},
            "LabApp": {**PAGE, "default_url": f"/lab/tree/{START}"},
        }
    )


def switch_off(folder: Path) -> None:
    """Leave parts out of every page, in the one folder where JupyterLab looks for that."""
    (folder / "labconfig").mkdir()
    said = {"disabledExtensions": dict.fromkeys(SWITCHED_OFF, True)}
    (folder / "labconfig" / "page_config.json").write_text(json.dumps(said), encoding="utf-8")


class Lab(LabApp):  # type: ignore[misc] # JupyterLab has no types
    """JupyterLab beside which only Notebook 7 is served, where it is installed: each extension of a server adds doors."""

    serverapp_config = {"jpserver_extensions": {"notebook": True} if find_spec("notebook") else {}}  # noqa: RUF012 Jupyter's own form

    @classmethod
    def get_extension_package(cls) -> str:
        return "jupyterlab"


def broken_promises(server: ServerApp, page: Any, token: str) -> Iterator[str]:
    """What a server that has not begun to listen would do otherwise than promised."""
    for thing, wanted in ((server, SERVER), (page, PAGE)):
        for name, value in wanted.items():
            if (found := getattr(thing, name)) != value:
                yield f"{type(thing).__name__}.{name} is {found!r}"
    if not token or server.identity_provider.token != token:
        yield "the token is another"
    if server.web_app.settings.get("terminals_available"):
        yield "terminals are on"
    if not isinstance(server.contents_manager, Files) or not isinstance(server.kernel_manager, Kernels):
        yield "files or kernels are served by somebody else"
