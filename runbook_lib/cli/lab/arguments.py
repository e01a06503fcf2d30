"""What may follow `--`: arguments that leave every promise of the lab whole. JupyterLab has hundreds more, and some undo them."""

from collections.abc import Sequence

FLAGS = ("--allow-root", "--debug", "--no-browser")
CULLING = ("cull_idle_timeout", "cull_interval", "cull_connected", "cull_busy")
OPTIONS = (
    "--browser",
    "--log-level",
    "--port-retries",
    "--LabApp.expose_app_in_browser",
    "--ServerApp.browser",
    "--ServerApp.log_level",
    "--ServerApp.max_body_size",
    "--ServerApp.max_buffer_size",
    "--ServerApp.open_browser",
    "--ServerApp.port_retries",
    "--ServerApp.quit_button",
    "--ServerApp.shutdown_no_activity_timeout",
    *(f"--MappingKernelManager.{name}" for name in CULLING),
    *(f"--ZMQChannelsWebsocketConnection.{name}_rate_limit" for name in ("iopub_data", "iopub_msg")),
)
"""Each with a value: --name=value, or --name value."""


def refused(arguments: Sequence[str]) -> str:
    """Why the first argument that is not taken is not; "" where all are."""
    rest = iter(arguments)
    for each in rest:
        name, equals, _ = each.partition("=")
        if name in OPTIONS and not equals:
            next(rest, None)  # its value stands for itself
        elif name not in OPTIONS and each not in FLAGS:
            return (
                f"{name}: not taken, for it may undo what `runbook lab` promises (its own token, address and origin, no terminals, "
                f"keys never served, nothing asked of the internet); what may follow -- is {', '.join(FLAGS + OPTIONS)}"
            )
    return ""
