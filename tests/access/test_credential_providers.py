"""A rehearsal asks nobody for credentials: keys come from the environment or from the shared files, or there are none.

Each trap is tried on botocore as it comes as well, which walks into it: a trap that catches nobody would show nothing.
"""

import gc
import hashlib
import json
import os
import socket
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from botocore import utils
from botocore.config import Config
from botocore.credentials import SSOProvider
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from botocore.session import Session
from botocore.tokens import SSOTokenProvider
from doors import Decoy

from runbook_lib.aws.clients import Clients
from runbook_lib.aws.pace import Pace
from runbook_lib.base.clock import Clock

FAR = "2099-01-01T00:00:00Z"
DISABLED = "AWS_EC2_METADATA_DISABLED"


@dataclass
class Trap:
    """Where a provider leads: a port of loopback, a datagram port, a file that a program makes."""

    decoy: Decoy
    datagrams: socket.socket
    folder: Path

    @property
    def caught(self) -> bool:
        try:
            datagram = bool(self.datagrams.recv(10))
        except BlockingIOError:
            datagram = False
        return bool(self.decoy.visitors) or datagram or (self.folder / "ran").exists()

    def profile(self, text: str) -> dict[str, str]:
        (self.folder / "config").write_text(f"[profile trapped]\nregion = us-east-1\n{text}\n", encoding="utf-8")
        return {"AWS_PROFILE": "trapped"}


@pytest.fixture
def trap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trap]:
    for name in [each for each in os.environ if each.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setattr(utils.ContainerMetadataFetcher, "SLEEP_TIME", 0)
    for provider in (SSOProvider, SSOTokenProvider):  # they looked for HOME when botocore was imported
        monkeypatch.setattr(provider, "_SSO_TOKEN_CACHE_DIR", str(tmp_path / "sso"))
    decoy = Decoy()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        datagrams.bind(("127.0.0.1", 0))
        datagrams.setblocking(False)
        # Whoever forgets an endpoint is caught as well.
        monkeypatch.setenv("AWS_ENDPOINT_URL", decoy.url)
        yield Trap(decoy, datagrams, tmp_path)
    decoy.close()


def instance(trap: Trap) -> dict[str, str]:
    return {"AWS_EC2_METADATA_SERVICE_ENDPOINT": trap.decoy.url}


def container(trap: Trap) -> dict[str, str]:
    return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{trap.decoy.url}/credentials", DISABLED: "true"}


def process(trap: Trap) -> dict[str, str]:
    given = trap.folder / "given.json"
    given.write_text('{"Version": 1, "AccessKeyId": "AKIAPROCESS", "SecretAccessKey": "secret"}', encoding="utf-8")
    return {**trap.profile(f"credential_process = sh -c 'touch {trap.folder}/ran; cat {given}'"), DISABLED: "true"}


def web_identity(trap: Trap) -> dict[str, str]:
    (trap.folder / "token").write_text("token", encoding="utf-8")
    return {
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(trap.folder / "token"), "AWS_ROLE_ARN": "arn:aws:iam::111111111111:role/R",
        "AWS_REGION": "us-east-1", DISABLED: "true",
    }  # fmt: skip


def sign_on(trap: Trap) -> dict[str, str]:
    """A session of IAM Identity Center that somebody has signed in to."""
    cache = trap.folder / "sso"
    cache.mkdir()
    token = {"accessToken": "token", "expiresAt": FAR, "startUrl": "https://example.awsapps.com/start", "region": "us-east-1"}
    (cache / f"{hashlib.sha1(b'corporate').hexdigest()}.json").write_text(json.dumps(token), encoding="utf-8")
    text = "sso_session = corporate\nsso_account_id = 111111111111\nsso_role_name = Reader\n"
    session = "[sso-session corporate]\nsso_region = us-east-1\nsso_start_url = https://example.awsapps.com/start"
    return {**trap.profile(text + session), DISABLED: "true"}


def role_of_the_instance(trap: Trap) -> dict[str, str]:
    text = "role_arn = arn:aws:iam::111111111111:role/R\ncredential_source = Ec2InstanceMetadata"
    return {**trap.profile(text), **instance(trap)}


def role_of_the_container(trap: Trap) -> dict[str, str]:
    text = "role_arn = arn:aws:iam::111111111111:role/R\ncredential_source = EcsContainer"
    return {**trap.profile(text), **container(trap)}


KEYS = {"AWS_ACCESS_KEY_ID": "AKIARUNNER", "AWS_SECRET_ACCESS_KEY": "secret"}


def smart_defaults(trap: Trap) -> dict[str, str]:
    """Not for credentials: "auto" asks where this machine is."""
    return {"AWS_DEFAULTS_MODE": "auto", **KEYS, **instance(trap)}


def monitoring(trap: Trap) -> dict[str, str]:
    """Not for credentials: what is called is told to a host of one's choice."""
    return {"AWS_CSM_ENABLED": "true", "AWS_CSM_HOST": "127.0.0.1", "AWS_CSM_PORT": str(trap.datagrams.getsockname()[1]), **KEYS}


TRAPS = [
    instance,
    container,
    process,
    web_identity,
    sign_on,
    role_of_the_instance,
    role_of_the_container,
    smart_defaults,
    monitoring,
]


def call(client: Any) -> None:
    """Make a call that does not leave by itself, so that whoever is caught asked for something else."""
    client.meta.events.register_first("before-send", lambda **_: (_ for _ in ()).throw(NoCredentialsError()))
    with pytest.raises((BotoCoreError, ClientError)):
        client.get_caller_identity()


@pytest.mark.parametrize("lay", TRAPS, ids=lambda lay: lay.__name__)
def test_botocore_as_it_comes_walks_into_the_trap(
    trap: Trap, lay: Callable[[Trap], dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in lay(trap).items():
        monkeypatch.setenv(name, value)
    with suppress(BotoCoreError):
        call(Session().create_client("sts", region_name="us-east-1", config=Config(retries={"total_max_attempts": 1})))
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()  # botocore's monitor leaves its socket open
    assert trap.caught


@pytest.mark.parametrize("lay", TRAPS, ids=lambda lay: lay.__name__)
@pytest.mark.parametrize("named", [False, True], ids=["by the environment", "by settings"])
def test_a_rehearsal_asks_nobody(
    trap: Trap, lay: Callable[[Trap], dict[str, str]], named: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in lay(trap).items():
        monkeypatch.setenv(name, value)
    profile = "trapped" if named and "AWS_PROFILE" in os.environ else None
    clients = Clients("rehearsal", "run", 1, Pace(Clock(), 1.0), None)
    session = clients.session(profile)
    call(clients.client(session, "", "sts", "us-east-1"))
    assert not trap.caught
    assert (session.get_credentials() is None) == ("AWS_ACCESS_KEY_ID" not in os.environ)
    assert session.get_auth_token() is None
    clients.close()


def test_what_is_left_are_the_three_that_only_read(trap: Trap, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider of a later botocore is not among them by itself."""
    clients = Clients("rehearsal", "run", 1, Pace(Clock(), 1.0), None)
    (trap.folder / "credentials").write_text(
        "[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = s\n"
        "[kept]\naws_access_key_id = AKIAKEPT\naws_secret_access_key = s\n"
    )
    (trap.folder / "config").write_text("[profile own]\naws_access_key_id = AKIAOWN\naws_secret_access_key = s\n[profile kept]\n")

    def key(profile: str | None) -> str:
        found = clients.session(profile).get_credentials()
        return found.access_key if found else ""

    assert [key(each) for each in (None, "kept", "own")] == ["AKIADEFAULT", "AKIAKEPT", "AKIAOWN"]
    monkeypatch.setenv("AWS_PROFILE", "kept")
    assert key(None) == "AKIAKEPT"
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    assert [key(each) for each in (None, "own")] == ["AKIARUNNER", "AKIAOWN"], "a profile that settings name comes first"
    methods = [each.METHOD for each in clients.session(None).get_component("credential_provider").providers]
    assert methods == ["env", "shared-credentials-file", "config-file"]
    clients.close()
