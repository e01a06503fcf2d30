"""config: whether a recorder runs in an account and Region; Security Hub's standards evaluate little without one."""

from dataclasses import dataclass, field
from typing import Any

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.organization import account_of
from runbook_lib.rehearsal.registry import Call, PassOn, operation


@dataclass
class RecordersState:
    """(account, Region) where somebody set a recorder up by hand: moto keeps it, and tells of it from then on.

    What standards evaluate follows the seed's recorders alone.
    """

    by_hand: set[tuple[str, str]] = field(default_factory=set)


@operation("config", "PutConfigurationRecorder")
def put_recorder(call: Call, **_: Any) -> dict[str, Any]:
    call.world.of(RecordersState).by_hand.add((call.account, call.region))
    raise PassOn


@operation("config", "DescribeConfigurationRecorders")
def describe_recorders(call: Call, ConfigurationRecorderNames: list[str] | None = None, **_: Any) -> dict[str, Any]:
    group = {"allSupported": True, "includeGlobalResourceTypes": True, "resourceTypes": []}
    role = f"arn:{call.partition}:iam::{call.account}:role/aws-service-role/config.amazonaws.com/AWSServiceRoleForConfig"
    recorder = {"arn": _arn(call), "name": "default", "roleARN": role, "recordingGroup": group, "recordingScope": "PAID"}
    return {"ConfigurationRecorders": [recorder] if _recording(call, ConfigurationRecorderNames) else []}


@operation("config", "DescribeConfigurationRecorderStatus")
def describe_recorder_status(call: Call, ConfigurationRecorderNames: list[str] | None = None, **_: Any) -> dict[str, Any]:
    status = {
        "arn": _arn(call),
        "name": "default",
        "recording": True,
        "lastStatus": "Success",
        "lastStatusChangeTime": call.world.now(),
    }
    return {"ConfigurationRecordersStatus": [status] if _recording(call, ConfigurationRecorderNames) else []}


def _recording(call: Call, names: list[str] | None) -> bool:
    if (call.account, call.region) in call.world.of(RecordersState).by_hand:
        raise PassOn
    found = account_of(call.world, call.account)
    running = found is not None and call.region in found.config_recorders
    for name in names or ():
        if name != "default" or not running:
            text = f"Cannot find configuration recorder with the specified name '{name}'."
            raise ApiError("NoSuchConfigurationRecorderException", text)
    return running


def _arn(call: Call) -> str:
    return f"arn:{call.partition}:config:{call.region}:{call.account}:configuration-recorder/default/recorder00000001"
