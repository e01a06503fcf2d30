"""What botocore's service models list, for tests that hold settings to them."""

from botocore.loaders import Loader
from pydantic import BaseModel


def listed(service: str, shape: str) -> set[str]:
    """The values of an enumeration of a service model."""
    return set(Loader().load_service_model(service, "service-2")["shapes"][shape]["enum"])


def accepted(section: type[BaseModel], key: str) -> set[str]:
    """The values that a key of a section takes."""
    (found,) = [each["enum"] for each in section.model_json_schema()["properties"][key]["anyOf"] if "enum" in each]
    return set(found)
