"""X-Ray by name and number, as the simulation has it."""

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.simulated import SimulatedService

ABOUT = SimulatedService(
    name="xray",
    order=25,
    invalid=("InvalidRequestException", "{problem}"),
    throttle=lambda: ApiError("ThrottledException", "Rate exceeded", 429),
    failure="InternalFailure",
    concurrent="InvalidRequestException",
    rates={"*": (5, 10)},
    principal="xray.amazonaws.com",
    roles={"xray.amazonaws.com": "AWSServiceRoleForXRay"},
)
