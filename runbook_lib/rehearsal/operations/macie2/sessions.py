"""Macie in the own account: on, suspended, off, and what it publishes and where it keeps results."""

from collections.abc import Mapping
from typing import Any

from runbook_lib.rehearsal.operations.macie2 import texts
from runbook_lib.rehearsal.operations.macie2.state import (
    PRINCIPAL,
    SERVICE_ROLE,
    USUAL_FREQUENCY,
    is_administrator,
    own_session,
    state_of,
    switch_on,
)
from runbook_lib.rehearsal.operations.storage import Writing, refusal
from runbook_lib.rehearsal.permissions import require_service_linked_role
from runbook_lib.rehearsal.registry import Call, operation
from runbook_lib.rehearsal.world import current


@operation("macie2", "EnableMacie")
def enable_macie(
    call: Call, clientToken: str | None = None, findingPublishingFrequency: str | None = None, status: str | None = None
) -> dict[str, Any]:
    """Switch Macie on; on already is a conflict [code SRA], also while it is suspended (assumed)."""
    state = state_of(call.world)
    if (found := state.sessions.get((call.account, call.region))) is not None:
        if clientToken and clientToken == found.token:
            return {}
        raise texts.conflict(texts.ENABLED_ALREADY)
    require_service_linked_role(call, PRINCIPAL, texts.denied(texts.NO_SERVICE_ROLE))
    session = switch_on(call.world, call.account, call.region)
    session.frequency, session.status = findingPublishingFrequency or USUAL_FREQUENCY, status or "ENABLED"
    session.designatable, session.token = call.world.settling("no", "yes"), clientToken
    return {}


@operation("macie2", "GetMacieSession")
def get_macie_session(call: Call) -> dict[str, Any]:
    """The own session; where Macie is off, 403 [issue azul#5779]."""
    session = own_session(call)
    session.designatable.read()  # whoever looks waits too
    return {
        "createdAt": session.created,
        "findingPublishingFrequency": session.frequency,
        "serviceRole": f"arn:{call.partition}:iam::{call.account}:role/aws-service-role/macie.amazonaws.com/{SERVICE_ROLE}",
        "status": session.status,
        "updatedAt": session.updated,
    }


@operation("macie2", "UpdateMacieSession")
def update_macie_session(call: Call, findingPublishingFrequency: str | None = None, status: str | None = None) -> dict[str, Any]:
    """Change frequency or status. A member's status is its administrator's; an administrator suspends its members first."""
    session, state = own_session(call), state_of(call.world)
    if status and status != session.status:
        if state.administered(call.account, call.region):
            raise texts.conflict(texts.PAUSE_AS_MEMBER)
        enabled = (current(each.relationship) == "Enabled" for each in state.members_of(call.region).values())
        if status == "PAUSED" and is_administrator(call) and any(enabled):
            raise texts.conflict(texts.PAUSE_AS_ADMINISTRATOR)
        session.status = status
    session.frequency, session.updated = findingPublishingFrequency or session.frequency, call.world.now()
    return {}


@operation("macie2", "DisableMacie")
def disable_macie(call: Call) -> dict[str, Any]:
    """Switch Macie off, with everything it knew; refused of a member and of an administrator that has some [code tf]."""
    own_session(call)
    state = state_of(call.world)
    if state.administered(call.account, call.region):
        raise texts.conflict(texts.DISABLE_AS_MEMBER)
    if is_administrator(call) and any(state.associated(each, call.region) for each in state.members_of(call.region)):
        raise texts.conflict(texts.DISABLE_AS_ADMINISTRATOR)
    del state.sessions[call.account, call.region]
    return {}


@operation("macie2", "GetFindingsPublicationConfiguration")
def get_findings_publication_configuration(call: Call) -> dict[str, Any]:
    """What goes to Security Hub."""
    return {"securityHubConfiguration": dict(own_session(call).publication)}


@operation("macie2", "PutFindingsPublicationConfiguration")
def put_findings_publication_configuration(
    call: Call, clientToken: str | None = None, securityHubConfiguration: Mapping[str, bool] | None = None
) -> dict[str, Any]:
    """Change it; nothing given changes nothing (assumed)."""
    own_session(call).publication.update(securityHubConfiguration or {})
    return {}


@operation("macie2", "GetClassificationExportConfiguration")
def get_classification_export_configuration(call: Call) -> dict[str, Any]:
    """Where results of discovery are kept; an empty configuration where that was never said (assumed)."""
    return {"configuration": dict(own_session(call).export)}


@operation("macie2", "PutClassificationExportConfiguration")
def put_classification_export_configuration(call: Call, configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Keep results in a bucket under a key of this Region; both must be there, in one Region, and let Macie in [docs]."""
    session, wanted = own_session(call), dict(configuration)
    if destination := wanted.get("s3Destination"):
        bucket, key = destination["bucketName"], destination["kmsKeyArn"]
        source = f"arn:{call.partition}:macie2:{call.region}:{call.account}:export-configuration:settings"
        prefix = f"{destination['keyPrefix'].strip('/')}/" if destination.get("keyPrefix") else ""
        fits = key.startswith(f"arn:{call.partition}:kms:{call.region}:")
        if not fits or refusal(call.world, Writing(PRINCIPAL, source, bucket, key, prefix)):
            raise texts.invalid(texts.DESTINATION)
    session.export = wanted
    return {"configuration": wanted}
