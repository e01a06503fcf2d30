"""A small simulated organization, and calls into it that pass botocore's model in both directions."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from runbook_lib.rehearsal import codec
from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.internal import install, run
from runbook_lib.rehearsal.world import SimulatedAccount, SimulatedOrganization, World

MANAGEMENT, DELEGATED, OTHER = "111111111111", "222222222222", "333333333333"
MEMBERS = tuple(f"4444444444{number:02}" for number in range(60))
SUSPENDED, CLOSED, OUTSIDER = "555555555555", "666666666666", "999999999999"
REGION, SECOND, OPT_IN = "us-east-1", "us-east-2", "eu-south-1"
POLLS = 2


def account(number: str, state: str = "ACTIVE", **regions: str) -> SimulatedAccount:
    opted = {name.replace("_", "-"): status for name, status in regions.items()}
    return SimulatedAccount(number, f"Account {number}", f"a{number}@example.com", "r-root", state, regions=opted)


def small_world(partition: str = "aws") -> World:
    """Management, delegated and another account and the first members have eu-south-1; members from 10 on do not."""
    organization = SimulatedOrganization("o-rehearsal001", "r-root", MANAGEMENT)
    for number in (MANAGEMENT, DELEGATED, OTHER, *MEMBERS[:10]):
        organization.accounts[number] = account(number, eu_south_1="ENABLED")
    for number in MEMBERS[10:]:
        organization.accounts[number] = account(number)
    organization.accounts[SUSPENDED] = account(SUSPENDED, "SUSPENDED")
    organization.accounts[CLOSED] = account(CLOSED, "CLOSED")
    world = World(organization, partition, settle_polls=POLLS)
    install(world)
    return world


class Caller:
    """One service of one world: `call("account", "Operation", Parameter=…)`, in us-east-1 unless `region` is given."""

    def __init__(self, world: World, service: str) -> None:
        self.world, self.service = world, service

    def __call__(self, number: str, operation: str, region: str = REGION, **parameters: Any) -> dict[str, Any]:
        shape = codec.operation_model(self.service, operation).input_shape
        if shape is not None:
            codec.refuse_invalid(self.service, parameters, shape, [])
        return run(self.world, self.service, operation, number, region, parameters)

    def refused(self, number: str, operation: str, region: str = REGION, **parameters: Any) -> tuple[str, str]:
        """Code and text of the error this call must end in."""
        with pytest.raises(ApiError) as raised:
            self(number, operation, region, **parameters)
        return raised.value.code, raised.value.message


def refused_at_last(operation: Callable[..., Any], **parameters: Any) -> dict[str, Any]:
    """The refusal in which a client's call ends, made as often as that takes."""
    for _ in range(100):
        try:
            operation(**parameters)
        except ClientError as refused:
            return dict(refused.response)
    raise AssertionError("never refused")
