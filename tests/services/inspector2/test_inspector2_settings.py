"""Names in Inspector's section of settings are those of its service model."""

from typing import get_args

from service_models import accepted, listed

from runbook_lib.settings.sections.inspector2 import InspectorSection, ScanType


def test_names_are_those_of_the_service_model() -> None:
    assert set(get_args(ScanType)) == listed("inspector2", "ResourceScanType")
    assert accepted(InspectorSection, "ec2_scan_mode") == listed("inspector2", "Ec2ScanMode")
    assert accepted(InspectorSection, "ecr_rescan_duration") == listed("inspector2", "EcrRescanDuration")
