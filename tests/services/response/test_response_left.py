"""The response left on a simulated organization with queues and topics: every level, others' things, kills, and back again."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from leaving import Out
from mortal import Killed, Unreliable
from simulated import Simulated, home, open_cells, settings_for, simulated
from test_response_rehearsed import BEFORE, DELEGATED, PHASE, apply, client, foreign_rule, imported, messages, with_response

from runbook_lib.phase_run.undone import applied_units
from runbook_lib.rehearsal.backstop import Backstop
from runbook_lib.runbook.phases import OFFBOARDING
from runbook_lib.services.registry import RESPONSE, ways_out

SUPPRESSION = {"findings": {"controls": ["S3.8"]}, "reason": "Web sites", "owner": "Web team", "expires": "2099-01-01"}
LEVELS = ways_out()[RESPONSE]
HIGH = '{"source":["aws.guardduty"]}'


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulated]:
    """Seven accounts, with Security Hub and the response."""
    seven = simulated("seven", tmp_path, monkeypatch, moto=True)
    seven.settings = with_response(settings_for(seven.front), suppression={"web-site": SUPPRESSION})
    assert all(each.report.ok for each in seven.enable(BEFORE))
    apply(seven)
    yield seven
    assert isinstance(seven.front.backstop, Backstop)
    seven.front.backstop.reset()
    seven.front.backstop.close()


def there(made: Simulated) -> dict[str, set[str]]:
    """Everything of the response in the home Region, as anybody sees it."""
    events, hub, sns = client(made, "events"), client(made, "securityhub"), client(made, "sns")
    rules = events.list_rules()["Rules"]
    return {
        "sending": {each["Name"] for each in rules if each["State"] == "ENABLED"},
        "targets": {
            f"{each['Name']} {target['Id']}"
            for each in rules
            for target in events.list_targets_by_rule(Rule=each["Name"])["Targets"]
        },
        "rules": {each["Name"] for each in rules},
        "automation rules": {each["RuleName"] for each in hub.list_automation_rules()["AutomationRulesMetadata"]},
        "custom actions": {each["ActionTargetArn"].rpartition("/")[2] for each in hub.describe_action_targets()["ActionTargets"]},
        "topics": {each["TopicArn"].rpartition(":")[2] for each in sns.list_topics()["Topics"]},
        "queues": {url.rpartition("/")[2] for url in client(made, "sqs").list_queues().get("QueueUrls", ())},
    }


TAKES = {"mute": {"sending"}, "detach": {"targets"}, "remove": {"automation rules", "rules", "custom actions", "topics", "queues"}}
FOR_GOOD = {
    "queue runbook-response-undelivered and the messages in it", "queue runbook-triage and the messages in it",
    "topic runbook-people and its subscriptions",
}  # fmt: skip


def gone(made: Simulated, before: dict[str, set[str]]) -> set[str]:
    return {kind for kind, names in there(made).items() if before[kind] - names}


def test_every_level_takes_what_it_names_and_the_ordinary_phase_brings_it_back(made: Simulated) -> None:
    settings, bare = made.settings, {kind: set[str]() for kind in there(made)}
    out = Out(made, RESPONSE)
    out.allow(LEVELS)
    early = {"mute": out.plan("remove")}
    for level in LEVELS:
        before = there(made)
        plan, report = out.do(level)
        assert report.ok, (level, report)
        assert gone(made, before) == TAKES[level], level
        for_good = {loss.words.rpartition(", in ")[0] for loss in plan.losses if loss.for_good}
        assert for_good == (FOR_GOOD if level == "remove" else set())
        assert {action.account for action in plan.actions} == {DELEGATED}
        assert not [action for action in plan.actions if action.service == "iam"], "no channel here needs a role"
        if level == "mute":
            early["detach"] = out.plan("remove")
        assert out.plan(level).actions == (), level
    for level, says in (("mute", "still enabled"), ("detach", "still with targets")):
        elsewhere = {(each.region == home(made.front), each.operation) for each in early[level].actions}
        assert elsewhere == {(False, "BatchDeleteAutomationRules")}, "where no rule sends anything, nothing is muted before"
        assert all(says in each.reason and f"Do level {level}" in each.next_step for each in early[level].blockers)
    assert there(made) == bare
    assert not [cell for level in LEVELS for cell in out.cells(level) if cell.gap]
    made.settings = settings
    made.clock.sleep(61)  # AWS takes a queue's name again a minute after it was deleted [docs]
    apply(made)
    assert open_cells(made.phase_cells(PHASE)) == []
    imported(made)
    assert len(messages(made)) == 1


def test_what_others_made_or_need_is_left_to_them(made: Simulated) -> None:
    client(made, "sqs").create_queue(QueueName="runbook-theirs")
    client(made, "securityhub").create_action_target(Name="Theirs", Description="theirs", Id="Theirs")
    topic = next(each["TopicArn"] for each in client(made, "sns").list_topics()["Topics"])
    foreign_rule(made, "theirs", topic, HIGH)
    out = Out(made, RESPONSE)
    out.allow(LEVELS)
    for level in ("mute", "detach"):
        assert out.do(level)[1].ok
    plan, report = out.do("remove")
    [blocker] = plan.blockers
    assert blocker.reason == "topic runbook-people: theirs, which is not the runbook's, sends to it"
    assert blocker.next_step
    assert report.ok, "what nothing stands in the way of is done"
    left = there(made)
    theirs = {"topics": {"runbook-people"}, "custom actions": {"Theirs"}, "rules": {"theirs"}, "targets": {"theirs 1"}}
    assert left == {**left, **theirs}
    assert "runbook-theirs" in left["queues"]
    client(made, "events").remove_targets(Rule="theirs", Ids=["1"])
    assert out.do("remove")[1].ok
    assert there(made)["topics"] == set()


def test_removing_that_was_killed_in_flight_at_every_call_goes_on(made: Simulated) -> None:
    out = Out(made, RESPONSE)
    out.allow(LEVELS)
    for level in ("mute", "detach"):
        assert out.do(level)[1].ok
    plan = out.plan("remove")
    for _ in plan.actions:
        made.attach = Unreliable(made.front, 1).attach
        with suppress(Killed):
            out.apply("remove", plan)
        made.attach = None
    units = frozenset(applied_units(made.journal(OFFBOARDING.name)))
    assert out.apply("remove", plan, applied_before=units).ok
    assert out.plan("remove").actions == ()
