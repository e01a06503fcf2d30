"""The drill on the simulated organization: a finding that arrives, and each hop broken by a change of that world."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from procedure_in_process import ProcedureInProcess
from simulated import Simulated, home
from test_response_rehearsed import DELEGATED, SECTION, apply, client, messages, with_response
from test_response_rehearsed import made as made  # noqa: PLC0414 the fixture, by its own name

from runbook_lib.base.clock import Clock
from runbook_lib.cli.drill import hop_lines
from runbook_lib.coverage import Cell, Status
from runbook_lib.evidence.run.folder import RunFolder
from runbook_lib.plan import plain
from runbook_lib.rehearsal.operations.securityhub import custom_actions
from runbook_lib.rehearsal.operations.securityhub.updating import acknowledge
from runbook_lib.rehearsal.operations.sns import subscribe_and_confirm
from runbook_lib.runbook.phases import DRILLING
from runbook_lib.services.procedures import procedure
from runbook_lib.services.response.drill import BadDrillName, BadPatience, Drill

ROUTES = {
    "high-findings": {"findings": {"severities": ["HIGH", "CRITICAL"]}, "to": ["triage"]},
    "pressed": SECTION["routes"]["pressed"],
}


class Drilling(ProcedureInProcess):
    """One drill by name."""

    phase = DRILLING

    def __init__(self, made: Simulated, name: str = "spring") -> None:
        super().__init__(made)
        self.name = name

    def doing(self) -> Drill:
        return Drill(self.name, self.made.clock)

    def key(self, cell: Cell) -> str:
        return f"{cell.aspect} {cell.item}"

    def through(self) -> dict[str, Cell]:
        """Every finding is archived in the end."""
        cells = super().through()
        assert {each["RecordState"] for each in self.findings() if each["Workflow"]["Status"] != "SUPPRESSED"} == {"ARCHIVED"}
        assert self.plan().steps == ()
        return cells

    def findings(self) -> list[dict[str, Any]]:
        hub = client(self.made, "securityhub", DELEGATED, home(self.made.front))
        filters = {"Id": [{"Value": "runbook-drill/", "Comparison": "PREFIX"}]}
        found: list[dict[str, Any]] = hub.get_findings(Filters=filters)["Findings"]
        return found


@pytest.fixture
def ready(made: Simulated) -> Simulated:
    """The response of settings, applied."""
    made.settings = with_response(made.settings, routes=ROUTES)
    apply(made)
    return made


def test_a_finding_is_followed_to_its_channel_and_archived(ready: Simulated) -> None:
    drilling = Drilling(ready)
    seen = drilling.through()
    assert {name: each.status for name, each in seen.items()} == {
        "finding high-findings": Status.COVERED, "route high-findings": Status.COVERED,
        "delivery high-findings to triage": Status.COVERED, "finding pressed": Status.COVERED, "route pressed": Status.COVERED,
        "delivery pressed to triage": Status.UNKNOWN,
    }  # fmt: skip
    assert seen["delivery pressed to triage"].code == "NotTried"
    [message] = messages(ready)
    assert message["finding"] == "runbook-drill/spring/high-findings"
    assert {each["Title"][:7] for each in drilling.findings()} == {"[DRILL]"}


def test_it_arises_in_a_linked_region_and_is_gathered(ready: Simulated) -> None:
    Drilling(ready).through()
    regions = {each["Id"].rpartition("/")[2]: each["Region"] for each in Drilling(ready).findings()}
    assert regions["pressed"] == home(ready.front)
    assert regions["high-findings"] != home(ready.front)


def test_the_same_name_again_sends_nothing_and_another_does(ready: Simulated) -> None:
    drilling = Drilling(ready)
    drilling.through()
    calls = len(ready.mutating())
    assert drilling.plan().steps == ()
    assert Drilling(ready, "summer").plan().actions
    assert not [each for each in ready.mutating()[calls:] if each.operation != "ReceiveMessage"]


def test_one_that_was_killed_after_its_first_call_goes_on_where_it_was(ready: Simulated) -> None:
    drilling = Drilling(ready)
    plan = drilling.plan()
    [sent] = [each for each in plan.actions if each.stage == "delegated" and "high-findings" in each.reason]
    times = {"CreatedAt": "2026-01-01T00:00:00Z", "UpdatedAt": "2026-01-01T00:00:00Z"}
    finding = {**plain(sent.parameters)["Findings"][0], **times}
    assert client(ready, "securityhub", DELEGATED, sent.region).batch_import_findings(Findings=[finding])["SuccessCount"] == 1
    assert drilling.apply(plan).ok
    assert [each["finding"] for each in messages(ready)] == ["runbook-drill/spring/high-findings"]
    assert {each["RecordState"] for each in drilling.findings()} == {"ARCHIVED"}


def gone(ready: Simulated) -> None:
    queue(ready).delete_queue(QueueUrl=url(ready))


def shut(ready: Simulated) -> None:
    queue(ready).set_queue_attributes(QueueUrl=url(ready), Attributes={"Policy": ""})


def disabled(ready: Simulated) -> None:
    client(ready, "events").disable_rule(Name="runbook-high-findings")


def deleted(ready: Simulated) -> None:
    events = client(ready, "events")
    events.remove_targets(Rule="runbook-high-findings", Ids=["triage"])
    events.delete_rule(Name="runbook-high-findings")


def without_target(ready: Simulated) -> None:
    client(ready, "events").remove_targets(Rule="runbook-high-findings", Ids=["triage"])


def narrowed(ready: Simulated) -> None:
    pattern = {"source": ["aws.securityhub"], "detail": {"findings": {"Severity": {"Label": ["CRITICAL"]}}}}
    client(ready, "events").put_rule(
        Name="runbook-high-findings", EventPattern=json.dumps(pattern), Description="Made by the runbook"
    )


def suppressed(ready: Simulated) -> None:
    for region in ready.settings.sections()["securityhub"].regions:
        client(ready, "securityhub", DELEGATED, region).create_automation_rule(
            RuleName="quiet", RuleOrder=1, Description="Another team's", RuleStatus="ENABLED",
            Criteria={"SeverityLabel": [{"Value": "HIGH", "Comparison": "EQUALS"}]},
            Actions=[{"Type": "FINDING_FIELDS_UPDATE", "FindingFieldsUpdate": {"Workflow": {"Status": "SUPPRESSED"}}}],
        )  # fmt: skip


def not_gathered(ready: Simulated) -> None:
    hub = client(ready, "securityhub")
    [found] = hub.list_finding_aggregators()["FindingAggregators"]
    hub.update_finding_aggregator(
        FindingAggregatorArn=found["FindingAggregatorArn"], RegionLinkingMode="SPECIFIED_REGIONS", Regions=["eu-west-3"]
    )


def queue(ready: Simulated) -> Any:
    return client(ready, "sqs")


def url(ready: Simulated) -> str:
    found: str = queue(ready).get_queue_url(QueueName="runbook-triage")["QueueUrl"]
    return found


@pytest.mark.parametrize(
    ("broken", "hop", "says"),
    [
        (not_gathered, "finding high-findings", "has not got it"),
        (disabled, "route high-findings", "the rule runbook-high-findings is disabled"),
        (deleted, "route high-findings", "there is no rule runbook-high-findings"),
        (without_target, "route high-findings", "does not send to"),
        (narrowed, "route high-findings", "has another pattern"),
        (suppressed, "route high-findings", "Workflow.Status is SUPPRESSED and was NEW"),
        (shut, "delivery high-findings to triage", "EventBridge could not deliver it: NO_PERMISSIONS"),
        (gone, "delivery high-findings to triage", "EventBridge could not deliver it: NO_RESOURCE"),
    ],
)
def test_the_first_hop_at_which_it_was_lost_is_named(
    ready: Simulated, broken: Callable[[Simulated], None], hop: str, says: str
) -> None:
    broken(ready)
    seen = Drilling(ready).through()
    lost = {name: each for name, each in seen.items() if each.status is Status.GAP and "pressed" not in name}
    assert list(lost) == [hop]
    assert says in lost[hop].reason
    assert lost[hop].next_step
    after = [each for each in list(seen) if each.endswith(("high-findings", "triage")) and "pressed" not in each]
    assert {seen[each].code for each in after[after.index(hop) + 1 :]} <= {"NotReached"}


def test_the_command_prints_hops_in_their_order_and_none_of_what_was_not_sent(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "rehearsal", Clock().now(), settings=b"", command=["test"]).start_phase(
        DRILLING.name, Clock().now()
    )
    cell = {"item": "urgent", "gap": "", "status": "covered", "reason": "there", "next_step": ""}
    lost = {**cell, "aspect": "route", "gap": "blocked", "status": "gap", "reason": "disabled", "next_step": "Enable it."}
    cells = [lost, {**cell, "aspect": "finding"}, {**cell, "aspect": "finding", "item": "other", "gap": "to do", "status": "gap"}]
    folder.coverage("after", "json").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    assert hop_lines(folder, "after") == ["urgent, finding: ok: there", "urgent, route: gap: disabled", "  next step: Enable it."]
    assert hop_lines(folder, "before") == []


def test_what_cannot_be_the_name_of_a_drill_is_refused() -> None:
    with pytest.raises(BadDrillName, match="'a_b' cannot be"):
        procedure(DRILLING.name, "a_b")


@pytest.mark.parametrize("minutes", ["0", "61", "1.5", "soon", "5 6"])
def test_people_are_waited_for_at_most_an_hour(minutes: str) -> None:
    with pytest.raises(BadPatience, match=f"'{minutes}': people cannot be waited for so long"):
        procedure(DRILLING.name, f"spring {minutes}")
    assert [procedure(DRILLING.name, each).about for each in ("spring ", "spring 60")] == ["spring", "spring 60"]


def with_people(ready: Simulated, *, press: bool = True, notified: bool = True) -> Drilling:
    """A topic in the place of the queue for findings, and people who do their part a minute after they could."""
    made = with_response(ready.settings, routes={**ROUTES, "high-findings": {**ROUTES["high-findings"], "to": ["people"]}})
    ready.settings = made
    apply(ready)
    topic = f"arn:aws:sns:{home(ready.front)}:{DELEGATED}:runbook-people"
    subscribe_and_confirm(ready.front.world, topic, "on-call@example.com")
    drilling = Drilling(ready, "spring 5")
    action = f"arn:aws:securityhub:{home(ready.front)}:{DELEGATED}:action/custom/Triage"

    def passed(seconds: float) -> None:
        ready.front.world.skip(seconds)
        if ready.clock.monotonic() > 60:
            there = {each["Id"] for each in drilling.findings()}
            place = (ready.front.world, DELEGATED, home(ready.front))
            if press and "runbook-drill/spring/pressed" in there:
                custom_actions.press(*place, action, ["runbook-drill/spring/pressed"])
            if notified:
                acknowledge(*place, ["runbook-drill/spring/high-findings"])

    ready.clock.hook = passed
    return drilling


def test_people_press_and_say_what_came_while_they_are_waited_for(ready: Simulated) -> None:
    seen = with_people(ready).through()
    assert {each.status for each in seen.values()} == {Status.COVERED}
    assert seen["delivery high-findings to people"].reason == "its finding is NOTIFIED: whoever got the message has said so"
    assert {each["finding"] for each in messages(ready)} == {"runbook-drill/spring/pressed"}


def test_people_who_do_nothing_are_waited_for_until_the_limit_alone(ready: Simulated) -> None:
    seen = with_people(ready, press=False, notified=False).through()
    codes = {name: each.code for name, each in seen.items() if each.status is Status.UNKNOWN}
    assert codes == {"delivery high-findings to people": "NotSeen", "delivery pressed to triage": "NotTried"}
    assert 300 <= ready.clock.monotonic() < 900


def test_an_automation_rule_that_sets_notified_says_nothing_of_people(ready: Simulated) -> None:
    drilling = with_people(ready)
    for region in ready.settings.sections()["securityhub"].regions:
        client(ready, "securityhub", DELEGATED, region).create_automation_rule(
            RuleName="told", RuleOrder=1, Description="Another team's", RuleStatus="ENABLED",
            Criteria={"SeverityLabel": [{"Value": "LOW", "Comparison": "EQUALS"}]},
            Actions=[{"Type": "FINDING_FIELDS_UPDATE", "FindingFieldsUpdate": {"Workflow": {"Status": "NOTIFIED"}}}],
        )  # fmt: skip
    assert drilling.through()["delivery high-findings to people"].status is not Status.COVERED
