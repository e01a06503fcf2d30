"""AWS CLI's commands made in process by boto3: for the commands that the documentation shows, without the program itself.

Words become parameters by botocore's model as AWS CLI makes them: names in kebab case, flags, lists, JSON, shorthand (`A=1,B=2`).
"""

import json
import subprocess
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jmespath
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.model import OperationModel, Shape

ALIASES = {"s3api": "s3"}
GLOBAL = ("profile", "region", "query", "output")
SHELL = """
aws() { printf '%s\\0' "$@" > "$ASKED"; read -r code < "$TOLD"; cat "$SAID"; return "$code"; }
sleep() { :; }
"""
"""What stands before a script: `aws` hands its words to a process that listens."""
Session = Callable[[str], Any]


def run_script(script: str, folder: Path, session: Session) -> "subprocess.CompletedProcess[str]":
    """Run a shell script, with `aws` carried out here; `session` gives the boto3 session of a profile."""
    asked, told, said = (folder / name for name in ("asked", "told", "said"))
    for path in (asked, told):
        # Pipes: each side waits for the other.
        subprocess.run(["mkfifo", str(path)], check=True)
    listener = threading.Thread(target=_listen, args=(asked, told, said, session), daemon=True)
    listener.start()
    environment = {"PATH": "/usr/bin:/bin", "ASKED": str(asked), "TOLD": str(told), "SAID": str(said)}
    try:
        return subprocess.run(
            ["sh", "-c", SHELL + script], env=environment, capture_output=True, text=True, check=False, timeout=120
        )
    finally:
        asked.write_bytes(b"")
        listener.join(10)


def _listen(asked: Path, told: Path, said: Path, session: Session) -> None:
    while words := asked.read_bytes().decode().split("\0")[:-1]:
        code, text = aws(words, session)
        said.write_text(text, encoding="utf-8")
        told.write_text(f"{code}\n", encoding="utf-8")


def aws(words: Sequence[str], session: Session) -> tuple[int, str]:
    """One command: its exit code, and what it prints. AWS's refusals are 254, as with AWS CLI."""
    positional, options = _options(words)
    given = {name: options.pop(name)[0] for name in GLOBAL if name in options}
    service = ALIASES.get(positional[0], positional[0])
    client = session(given["profile"]).client(service, region_name=given.get("region"))
    method = positional[1].replace("-", "_")
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method])
    try:
        answer = _called(client, method, _parameters(model, options))
    except ClientError as refused:
        return 254, f"{refused}\n"
    found = jmespath.search(given["query"], answer) if "query" in given else answer
    return 0, _text(found) if given.get("output") == "text" else f"{json.dumps(found, default=str)}\n"


def _called(client: Any, method: str, parameters: Mapping[str, Any]) -> Any:
    if client.can_paginate(method):
        return client.get_paginator(method).paginate(**parameters).build_full_result()
    answer = getattr(client, method)(**parameters)
    answer.pop("ResponseMetadata")
    return answer


def _options(words: Iterable[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Words before the first option or after none, and each option with its words; service and operation come in between."""
    positional, options, last = list[str](), dict[str, list[str]](), ""
    for word in words:
        if word.startswith("--"):
            last = word.removeprefix("--")
            options[last] = []
        elif last and not (last in GLOBAL and options[last]):
            options[last].append(word)
        else:
            positional.append(word)
    return positional, options


def _parameters(model: OperationModel, options: Mapping[str, list[str]]) -> dict[str, Any]:
    shape = model.input_shape
    members = {xform_name(name, "-"): (name, each) for name, each in shape.members.items()} if shape else {}
    made = {}
    for option, words in options.items():
        if option.startswith("no-") and option not in members:
            made[members[option.removeprefix("no-")][0]] = False
        else:
            name, member = members[option]
            made[name] = True if member.type_name == "boolean" else _value(member, words)
    return made


def _value(shape: Any, words: Sequence[str]) -> Any:
    if shape.type_name in ("list", "structure", "map") and words[0][0] in "[{":
        return json.loads(words[0])
    if shape.type_name == "list":
        return [_value(shape.member, [word]) for word in words]
    (word,) = words
    if shape.type_name == "structure":
        return {name: _value(shape.members[name], [said]) for name, _, said in (part.partition("=") for part in word.split(","))}
    return _plain(shape, word)


def _plain(shape: Shape, word: str) -> Any:
    if shape.type_name == "boolean":
        return {"true": True, "false": False}[word]
    return int(word) if shape.type_name in ("integer", "long") else word


def _text(found: Any) -> str:
    rows = found if isinstance(found, list) and any(isinstance(each, list) for each in found) else [found]
    return "".join("\t".join(str(each) for each in (row if isinstance(row, list) else [row])) + "\n" for row in rows)
