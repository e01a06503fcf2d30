"""What else tells people: the newer Security Hub (V2) and Incident Response, read and shown, and never switched."""

import pytest
from simulated import Simulated, home
from test_response_rehearsed import DELEGATED, PHASE, apply, client, foreign_rule, reasons, with_response
from test_response_rehearsed import made as made  # noqa: PLC0414 the fixture, by its own name

from runbook_lib.coverage import Status
from runbook_lib.rehearsal.faults import Faults
from runbook_lib.rehearsal.operations.security_ir import join
from runbook_lib.rehearsal.operations.securityhub.second import switch_on_v2
from runbook_lib.rehearsal.scenario import Fault, Request, Scenario
from runbook_lib.services.response.patterns import of_findings, written
from runbook_lib.settings.response import FindingFilter

PRESSED = {"pressed": {"custom_action": "Triage", "to": ["triage"]}}
LOW = written(of_findings(FindingFilter(severities=("LOW",)), None))


def shown(made: Simulated) -> dict[str, tuple[Status, str]]:
    """Item → status, and what was observed."""
    return {each.item: (each.status, each.observed) for each in made.phase_cells(PHASE) if each.aspect == "beside"}


def test_what_is_off_is_shown_as_off(made: Simulated) -> None:
    assert shown(made) == {"Security Hub V2": (Status.NOT_APPLICABLE, "off")}
    made.settings = with_response(made.settings, incident_response_region=home(made.front))
    assert shown(made)["Security Incident Response"] == (Status.NOT_APPLICABLE, "no membership")


def test_what_somebody_switched_on_is_shown_and_left_alone(made: Simulated) -> None:
    world = made.front.world
    switch_on_v2(world, DELEGATED, home(made.front), rule="lower-noise", connector="JIRA_CLOUD")
    join(world, DELEGATED, home(made.front))
    made.settings = with_response(made.settings, incident_response_region=home(made.front))
    found = shown(made)
    assert found["Security Hub V2"][1].startswith("on since 20")
    assert {item: observed for item, (_, observed) in found.items() if item != "Security Hub V2"} == {
        "V2 automation rule lower-noise": "there",
        "V2 connector jira_cloud": "JIRA_CLOUD, PENDING_AUTHORIZATION",
        "Security Incident Response": "Active",
    }
    assert {status for status, _ in found.values()} == {Status.NOT_APPLICABLE}
    apply(made)
    assert made.plan(PHASE).steps == ()


def test_where_the_newer_one_is_to_feed_people_it_has_to_be_on_and_the_other_one_may_not(made: Simulated) -> None:
    made.settings = with_response(made.settings, feeds="V2", routes=PRESSED)
    assert "it is not on in us-east-1: nobody is told" in reasons(made)["beside Security Hub V2"]
    switch_on_v2(made.front.world, DELEGATED, home(made.front))
    assert shown(made)["Security Hub V2"][0] is Status.COVERED
    apply(made)
    queue = f"arn:aws:sqs:{home(made.front)}:{DELEGATED}:runbook-triage"
    foreign_rule(made, "newer", queue, '{"source":["aws.securityhub"],"detail-type":["Findings Imported V2"]}')
    assert made.plan(PHASE).blockers == ()
    foreign_rule(made, "older", queue, LOW)
    assert "the rule older" in reasons(made)["routes pressed"]
    assert "feeds the same channel from Security Hub CSPM" in reasons(made)["routes pressed"]
    client(made, "events").disable_rule(Name="older")
    assert reasons(made) == {}


@pytest.mark.parametrize(("feeds", "status"), [(None, Status.NOT_APPLICABLE), ("V2", Status.UNKNOWN)])
def test_what_cannot_be_read_is_not_off(made: Simulated, feeds: str | None, status: Status) -> None:
    made.settings = with_response(made.settings, routes=PRESSED, **({"feeds": feeds} if feeds else {}))
    denied = Fault(kind="deny", on=Request(operation="DescribeSecurityHubV2"), times=None)
    made.front.faults = Faults(Scenario(faults=(denied,)), made.front.world)
    assert shown(made)["Security Hub V2"][0] is status
