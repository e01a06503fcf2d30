"""What has to be granted on keys and buckets themselves: statements for the policies of whoever owns them. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from runbook_lib.services.enabling import Enabling
from runbook_lib.services.granting import allow
from runbook_lib.services.implementations import SERVICES
from runbook_lib.services.permissions import EVIDENCE, Names, statements
from runbook_lib.settings import Settings

Grants = Mapping[str, list[dict[str, Any]]]
"""ARN of a key or bucket → statements that its policy needs besides what it has."""


def grants(settings: Settings) -> Grants:
    """For the key and the store of evidence, and for what services write to."""
    found: dict[str, list[dict[str, Any]]] = {}
    for arn, statement in (*_evidence(settings), *_services(settings)):
        if statement not in found.setdefault(arn, []):
            found[arn].append(statement)
    return found


def _services(settings: Settings) -> Iterator[tuple[str, dict[str, Any]]]:
    for service in SERVICES:
        if isinstance(service, Enabling) and service.name in settings.sections():
            yield from service.grants(settings)


def _evidence(settings: Settings) -> Iterator[tuple[str, dict[str, Any]]]:
    """The evidence role's own permissions once more, where key and bucket are of another account; and TLS alone."""
    evidence = settings.evidence
    if evidence is None:
        return
    names = Names.of(settings)
    account = evidence.signing_key.split(":")[4]
    role = evidence.role_arn or f"arn:{names.partition}:iam::{account}:role/{EVIDENCE[0]}"
    buckets = set[str]()
    for each in statements(names):
        if each.roles != EVIDENCE:
            continue
        arn = evidence.signing_key if each.sid == "Sign" else each.resources[0].partition("/")[0]
        buckets |= {arn} - {evidence.signing_key}
        resources = ["*"] if arn == evidence.signing_key else list(each.resources)
        yield arn, allow(each.sid, {"AWS": role}, list(each.actions), resources)
    for arn in sorted(buckets):
        yield (
            arn,
            {
                "Sid": "TlsAlone",
                "Effect": "Deny",
                "Principal": {"AWS": "*"},
                "Action": ["s3:*"],
                "Resource": [arn, f"{arn}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            },
        )


def as_json(found: Grants) -> str:
    """Each key and bucket with the statements as IAM takes them."""
    return json.dumps({arn: {"Version": "2012-10-17", "Statement": each} for arn, each in found.items()}, indent=2) + "\n"
