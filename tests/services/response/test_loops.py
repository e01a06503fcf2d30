"""No route sets itself off without end: refused by its pattern before anything is made, and followed over the wire once made."""

import json
from typing import Any

import pytest
from simulated import Simulated
from test_channels import function, state_machine
from test_response_rehearsed import PHASE, apply, client, imported, reasons, with_response
from test_response_rehearsed import made as made  # noqa: PLC0414 the fixture, by its own name

from runbook_lib.rehearsal.operations.events.state import state_of
from runbook_lib.rehearsal.operations.securityhub.updating import react
from runbook_lib.services.response.patterns import ANSWERED, of_action, of_findings, rounds
from runbook_lib.settings.response import FindingFilter

CALM, MINUTES = 1, 10
LOOP = "each change is an event again, so the route would set itself off without end"


def routed(made: Simulated, channel: dict[str, Any], *statuses: str) -> None:
    route = {"findings": {"severities": ["HIGH"], "workflow_statuses": list(statuses)}, "to": ["flow"]}
    made.settings = with_response(made.settings, channels={"flow": channel}, custom_actions={}, routes={"answered": route})


def started(made: Simulated) -> int:
    """How often the target was set off within some minutes, each of which is a round."""
    imported(made)
    for _ in range(MINUTES):
        made.clock.sleep(61)
        client(made, "securityhub").describe_hub()
    return len(state_of(made.front.world).invocations)


@pytest.mark.parametrize("kind", [state_machine, function])
@pytest.mark.parametrize("status", ANSWERED)
def test_a_route_that_its_own_answer_fits_again_is_refused(made: Simulated, kind: Any, status: str) -> None:
    routed(made, kind(made), "NEW", status)
    assert LOOP in reasons(made)["routes answered"]
    assert not [each for each in made.plan(PHASE).actions if each.operation in ("PutRule", "PutTargets", "EnableRule")]


def test_who_reads_a_queue_answers_for_what_it_does(made: Simulated) -> None:
    routed(made, {"queue": {"make": "runbook-triage"}}, *ANSWERED)
    assert "routes answered" not in reasons(made)


def test_a_workflow_that_changes_its_finding_is_set_off_once(made: Simulated) -> None:
    channel = state_machine(made)
    routed(made, channel, "NEW")
    apply(made)
    react(made.front.world, channel["state_machine"]["arn"], "NOTIFIED")
    assert started(made) == CALM
    [found] = client(made, "securityhub").get_findings(Filters={"Id": [{"Value": "f-1", "Comparison": "EQUALS"}]})["Findings"]
    assert found["Workflow"]["Status"] == "NOTIFIED", "it did change the finding, and that was an event"


def test_it_is_the_status_in_the_pattern_that_stops_it(made: Simulated) -> None:
    """The same rule with the pattern that was refused, written by hand: once a minute, for ever."""
    channel = state_machine(made)
    routed(made, channel, "NEW")
    apply(made)
    events = client(made, "events")
    rule = events.describe_rule(Name="runbook-answered")
    pattern = json.loads(rule["EventPattern"])
    pattern["detail"]["findings"]["Workflow"]["Status"].append("NOTIFIED")
    assert rounds(pattern) == ("NOTIFIED",)
    events.put_rule(Name=rule["Name"], EventPattern=json.dumps(pattern), Description=rule["Description"], State="ENABLED")
    react(made.front.world, channel["state_machine"]["arn"], "NOTIFIED")
    assert started(made) > CALM + MINUTES // 2


def test_a_pattern_proves_it() -> None:
    assert rounds(of_findings(FindingFilter(), None)) == ()
    assert rounds({"source": ["aws.securityhub"]}) == ANSWERED, "without a status it fits each of them"
    assert rounds(of_action("arn:aws:securityhub:us-east-1:222222222222:action/custom/Triage")) == (), "a person presses it"
