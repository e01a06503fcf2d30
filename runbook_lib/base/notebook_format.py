"""nbformat, which reads and checks notebook files. Whoever needs it imports it from here, before papermill, nbclient and nbconvert.

Beside JupyterLab, jsonschema compiles a grammar of IRIs when it is imported: more than a second of each command, for a check that
no schema of notebooks asks for. Here it is left out, as it is where JupyterLab is not installed.
"""

import sys

_GRAMMAR = "rfc3987_syntax"
_UNUSED = _GRAMMAR not in sys.modules
if _UNUSED:
    sys.modules[_GRAMMAR] = None  # type: ignore[assignment] # what Python's import takes for "not there"
try:
    import nbformat
finally:
    if _UNUSED:
        del sys.modules[_GRAMMAR]

__all__ = ["nbformat"]
