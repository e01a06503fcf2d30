"""Unit prices and expected quantities, as the owner of the settings says them: AWS's depend on Region, volume and contract."""

from typing import Annotated, Literal

from pydantic import Field

from runbook_lib.settings.part import Part, Text

SecurityHubPaid = Literal["SECURITY_CHECKS", "FINDING_INGESTION"]
GuardDutyPaid = Literal[
    "CLOUD_TRAIL",
    "FLOW_LOGS",
    "DNS_LOGS",
    "S3_DATA_EVENTS",
    "EKS_AUDIT_LOGS",
    "EBS_MALWARE_PROTECTION",
    "RDS_LOGIN_EVENTS",
    "RDS_DATA_RISK",
    "LAMBDA_NETWORK_LOGS",
    "EKS_RUNTIME_MONITORING",
    "EC2_RUNTIME_MONITORING",
    "FARGATE_RUNTIME_MONITORING",
    "AI_PROTECTION",
]
InspectorPaid = Literal["EC2", "ECR", "LAMBDA", "LAMBDA_CODE", "CODE_REPOSITORY"]


class Price(Part):
    """What one unit costs, and how many units an account is expected to use in a month in one Region."""

    price: Annotated[float, Field(ge=0, allow_inf_nan=False, description="Price of one unit; where Regions differ, the dearest.")]
    unit: Annotated[Text, Field(description="What one unit is, for example: million events.")]
    quantity: Annotated[
        float, Field(ge=0, allow_inf_nan=False, description="Units expected per account and month, in each Region.")
    ]


class PricesPart(Part):
    """Unit prices by AWS's names of paid features. A feature that is not here has an unknown price, which the plan says."""

    currency: Annotated[
        Annotated[str, Field(pattern=r"^[A-Z]{3}$")], Field(description="Currency of all prices, for example USD (ISO 4217).")
    ]
    security_hub: Annotated[
        Annotated[dict[SecurityHubPaid, Price], Field(min_length=1)] | None, Field(description="Prices of Security Hub CSPM.")
    ] = None
    guardduty: Annotated[
        Annotated[dict[GuardDutyPaid, Price], Field(min_length=1)] | None,
        Field(description="Prices of GuardDuty: its foundational sources and its protection plans."),
    ] = None
    inspector: Annotated[
        Annotated[dict[InspectorPaid, Price], Field(min_length=1)] | None, Field(description="Prices of Inspector, by scan type.")
    ] = None
