"""The environment of the lab's process: no configuration of the user or the site reaches it, and its token is in no argument."""

from collections.abc import Mapping

TOKEN = "JUPYTER_TOKEN"  # noqa: S105 the name of the variable
KEPT = (
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_PATH",
    "JUPYTER_PLATFORM_DIRS",
    "JUPYTER_RUNTIME_DIR",
    "JUPYTERLAB_SETTINGS_DIR",
    "JUPYTERLAB_WORKSPACES_DIR",
)
"""Where kernels, the look of pages and what runs are kept. The configuration folder only says where a person's look lies."""


def surroundings(environment: Mapping[str, str], token: str) -> dict[str, str]:
    """The environment for the lab with a token, without every other variable that Jupyter heeds (gateways, open doors, tokens)."""
    kept = {name: value for name, value in environment.items() if not name.startswith(("JUPYTER", "JPY_")) or name in KEPT}
    # A kernel of the same name that a person has installed elsewhere does not know this library.
    return {**kept, "JUPYTER_PREFER_ENV_PATH": "1", TOKEN: token}
