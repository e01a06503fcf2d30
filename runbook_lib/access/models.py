"""botocore's service models, loaded once for all sessions and cut down to what a run may call.

A client has a method for each operation of its model. Making those of hundreds of operations that no run ever calls is most of the
work of making a client, and there is one client for each account, service and Region.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

from botocore.loaders import Loader
from botocore.session import Session


@cache
def shared_loader() -> Loader:
    """One loader of botocore's service models for all sessions: without it each costs 10 MB and 160 ms."""
    loader: Loader = Session().get_component("data_loader")
    return loader


class ListedOperations:
    """A loader over the shared one: the model of a service of which operations are listed has these alone, all others are whole.

    `operations` are names like "guardduty:CreateMembers".
    """

    def __init__(self, operations: Iterable[str]) -> None:
        self._listed: dict[str, set[str]] = {}
        for name in operations:
            service, _, operation = name.partition(":")
            self._listed.setdefault(service, set()).add(operation)

    def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> Any:
        """What botocore's own loader gives, with fewer operations where it is the model of a listed service."""
        model = shared_loader().load_service_model(service_name, type_name, api_version)
        listed = self._listed.get(service_name)
        if listed is None or type_name != "service-2":
            return model
        return {**model, "operations": {name: each for name, each in model["operations"].items() if name in listed}}

    def __getattr__(self, name: str) -> Any:
        return getattr(shared_loader(), name)
