"""Quotas of AWS's: what would exceed one is refused before anything changes, with the numbers."""

from typing import Any

import pytest
from simulated import Simulated, home
from test_response_rehearsed import DELEGATED, PHASE, SECTION, apply, client, reasons, with_response
from test_response_rehearsed import made as made  # noqa: PLC0414 the fixture, by its own name

from runbook_lib.rehearsal.operations.events.state import Rule, buses_of


def rules(made: Simulated, number: int) -> None:
    """That many rules of others on the default bus."""
    where = home(made.front)
    bus = buses_of(made.front.world, DELEGATED, where)["default"]
    for each in range(number):
        arn = f"arn:aws:events:{where}:{DELEGATED}:rule/theirs-{each}"
        bus.rules[f"theirs-{each}"] = Rule(f"theirs-{each}", "default", arn, DELEGATED, pattern='{"source":["aws.ec2"]}')


BOTH = ["routes high-findings", "routes pressed"]


@pytest.mark.parametrize(("there", "refused"), [(298, []), (299, BOTH[1:]), (300, BOTH)])
def test_rules_of_a_bus(made: Simulated, there: int, refused: list[str]) -> None:
    """Two rules are wanted: each takes a place that the next one does not have."""
    rules(made, there)
    found = reasons(made)
    assert list(found) == refused
    assert all(f"the bus has {there} rules" in why and "AWS allows 300" in why for why in found.values())
    if not refused:
        apply(made)
        assert made.plan(PHASE).steps == ()


@pytest.mark.parametrize(("there", "refused"), [(49, False), (50, True)])
def test_custom_actions_of_an_account(made: Simulated, there: int, refused: bool) -> None:
    hub = client(made, "securityhub")
    for each in range(there):
        hub.create_action_target(Name=f"Theirs {each}", Description="theirs", Id=f"Theirs{each}")
    found = reasons(made)
    assert list(found) == ["custom actions Triage"] * refused
    assert all("there are 50 custom actions, and AWS allows 50" in why for why in found.values())


def test_targets_of_a_rule_whoever_added_them(made: Simulated) -> None:
    apply(made)
    sns, events = client(made, "sns"), client(made, "events")
    more = [{"Id": f"theirs-{each}", "Arn": sns.create_topic(Name=f"theirs-{each}")["TopicArn"]} for each in range(3)]
    assert events.put_targets(Rule="runbook-high-findings", Targets=more)["FailedEntryCount"] == 0
    assert reasons(made) == {}
    channels = {**SECTION["channels"], "more": {"queue": {"make": "runbook-more"}}}
    routes = {**SECTION["routes"], "high-findings": {**SECTION["routes"]["high-findings"], "to": ["triage", "people", "more"]}}
    made.settings = with_response(made.settings, channels=channels, routes=routes)
    assert reasons(made) == {
        "routes high-findings": "with what others added its rule would have 6 targets, and AWS allows 5",
    }


def many(number: int) -> dict[str, Any]:
    """That many routes, each of one account's findings."""
    accounts = [f"{100_000_000_000 + each}" for each in range(number)]
    return {f"route-{each}": {"findings": {"accounts": [each]}, "to": ["triage"]} for each in accounts}


def test_a_queues_policy_that_names_every_rule(made: Simulated) -> None:
    made.settings = with_response(made.settings, routes=many(60), custom_actions={})
    assert reasons(made) == {}
    made.settings = with_response(made.settings, routes=many(120), custom_actions={})
    found = reasons(made)
    assert list(found) == ["channels undelivered", "channels triage"]
    assert all("for 120 routes, and AWS takes 8,192" in why for why in found.values())
    assert made.plan(PHASE).blockers


def test_the_trust_policy_of_a_role_that_names_every_rule(made: Simulated) -> None:
    bus = client(made, "events").create_event_bus(Name="siem")["EventBusArn"]
    channels = {"triage": {"event_bus": {"arn": bus}}}
    made.settings = with_response(made.settings, channels=channels, routes=many(10), custom_actions={})
    assert reasons(made) == {}
    made.settings = with_response(made.settings, channels=channels, routes=many(30), custom_actions={})
    [(item, why)] = reasons(made).items()
    assert (item, "AWS takes 2,048" in why) == ("roles triage", True)


def test_a_pattern(made: Simulated) -> None:
    accounts = [f"{100_000_000_000 + each}" for each in range(140)]
    routes = {"wide": {"findings": {"accounts": accounts}, "to": ["triage"]}}
    made.settings = with_response(made.settings, routes=routes, custom_actions={})
    [(item, why)] = reasons(made).items()
    assert (item, "and AWS takes 2,048" in why) == ("routes wide", True)
