"""A refusal in whichever protocol a caller speaks, told from its request alone: also for services that nobody simulates.

Moto's answers need none of this. The protocols are AWS's (Smithy: awsJson, restJson, restXml, awsQuery, ec2Query, rpcV2Cbor).
"""

import json
from typing import Any

from runbook_lib.rehearsal import query
from runbook_lib.rehearsal.errors import ApiError

CBOR = "rpc-v2-cbor"
XML = ("s3", "s3control", "route53", "cloudfront")
"""REST services whose answers are XML."""


def speaks(service: str, environ: dict[str, Any]) -> str:
    """What a request speaks: "cbor", "xml" or "json"."""
    if environ.get("HTTP_SMITHY_PROTOCOL") == CBOR:
        return "cbor"
    form = str(environ.get("CONTENT_TYPE", "")).startswith("application/x-www-form-urlencoded")
    asked = form or "Action=" in str(environ.get("QUERY_STRING", ""))
    return "xml" if (asked and not environ.get("HTTP_X_AMZ_TARGET")) or service in XML else "json"


def failure(service: str, environ: dict[str, Any], error: ApiError, request_id: str) -> tuple[int, str, bytes]:
    """Status, content type and body of an error."""
    spoken, status = speaks(service, environ), error.status or 400
    if spoken == "xml":
        status, body = query.failure(service, error, request_id)
        return status, "text/xml", body
    if spoken == "cbor":
        return status, "application/cbor", b"\xa2" + b"".join(map(_text, ("__type", error.code, "message", error.message)))
    return status, "application/json", json.dumps({"__type": error.code, "message": error.message}).encode()


def _text(text: str) -> bytes:
    """A text of up to 65,535 bytes in CBOR (RFC 8949, major type 3)."""
    data = text.encode()[:65_535]
    head = bytes([0x60 + len(data)]) if len(data) < 24 else b"\x79" + len(data).to_bytes(2, "big")
    return head + data
