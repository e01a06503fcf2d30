"""What a function of the stack has around it: a few addresses in its environment, and clients of its own account."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import quote, urlsplit

from botocore.config import Config
from botocore.session import Session

from runbook_lib.aws.models import shared_loader

BUCKET, MODE, MACHINE, PARAMETERS = "RUNBOOK_BUCKET", "RUNBOOK_MODE", "RUNBOOK_MACHINE", "RUNBOOK_PARAMETERS"
REGION = "AWS_REGION"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_QUICK = Config(connect_timeout=5, read_timeout=20, retries={"mode": "standard", "total_max_attempts": 5})


class Astray(Exception):
    """A client would call something else than the mode of the stack allows."""


@dataclass(eq=False)
class Surroundings:
    """The environment of a function, and the clients that it leads to."""

    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ), repr=False)

    @property
    def region(self) -> str:
        return self.environment[REGION]

    @property
    def bucket(self) -> str:
        """The bucket with bundle, orders and runs."""
        return self.environment[BUCKET]

    @property
    def machine(self) -> str:
        """ARN of the state machine."""
        return self.environment[MACHINE]

    @property
    def stack(self) -> str:
        """The stack's name: its state machine has the same."""
        return self.machine.rpartition(":")[2]

    @property
    def parameters(self) -> str:
        """Prefix of the parameters in which addresses for answers are parked."""
        return self.environment[PARAMETERS]

    def object_address(self, bucket: str, key: str, version: str) -> str:
        """Where CloudFormation finds an object of this Region: by S3's own name, whatever endpoint clients are given."""
        partition = self._session.get_partition_for_region(self.region)
        known = self._session.get_data("partitions")["partitions"]
        suffix = next(each["outputs"]["dnsSuffix"] for each in known if each["id"] == partition)
        return f"https://{bucket}.s3.{self.region}.{suffix}/{quote(key)}?versionId={quote(version)}"

    @cached_property
    def _clients(self) -> dict[str, Any]:
        return {}

    @cached_property
    def _session(self) -> Session:
        made = Session()
        made.register_component("data_loader", shared_loader())
        return made

    def client(self, service: str) -> Any:
        """A client in the function's own account and Region. Raises Astray where it would lead elsewhere than the mode allows."""
        if service not in self._clients:
            live = self.environment[MODE] == "live"
            config = _QUICK.merge(Config(ignore_configured_endpoint_urls=True)) if live else _QUICK  # type: ignore[call-arg] # the stubs lack it
            made = self._session.create_client(service, region_name=self.region, config=config)
            host = urlsplit(made.meta.endpoint_url).hostname
            if not live and host not in _LOOPBACK:
                raise Astray(f"mode is rehearsal, and {service} would be called at {host}; nothing was sent")
            self._clients[service] = made
        return self._clients[service]
