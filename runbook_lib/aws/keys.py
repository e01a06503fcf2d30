"""Where a session's keys come from: botocore's own chain of providers, watched.

Whatever goes wrong in it comes out as one kind of error. A program that is to print keys can ask nobody anything and gets a few
seconds; the address of instance metadata, which only the machine itself can reach, is never given to a proxy.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from botocore.credentials import (
    AssumeRoleProvider,
    Credentials,
    InstanceMetadataProvider,
    ProcessProvider,
    ReadOnlyCredentials,
    create_credential_resolver,
)
from botocore.httpsession import URLLib3Session
from botocore.session import Session

from runbook_lib.aws.troubles import AGAIN, CredentialsFailed, Source, first_line, trouble
from runbook_lib.base.clock import Clock

PROCESS_SECONDS = 10
"""A program of `credential_process` that has printed nothing by then waits for somebody who is not there."""


class LimitedProcess(subprocess.Popen[bytes]):
    """What botocore starts for `credential_process`: without stdin or terminal, and ended with all its children after a while."""

    def __init__(self, arguments: list[str], **options: Any) -> None:
        self.program = arguments[0] if arguments else ""
        try:
            super().__init__(arguments, stdin=subprocess.DEVNULL, start_new_session=True, **options)
        except (OSError, ValueError, IndexError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise CredentialsFailed(
                "CredentialProcessNotStarted",
                f"credential_process {self.program} cannot be started: {why}",
                f"Correct credential_process in the profile, {AGAIN}.",
            ) from error

    def communicate(self, input: bytes | None = None, timeout: float | None = None) -> tuple[bytes, bytes]:  # noqa: A002 Popen's own name
        try:
            return super().communicate(input, PROCESS_SECONDS if timeout is None else timeout)
        except BaseException as error:
            self._end()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            raise CredentialsFailed(
                "CredentialProcessTimeout",
                f"credential_process {self.program} printed nothing within {PROCESS_SECONDS} seconds and was stopped; nobody can "
                "answer what it may have asked",
                f"Sign in where it asks for that, or correct it, {AGAIN}.",
            ) from error

    def _end(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self.kill()
        self.wait()
        for pipe in (self.stdout, self.stderr):
            if pipe is not None:
                pipe.close()


class Watched(Credentials):
    """A provider's credentials, whose renewals fail as CredentialsFailed."""

    def __init__(self, found: Credentials, source: Source) -> None:
        super().__init__("", "", None, method=found.method)
        self._found, self.source = found, source

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        with as_trouble(self.source):
            return self._found.get_frozen_credentials()

    @property
    def until(self) -> Any:
        """When they end, as far as is known; botocore keeps it to itself."""
        return getattr(self._found, "_expiry_time", None)


class WatchedChain:
    """In place of a session's resolver of credentials: the same chain. It is made when it is first asked, as botocore's own is."""

    def __init__(self, session: Session, profile: str | None) -> None:
        self._session, self._profile = session, profile

    def load_credentials(self) -> Watched | None:
        source = source_of(self._session, self._profile)
        with as_trouble(source):
            # Clients that botocore makes for itself to get credentials are in the Region of the client that asks for them.
            chain = create_credential_resolver(self._session, region_name=getattr(self._session, "_last_client_region_used", None))
            for provider in chain.providers:
                _limit(provider)
            found = chain.load_credentials()
        return None if found is None else Watched(found, source)


def watch(session: Session, profile: str | None) -> None:
    """Have a session look for credentials as botocore does, but so that every failure is a CredentialsFailed."""
    session.register_component("credential_provider", WatchedChain(session, profile))


def source_of(session: Session, profile: str | None) -> Source:
    """Where a session looks for its keys. `profile`: the one that was named to it."""
    named = profile or session.profile
    config = session.full_config.get("profiles", {}).get(named or "default", {})
    asks = isinstance(session.get_component("credential_provider"), WatchedChain)
    return Source(named, config, dict(os.environ), chosen=profile is not None, asks=asks)


@contextmanager
def as_trouble(source: Source) -> Iterator[None]:
    """Turn whatever is raised while credentials are looked for into CredentialsFailed."""
    try:
        yield
    except CredentialsFailed:
        raise
    except Exception as error:
        found = trouble(error, source, Clock().now())
        if found is None:  # AWS's own words, for example of an assume-role profile that is denied
            said = first_line(str(error))
            code = getattr(error, "response", {}).get("Error", {}).get("Code", type(error).__name__)
            step = f"Have whoever manages that role let this caller assume it, {AGAIN}."
            raise CredentialsFailed(code, f"{source.words}: {said}", step) from error
        raise CredentialsFailed(found.code, found.what, found.next_step) from error


def _limit(provider: Any) -> None:
    """Change what botocore's constructors take, and its own chain leaves as it is; a test tells when these names are others."""
    part: Any = provider
    if isinstance(provider, ProcessProvider):
        part._popen = LimitedProcess  # noqa: SLF001 see above
    elif isinstance(provider, AssumeRoleProvider) and (builder := part._profile_provider_builder) is not None:  # noqa: SLF001 see above
        made = builder._create_process_provider  # noqa: SLF001 see above

        def limited(profile_name: str) -> Any:
            source = made(profile_name)
            _limit(source)
            return source

        builder._create_process_provider = limited  # noqa: SLF001 see above
    elif isinstance(provider, InstanceMetadataProvider):
        fetcher = part._role_fetcher  # noqa: SLF001 see above
        fetcher._session = URLLib3Session(timeout=fetcher._timeout, proxies={})  # noqa: SLF001 see above
