"""The settings' section on the way to AWS: endpoints that a live run may call in the place of AWS's public ones."""

from typing import Annotated

from pydantic import Field

from runbook_lib.base.documents.models import Says
from runbook_lib.settings.section import Region, Section

EndpointService = Annotated[
    str,
    Field(pattern=r"^[a-z][a-z0-9-]{1,63}$"),
    Says("Not a service as boto3 calls it: small letters, digits and hyphens, for example kms."),
]
"""A service by boto3 client name."""
EndpointUrl = Annotated[
    str,
    Field(pattern=r"^https://[a-z0-9]([a-z0-9.-]{0,250}[a-z0-9])?(:[0-9]{1,5})?/?$"),
    Says("Not the address of an endpoint: https:// and its name, in small letters, with an optional :PORT, and nothing behind."),
]


class NetworkSection(Section):
    """How AWS is reached. Nothing of it changes what is planned, so it is in no plan's digest; run.json has the endpoints used."""

    endpoints: Annotated[
        Annotated[dict[EndpointService, Annotated[dict[Region, EndpointUrl], Field(min_length=1)]], Field(min_length=1)],
        Field(
            description=(
                "VPC endpoints without private DNS, or other endpoints of AWS: service (boto3 client name), Region, address. Live "
                "runs call these and else only AWS's own; what the environment or an AWS profile names is refused."
            )
        ),
    ]
