"""Reading AWS's JSON answers quickly: botocore's own parsers, with what they look up for every value looked up once per shape.

Half of the CPU of reading ten thousand accounts went into that. A test holds the results against botocore's for every read.

What is overridden here are private names of botocore, which it may change in any release. So a parser is used only where they are
all there and it reads an answer with everything in it as botocore does; else botocore reads all answers itself, at twice the CPU.
"""

import logging
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import orjson
from botocore import parsers
from botocore.model import ListShape, MapShape, ServiceModel, Shape, StructureShape
from botocore.parsers import ResponseParser, ResponseParserFactory

LOG = logging.getLogger(__name__)

Parse = Callable[[Any], Any] | None
"""Turns JSON data into what botocore gives; None where that is the same."""
Members = list[tuple[str, str, Parse]]
"""(Name in the model, name on the wire, how to parse) of each member of a structure."""


class Parsers(ResponseParserFactory):
    """Makes the parsers of a session's clients. Nobody here looks at AWS's times, so they stay as they came."""

    def __init__(self) -> None:
        super().__init__()
        self.set_parser_defaults(timestamp_parser=str)

    def create_parser(self, protocol_name: str) -> Any:
        quick = quick_parser(protocol_name)
        return quick(timestamp_parser=str) if quick else super().create_parser(protocol_name)


class _Compiled(ResponseParser):
    """Parses a shape by what was compiled for it; what comes in headers, and tagged unions, as botocore does."""

    # botocore's own, which its stubs leave out.
    _blob_parser: Parse
    _timestamp_parser: Parse
    _handle_structure: Callable[[Shape, Any], Any]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._compiled: dict[str, Parse] = {}
        self._compiling = threading.Lock()

    def _parse_body_as_json(self, body_contents: bytes) -> Any:
        """What orjson refuses (no JSON, nothing at all) is for botocore to judge."""
        try:
            return orjson.loads(body_contents)
        except orjson.JSONDecodeError:
            return super()._parse_body_as_json(body_contents)  # type: ignore[misc]  # botocore's stubs leave it out

    def _parse_shape(self, shape: Shape, node: Any) -> Any:
        if node is None or "location" in shape.serialization:
            return super()._parse_shape(shape, node)  # type: ignore[misc]  # botocore's stubs leave it out
        if shape.name not in self._compiled:
            with self._compiling:
                fresh = dict(self._compiled)
                self._compile(shape, fresh)
                self._compiled = fresh
        parse = self._compiled[shape.name]
        return node if parse is None else parse(node)

    def _compile(self, shape: Shape, known: dict[str, Parse]) -> Parse:
        if shape.name not in known:
            if isinstance(shape, StructureShape):
                self._compile_structure(shape, known)
            elif isinstance(shape, ListShape):
                known[shape.name] = _list_of(self._compile(shape.member, known))
            elif isinstance(shape, MapShape):
                known[shape.name] = _map_of(self._compile(shape.value, known))
            else:
                known[shape.name] = self._scalar(shape.type_name)
        return known[shape.name]

    def _compile_structure(self, shape: StructureShape, known: dict[str, Parse]) -> None:
        """Known before its members are, which may hold it again."""
        if shape.is_document_type:
            known[shape.name] = None
        elif shape.is_tagged_union:
            known[shape.name] = lambda value: self._handle_structure(shape, value)
        else:
            members: Members = []
            known[shape.name] = _structure_of(members)
            for name, member in shape.members.items():
                members.append((name, member.serialization.get("name", name), self._compile(member, known)))

    def _scalar(self, kind: str) -> Parse:
        parsers: dict[str, Parse] = {"blob": self._blob_parser, "timestamp": self._timestamp_parser}
        return parsers.get(kind)


_OVERRIDDEN = ("_parse_body_as_json", "_parse_shape", "_handle_structure")
_BASES = {"json": "JSONParser", "rest-json": "RestJSONParser"}


@cache
def quick_parser(protocol: str) -> Callable[..., ResponseParser] | None:
    """Our parser of a protocol; None where botocore is to read the answers itself. Found out once, before the first answer."""
    own: Any = getattr(parsers, _BASES.get(protocol, ""), None)
    if own is None or not all(hasattr(own, name) for name in _OVERRIDDEN):
        agrees = False
    else:
        quick: Callable[..., ResponseParser] = type(f"Quick{own.__name__}", (_Compiled, own), {})
        agrees = _agrees(quick, own, protocol)
    if not agrees and protocol in _BASES:
        LOG.warning("botocore parses %s otherwise than expected: its own parser is used", protocol)
    return quick if agrees else None


def _agrees(quick: Callable[..., ResponseParser], own: Callable[..., ResponseParser], protocol: str) -> bool:
    """Whether the two read the same out of answers that have one of everything, whatever a change of botocore's does to ours."""
    operation = ServiceModel({**_MODEL, "metadata": {**_MODEL["metadata"], "protocol": protocol}}, "sample").operation_model("Ask")
    shape: Any = operation.output_shape
    try:
        read = [[make(timestamp_parser=str).parse(each, shape) for each in _ANSWERS] for make in (quick, own)]
    except Exception:  # noqa: BLE001 nobody knows with what a changed botocore answers
        return False
    return bool(read[0] == read[1])


_MODEL: dict[str, Any] = {
    "metadata": {"apiVersion": "2020-01-01", "endpointPrefix": "sample", "serviceId": "Sample", "jsonVersion": "1.1"},
    "operations": {"Ask": {"name": "Ask", "http": {"method": "POST", "requestUri": "/"}, "output": {"shape": "Answer"}}},
    "shapes": {
        "Answer": {
            "type": "structure",
            "members": {
                "Token": {"shape": "Text", "location": "header", "locationName": "x-token"},
                "Renamed": {"shape": "Text", "locationName": "renamed"},
                "Count": {"shape": "Whole"},
                "Sure": {"shape": "Flag"},
                "Share": {"shape": "Real"},
                "When": {"shape": "Time"},
                "Bytes": {"shape": "Blob"},
                "Parts": {"shape": "Parts"},
                "ByName": {"shape": "ByName"},
                "Either": {"shape": "Either"},
                "Anything": {"shape": "Anything"},
                "Absent": {"shape": "Text"},
            },
        },
        "Part": {
            "type": "structure",
            "members": {"Id": {"shape": "Text", "locationName": "id"}, "Times": {"shape": "Times"}, "Parts": {"shape": "Parts"}},
        },
        "Parts": {"type": "list", "member": {"shape": "Part"}},
        "Times": {"type": "list", "member": {"shape": "Time"}},
        "ByName": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Part"}},
        "Either": {"type": "structure", "union": True, "members": {"One": {"shape": "Text"}, "Other": {"shape": "Part"}}},
        "Anything": {"type": "structure", "document": True, "members": {}},
        "Text": {"type": "string"},
        "Whole": {"type": "integer"},
        "Flag": {"type": "boolean"},
        "Real": {"type": "double"},
        "Time": {"type": "timestamp"},
        "Blob": {"type": "blob"},
    },
}
_BODY = (
    b'{"renamed": "a", "Count": 7, "Sure": false, "Share": 0.5, "When": 1767225600.25, "Bytes": "AAEC", "Absent": null, "More": 1, '
    b'"Parts": [{"id": "p", "Times": [1, null, "2026-01-01T00:00:00Z"], "Parts": [{"id": null}, null]}], '
    b'"ByName": {"a": {"id": "m"}, "b": null}, '
    b'"Either": {"__type": "Other", "Other": {"id": "o"}}, "Anything": {"Free": [{"as": "it comes"}, null]}}'
)
_ANSWERS: tuple[Any, ...] = (
    {"status_code": 200, "headers": {"x-token": "t", "x-amzn-requestid": "r"}, "body": _BODY},
    {"status_code": 200, "headers": {}, "body": b""},
    {"status_code": 400, "headers": {"x-amzn-errortype": "Wrong:"}, "body": b'{"__type": "a#Wrong", "message": "no", "Count": 1}'},
    {"status_code": 503, "headers": {}, "body": b"<html>busy</html>"},
)
"""One of everything: each kind of value, null, an absent one, one that the model lacks, nothing, refusals, and what is no JSON."""


def _structure_of(members: Members) -> Callable[[Any], Any]:
    def structure(value: Any) -> Any:
        found = {}
        for name, wire, parse in members:
            raw = value.get(wire)
            if raw is not None:
                found[name] = raw if parse is None else parse(raw)
        return found

    return structure


def _list_of(parse: Parse) -> Callable[[Any], Any]:
    if parse is None:
        return list
    return lambda value: [None if each is None else parse(each) for each in value]


def _map_of(parse: Parse) -> Callable[[Any], Any]:
    return lambda value: {key: each if parse is None or each is None else parse(each) for key, each in value.items()}
