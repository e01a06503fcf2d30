"""Guided, provable enablement of AWS's incident-detection services across an AWS Organization."""

__version__ = "0.1.0"
