"""The catalogue of AWS's documents as values, and DescribeDocument and GetDocument of them; customers' documents are moto's.

Which version is the default moves: variant "ssm default version", a number added to it. A version's content, and so its hash, is
made of the catalogue; a test pins what it saw, as a plan does.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.registry import Call, PassOn, operation
from runbook_lib.rehearsal.world import World

CATALOGUE = Path(__file__).with_name("documents.yaml")


@dataclass(frozen=True)
class Parameter:
    name: str
    required: bool = False
    default: str | None = None
    pattern: str = ""
    list: bool = False
    """Whether it takes several values; a text takes exactly one."""


@dataclass(frozen=True)
class Step:
    """One step: its kind, what it does (a function of `effects`), and what the role has to be allowed, on which resource."""

    name: str
    action: str
    does: str = ""
    needs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class OwnedDocument:
    """A document of AWS's."""

    name: str
    description: str
    controls: tuple[str, ...]
    reversible: bool
    versions: int
    default: int
    parameters: Mapping[str, Parameter]
    steps: tuple[Step, ...]

    def version(self, world: World, asked: str) -> int | None:
        """The number of a version by its number, $DEFAULT or $LATEST; None where there is none."""
        default = min(self.versions, self.default + int(world.variants.get("ssm default version", "0")))
        named = {"": default, "$DEFAULT": default, "$LATEST": self.versions}
        number = named.get(asked, int(asked) if asked.isdigit() else 0)
        return number if 1 <= number <= self.versions else None

    def content(self, version: int) -> str:
        """The document as JSON; each version differs."""
        parameters = {each.name: _declared(each) for each in self.parameters.values()}
        whole = {
            "description": f"{self.description} (version {version})",
            "schemaVersion": "0.3",
            "assumeRole": "{{ AutomationAssumeRole }}",
            "parameters": parameters,
            "mainSteps": [{"name": each.name, "action": each.action} for each in self.steps],
        }
        return json.dumps(whole, indent=2)


def _declared(parameter: Parameter) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "StringList" if parameter.list else "String", "description": parameter.name}
    if not parameter.required:
        made["default"] = parameter.default or ""
    return made | ({"allowedPattern": parameter.pattern} if parameter.pattern else {})


@cache
def catalogue() -> Mapping[str, OwnedDocument]:
    """Name → document."""
    return {each.name: each for each in _read()}


def _read() -> Iterator[OwnedDocument]:
    for each in YAML(typ="safe", pure=True).load(CATALOGUE):
        yield OwnedDocument(
            name=each["name"],
            description=each["description"],
            controls=tuple(each["controls"]),
            reversible=each["reversible"],
            versions=each["versions"],
            default=each["default"],
            parameters={name: Parameter(name, **said) for name, said in each["parameters"].items()},
            steps=tuple(
                Step(
                    said["name"],
                    said["action"],
                    said.get("does", ""),
                    tuple((need["action"], need["resource"]) for need in said["needs"]),
                )
                for said in each["steps"]
            ),
        )


def problem_of(document: OwnedDocument, given: Mapping[str, list[str]]) -> str:
    """Why parameters are refused at the start; "" when they are not. Permissions fail in a step [model]."""
    for name, values in given.items():
        known = document.parameters.get(name)
        if known is None:
            return f"Input parameter {name} is not defined in the document {document.name}."
        if not known.list and len(values) != 1:
            return f"Parameter {name} of type String takes exactly one value."
        if known.pattern and any(not re.fullmatch(known.pattern, each) for each in values):
            return f"Parameter {name} does not match the allowed pattern {known.pattern}."
    absent = [each.name for each in document.parameters.values() if each.required and not given.get(each.name)]
    return f"Required parameter {absent[0]} is missing." if absent else ""


def _found(call: Call, name: str, version: str) -> tuple[OwnedDocument, int]:
    document = catalogue().get(name.rpartition("/")[2] if name.startswith("arn:") else name)
    if document is None:
        raise PassOn
    number = document.version(call.world, version)
    if number is None:
        raise ApiError("InvalidDocumentVersion", f"The document version is not valid or does not exist: {version}", 400)
    return document, number


@operation("ssm", "DescribeDocument")
def describe_document(call: Call, Name: str, DocumentVersion: str = "", VersionName: str | None = None) -> dict[str, Any]:
    document, number = _found(call, Name, DocumentVersion)
    parameters = [
        {
            "Name": each.name,
            "Type": "StringList" if each.list else "String",
            "Description": each.name,
            "DefaultValue": None if each.required else each.default or "",
        }
        for each in document.parameters.values()
    ]
    shown = {
        "Name": document.name,
        "Owner": "Amazon",
        "Status": "Active",
        "CreatedDate": 1_700_000_000,
        "Hash": hashlib.sha256(document.content(number).encode()).hexdigest(),
        "HashType": "Sha256",
        "DocumentVersion": str(number),
        "DefaultVersion": str(document.version(call.world, "")),
        "LatestVersion": str(document.versions),
        "Description": document.description,
        "Parameters": parameters,
        "DocumentType": "Automation",
        "DocumentFormat": "JSON",
        "SchemaVersion": "0.3",
        "PlatformTypes": ["Windows", "Linux", "MacOS"],
        "Tags": [],
    }
    return {"Document": shown}


@operation("ssm", "GetDocument")
def get_document(
    call: Call, Name: str, VersionName: str | None = None, DocumentVersion: str = "", DocumentFormat: str | None = None
) -> dict[str, Any]:
    """The content; of AWS's documents in JSON only."""
    document, number = _found(call, Name, DocumentVersion)
    if DocumentFormat not in (None, "JSON"):
        raise ApiError("NotSimulated", f"ssm:GetDocument of {Name} as {DocumentFormat} is not simulated", 501)
    return {
        "Name": document.name,
        "DocumentVersion": str(number),
        "Status": "Active",
        "CreatedDate": 1_700_000_000,
        "Content": document.content(number),
        "DocumentType": "Automation",
        "DocumentFormat": "JSON",
    }
