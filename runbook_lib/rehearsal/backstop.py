"""moto behind our own operations: the services it does well (iam, ec2, s3, kms, sns, …). Only it and `moto_neighbours` import moto.

State machines are carried out by moto's interpreter. Three patches, all undone by `close`: moto looks an access key's account up
among all accounts on every call, and lists its package directory on every request; the first also tells moto which simulated
account calls. And its topics deliver whatever policies say.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any

from runbook_lib.rehearsal.identity import Credentials
from runbook_lib.rehearsal.neighbours import Around
from runbook_lib.rehearsal.operations.sns import handed_over
from runbook_lib.rehearsal.operations.storage import Storage
from runbook_lib.rehearsal.world import World

os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # thousands of demo images otherwise; read when moto is imported

from moto import backends
from moto.core.base_backend import BackendDict
from moto.core.config import default_user_config
from moto.iam import models as iam_models
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.sns.models import Subscription

from runbook_lib.rehearsal.moto_neighbours import MotoNeighbours, MotoStore


class Backstop:
    """moto's WSGI application. Its state is the process's: one at a time, reset when a new one is made."""

    def __init__(self, world: Callable[[], World]) -> None:
        self._world = world
        self._before = (iam_models.get_account_id_from, backends.list_of_moto_modules)
        self._machines = dict(default_user_config["stepfunctions"])
        default_user_config["stepfunctions"]["execute_state_machine"] = True
        modules = frozenset(backends.list_of_moto_modules())
        iam_models.get_account_id_from = self._account
        backends.list_of_moto_modules = lambda: modules
        self._publish = Subscription.publish
        # moto would deliver whatever the queue's policy says, and call out to addresses that are not of this machine.
        Subscription.publish = self._let_through(Subscription.publish)  # type: ignore[method-assign]
        self._application = DomainDispatcherApplication(create_backend_app)
        self.reset()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        answer: Iterable[bytes] = self._application(environ, start_response)
        return answer

    def serve(self, world: World) -> None:
        """Let a world's own operations see what moto keeps."""
        world.of(Around).neighbours = MotoNeighbours(world)
        world.of(Storage).move(MotoStore())

    def reset(self) -> None:
        """Forget everything that moto holds."""
        for created in list(BackendDict._instances):  # type: ignore[misc]  # noqa: SLF001 moto has no public reset
            created.reset()

    def close(self) -> None:
        """Leave moto as it was found."""
        iam_models.get_account_id_from, backends.list_of_moto_modules = self._before
        Subscription.publish = self._publish  # type: ignore[method-assign]
        default_user_config["stepfunctions"].update(self._machines)  # type: ignore[typeddict-item] # what it was

    def _let_through(self, publish: Callable[..., None]) -> Callable[..., None]:
        """The same delivery to a subscription, for what is to be delivered."""

        def checked(subscription: Subscription, message: str, *given: Any, **named: Any) -> None:
            wanted, attributes = subscription._filter_policy_matcher, named.get("message_attributes")  # noqa: SLF001 moto has no other name for it
            if wanted is not None and not wanted.matches(attributes, message):
                return
            if handed_over(self._world(), subscription.topic_arn, subscription.protocol, subscription.endpoint, message):
                publish(subscription, message, *given, **named)

        return checked

    def _account(self, access_key: str) -> str:
        """The account of one of our keys."""
        known = self._world().of(Credentials).by_key.get(access_key)
        return known.account if known else self._world().organization.management
