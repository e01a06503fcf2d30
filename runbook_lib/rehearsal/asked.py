"""What one request asks leave for, and the condition keys that AWS fills for it [docs: AWS global condition context keys]."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote

from runbook_lib.rehearsal.identity import Credential
from runbook_lib.rehearsal.organization import account_of, ancestors
from runbook_lib.rehearsal.policies.evaluation import Principal, Who
from runbook_lib.rehearsal.policies.wildcards import PolicyError, Value
from runbook_lib.rehearsal.simulated import signing_names
from runbook_lib.rehearsal.world import World

KEYS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "organizations": {"serviceprincipal": ("ServicePrincipal",), "policytype": ("Filter", "PolicyType")},
    "cloudwatch": {"namespace": ("Namespace",)},
    "iam": {"awsservicename": ("AWSServiceName",), "passedtoservice": ("PassedToService",)},
    "sts": {"externalid": ("ExternalId",), "rolesessionname": ("RoleSessionName",)},
}
"""Service → its condition keys that are simulated → the parameters they are the value of [ref: service authorization reference]."""


@dataclass(frozen=True)
class Asked:
    """What one request asks leave for. `via`: a service asks on behalf of its caller."""

    service: str
    operation: str
    region: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    resource: str | None = None
    owner: str = ""
    """The account whose resource it is; the caller's own where it is empty."""
    via: bool = False

    @property
    def action(self) -> str:
        """IAM's name of it."""
        return action_of(self.service, self.operation)


def stored(method: str, path: str, query: str) -> tuple[str, str]:
    """What a request to S3 by path asks leave for: operation as IAM has it, and bucket or object; ("", "") where nobody knows."""
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    given = parse_qs(query, keep_blank_values=True)
    if bucket and not key and "publicAccessBlock" in given:
        return f"{'Get' if method in ('GET', 'HEAD') else 'Put'}BucketPublicAccessBlock", bucket
    plain = not set(given) - {
        "list-type",
        "prefix",
        "continuation-token",
        "delimiter",
        "encoding-type",
        "max-keys",
        "versionId",
        "x-id",
    }
    if not (plain and bucket):
        return "", ""
    version = "Version" if "versionId" in given else ""
    of_objects = {
        "GET": f"GetObject{version}",
        "HEAD": f"GetObject{version}",
        "PUT": "PutObject",
        "DELETE": f"DeleteObject{version}",
    }
    of_buckets = {"GET": "ListBucket", "HEAD": "ListBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket"}
    return (of_objects if key else of_buckets).get(method, ""), f"{bucket}/{key}" if key else bucket


def action_of(service: str, operation: str) -> str:
    """The IAM action of an operation: its prefix is the name in signatures."""
    return f"{signing_names().get(service, service)}:{operation}"


def principal_of(world: World, caller: Credential) -> Principal:
    """The caller as policies see it."""
    if caller.role is None:
        return Principal(Who.USER, caller.principal, caller.account)
    return Principal(Who.SESSION, caller.principal, caller.account, role_arn(world, caller.account, caller.role.name))


def role_arn(world: World, account: str, name: str) -> str:
    """The ARN of a role; `name` with its path."""
    return f"arn:{world.partition}:iam::{account}:role/{name}"


@dataclass(frozen=True)
class Facts:
    """One request with who makes it, and whose the resource is."""

    world: World
    caller: Credential
    asked: Asked
    owner: str

    def value(self, key: str) -> Value:
        """A condition key. Other services' are not there; a `PolicyError` for what is not simulated."""
        prefix, _, name = key.lower().partition(":")
        if prefix == "aws":
            if name in ABSENT or name.startswith("principaltag/"):
                return None
            if name in GLOBAL_KEYS:
                return GLOBAL_KEYS[name](self)
        elif prefix != self.asked.action.partition(":")[0]:
            return None
        elif name in KEYS.get(prefix, {}):
            return next((str(self.asked.parameters[each]) for each in KEYS[prefix][name] if self.asked.parameters.get(each)), None)
        raise PolicyError(f"the condition key {key} is not simulated")

    @property
    def principal(self) -> Principal:
        return principal_of(self.world, self.caller)

    def organization_of(self, account: str) -> Value:
        return self.world.organization.id if account in self.world.organization.accounts else None

    def paths_of(self, account: str) -> Value:
        """The path of an account's unit, from the organization down: the one value of a multivalued key."""
        found = account_of(self.world, account)
        return ("/".join([self.world.organization.id, *ancestors(self.world, found.parent), ""]),) if found else None


GLOBAL_KEYS: Mapping[str, Callable[[Facts], Value]] = {
    "requestedregion": lambda facts: facts.asked.region,
    "principalarn": lambda facts: facts.principal.role or facts.principal.arn,  # of a session it is the role's [docs]
    "principalaccount": lambda facts: facts.caller.account,
    "principalorgid": lambda facts: facts.organization_of(facts.caller.account),
    "principalorgpaths": lambda facts: facts.paths_of(facts.caller.account),
    "principaltype": lambda facts: "AssumedRole" if facts.caller.role else "User",
    "principalisawsservice": lambda facts: "false",
    "userid": lambda facts: facts.caller.unique_id,
    "username": lambda facts: None if facts.caller.role else facts.caller.principal.rpartition("/")[2],
    "resourceaccount": lambda facts: facts.owner,
    "resourceorgid": lambda facts: facts.organization_of(facts.owner),
    "resourceorgpaths": lambda facts: facts.paths_of(facts.owner),
    "currenttime": lambda facts: dt.datetime.fromtimestamp(facts.world.now(), dt.UTC).isoformat(),
    "epochtime": lambda facts: str(int(facts.world.now())),
    # The simulation is asked without TLS on loopback, and stands for endpoints that are never asked so.
    "securetransport": lambda facts: "true",
    "viaawsservice": lambda facts: str(facts.asked.via).lower(),
    # Long-term keys do not have it, sessions of a role do [docs].
    "multifactorauthpresent": lambda facts: "false" if facts.caller.role else None,
}
ABSENT = frozenset({"sourcearn", "sourceaccount", "sourceorgid", "sourceorgpaths", "principalservicename", "federatedprovider"})
"""What only requests of services, and of federated users, have; no user or role here has tags."""
