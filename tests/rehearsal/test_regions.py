"""Which services are in which Regions: the runbook's specs and the simulation, each against botocore's endpoints."""

from collections.abc import Iterator

import botocore.session
import pytest
from botocore.loaders import Loader

from runbook_lib.rehearsal.regions import has_endpoint, partitions, regions_of
from runbook_lib.rehearsal.simulated import simulated
from runbook_lib.services.registry import specs

SERVICES = [spec.name for spec in specs()]
ANNOUNCED = frozenset({"me-west-1", "sa-west-1"})
"""Regions of which botocore lists no endpoint of anything yet: what AWS will have there, nobody knows."""


def listed(service: str) -> Iterator[tuple[str, bool]]:
    """Every Region that is there, and whether botocore lists the service in it, asked by boto3's name of the service."""
    session = botocore.session.get_session()
    for partition in Loader().load_data("partitions")["partitions"]:
        there = set(session.get_available_regions(service, partition["id"]))
        for region in partition["regions"]:
            if not region.endswith("-global") and region not in ANNOUNCED:
                yield region, region in there


@pytest.mark.parametrize("service", SERVICES)
def test_the_runbook_knows_where_each_service_is(service: str) -> None:
    """Whoever upgrades botocore learns that AWS has brought a service to another Region."""
    (spec,) = [each for each in specs() if each.name == service]
    wrong = {region: there for region, there in listed(service) if spec.exists_in(region) is not there}
    assert not wrong


@pytest.mark.fact("MC-S2-33")
@pytest.mark.parametrize("service", SERVICES)
def test_the_simulation_has_each_service_where_botocore_lists_it(service: str) -> None:
    (about,) = [each for each in simulated() if each.name == service]
    wrong = {region: there for region, there in listed(service) if about.exists_in(region) is not there}
    assert not wrong


def test_every_region_and_partition_that_botocore_knows_can_be_rehearsed() -> None:
    known = {each["id"]: each["regions"] for each in Loader().load_data("partitions")["partitions"]}
    assert set(partitions()) == set(known)
    for partition, regions in known.items():
        assert regions_of(partition) == {region for region in regions if not region.endswith("-global")}
    assert regions_of("aws-eusc") == {"eusc-de-east-1"}


def test_what_botocore_does_not_know_is_there() -> None:
    assert has_endpoint("made-up", "us-east-1")
    assert all(has_endpoint("macie2", region) for region in ANNOUNCED)
