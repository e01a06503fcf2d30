"""The simulated AWS Config: recorders, and what the organization's aggregator holds of them."""

import json
from typing import Any

import pytest
from small_world import DELEGATED, MEMBERS, OPT_IN, REGION, SECOND, SUSPENDED, Caller, small_world

from runbook_lib.rehearsal.operations.config import aggregate
from runbook_lib.rehearsal.world import World

RECORDING, STOPPED, WITHOUT = MEMBERS[0], MEMBERS[1], MEMBERS[2]
QUERY = "SELECT accountId, awsRegion, configuration.Recording WHERE resourceType = 'AWS::Config::ConfigurationRecorder'"
NAME = {"ConfigurationAggregatorName": "organization"}


@pytest.fixture
def world() -> World:
    made = small_world()
    accounts = made.organization.accounts
    accounts[RECORDING].config_recorders = {REGION, SECOND}
    accounts[STOPPED].stopped_recorders = {REGION}
    accounts[SUSPENDED].config_recorders = {REGION}
    aggregate(made, DELEGATED, REGION)
    return made


def rows(answer: dict[str, Any]) -> list[Any]:
    return [json.loads(each) for each in answer["Results"]]


@pytest.mark.fact("CF-CF-01")
def test_an_account_sees_its_own_recorder(world: World) -> None:
    ask = Caller(world, "config")
    seen = {who: ask(who, "DescribeConfigurationRecorderStatus")["ConfigurationRecordersStatus"] for who in MEMBERS[:3]}
    assert [[each["recording"] for each in seen[who]] for who in MEMBERS[:3]] == [[True], [False], []]
    assert len(ask(STOPPED, "DescribeConfigurationRecorders")["ConfigurationRecorders"]) == 1
    refused = ask.refused(WITHOUT, "DescribeConfigurationRecorderStatus", ConfigurationRecorderNames=["default"])
    assert refused[0] == "NoSuchConfigurationRecorderException"


@pytest.mark.fact("CF-CF-02", "CF-CF-03")
def test_an_aggregator_is_in_its_account_and_region(world: World) -> None:
    ask = Caller(world, "config")
    (listed,) = ask(DELEGATED, "DescribeConfigurationAggregators")["ConfigurationAggregators"]
    assert listed["OrganizationAggregationSource"]["AllAwsRegions"]
    assert ask(DELEGATED, "DescribeConfigurationAggregators", region=SECOND)["ConfigurationAggregators"] == []
    assert ask(RECORDING, "DescribeConfigurationAggregators")["ConfigurationAggregators"] == []
    missing = "NoSuchConfigurationAggregatorException"
    assert ask.refused(DELEGATED, "DescribeConfigurationAggregators", ConfigurationAggregatorNames=["other"])[0] == missing
    for operation, more in (
        ("DescribeConfigurationAggregatorSourcesStatus", {}),
        ("SelectAggregateResourceConfig", {"Expression": QUERY}),
    ):
        assert ask.refused(DELEGATED, operation, region=SECOND, **NAME, **more)[0] == missing
        assert ask.refused(DELEGATED, operation, Limit=101, **NAME, **more)[0] == "InvalidLimitException"


@pytest.mark.fact("CF-CF-04", "CF-CF-05")
def test_the_aggregator_knows_each_recorder_and_whether_it_records(world: World) -> None:
    ask = Caller(world, "config")
    found = rows(ask(DELEGATED, "SelectAggregateResourceConfig", Expression=QUERY, **NAME))
    assert sorted((each["accountId"], each["awsRegion"], each["configuration"]["Recording"]) for each in found) == [
        (RECORDING, REGION, True),
        (RECORDING, SECOND, True),
        (STOPPED, REGION, False),
    ]
    there = rows(ask(DELEGATED, "SelectAggregateResourceConfig", Expression=f"{QUERY} AND awsRegion = '{SECOND}'", **NAME))
    assert [each["accountId"] for each in there] == [RECORDING]
    on = rows(ask(DELEGATED, "SelectAggregateResourceConfig", Expression=f"{QUERY} AND configuration.Recording = true", **NAME))
    assert {each["accountId"] for each in on} == {RECORDING}


@pytest.mark.fact("CF-CF-04")
def test_an_aggregator_of_some_regions_holds_nothing_of_others(world: World) -> None:
    aggregate(world, DELEGATED, SECOND, "some", (SECOND,))
    ask = Caller(world, "config")
    (listed,) = ask(DELEGATED, "DescribeConfigurationAggregators", region=SECOND)["ConfigurationAggregators"]
    assert listed["OrganizationAggregationSource"]["AwsRegions"] == [SECOND]
    some = {"ConfigurationAggregatorName": "some"}
    found = rows(ask(DELEGATED, "SelectAggregateResourceConfig", region=SECOND, Expression=QUERY, **some))
    assert {each["awsRegion"] for each in found} == {SECOND}


@pytest.mark.fact("CF-CF-06")
def test_results_come_in_pages_and_other_queries_are_refused(world: World) -> None:
    for account in MEMBERS:
        world.organization.accounts[account].config_recorders = {REGION}
    ask = Caller(world, "config")
    first = ask(DELEGATED, "SelectAggregateResourceConfig", Expression=QUERY, **NAME)
    assert len(first["Results"]) == 25
    assert len(ask(DELEGATED, "SelectAggregateResourceConfig", Expression=QUERY, Limit=100, **NAME)["Results"]) == len(MEMBERS)
    rest = ask(DELEGATED, "SelectAggregateResourceConfig", Expression=QUERY, NextToken=first["NextToken"], Limit=100, **NAME)
    assert len(rest["Results"]) == len(MEMBERS) - 25
    for wrong in ("SELECT *", "DROP x", "SELECT accountId WHERE awsRegion LIKE 'us-%'", "SELECT accountId WHERE tags.key = 'x'"):
        refused = ask.refused(DELEGATED, "SelectAggregateResourceConfig", Expression=wrong, **NAME)
        assert refused[0] == "InvalidExpressionException"


@pytest.mark.fact("CF-CF-07", "CF-CF-08")
@pytest.mark.parametrize(("variant", "status"), [("succeeded", "SUCCEEDED"), ("failed", "FAILED")])
def test_every_source_has_a_status(world: World, variant: str, status: str) -> None:
    world.variants["config source without recorder"] = variant
    ask = Caller(world, "config")
    listed: list[dict[str, Any]] = []
    more: dict[str, Any] = {}
    while True:
        answer = ask(DELEGATED, "DescribeConfigurationAggregatorSourcesStatus", Limit=100, **NAME, **more)
        listed += answer["AggregatedSourceStatusList"]
        if not answer.get("NextToken"):
            break
        more = {"NextToken": answer["NextToken"]}
    found = {(each["SourceId"], each["AwsRegion"]): each["LastUpdateStatus"] for each in listed}
    assert found[world.organization.id, REGION] == found[RECORDING, REGION] == found[STOPPED, REGION] == "SUCCEEDED"
    assert found[WITHOUT, REGION] == status
    assert not [account for account, _ in found if account == SUSPENDED]
    assert (MEMBERS[20], OPT_IN) not in found
    filtered = ask(DELEGATED, "DescribeConfigurationAggregatorSourcesStatus", UpdateStatus=["FAILED", "OUTDATED"], **NAME)
    assert bool(filtered["AggregatedSourceStatusList"]) is (variant == "failed")
