"""The template: what AWS's own schemas say of it, and what they do not: retention, order, the state machine, permissions."""

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
import stack_settings

from runbook_lib.runbook import managed
from runbook_lib.services.permissions import PREFLIGHT, Names, document, statements
from runbook_lib.stack.answer import KEYS
from runbook_lib.stack.roles import ROLE, allowed
from runbook_lib.stack.template import LONGEST_POLICIES, NotForAStack, machine, tasks, template, text

WRITTEN = {"rehearsal": stack_settings.rehearsal(), "everything": stack_settings.everything()}
GOVCLOUD = WRITTEN["rehearsal"].replace("us-east-1", "us-gov-west-1").replace("us-east-2", "us-gov-east-1")
GOVCLOUD = re.sub(r"(, )?eu-south-1", "", GOVCLOUD).replace("arn:aws:", "arn:aws-us-gov:")
REGIONS = {
    "rehearsal": ["us-east-1", "eu-central-1", "ap-southeast-6"],
    "everything": ["eu-central-1"],
    "govcloud": ["us-gov-west-1"],
}


@cache
def made(name: str) -> dict[str, Any]:
    written: dict[str, Any] = json.loads(text(template(stack_settings.settings({**WRITTEN, "govcloud": GOVCLOUD}[name]))))
    return written


def customs(name: str) -> dict[str, Any]:
    return {key: each for key, each in made(name)["Resources"].items() if each["Type"].startswith("Custom::")}


@pytest.mark.parametrize("name", REGIONS)
def test_aws_schemas_have_nothing_against_it(name: str) -> None:
    import cfnlint.api

    found = cfnlint.api.lint(json.dumps(made(name)), regions=REGIONS[name])
    assert [str(each) for each in found] == []


@pytest.mark.parametrize("name", REGIONS)
def test_nothing_of_the_organization_goes_with_the_stack(name: str) -> None:
    assert len(customs(name)) >= 4
    for each in (*customs(name).values(), made(name)["Resources"]["Logs"]):
        assert (each["DeletionPolicy"], each["UpdateReplacePolicy"]) == ("Retain", "Retain")
    for each in customs(name).values():
        assert isinstance(each["Properties"]["ServiceTimeout"], int)
        assert 1 <= each["Properties"]["ServiceTimeout"] <= 3600
        assert all(isinstance(value, (str, dict)) for key, value in each["Properties"].items() if key != "ServiceTimeout")


@pytest.mark.parametrize("name", REGIONS)
def test_one_resource_comes_after_another_and_all_after_what_carries_them_out(name: str) -> None:
    """One live run at a time; a role that goes, or comes, too early leaves the stack waiting for an hour."""
    done, resources = set[str](), made(name)["Resources"]
    first = next(iter(customs(name).values()))
    assert set(first["DependsOn"]) >= {key for key, each in resources.items() if each["Type"] == "AWS::IAM::Role"}
    assert {"AcceptInvocation", "Machine", "Logs"} <= set(first["DependsOn"])
    for number, (key, each) in enumerate(customs(name).items()):
        assert number == 0 or set(each["DependsOn"]) <= done
        assert len(each["DependsOn"]) == (1 if number else len(first["DependsOn"]))
        done.add(key)


def test_every_phase_has_its_resource_in_every_wave() -> None:
    settings = stack_settings.settings(WRITTEN["everything"])
    names = [each.logical_id for each in tasks(settings)]
    assert len(names) == len(set(names)) == 3 * len(managed(settings)), "canary, first-region, rest"
    assert names[0] == "PrerequisitesWaveCanary"
    plain = stack_settings.settings(WRITTEN["rehearsal"])
    assert [each.logical_id for each in tasks(plain)] == [re.sub(r"\W", "", phase.title) for phase in managed(plain)]
    assert set(made("everything")["Outputs"]) - {"Organization"} == {
        f"{name}{key}" for name in names for key in ("Status", "Coverage", "Evidence")
    }
    plain_names = [each.logical_id for each in tasks(plain)]
    assert set(made("rehearsal")["Outputs"]) - {"Organization"} == {f"{name}{key}" for name in plain_names for key in KEYS}


def test_no_name_is_left_to_chance_and_the_code_is_known_by_digest_and_version() -> None:
    """Renamed, a function is another ServiceToken, which no update may have; one key for all code updates nothing."""
    resources = made("rehearsal")["Resources"]
    functions = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::Lambda::Function"]
    assert [each["FunctionName"] for each in functions] == [
        {"Fn::Sub": f"${{AWS::StackName}}-{name}"} for name in ("accept", "work")
    ]
    for each in functions:
        assert set(each["Code"]) == {"S3Bucket", "S3Key", "S3ObjectVersion"}
        assert not {"ReservedConcurrentExecutions", "VpcConfig", "DeadLetterConfig"} & set(each)
    invocation = resources["AcceptInvocation"]["Properties"]
    assert invocation["MaximumEventAgeInSeconds"] == 900
    assert "DestinationConfig" not in invocation, "it would keep the addresses for answers"


def test_permissions_are_those_of_the_tables() -> None:
    for name, written_settings in WRITTEN.items():
        settings = stack_settings.settings(written_settings)
        table = [each for each in statements(Names.of(settings)) if each.actions != PREFLIGHT]
        role = document("runbook-management-change", table)["Statement"]
        evidence = (
            []
            if settings.mode == "rehearsal"
            else [each for each in allowed(settings) if each in document("runbook-evidence", table)["Statement"]]
        )
        assumed = [
            each["Resource"] for each in allowed(settings) if each["Action"] == ["sts:AssumeRole"] and each["Sid"] == "AssumeRoles"
        ]
        assert [each for each in allowed(settings) if each["Sid"] != "AssumeRoles" and each not in evidence] == role
        wanted = [
            settings.access.delegated.role_arn,
            settings.evidence.role_arn if settings.mode == "live" and settings.evidence else None,
        ]
        assert assumed == [[each for each in wanted if each]]
        (inline,) = made(name)["Resources"]["WorkRole"]["Properties"]["Policies"]
        written = inline["PolicyDocument"]["Statement"]
        assert written[-len(allowed(settings)) :] == allowed(settings)
        assert len(json.dumps(inline["PolicyDocument"], separators=(",", ":"))) <= LONGEST_POLICIES
        assert made(name)["Resources"]["WorkRole"]["Properties"]["RoleName"] == ROLE


def test_no_role_of_the_stack_may_change_roles_or_read_what_is_not_its_own() -> None:
    for each in made("everything")["Resources"].values():
        for policy in each.get("Properties", {}).get("Policies", ()):
            for statement in policy["PolicyDocument"]["Statement"]:
                actions = set(statement["Action"])
                assert not {action for action in actions if action == "*" or action.endswith(":*")}
                changing = {a for a in actions if a.startswith("iam:")} - {"iam:GetRole", "iam:CreateServiceLinkedRole"}
                assert not changing
                if {action.split(":")[0] for action in actions} & {"s3", "ssm", "states", "logs", "lambda", "cloudformation"}:
                    assert "*" not in statement["Resource"]


def test_every_way_through_the_state_machine_ends_in_an_answer() -> None:
    """cfn-lint is silent on a Next that names nothing, and so is moto until it arrives there."""
    states = machine()["States"]

    def following(state: dict[str, Any]) -> Iterator[str]:
        yield from (state[key] for key in ("Next", "Default") if key in state)
        yield from (each["Next"] for key in ("Choices", "Catch") for each in state.get(key, ()))

    for name, state in states.items():
        assert set(following(state)) <= set(states), name
        assert bool(state.get("End")) != bool(list(following(state))), name
    assert [name for name, state in states.items() if state.get("End")] == ["Answer"]
    reached, left = set[str](), [machine()["StartAt"]]
    while left:
        reached.add(name := left.pop())
        left += set(following(states[name])) - reached
    assert reached == set(states)
    assert any(each["ErrorEquals"] == ["States.ALL"] for each in states["Slice"]["Catch"])
    assert machine()["TimeoutSeconds"] < 3600


@pytest.mark.parametrize(
    ("changed", "to", "said"),
    [
        ("role_arn: arn:aws:iam::222222222222:role/RunbookDelegated", "profile: mine", "access.delegated.profile"),
        ("access:\n", "access:\n  management:\n    profile: mine\n", "access.management.profile"),
        ("mode: rehearsal", "mode: live", "evidence: a live run"),
    ],
)
def test_settings_that_no_function_can_work_by_are_refused_with_their_key(changed: str, to: str, said: str) -> None:
    assert changed in WRITTEN["rehearsal"]
    with pytest.raises(NotForAStack, match=said):
        template(stack_settings.settings(WRITTEN["rehearsal"].replace(changed, to)))


def test_it_says_the_same_each_time_and_no_partition() -> None:
    one, two = (text(template(stack_settings.settings(WRITTEN["rehearsal"]))) for _ in range(2))
    assert one == two
    assert "arn:aws:" not in text(made("govcloud"))
    assert "&id" not in one
