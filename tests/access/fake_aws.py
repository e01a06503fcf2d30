"""Answers made up on botocore's own before-send event, and access to them."""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders

from runbook_lib.aws.access import Access
from runbook_lib.settings import Settings

MANAGEMENT, DELEGATED, RUNNER, MEMBER = "111111111111", "222222222222", "333333333333", "444444444444"
URL = "http://127.0.0.1:9"
READS = frozenset({"guardduty:ListDetectors", "guardduty:ListMembers", "guardduty:DescribeOrganizationConfiguration",
                   "organizations:ListAccounts", "iam:ListRoles", "account:ListRegions"})  # fmt: skip
MUTATIONS = frozenset({"guardduty:CreateDetector"})
STS = '<{0}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{0}Result>{1}</{0}Result></{0}Response>'
IDENTITY = "<Account>{0}</Account><Arn>{1}</Arn><UserId>U</UserId>"
ASSUMED = (
    "<AssumedRoleUser><Arn>{arn}</Arn><AssumedRoleId>I</AssumedRoleId></AssumedRoleUser><Credentials><AccessKeyId>{key}</AccessKeyId>"
    "<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration></Credentials>"
)

Answered = tuple[int, dict[str, Any]]


class Raw:
    """A body as urllib3 hands it over."""

    def __init__(self, content: str) -> None:
        self.content = content.encode()

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield self.content


@dataclass
class FakeAws:
    """Answers STS by itself and the rest by `answer(operation, request)`; knows which account each access key belongs to."""

    answer: Callable[[str, AWSPreparedRequest], Answered] = lambda operation, request: (200, {})
    accounts: dict[str, str] = field(default_factory=lambda: {"AKIARUNNER": RUNNER})
    calls: list[tuple[str, str, str]] = field(default_factory=list)
    """(operation, account, host)."""
    agents: set[str] = field(default_factory=set)
    assumed: Counter[str] = field(default_factory=Counter)
    asked: list[dict[str, str]] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    expired: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def attach(self, session: Any) -> None:
        session.get_component("event_emitter").register_first("before-send", self.send)

    def send(self, request: AWSPreparedRequest, event_name: str, **_: Any) -> AWSResponse:
        operation = event_name.rsplit(".", 1)[1]
        found = re.search(rb"Credential=(\w+)/", _bytes(request.headers["Authorization"]))
        assert found is not None
        key = found[1].decode()
        with self.lock:
            self.calls.append((operation, self.accounts[key], request.url))
            self.agents.add(_bytes(request.headers["User-Agent"]).decode())
        if key in self.expired:
            return (
                self._sts(403, "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>m</Message></Error></ErrorResponse>")
                if ("sts" in event_name)
                else self._json(403, {"__type": "ExpiredTokenException", "message": "expired"})
            )
        if operation == "GetCallerIdentity":
            account = self.accounts[key]
            return self._sts(200, STS.format(operation, IDENTITY.format(account, f"arn:aws:sts::{account}:assumed-role/R/s")))
        if operation == "AssumeRole":
            return self._assume(request)
        return self._json(*self.answer(operation, request))

    def _assume(self, request: AWSPreparedRequest) -> AWSResponse:
        asked = {name: values[0] for name, values in parse_qs(_bytes(request.body).decode()).items()}
        time.sleep(0.01)
        with self.lock:
            self.asked.append(asked)
            arn = asked["RoleArn"]
            self.assumed[arn] += 1
            if arn in self.refused:
                return self._sts(
                    403, "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>"
                )
            key = f"ASIA{len(self.accounts)}"
            self.accounts[key] = arn.split(":")[4]
        return self._sts(200, STS.format("AssumeRole", ASSUMED.format(arn=arn, key=key)))

    def _sts(self, status: int, body: str) -> AWSResponse:
        return AWSResponse(URL, status, HTTPHeaders.from_dict({"Content-Type": "text/xml"}), Raw(body))

    def _json(self, status: int, body: dict[str, Any]) -> AWSResponse:
        code = {"x-amzn-ErrorType": body["__type"]} if "__type" in body else {}
        headers = {"Content-Type": "application/json", "x-amzn-RequestId": "request-1", "Date": "a date", **code}
        return AWSResponse(URL, status, HTTPHeaders.from_dict(headers), Raw(json.dumps(body)))

    def expire_all(self) -> None:
        self.expired |= {key for key in self.accounts if key.startswith("ASIA")}

    def made(self, operation: str) -> int:
        return sum(name == operation for name, _, _ in self.calls)


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()


def settings(mode: str = "rehearsal", *, members: bool = True, partition: str = "aws", **access: Any) -> Settings:
    role = f"arn:{partition}:iam::{{}}:role/R"
    doors = {"management": {"role_arn": role.format(MANAGEMENT)}, "delegated": {"role_arn": role.format(DELEGATED)}, **access}
    if members:
        doors["members"] = {"role_name": "Member", "via": "delegated", "external_id": "outside"}
    regions = {"aws": ("us-east-1", "us-east-2"), "aws-us-gov": ("us-gov-east-1", "us-gov-west-1")}[partition]
    return Settings.model_validate(
        {
            "mode": mode,
            "organization": {"id": "o-rehearsal001", "management_account": MANAGEMENT, "delegated_account": DELEGATED},
            "access": doors,
            "guardduty": {"regions": regions, "management_account": True},
            "concurrency": 8,
        }
    )


Make = Callable[..., Access]


def detectors(access: Access, account: str = DELEGATED, region: str = "us-east-1") -> dict[str, Any]:
    return access.read("guardduty", "ListDetectors", account, region)


def create(access: Access, sent: list[str]) -> Any:
    return access.mutate("guardduty", "CreateDetector", DELEGATED, "us-east-1", {"Enable": True}, sent.append)
