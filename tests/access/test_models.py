"""A client can do what its run lists, exactly as botocore's own clients do it, and nothing else."""

from typing import Any

import pytest
from botocore.hooks import EventAliaser, HierarchicalEmitter
from botocore.model import OperationModel, ServiceModel, Shape
from fake_aws import DELEGATED, MUTATIONS, READS, FakeAws, Make

from runbook_lib.aws.models import ListedOperations, shared_loader
from runbook_lib.organization.reads import READS as OF_THE_ORGANIZATION
from runbook_lib.services.implementations import SERVICES

EVERY = OF_THE_ORGANIZATION.union(*(service.reads | service.mutations for service in SERVICES))
OTHERS = {
    "sts:AssumeRole",
    "sts:GetCallerIdentity",
    "s3:PutObject",
    "s3:GetObject",
    "s3:ListObjectsV2",
    "kms:Sign",
    "kms:GetPublicKey",
}


def described(operation: OperationModel) -> tuple[Any, ...]:
    shapes = (operation.input_shape, operation.output_shape)
    return operation.http, operation.documentation, [shape and whole(shape) for shape in (*shapes, *operation.error_shapes)]


def whole(shape: Shape, inside: tuple[str, ...] = ()) -> Any:
    """A shape with all that it holds."""
    if shape.name in inside:
        return shape.name
    inner = {"structure": "members", "list": "member", "map": "value"}.get(shape.type_name)
    held = getattr(shape, inner) if inner else {}
    below = {name: whole(each, (*inside, shape.name)) for name, each in (held if isinstance(held, dict) else {"": held}).items()}
    return shape.name, shape.type_name, shape.metadata, shape.serialization, below


def test_a_client_knows_the_listed_operations_and_no_other(aws: FakeAws, make: Make) -> None:
    model = make()._client(DELEGATED, "guardduty", "us-east-1").meta.service_model
    listed = {each.partition(":")[2] for each in READS | MUTATIONS if each.startswith("guardduty:")}
    assert set(model.operation_names) == listed


def test_listed_operations_are_botocore_s_own_and_other_services_are_whole() -> None:
    loader = ListedOperations(READS | MUTATIONS)
    for service in ("guardduty", "account", "organizations", "iam"):
        ours = ServiceModel(loader.load_service_model(service, "service-2"))
        theirs = ServiceModel(shared_loader().load_service_model(service, "service-2"))
        assert [described(ours.operation_model(name)) for name in ours.operation_names] == [
            described(theirs.operation_model(name)) for name in ours.operation_names
        ]
        assert 0 < len(ours.operation_names) < len(theirs.operation_names)
        assert [each.name for each in ours.error_shapes] == [each.name for each in theirs.error_shapes]
        for name in ours.shape_names:
            assert whole(ours.shape_for(name)) == whole(theirs.shape_for(name))
        assert loader.load_service_model(service, "paginators-1") is shared_loader().load_service_model(service, "paginators-1")
    assert loader.load_service_model("sts", "service-2") is shared_loader().load_service_model("sts", "service-2")
    assert loader.load_data("partitions") is shared_loader().load_data("partitions")


def test_without_aliases_every_event_comes_to_the_handlers_to_which_botocore_takes_it(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    emitted = set[str]()
    # botocore's stubs leave out what begins with an underscore.
    kind: Any = HierarchicalEmitter
    emit = kind._emit

    def recorded(self: HierarchicalEmitter, event_name: str, *arguments: Any, **options: Any) -> Any:
        emitted.add(event_name)
        return emit(self, event_name, *arguments, **options)

    monkeypatch.setattr(kind, "_emit", recorded)
    access = make()
    access.read("guardduty", "ListDetectors", DELEGATED, "us-east-1")
    assert {"before-send.guardduty.ListDetectors", "creating-client-class.guardduty"} <= emitted
    for service, operation in (each.split(":") for each in EVERY | OTHERS):
        own = access._client(DELEGATED, service, "us-east-1").meta.service_model.service_id.hyphenize()
        emitted |= {each.replace("guardduty", own).replace("ListDetectors", operation) for each in set(emitted)}
    events = access._doors.session(DELEGATED).get_component("event_emitter")
    aliases: Any = EventAliaser(events)
    for name in emitted:
        theirs, ours = (list(events._handlers.prefix_search(each)) for each in (aliases._alias_event_name(name), name))
        assert ours == theirs, name
        assert not name.startswith("before-send") or ours
