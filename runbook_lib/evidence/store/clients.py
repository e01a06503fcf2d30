"""Clients for evidence: one session, with the credentials that settings name for it, for the key and for the store."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from botocore.exceptions import ClientError

from runbook_lib.aws.clients import AS_USUAL, Clients
from runbook_lib.aws.credentials import UNUSABLE, AccessRefused
from runbook_lib.aws.pace import Pace
from runbook_lib.base.clock import Clock
from runbook_lib.evidence.seal.chain import StoreFailed
from runbook_lib.evidence.store.bucket import Bucket
from runbook_lib.evidence.store.s3_store import AT_ONCE, prefixes
from runbook_lib.settings import EvidenceSection, Settings
from runbook_lib.settings.network import NetworkSection


class EvidenceClients:
    """Clients of one identity: a profile's, or that of a role which the profile assumes. `resources` closes connections.

    `network`: how settings have AWS reached; None for whoever reads no settings.
    """

    def __init__(self, mode: str, profile: str | None, resources: ExitStack, network: NetworkSection | None = None) -> None:
        self._clients = Clients(mode, "evidence", AT_ONCE, Pace(Clock(), share=1.0), None, network=network)
        resources.callback(self._clients.close)
        self._profile = profile
        with _plainly():
            self._session = self._clients.session(profile)

    @classmethod
    def of(cls, settings: Settings, part: EvidenceSection, resources: ExitStack) -> "EvidenceClients":
        """The clients that settings describe. Raises StoreFailed."""
        made = cls(settings.mode, part.profile, resources, settings.network or AS_USUAL)
        if part.role_arn:
            made.assume(part.role_arn, part.signing_key.split(":")[3])
        return made

    def assume(self, role: str, region: str) -> None:
        """Go on as a role. Raises StoreFailed."""
        with _plainly():
            sts = self._clients.client(self._session, "evidence", "sts", region)
            given = sts.assume_role(RoleArn=role, RoleSessionName="runbook-evidence")["Credentials"]
            self._session = self._clients.session(self._profile)
            self._session.set_credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])

    def endpoints(self) -> dict[str, dict[str, list[str]]]:
        """What is called where: service → host → Regions."""
        return self._clients.endpoints()

    def kms(self, key: str) -> Any:
        """A client in a key's Region. Raises StoreFailed."""
        region, account = key.split(":")[3:5]
        return self._client("kms", account, region)

    def bucket(self, store: str, account: str, region: str) -> Bucket:
        """The bucket of a store such as s3://bucket/prefix. Raises StoreFailed."""
        return Bucket(self._client("s3", account, region), prefixes(store)[0], account)

    def _client(self, service: str, account: str, region: str) -> Any:
        with _plainly():
            return self._clients.client(self._session, account, service, region)


@contextmanager
def _plainly() -> Iterator[None]:
    try:
        yield
    except (ClientError, AccessRefused, *UNUSABLE) as error:
        raise StoreFailed(f"evidence cannot be reached as settings say: {error}") from None
