"""A client can do what its run lists, exactly as botocore's own clients do it, and nothing else."""

from typing import Any

import pytest
from botocore.hooks import HierarchicalEmitter
from botocore.model import OperationModel, ServiceModel, Shape
from botocore.session import Session
from fake_aws import DELEGATED, MUTATIONS, READS, FakeAws, Make

from runbook_lib.aws import handlers
from runbook_lib.aws.models import TrimmedModels, shared_loader
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
    loader = TrimmedModels(READS | MUTATIONS)
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


def test_every_event_comes_to_the_handlers_to_which_botocore_takes_it(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without aliases, and without the handlers of other services."""
    emitted = set[str]()
    # botocore's stubs leave out what begins with an underscore.
    kind: Any = HierarchicalEmitter
    emit = kind._emit

    def recorded(self: HierarchicalEmitter, event_name: str, *arguments: Any, **options: Any) -> Any:
        emitted.add(event_name)
        return emit(self, event_name, *arguments, **options)

    monkeypatch.setattr(kind, "_emit", recorded)
    access = make(reads=READS | EVERY | OTHERS)
    access.read("guardduty", "ListDetectors", DELEGATED, "us-east-1")
    assert {"before-send.guardduty.ListDetectors", "creating-client-class.guardduty"} <= emitted
    for service, operation in (each.split(":") for each in EVERY | OTHERS):
        own = access._client(DELEGATED, service, "us-east-1").meta.service_model.service_id.hyphenize()
        emitted |= {each.replace("guardduty", own).replace("ListDetectors", operation) for each in set(emitted)}
    events = access._doors.session(DELEGATED).get_component("event_emitter")
    whole, builtin = Session().get_component("event_emitter"), {handler for _, handler, _ in handlers.builtin()}
    for name in emitted:
        theirs = list(whole._emitter._handlers.prefix_search(whole._alias_event_name(name)))
        ours = list(events._handlers.prefix_search(name))
        assert [each for each in ours if each in builtin] == theirs, name
        assert not name.startswith("before-send") or ours


def test_handlers_of_other_services_are_left_out_where_services_are_named() -> None:
    some, every, whole = HierarchicalEmitter(), HierarchicalEmitter(), HierarchicalEmitter()
    handlers.register_builtin(some, {"guardduty"})
    handlers.register_builtin(every, ())
    Session(event_hooks=whole)
    names = ("before-parameter-build.s3.PutObject", "docs.request-params.auto-scaling.CreateLaunchConfiguration.complete-section")
    trees: Any = (some, every, whole)
    found = [[list(tree._handlers.prefix_search(name)) for name in names] for tree in trees]
    assert found[1] == found[2]
    assert [len(each) for each in found[0]] == [2, 0]
    assert all(found[1])
