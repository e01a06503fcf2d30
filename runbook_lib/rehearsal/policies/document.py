"""Policy documents as values: what each kind of policy may say, and that it says nothing else (grammar of IAM's JSON policies)."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from typing import Any

from runbook_lib.rehearsal.policies.operators import Condition, condition
from runbook_lib.rehearsal.policies.wildcards import PolicyError


class Kind(Enum):
    """Where a policy is attached, in the words of AWS's refusals."""

    IDENTITY = "identity-based policy"
    BOUNDARY = "permissions boundary"
    SESSION = "session policy"
    SCP = "service control policy"
    RCP = "resource control policy"
    RESOURCE = "resource-based policy"
    TRUST = "role trust policy"
    KEY = "key policy"

    @property
    def names_principals(self) -> bool:
        """Whether its statements say about whom they are."""
        return self in (Kind.RCP, Kind.RESOURCE, Kind.TRUST, Kind.KEY)


Principals = Mapping[str, tuple[str, ...]]
""""AWS", "Service" or "Federated" → who; "AWS": ("*",) is everybody."""
EVERYBODY: Principals = {"AWS": ("*",)}


@dataclass(frozen=True)
class Statement:
    """One statement; `None` is an element that is not there. One of our own making may have both actions and `not_actions`."""

    allows: bool
    actions: tuple[str, ...] | None = None
    not_actions: tuple[str, ...] | None = None
    resources: tuple[str, ...] | None = ("*",)
    not_resources: tuple[str, ...] | None = None
    principals: Principals | None = None
    not_principals: Principals | None = None
    conditions: tuple[Condition, ...] = ()
    variables: bool = True
    """Whether ${…} stands for a value: only since the policy language's second version."""


@dataclass(frozen=True)
class Policy:
    """One policy document, and which one it is."""

    kind: Kind
    statements: tuple[Statement, ...]
    arn: str = field(default="", compare=False)


VERSIONS = {"2012-10-17": True, "2008-10-17": False}
ELEMENTS = frozenset(
    {
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    }
)
ACTION = re.compile(r"\*|[a-z0-9-]+:[A-Za-z0-9*?]+", re.IGNORECASE)
ACCOUNT = re.compile(r"\d{12}|arn:[a-z-]+:iam::\d{12}:root")
PRINCIPAL = re.compile(r"\d{12}|arn:[a-z-]+:(iam|sts)::\d{12}:[^*?]+|A[A-Z0-9]{15,}")
"""An account, an ARN, or the unique id that IAM leaves in the place of a deleted user or role. No wildcards [docs]."""


def read(document: str | Mapping[str, Any], kind: Kind, arn: str = "") -> Policy:
    """The policy of a document (JSON, or its data). Raises `PolicyError` for whatever this kind of policy cannot say."""
    return _read(document if isinstance(document, str) else json.dumps(document), kind, arn)


@lru_cache(maxsize=4096)
def _read(text: str, kind: Kind, arn: str) -> Policy:
    try:
        found = json.loads(text, object_pairs_hook=_once)
    except ValueError as error:
        raise PolicyError(f"this {kind.value} is not JSON: {error}") from None
    if not isinstance(found, dict) or not set(found) <= {"Version", "Id", "Statement"}:
        raise PolicyError(f"a {kind.value} is an object of Version, Id and Statement and nothing else, not {text}")
    version = found.get("Version", "2008-10-17")
    if version not in VERSIONS:
        raise PolicyError(f"a policy's Version is one of {', '.join(VERSIONS)}; this {kind.value} says {version!r}")
    statements = found.get("Statement")
    listed = statements if isinstance(statements, list) else [statements]
    return Policy(kind, tuple(_statement(each, kind, variables=VERSIONS[version]) for each in listed), arn)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise PolicyError(f"a key appears twice in one object of a policy: {sorted(key for key, _ in pairs)}")
    return found


def _statement(given: Any, kind: Kind, *, variables: bool) -> Statement:
    if not isinstance(given, dict):
        raise PolicyError(f"a statement is an object; this {kind.value} has {given!r}")
    if problems := list(_problems(given, kind)):
        raise PolicyError(f"{problems[0]}, in a {kind.value}: {json.dumps(given)}")
    return Statement(
        allows=given["Effect"] == "Allow",
        actions=_texts(given, "Action"),
        not_actions=_texts(given, "NotAction"),
        resources=("*",) if kind is Kind.TRUST else _texts(given, "Resource"),
        not_resources=_texts(given, "NotResource"),
        principals=_principals(given.get("Principal")),
        not_principals=_principals(given.get("NotPrincipal")),
        conditions=tuple(_conditions(given.get("Condition", {}))),
        variables=variables,
    )


def _problems(given: Mapping[str, Any], kind: Kind) -> Iterator[str]:
    """What is wrong with a statement's elements, each taken together with the others."""
    if unknown := set(given) - ELEMENTS:
        yield f"there is no element {min(unknown)}"
    if given.get("Effect") not in ("Allow", "Deny"):
        yield f"Effect is Allow or Deny, not {given.get('Effect')!r}"
    if ("Action" in given) == ("NotAction" in given):
        yield "a statement has either Action or NotAction"
    for pattern in (*(_texts(given, "Action") or ()), *(_texts(given, "NotAction") or ())):
        if not ACTION.fullmatch(pattern):
            yield f"{pattern!r} is not an action: service:Operation, wildcards in the operation only"
    resources = ("Resource" in given) + ("NotResource" in given)
    if resources != (0 if kind is Kind.TRUST else 1):
        yield "a trust policy has no Resource" if kind is Kind.TRUST else "a statement has either Resource or NotResource"
    yield from _problems_of_principals(given, kind)


def _problems_of_principals(given: Mapping[str, Any], kind: Kind) -> Iterator[str]:
    named = ("Principal" in given) + ("NotPrincipal" in given)
    if named != kind.names_principals:
        yield "a statement has either Principal or NotPrincipal" if kind.names_principals else "it names no Principal"
    if "NotPrincipal" in given and (given.get("Effect") != "Deny" or kind is Kind.TRUST):
        yield "NotPrincipal goes with Deny only, and not in a trust policy"
    if kind is Kind.RCP and (given.get("Effect") != "Deny" or given.get("Principal") != "*"):
        yield "it denies only, and is about the Principal *"


def _texts(given: Mapping[str, Any], element: str) -> tuple[str, ...] | None:
    if element not in given:
        return None
    value = given[element]
    texts = tuple(value) if isinstance(value, list) else (value,)
    if not texts or not all(isinstance(each, str) for each in texts):
        raise PolicyError(f"{element} is a text or a list of texts, not {value!r}")
    return texts


def _principals(given: Any) -> Principals | None:
    if given is None or given == "*":
        return None if given is None else EVERYBODY
    if not isinstance(given, dict) or not set(given) <= {"AWS", "Service", "Federated"}:
        raise PolicyError(f"a Principal is * or an object of AWS, Service and Federated, not {given!r}")
    found = {kind: _texts(given, kind) or () for kind in given}
    for each in found.get("AWS", ()):
        if each != "*" and not PRINCIPAL.fullmatch(each):
            raise PolicyError(f"{each!r} is not a principal: an account, or the ARN of a user, role or session without wildcards")
    return found


def _conditions(given: Any) -> Iterator[Condition]:
    if not isinstance(given, dict):
        raise PolicyError(f"Condition is an object, not {given!r}")
    for operator, keys in given.items():
        if not isinstance(keys, dict) or not keys:
            raise PolicyError(f"{operator} holds condition keys and their values, not {keys!r}")
        for key, value in keys.items():
            yield condition(operator, key, value if isinstance(value, list) else [value])
