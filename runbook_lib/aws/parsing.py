"""Reading AWS's JSON answers quickly: botocore's own parsers, with what they look up for every value looked up once per shape.

Half of the CPU of reading ten thousand accounts went into that. A test holds the results against botocore's for every read.
"""

import threading
from collections.abc import Callable
from typing import Any

import orjson
from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.parsers import JSONParser, ResponseParser, ResponseParserFactory, RestJSONParser

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
        chosen = {"rest-json": _RestJson, "json": _Json}.get(protocol_name)
        return chosen(timestamp_parser=str) if chosen else super().create_parser(protocol_name)


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


class _RestJson(_Compiled, RestJSONParser):
    pass


class _Json(_Compiled, JSONParser):
    pass


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
