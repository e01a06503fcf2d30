"""What moto keeps (topics, queues, buckets, keys, functions, roles), for our own operations. With `backstop` all that knows it."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from moto.backends import get_backend

from runbook_lib.rehearsal.interpreting import interpret
from runbook_lib.rehearsal.neighbours import IamRole, Key, ListedRole, Queue, Topic
from runbook_lib.rehearsal.operations import storage
from runbook_lib.rehearsal.world import World


def _backend(service: str, account: str, region: str) -> Any:
    """The state of one service, which it imports when it is first asked for."""
    return get_backend(service)[account][region]  # type: ignore[call-overload]


def _place(arn: str) -> tuple[str, str, str]:
    """Region, account and the rest of an ARN."""
    _, _, _, region, account, rest = arn.split(":", 5)
    return region, account, rest


def _machines(account: str, region: str) -> Any:
    """State machines that are carried out, by moto's interpreter."""
    from moto.stepfunctions.responses import get_backend as interpreted  # noqa: PLC0415 it takes a second, and few ask for it

    return interpreted(account, region)


def _invoking(invoke: Callable[[str, Any], Any]) -> None:
    """Let the interpreter's tasks run our functions, where moto's own would ask for Docker."""
    from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils  # noqa: PLC0415 as above

    def invoked(parameters: Mapping[str, Any], region: str, state_credentials: Any) -> dict[str, Any]:
        payload = parameters["Payload"]
        ended = invoke(parameters["FunctionName"], json.loads(payload) if isinstance(payload, (str, bytes)) else payload)
        if not ended.error:
            return {"StatusCode": 200, "Payload": ended.payload}
        failure = {"errorType": ended.error, "errorMessage": ended.message}
        return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": failure}

    lambda_eval_utils._invoke_lambda_function = invoked  # noqa: SLF001 moto offers no other place


class MotoNeighbours:
    """The neighbours that moto keeps: the process's, whichever world asks. What they set off acts in `world`."""

    def __init__(self, world: World) -> None:
        self._world = world

    def topic(self, arn: str) -> Topic | None:
        found = self._topic(arn)
        return Topic(arn, _json(found.policy), found.kms_master_key_id or "") if found else None

    def _topic(self, arn: str) -> Any:
        region, account, _ = _place(arn)
        return _backend("sns", account, region).topics.get(arn)

    def publish(self, arn: str, message: str) -> None:
        self._topic(arn).publish(message)

    def subscriptions(self, topic: str) -> list[dict[str, str]]:
        region, account, _ = _place(topic)
        return [each for each in self.all_subscriptions(account, region) if each["TopicArn"] == topic]

    def all_subscriptions(self, account: str, region: str) -> list[dict[str, str]]:
        return [
            {
                "SubscriptionArn": each.arn,
                "Owner": account,
                "Protocol": each.protocol,
                "Endpoint": each.endpoint or "",
                "TopicArn": each.topic_arn,
            }
            for each in _backend("sns", account, region).subscriptions.values()
        ]

    def subscribe(self, topic: str, protocol: str, endpoint: str) -> str:
        region, account, _ = _place(topic)
        return str(_backend("sns", account, region).subscribe(topic, endpoint, protocol).arn)

    def queue(self, arn: str) -> Queue | None:
        region, account, name = _place(arn)
        found = _backend("sqs", account, region).queues.get(name)
        if found is None:
            return None
        deduplicates = str(found.attributes.get("ContentBasedDeduplication", "")).lower() == "true"
        return Queue(arn, _json(found.policy), getattr(found, "kms_master_key_id", "") or "", found.fifo_queue, deduplicates)

    def send(self, arn: str, message: str, attributes: Mapping[str, str], group: str = "") -> None:
        region, account, name = _place(arn)
        typed = {key: {"DataType": "String", "StringValue": value} for key, value in attributes.items()}
        _backend("sqs", account, region).send_message(name, message, typed, group_id=group or None)

    def key(self, account: str, region: str, named: str) -> Key | None:
        if named.startswith("arn:"):
            region, account, named = _place(named)
        backend = _backend("kms", account, region)
        wanted = named.removeprefix("key/")
        for key in backend.keys.values():
            aliases = {each if isinstance(each, str) else each.name for each in key.aliases}
            if key.id == wanted or named in aliases:
                return Key(key.arn, _json(key.policy), key.key_state)
        return None

    def function_policy(self, arn: str) -> str | None:
        region, account, rest = _place(arn)
        try:
            found = _backend("lambda", account, region).get_function(rest.split(":")[1])
        except Exception as error:
            if type(error).__name__ == "UnknownFunctionException":  # its module would be imported for its name alone
                return None
            raise
        statements = found.policy.statements if found.policy else []
        return json.dumps({"Version": "2012-10-17", "Statement": statements}) if statements else ""

    def state_machine(self, arn: str) -> bool:
        region, account, _ = _place(arn)
        return any(each.arn == arn for each in _machines(account, region).state_machines)

    def make_state_machine(self, arn: str, definition: str, role: str, invoke: Callable[[str, Any], Any]) -> None:
        region, account, rest = _place(arn)
        backend = _machines(account, region)
        _invoking(invoke)
        if self.state_machine(arn):
            backend.update_state_machine(arn, definition=definition, role_arn=role)
        else:
            backend.create_state_machine(name=rest.partition(":")[2], definition=definition, roleArn=role)

    def stored(self, account: str, bucket: str, key: str, version: str) -> bytes | None:
        for partition in list(get_backend("s3")[account].values()):
            if bucket in partition.buckets:
                found = partition.get_object(bucket, key, version_id=version or None)
                return bytes(found.value) if found is not None else None
        return None

    def start_execution(self, arn: str, name: str, given: str) -> None:
        region, account, _ = _place(arn)
        backend = _machines(account, region)
        interpret(self._world, lambda role: next((each.arn for each in backend.state_machines if each.roleArn == role), ""))
        backend.start_execution(arn, name, given)

    def role(self, account: str, name: str) -> IamRole | None:
        for partition in list(get_backend("iam")[account].values()):
            found = next((each for each in partition.roles.values() if each.name == name), None)
            if found is not None:
                attached = [_in_force(each) for each in found.managed_policies.values()]
                boundary = partition.managed_policies.get(found.permissions_boundary_arn or "")
                policies = tuple(_json(each) for each in (*found.policies.values(), *attached))
                return IamRole(name, _json(found.assume_role_policy_document), policies, _json(boundary and _in_force(boundary)))
        return None

    def roles(self, account: str) -> tuple[ListedRole, ...]:
        return tuple(
            ListedRole(
                role.name,
                role.path or "/",
                role.id,
                _json(role.assume_role_policy_document),
                role.create_date.timestamp(),
                int(role.max_session_duration or 3600),
            )
            for partition in list(get_backend("iam")[account].values())
            for role in partition.roles.values()
        )


def _in_force(policy: Any) -> str:
    """The document of a managed policy's default version."""
    return next((str(each.document) for each in policy.versions if each.version_id == policy.default_version_id), "")


def _json(document: Any) -> str:
    if not document:
        return ""
    return document if isinstance(document, str) else json.dumps(document)


class MotoStore:
    """moto's buckets and keys, as the services that write into them see them."""

    def bucket(self, name: str) -> storage.Bucket | None:
        """The bucket of a name, whoever owns it."""
        accounts: Mapping[str, tuple[str, str]] = vars(get_backend("s3"))["bucket_accounts"]
        if name not in accounts:
            return None
        partition, account = accounts[name]
        found = get_backend("s3")[account][partition].buckets[name]
        return storage.Bucket(name, account, found.region_name, (found.policy or b"").decode())

    def key(self, arn: str) -> storage.Key | None:
        """The key of an ARN."""
        region, account, name = _place(arn)
        found = _backend("kms", account, region).keys.get(name.removeprefix("key/"))
        if found is None:
            return None
        return storage.Key(arn, _json(found.policy), found.key_state == "Enabled" and found.key_spec == "SYMMETRIC_DEFAULT")

    def put(self, bucket: storage.Bucket, key: storage.Key) -> None:
        """Have a bucket and a key, where they are not there already."""
        if self.bucket(bucket.name) is None:
            made = get_backend("s3")[bucket.account][key.arn.split(":")[1]].create_bucket(bucket.name, bucket.region)
            made.policy = bucket.policy.encode()
        if self.key(key.arn) is None:
            there = _backend("kms", key.account, key.region)
            new = there.create_key(key.policy, "ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT", "", None)
            del there.keys[new.id]
            new.id, new.arn = key.arn.rpartition("/")[2], key.arn
            there.keys[new.id] = new
