"""A client can do what its run lists, exactly as botocore's own clients do it, and nothing else."""

from typing import Any

from botocore.model import OperationModel, ServiceModel
from fake_aws import DELEGATED, MUTATIONS, READS, FakeAws, Make

from runbook_lib.access.models import ListedOperations, shared_loader


def described(operation: OperationModel) -> tuple[Any, ...]:
    shapes = (operation.input_shape, operation.output_shape)
    return operation.http, operation.documentation, [shape and (shape.name, list(shape.members)) for shape in shapes]


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
        assert ours.shape_names == theirs.shape_names
        assert loader.load_service_model(service, "paginators-1") is shared_loader().load_service_model(service, "paginators-1")
    assert loader.load_service_model("sts", "service-2") is shared_loader().load_service_model("sts", "service-2")
    assert loader.load_data("partitions") is shared_loader().load_data("partitions")
