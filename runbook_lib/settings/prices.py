"""Unit prices and expected quantities, as the owner of the settings says them: AWS's depend on Region, volume and contract."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, create_model

from runbook_lib.base.documents.models import Says
from runbook_lib.services.registry import specs
from runbook_lib.services.spec import ServiceSpec
from runbook_lib.settings.section import Section, Text


class Price(Section):
    """What one unit costs, and how many units an account is expected to use in a month in one Region."""

    price: Annotated[float, Field(ge=0, allow_inf_nan=False, description="Price of one unit; where Regions differ, the dearest.")]
    unit: Annotated[Text, Field(description="What one unit is, for example: million events.")]
    quantity: Annotated[
        float, Field(ge=0, allow_inf_nan=False, description="Units expected per account and month, in each Region.")
    ]


class _Currency(Section):
    """Unit prices by AWS's names of paid features. A feature that is not here has an unknown price, which the plan says."""

    currency: Annotated[
        Annotated[
            str, Field(pattern=r"^[A-Z]{3}$"), Says("Not a currency: three capital letters as ISO 4217 has them, for example USD.")
        ],
        Field(description="Currency of all prices, for example USD (ISO 4217)."),
    ]


def _prices(spec: ServiceSpec) -> Any:
    paid: Any = Literal[spec.paid]
    named: Any = Annotated[dict[paid, Price], Field(min_length=1)]
    return Annotated[named | None, Field(description=spec.prices)], None


if TYPE_CHECKING:
    PricesSection = _Currency
else:
    PricesSection = create_model(
        "PricesSection",
        __base__=_Currency,
        __doc__=_Currency.__doc__,
        **{spec.section: _prices(spec) for spec in specs() if spec.paid},
    )
