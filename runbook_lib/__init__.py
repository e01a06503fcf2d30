"""Guided, provable enablement of AWS's incident-detection services across an AWS Organization."""

import logging

__version__ = "0.1.0"

# Without any handler Python prints warnings and tracebacks on stderr: beside the two lines that a notebook cell says.
logging.getLogger(__name__).addHandler(logging.NullHandler())
