"""IAM Access Analyzer by name and number, as the simulation has it."""

from runbook_lib.rehearsal.errors import ApiError
from runbook_lib.rehearsal.simulated import SimulatedService

ABOUT = SimulatedService(
    name="accessanalyzer",
    signing_name="access-analyzer",  # [model] signingName
    order=50,
    invalid=("ValidationException", "{problem}"),  # [model]
    invalid_members={"reason": "FIELD_VALIDATION_FAILED"},  # [issue]: as it came over the wire, not as the model's enum writes it
    throttle=lambda: ApiError("ThrottlingException", "Rate exceeded", 429, retryAfterSeconds=1),  # [model]
    failure="InternalServerException",
    concurrent="ConflictException",  # never said: it changes nothing in Organizations
    rates={"*": (5, 10)},  # nothing is published: [assumed]
    principal="access-analyzer.amazonaws.com",
    roles={"access-analyzer.amazonaws.com": "AWSServiceRoleForAccessAnalyzer"},
    resources={  # [docs: service authorization reference]
        "CreateAnalyzer": "arn:{partition}:access-analyzer:{region}:{account}:analyzer/{analyzerName}",
        "GetAnalyzer": "arn:{partition}:access-analyzer:{region}:{account}:analyzer/{analyzerName}",
        "UpdateAnalyzer": "arn:{partition}:access-analyzer:{region}:{account}:analyzer/{analyzerName}",
        "DeleteAnalyzer": "arn:{partition}:access-analyzer:{region}:{account}:analyzer/{analyzerName}",
        "ListAnalyzers": "*",
    },
    drawn=("CreateAnalyzer", "UpdateAnalyzer", "ListAnalyzers", "GetAnalyzer", "*"),
    drawn_unasked=False,
)
