"""The answer that CloudFormation takes: its size to the byte, its address kept secret, and its delivery."""

import datetime as dt
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stack_function import NOW, STACK, TOKEN, event

from runbook_lib.stack.answer import (
    ATTEMPTS,
    FAILED,
    KEYS,
    LARGEST,
    LONGEST_REASON,
    SUCCESS,
    NotARequest,
    Request,
    Unanswered,
    body,
    cut,
    execution_name,
    physical_id,
    send,
)

REQUEST = Request.of(event())
TEXTS = st.text(max_size=6000) | st.sampled_from(["é" * 3000, "🛡" * 2000, '"' * 2500, "\\" * 4096, "\x00" * 900, "a" * 5000])


@given(reason=TEXTS, data=st.dictionaries(st.sampled_from(KEYS), TEXTS), logical=st.text("aB1", min_size=1, max_size=255))
def test_no_answer_is_too_large(reason: str, data: dict[str, str], logical: str) -> None:
    request = replace(REQUEST, logical_id=logical, id="r" * 128, stack=STACK + "s" * 400)
    sent = body(request, FAILED, reason, data)
    said = json.loads(sent)
    assert len(sent) <= LARGEST
    assert set(said["Data"]) == set(KEYS), "every answer has all of them"
    assert said["Reason"]
    assert said["PhysicalResourceId"] == physical_id(request.stack, logical)
    assert (said["StackId"], said["RequestId"], said["LogicalResourceId"]) == (request.stack, request.id, logical)


@pytest.mark.parametrize("character", ["a", "é", "€", "🛡", '"', "\n", "\x01"])
def test_a_text_is_cut_at_the_byte_and_between_characters(character: str) -> None:
    for length in range(200):
        text = character * length
        for most in (50, 51, 52, 53):
            kept = cut(text, most)
            size = len(json.dumps(kept, ensure_ascii=False).encode()) - 2
            assert size <= most
            assert kept == text or (kept.endswith("…") and text.startswith(kept[:-1]) and size > most - 9)


def test_a_reason_is_cut_and_an_answer_of_the_usual_size_is_whole() -> None:
    whole = json.loads(body(REQUEST, SUCCESS, "x" * LONGEST_REASON, {"Run": "r", "Calls": 3}))
    assert whole["Reason"] == "x" * LONGEST_REASON
    assert (whole["Data"]["Run"], whole["Data"]["Calls"], whole["Data"]["Gaps"]) == ("r", "3", "")
    assert json.loads(body(REQUEST, SUCCESS, "x" * (LONGEST_REASON + 1)))["Reason"].endswith("x…")


def test_the_physical_id_never_changes() -> None:
    """Whatever arrives, in whichever order: a log stream's name, a random or a request's id would replace the resource."""
    events = [event(kind, request=request, url=url) for kind in ("Create", "Update", "Delete") for request in "ab" for url in "12"]
    ids = {json.loads(body(Request.of(each), SUCCESS, ""))["PhysicalResourceId"] for each in events}
    assert ids == {physical_id(STACK, "SecurityHub")}
    assert physical_id(STACK, "GuardDuty") not in ids
    assert physical_id(f"{STACK}2", "SecurityHub") not in ids


def test_the_same_delivery_has_one_name_and_a_retry_another() -> None:
    """A retried deployment reuses the request's id; the address is new."""
    first, again, retry = (Request.of(event(url=url)) for url in ("1", "1", "2"))
    assert execution_name(first) == execution_name(again) != execution_name(retry)
    assert len(execution_name(first)) <= 80, "the longest name that Step Functions takes"


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"ResponseURL": ""}, "ResponseURL"),
        ({"ResponseURL": "http://answers.example/1"}, "ResponseURL"),
        ({"ResponseURL": "file:///etc/passwd"}, "ResponseURL"),
        ({"RequestType": "Read"}, "RequestType"),
        ({"StackId": None}, "StackId"),
        ({"LogicalResourceId": 7}, "LogicalResourceId"),
    ],
)
def test_what_is_no_request_is_named_without_its_value(changed: dict[str, object], named: str) -> None:
    with pytest.raises(NotARequest, match=f"^{named}: ") as said:
        Request.of({**event(), **changed})
    assert "answers.example" not in str(said.value)


@pytest.mark.parametrize(
    ("url", "signed"),
    [
        ("https://x/?X-Amz-Date=20261129T115900Z", NOW - dt.timedelta(minutes=1)),
        ("https://x/?X-Amz-Date=20261129T130000Z", NOW),
        ("https://x/?X-Amz-Date=20269999T999999Z", NOW),
        ("https://x/", NOW),
    ],
)
def test_the_hour_counts_from_the_signature(url: str, signed: dt.datetime) -> None:
    assert Request.of(event(ResponseURL=url)).signed(NOW) == signed


@dataclass
class Listening:
    """What the other end was sent, and what it says to each attempt."""

    says: list[int]
    heard: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    url: str = ""


@contextmanager
def listening(*says: int) -> Iterator[Listening]:
    heard = Listening(list(says))

    class Answering(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            heard.heard.append((self.path, dict(self.headers), data))
            self.send_response(heard.says.pop(0))
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *words: object) -> None:
            """Nothing to the terminal."""

    server = HTTPServer(("127.0.0.1", 0), Answering)
    heard.url = f"http://127.0.0.1:{server.server_port}/one?X-Amz-Signature={TOKEN}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield heard
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_answer_is_put_with_an_empty_content_type_until_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    waited: list[float] = []
    with listening(503, 403, 302, 200) as there:
        send(there.url, b'{"Status":"SUCCESS"}', waited.append)
    assert [data for _, _, data in there.heard] == [b'{"Status":"SUCCESS"}'] * 4
    assert {path for path, _, _ in there.heard} == {f"/one?X-Amz-Signature={TOKEN}"}, "no redirect is followed"
    assert {headers["Content-Type"] for _, headers, _ in there.heard} == {""}
    assert waited == [1.0, 2.0, 4.0]


def test_an_answer_that_nobody_takes_is_given_up_without_a_word_of_its_address() -> None:
    with listening(*[403] * ATTEMPTS) as there, pytest.raises(Unanswered, match="HTTP 403") as refused:
        send(there.url, b"{}", lambda seconds: None)
    assert TOKEN not in str(refused.value)
    with pytest.raises(Unanswered, match="ConnectionRefusedError") as unheard:
        send(there.url, b"{}", lambda seconds: None)
    assert TOKEN not in str(unheard.value)
    assert TOKEN not in repr(REQUEST)
