"""Who a request comes from: access keys, role sessions and their expiry on the world's clock. Signatures are not verified."""

import base64
import hashlib
from dataclasses import dataclass, field

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.policies.document import Policy
from runbook_lib.rehearsal.world import SimulatedRole, World

SECURITY_TOKEN_INVALID = "The security token included in the request is invalid."  # noqa: S105 an error text
TOKEN_EXPIRED = "The security token included in the request is expired"  # noqa: S105 an error text
QUERY = ("sts", "iam", "ec2", "sns", "cloudformation")
"""Services of the query protocols, whose codes for the same refusals differ."""


@dataclass(frozen=True)
class Credential:
    """One access key. `token` and `expires` (world's clock) are set for role sessions only."""

    key: str
    secret: str
    account: str
    principal: str
    unique_id: str
    role: SimulatedRole | None = None
    token: str = ""
    expires: float | None = None
    session: tuple[Policy, ...] | None = None
    """The session policies that were given with AssumeRole; None: there are none."""


@dataclass
class Credentials:
    """Every access key given out so far: the state of sts and of IAM users in one world."""

    by_key: dict[str, Credential] = field(default_factory=dict)
    given: int = 0


def access_key(prefix: str, account: str, salt: str) -> str:
    """An access key id that embeds its account the way AWS's do: base32 of the account's 40 bits, shifted by one, then noise."""
    noise = hashlib.sha256(f"{prefix}{account}{salt}".encode()).digest()
    packed = ((int(account) << 7) | (noise[0] & 0x7F)).to_bytes(6, "big")
    return prefix + base64.b32encode(packed + noise[1:5]).decode()[:16]


def user_key(account: str, name: str) -> tuple[str, str]:
    """Access key id and secret of a user; the same in each process, so that a client needs no server to know its own key."""
    key = access_key("AKIA", account, name)
    return key, _digest(f"secret{key}")[:40]


def user_credential(world: World, account: str, name: str) -> Credential:
    """The permanent key of an IAM user of a simulated account; the same key each time."""
    key, secret = user_key(account, name)
    known = world.of(Credentials).by_key
    if key not in known:
        principal = f"arn:{world.partition}:iam::{account}:user/{name}"
        known[key] = Credential(key, secret, account, principal, f"AIDA{_digest(key)[:17].upper()}")
    return known[key]


def session_credential(
    world: World, account: str, role: SimulatedRole, session: str, seconds: int, policies: tuple[Policy, ...] | None = None
) -> Credential:
    """A new key for a session of a role, refused after `seconds` of the world's time."""
    store = world.of(Credentials)
    store.given += 1
    key = access_key("ASIA", account, f"{role.name}/{session}/{store.given}")
    principal = f"arn:{world.partition}:sts::{account}:assumed-role/{role.name}/{session}"
    unique = f"{role_id(account, role)}:{session}"
    made = Credential(
        key,
        _digest(f"secret{key}")[:40],
        account,
        principal,
        unique,
        role,
        _digest(f"token{key}") * 3,
        world.now() + seconds,
        policies,
    )
    store.by_key[key] = made
    return made


def role_id(account: str, role: SimulatedRole) -> str:
    return f"AROA{_digest(account + role.name)[:17].upper()}"


def authenticate(world: World, service: str, key: str, token: str) -> Credential:
    """The credential of a key; unknown and expired ones are refused in the service's own words (aws-behaviour 2 and 10)."""
    found = world.of(Credentials).by_key.get(key)
    if found is None or found.token != token:
        raise unrecognized(service)
    if found.expires is not None and world.now() >= found.expires:
        raise ApiError(
            "ExpiredToken" if service in QUERY else "ExpiredTokenException", TOKEN_EXPIRED, 403 if service in QUERY else None
        )
    return found


def unrecognized(service: str) -> ApiError:
    """The refusal of a key that is unknown, or unknown in this Region."""
    if service in QUERY:
        return ApiError("InvalidClientTokenId", SECURITY_TOKEN_INVALID, 403)
    return ApiError("UnrecognizedClientException", SECURITY_TOKEN_INVALID)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
