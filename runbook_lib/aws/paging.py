"""How an operation is paged: which parameter, which member of the answer, and the largest page."""

from functools import cache
from typing import Any

from runbook_lib.aws.models import shared_loader


def paging(model: Any, operation: str) -> tuple[str, str, dict[str, int]]:
    """(token parameter, token member, page size parameter) of a paged operation, from botocore's paginators or its model."""
    described = model.operation_model(operation)
    inputs = described.input_shape.members if described.input_shape else {}
    outputs = described.output_shape.members if described.output_shape else {}
    paginators = _paginators(model.service_name).get(operation, {})
    sent = paginators.get("input_token") or next((name for name in inputs if name.lower() == "nexttoken"), "")
    received = paginators.get("output_token") or next((name for name in outputs if name.lower() == "nexttoken"), "")
    limit = paginators.get("limit_key") or next((name for name in inputs if name.lower() == "maxresults"), "")
    largest = inputs[limit].metadata.get("max") if limit in inputs else None
    if not (sent in inputs and received in outputs):
        return "", "", {}
    return sent, received, {limit: largest} if largest else {}


@cache
def _paginators(service: str) -> dict[str, Any]:
    found: dict[str, Any] = shared_loader().load_service_model(service, "paginators-1")["pagination"]
    return found
