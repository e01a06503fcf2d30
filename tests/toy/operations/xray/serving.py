"""Traces are encrypted by AWS's key until another one is named; a change takes some polls."""

from dataclasses import dataclass, field
from typing import Any

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.registry import Call, operation

LACKING = ("us-east-2",)


@dataclass
class XRayState:
    keys: dict[tuple[str, str], str] = field(default_factory=dict)
    polls: dict[tuple[str, str], int] = field(default_factory=dict)


@operation("xray", "GetEncryptionConfig")
def get_encryption_config(call: Call) -> dict[str, Any]:
    state, here = call.world.of(XRayState), (call.account, call.region)
    left = state.polls.get(here, 0)
    state.polls[here] = max(left - 1, 0)
    return {"EncryptionConfig": config(state.keys.get(here, ""), "UPDATING" if left else "ACTIVE")}


@operation("xray", "PutEncryptionConfig")
def put_encryption_config(call: Call, Type: str, KeyId: str = "") -> dict[str, Any]:  # noqa: N803 - AWS's names
    if call.region in LACKING:
        raise ApiError("InvalidRequestException", "KMS keys are not supported in this Region")
    state, here = call.world.of(XRayState), (call.account, call.region)
    state.keys[here], state.polls[here] = KeyId if Type == "KMS" else "", 2
    return {"EncryptionConfig": config(state.keys[here], "UPDATING")}


def config(key: str, status: str) -> dict[str, str]:
    return {"Status": status, "Type": "KMS", "KeyId": key} if key else {"Status": status, "Type": "NONE"}
