"""What GuardDuty's features do inside the accounts where they are switched on, as AWS's user guide says."""

from collections.abc import Iterable, Mapping

BASIS = "GuardDuty's service-linked role is created; GuardDuty reads CloudTrail, VPC flow and DNS logs on its own."
EFFECTS = {
    "EBS_MALWARE_PROTECTION": "After a suspicious finding, EBS volumes are copied by snapshot and scanned.",
    "RUNTIME_MONITORING": "Runtime events are collected where GuardDuty's agent runs.",
    "EKS_RUNTIME_MONITORING": "Runtime events are collected where GuardDuty's agent runs.",
    "EKS_ADDON_MANAGEMENT": "GuardDuty installs its add-on in EKS clusters, with a VPC endpoint and security group in each VPC.",
    "ECS_FARGATE_AGENT_MANAGEMENT": "GuardDuty adds a sidecar agent to new Fargate tasks, with a VPC endpoint and security group.",
    "EC2_AGENT_MANAGEMENT": "GuardDuty installs its agent on EC2 instances through SSM, with a VPC endpoint and security group.",
}
"""By feature or agent; those that are missing only read logs AWS already has."""
WORKLOADS = frozenset({"EBS_MALWARE_PROTECTION", "RUNTIME_MONITORING", "EKS_RUNTIME_MONITORING"})
"""The features that act on workloads, each with its agents: AWS takes a feature and its agents in one entry."""


def on_workloads(item: str) -> bool:
    """Whether a feature or agent acts on workloads inside accounts, and so is decided apart."""
    return item.partition("/")[0] in WORKLOADS


def enabling(items: Iterable[str]) -> str:
    """The side effects of these features and agents, with GuardDuty itself."""
    found = [EFFECTS[name] for item in items if (name := item.rpartition("/")[2]) in EFFECTS]
    return " ".join(dict.fromkeys([BASIS, *found]))


def enrolling(automatic: Mapping[str, str]) -> str:
    """The side effects of becoming a member under these auto-enable choices: they apply to every account in the request."""
    applied = [item for item, choice in sorted(automatic.items()) if item and choice != "NONE"]
    known = enabling(applied)
    return f"{known} The organization's auto-enable features are applied: {', '.join(applied)}." if applied else known
