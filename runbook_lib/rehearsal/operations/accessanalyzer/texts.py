"""Access Analyzer's refusals as data, each with its source; what is marked assumed is settled by a live test."""

from runbook_lib.rehearsal.errors import ApiError

NOT_ENABLED = "Service not enabled for AWS Organizations"
"""[issue nozaq/terraform-aws-secure-baseline#184, #258]: trusted access is off."""
NO_ORGANIZATION = "You must create an organization"
"""[code tf]: for some minutes after the organization or its trusted access changed; also outside an organization (assumed)."""
NOT_ADMINISTRATOR = "You must be the management account or a delegated administrator to work with analyzers of the organization."
"""Assumed, the code too."""
NO_SERVICE_ROLE = "You do not have permission to create the service-linked role AWSServiceRoleForAccessAnalyzer."
"""Assumed."""
NAME_TAKEN = "An analyzer named {name} already exists."
"""ConflictException [model]; the words are assumed."""
QUOTA = "The quota of analyzers of type {type} is reached: {quota}."
"""ServiceQuotaExceededException [model]; the words are assumed."""
NOT_FOUND = "The analyzer {name} does not exist."
"""ResourceNotFoundException [model]; the words are assumed."""
NO_UPDATE = "UpdateAnalyzer is not supported for external access analyzers."
"""[model] "This action is not supported for external access analyzers"; the code and these words are assumed."""
SERVICE_LINKED = "The analyzer {name} is managed by {service}."
"""Assumed: whether one that a service manages can be changed or deleted by hand is not documented."""
BEING_CREATED = "The analyzer {name} is being created."
"""Assumed."""
FIELD = "Value at '{field}' failed to satisfy constraint: {constraint}"
"""Assumed."""


def invalid(text: str, reason: str = "FIELD_VALIDATION_FAILED") -> ApiError:
    return ApiError("ValidationException", text, reason=reason)


def bad_field(field: str, constraint: str) -> ApiError:
    return invalid(FIELD.format(field=field, constraint=constraint))


def denied(text: str) -> ApiError:
    return ApiError("AccessDeniedException", text)


def conflict(text: str, name: str) -> ApiError:
    return ApiError("ConflictException", text, resourceId=name, resourceType="ANALYZER")


def not_found(name: str) -> ApiError:
    return ApiError("ResourceNotFoundException", NOT_FOUND.format(name=name), resourceId=name, resourceType="ANALYZER")


def quota(kind: str, quota: int) -> ApiError:
    text = QUOTA.format(type=kind, quota=quota)
    return ApiError("ServiceQuotaExceededException", text, resourceId=kind, resourceType="ANALYZER")
