"""A small simulated organization in process, and clients that reach nothing else."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.config import Config
from small_organization import MANAGEMENT
from small_world import Caller, small_world

from runbook_lib.rehearsal.app import build_app
from runbook_lib.rehearsal.front import Front
from runbook_lib.rehearsal.identity import Credential, session_credential
from runbook_lib.rehearsal.inproc import session_for
from runbook_lib.rehearsal.internal import load_operations
from runbook_lib.rehearsal.world import World

Client = Callable[..., Any]
load_operations()
"""So that no test depends on another having made a world before it looks at what is simulated."""


@pytest.fixture
def front() -> Front:
    return build_app("seven", moto=False)


@pytest.fixture
def client(front: Front) -> Client:
    """`client(service, account)`: one attempt only, so that each test sees each answer."""

    def make(service: str, account: str = MANAGEMENT, region: str = "us-east-1", *, credential: Credential | None = None) -> Any:
        session = session_for(front, account, region, credential)
        return session.client(service, region_name=region, config=Config(retries={"total_max_attempts": 1}))

    return make


@pytest.fixture
def role_session(front: Front) -> Callable[[str, str], Credential]:
    """`role_session(account, role)`: a session of a role, without asking sts."""

    def make(account: str, name: str) -> Credential:
        role = front.world.organization.accounts[account].roles[name]
        return session_credential(front.world, account, role, "test", 3600)

    return make


@pytest.fixture
def world() -> World:
    """Without sockets and without the front; a test module whose service has to start elsewhere has its own."""
    return small_world()


@pytest.fixture
def call(world: World, request: pytest.FixtureRequest) -> Caller:
    """Calls into the service that the test module names in SERVICE."""
    return Caller(world, request.module.SERVICE)
