import json
import shlex
from typing import Any

import botocore.session
import pytest
import twins
import value_samples as samples
from botocore import xform_name
from botocore.model import ServiceModel
from botocore.validate import ParamValidator

from runbook_lib.plan import Action, BackOut, Reference
from runbook_lib.plan.cli_line import back_out_line, cli_line, command, reversed_action
from runbook_lib.services.registry import by_name

MODELS = botocore.session.Session()


def read_back(line: str) -> tuple[str, str, str, dict[str, Any]]:
    """Parse a line as the AWS CLI would: service, operation, Region, parameters by the API's names; validated by the model."""
    words = shlex.split(line, comments=True)
    assert words[0] == "aws"
    model: ServiceModel = MODELS.get_service_model(words[1])
    operation = model.operation_model({xform_name(name, "-"): name for name in model.operation_names}[words[2]])
    assert operation.input_shape is not None
    members = {xform_name(name, "-"): (name, shape) for name, shape in operation.input_shape.members.items()}
    region, parameters, rest = "", dict[str, Any](), words[3:]
    while rest:
        option = rest.pop(0).removeprefix("--")
        if option == "cli-input-json":
            parameters |= json.loads(rest.pop(0))
        elif option == "region":
            region = rest.pop(0)
        elif option.removeprefix("no-") in members and members[option.removeprefix("no-")][1].type_name == "boolean":
            parameters[members[option.removeprefix("no-")][0]] = not option.startswith("no-")
        else:
            name, shape = members[option]
            values = [rest.pop(0)]
            while rest and not rest[0].startswith("--"):
                values.append(rest.pop(0))
            parameters[name] = (
                values if shape.type_name == "list" else int(values[0]) if shape.type_name == "integer" else values[0]
            )
    report = ParamValidator().validate(parameters, operation.input_shape)
    assert not report.has_errors(), report.generate_report()
    return words[1], operation.name, region, parameters


OWN = {service: twins.module(service, "calls").CALLS for service in by_name() if twins.has(service, "calls")}
"""Service → calls of its own, of every kind of parameter that it has."""
CALLS = [
    *(action for calls in OWN.values() for action in calls),
    samples.action("EnableAWSServiceAccess", {"ServicePrincipal": "guardduty.amazonaws.com"}, service="organizations"),
    samples.action(
        "RegisterDelegatedAdministrator",
        {"AccountId": samples.DELEGATED, "ServicePrincipal": "guardduty.amazonaws.com"},
        service="organizations",
    ),
    *samples.plan().actions,
]


@pytest.mark.parametrize("action", CALLS, ids=lambda action: action.operation)
def test_the_line_is_a_call_that_aws_knows_and_says_the_same(action: Action) -> None:
    line = cli_line(action, shown=1000)
    service, operation, region, parameters = read_back(line)
    assert (service, operation, region) == (action.service, action.operation, action.region)
    assert parameters == action.request(_stand_in)
    assert line.isprintable()
    assert line.endswith(f"# as account {action.account}")


def _stand_in(reference: Reference) -> str:
    return f"<account-email of {reference.account}>" if reference.kind == "account-email" else "<detector-id>"


@pytest.mark.parametrize("action", [each for each in CALLS if each.back_out.operation], ids=lambda action: action.operation)
def test_the_back_out_is_a_call_that_aws_knows(action: Action) -> None:
    service, operation, region, _ = read_back(back_out_line(action))
    assert (service, operation, region) == (action.service, action.back_out.operation, action.region)


def test_a_back_out_may_belong_to_another_service_or_not_exist() -> None:
    other = samples.action(
        "EnableOrganizationAdminAccount",
        {"AdminAccountId": samples.DELEGATED},
        back_out=BackOut(
            "x",
            "organizations:DeregisterDelegatedAdministrator",
            {"AccountId": samples.DELEGATED, "ServicePrincipal": "guardduty.amazonaws.com"},
        ),
    )
    assert read_back(back_out_line(other))[:2] == ("organizations", "DeregisterDelegatedAdministrator")
    assert back_out_line(OWN["securityhub"][0]) == ""
    assert reversed_action(OWN["securityhub"][0]) is None


def test_many_targets_are_cut_and_counted() -> None:
    line = cli_line(samples.members_action("us-east-1", samples.MEMBERS), shown=3)
    assert line.endswith(f"# as account {samples.DELEGATED}; {len(samples.MEMBERS) - 3} more target accounts")
    assert [each["AccountId"] for each in read_back(line)[3]["AccountDetails"]] == list(samples.MEMBERS[:3])
    assert "@" not in line


def test_a_shell_takes_nothing_in_a_value_for_itself() -> None:
    line = command(OWN["guardduty"][-1])
    assert len(line.splitlines()) == 1
    assert json.loads(shlex.split(line)[-1])["DestinationProperties"]["DestinationArn"] == 'it\'s; rm -rf "$HOME" `x`'
