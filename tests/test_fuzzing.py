"""The inputs are the same each time, of every sort, and whoever stumbles over one is found out."""

import json
import re

import pytest
from fuzzing import as_lines, documents, faults, mutations, unclear

SAMPLE = {"account": "111111111111", "regions": ["us-east-1", "us-east-2"], "limits": {"accounts": 7}}


def test_the_same_seed_makes_the_same_inputs() -> None:
    assert list(mutations("a", SAMPLE, 50)) == list(mutations("a", SAMPLE, 50))
    assert list(mutations("a", SAMPLE, 50)) != list(mutations("b", SAMPLE, 50))
    assert SAMPLE["account"] == "111111111111"


def test_inputs_are_of_every_sort() -> None:
    made = list(mutations("sorts", SAMPLE, 1000))
    assert len(set(made)) > 700
    whole = b"\n".join(made)
    for wanted in (b"[" * 25_000, b"\0", b"\xff", b"NaN", b"\\ud800", "\uff11".encode(), b"1" * 5000):
        assert wanted in whole, wanted[:10]
    assert any(re.search(rb'"(\w+)": [^{}\[\]]*, "\1":', each) for each in made), "no key comes twice"
    read = [json.loads(each) for each in made if not faults(json.loads, [each], ())]
    assert 200 < len(read) < 900
    assert any(isinstance(each, dict) and "account" not in each for each in read)
    assert any(isinstance(each, dict) and each.get("account") == 111111111111 for each in read)


def test_documents_are_such_as_json_can_say() -> None:
    for each in documents("values", SAMPLE, 300):
        assert json.loads(json.dumps(each)) == each


def test_lines_and_bytes_are_mutated_too() -> None:
    assert len(set(mutations("lines", [SAMPLE, SAMPLE], 100, as_lines))) > 50
    assert len(set(mutations("bytes", b"a: b\nc: [d]\n", 100))) > 50


def parse(data: bytes) -> None:
    if data == b"loop":
        while True:
            pass
    if data == b"subclass":
        data[9:].decode() if data[8:] else b"\xff".decode()
    if data == b"silent":
        raise ValueError
    raise ValueError({b"long": "x" * 30_000, b"escape": "file: \x1b[2J"}.get(data, f"file: {data!r} is wrong; mend it"))


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"loop", "more than"), (b"subclass", "UnicodeDecodeError"), (b"silent", "says nothing"), (b"long", "30,000 characters"),
        (b"escape", r"'\x1b' in it"),
    ],
)  # fmt: skip
def test_what_a_parser_must_not_do_is_found(data: bytes, kind: str) -> None:
    (fault,) = faults(parse, [b"fine", data], [ValueError], name="file", seconds=0.05)
    assert fault.number == 1
    assert kind in str(fault)


def test_an_expected_error_is_no_fault_and_names_the_file() -> None:
    assert not faults(parse, [b"x"], [ValueError], name="file")
    assert faults(parse, [b"x"], [ValueError], name="other.json")
    assert faults(parse, [b"x"], [KeyError])
    assert unclear("file: https://errors.pydantic.dev/2")
