"""The settings' section on the way to AWS: endpoints in the place of AWS's usual ones, certificates, a proxy."""

from typing import Annotated

from pydantic import Field

from runbook_lib.base.documents.models import Says
from runbook_lib.settings.section import Region, Section, Text

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


ServiceNames = Annotated[tuple[EndpointService, ...], Field(strict=False, min_length=1)]
ProxyUrl = Annotated[
    str,
    Field(pattern=r"^https?://[A-Za-z0-9]([A-Za-z0-9.-]{0,250}[A-Za-z0-9])?(:[0-9]{1,5})?/?$"),
    Says(
        "Not the address of a proxy: http:// and its name, with an optional :PORT. User and password belong in HTTPS_PROXY alone."
    ),
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
    ] = Field(default_factory=dict)
    fips: Annotated[
        ServiceNames,
        Field(
            description=(
                "Services (boto3 client names) that live runs call at FIPS endpoints. Refused where botocore lists none, which is "
                "most Regions outside North America."
            )
        ),
    ] = ()
    dual_stack: Annotated[
        ServiceNames,
        Field(description="Services that live runs call at dual-stack endpoints (IPv6): names under api.aws, for most."),
    ] = ()
    sts_region: Annotated[
        Region | None,
        Field(
            description=(
                "Where STS, and what is asked in one Region alone, is called; absent: the partition's default Region where "
                "settings use it, else the home Region."
            )
        ),
    ] = None
    ca_bundle: Annotated[
        Text | None,
        Field(
            description=(
                "File with the certificates (PEM) that live runs trust in the place of botocore's: of a proxy that looks into TLS. "
                "A relative path begins at the project."
            )
        ),
    ] = None
    proxy: Annotated[
        ProxyUrl | None,
        Field(
            description=(
                "The proxy of live runs, in the place of HTTPS_PROXY; its user and password never stand here. Absent: the "
                "environment's."
            )
        ),
    ] = None
