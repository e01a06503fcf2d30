"""botocore's service models, loaded once for all sessions and cut down to what a run may call.

A client has a method for each operation of its model, and looks at every shape of it when AWS first refuses a call. For hundreds
of operations that no run ever calls, that is most of the work of making a client, and there is one for each account, service and
Region.
"""

from collections.abc import Collection, Iterable, Iterator
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel


@cache
def shared_loader() -> Loader:
    """One loader of botocore's service models for all sessions: without it each costs 10 MB and 160 ms.

    A session's own loader asks for `data_path` in the configuration, and so fails with a profile that nobody here wants. This one
    has what comes with botocore alone: files below ~/.aws/models could say otherwise where AWS's endpoints are.
    """
    return Loader(extra_search_paths=[Loader.BUILTIN_DATA_PATH], include_default_search_paths=False)


@cache
def service_model(service: str) -> ServiceModel:
    """The whole model of a service (botocore's name of it), for what is asked of it without a client."""
    return ServiceModel(shared_loader().load_service_model(service, "service-2"), service)


class TrimmedModels:
    """A loader over the shared one: the model of a service of which operations are listed has these alone, all others are whole.

    It keeps the shapes that these operations and any error of the service need. `operations` are like "guardduty:CreateMembers".
    """

    def __init__(self, operations: Iterable[str]) -> None:
        self._listed: dict[str, set[str]] = {}
        for name in operations:
            service, _, operation = name.partition(":")
            self._listed.setdefault(service, set()).add(operation)

    @property
    def services(self) -> Collection[str]:
        """The services of which operations are listed."""
        return self._listed.keys()

    def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> Any:
        """What botocore's own loader gives, cut down where it is the model of a listed service."""
        listed = self._listed.get(service_name)
        if listed is None or type_name != "service-2":
            return shared_loader().load_service_model(service_name, type_name, api_version)
        return _cut_down(service_name, api_version, frozenset(listed))

    def __getattr__(self, name: str) -> Any:
        return getattr(shared_loader(), name)


@cache
def _cut_down(service: str, api_version: str | None, listed: frozenset[str]) -> Any:
    """A service's model with these operations, and the shapes that they and all errors of the service need."""
    model: Any = shared_loader().load_service_model(service, "service-2", api_version)
    operations = {name: each for name, each in model["operations"].items() if name in listed}
    errors = {name for name, shape in model["shapes"].items() if shape.get("exception")}
    needed, fresh = set[str](), errors | set(_shapes_named(operations))
    while fresh:
        needed |= fresh
        fresh = {found for name in fresh for found in _shapes_named(model["shapes"][name])} - needed
    return {**model, "operations": operations, "shapes": {name: each for name, each in model["shapes"].items() if name in needed}}


def _shapes_named(described: Any) -> Iterator[str]:
    """Every shape that a part of a model refers to: as the value of "shape", wherever it stands."""
    left = [described]
    while left:
        part = left.pop()
        if isinstance(part, dict):
            if isinstance(name := part.get("shape"), str):
                yield name
            left += [value for value in part.values() if isinstance(value, dict | list)]
        else:
            left += [value for value in part if isinstance(value, dict | list)]
