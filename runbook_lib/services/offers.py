"""Which services, features and scan types a Region does not offer, so that one of them never fails a whole call.

AWS refuses a whole request that names a feature the Region lacks, so a plan leaves such a feature out beforehand and the coverage
says "not applicable". Nothing is ever dropped because of an error. What Regions lack is data of each service's spec, with source
and date; where AWS says nothing, a feature counts as offered.
"""

from runbook_lib.services.registry import by_name
from runbook_lib.services.spec import ServiceSpec


def offered(service: str, feature: str, region: str) -> bool:
    """Whether a Region offers a feature, a scan type, or what is part of one ("FEATURE/AGENT")."""
    known = by_name()[service].offers.get(feature.partition("/")[0])
    return known is None or known.includes(region)


def not_offered(spec: ServiceSpec) -> str:
    """The reason of whatever is asked for in a Region without the service."""
    return f"AWS does not offer {spec.title} in this Region"
