"""What Inspector's scan types do inside the accounts where they are switched on, as AWS's user guide says."""

from collections.abc import Iterable

BASIS = "Inspector's service-linked role is created."
EFFECTS = {
    "EC2": "SSM associations are made for inventory and scanning; in hybrid mode (the default of a first activation) snapshots "
    "of EBS volumes are taken and scanned where no SSM agent runs.",
    "ECR": "Scanning of ECR repositories becomes Inspector's (enhanced scanning) instead of ECR's basic scanning.",
    "LAMBDA": "Packages of Lambda functions and layers are read.",
    "LAMBDA_CODE": "Code of Lambda functions is copied to be analysed.",
    "CODE_REPOSITORY": "Connected code repositories are read.",
}


WORKLOADS = frozenset({"EC2", "ECR", "LAMBDA_CODE"})
"""The scan types that act on workloads; the others read what AWS itself holds (packages of functions, connected repositories)."""


def enabling(scan_types: Iterable[str]) -> str:
    """The side effects of these scan types."""
    return " ".join([BASIS, *(EFFECTS[scan_type] for scan_type in scan_types)])
