"""`runbook schema`."""

import sys

from runbook_lib.settings.schema import schema_text


def schema_command() -> int:
    """Print the settings' JSON schema, for editors."""
    sys.stdout.write(schema_text())
    return 0
