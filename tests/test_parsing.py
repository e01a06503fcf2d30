"""Our quick parsers give what botocore's give, for every read that services make."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.parsers import ResponseParserFactory, create_parser
from botocore.session import Session

from runbook_lib.aws.models import shared_loader
from runbook_lib.aws.parsing import Parsers, quick_parser
from runbook_lib.organization.reads import READS
from runbook_lib.services.implementations import SERVICES

READ = sorted(READS.union(*(service.reads for service in SERVICES)))


def wire(shape: Shape, inside: tuple[str, ...] = ()) -> Any:
    """A document with every member, a null, and something the model does not know."""
    if isinstance(shape, StructureShape):
        if shape.name in inside:
            return {}
        members = {name: wire(each, (*inside, shape.name)) for name, each in shape.members.items()}
        named = {shape.members[name].serialization.get("name", name): each for name, each in members.items()}
        return dict(list(named.items())[:1]) if shape.is_tagged_union else {**named, "unheardOf": 1}
    if isinstance(shape, ListShape):
        return [wire(shape.member, inside), None]
    if isinstance(shape, MapShape):
        # botocore itself ends on a null in a map of numbers or lists.
        none = {} if shape.value.type_name in ("integer", "long", "list") else {"nothing": None}
        return {"key": wire(shape.value, inside), **none}
    values = {"timestamp": 1.5, "blob": "YQ==", "boolean": False, "integer": 0, "long": 7, "double": 0.5, "float": 0.5}
    return values.get(shape.type_name, f"a {shape.name}")


def response(document: Any, status: int = 200) -> dict[str, Any]:
    headers = {"x-amzn-requestid": "r-1", "Content-Type": "application/json"}
    return {"body": json.dumps(document).encode(), "headers": headers, "status_code": status, "context": {}}


def models() -> list[tuple[str, Any, Any]]:
    session = Session()
    session.register_component("data_loader", shared_loader())
    found: list[tuple[str, Any, Any]] = []
    for service, operation in (each.split(":") for each in READ):
        model = session.get_service_model(service)
        if model.metadata["protocol"] in ("json", "rest-json"):
            found.append((f"{service}:{operation}", model, model.operation_model(operation).output_shape))
    return found


@pytest.mark.parametrize("document", [wire, lambda shape: {}], ids=["everything", "nothing"])
def test_every_read_is_parsed_as_botocore_parses_it(document: Any) -> None:
    for name, model, shape in models():
        plain = ResponseParserFactory()
        plain.set_parser_defaults(timestamp_parser=str)
        theirs = plain.create_parser(model.metadata["protocol"])
        ours = Parsers().create_parser(model.metadata["protocol"])
        answer = response(document(shape))
        for _ in range(2):
            assert ours.parse(answer, shape) == theirs.parse(answer, shape), name


def test_errors_are_parsed_as_botocore_parses_them() -> None:
    name, model, shape = models()[-1]
    said = response({"__type": "AccessDeniedException", "message": "no"}, 403)
    protocol = model.metadata["protocol"]
    assert Parsers().create_parser(protocol).parse(said, shape) == create_parser(protocol).parse(said, shape), name


@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"<html>", b'{"NextToken": ', b'{"NextToken": "\xff"}',
        '{"NextToken": "h\u00f6her\u2028"}'.encode(), b'{"a": NaN}', rb'{"NextToken": "\ud800"}',
        b'{"NextToken": "a", "NextToken": "b"}',
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", [200, 403])
def test_whatever_a_body_holds_comes_out_as_from_botocore(body: bytes, status: int) -> None:
    name, model, shape = next(each for each in models() if each[0] == "organizations:ListAccounts")
    said = {**response({}, status), "body": body}

    def outcome(parser: Any) -> Any:
        try:
            return parser.parse(said, shape)
        except Exception as error:  # noqa: BLE001 which one it is is compared
            return type(error), str(error)

    protocol = model.metadata["protocol"]
    assert outcome(Parsers().create_parser(protocol)) == outcome(create_parser(protocol)), name


@pytest.mark.parametrize("protocol", ["json", "rest-json"])
def test_ours_are_used_with_the_botocore_that_is_installed(protocol: str) -> None:
    assert quick_parser(protocol) is not None
    assert quick_parser("query") is None


RENAMED = """
import importlib.util, logging, sys
import botocore
found = importlib.util.find_spec("botocore.parsers")
with open(found.origin, encoding="utf-8") as file:
    text = file.read()
assert {old!r} in text
module = importlib.util.module_from_spec(found)
sys.modules["botocore.parsers"] = botocore.parsers = module
exec(compile(text.replace({old!r}, {new!r}), found.origin, "exec"), vars(module))
logging.basicConfig(stream=sys.stdout, format="%(message)s")
sys.path.insert(0, {tests!r})
import test_parsing
from runbook_lib.aws.parsing import quick_parser
print([quick_parser(each) for each in ("json", "rest-json")])
test_parsing.test_every_read_is_parsed_as_botocore_parses_it(test_parsing.wire)
test_parsing.test_every_read_is_parsed_as_botocore_parses_it(lambda shape: dict())
test_parsing.test_errors_are_parsed_as_botocore_parses_them()
print("the same")
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("_parse_body_as_json", "_body_as_json"),
        ("_parse_shape", "_shape_parsed"),
        ("_blob_parser", "_of_blobs"),
        ("JSONParser", "JsonParser"),
        ("raw_value is not None", "raw_value is not None and raw_value != 7"),
    ],
)
def test_botocore_reads_by_itself_once_its_own_names_or_answers_are_others(old: str, new: str) -> None:
    """Another botocore, in a process of its own: what it has renamed or does otherwise is not overridden, the answers are its."""
    text = RENAMED.format(old=old, new=new, tests=str(Path(__file__).parent))
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    used, *_, last = [line for line in done.stdout.splitlines() if not line.startswith("botocore parses")]
    assert ("None" in used, last) == (True, "the same")
    assert "its own parser is used" in done.stdout
