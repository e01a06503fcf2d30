"""What runtime agents put into networks: an interface endpoint, which stays when the detector that put it there is gone.

It is made by an agent that is on, and taken away with it; suspending or deleting a detector leaves it, with its costs, and later it
blocks that its VPC is deleted [docs][issue hashicorp/terraform-provider-aws#46747]. One stands for those of all VPCs of an account.
"""

from typing import Any

from runbook_lib.rehearsal.operations.guardduty.state import Detector, state_of
from runbook_lib.rehearsal.registry import Call, PassOn, operation
from runbook_lib.rehearsal.world import World

RUNTIME = ("RUNTIME_MONITORING", "EKS_RUNTIME_MONITORING")


def has_agents(detector: Detector) -> bool:
    """Whether an agent is on in it, by its features, whether it is suspended or not."""
    runtime = [detector.features[each] for each in RUNTIME if each in detector.features]
    return any(each.value == "ENABLED" and part.value == "ENABLED" for each in runtime for part in each.parts.values())


def has_endpoint(world: World, account: str, region: str) -> bool:
    """Whether there is one in the account and Region: of a detector that has agents, or left by one that is gone."""
    state = state_of(world)
    detector = state.detectors.get((account, region))
    return (account, region) in state.left_endpoints or (detector is not None and has_agents(detector))


@operation("ec2", "DescribeVpcEndpoints")
def describe_vpc_endpoints(call: Call, **asked: Any) -> dict[str, Any]:
    """GuardDuty's, as its account sees it; where there is none, or something particular is asked for, moto tells of others."""
    if asked.get("VpcEndpointIds") or asked.get("Filters") or not has_endpoint(call.world, call.account, call.region):
        raise PassOn
    row = {
        "VpcEndpointId": f"vpce-{call.account}",
        "VpcEndpointType": "Interface",
        "State": "Available",
        "RequesterManaged": False,
        "ServiceName": f"com.amazonaws.{call.region}.guardduty-data",
        "Tags": [{"Key": "GuardDutyManaged", "Value": "true"}],
    }
    return {"VpcEndpoints": [row]}
