"""EventBridge's refusals: codes and texts, each with its source: [model], [seen] in public threads, [assumed]."""

from runbook_lib.rehearsal.errors import ApiError

TOO_MANY = "The requested resource exceeds the maximum number allowed."  # [seen]
HAS_TARGETS = "Rule can't be deleted since it has targets."  # [seen]
NO_TRIGGER = "Parameter(s) EventPattern or ScheduleExpression must be specified."  # [seen]
NOT_AN_ARN = "Provided Arn is not in correct format."  # [seen]


def invalid(text: str) -> ApiError:
    """A parameter that EventBridge refuses."""
    return ApiError("ValidationException", text, 400)


def parameter(name: str, reason: str) -> ApiError:
    """The same, in the form in which single parameters are refused [seen]."""
    return invalid(f"Parameter {name} is not valid. Reason: {reason}")


def bad_pattern(reason: str) -> ApiError:
    return ApiError("InvalidEventPatternException", f"Event pattern is not valid. Reason: {reason}", 400)  # [seen]


def no_rule(name: str, bus: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"Rule {name} does not exist on EventBus {bus}.", 400)  # [seen]


def no_bus(name: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"Event bus {name} does not exist.", 400)  # [seen]


def missing(text: str) -> ApiError:
    return ApiError("ResourceNotFoundException", text, 400)


def exists(text: str) -> ApiError:
    return ApiError("ResourceAlreadyExistsException", text, 400)


def too_many(text: str = TOO_MANY) -> ApiError:
    return ApiError("LimitExceededException", text, 400)


def managed(name: str, by: str) -> ApiError:
    """Rules that an AWS service made are changed by nobody else [model]; text [assumed]."""
    return ApiError("ManagedRuleException", f"Rule {name} is managed by {by} and cannot be modified.", 400)
