"""moto behind our own operations: the services it does well (iam, ec2, s3, kms, events, sns, …). The only module that imports it.

Two patches, both undone by `close`: moto looks an access key's account up among all accounts on every call, and lists its package
directory on every request. The first also tells moto which simulated account calls.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any

from runbook_lib.rehearsal.identity import Credentials
from runbook_lib.rehearsal.operations.event_buses import Buses, RuleOnBus
from runbook_lib.rehearsal.permissions import service_may
from runbook_lib.rehearsal.policies.wildcards import PolicyError
from runbook_lib.rehearsal.world import World

os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # thousands of demo images otherwise; read when moto is imported

from moto import backends
from moto.core.base_backend import BackendDict
from moto.events.models import events_backends
from moto.iam import models as iam_models
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends


class Backstop:
    """moto's WSGI application. Its state is the process's: one at a time, reset when a new one is made."""

    def __init__(self, world: Callable[[], World]) -> None:
        self._world = world
        self._before = (iam_models.get_account_id_from, backends.list_of_moto_modules)
        modules = frozenset(backends.list_of_moto_modules())
        iam_models.get_account_id_from = self._account
        backends.list_of_moto_modules = lambda: modules
        self._application = DomainDispatcherApplication(create_backend_app)
        self.reset()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        self._world().of(Buses).courier = COURIER
        answer: Iterable[bytes] = self._application(environ, start_response)
        return answer

    def reset(self) -> None:
        """Forget everything that moto holds."""
        for created in list(BackendDict._instances):  # type: ignore[misc]  # noqa: SLF001 moto has no public reset
            created.reset()

    def close(self) -> None:
        """Leave moto as it was found."""
        iam_models.get_account_id_from, backends.list_of_moto_modules = self._before

    def _account(self, access_key: str) -> str:
        """The account of one of our keys."""
        known = self._world().of(Credentials).by_key.get(access_key)
        return known.account if known else self._world().organization.management


EVENTS = "events.amazonaws.com"
AWS_KEY = "alias/aws/sns"
"""The key that AWS manages for SNS: its policy does not let EventBridge use it, so nothing ever arrives [docs]."""


def refusal_of(kind: str, policy: Any, action: str, resource: str, rule: str) -> str:
    """Why a topic's or queue's policy does not let EventBridge deliver for a rule; "" when it does."""
    try:
        if policy and service_may(policy, EVENTS, action, resource, rule):
            return ""
    except PolicyError as error:
        return f"the {kind}'s policy cannot be judged: {error}"
    return f"the {kind}'s policy does not let EventBridge {'publish' if kind == 'topic' else 'send'}"


class MotoCourier:
    """moto's rules, topics and queues, with the policies that AWS asks before it delivers."""

    def rules(self, account: str, region: str) -> list[RuleOnBus]:
        """The enabled rules of an account's default bus that have a pattern."""
        bus = events_backends[account][region].event_buses["default"]
        return [
            RuleOnBus(rule.arn, rule.event_pattern.get_pattern(), tuple(target["Arn"] for target in rule.targets))
            for rule in bus.rules.values()
            if rule.state == "ENABLED" and rule.event_pattern.get_pattern()
        ]

    def deliver(self, target: str, message: str, rule: str) -> str:
        """Hand a message to a topic or queue; why not, or "" when it arrived."""
        service = target.split(":")[2]
        ways = {"sns": self._publish, "sqs": self._send}
        if service not in ways:
            return f"targets of {service} are not simulated"
        return ways[service](target, message, rule)

    def _publish(self, target: str, message: str, rule: str) -> str:
        _, _, _, region, account, _ = target.split(":", 5)
        topic = sns_backends[account][region].topics.get(target)
        if topic is None:
            return "there is no such topic"
        if topic.kms_master_key_id == AWS_KEY:
            return "the topic's key is AWS's own, which EventBridge may not use"
        if why := refusal_of("topic", topic.policy, "sns:Publish", target, rule):
            return why
        topic.publish(message)
        return ""

    def _send(self, target: str, message: str, rule: str) -> str:
        _, _, _, region, account, name = target.split(":", 5)
        queue = sqs_backends[account][region].queues.get(name)
        if queue is None:
            return "there is no such queue"
        if why := refusal_of("queue", queue.policy, "sqs:SendMessage", target, rule):
            return why
        sqs_backends[account][region].send_message(name, message)
        return ""


COURIER = MotoCourier()
