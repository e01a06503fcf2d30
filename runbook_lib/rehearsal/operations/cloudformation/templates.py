"""Templates: what is refused when they are read, and values with their references resolved."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.operations.cloudformation.state import Stack

PLAIN = frozenset(
    {
        "AWS::CloudWatch::Alarm",
        "AWS::CodeBuild::Project",
        "AWS::Events::Rule",
        "AWS::IAM::Role",
        "AWS::Lambda::EventInvokeConfig",
        "AWS::Lambda::Function",
        "AWS::Lambda::Permission",
        "AWS::Logs::LogGroup",
        "AWS::Scheduler::Schedule",
        "AWS::StepFunctions::StateMachine",
    }
)
"""Types that are simulated; any other is refused."""
_SUB = re.compile(r"\$\{([A-Za-z0-9:.]+)\}")
MEMBERS = frozenset({"AWSTemplateFormatVersion", "Description", "Parameters", "Resources", "Outputs"})
POLICIES = ("Delete", "Retain", "RetainExceptOnCreate", "Snapshot")


def invalid(text: str) -> ApiError:
    return ApiError("ValidationError", text, 400)


def read(text: str, given: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """A template and the values of its parameters. Raises ApiError ValidationError."""
    try:
        template = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise invalid(f"Template format error: {error}") from None
    if not isinstance(template, dict) or not isinstance(template.get("Resources"), dict) or not template["Resources"]:
        raise invalid("Template format error: At least one Resources member must be defined.")
    if unknown := set(template) - MEMBERS:
        raise invalid(f"Invalid template property or properties {sorted(unknown)}")
    for name, each in template["Resources"].items():
        kind = str(each.get("Type", ""))
        if kind not in PLAIN and not kind.startswith("Custom::"):
            raise invalid(f"Template format error: Unrecognized resource types: [{kind}]")
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            if each.get(policy, "Delete") not in POLICIES:
                raise invalid(f"Template error: {policy} of {name} is none of {', '.join(POLICIES)}")
        seconds = each.get("Properties", {}).get("ServiceTimeout", 3600)
        if kind.startswith("Custom::") and not (str(seconds).isdigit() and 1 <= int(seconds) <= 3600):
            raise invalid(f"Properties validation failed for resource {name}: ServiceTimeout is not between 1 and 3600")
    order(template)
    return template, _parameters(template, given)


def _parameters(template: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
    declared = template.get("Parameters", {})
    if unknown := sorted(set(given) - set(declared)):
        raise invalid(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    values = {name: str(given.get(name, each.get("Default", ""))) for name, each in declared.items()}
    if missing := sorted(name for name, each in declared.items() if name not in given and "Default" not in each):
        raise invalid(f"Parameters: [{', '.join(missing)}] must have values")
    for name, each in declared.items():
        if "AllowedPattern" in each and not re.fullmatch(each["AllowedPattern"], values[name]):
            raise invalid(f"Parameter {name} failed to satisfy constraint: must match pattern {each['AllowedPattern']}")
    return values


def references(value: Any) -> Iterator[str]:
    """Everything that a value names."""
    if isinstance(value, list):
        for each in value:
            yield from references(each)
    elif isinstance(value, dict):
        if "Ref" in value:
            yield value["Ref"]
        elif "Fn::GetAtt" in value:
            named = value["Fn::GetAtt"]
            yield named[0] if isinstance(named, list) else named.partition(".")[0]
        elif "Fn::Sub" in value:
            yield from (name.partition(".")[0] for name in _SUB.findall(value["Fn::Sub"]))
        else:
            for each in value.values():
                yield from references(each)


def order(template: Mapping[str, Any]) -> list[str]:
    """Logical ids, each after all that it needs. Raises ApiError for a circle, or a name that is not there."""
    resources, known = template["Resources"], {*template["Resources"], *template.get("Parameters", {})}
    needs: dict[str, set[str]] = {}
    for name, each in resources.items():
        asked = each.get("DependsOn", [])
        named = {*([asked] if isinstance(asked, str) else asked), *references(each.get("Properties", {}))}
        if unknown := sorted(one for one in named - known if not one.startswith("AWS::")):
            raise invalid(f"Template error: Unresolved resource dependencies [{', '.join(unknown)}] in the Resources block")
        needs[name] = {one for one in named if one in resources}
    done: list[str] = []
    while len(done) < len(needs):
        ready = [name for name in needs if name not in done and needs[name] <= set(done)]
        if not ready:
            raise invalid(f"Circular dependency between resources: [{', '.join(sorted(set(needs) - set(done)))}]")
        done.extend(ready)
    return done


def resolved(value: Any, stack: Stack, parameters: Mapping[str, str]) -> Any:
    """A value without references, as resources are made by now."""
    if isinstance(value, list):
        return [resolved(each, stack, parameters) for each in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"Ref"}:
        return _ref(value["Ref"], stack, parameters)
    if set(value) == {"Fn::GetAtt"}:
        named = value["Fn::GetAtt"]
        name, key = named if isinstance(named, list) else named.split(".", 1)
        return attribute(stack, name, key)
    if set(value) == {"Fn::Sub"}:
        return _SUB.sub(lambda found: str(_substituted(found[1], stack, parameters)), value["Fn::Sub"])
    return {key: resolved(each, stack, parameters) for key, each in value.items()}


def _substituted(name: str, stack: Stack, parameters: Mapping[str, str]) -> Any:
    first, _, key = name.partition(".")
    return attribute(stack, first, key) if key else _ref(name, stack, parameters)


def _ref(name: str, stack: Stack, parameters: Mapping[str, str]) -> str:
    pseudo = {
        "AWS::StackName": stack.name,
        "AWS::StackId": stack.id,
        "AWS::AccountId": stack.account,
        "AWS::Region": stack.region,
        "AWS::Partition": stack.partition,
    }
    if name in pseudo:
        return pseudo[name]
    return parameters[name] if name in parameters else stack.resources[name].physical_id


def attribute(stack: Stack, name: str, key: str) -> Any:
    found = stack.resources[name]
    if key not in found.attributes:
        if found.custom:
            raise invalid(
                f"CustomResource attribute error: Vendor response doesn't contain {key} key in object {found.physical_id}"
            )
        raise invalid(f"Template error: resource {name} does not support attribute type {key} in Fn::GetAtt")
    return found.attributes[key]


def strings(value: Any) -> Any:
    """Values as a custom resource is given them: all of them strings, at any depth [issue coverage-roadmap#1037]."""
    if isinstance(value, dict):
        return {key: strings(each) for key, each in value.items()}
    if isinstance(value, list):
        return [strings(each) for each in value]
    return str(value).lower() if isinstance(value, bool) else str(value)


def digest(value: Any) -> str:
    return json.dumps(value, sort_keys=True)
