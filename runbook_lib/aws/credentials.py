"""The doors into accounts: an own profile, or a role, assumed once per account and refreshed before and when it expires.

No door is opened by way of another unless settings say so (`via`). The first use of the management and the delegated account's
door asks STS who that is, so that credentials of another account are found before anything is read or written with them.
"""

import datetime as dt
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.credentials import CredentialProvider, CredentialResolver, Credentials, ReadOnlyCredentials
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError
from botocore.session import Session

from runbook_lib.aws.callers import METHODS, Card, kind_of
from runbook_lib.aws.errors import EXPIRED, UNSENT, CallFailed, DoorFailed, place_of_door
from runbook_lib.aws.keys import Watched, source_of
from runbook_lib.aws.troubles import CredentialsFailed, skew, trouble
from runbook_lib.base.clock import Clock
from runbook_lib.base.errors import RunbookError
from runbook_lib.base.identity import written
from runbook_lib.settings import Door, Settings

REMEMBERED = 60.0
"""Seconds for which a refused AssumeRole is not tried again (one missing role would else cost a call per read)."""

UNUSABLE = (BotoCoreError, ResponseParserError, ValueError, OSError, KeyError, RuntimeError)
"""What a session raises that cannot get credentials, or make a client, of what its configuration says; or whose question somebody
answers who is not AWS."""


class AccessRefused(RunbookError):
    """Base of what stops a run before a call: settings, environment and credentials do not fit together."""

    advice = "Nothing was changed. Correct the settings or the environment, then run again."


class WrongAccount(AccessRefused):
    """Credentials turned out to belong to another account than settings say."""


class UnfitCaller(AccessRefused):
    """Credentials turned out to be of a kind that no work may be done with."""


class NoDoor(AccessRefused):
    """Settings name no way into an account."""


@dataclass(frozen=True, slots=True)
class Way:
    """One account's door, with its name for messages ("management", "delegated", "members")."""

    name: str
    account: str
    door: Door


@dataclass(frozen=True, slots=True)
class Held:
    """Temporary credentials of an assumed role and the moment (monotonic seconds) from which they are renewed."""

    keys: ReadOnlyCredentials
    renew_at: float
    until: dt.datetime
    """When AWS lets them expire."""


class RoleCredentials(Credentials):
    """Credentials that botocore asks for before each signature; they renew themselves."""

    def __init__(self, current: Callable[[], ReadOnlyCredentials]) -> None:
        super().__init__("", "", None, method="assume-role")
        self._current = current

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        return self._current()


class RoleProvider(CredentialProvider):
    """Hands RoleCredentials to a botocore session, in place of its usual chain."""

    METHOD = "runbook-role"

    def __init__(self, credentials: RoleCredentials) -> None:
        super().__init__()
        self._credentials = credentials

    def load(self) -> RoleCredentials:
        return self._credentials


class Opened:
    """An account's door in use: its botocore session and, for a role, the current keys. One thread at a time assumes it."""

    def __init__(self, way: Way) -> None:
        self.way = way
        self.lock = threading.RLock()
        self.session: Session | None = None
        self.caller = ""
        self.held: Held | None = None
        self.refused: tuple[float, CallFailed] | None = None
        self.skew: float | None = None


class AccountSessions:
    """All doors of a run. `new_session(profile)` and `sts(session)` come from Access, which alone makes clients.

    `region` is where STS is asked; tokens of a regional endpoint are good in every enabled Region.
    """

    def __init__(
        self,
        settings: Settings,
        partition: str,
        region: str,
        run: str,
        clock: Clock,
        new_session: Callable[[str | None], Session],
        sts: Callable[[Session], Any],
        member_role: str = "",
    ) -> None:
        self._member_role = member_role
        """The role by which members are entered by way of the delegated account, in the place of the one that settings name."""
        self._settings, self._partition, self._region, self._clock = settings, partition, region, clock
        self._new_session, self._sts = new_session, sts
        self._session_name = re.sub(r"[^A-Za-z0-9_+=,.@-]", "-", f"runbook-{run}")[:64]
        self._opened: dict[str, Opened] = {}
        self._bases: dict[str | None, Session] = {}
        self._lock = threading.RLock()

    @property
    def special(self) -> tuple[str, str]:
        """The management and the delegated account."""
        return self._settings.organization.management_account, self._settings.organization.delegated_account

    def way(self, account: str) -> Way | None:
        """How settings reach an account; None when they do not."""
        access, organization = self._settings.access, self._settings.organization
        if account == organization.management_account:
            return Way("management", account, access.management)
        if account == organization.delegated_account:
            return Way("delegated", account, access.delegated)
        if self._member_role:
            role = f"arn:{self._partition}:iam::{account}:role/{self._member_role}"
            return Way("members", account, Door(role_arn=role, via="delegated"))
        if access.members is None:
            return None
        role = f"arn:{self._partition}:iam::{account}:role/{access.members.role_name}"
        rest = access.members.model_dump(exclude={"role_name"})
        return Way("members", account, Door(role_arn=role, **rest))

    def named(self, account: str) -> bool:
        """Whether settings name a way into this account."""
        return account in self.special or self._settings.access.members is not None

    def through(self, account: str) -> tuple[str, ...]:
        """The special accounts whose doors the way into an account takes, its own included."""
        found: list[str] = []
        way = self.way(account)
        while way is not None:
            if way.account in self.special and way.account not in found:
                found.append(way.account)
            via = "" if way.door.profile else way.door.via
            told = self._settings.organization
            nearer = {"management": told.management_account, "delegated": told.delegated_account}.get(via, "")
            way = self.way(nearer) if nearer and nearer not in found else None
        return tuple(found)

    def whoever(self, door: Door) -> Card:
        """Open a door of which nobody said where it leads, and go on using it for that account. Raises like `session`."""
        opened = Opened(Way("", "", door))
        with opened.lock:
            opened.session = self._entered(opened)
        account = opened.caller.split(":")[4]
        opened.way = Way("", account, door)
        with self._lock:
            self._opened[account] = opened
        return self.card(account)

    def session(self, account: str) -> Session:
        """The botocore session that acts in an account. Raises NoDoor, WrongAccount, or CallFailed of STS."""
        opened = self._of(account)
        with opened.lock:
            if opened.session is None:
                opened.session = self._entered(opened)
            return opened.session

    def _entered(self, opened: Opened) -> Session:
        self._refuse_for_now(opened)
        door = opened.way.door
        session = self._role_session(opened) if door.role_arn else self._base(door.profile)
        self._verify(opened, session)
        return session

    def caller(self, account: str) -> str:
        """ARN of the identity that acts in an account, as it is written down."""
        self.session(account)
        return written(self._of(account).caller)

    def card(self, account: str) -> Card:
        """Who acts in an account, by what credentials and until when. Raises like `session`."""
        session, opened = self.session(account), self._of(account)
        door, found = opened.way.door, self._base(opened.way.door.profile).get_credentials()
        if door.role_arn and door.via != "ambient" and not door.profile:
            source = f"the {door.via} account's door"
        else:
            method = METHODS.get(str(getattr(found, "method", "")), "the environment")
            source = f"profile {door.profile!r}, {method}" if door.profile else method
        until = self.lasts(account)
        if until is None and isinstance(keys := session.get_credentials(), Watched) and keys.until is not None:
            until = keys.until.astimezone(dt.UTC)
        return Card(opened.way.name or "account", account, opened.caller, source, until, opened.skew)

    def key(self, account: str) -> str:
        """The access key id in use for an account's role ("" for a profile): tells `refresh` which credentials failed."""
        held = self._of(account).held
        return str(held.keys.access_key) if held else ""

    def refresh(self, account: str, failed_key: str) -> bool:
        """Forget a role's credentials that AWS called expired, unless another thread already did. False: there is no role."""
        opened = self._of(account)
        with opened.lock:
            if not opened.way.door.role_arn:
                return False
            if opened.held and opened.held.keys.access_key == failed_key:
                opened.held = None
            return True

    def lasts(self, account: str) -> dt.datetime | None:
        """When the assumed session in an account ends; None where no role was assumed."""
        opened = self._opened.get(account)
        return opened.held.until if opened is not None and opened.held is not None else None

    def _of(self, account: str) -> Opened:
        with self._lock:
            if account not in self._opened:
                way = self.way(account)
                if way is None:
                    raise NoDoor(f"settings name no way into account {account}: access.members is not set")
                self._refuse_circle(way)
                self._opened[account] = Opened(way)
            return self._opened[account]

    def _refuse_circle(self, way: Way) -> None:
        seen = {way.name}
        while (via := way.door.via) != "ambient":
            if via in seen:
                raise AccessRefused(f"settings reach the {via} account by way of itself (access.{via}.via)")
            seen.add(via)
            way = Way(via, "", getattr(self._settings.access, via))

    def _base(self, profile: str | None) -> Session:
        """The session of a profile, or of whatever credentials the environment holds."""
        with self._lock:
            if profile not in self._bases:
                session = self._new_session(profile)
                _refuse_prompt(session)
                self._bases[profile] = session
            return self._bases[profile]

    def _role_session(self, opened: Opened) -> Session:
        """A session like its base's (same Region-independent configuration), whose credentials are the role's."""
        session = self._new_session(opened.way.door.profile)
        provider = RoleProvider(RoleCredentials(lambda: self._keys(opened)))
        session.register_component("credential_provider", CredentialResolver([provider]))
        return session

    def _keys(self, opened: Opened) -> ReadOnlyCredentials:
        with opened.lock:
            now = self._clock.monotonic()
            if opened.held is None or now >= opened.held.renew_at:
                self._refuse_for_now(opened)
                opened.held = self._assume(opened, now)
            return opened.held.keys

    def _refuse_for_now(self, opened: Opened) -> None:
        """Raise again what this door was refused with a moment ago."""
        if opened.refused and self._clock.monotonic() < opened.refused[0]:
            raise opened.refused[1]

    def _shut(self, error: Exception, opened: Opened, operation: str) -> CallFailed:
        """A door's failure, remembered: as what keeps it shut where that is on this side of AWS, else in AWS's words."""
        way = opened.way
        found = trouble(error, source_of(self._base(way.door.profile), way.door.profile), self._clock.now())
        about = {"operation": operation, "account": way.account, "region": self._region}
        failure = DoorFailed(way.name, found, **about) if found else failed(error, "sts", **about)
        opened.refused = (self._clock.monotonic() + REMEMBERED, failure)
        return failure

    def _assume(self, opened: Opened, now: float) -> Held:
        door = opened.way.door
        request = {"RoleArn": door.role_arn, "RoleSessionName": self._session_name, "DurationSeconds": door.session_seconds}
        if door.external_id:
            request["ExternalId"] = door.external_id
        try:
            answer = self._through_base(opened, request)
        except (ClientError, *UNUSABLE) as error:
            raise self._shut(error, opened, "AssumeRole") from error
        keys, opened.caller = answer["Credentials"], answer["AssumedRoleUser"]["Arn"]
        margin = min(300.0, door.session_seconds / 5)
        frozen = ReadOnlyCredentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
        until = self._clock.now() + dt.timedelta(seconds=door.session_seconds)
        return Held(frozen, now + door.session_seconds - margin, until)

    def _through_base(self, opened: Opened, request: dict[str, Any]) -> Any:
        """AssumeRole with the profile's, the environment's or the `via` door's credentials; those are renewed once if expired."""
        door = opened.way.door
        if door.via == "ambient" or door.profile:
            return self._sts(self._base(door.profile)).assume_role(**request)
        organization = self._settings.organization
        via = organization.management_account if door.via == "management" else organization.delegated_account
        session, key = self.session(via), self.key(via)
        try:
            return self._sts(session).assume_role(**request)
        except ClientError as error:
            if error.response["Error"]["Code"] not in EXPIRED or not self.refresh(via, key):
                raise
            return self._sts(session).assume_role(**request)

    def _verify(self, opened: Opened, session: Session) -> None:
        """Ask STS whose credentials these are. A member's role ARN already names its account."""
        way = opened.way
        if way.name == "members":
            self._keys(opened)
            return
        try:
            identity = self._sts(session).get_caller_identity()
            opened.skew = skew(identity["ResponseMetadata"]["HTTPHeaders"].get("date", ""), self._clock.now())
        except (ClientError, *UNUSABLE) as error:
            raise self._shut(error, opened, "GetCallerIdentity") from error
        how = way.door.role_arn or (f"profile {way.door.profile}" if way.door.profile else "the credentials of the environment")
        if (kind := kind_of(identity["Arn"])).refused:
            raise UnfitCaller(f"{place_of_door(way.name)}{how} {kind.refused}", advice=f"{kind.advice}; nothing was changed.")
        if way.account and identity["Account"] != way.account:
            raise WrongAccount(
                f"access.{way.name}: {how} leads into account {identity['Account']}, but settings name {way.account} as the "
                f"{way.name} account; correct access.{way.name} or organization.{way.name}_account"
            )
        opened.caller = identity["Arn"]


def _refuse_prompt(session: Session) -> None:
    """An MFA prompt: botocore would ask for an MFA code on stdin, where a notebook or a CI job has nobody to answer."""
    profiles = session.full_config.get("profiles", {})
    name, seen = session.profile or "default", set[str]()
    while name and name not in seen:
        seen.add(name)
        if "mfa_serial" in profiles.get(name, {}):
            raise AccessRefused(
                f"AWS profile {name!r} asks for an MFA code (mfa_serial), which cannot be answered here; "
                "sign in first (aws sso login, aws sts get-session-token) and name a profile with temporary credentials"
            )
        name = profiles.get(name, {}).get("source_profile", "")


def failed(error: BotoCoreError | ClientError | Exception, service: str, operation: str, account: str, region: str) -> CallFailed:
    """The one form in which a failed call reaches the rest: AWS's code, or the class name of botocore's exception.

    AWS's messages name the caller, so they are written like callers.
    """
    if isinstance(error, CredentialsFailed):
        return CallFailed(
            error.code,
            error.what,
            service=service,
            operation=operation,
            account=account,
            region=region,
            sent=False,
            next_step=error.next_step,
        )
    if not isinstance(error, ClientError):
        code = type(error).__name__
        return CallFailed(
            code, written(str(error)), service=service, operation=operation, account=account, region=region, sent=code not in UNSENT
        )
    said, about = error.response.get("Error", {}), error.response.get("ResponseMetadata", {})
    return CallFailed(
        said.get("Code", "Unknown"),
        written(said.get("Message", "")),
        service=service,
        operation=operation,
        account=account,
        region=region,
        status=about.get("HTTPStatusCode", 0),
        request_id=about.get("RequestId", ""),
    )
